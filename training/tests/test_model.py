"""The shipped model keeps its contract."""

import hashlib

import numpy as np
import pytest

from training import pipeline


@pytest.fixture(scope="module")
def model() -> pipeline.Model:
    return pipeline.Model()


def test_the_manifest_names_the_graph_that_is_shipped(model):
    graph = (pipeline.MODEL / model.manifest["file"]).read_bytes()
    assert hashlib.sha256(graph).hexdigest() == model.manifest["sha256"]
    assert len(graph) <= 4 * 1024 * 1024


def test_the_graph_has_the_shapes_of_the_manifest(model):
    [waveform], [logit] = model.session.get_inputs(), model.session.get_outputs()
    assert (waveform.name, waveform.shape) == ("waveform", model.manifest["input"]["shape"])
    assert (logit.name, logit.shape) == ("logit", model.manifest["output"]["shape"])


def test_the_logit_does_not_depend_on_loudness(model):
    random = np.random.default_rng(0)
    signal = (0.3 * random.standard_normal(64_000) * np.abs(np.sin(np.arange(64_000) / 4000))).astype(np.float32)
    assert model.logit(signal * 0.05) == pytest.approx(model.logit(signal), abs=1e-2)


def test_silence_gets_a_finite_logit_from_the_graph_but_no_score_from_the_pipeline(model):
    silence = np.zeros(64_000, np.float32)
    assert np.isfinite(model.logit(silence))
    assert model.score(silence) == {"logit": None, "probability": None, "windows": 0}


def test_a_long_recording_gets_the_mean_logit_of_its_windows(model):
    random = np.random.default_rng(1)
    signal = (0.2 * random.standard_normal(100_000)).astype(np.float32)
    score = model.score(signal)
    expected = np.mean([model.logit(signal[s : s + 64_000]) for s in (0, 32_000, 36_000)])
    assert score["windows"] == 3
    assert score["logit"] == pytest.approx(expected, abs=1e-4)
