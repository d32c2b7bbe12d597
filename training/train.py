"""The training loop: seeded, resumable, with a running average of the weights, which is what is shipped.

No figure of `dev` is looked at here and nothing is stopped early: the number of steps, or the time where `--minutes` is
given, is fixed beforehand.
"""

from __future__ import annotations

import argparse
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, IterableDataset
from tqdm import tqdm

from training import data
from training.network import Detector, parameters
from training.sampling import Sampler

CHECKPOINT_EVERY = 100


class Batches(IterableDataset):
    """Batches from `first` to `last`, each seeded by its own number, so that a resumed run sees what it would have."""

    def __init__(self, options: argparse.Namespace, first: int) -> None:
        self.options, self.first = options, first

    def __iter__(self):
        torch.set_num_threads(1)
        worker = torch.utils.data.get_worker_info()
        number, workers = (worker.id, worker.num_workers) if worker else (0, 1)
        options = self.options
        clips = data.load("train")
        keep = np.ones(len(clips), bool)
        if options.hold_out is not None:
            keep = np.array(data.folds(clips, options.folds)) != options.hold_out
        sampler = Sampler(clips, keep, options.seed)
        for step in range(self.first, options.steps):
            if step % workers == number:
                sampler.random = np.random.default_rng((options.seed, step))
                yield step, *map(torch.from_numpy, sampler.batch(options.batch, options.samples, options.twin_share))


def learning_rate(step: int, minutes: float, options: argparse.Namespace) -> float:
    """Linear warm-up, then half a cosine down to a fiftieth; by time where time runs out before the steps do."""
    warm = min(1.0, (step + 1) / options.warm_up)
    done = min(1.0, max(step / options.steps, minutes / options.minutes if options.minutes else 0.0))
    return options.learning_rate * warm * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * done)))


def mask(spectrum: torch.Tensor) -> torch.Tensor:
    """Blank one random band and one random stretch of time of half of the spectra (SpecAugment)."""
    batch, _, bins, frames = spectrum.shape
    for size, shape in ((bins, (batch, 1, bins, 1)), (frames, (batch, 1, 1, frames))):
        width = torch.rand(batch, 1) * size * 0.15 * (torch.rand(batch, 1) < 0.5)
        begin = torch.rand(batch, 1) * (size - width)
        place = torch.arange(size)[None]
        spectrum = spectrum * ~((place >= begin) & (place < begin + width)).view(shape)
    return spectrum


class Average:
    """Exponential running average of weights and normalisation statistics, with a short memory at the start."""

    def __init__(self, network: nn.Module, memory: int = 1000) -> None:
        self.memory, self.count = memory, 0
        self.state = {name: value.detach().clone() for name, value in network.state_dict().items()}

    def update(self, network: nn.Module) -> None:
        self.count += 1
        keep = min(1 - 1 / self.memory, self.count / (self.count + 10))
        for name, value in network.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value.detach(), 1 - keep)
            else:
                self.state[name].copy_(value)


def save(path: Path, content: dict) -> None:
    """Write a checkpoint so that an interruption leaves the one before it."""
    torch.save(content, path.with_suffix(".part"))
    path.with_suffix(".part").rename(path)


def train(options: argparse.Namespace) -> Path:
    """Train or resume a run; returns its checkpoint."""
    torch.manual_seed(options.seed)
    torch.set_num_threads(options.threads)
    folder = data.RUNS / options.run
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network = Detector().to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=options.learning_rate, weight_decay=0.02)
    first = 0
    if checkpoint.exists():
        saved = torch.load(checkpoint, weights_only=False, map_location=device)
        network.load_state_dict(saved["network"])
        optimizer.load_state_dict(saved["optimizer"])
        first = saved["step"]
    elif options.start_from:
        start = torch.load(data.RUNS / options.start_from / "checkpoint.pt", weights_only=False, map_location=device)
        network.load_state_dict(start["average"])
    average = Average(network)
    if first:
        average.state, average.count = saved["average"], saved["count"]
    (folder / "options.json").write_text(json.dumps(vars(options) | {"parameters": parameters(network)}, indent=1))
    loader = DataLoader(Batches(options, first), batch_size=None, num_workers=options.workers, prefetch_factor=4)
    bar = tqdm(loader, desc=options.run, initial=first, total=options.steps, mininterval=5)
    recent = []
    begin = time.monotonic()
    network.train()
    for step, waveforms, labels in bar:
        minutes = (time.monotonic() - begin) / 60
        last = step + 1 == options.steps or bool(options.minutes and minutes > options.minutes)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, minutes, options)
        waveforms, labels = waveforms.to(device), labels.to(device)
        with torch.no_grad():
            spectrum = mask(network.spectrum(waveforms)).contiguous(memory_format=torch.channels_last)
        with torch.autocast(device.type, torch.bfloat16):
            logits = network.classify(spectrum)
        # A little smoothing: some labels of the corpus are wrong, and confident logits calibrate badly.
        loss = nn.functional.binary_cross_entropy_with_logits(logits.float(), labels * 0.94 + 0.03)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(network.parameters(), 2.0)
        optimizer.step()
        average.update(network)
        recent.append((loss.item(), ((logits > 0) == (labels > 0.5)).float().mean().item()))
        if (step + 1) % 50 == 0:
            mean_loss, accuracy = np.mean(recent[-100:], axis=0)
            bar.set_postfix(loss=f"{mean_loss:.3f}", accuracy=f"{accuracy:.3f}")
        if (step + 1) % CHECKPOINT_EVERY == 0 or last:
            mean_loss, accuracy = np.mean(recent[-CHECKPOINT_EVERY:], axis=0)
            with open(folder / "log.jsonl", "a") as log:
                log.write(json.dumps({"step": step + 1, "loss": mean_loss, "accuracy": accuracy}) + "\n")
            save(
                checkpoint,
                {
                    "network": network.state_dict(), "average": average.state, "count": average.count,
                    "optimizer": optimizer.state_dict(), "step": step + 1, "options": vars(options),
                },
            )  # fmt: skip
        if last:
            break
    return checkpoint


def parser() -> argparse.ArgumentParser:
    """Options of a run; the defaults are those of the shipped model."""
    parser = argparse.ArgumentParser(description="Train a detector; run again with the same name to resume.")
    parser.add_argument("--run", default="final", help="name of the folder in training/runs")
    parser.add_argument("--start-from", help="run whose averaged weights to start from")
    parser.add_argument("--hold-out", type=int, help="fold of sources and systems to leave out")
    parser.add_argument("--folds", type=int, default=6)
    parser.add_argument("--steps", type=int, default=4000)
    parser.add_argument("--minutes", type=float, help="end after this time if the steps are not done by then")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--samples", type=int, default=40_000, help="length of a crop")
    parser.add_argument("--twin-share", type=float, default=0.5, help="share of the batch in pairs with twins")
    parser.add_argument("--learning-rate", type=float, default=2e-3)
    parser.add_argument("--warm-up", type=int, default=200)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=20261122)
    return parser


if __name__ == "__main__":
    train(parser().parse_args())
