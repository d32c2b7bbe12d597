"""Percentiles of the measured features over bona fide training speech, for `model/reference.json`.

The features are measured by the product itself, so that reference and recording are measured alike:

    bonafide detect --json FILES... > features.json
    python -m training.reference features.json

The input is a JSON array, or one JSON object per line; every number somewhere below an object's `features` counts.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import numpy as np

PERCENTILES = (1, 5, 25, 50, 75, 95, 99)


def read(text: str) -> list[dict]:
    """The objects of a JSON array, of one object, or of JSON lines."""
    try:
        content = json.loads(text)
    except json.JSONDecodeError:
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    return content if isinstance(content, list) else [content]


def leaves(value: object, name: str = "") -> Iterator[tuple[str, float]]:
    """Every finite number in nested objects, with its dotted name; nulls, texts, lists and truth values are skipped."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{name}.{key}" if name else key)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and np.isfinite(value):
        yield name, float(value)


def reference(results: list[dict]) -> dict:
    """Percentiles per feature, and how many recordings had features at all."""
    values = defaultdict(list)
    measured = [result["features"] for result in results if result.get("features")]
    for features in measured:
        for name, value in leaves(features):
            values[name].append(value)
    return {
        "features": {
            name: {f"p{p}": round(float(np.percentile(numbers, p)), 6) for p in PERCENTILES}
            for name, numbers in sorted(values.items())
        },
        "clips": len(measured),
    }


def main() -> None:
    """Write model/reference.json from the JSON output of `bonafide detect`."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("results", nargs="+", type=Path)
    parser.add_argument(
        "--output", type=Path, default=Path(__file__).resolve().parent.parent / "model" / "reference.json"
    )
    arguments = parser.parse_args()
    content = reference([result for path in arguments.results for result in read(path.read_text())])
    if not content["features"]:
        raise SystemExit("no features in the input")
    arguments.output.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
