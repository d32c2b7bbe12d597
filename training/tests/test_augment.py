"""Random channels keep what training relies on."""

import numpy as np
import pytest

from training import augment


@pytest.mark.parametrize("seed", range(60))
def test_a_channel_keeps_length_range_and_finiteness(seed):
    random = np.random.default_rng(seed)
    samples = int(random.integers(24_000, 64_000))
    signal = (0.1 * random.standard_normal(samples)).astype(np.float32)
    output = augment.draw(random, samples)(signal)
    assert output.shape == signal.shape and output.dtype == np.float32
    assert np.isfinite(output).all() and np.abs(output).max() <= 1.0
    assert np.abs(output).max() > 0.01


def test_a_channel_treats_a_twin_as_it_treats_its_original():
    for seed in range(20):
        channel = augment.draw(np.random.default_rng(seed), 24_000)
        signal = np.sin(np.arange(24_000) * 0.2).astype(np.float32)
        assert np.array_equal(channel(signal), channel(signal.copy()))


def test_silence_stays_finite():
    for seed in range(20):
        assert np.isfinite(augment.draw(np.random.default_rng(seed), 24_000)(np.zeros(24_000, np.float32))).all()


def test_channels_differ():
    signal = np.sin(np.arange(24_000) * 0.2).astype(np.float32)
    outputs = [augment.draw(np.random.default_rng(seed), 24_000)(signal) for seed in range(4)]
    assert not any(np.allclose(outputs[0], other) for other in outputs[1:])
