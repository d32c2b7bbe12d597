"""Copy-synthesis twins: bona fide training clips made again by a vocoder.

Same words, speaker and room; only the waveform is synthetic. Trained on in pairs, they keep the detector from learning
that clean, or read, or English means synthetic. Every twin is cut to its original's length.

FARGAN needs the `fargan_demo` program of libopus 1.6 and HiFi-GAN its TFLite file (README.md says where they are from);
kinds that are missing are left out.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import librosa
import numpy as np
import pyworld
from scipy import ndimage, signal
from tqdm import tqdm

from training import data

RATE = 16_000
SETS = 1
VOCODERS = data.REPOSITORY.parent / "shared" / "vocoders"
ODDS = {"fargan": 0.33, "fargan-altered": 0.37, "hifigan": 0.17, "world": 0.11, "griffin-lim": 0.02}

Vocoder = Callable[[np.ndarray, np.random.Generator], np.ndarray]


def world(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """WORLD analysis and synthesis; half of the time with slightly moved pitch or a smoothed envelope."""
    x = samples.astype(np.float64)
    pitch, times = pyworld.dio(x, RATE)
    pitch = pyworld.stonemask(x, pitch, times, RATE)
    envelope = pyworld.cheaptrick(x, pitch, times, RATE)
    aperiodicity = pyworld.d4c(x, pitch, times, RATE)
    if random.random() < 0.5:
        pitch = pitch * random.uniform(0.9, 1.12)
        envelope = np.exp(ndimage.gaussian_filter1d(np.log(envelope), random.uniform(0.1, 2), axis=0))
    return pyworld.synthesize(pitch, envelope, aperiodicity, RATE)


def griffin_lim(samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """80 mels, and the phase by Griffin and Lim's iterations."""
    mel = librosa.feature.melspectrogram(y=samples, sr=RATE, n_fft=1024, hop_length=256, n_mels=80)
    magnitude = librosa.feature.inverse.mel_to_stft(mel, sr=RATE, n_fft=1024)
    seed = int(random.integers(2**31))
    return librosa.griffinlim(magnitude, n_iter=int(random.integers(12, 40)), hop_length=256, random_state=seed)


class HifiGan:
    """HiFi-GAN V3 trained on LJSpeech, as TFLite: 22.05 kHz, natural-log mels up to 8 kHz."""

    def __init__(self, path: Path) -> None:
        from ai_edge_litert.interpreter import Interpreter

        self.interpreter = Interpreter(str(path), num_threads=1)
        self.filters = librosa.filters.mel(sr=22_050, n_fft=1024, n_mels=80, fmin=0, fmax=8000)

    def __call__(self, samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
        x = np.pad(signal.resample_poly(samples, 441, 320).astype(np.float32), 384, mode="reflect")
        magnitude = np.abs(librosa.stft(x, n_fft=1024, hop_length=256, center=False))
        mel = np.log(np.maximum(self.filters @ magnitude, 1e-5)).astype(np.float32)
        # A third of the twins get the over-smooth spectra that acoustic models predict.
        if random.random() < 0.33:
            mel = ndimage.gaussian_filter(mel, (random.uniform(0, 0.7), random.uniform(0.2, 1.2)))
        source, target = self.interpreter.get_input_details()[0], self.interpreter.get_output_details()[0]
        self.interpreter.resize_tensor_input(source["index"], (1, *mel.shape))
        self.interpreter.allocate_tensors()
        self.interpreter.set_tensor(source["index"], mel[None])
        self.interpreter.invoke()
        return signal.resample_poly(self.interpreter.get_tensor(target["index"]).ravel(), 320, 441)


class Fargan:
    """FARGAN, the neural vocoder in Opus: 18 cepstra, pitch and its correlation for every 10 ms."""

    FEATURES = 20

    def __init__(self, program: Path, altered: bool) -> None:
        self.program, self.altered = program, altered

    def __call__(self, samples: np.ndarray, random: np.random.Generator) -> np.ndarray:
        with tempfile.TemporaryDirectory() as folder:
            speech, features, output = (f"{folder}/{name}" for name in ("in.pcm", "f.f32", "out.pcm"))
            data.to_int16(np.pad(samples, (0, 800))).tofile(speech)
            self._run("-features", speech, features)
            if self.altered:
                values = np.fromfile(features, np.float32).reshape(-1, self.FEATURES)
                self._alter(values, random).tofile(features)
            self._run("-fargan-synthesis", features, output)
            return np.fromfile(output, np.int16).astype(np.float32) / 32768

    def _run(self, *arguments: str) -> None:
        subprocess.run([self.program, *arguments], check=True, capture_output=True)

    @staticmethod
    def _alter(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """Cepstra smoothed over time and shrunk towards their mean, pitch smoothed and shifted."""
        cepstra, pitch = values[:, :18], values[:, 18]
        cepstra = ndimage.gaussian_filter1d(cepstra, random.uniform(0.6, 2.2), axis=0)
        mean = cepstra.mean(0)
        values[:, :18] = mean + (cepstra - mean) * random.uniform(0.8, 1.0)
        pitch = ndimage.gaussian_filter1d(pitch, random.uniform(0.1, 3))
        values[:, 18] = pitch + random.uniform(-0.12, 0.12)
        return values


def vocoders(fargan: Path | None, hifigan: Path) -> dict[str, Vocoder]:
    """The kinds that can be made here."""
    kinds: dict[str, Vocoder] = {"world": world, "griffin-lim": griffin_lim}
    if fargan and fargan.exists():
        kinds |= {"fargan": Fargan(fargan, False), "fargan-altered": Fargan(fargan, True)}
    if hifigan.exists():
        kinds["hifigan"] = HifiGan(hifigan)
    return kinds


def fit(twin: np.ndarray, original: np.ndarray) -> np.ndarray:
    """The twin at the length and the loudness of its original."""
    twin = np.asarray(twin, np.float64)[: len(original)]
    twin = np.pad(twin, (0, len(original) - len(twin)))
    level = np.sqrt(np.mean(original.astype(np.float64) ** 2) / (np.mean(twin**2) + 1e-12))
    return twin * min(level, 1 / max(np.abs(twin).max(), 1e-4))


def build(number: int, kinds: dict[str, Vocoder]) -> None:
    """Write twin set `number`: for each bona fide training clip one twin of a random kind, other clips stay zero."""
    target = data.CACHE / f"twins{number}.i16"
    originals = data.samples_of("train")
    odds = np.array([ODDS[name] for name in kinds])
    made = np.zeros(originals.shape, np.int16)
    for index, clip in enumerate(tqdm(data.load("train"), desc=target.stem, mininterval=10)):
        if clip.spoof:
            continue
        random = np.random.default_rng((77, number, index))
        name = random.choice(list(kinds), p=odds / odds.sum())
        here = slice(clip.start, clip.start + clip.length)
        samples = originals[here].astype(np.float32) / 32768
        made[here] = data.to_int16(fit(kinds[name](samples, random), samples))
    made.tofile(target.with_suffix(".part"))
    target.with_suffix(".part").rename(target)


def main() -> None:
    """Make the twin sets of the training split."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--fargan", type=Path, help="path of libopus's fargan_demo")
    parser.add_argument("--hifigan", type=Path, default=VOCODERS / "hifigan_v3_ljspeech.tflite")
    arguments = parser.parse_args()
    kinds = vocoders(arguments.fargan, arguments.hifigan)
    for number in range(SETS):
        if not (data.CACHE / f"twins{number}.i16").exists():
            build(number, kinds)


if __name__ == "__main__":
    main()
