//! Loudness, pauses and syllable rate, from the 20 ms activity frames.

use super::pitch::PitchTrack;
use super::{TemporalFeatures, deviation, mean};
use crate::SAMPLE_RATE_HZ;
use crate::activity::{Activity, FRAME_SAMPLES, percentile};
use crate::inconclusive::signal_to_noise_db;

/// Shorter gaps are stop consonants, not pauses: 250 ms, after N. de Jong and H. Bosker, "Choosing a threshold for
/// silent pauses to measure second language fluency", DiSS 2013.
const MIN_PAUSE_FRAMES: usize = 13;

/// Between two syllable nuclei the level dips by at least this much: N. de Jong and T. Wempe, "Praat script to detect
/// syllable nuclei and measure speech rate automatically", Behavior Research Methods 41 (2009), 385-390.
const MIN_DIP_DB: f64 = 2.0;

/// A nucleus is not more than this below the loud frames (same source).
const NUCLEUS_SPAN_DB: f64 = 25.0;

/// Measures levels and activity, and voicing for the syllables.
pub(super) fn measure(activity: &Activity, track: &PitchTrack) -> TemporalFeatures {
    let levels: Vec<f64> = activity
        .level_db
        .iter()
        .zip(&activity.active)
        .filter_map(|(&level, &is_active)| is_active.then_some(level))
        .collect();
    let first = activity.active.iter().position(|&is_active| is_active);
    let last = activity.active.iter().rposition(|&is_active| is_active);
    let Some((first, last)) = first.zip(last) else {
        return TemporalFeatures::default();
    };
    let speech = &activity.active[first..=last];
    let pauses: Vec<f64> = speech
        .chunk_by(|a, b| a == b)
        .filter(|run| !run[0] && run.len() >= MIN_PAUSE_FRAMES)
        .map(|run| seconds(run.len()))
        .collect();
    let total = seconds(speech.len());
    // Folded from +0: the sum of no floats is -0, which would be reported as `-0.0`.
    let paused = pauses.iter().fold(0.0, |sum, pause| sum + pause);
    let nuclei = count_nuclei(
        &activity.level_db[first..=last],
        &voicing(activity, track)[first..=last],
    );
    TemporalFeatures {
        energy_mean_db: mean(&levels),
        energy_deviation_db: deviation(&levels),
        signal_to_noise_db: signal_to_noise_db(activity),
        pause_count: Some(pauses.len() as f64),
        pause_mean_seconds: mean(&pauses),
        pause_fraction: Some(paused / total),
        syllables_per_second: Some(nuclei as f64 / (total - paused)),
    }
}

fn seconds(frames: usize) -> f64 {
    (frames * FRAME_SAMPLES) as f64 / f64::from(SAMPLE_RATE_HZ)
}

/// Whether each activity frame is voiced.
fn voicing(activity: &Activity, track: &PitchTrack) -> Vec<bool> {
    let mut voiced = vec![false; activity.level_db.len()];
    for frame in track.frames.iter().filter(|frame| frame.voiced.is_some()) {
        if let Some(slot) = voiced.get_mut(frame.centre / FRAME_SAMPLES) {
            *slot = true;
        }
    }
    voiced
}

/// Counts voiced peaks of the level with a dip before each.
fn count_nuclei(level_db: &[f64], voiced: &[bool]) -> usize {
    let loud = percentile(level_db, 99.0).unwrap_or(f64::NEG_INFINITY);
    let smooth: Vec<f64> = (0..level_db.len())
        .map(|at| {
            let around = &level_db[at.saturating_sub(1)..(at + 2).min(level_db.len())];
            around.iter().sum::<f64>() / around.len() as f64
        })
        .collect();
    let mut nuclei = 0;
    let mut peak: Option<usize> = None;
    let mut valley = f64::INFINITY;
    for (at, &level) in smooth.iter().enumerate() {
        match peak {
            // Climbing, or about to: a peak starts to exist once it stands out of the last valley.
            None if level - valley >= MIN_DIP_DB || at == 0 => peak = Some(at),
            None => valley = valley.min(level),
            Some(top) if level > smooth[top] => peak = Some(at),
            Some(top) if smooth[top] - level >= MIN_DIP_DB => {
                nuclei += usize::from(voiced[top] && smooth[top] > loud - NUCLEUS_SPAN_DB);
                peak = None;
                valley = level;
            }
            Some(_) => {}
        }
    }
    nuclei
        + peak
            .filter(|&top| voiced[top] && smooth[top] > loud - NUCLEUS_SPAN_DB)
            .map_or(0, |_| 1)
}
