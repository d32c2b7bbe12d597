//! Where in a recording is there sound worth scoring?
//!
//! The same rule, number for number, prepares the model's training data (`training/pipeline.py`); a change here
//! changes scores and needs a new model.

use crate::SAMPLE_RATE_HZ;

/// Length of an activity frame in samples, 20 ms. Frames do not overlap; an incomplete one at the end is dropped.
pub(crate) const FRAME_SAMPLES: usize = 320;

/// Added to the mean square, so that digital silence has a level: -100 dB.
const LEVEL_FLOOR: f64 = 1e-10;

/// Quieter than this, in dB of full scale, is never active: below lies the noise of 16-bit and lossy silence.
const ABSOLUTE_THRESHOLD_DB: f64 = -60.0;

/// A frame is active if it is at most this much quieter than the recording's loud frames: the span between stressed
/// vowels and the weakest consonants.
const SPAN_BELOW_LOUD_DB: f64 = 40.0;

/// The percentile of frame levels that stands for the recording's loud frames.
const LOUD_PERCENTILE: f64 = 95.0;

/// What stays around the first and the last active frame, in samples: 0.1 s.
const MARGIN_SAMPLES: usize = 1_600;

/// Levels and activity of a recording.
pub(crate) struct Activity {
    /// Level of each frame in dB of full scale.
    pub level_db: Vec<f64>,
    /// Whether each frame is active.
    pub active: Vec<bool>,
    /// The samples worth looking at, first to one past the last; absent where no frame is active.
    pub span: Option<(usize, usize)>,
}

impl Activity {
    /// Measures mono samples at 16 kHz.
    pub(crate) fn measure(samples: &[f32]) -> Self {
        let level_db: Vec<f64> = samples
            .chunks_exact(FRAME_SAMPLES)
            .map(|frame| {
                let energy: f64 = frame.iter().map(|&x| f64::from(x) * f64::from(x)).sum();
                10.0 * (energy / FRAME_SAMPLES as f64 + LEVEL_FLOOR).log10()
            })
            .collect();
        let loud = percentile(&level_db, LOUD_PERCENTILE).unwrap_or(f64::NEG_INFINITY);
        let threshold = (loud - SPAN_BELOW_LOUD_DB).max(ABSOLUTE_THRESHOLD_DB);
        let active: Vec<bool> = level_db.iter().map(|&level| level > threshold).collect();
        let first = active.iter().position(|&is_active| is_active);
        let last = active.iter().rposition(|&is_active| is_active);
        let span = first.zip(last).map(|(first, last)| {
            let start = (first * FRAME_SAMPLES).saturating_sub(MARGIN_SAMPLES);
            let end = ((last + 1) * FRAME_SAMPLES + MARGIN_SAMPLES).min(samples.len());
            (start, end)
        });
        Self {
            level_db,
            active,
            span,
        }
    }

    /// Total length of the active frames in seconds.
    pub(crate) fn active_seconds(&self) -> f64 {
        let frames = self.active.iter().filter(|&&is_active| is_active).count();
        (frames * FRAME_SAMPLES) as f64 / f64::from(SAMPLE_RATE_HZ)
    }

    /// Whether the frame around a sample is active.
    pub(crate) fn is_active_at(&self, sample: usize) -> bool {
        self.active
            .get(sample / FRAME_SAMPLES)
            .copied()
            .unwrap_or(false)
    }

    /// The share of active frames among those fully inside a stretch of samples; 0 where there is none.
    pub(crate) fn active_share(&self, start: usize, end: usize) -> f64 {
        let last = (end / FRAME_SAMPLES).min(self.active.len());
        let first = start.div_ceil(FRAME_SAMPLES).min(last);
        let frames = &self.active[first..last];
        if frames.is_empty() {
            return 0.0;
        }
        frames.iter().filter(|&&is_active| is_active).count() as f64 / frames.len() as f64
    }
}

/// A percentile with linear interpolation between order statistics, which is NumPy's default. None of an empty slice.
pub(crate) fn percentile(values: &[f64], percent: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let position = percent / 100.0 * sorted.len().checked_sub(1)? as f64;
    let below = position.floor() as usize;
    let above = position.ceil() as usize;
    let fraction = position - below as f64;
    Some(sorted[below] + (sorted[above] - sorted[below]) * fraction)
}
