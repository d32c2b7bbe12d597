//! Features against signals whose features are known.

use bonafide_detector::{Features, Limits};

use crate::fixtures::{RATE, detector, ffmpeg, human_wav, noise, spoken_wav, voice, wav};

fn features(samples: &[f32]) -> Features {
    let analysis = detector().analyze(&wav(samples, RATE, 1), &Limits::default());
    analysis.expect("it is analysed").features
}

fn assert_near(what: &str, value: Option<f64>, expected: f64, tolerance: f64) {
    let value = value.unwrap_or_else(|| panic!("{what} is not measured"));
    assert!(
        (value - expected).abs() <= tolerance,
        "{what} is {value}, not {expected}"
    );
}

/// A pulse at each position (in samples), rounded to the grid, through a decaying resonance like a vowel's.
fn pulses(
    positions: impl Iterator<Item = f64>,
    amplitude: impl Fn(usize) -> f32,
    len: usize,
) -> Vec<f32> {
    let mut samples = vec![0.0f32; len];
    for (index, position) in positions.enumerate() {
        let start = (position.round() as usize).min(len);
        let end = (start + 400).min(len);
        for (n, sample) in samples[start..end].iter_mut().enumerate() {
            let time = n as f32;
            let ring =
                (-time / 25.0).exp() * (std::f32::consts::TAU * 700.0 / RATE as f32 * time).cos();
            *sample += amplitude(index) * ring;
        }
    }
    samples
}

fn regular_pulses(period: f64, count: usize) -> Vec<f32> {
    let len = (period * count as f64) as usize;
    pulses((0..count).map(|index| index as f64 * period), |_| 0.5, len)
}

#[test]
fn a_regular_pulse_train_has_its_pitch_and_no_perturbation() {
    for hertz in [80.0, 120.0, 200.0, 320.0] {
        let period = (f64::from(RATE) / hertz).round();
        let voice = features(&regular_pulses(period, (2.0 * hertz) as usize)).voice_features;
        let expected = f64::from(RATE) / period;
        assert_near("mean pitch", voice.pitch_mean_hz, expected, 0.01 * expected);
        assert_near(
            "median pitch",
            voice.pitch_median_hz,
            expected,
            0.01 * expected,
        );
        assert_near("pitch deviation", voice.pitch_deviation_semitones, 0.0, 0.1);
        assert_near("voiced fraction", voice.voiced_fraction, 1.0, 0.05);
        assert_near("jitter", voice.jitter_local_percent, 0.0, 0.05);
        assert_near("shimmer", voice.shimmer_local_percent, 0.0, 0.5);
        assert!(
            voice
                .harmonics_to_noise_db
                .is_some_and(|ratio| ratio > 15.0),
            "{voice:?}"
        );
    }
}

/// Mean difference of neighbours over the mean, in percent: what "local" perturbation means.
fn local_percent(values: &[f64]) -> f64 {
    let differences: f64 = values
        .windows(2)
        .map(|pair| (pair[0] - pair[1]).abs())
        .sum();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    100.0 * differences / (values.len() - 1) as f64 / mean
}

#[test]
fn irregular_periods_have_the_jitter_they_are_given() {
    let periods: Vec<f64> = noise(0.025, 1.0)
        .iter()
        .map(|&x| if x > 0.0 { 78.0 } else { 80.0 })
        .collect();
    let positions = periods.iter().scan(0.0, |at, period| {
        *at += period;
        Some(*at)
    });
    let voice = features(&pulses(positions, |_| 0.5, 31_000)).voice_features;
    let expected = local_percent(&periods);
    assert!((0.5..2.5).contains(&expected));
    assert_near("jitter", voice.jitter_local_percent, expected, 0.25);
}

#[test]
fn irregular_amplitudes_have_the_shimmer_they_are_given() {
    let amplitudes: Vec<f32> = noise(0.025, 1.0)
        .iter()
        .map(|&x| if x > 0.0 { 0.47 } else { 0.53 })
        .collect();
    let positions = (0..400).map(|index| index as f64 * 80.0);
    let voice = features(&pulses(positions, |index| amplitudes[index], 32_000)).voice_features;
    let expected = local_percent(&amplitudes.iter().map(|&x| f64::from(x)).collect::<Vec<_>>());
    assert_near(
        "shimmer",
        voice.shimmer_local_percent,
        expected,
        0.15 * expected,
    );
}

#[test]
fn a_glide_has_the_pitch_variation_it_is_given() {
    // A linear glide over an octave in semitones: uniform on 12 semitones, deviation 12 / sqrt(12).
    let mut phase = 0.0f64;
    let glide: Vec<f32> = (0..48_000)
        .map(|n| {
            phase += 110.0 * 2f64.powf(n as f64 / 48_000.0) / f64::from(RATE);
            let harmonics: f64 = (1..=10)
                .map(|k| (std::f64::consts::TAU * phase * f64::from(k)).sin() / f64::from(k))
                .sum();
            (0.3 * harmonics) as f32
        })
        .collect();
    let voice = features(&glide).voice_features;
    assert_near(
        "pitch deviation",
        voice.pitch_deviation_semitones,
        3.46,
        0.15,
    );
}

#[test]
fn noise_at_a_known_ratio_has_that_harmonics_to_noise_ratio() {
    let clean = regular_pulses(100.0, 320);
    let power = |samples: &[f32]| samples.iter().map(|x| x * x).sum::<f32>() / samples.len() as f32;
    let hiss = noise(2.0, 0.1);
    // Noise 10 dB below the voice.
    let gain = (power(&clean) / power(&hiss) / 10.0).sqrt();
    let mixed: Vec<f32> = clean
        .iter()
        .zip(&hiss)
        .map(|(voice, hiss)| voice + gain * hiss)
        .collect();
    assert_near(
        "harmonics to noise",
        features(&mixed).voice_features.harmonics_to_noise_db,
        10.0,
        1.0,
    );
}

#[test]
fn white_noise_is_flat_and_a_tone_is_not() {
    let hiss = features(&noise(2.0, 0.3));
    // The expected ratio of geometric to arithmetic mean of exponentially distributed power is e^-0.577.
    assert_near(
        "flatness of noise",
        hiss.spectral_features.flatness_ratio,
        0.56,
        0.03,
    );
    assert_near(
        "centroid of noise",
        hiss.spectral_features.centroid_hz,
        4_000.0,
        100.0,
    );
    assert_near(
        "roll-off of noise",
        hiss.spectral_features.rolloff_85_percent_hz,
        6_800.0,
        100.0,
    );
    assert_near(
        "bandwidth of noise",
        hiss.spectral_features.bandwidth_hz,
        8_000.0 / 12f64.sqrt(),
        60.0,
    );
    assert!(
        hiss.voice_features
            .voiced_fraction
            .is_some_and(|fraction| fraction < 0.02)
    );

    let tone: Vec<f32> = (0..32_000)
        .map(|n| 0.3 * (std::f32::consts::TAU * 1_000.0 * n as f32 / 16_000.0).sin())
        .collect();
    let tone = features(&tone);
    assert_near(
        "flatness of a tone",
        tone.spectral_features.flatness_ratio,
        0.0,
        0.01,
    );
    assert_near(
        "centroid of a tone",
        tone.spectral_features.centroid_hz,
        1_000.0,
        20.0,
    );
    assert_near(
        "zero crossings of a tone",
        tone.spectral_features.zero_crossings_per_second,
        2_000.0,
        10.0,
    );
    assert_near(
        "flux of a tone",
        tone.spectral_features.flux_ratio,
        0.0,
        0.02,
    );
}

#[test]
fn level_pauses_and_syllables_are_those_of_the_signal() {
    let samples = [
        voice(2.0, 0.5),
        vec![0.0; 8_000],
        voice(2.0, 0.5),
        vec![0.0; 16_000],
        voice(2.0, 0.5),
    ]
    .concat();
    let timing = features(&samples).temporal_features;
    assert_eq!(timing.pause_count, Some(2.0));
    assert_near("mean pause", timing.pause_mean_seconds, 0.75, 0.05);
    assert_near("pause share", timing.pause_fraction, 1.5 / 7.5, 0.02);
    // A stretch ends on the rise of one more syllable, which may count.
    assert_near("syllables", timing.syllables_per_second, 4.0, 0.6);

    let square: Vec<f32> = (0..32_000)
        .map(|n| if (n / 80) % 2 == 0 { 0.5 } else { -0.5 })
        .collect();
    let level = features(&square).temporal_features;
    assert_near("level", level.energy_mean_db, -6.02, 0.01);
    assert_near("level deviation", level.energy_deviation_db, 0.0, 0.01);
    assert_eq!(level.pause_mean_seconds, None);
}

#[test]
fn what_is_not_there_is_measured_as_zero_and_not_as_minus_zero() {
    let speech_without_a_pause = features(&voice(2.0, 0.5));
    assert_eq!(
        speech_without_a_pause.temporal_features.pause_fraction,
        Some(0.0)
    );
    for samples in [
        voice(2.0, 0.5),
        vec![0.0; 32_000],
        vec![0.5; 32_000],
        noise(2.0, 0.5),
    ] {
        let measured = serde_json::to_string(&features(&samples)).unwrap();
        assert!(
            !measured.contains("-0.0,") && !measured.contains("-0.0}"),
            "{measured}"
        );
    }
}

#[test]
fn features_hold_up_against_loudness_and_lossy_coding() {
    let plain = detector()
        .analyze(spoken_wav(), &Limits::default())
        .expect("it is analysed")
        .features;
    let quiet_mp3 = ffmpeg(
        spoken_wav(),
        &[],
        &[
            "-af",
            "volume=-12dB",
            "-ar",
            "16000",
            "-c:a",
            "libmp3lame",
            "-b:a",
            "64k",
            "-f",
            "mp3",
        ],
    );
    let coded = detector()
        .analyze(&quiet_mp3, &Limits::default())
        .expect("it is analysed")
        .features;
    let (plain_pitch, coded_pitch) = (
        plain.voice_features.pitch_median_hz,
        coded.voice_features.pitch_median_hz,
    );
    let plain_pitch = plain_pitch.expect("a pitch");
    assert_near("median pitch", coded_pitch, plain_pitch, 0.02 * plain_pitch);
    let plain_level = plain.temporal_features.energy_mean_db.expect("a level");
    assert_near(
        "level",
        coded.temporal_features.energy_mean_db,
        plain_level - 12.0,
        1.5,
    );
}

#[test]
fn a_human_voice_measures_like_one() {
    let analysis = detector()
        .analyze(&human_wav(), &Limits::default())
        .expect("it is analysed");
    let voice = analysis.features.voice_features;
    // A woman's speaking voice; ranges are generous around textbook values.
    let within = |value: Option<f64>, low: f64, high: f64| {
        value.is_some_and(|value| (low..high).contains(&value))
    };
    assert!(within(voice.pitch_median_hz, 150.0, 260.0), "{voice:?}");
    assert!(
        within(voice.pitch_deviation_semitones, 1.0, 6.0),
        "{voice:?}"
    );
    assert!(within(voice.jitter_local_percent, 0.2, 4.0), "{voice:?}");
    assert!(within(voice.shimmer_local_percent, 1.0, 20.0), "{voice:?}");
    assert!(within(voice.harmonics_to_noise_db, 5.0, 25.0), "{voice:?}");
    assert!(
        within(
            analysis.features.temporal_features.syllables_per_second,
            2.0,
            8.0
        ),
        "{:?}",
        analysis.features
    );
}
