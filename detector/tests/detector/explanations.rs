//! Explanations say what was measured, and never argue against the score.

use bonafide_detector::{Analysis, Limits};

use crate::fixtures::{detector, human_wav, spoken_wav, voice, wav};
use crate::onnx::TestModel;

fn analyze(model: &TestModel, samples: &[f32]) -> Analysis {
    let detector = model.load().expect("the test model loads");
    detector
        .analyze(&wav(samples, 16_000, 1), &Limits::default())
        .expect("it is analysed")
}

#[test]
fn the_strongest_segment_is_named() {
    let samples = [voice(6.0, 0.1), voice(4.0, 0.8), voice(6.0, 0.1)].concat();
    let analysis = analyze(
        &TestModel {
            gain: 60.0,
            bias: -5.0,
            ..TestModel::default()
        },
        &samples,
    );
    assert!(
        analysis
            .explanation
            .contains("strongest between 6.0 s and 10.0 s"),
        "{}",
        analysis.explanation
    );
}

#[test]
fn no_segment_is_named_where_all_are_alike() {
    let analysis = analyze(
        &TestModel {
            gain: 0.1,
            ..TestModel::default()
        },
        &voice(12.0, 0.5),
    );
    assert!(
        !analysis.explanation.contains("strongest"),
        "{}",
        analysis.explanation
    );
}

#[test]
fn the_stated_probability_is_the_score() {
    for bias in [-8.0, -2.0, 0.0, 2.0, 8.0] {
        let analysis = analyze(
            &TestModel {
                gain: 0.0,
                bias,
                ..TestModel::default()
            },
            &voice(4.0, 0.5),
        );
        let stated = match bias {
            -8.0 => "less than 1 %".to_owned(),
            8.0 => "more than 99 %".to_owned(),
            _ => format!("{:.0} %", analysis.score * 100.0),
        };
        assert!(
            analysis.explanation.contains(&format!(
                "gives {stated} probability of machine-made speech"
            )),
            "{}",
            analysis.explanation
        );
    }
}

#[test]
fn only_a_bona_fide_verdict_is_said_to_be_below_the_threshold() {
    let spoof = analyze(
        &TestModel {
            gain: 0.0,
            bias: 3.0,
            ..TestModel::default()
        },
        &voice(4.0, 0.5),
    );
    assert!(
        !spoof.explanation.contains("below"),
        "{}",
        spoof.explanation
    );
    assert!(
        !spoof.explanation.contains("not decisive"),
        "{}",
        spoof.explanation
    );
    let bona_fide = analyze(
        &TestModel {
            gain: 0.0,
            bias: -3.0,
            ..TestModel::default()
        },
        &voice(4.0, 0.5),
    );
    assert!(
        bona_fide.explanation.contains("below its threshold"),
        "{}",
        bona_fide.explanation
    );
    assert!(
        !bona_fide.explanation.contains("Unusual among"),
        "{}",
        bona_fide.explanation
    );
}

#[test]
fn explanations_are_short() {
    for recording in [spoken_wav().to_vec(), human_wav()] {
        let analysis = detector()
            .analyze(&recording, &Limits::default())
            .expect("it is analysed");
        let length = analysis.explanation.len();
        assert!((40..500).contains(&length), "{}", analysis.explanation);
        assert!(
            analysis.explanation.ends_with('.'),
            "{}",
            analysis.explanation
        );
    }
}
