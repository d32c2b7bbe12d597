//! Acoustic measurements on the active speech of one recording, mono at 16 kHz.
//!
//! They explain a verdict and do not make it: the model hears the waveform, not these numbers.

mod catalogue;
mod periods;
mod pitch;
mod spectrum;
mod timing;

pub(crate) use catalogue::COMPARED;
use serde::{Deserialize, Serialize};

use crate::activity::Activity;

/// Everything measured on a recording. A value is absent where the recording has too little of what it measures.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Shape of the spectrum.
    pub spectral_features: SpectralFeatures,
    /// Loudness and pauses.
    pub temporal_features: TemporalFeatures,
    /// The voice's pitch and regularity.
    pub voice_features: VoiceFeatures,
}

/// Shape of the magnitude spectrum, averaged over 32 ms Hann frames of active speech (definitions as in librosa).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SpectralFeatures {
    /// Centre of mass of the spectrum.
    pub centroid_hz: Option<f64>,
    /// Standard deviation of frequency around the centroid.
    pub bandwidth_hz: Option<f64>,
    /// Below this frequency lies 85 % of the magnitude.
    pub rolloff_85_percent_hz: Option<f64>,
    /// Geometric over arithmetic mean of the power spectrum: 0 for a tone, towards 1 for white noise.
    pub flatness_ratio: Option<f64>,
    /// Euclidean distance between the unit-length spectra of successive frames, 16 ms apart: 0 for a steady sound, up to 1.4.
    pub flux_ratio: Option<f64>,
    /// How often the waveform crosses zero.
    pub zero_crossings_per_second: Option<f64>,
}

/// Loudness and its course, from 20 ms frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TemporalFeatures {
    /// Mean level of active speech, dB of full scale.
    pub energy_mean_db: Option<f64>,
    /// Standard deviation of that level.
    pub energy_deviation_db: Option<f64>,
    /// Loud speech against the background in its gaps, estimated from level percentiles.
    pub signal_to_noise_db: Option<f64>,
    /// Number of pauses of at least 250 ms between the first and the last active frame.
    pub pause_count: Option<f64>,
    /// Their mean length; absent without pauses.
    pub pause_mean_seconds: Option<f64>,
    /// Their share of the time between the first and the last active frame, 0 to 1.
    pub pause_fraction: Option<f64>,
    /// Syllable nuclei per second of that time without its pauses (de Jong and Wempe 2009).
    pub syllables_per_second: Option<f64>,
}

/// The voice, from a pitch track every 10 ms (Boersma 1993).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct VoiceFeatures {
    /// Mean fundamental frequency of voiced speech.
    pub pitch_mean_hz: Option<f64>,
    /// Median fundamental frequency of voiced speech.
    pub pitch_median_hz: Option<f64>,
    /// Standard deviation of pitch, in semitones around its mean.
    pub pitch_deviation_semitones: Option<f64>,
    /// Share of active speech that is voiced, 0 to 1.
    pub voiced_fraction: Option<f64>,
    /// Mean difference of successive glottal periods over the mean period.
    pub jitter_local_percent: Option<f64>,
    /// Mean difference of the amplitudes of successive periods over the mean amplitude.
    pub shimmer_local_percent: Option<f64>,
    /// Energy of the periodic part of voiced speech over the rest.
    pub harmonics_to_noise_db: Option<f64>,
}

/// Features, and what deciding about speech needs besides.
pub(crate) struct Measured {
    pub features: Features,
    /// Total length of voiced frames in seconds.
    pub voiced_seconds: f64,
}

/// Measures a recording.
pub(crate) fn measure(samples: &[f32], activity: &Activity) -> Measured {
    let track = pitch::track(samples, activity);
    let periods = periods::measure(samples, &track);
    Measured {
        features: Features {
            spectral_features: spectrum::measure(samples, activity),
            temporal_features: timing::measure(activity, &track),
            voice_features: VoiceFeatures {
                pitch_mean_hz: track.mean_hz(),
                pitch_median_hz: track.median_hz(),
                pitch_deviation_semitones: track.deviation_semitones(),
                voiced_fraction: track.voiced_fraction(),
                jitter_local_percent: periods.jitter_percent,
                shimmer_local_percent: periods.shimmer_percent,
                harmonics_to_noise_db: track.harmonics_to_noise_db(),
            },
        },
        voiced_seconds: track.voiced_seconds(),
    }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn deviation(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    let variance = values
        .iter()
        .map(|value| (value - centre).powi(2))
        .sum::<f64>()
        / values.len() as f64;
    Some(variance.sqrt())
}
