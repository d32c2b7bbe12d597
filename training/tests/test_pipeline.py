"""The windowing rules that Python and Rust share."""

import numpy as np
import pytest

from training import pipeline


def tone(seconds: float, amplitude: float = 0.3) -> np.ndarray:
    return (amplitude * np.sin(np.arange(int(seconds * 16_000)) * 0.3)).astype(np.float32)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(int(seconds * 16_000), np.float32)


def test_silence_and_recordings_shorter_than_a_frame_have_no_windows():
    assert pipeline.windows(silence(3)) == []
    assert pipeline.windows(tone(0.01)) == []


def test_speech_is_trimmed_to_a_tenth_of_a_second_around_it():
    speech = pipeline.trim(np.concatenate([silence(1), tone(1), silence(1)]))
    assert speech.first_sample == 16_000 - pipeline.MARGIN
    assert len(speech.samples) == 16_000 + 2 * pipeline.MARGIN


def test_the_margin_stays_within_the_recording():
    speech = pipeline.trim(tone(1))
    assert speech.first_sample == 0
    assert len(speech.samples) == 16_000


def test_a_frame_forty_decibels_below_the_loud_ones_is_inactive():
    loud, quiet, faint = tone(1), tone(1, 0.3 * 10 ** (-39 / 20)), tone(1, 0.3 * 10 ** (-41 / 20))
    assert pipeline.active_frames(np.concatenate([loud, quiet])).mean() == 1.0
    assert pipeline.active_frames(np.concatenate([loud, faint])).mean() == 0.5


def test_a_short_recording_is_repeated_cyclically_into_one_window():
    samples = tone(1.5)
    [(start, window)] = pipeline.windows(samples)
    assert start == 0 and len(window) == 64_000
    assert np.array_equal(window[24_000:48_000], samples)


@pytest.mark.parametrize(
    ("samples", "starts"),
    [
        (20_000, [0]),
        (64_000, [0]),
        (64_001, [0, 1]),
        (96_000, [0, 32_000]),
        (100_000, [0, 32_000, 36_000]),
        (128_000, [0, 32_000, 64_000]),
    ],
)
def test_windows_start_every_two_seconds_and_the_last_one_ends_with_the_signal(samples, starts):
    assert pipeline.window_starts(samples) == starts


def test_windows_that_are_mostly_pause_are_skipped():
    recording = np.concatenate([tone(4), silence(8), tone(4)])
    starts = [start for start, _ in pipeline.windows(recording)]
    assert starts == [0, 32_000, 160_000, 192_000]


def test_pauses_everywhere_skip_nothing():
    clicks = np.concatenate([tone(0.1), silence(5.9), tone(0.1)])
    assert len(pipeline.windows(clicks)) == len(pipeline.window_starts(len(clicks)))


def test_probability_follows_the_calibration():
    assert pipeline.probability(0.5, {"scale": 2.0, "offset": -1.0}) == pytest.approx(0.5)
    assert pipeline.probability(3.0, {"scale": 2.0, "offset": -1.0}) == pytest.approx(1 / (1 + np.exp(-5)))
