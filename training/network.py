"""The detector network: waveform in, one logit out.

The log-power spectrum is computed inside the network, so that the exported graph takes samples and nothing about the
features has to be written a second time in Rust.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FFT_SIZE = 512
HOP = 240
"""32 ms windows every 15 ms at 16 kHz: harmonics of low voices are resolved, and a 4 s window stays at 264 frames."""

FLOOR = 1e-7
"""Added to the power spectrum, relative to its mean over the window. It hides digital silence, dither and codec zeros
(70 dB down), and as it is relative to the signal, the logit does not depend on loudness."""


class LogSpectrum(nn.Module):
    """Waveform `[batch, samples]` to log-power spectrum `[batch, 1, 256, frames]`, its mean over time removed.

    Removing the mean of every bin removes a stationary channel (microphone, equaliser, gain), which tells the
    collections of the corpus apart better than it tells humans from machines.
    """

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("window", torch.hann_window(FFT_SIZE), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        spectrum = torch.stft(
            waveform, FFT_SIZE, HOP, FFT_SIZE, self.window, center=False, onesided=True, return_complex=False
        )
        power = spectrum.square().sum(-1)[:, 1:]
        level = power.mean((1, 2), keepdim=True)
        log_power = torch.log(power / (level + 1e-12) + FLOOR)
        return (log_power - log_power.mean(2, keepdim=True)).unsqueeze(1) * 0.3


class Residual(nn.Module):
    """Two 3x3 convolutions beside an identity, or a 1x1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: tuple[int, int]) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.shortcut = (
            nn.Identity()
            if inputs == outputs and stride == (1, 1)
            else nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))
        )
        self.activation = nn.ReLU(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        y = self.activation(self.first_norm(self.first(x)))
        return self.activation(self.second_norm(self.second(y)) + self.shortcut(x))


class Detector(nn.Module):
    """Residual CNN over the log spectrum.

    Plain strided convolutions only: they are what ONNX runtimes written in Rust run well. Frequency is reduced late
    and time early, because the traces of a vocoder are fine in frequency and spread all over the utterance.
    """

    STAGES = ((32, (2, 2)), (48, (2, 2)), (64, (2, 1)), (96, (2, 2)))
    """Output channels and (frequency, time) stride of each residual block."""

    def __init__(self, dropout: float = 0.2) -> None:
        super().__init__()
        self.spectrum = LogSpectrum()
        self.stem = nn.Sequential(
            nn.Conv2d(1, 24, (7, 5), (2, 2), (3, 2), bias=False), nn.BatchNorm2d(24), nn.ReLU(inplace=True)
        )
        channels, blocks = 24, []
        for outputs, stride in self.STAGES:
            blocks.append(Residual(channels, outputs, stride))
            channels = outputs
        self.blocks = nn.Sequential(*blocks)
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(2 * channels, 1)

    def forward(self, waveform: Tensor) -> Tensor:
        """Logit `[batch]` of spoof for waveforms `[batch, samples]` in [-1, 1] at 16 kHz."""
        return self.classify(self.spectrum(waveform))

    def classify(self, spectrum: Tensor) -> Tensor:
        """The part behind the spectrum, apart so that training can mask bands and run it in bfloat16."""
        maps = self.blocks(self.stem(spectrum)).float()
        mean = maps.mean((2, 3))
        spread = torch.sqrt((maps - mean[:, :, None, None]).square().mean((2, 3)) + 1e-5)
        return self.head(self.dropout(torch.cat([mean, spread], 1))).squeeze(1)


def parameters(network: nn.Module) -> int:
    """How many trained numbers the network has."""
    return sum(p.numel() for p in network.parameters())
