"""Reference percentiles from the product's own JSON."""

from training import reference


def test_numbers_below_features_are_flattened_and_everything_else_is_skipped():
    results = reference.read(
        '{"file": "a", "features": {"voice_features": {"pitch_hz": 100, "jitter": null, "ok": true}}}\n'
        '{"file": "b", "features": {"voice_features": {"pitch_hz": 200}}}\n'
        '{"file": "c", "features": null}\n'
    )
    content = reference.reference(results)
    assert content["clips"] == 2
    assert list(content["features"]) == ["voice_features.pitch_hz"]
    assert content["features"]["voice_features.pitch_hz"]["p50"] == 150
