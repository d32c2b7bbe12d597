"""Shortcut probes: what the shipped model, and trivial numbers, make of dev without the traces of synthesis.

A probe near 50 % EER says that its cue does not separate the classes; far below it, that the corpus or the model leans
on the cue.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
from tqdm import tqdm

from training import data, evaluate, metrics, pipeline


def silence(samples: np.ndarray) -> np.ndarray | None:
    """Only the inactive frames, joined; None where there are fewer than 0.3 s of them."""
    active = pipeline.active_frames(samples)
    frames = samples[: len(active) * pipeline.FRAME].reshape(-1, pipeline.FRAME)[~active]
    return frames.ravel() if len(frames) >= 15 else None


def shuffled(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """White noise with the long-term spectrum and the loudness contour of the recording: no voice is left."""
    spectrum = np.abs(np.fft.rfft(samples))
    smooth = np.convolve(spectrum, np.ones(401) / 401, "same")
    noise = np.fft.irfft(smooth * np.exp(2j * np.pi * random.random(len(smooth))), len(samples))
    frames = len(samples) // pipeline.FRAME
    level = np.sqrt(np.mean(samples[: frames * pipeline.FRAME].reshape(frames, -1) ** 2, 1) + 1e-10)
    contour = np.interp(np.arange(len(samples)), np.arange(frames) * pipeline.FRAME + pipeline.FRAME / 2, level)
    return (noise / (np.abs(noise).max() + 1e-9) * contour).astype(np.float32)


def main() -> None:
    """Print the EER of each probe on dev."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--corpus", type=Path, default=data.CORPUS)
    parser.add_argument("--model", type=Path, default=pipeline.MODEL / "detector.onnx")
    arguments = parser.parse_args()
    scorer = evaluate.onnx_scorer(arguments.model)
    random = np.random.default_rng(0)
    scores: dict[str, list[tuple[float, bool]]] = {}
    for clip in tqdm(data.load("dev"), desc="probe", mininterval=5):
        samples = data.decode(arguments.corpus / clip.file)
        window = lambda signal: pipeline.cyclic(signal.astype(np.float32), pipeline.WINDOW)  # noqa: E731
        values = {
            "duration": len(samples),
            "loudness (RMS)": float(np.sqrt(np.mean(samples**2))),
            "share of active frames": float(pipeline.active_frames(samples).mean()),
            "model on spectrum-and-contour noise": scorer(window(shuffled(samples, random))),
        }
        if (pause := silence(samples)) is not None:
            values["model on silence only"] = scorer(window(pause))
            values["level of silence"] = float(np.log10(np.mean(pause**2) + 1e-12))
        for name, value in values.items():
            scores.setdefault(name, []).append((value, clip.spoof))
    result = {}
    for name, pairs in scores.items():
        values, labels = np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs])
        rate = metrics.equal_error_rate(values, labels)
        # A cue that points the other way is as much of a shortcut.
        result[name] = {"clips": len(pairs), "eer": round(min(rate, 1 - rate), 4)}
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
