"""Score a split with a trained run or with the exported model, and report honest figures.

Every recording is scored as the product does it (`pipeline`): trimmed, in windows, mean logit.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training import data, metrics, pipeline

Scorer = Callable[[np.ndarray], float]


def onnx_scorer(model: Path) -> Scorer:
    """Logit of one window by an exported graph."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(model), options, providers=["CPUExecutionProvider"])
    return lambda window: float(np.ravel(session.run(None, {"waveform": window[None]})[0])[0])


def score(clips: list[data.Clip], corpus: Path, scorer: Scorer) -> np.ndarray:
    """Mean window logit of each clip, from its file."""
    return np.array(
        [
            np.mean([scorer(window) for _, window in pipeline.windows(data.decode(corpus / clip.file))])
            for clip in tqdm(clips, desc="score", mininterval=5)
        ]
    )


def summary(scores: np.ndarray, clips: list[data.Clip], threshold: float) -> dict:
    """EER with its 95 % interval, AUC, and the error rates at a threshold on the scores."""
    labels = np.array([clip.spoof for clip in clips])
    low, high = metrics.bootstrap_interval(scores, labels)
    return {
        "clips": {"bona_fide": int((~labels).sum()), "spoof": int(labels.sum())},
        "eer": round(metrics.equal_error_rate(scores, labels), 4),
        "eer_interval_95": [round(low, 4), round(high, 4)],
        "auc": round(metrics.area_under_curve(scores, labels), 4),
        "false_alarm_rate": round(float((scores[~labels] >= threshold).mean()), 4),
        "miss_rate": round(float((scores[labels] < threshold).mean()), 4),
    }


def groups(scores: np.ndarray, clips: list[data.Clip], threshold: float) -> dict[str, list[dict]]:
    """Per group of either class: clips, mean score, and the error rate at the threshold."""
    tables: dict[str, list[dict]] = {}
    for title, spoof, attribute in (
        ("bona fide by collection", False, "collection"),
        ("bona fide by language", False, "language"),
        ("bona fide by history", False, "history"),
        ("spoof by system", True, "system"),
        ("spoof by source", True, "source"),
        ("spoof by history", True, "history"),
    ):
        rows = []
        for name in sorted({getattr(clip, attribute) for clip in clips if clip.spoof == spoof}):
            here = np.array([clip.spoof == spoof and getattr(clip, attribute) == name for clip in clips])
            wrong = scores[here] < threshold if spoof else scores[here] >= threshold
            rows.append(
                {"group": name, "clips": int(here.sum()), "error_rate": round(float(wrong.mean()), 4),
                 "mean_score": round(float(scores[here].mean()), 3)}
            )  # fmt: skip
        tables[title] = sorted(rows, key=lambda row: -row["error_rate"])
    return tables


def print_tables(tables: dict[str, list[dict]]) -> None:
    """The group tables as Markdown."""
    for title, rows in tables.items():
        print(f"\n{title}\n\n| group | clips | error rate | mean score |\n|---|---|---|---|")
        for row in rows:
            print(f"| {row['group']} | {row['clips']} | {row['error_rate']:.1%} | {row['mean_score']:.2f} |")


def main() -> None:
    """Evaluate an exported graph on dev, or on the fold that its run left out."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--corpus", type=Path, default=data.CORPUS)
    parser.add_argument("--model", type=Path, default=pipeline.MODEL / "detector.onnx")
    parser.add_argument("--fold", type=int, help="evaluate on this fold of the training split instead of on dev")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--threshold", type=float, default=0.0, help="on the mean logit, for the error rates")
    parser.add_argument("--output", type=Path, help="write scores and figures there, as JSON")
    arguments = parser.parse_args()
    split = "dev" if arguments.fold is None else "train"
    clips = data.load(split)
    if arguments.fold is not None:
        fold_of = data.folds(clips, arguments.folds)
        clips = [c for c, fold in zip(clips, fold_of, strict=True) if fold == arguments.fold]
    scores = score(clips, arguments.corpus, onnx_scorer(arguments.model))
    figures = summary(scores, clips, arguments.threshold)
    print(json.dumps(figures, indent=1))
    print_tables(tables := groups(scores, clips, arguments.threshold))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        rows = [{"file": c.file, "spoof": c.spoof, "logit": float(s)} for c, s in zip(clips, scores, strict=True)]
        arguments.output.write_text(json.dumps({"figures": figures, "groups": tables, "scores": rows}, indent=1))


if __name__ == "__main__":
    main()
