"""Score a recording exactly as the product does: speech activity, trimming, windows, mean logit, calibration.

This file is the reference for the Rust detector, which implements the same rules; a parity test holds both to the same
score within 1e-3. It therefore needs numpy and onnxruntime only (and soundfile to read files), never PyTorch.

The rules
1. Activity: non-overlapping frames of 320 samples, an incomplete last frame is dropped;
   `level_db = 10 * log10(mean(x^2) + 1e-10)`; `p95` is the 95th percentile of the levels with linear interpolation;
   a frame is active where `level_db > max(-60, p95 - 40)`.
2. Trim to 1600 samples before the first active frame and 1600 after the last one, within the recording.
   Without an active frame there is no speech and no score.
3. Windows of 64000 samples: a shorter signal is repeated cyclically into one window; a longer one is cut at 0, 32000,
   64000, ... while a whole window fits, and a last window is aligned to the end if the grid does not end there.
4. Windows of which fewer than a quarter of the frames are active are skipped, unless that would skip all of them.
5. The logit of the recording is the mean over its windows; `llr = scale * logit + offset` and
   `probability = sigmoid(llr)`, with scale and offset from `model/manifest.json`.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

SAMPLE_RATE = 16_000
WINDOW = 64_000
HOP = 32_000
FRAME = 320
MARGIN = 1_600
FLOOR_DB = -60.0
RANGE_DB = 40.0
MIN_ACTIVE = 0.25

MODEL = Path(__file__).resolve().parent.parent / "model"


@dataclass(frozen=True)
class Speech:
    """A trimmed recording: its samples, and for each of their samples' frames whether it is active."""

    samples: np.ndarray
    first_sample: int
    active: np.ndarray
    """Activity of the frames of the untrimmed recording; frame `i` covers samples `[320 i, 320 i + 320)` of it."""


def active_frames(samples: np.ndarray) -> np.ndarray:
    """Activity of each whole frame of 320 samples, as booleans."""
    count = len(samples) // FRAME
    if count == 0:
        return np.zeros(0, bool)
    frames = samples[: count * FRAME].astype(np.float64).reshape(count, FRAME)
    level = 10 * np.log10(np.mean(frames**2, axis=1) + 1e-10)
    return level > max(FLOOR_DB, np.percentile(level, 95) - RANGE_DB)


def trim(samples: np.ndarray) -> Speech | None:
    """The part of the recording that holds speech, with 0.1 s around it; None where nothing is active."""
    active = active_frames(samples)
    if not active.any():
        return None
    frames = np.flatnonzero(active)
    start = max(0, int(frames[0]) * FRAME - MARGIN)
    end = min(len(samples), (int(frames[-1]) + 1) * FRAME + MARGIN)
    return Speech(samples[start:end], start, active)


def window_starts(samples: int) -> list[int]:
    """Starts of the windows of a trimmed signal of `samples` samples."""
    if samples <= WINDOW:
        return [0]
    starts = list(range(0, samples - WINDOW + 1, HOP))
    if starts[-1] + WINDOW < samples:
        starts.append(samples - WINDOW)
    return starts


def active_share(speech: Speech, start: int) -> float:
    """Share of active frames among the frames that lie wholly inside the window that starts at `start`."""
    begin = speech.first_sample + start
    end = begin + min(WINDOW, len(speech.samples))
    inside = speech.active[-(-begin // FRAME) : end // FRAME]
    return float(inside.mean()) if len(inside) else 0.0


def windows(samples: np.ndarray) -> list[tuple[int, np.ndarray]]:
    """Windows to be scored, as (start in the untrimmed recording, 64000 samples); empty where there is no speech."""
    speech = trim(samples)
    if speech is None:
        return []
    starts = window_starts(len(speech.samples))
    kept = [s for s in starts if active_share(speech, s) >= MIN_ACTIVE] or starts
    return [(speech.first_sample + s, cyclic(speech.samples[s : s + WINDOW], WINDOW)) for s in kept]


def cyclic(samples: np.ndarray, length: int) -> np.ndarray:
    """The signal repeated, without a pause, up to `length` samples."""
    return np.resize(samples, length)


def probability(logit: float, calibration: dict) -> float:
    """Probability of spoof at equal priors."""
    llr = calibration["scale"] * logit + calibration["offset"]
    return float(1 / (1 + np.exp(-llr)))


class Model:
    """The exported network with its manifest."""

    def __init__(self, folder: Path = MODEL) -> None:
        import onnxruntime

        self.manifest = json.loads((folder / "manifest.json").read_text())
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = onnxruntime.InferenceSession(
            str(folder / self.manifest["file"]), options, providers=["CPUExecutionProvider"]
        )

    def logit(self, window: np.ndarray) -> float:
        """Uncalibrated log-odds that one window of 64000 samples is spoof."""
        (output,) = self.session.run(None, {"waveform": window.astype(np.float32)[None]})
        return float(np.ravel(output)[0])

    def score(self, samples: np.ndarray) -> dict:
        """Logit, probability and number of windows of a mono 16 kHz recording; logit None where there is no speech."""
        logits = [self.logit(w) for _, w in windows(samples)]
        if not logits:
            return {"logit": None, "probability": None, "windows": 0}
        mean = float(np.mean(logits))
        return {
            "logit": mean,
            "probability": probability(mean, self.manifest["calibration"]),
            "windows": len(logits),
        }


def read(path: Path) -> np.ndarray:
    """Samples of a mono 16 kHz file in [-1, 1]. Anything else is refused: resampling is the product's matter."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32")
    if rate != SAMPLE_RATE or samples.ndim != 1:
        raise ValueError(f"{path}: expected mono at {SAMPLE_RATE} Hz")
    return samples


def main() -> None:
    """Print the scores of files as JSON, for the parity test."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, default=MODEL, help="folder with manifest.json")
    parser.add_argument("--json", action="store_true", help="JSON array instead of lines")
    arguments = parser.parse_args()
    model = Model(arguments.model)
    scores = [{"file": str(path), **model.score(read(path))} for path in arguments.files]
    if arguments.json:
        print(json.dumps(scores, indent=1))
    else:
        for score in scores:
            print(f"{score['file']}\t{score['logit']}\t{score['probability']}\t{score['windows']}")


if __name__ == "__main__":
    main()
