//! Every feature by its full name, with words for it.

use super::Features;

/// One feature: how it is called in `model/reference.json`, and how in a sentence.
pub(crate) struct Entry {
    /// Group and field, as in the JSON of an analysis.
    pub key: &'static str,
    /// What it is, in words.
    pub label: &'static str,
    /// Its unit in words; empty for plain numbers.
    pub unit: &'static str,
    /// Digits after the decimal point.
    pub digits: usize,
    value: fn(&Features) -> Option<f64>,
}

impl Entry {
    /// The feature's value on a recording.
    pub(crate) fn value(&self, features: &Features) -> Option<f64> {
        (self.value)(features)
    }

    /// A value of this feature, rounded, without its unit.
    pub(crate) fn number(&self, value: f64) -> String {
        format!("{value:.digits$}", digits = self.digits)
    }
}

macro_rules! entry {
    ($group:ident . $field:ident, $label:literal, $unit:literal, $digits:literal) => {
        Entry {
            key: concat!(stringify!($group), ".", stringify!($field)),
            label: $label,
            unit: $unit,
            digits: $digits,
            value: |features| features.$group.$field,
        }
    };
}

/// In the order in which they tell most about a voice. How loud a recording is, how noisy, and how long its pauses are
/// says something about the microphone and the moment, and is left out of comparisons with what is usual.
pub(crate) const COMPARED: &[Entry] = &[
    entry!(
        voice_features.pitch_deviation_semitones,
        "pitch variation",
        "semitones",
        1
    ),
    entry!(voice_features.jitter_local_percent, "jitter", "%", 2),
    entry!(voice_features.shimmer_local_percent, "shimmer", "%", 1),
    entry!(
        voice_features.harmonics_to_noise_db,
        "harmonics-to-noise ratio",
        "dB",
        1
    ),
    entry!(
        spectral_features.flux_ratio,
        "spectral change from frame to frame",
        "",
        2
    ),
    entry!(
        temporal_features.energy_deviation_db,
        "loudness variation",
        "dB",
        1
    ),
    entry!(spectral_features.flatness_ratio, "spectral flatness", "", 5),
    entry!(spectral_features.centroid_hz, "spectral centroid", "Hz", 0),
    entry!(
        spectral_features.bandwidth_hz,
        "spectral bandwidth",
        "Hz",
        0
    ),
    entry!(
        spectral_features.rolloff_85_percent_hz,
        "spectral roll-off",
        "Hz",
        0
    ),
    entry!(
        spectral_features.zero_crossings_per_second,
        "zero-crossing rate",
        "per second",
        0
    ),
    entry!(
        temporal_features.syllables_per_second,
        "syllable rate",
        "per second",
        1
    ),
    entry!(voice_features.voiced_fraction, "voiced share", "", 2),
    entry!(voice_features.pitch_median_hz, "median pitch", "Hz", 0),
];
