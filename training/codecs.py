"""Coded versions of the clips, made once: what messengers, telephones and video sites do to a voice.

Version `k` of every array of the cache is coded by settings that depend on the clip and on `k` only. So a twin goes
through the same codec at the same rate as its original.
"""

from __future__ import annotations

import argparse
import io
from dataclasses import dataclass

import av
import numpy as np
from tqdm import tqdm

from training import data

RATE = 16_000
VERSIONS = 1


@dataclass(frozen=True)
class Setting:
    """An encoder of FFmpeg, its container, the sample rate it runs at, and its bit rate in bit/s (0: fixed)."""

    encoder: str
    container: str
    rate: int
    bit_rate: int


def draw(random: np.random.Generator) -> Setting:
    """A codec and a rate as they are met in the wild."""
    kind = random.choice(
        ["mp3", "mp3-44", "opus", "opus-8", "aac", "amr", "g722", "mulaw", "alaw", "adpcm"],
        p=[0.26, 0.12, 0.22, 0.04, 0.18, 0.04, 0.04, 0.04, 0.03, 0.03],
    )
    if kind == "mp3":
        return Setting("libmp3lame", "mp3", 16_000, int(random.choice([16, 24, 32, 40, 48, 64])) * 1000)
    if kind == "mp3-44":
        return Setting("libmp3lame", "mp3", 44_100, int(random.choice([48, 64, 96, 128])) * 1000)
    if kind == "opus":
        return Setting("libopus", "ogg", 16_000, int(random.choice([8, 12, 16, 24, 32])) * 1000)
    if kind == "opus-8":
        return Setting("libopus", "ogg", 8_000, int(random.choice([6, 10, 12])) * 1000)
    if kind == "aac":
        return Setting("aac", "mp4", int(random.choice([16_000, 44_100])), int(random.choice([24, 32, 48, 64])) * 1000)
    if kind == "amr":
        return Setting("libopencore_amrnb", "amr", 8_000, int(random.choice([5_900, 7_950, 12_200])))
    if kind == "g722":
        return Setting("g722", "wav", 16_000, 0)
    if kind == "adpcm":
        return Setting("adpcm_ima_wav", "wav", int(random.choice([8_000, 16_000])), 0)
    return Setting("pcm_mulaw" if kind == "mulaw" else "pcm_alaw", "wav", 8_000, 0)


def _resample(samples: np.ndarray, before: int, after: int) -> np.ndarray:
    """16-bit samples at another rate."""
    if before == after:
        return samples
    resampler = av.AudioResampler("s16", "mono", after)
    frame = av.AudioFrame.from_ndarray(samples[None], "s16", "mono")
    frame.sample_rate = before
    parts = [f.to_ndarray()[0] for f in (*resampler.resample(frame), *resampler.resample(None))]
    return np.concatenate(parts)


def through(samples: np.ndarray, setting: Setting) -> np.ndarray:
    """16-bit mono samples at 16 kHz through an encoder and its decoder; same rate, same length."""
    file = io.BytesIO()
    with av.open(file, "w", format=setting.container) as output:
        stream = output.add_stream(setting.encoder, rate=setting.rate, layout="mono")
        if setting.bit_rate:
            stream.bit_rate = setting.bit_rate
        frame = av.AudioFrame.from_ndarray(_resample(samples, RATE, setting.rate)[None], "s16", "mono")
        frame.sample_rate = setting.rate
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    file.seek(0)
    with av.open(file) as encoded:
        resampler = av.AudioResampler("s16", "mono", RATE)
        parts = [p.to_ndarray()[0] for f in encoded.decode(audio=0) for p in resampler.resample(f)]
        parts += [p.to_ndarray()[0] for p in resampler.resample(None)]
    decoded = np.concatenate(parts)
    if len(decoded) >= len(samples):
        return decoded[: len(samples)]
    return np.pad(decoded, (0, len(samples) - len(decoded)), mode="reflect")


def build(source: str, version: int) -> None:
    """Write the coded version of an array of the training split."""
    target = data.CACHE / (f"train-codec{version}.i16" if source == "train" else f"{source}-codec{version}.i16")
    samples = data.samples_of(source)
    coded = np.lib.format.open_memmap(target.with_suffix(".part"), "w+", np.int16, samples.shape)
    for index, clip in enumerate(tqdm(data.load("train"), desc=target.stem, mininterval=10)):
        here = slice(clip.start, clip.start + clip.length)
        if samples[here].any():
            coded[here] = through(np.array(samples[here]), draw(np.random.default_rng((version, index))))
    coded.flush()
    with open(target.with_suffix(".raw"), "wb") as file:
        coded.tofile(file)
    target.with_suffix(".part").unlink()
    target.with_suffix(".raw").rename(target)


def main() -> None:
    """Make coded versions of the training clips and of their twins."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--of", nargs="*", help="arrays to code; all of the training split by default")
    arguments = parser.parse_args()
    sources = arguments.of or ["train", *(n for n in data.versions("twins") if "-codec" not in n)]
    for version in range(VERSIONS):
        for source in sources:
            name = f"train-codec{version}" if source == "train" else f"{source}-codec{version}"
            if not (data.CACHE / f"{name}.i16").exists():
                build(source, version)


if __name__ == "__main__":
    main()
