//! Shape of the short-term spectrum. Definitions as in librosa (B. McFee et al., "librosa: Audio and music signal
//! analysis in Python", SciPy 2015), so that the numbers compare with those of other tools.

use realfft::RealFftPlanner;

use super::SpectralFeatures;
use crate::SAMPLE_RATE_HZ;
use crate::activity::Activity;

/// Frame, samples: 32 ms.
const FRAME: usize = 512;

/// Distance between frames, samples: 16 ms.
const HOP: usize = 256;

const BINS: usize = FRAME / 2 + 1;
const BIN_HZ: f64 = SAMPLE_RATE_HZ as f64 / FRAME as f64;

/// Share of the magnitude below the roll-off frequency.
const ROLLOFF_SHARE: f32 = 0.85;

/// Keeps the geometric mean of an empty bin off minus infinity (librosa's `amin`).
const MIN_POWER: f32 = 1e-10;

#[derive(Default)]
struct Sums {
    frames: usize,
    centroid: f64,
    bandwidth: f64,
    rolloff: f64,
    flatness: f64,
    flux: f64,
    flux_pairs: usize,
    crossings: usize,
}

/// Measures the active frames of mono samples at 16 kHz.
pub(super) fn measure(samples: &[f32], activity: &Activity) -> SpectralFeatures {
    let fft = RealFftPlanner::<f32>::new().plan_fft_forward(FRAME);
    let window: Vec<f32> = (0..FRAME)
        .map(|n| 0.5 - 0.5 * (std::f32::consts::TAU * n as f32 / FRAME as f32).cos())
        .collect();
    let mut time = fft.make_input_vec();
    let mut bins = fft.make_output_vec();
    let mut scratch = fft.make_scratch_vec();
    let mut magnitude = [0.0f32; BINS];
    let mut unit_before: Option<[f32; BINS]> = None;
    let mut sums = Sums::default();
    for (index, frame) in samples.windows(FRAME).step_by(HOP).enumerate() {
        if !activity.is_active_at(index * HOP + FRAME / 2) {
            unit_before = None;
            continue;
        }
        time.iter_mut()
            .zip(frame)
            .zip(&window)
            .for_each(|((slot, x), w)| *slot = x * w);
        // The buffers have the plan's lengths, so the transform cannot fail.
        let transformed = fft.process_with_scratch(&mut time, &mut bins, &mut scratch);
        debug_assert!(transformed.is_ok());
        magnitude
            .iter_mut()
            .zip(&bins)
            .for_each(|(slot, bin)| *slot = bin.norm());
        let norm = magnitude.iter().map(|x| x * x).sum::<f32>().sqrt();
        if norm <= f32::MIN_POSITIVE {
            unit_before = None;
            continue;
        }
        sums.add_frame(frame, &magnitude);
        let unit = magnitude.map(|x| x / norm);
        if let Some(before) = unit_before {
            let distance: f32 = unit
                .iter()
                .zip(&before)
                .map(|(a, b)| (a - b) * (a - b))
                .sum();
            sums.flux += f64::from(distance.sqrt());
            sums.flux_pairs += 1;
        }
        unit_before = Some(unit);
    }
    sums.averages()
}

impl Sums {
    fn add_frame(&mut self, frame: &[f32], magnitude: &[f32; BINS]) {
        let total: f32 = magnitude.iter().sum();
        let first: f32 = magnitude
            .iter()
            .enumerate()
            .map(|(bin, x)| bin as f32 * x)
            .sum();
        let centroid = first / total;
        let second: f32 = magnitude
            .iter()
            .enumerate()
            .map(|(bin, x)| (bin as f32 - centroid).powi(2) * x)
            .sum();
        let mut below = 0.0;
        let rolloff = magnitude.iter().position(|x| {
            below += x;
            below >= ROLLOFF_SHARE * total
        });
        let power = magnitude.map(|x| (x * x).max(MIN_POWER));
        let log_mean = power.iter().map(|x| x.ln()).sum::<f32>() / BINS as f32;
        let mean = power.iter().sum::<f32>() / BINS as f32;
        self.frames += 1;
        self.centroid += f64::from(centroid);
        self.bandwidth += f64::from((second / total).sqrt());
        self.rolloff += rolloff.unwrap_or(BINS - 1) as f64;
        self.flatness += f64::from(log_mean.exp() / mean);
        // Each frame accounts for its first hop, so that no crossing counts twice.
        self.crossings += frame[..=HOP]
            .windows(2)
            .filter(|pair| (pair[0] < 0.0) != (pair[1] < 0.0))
            .count();
    }

    fn averages(&self) -> SpectralFeatures {
        let frames = self.frames as f64;
        let average = |sum: f64| (self.frames > 0).then(|| sum / frames);
        SpectralFeatures {
            centroid_hz: average(self.centroid * BIN_HZ),
            bandwidth_hz: average(self.bandwidth * BIN_HZ),
            rolloff_85_percent_hz: average(self.rolloff * BIN_HZ),
            flatness_ratio: average(self.flatness),
            flux_ratio: (self.flux_pairs > 0).then(|| self.flux / self.flux_pairs as f64),
            zero_crossings_per_second: average(
                self.crossings as f64 * f64::from(SAMPLE_RATE_HZ) / HOP as f64,
            ),
        }
    }
}
