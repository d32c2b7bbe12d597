"""Random channels: what happens to speech between a mouth or a synthesiser and the detector.

A `Channel` is drawn once and can then be applied to several signals: a bona fide crop and its copy-synthesis twin get
the very same room, noise and telephone, so that nothing but the vocoder tells them apart. The draw never looks at the
class. All signals are float32 at 16 kHz. Real codecs are in `codecs`, ahead of time, because they are slow.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy import fft

RATE = 16_000
TAIL = 6_400
"""Room for the tail of the longest room response, samples."""

Step = Callable[[np.ndarray], np.ndarray]


@dataclass
class Channel:
    """Length of the signals it is for, and the steps in their order."""

    samples: int
    steps: list[Step] = field(default_factory=list)

    def __call__(self, signal: np.ndarray) -> np.ndarray:
        """The signal behind the channel: same length, finite, peak at most 1."""
        for step in self.steps:
            signal = step(signal)
        peak = float(np.abs(signal).max())
        return (signal / max(peak, 1.0)).astype(np.float32)


def draw(random: np.random.Generator, samples: int) -> Channel:
    """A random channel for signals of `samples` samples; about one in eight leaves them as they are, but for gain."""
    channel = Channel(samples)
    if random.random() > 0.12:
        if random.random() < 0.65:
            channel.steps.append(_linear(random, samples))
        if random.random() < 0.45:
            channel.steps.append(_noise(random, samples))
        if random.random() < 0.30:
            channel.steps.append(_distortion(random, samples))
        if random.random() < 0.12:
            channel.steps.append(_packet_loss(random, samples))
        random.shuffle(channel.steps)
    gain = 10 ** random.uniform(-1.5, 0.0)
    channel.steps.append(lambda signal: signal * (gain / max(float(np.abs(signal).max()), 1e-4)))
    return channel


def _transform_size(samples: int) -> int:
    """At least `samples`, with small prime factors only for the lengths in use, so that transforms are fast."""
    return -(-samples // 3_200) * 3_200


def _smooth_curve(random: np.random.Generator, frequencies: np.ndarray, decibels: float) -> np.ndarray:
    """A random gain over frequency, in dB, with knots half an octave to an octave apart."""
    knots = np.array([0, 100, 200, 400, 800, 1600, 2800, 4200, 6000, 8000.0])
    return np.interp(frequencies, knots, random.uniform(-decibels, decibels, len(knots)))


def _band_limits(random: np.random.Generator, frequencies: np.ndarray) -> np.ndarray:
    """Attenuation in dB of a telephone, of a resampler, of an old microphone, or none."""
    kind = random.random()
    low, high = 0.0, 1e5
    if kind < 0.22:
        low, high = random.uniform(150, 350), random.uniform(3200, 3950)
    elif kind < 0.60:
        high = random.uniform(3800, 7900)
    if random.random() < 0.3:
        low = max(low, random.uniform(40, 300))
    slope_high, slope_low = random.uniform(0.03, 0.5), random.uniform(10, 100)
    return np.maximum(frequencies - high, 0) * -slope_high - np.maximum(low - frequencies, 0) * (30 / slope_low)


def _room(random: np.random.Generator) -> np.ndarray:
    """Impulse response of a small room: a direct sound, early reflections and noise that decays by 60 dB in T60."""
    t60 = random.uniform(0.08, 0.6)
    time = np.arange(TAIL) / RATE
    tail = random.standard_normal(TAIL) * 10 ** (-3 * time / t60)
    tail[: int(random.uniform(0.001, 0.006) * RATE)] = 0
    direct_to_reverberant = 10 ** (random.uniform(-3, 15) / 20)
    response = tail / max(float(np.sqrt(np.square(tail).sum())), 1e-9) / direct_to_reverberant
    response[0] += 1
    return response


def _linear(random: np.random.Generator, samples: int) -> Step:
    """Room, equaliser and band limits, as one multiplication in the frequency domain."""
    size = _transform_size(samples + TAIL)
    frequencies = np.linspace(0, RATE / 2, size // 2 + 1)
    decibels = np.zeros(len(frequencies))
    if random.random() < 0.7:
        decibels += _smooth_curve(random, frequencies, random.uniform(2, 12))
    if random.random() < 0.6:
        decibels += _band_limits(random, frequencies)
    response = (10 ** (np.maximum(decibels, -90) / 20)).astype(np.complex64)
    if random.random() < 0.4:
        response *= fft.rfft(_room(random).astype(np.float32), size)

    def apply(signal: np.ndarray) -> np.ndarray:
        return fft.irfft(fft.rfft(signal.astype(np.float32), size) * response, size)[:samples]

    return apply


def _noise(random: np.random.Generator, samples: int) -> Step:
    """Coloured noise, steady or slowly swelling, 3 to 45 dB below the speech."""
    size = _transform_size(samples)
    frequencies = np.linspace(0, RATE / 2, size // 2 + 1)
    tilt = random.uniform(-8, 1) * np.log2(np.maximum(frequencies, 60) / 1000)
    colour = 10 ** ((tilt + _smooth_curve(random, frequencies, 8)) / 20)
    white = fft.rfft(random.standard_normal(size, dtype=np.float32))
    noise = fft.irfft(white * colour.astype(np.float32), size)[:samples]
    if random.random() < 0.4:
        swell = np.interp(np.arange(samples), np.linspace(0, samples, 12), random.uniform(-12, 6, 12))
        noise = noise * 10 ** (swell / 20)
    noise = noise / np.sqrt(np.square(noise).mean() + 1e-12)
    level = 10 ** (-random.triangular(3, 22, 45) / 20)
    return lambda signal: signal + noise * (level * float(np.sqrt(np.square(signal).mean())))


def _distortion(random: np.random.Generator, samples: int) -> Step:
    """Clipping, saturation, coarse or mu-law quantisation, or noise that scales with the signal (RawBoost)."""
    kind = random.integers(5)
    if kind == 0:
        share = random.uniform(0.3, 0.95)
        return lambda signal: np.clip(signal, -(limit := share * float(np.abs(signal).max())), limit)
    if kind == 1:
        drive = random.uniform(0.5, 4)
        return lambda signal: np.tanh(signal * (drive / max(float(np.abs(signal).max()), 1e-4)))
    if kind == 2:
        return _mu_law
    if kind == 3:
        step = 2.0 ** -random.uniform(7, 11)
        return lambda signal: np.round(signal / (scale := step * max(float(np.abs(signal).max()), 1e-4))) * scale
    share = random.uniform(0.01, 0.1)
    where = random.random(samples) < share
    factor = (1 + where * random.uniform(-0.7, 0.7, samples)).astype(np.float32)
    return lambda signal: signal * factor


def _mu_law(signal: np.ndarray) -> np.ndarray:
    """8-bit mu-law and back (ITU-T G.711's curve)."""
    scaled = signal / max(float(np.abs(signal).max()), 1e-4)
    coded = np.round(np.sign(scaled) * np.log1p(255 * np.abs(scaled)) / np.log(256) * 127) / 127
    return np.sign(coded) * (256 ** np.abs(coded) - 1) / 255


def _packet_loss(random: np.random.Generator, samples: int) -> Step:
    """20 ms packets lost, each silent or replaced by the one before it."""
    packet = RATE // 50
    lost = np.flatnonzero(random.random(samples // packet) < random.uniform(0.01, 0.08))
    repeat = random.random() < 0.6

    def apply(signal: np.ndarray) -> np.ndarray:
        signal = signal.copy()
        for index in lost:
            here = slice(index * packet, (index + 1) * packet)
            signal[here] = signal[(index - 1) * packet : index * packet] if repeat and index > 0 else 0
        return signal

    return apply
