//! Which stretches are scored, and how their scores become the recording's. The model here measures loudness, so that
//! every number can be predicted.

use bonafide_detector::{Analysis, Limits, Verdict};

use crate::fixtures::{samples_of, spoken_wav, voice, wav};
use crate::onnx::TestModel;

fn analyze(model: &TestModel, samples: &[f32]) -> Analysis {
    let detector = model.load().expect("the test model loads");
    detector
        .analyze(&wav(samples, 16_000, 1), &Limits::default())
        .expect("it is analysed")
}

fn ranges(analysis: &Analysis) -> Vec<(f64, f64)> {
    analysis
        .segments
        .iter()
        .map(|segment| (segment.start, segment.end))
        .collect()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

#[test]
fn windows_of_four_seconds_start_every_two() {
    let analysis = analyze(&TestModel::default(), &voice(10.0, 0.5));
    assert_eq!(
        ranges(&analysis),
        [(0.0, 4.0), (2.0, 6.0), (4.0, 8.0), (6.0, 10.0)]
    );
}

#[test]
fn a_last_window_ends_with_the_speech() {
    let analysis = analyze(&TestModel::default(), &voice(9.0, 0.5));
    assert_eq!(
        ranges(&analysis),
        [(0.0, 4.0), (2.0, 6.0), (4.0, 8.0), (5.0, 9.0)]
    );
}

#[test]
fn silence_around_the_speech_is_trimmed_to_a_tenth_of_a_second() {
    let samples = [vec![0.0; 32_000], voice(2.0, 0.5), vec![0.0; 48_000]].concat();
    let analysis = analyze(&TestModel::default(), &samples);
    assert_eq!(ranges(&analysis), [(1.9, 4.1)]);
}

#[test]
fn windows_that_are_mostly_silent_are_skipped() {
    let samples = [voice(4.0, 0.5), vec![0.0; 12 * 16_000], voice(4.0, 0.5)].concat();
    let analysis = analyze(&TestModel::default(), &samples);
    assert_eq!(
        ranges(&analysis),
        [(0.0, 4.0), (2.0, 6.0), (14.0, 18.0), (16.0, 20.0)]
    );
}

#[test]
fn a_short_recording_is_repeated_to_fill_a_window() {
    // The mean over a cyclic repetition is the mean over whole cycles and a part of one.
    let samples = samples_of(&wav(&voice(1.5, 0.5), 16_000, 1));
    let repeated: f64 = (0..64_000)
        .map(|n| f64::from(samples[n % samples.len()].abs()))
        .sum::<f64>()
        / 64_000.0;
    let analysis = analyze(
        &TestModel {
            gain: 10.0,
            ..TestModel::default()
        },
        &samples,
    );
    assert_eq!(ranges(&analysis), [(0.0, 1.5)]);
    assert!((analysis.log_likelihood_ratio - 10.0 * repeated).abs() < 1e-3);
}

#[test]
fn the_score_is_the_calibrated_mean_logit() {
    let samples = samples_of(spoken_wav());
    let model = TestModel {
        gain: 30.0,
        bias: -1.0,
        scale: 1.7,
        offset: 0.4,
        ..TestModel::default()
    };
    let analysis = analyze(&model, &samples);
    assert!(analysis.segments.len() > 2);
    let as_heard = samples_of(&wav(&samples, 16_000, 1));
    let mut ratio_sum = 0.0;
    for segment in &analysis.segments {
        let (start, end) = (
            (segment.start * 16_000.0) as usize,
            (segment.end * 16_000.0) as usize,
        );
        let window = &as_heard[start..end];
        let mean = window.iter().map(|x| f64::from(x.abs())).sum::<f64>() / window.len() as f64;
        let ratio = 1.7 * (30.0 * mean - 1.0) + 0.4;
        assert!(
            (segment.score - logistic(ratio)).abs() < 1e-4,
            "{segment:?}"
        );
        ratio_sum += ratio;
    }
    let ratio = ratio_sum / analysis.segments.len() as f64;
    assert!((analysis.log_likelihood_ratio - ratio).abs() < 1e-3);
    assert!((analysis.score - logistic(ratio)).abs() < 1e-4);
}

#[test]
fn the_verdict_turns_at_the_threshold_and_confidence_is_its_probability() {
    let score = analyze(&TestModel::default(), &voice(4.0, 0.5)).score;
    let spoof = analyze(
        &TestModel {
            threshold: score,
            ..TestModel::default()
        },
        &voice(4.0, 0.5),
    );
    assert_eq!(spoof.verdict, Verdict::Spoof);
    assert_eq!(spoof.confidence(), score);
    let bona_fide = analyze(
        &TestModel {
            threshold: score + 1e-6,
            ..TestModel::default()
        },
        &voice(4.0, 0.5),
    );
    assert_eq!(bona_fide.verdict, Verdict::BonaFide);
    assert_eq!(bona_fide.confidence(), 1.0 - score);
}

#[test]
fn the_same_bytes_get_the_same_analysis_on_any_thread() {
    let detector = crate::fixtures::detector();
    let first = detector
        .analyze(spoken_wav(), &Limits::default())
        .expect("it is analysed");
    std::thread::scope(|scope| {
        let analyses: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| detector.analyze(spoken_wav(), &Limits::default())))
            .collect();
        for analysis in analyses {
            let analysis = analysis.join().expect("no panic").expect("it is analysed");
            assert_eq!(analysis, first);
        }
    });
}

#[test]
fn an_analysis_survives_json() {
    let analysis = analyze(&TestModel::default(), &voice(4.0, 0.5));
    let json = serde_json::to_value(&analysis).expect("it serialises");
    assert_eq!(json["verdict"], "spoof");
    assert!(json["features"]["voice_features"]["pitch_median_hz"].is_number());
    let back: Analysis = serde_json::from_value(json).expect("it parses");
    assert_eq!(back.segments, analysis.segments);
}
