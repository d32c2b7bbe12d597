"""What a training batch is made of: balanced over classes, sources and systems, with copy-synthesis twins."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from training import augment, data, pipeline

PLAIN_SHARE = 0.6
"""Share of crops taken from the clip as it is; the others come from one of its coded versions."""


CLASSIC_SHARE = 0.06
"""Share of the single spoof crops that come from the classic synthesisers, where those were made."""


class Sampler:
    """Draws crops of the training split with their labels, from the cached arrays."""

    def __init__(self, clips: list[data.Clip], keep: np.ndarray, seed: int, cache: Path = data.CACHE) -> None:
        self.clips = clips
        self.random = np.random.default_rng(seed)
        self.plain = data.samples_of("train", cache)
        self.coded = [data.samples_of(name, cache) for name in data.versions("train-codec", cache)]
        # Twin sets come with their own coded versions, made by the same codec settings as those of the originals.
        self.twins = [
            (
                data.samples_of(name, cache),
                {int(n[-1]): data.samples_of(n, cache) for n in data.versions(f"{name}-", cache)},
            )
            for name in data.versions("twins", cache)
            if "-codec" not in name
        ]
        self.classic = data.load("classic", cache) if "classic" in data.versions("classic", cache) else []
        self.classic_samples = data.samples_of("classic", cache) if self.classic else None
        self.bona_fide = self._weighted([i for i in np.flatnonzero(keep) if not clips[i].spoof])
        self.spoof = self._weighted([i for i in np.flatnonzero(keep) if clips[i].spoof])

    def _weighted(self, indices: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """Clips of one class with their cumulative odds: a group of n clips weighs as the square root of n."""
        group = [(self.clips[i].source, self.clips[i].collection, self.clips[i].system) for i in indices]
        sizes = Counter(group)
        odds = np.array([sizes[g] ** -0.5 for g in group])
        return np.array(indices), np.cumsum(odds) / odds.sum()

    def _pick(self, pool: tuple[np.ndarray, np.ndarray]) -> data.Clip:
        indices, cumulative = pool
        return self.clips[indices[min(np.searchsorted(cumulative, self.random.random()), len(indices) - 1)]]

    def _crop(self, clip: data.Clip, samples: int) -> slice:
        """A random part of 1.5 s or more, of at most `samples`, or the whole clip where it is shorter than that."""
        shortest = min(clip.length, 24_000)
        longest = min(clip.length, samples)
        length = longest
        if self.random.random() < 0.3:
            length = int(self.random.integers(shortest, longest + 1))
        start = clip.start + int(self.random.integers(clip.length - length + 1))
        return slice(start, start + length)

    def batch(self, size: int, samples: int, twin_share: float) -> tuple[np.ndarray, np.ndarray]:
        """Waveforms `[size, samples]` and labels `[size]` (1 is spoof), half of each class, in turns.

        `twin_share` of the batch are bona fide crops beside their twins; where there are no twins, single crops.
        """
        pairs = int(size * twin_share / 2) if self.twins else 0
        waveforms = []
        for index in range(size // 2):
            waveforms += self._pair(samples) if index < pairs else self._two_singles(samples)
        return np.stack(waveforms), np.tile(np.array([1, 0], np.float32), size // 2)

    def _pair(self, samples: int) -> list[np.ndarray]:
        """A twin and its original: same crop, codec and channel."""
        crop = self._crop(self._pick(self.bona_fide), samples)
        channel = augment.draw(self.random, samples)
        twin, coded_twin = self.twins[self.random.integers(len(self.twins))]
        original = self.plain
        if coded_twin and self.random.random() > PLAIN_SHARE:
            version = int(self.random.choice(list(coded_twin)))
            twin, original = coded_twin[version], self.coded[version]
        return [self._through(channel, array[crop], samples) for array in (twin, original)]

    def _two_singles(self, samples: int) -> list[np.ndarray]:
        """A spoof and a bona fide crop that have nothing to do with each other."""
        if self.classic and self.random.random() < CLASSIC_SHARE:
            clip = self.classic[self.random.integers(len(self.classic))]
            spoof = self.classic_samples[self._crop(clip, samples)]
        else:
            spoof = self._version()[self._crop(self._pick(self.spoof), samples)]
        bona_fide = self._version()[self._crop(self._pick(self.bona_fide), samples)]
        return [self._through(augment.draw(self.random, samples), crop, samples) for crop in (spoof, bona_fide)]

    def _version(self) -> np.ndarray:
        if not self.coded or self.random.random() < PLAIN_SHARE:
            return self.plain
        return self.coded[self.random.integers(len(self.coded))]

    @staticmethod
    def _through(channel: augment.Channel, crop: np.ndarray, samples: int) -> np.ndarray:
        return channel(pipeline.cyclic(crop.astype(np.float32) / 32768, samples))
