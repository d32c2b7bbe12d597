"""From the corpus to `model/`, one step after the other. Every step that is finished already is left as it is."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from training import data


def run(module: str, *arguments: str) -> None:
    """Run one step as its own process, as a person would."""
    print(f"\n== {module} {' '.join(arguments)}", flush=True)
    subprocess.run([sys.executable, "-m", f"training.{module}", *arguments], check=True, cwd=data.REPOSITORY)


def main() -> None:
    """Decode, make twins and coded versions, train, export, evaluate."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--corpus", type=Path, default=data.CORPUS)
    parser.add_argument("--fargan", type=Path, help="path of libopus's fargan_demo; without it there are no such twins")
    arguments = parser.parse_args()
    corpus = ("--corpus", str(arguments.corpus.resolve()))
    run("data", *corpus)
    run("twins", *(("--fargan", str(arguments.fargan.resolve())) if arguments.fargan else ()))
    run("codecs")
    run("classic")
    # What the network does on sources and systems it never heard, while nothing is tuned on dev.
    run("train", "--run", "fold4", "--hold-out", "4", "--steps", "1000", "--twin-share", "0")
    held_out = data.RUNS / "fold4" / "detector.onnx"
    run("export", "--run", "fold4", "--graph-only", str(held_out))
    run("evaluate", "--model", str(held_out), "--fold", "4", "--output", str(held_out.with_suffix(".json")), *corpus)
    run("train", "--run", "final", "--start-from", "fold4")
    run("export", "--run", "final", "--average-with", "fold4", *corpus)
    run("probe", *corpus)


if __name__ == "__main__":
    main()
