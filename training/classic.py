"""More spoof: the classic synthesisers that every Linux distribution has, espeak-ng (formants) and flite (diphones and
statistical voices). They are what many a robocall and screen reader sounds like, and the corpus has none of them.
"""

from __future__ import annotations

import argparse
import csv
import io
import shutil
import subprocess

import numpy as np
import soundfile
from scipy import signal
from tqdm import tqdm

from training import codecs, data, pipeline

CLIPS = 360
LONGEST = 64_000
SUBJECTS = ["the driver", "my neighbour", "our new office", "this account", "a small child", "the weather report"]
VERBS = ["will call", "has forgotten", "is waiting for", "wants to change", "could not find", "already paid for"]
OBJECTS = ["the second invoice", "an old bicycle", "seven green bottles", "the morning train", "a glass of water"]
ENDS = ["before lunch", "near the harbour", "in nineteen eighty four", "because of the rain", "on Wednesday"]
LANGUAGES = ["en-us", "en-gb", "en-gb-scotland", "hi", "te", "ta", "ml", "de", "fr", "es", "pl", "pt-br", "cmn"]
VARIANTS = ["", "+f1", "+f2", "+f3", "+f4", "+m1", "+m3", "+m5", "+m7", "+croak", "+whisper"]
FLITE = ["kal", "kal16", "awb", "rms", "slt"]


def sentence(random: np.random.Generator) -> str:
    """A random sentence of 8 to 15 words."""
    return " ".join(random.choice(part) for part in (SUBJECTS, VERBS, OBJECTS, ENDS))


def speak(random: np.random.Generator) -> tuple[str, np.ndarray]:
    """Name of a random voice and what it says, as float32 at 16 kHz."""
    if random.random() < 0.45 and shutil.which("flite"):
        voice = str(random.choice(FLITE))
        stretch = f"duration_stretch={random.uniform(0.8, 1.2):.2f}"
        command = ["flite", "-voice", voice, "--setf", stretch, "-t", sentence(random), "-o", "/dev/stdout"]
        name = f"flite-{voice}"
    else:
        voice = str(random.choice(LANGUAGES)) + str(random.choice(VARIANTS))
        speed, pitch = str(random.integers(120, 220)), str(random.integers(20, 80))
        command = ["espeak-ng", "-v", voice, "-s", speed, "-p", pitch, "--stdout", sentence(random)]
        name = "espeak-ng"
    output = bytearray(subprocess.run(command, check=True, capture_output=True).stdout)
    # Written to a pipe, the header does not know the length; a large one makes the reader go on to the end.
    output[40:44] = (len(output) - 44).to_bytes(4, "little")
    output[4:8] = (len(output) - 8).to_bytes(4, "little")
    samples, rate = soundfile.read(io.BytesIO(bytes(output)), dtype="float32")
    if rate != pipeline.SAMPLE_RATE:
        divisor = np.gcd(rate, pipeline.SAMPLE_RATE)
        samples = signal.resample_poly(samples, pipeline.SAMPLE_RATE // divisor, rate // divisor)
    return name, samples


def main() -> None:
    """Write training/cache/classic.i16 and .csv, three in four of the clips through a codec as those of the corpus."""
    argparse.ArgumentParser(description=main.__doc__).parse_args()
    target = data.CACHE / "classic.i16"
    if target.exists():
        return
    start, parts = 0, []
    with open(target.with_suffix(".csv"), "w", newline="") as file:
        fields = ("file", "label", "system", "set", "source", "language", "history", "codec", "start", "length")
        writer = csv.DictWriter(file, fields)
        writer.writeheader()
        for index in tqdm(range(CLIPS), desc="classic", mininterval=5):
            random = np.random.default_rng((99, index))
            name, samples = speak(random)
            speech = pipeline.trim(samples)
            if speech is None:
                continue
            clip = data.to_int16(speech.samples[:LONGEST])
            coded = random.random() < 0.75
            if coded:
                clip = codecs.through(clip, codecs.draw(random))
            parts.append(clip)
            writer.writerow(
                {"file": f"classic/{index}", "label": "spoof", "system": name, "set": "", "source": "classic",
                 "language": "", "history": "pcm", "codec": "various" if coded else "pcm", "start": start,
                 "length": len(clip)}
            )  # fmt: skip
            start += len(clip)
    np.concatenate(parts).tofile(target.with_suffix(".part"))
    target.with_suffix(".part").rename(target)


if __name__ == "__main__":
    main()
