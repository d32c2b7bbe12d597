//! The honest third answer.

use bonafide_detector::{Analysis, InconclusiveReason, Limits, Verdict};

use crate::fixtures::{detector, ffmpeg, human_wav, noise, spoken_wav, voice, wav};
use crate::onnx::TestModel;

fn analyze(samples: &[f32]) -> Analysis {
    detector()
        .analyze(&wav(samples, 16_000, 1), &Limits::default())
        .expect("it is analysed")
}

fn assert_no_speech(analysis: &Analysis) {
    assert_eq!(analysis.inconclusive, Some(InconclusiveReason::NoSpeech));
    assert_eq!((analysis.score, analysis.log_likelihood_ratio), (0.5, 0.0));
    assert_eq!(analysis.verdict, Verdict::BonaFide);
    assert!(analysis.segments.is_empty());
    assert_eq!(analysis.audio.speech_seconds, 0.0);
    assert!(
        analysis.explanation.contains("No speech"),
        "{}",
        analysis.explanation
    );
}

#[test]
fn silence_has_no_speech() {
    assert_no_speech(&analyze(&[0.0; 32_000]));
}

#[test]
fn faint_hiss_has_no_speech() {
    assert_no_speech(&analyze(&noise(3.0, 0.000_5)));
}

#[test]
fn loud_noise_has_no_speech() {
    assert_no_speech(&analyze(&noise(3.0, 0.5)));
}

#[test]
fn tones_and_hum_have_no_speech() {
    for frequency in [50.0, 200.0, 440.0, 1_000.0] {
        let tone: Vec<f32> = (0..48_000)
            .map(|n| 0.3 * (std::f32::consts::TAU * frequency * n as f32 / 16_000.0).sin())
            .collect();
        assert_no_speech(&analyze(&tone));
    }
}

#[test]
fn a_handful_of_samples_has_no_speech() {
    assert_no_speech(&analyze(&[0.5, -0.5, 0.5]));
}

#[test]
fn a_fifth_of_a_second_of_voice_is_scored_but_too_short() {
    let analysis = analyze(&voice(0.2, 0.5));
    assert_eq!(analysis.inconclusive, Some(InconclusiveReason::TooShort));
    assert_eq!(analysis.segments.len(), 1);
    assert!(
        analysis.explanation.contains("too short"),
        "{}",
        analysis.explanation
    );
}

#[test]
fn speech_is_never_taken_for_silence_short_or_too_noisy() {
    for speech in [spoken_wav().to_vec(), human_wav()] {
        let analysis = detector()
            .analyze(&speech, &Limits::default())
            .expect("it is analysed");
        let unexpected = [
            Some(InconclusiveReason::NoSpeech),
            Some(InconclusiveReason::TooShort),
            Some(InconclusiveReason::TooNoisy),
        ];
        assert!(
            !unexpected.contains(&analysis.inconclusive),
            "{:?}",
            analysis.inconclusive
        );
        assert!(analysis.audio.speech_seconds > 5.0);
    }
}

#[test]
fn telephone_speech_after_a_low_rate_codec_is_still_speech() {
    let note = ffmpeg(
        &human_wav(),
        &[],
        &["-c:a", "libopus", "-b:a", "8k", "-f", "ogg"],
    );
    let analysis = detector()
        .analyze(&note, &Limits::default())
        .expect("it is analysed");
    assert_ne!(analysis.inconclusive, Some(InconclusiveReason::NoSpeech));
}

#[test]
fn speech_drowned_in_noise_is_too_noisy() {
    let mixed: Vec<f32> = voice(4.0, 0.3)
        .iter()
        .zip(noise(4.0, 0.1))
        .map(|(voice, noise)| voice + noise)
        .collect();
    let analysis = analyze(&mixed);
    assert_eq!(analysis.inconclusive, Some(InconclusiveReason::TooNoisy));
    assert!(
        analysis.explanation.contains("background"),
        "{}",
        analysis.explanation
    );
}

/// A model that calls loud windows spoof and quiet ones bona fide.
fn by_loudness() -> TestModel {
    TestModel {
        gain: 200.0,
        bias: -16.0,
        ..TestModel::default()
    }
}

#[test]
fn confident_windows_on_both_sides_are_conflicting() {
    let model = by_loudness().load().expect("it loads");
    let samples = [voice(8.0, 0.7), voice(8.0, 0.07)].concat();
    let recording = wav(&samples, 16_000, 1);
    let analysis = model
        .analyze(&recording, &Limits::default())
        .expect("it is analysed");
    assert_eq!(
        analysis.inconclusive,
        Some(InconclusiveReason::ConflictingSegments),
        "{} {:?}",
        analysis.score,
        analysis.segments
    );
}

#[test]
fn windows_that_agree_are_not_conflicting() {
    let model = by_loudness().load().expect("it loads");
    let recording = wav(&voice(16.0, 0.7), 16_000, 1);
    let analysis = model
        .analyze(&recording, &Limits::default())
        .expect("it is analysed");
    assert_eq!(analysis.inconclusive, None);
}
