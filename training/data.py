"""The corpus as arrays: every clip decoded once to 16 kHz mono and kept in one file of 16-bit samples per split.

Derived versions of the clips (codecs, copy-synthesis twins) have the layout of their split: sample `i` of a version
comes from sample `i` of the clip, so a crop can be taken from any version by the same indices.
"""

from __future__ import annotations

import argparse
import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from tqdm import tqdm

from training import pipeline

REPOSITORY = Path(__file__).resolve().parent.parent
CORPUS = REPOSITORY.parent / "shared" / "corpus"
CACHE = REPOSITORY / "training" / "cache"
RUNS = REPOSITORY / "training" / "runs"


@dataclass(frozen=True)
class Clip:
    """One row of the manifest, and where its trimmed samples lie in the arrays of its split."""

    file: str
    spoof: bool
    system: str
    collection: str
    source: str
    language: str
    history: str
    codec: str
    start: int
    length: int


def read_manifest(corpus: Path, split: str) -> list[dict[str, str]]:
    """Rows of `manifest.csv` of one split, in file order."""
    with open(corpus / "manifest.csv", newline="") as file:
        return [row for row in csv.DictReader(file) if row["split"] == split]


def decode(path: Path) -> np.ndarray:
    """Mono samples at 16 kHz, as float32 in [-1, 1]. All clips of the corpus are stored at that rate."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    if rate != pipeline.SAMPLE_RATE:
        raise ValueError(f"{path} has {rate} Hz; the corpus is at {pipeline.SAMPLE_RATE} Hz")
    return samples.mean(1)


def to_int16(samples: np.ndarray) -> np.ndarray:
    """16-bit samples from floats in [-1, 1], clipped."""
    return np.clip(np.round(samples * 32767), -32768, 32767).astype(np.int16)


def build(corpus: Path, split: str, cache: Path = CACHE) -> None:
    """Decode and trim every clip of a split into `<split>.i16` and `<split>.csv`; clips without speech are left out."""
    cache.mkdir(parents=True, exist_ok=True)
    start = 0
    columns = ("file", "label", "system", "set", "source", "language", "history", "codec", "start", "length")
    with open(cache / f"{split}.i16.part", "wb") as samples_file, open(cache / f"{split}.csv", "w", newline="") as rows:
        writer = csv.DictWriter(rows, columns, extrasaction="ignore")
        writer.writeheader()
        for row in tqdm(read_manifest(corpus, split), desc=f"decode {split}"):
            speech = pipeline.trim(decode(corpus / row["file"]))
            if speech is None:
                continue
            samples_file.write(to_int16(speech.samples).tobytes())
            length = len(speech.samples)
            writer.writerow({**row, "start": start, "length": length})
            start += length
    # The samples get their name last: a cache that was interrupted is built again.
    (cache / f"{split}.i16.part").rename(cache / f"{split}.i16")


def load(split: str, cache: Path = CACHE) -> list[Clip]:
    """The clips of a split, from the cache."""
    with open(cache / f"{split}.csv", newline="") as file:
        return [
            Clip(
                row["file"], row["label"] == "spoof", row["system"], row["set"], row["source"], row["language"],
                row["history"], row["codec"], int(row["start"]), int(row["length"]),
            )
            for row in csv.DictReader(file)
        ]  # fmt: skip


def samples_of(version: str, cache: Path = CACHE) -> np.ndarray:
    """All samples of a split (`train`, `dev`) or of a version of it (`train-codec0`, ...), memory-mapped."""
    return np.memmap(cache / f"{version}.i16", np.int16, "r")


def versions(prefix: str, cache: Path = CACHE) -> list[str]:
    """Names of the finished versions that start with `prefix`, sorted."""
    return sorted(path.stem for path in cache.glob(f"{prefix}*.i16"))


def folds(clips: list[Clip], count: int) -> list[int]:
    """A fold for each clip such that no source, and no synthesis system, is in two folds.

    Sources that share a system are first merged into one group; the groups are then dealt, largest first, to the fold
    that has the fewest clips. Systems of one family under two names can still be apart: the figure is optimistic there.
    """
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        while parent.setdefault(name, name) != name:
            name = parent[name]
        return name

    for clip in clips:
        if clip.spoof:
            parent[root("system " + clip.system)] = root(clip.source)
    sizes = Counter(root(clip.source) for clip in clips)
    load_of = [0] * count
    fold_of: dict[str, int] = {}
    for name, size in sorted(sizes.items(), key=lambda item: (-item[1], item[0])):
        fold_of[name] = min(range(count), key=load_of.__getitem__)
        load_of[fold_of[name]] += size
    return [fold_of[root(clip.source)] for clip in clips]


def main() -> None:
    """Decode the corpus into training/cache."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    arguments = parser.parse_args()
    for split in ("train", "dev"):
        if not (CACHE / f"{split}.i16").exists():
            build(arguments.corpus, split)


if __name__ == "__main__":
    main()
