//! When a verdict should not be relied on.

use crate::activity::{Activity, FRAME_SAMPLES, percentile};
use crate::analysis::{InconclusiveReason, Segment};
use crate::features::Features;

/// Less active speech than this is a word or two: the model then scores mostly its own repetition.
const MIN_SPEECH_SECONDS: f64 = 1.0;

/// Speech of any length has at least one vowel, and a clear vowel takes at least this long. Of 1,379 clips of speech,
/// noisy and lossy ones among them, three have less voice than these two bounds ask for, and two of those hold none.
const MIN_VOICED_SECONDS: f64 = 0.1;

/// In a clip too short to hold [`MIN_VOICED_SECONDS`], this share of the active sound must be voiced; running speech
/// is about half voiced, whispery speech much less.
const MIN_VOICED_SHARE: f64 = 0.1;

/// Running speech varies by 6 dB and more from frame to frame (standard deviation); a tone, a hum or steady noise by
/// less than this.
const MIN_LEVEL_DEVIATION_DB: f64 = 1.0;

/// A shorter sound may be one sustained vowel, whose level is steady too.
const STEADY_SOUND_SECONDS: f64 = 0.5;

/// Estimated signal-to-noise ratio below which the background is as much a part of the sound as the voice. All but two
/// of 1,379 clips of speech from many microphones, lines and codecs are above 15 dB.
const MIN_SIGNAL_TO_NOISE_DB: f64 = 8.0;

/// A window at least this sure counts as confident, for spoof; one minus it, for bona fide.
const CONFIDENT: f64 = 0.9;

/// Each side must have this share of the windows, so that one odd window in a long recording does not veto.
const MIN_CONFLICTING_SHARE: f64 = 0.2;

/// The file's score is neither side's if it lies between these.
const UNDECIDED: std::ops::RangeInclusive<f64> = 0.2..=0.8;

/// Whether the active sound is anything like speech: some of it is voiced, and its level moves.
pub(crate) fn has_speech(activity: &Activity, voiced_seconds: f64) -> bool {
    let active_seconds = activity.active_seconds();
    let needed = MIN_VOICED_SECONDS.min(MIN_VOICED_SHARE * active_seconds);
    if activity.span.is_none() || voiced_seconds < needed {
        return false;
    }
    active_seconds < STEADY_SOUND_SECONDS || level_deviation_db(activity) >= MIN_LEVEL_DEVIATION_DB
}

fn level_deviation_db(activity: &Activity) -> f64 {
    let levels: Vec<f64> = activity
        .level_db
        .iter()
        .zip(&activity.active)
        .filter_map(|(&level, &is_active)| is_active.then_some(level))
        .collect();
    // The onset and the end of a tone are partly filled frames; the middle nine tenths are what counts.
    let (Some(low), Some(high)) = (percentile(&levels, 5.0), percentile(&levels, 95.0)) else {
        return 0.0;
    };
    let middle: Vec<f64> = levels
        .into_iter()
        .filter(|level| (low..=high).contains(level))
        .collect();
    let mean = middle.iter().sum::<f64>() / middle.len() as f64;
    (middle
        .iter()
        .map(|level| (level - mean).powi(2))
        .sum::<f64>()
        / middle.len() as f64)
        .sqrt()
}

/// The first reason that applies, if any, to a recording in which there is speech.
pub(crate) fn reason(
    activity: &Activity,
    features: &Features,
    score: f64,
    segments: &[Segment],
) -> Option<InconclusiveReason> {
    let signal_to_noise_db = features.temporal_features.signal_to_noise_db;
    if activity.active_seconds() < MIN_SPEECH_SECONDS {
        Some(InconclusiveReason::TooShort)
    } else if signal_to_noise_db.is_some_and(|ratio| ratio < MIN_SIGNAL_TO_NOISE_DB) {
        Some(InconclusiveReason::TooNoisy)
    } else if UNDECIDED.contains(&score) && is_conflicting(segments) {
        Some(InconclusiveReason::ConflictingSegments)
    } else {
        None
    }
}

fn is_conflicting(segments: &[Segment]) -> bool {
    let needed = (MIN_CONFLICTING_SHARE * segments.len() as f64).max(1.0);
    let spoof = segments
        .iter()
        .filter(|segment| segment.score >= CONFIDENT)
        .count();
    let bona_fide = segments
        .iter()
        .filter(|segment| segment.score <= 1.0 - CONFIDENT)
        .count();
    spoof as f64 >= needed && bona_fide as f64 >= needed
}

/// Signal-to-noise ratio in dB, estimated from frame levels: loud speech against the background in its gaps. Speech
/// without any gap has its weakest sounds for a background, and reads lower than it is.
pub(crate) fn signal_to_noise_db(activity: &Activity) -> Option<f64> {
    let (start, end) = activity.span?;
    let levels = activity
        .level_db
        .get(start / FRAME_SAMPLES..(end / FRAME_SAMPLES).min(activity.level_db.len()))?;
    Some(percentile(levels, 95.0)? - percentile(levels, 10.0)?)
}
