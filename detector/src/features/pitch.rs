//! Pitch and harmonicity by autocorrelation.
//!
//! P. Boersma, "Accurate short-term analysis of the fundamental frequency and the harmonics-to-noise ratio of a sampled
//! sound", Proc. Institute of Phonetic Sciences 17 (1993), 97-110: the autocorrelation of a windowed frame divided by
//! that of the window, peaks of it as candidates, and the cheapest path through them. The constants are that paper's
//! (as in Praat), the search range is the human voice's. Peaks are interpolated by a parabola rather than by a sinc,
//! which costs a tenth of the time and a few hundredths of a semitone.

use realfft::RealFftPlanner;
use realfft::num_complex::Complex32;

use super::{deviation, mean};
use crate::SAMPLE_RATE_HZ;
use crate::activity::{Activity, percentile};

/// Distance between pitch frames, samples: 10 ms.
pub(super) const HOP: usize = 160;

/// Lowest fundamental looked for, Hz: below the deepest speaking voices.
const FLOOR_HZ: f32 = 65.0;

/// Highest fundamental looked for, Hz: above children's and excited voices.
const CEILING_HZ: f32 = 500.0;

/// Analysis frame, samples: three periods of the floor, which the method needs to see a period.
const FRAME: usize = 738;

/// Frame plus longest lag fit, so that the circular correlation is the linear one.
const FFT: usize = 1_024;

/// Candidates kept for each frame besides "unvoiced".
const MAX_CANDIDATES: usize = 4;

const SILENCE_THRESHOLD: f32 = 0.03;
const VOICING_THRESHOLD: f32 = 0.45;
const OCTAVE_COST: f32 = 0.01;
const OCTAVE_JUMP_COST: f32 = 0.35;
const VOICED_UNVOICED_COST: f32 = 0.14;

/// Correlations this close to 1 are within the error of the interpolation; the harmonics-to-noise ratio stops at 40 dB.
const MAX_CORRELATION: f32 = 0.9999;

/// One pitch frame.
#[derive(Clone, Copy, Debug)]
pub(super) struct PitchFrame {
    /// Its centre, in samples.
    pub centre: usize,
    /// Period in samples and normalised autocorrelation there; absent where unvoiced.
    pub voiced: Option<Voiced>,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Voiced {
    pub period: f32,
    pub correlation: f32,
}

/// Pitch of the active speech, in order of time. Inactive frames are left out.
pub(super) struct PitchTrack {
    pub frames: Vec<PitchFrame>,
}

#[derive(Clone, Copy)]
struct Candidate {
    voiced: Option<Voiced>,
    strength: f32,
}

/// Tracks the pitch of mono samples at 16 kHz.
pub(super) fn track(samples: &[f32], activity: &Activity) -> PitchTrack {
    let mut correlator = Correlator::new();
    let peak = samples
        .iter()
        .fold(0.0f32, |peak, sample| peak.max(sample.abs()));
    let mut frames = Vec::new();
    let mut candidates: Vec<Vec<Candidate>> = Vec::new();
    let last = samples.len().saturating_sub(HOP / 2);
    for centre in (HOP / 2..last)
        .step_by(HOP)
        .filter(|&centre| activity.is_active_at(centre))
    {
        candidates.push(correlator.candidates(samples, centre, peak));
        frames.push(PitchFrame {
            centre,
            voiced: None,
        });
    }
    for (frame, choice) in frames.iter_mut().zip(cheapest_path(&candidates)) {
        frame.voiced = choice;
    }
    PitchTrack { frames }
}

/// Windowed autocorrelation through the FFT, with its tables.
struct Correlator {
    forward: std::sync::Arc<dyn realfft::RealToComplex<f32>>,
    backward: std::sync::Arc<dyn realfft::ComplexToReal<f32>>,
    window: Vec<f32>,
    /// One over the window's own normalised autocorrelation.
    correction: Vec<f32>,
    time: Vec<f32>,
    spectrum: Vec<Complex32>,
    lags: Vec<f32>,
    scratch: Vec<Complex32>,
    min_lag: usize,
    max_lag: usize,
}

impl Correlator {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(FFT);
        let backward = planner.plan_fft_inverse(FFT);
        let scratch_len = forward.get_scratch_len().max(backward.get_scratch_len());
        let window: Vec<f32> = (0..FRAME)
            .map(|n| {
                let phase = (n as f32 + 0.5) / FRAME as f32;
                0.5 - 0.5 * (std::f32::consts::TAU * phase).cos()
            })
            .collect();
        let mut correlator = Self {
            time: vec![0.0; FFT],
            spectrum: vec![Complex32::default(); FFT / 2 + 1],
            lags: vec![0.0; FFT],
            scratch: vec![Complex32::default(); scratch_len],
            correction: Vec::new(),
            min_lag: (SAMPLE_RATE_HZ as f32 / CEILING_HZ) as usize,
            max_lag: (SAMPLE_RATE_HZ as f32 / FLOOR_HZ) as usize,
            forward,
            backward,
            window,
        };
        correlator.time[..FRAME].copy_from_slice(&correlator.window);
        correlator.correlate();
        let energy = correlator.lags[0];
        correlator.correction = correlator.lags[..correlator.max_lag + 2]
            .iter()
            .map(|&lag| energy / lag)
            .collect();
        correlator
    }

    /// From `time` to `lags`. The buffers have the plans' lengths, so the transforms cannot fail.
    fn correlate(&mut self) {
        self.time[FRAME..].fill(0.0);
        let forward = self.forward.process_with_scratch(
            &mut self.time,
            &mut self.spectrum,
            &mut self.scratch,
        );
        debug_assert!(forward.is_ok());
        self.spectrum
            .iter_mut()
            .for_each(|bin| *bin = Complex32::new(bin.norm_sqr(), 0.0));
        let backward = self.backward.process_with_scratch(
            &mut self.spectrum,
            &mut self.lags,
            &mut self.scratch,
        );
        debug_assert!(backward.is_ok());
    }

    fn candidates(&mut self, samples: &[f32], centre: usize, global_peak: f32) -> Vec<Candidate> {
        let local_peak = self.load(samples, centre);
        self.correlate();
        let unvoiced_strength = {
            let relative = if global_peak > 0.0 {
                local_peak / global_peak
            } else {
                0.0
            };
            let quiet = 2.0 - relative * (1.0 + VOICING_THRESHOLD) / SILENCE_THRESHOLD;
            VOICING_THRESHOLD + quiet.max(0.0)
        };
        let mut candidates = vec![Candidate {
            voiced: None,
            strength: unvoiced_strength,
        }];
        let energy = self.lags[0];
        if energy <= f32::MIN_POSITIVE {
            return candidates;
        }
        for (lag, scale) in self.lags.iter_mut().zip(&self.correction) {
            *lag *= scale / energy;
        }
        for lag in self.min_lag..=self.max_lag {
            let (before, here, after) = (self.lags[lag - 1], self.lags[lag], self.lags[lag + 1]);
            if here > 0.5 * VOICING_THRESHOLD && here > before && here >= after {
                candidates.push(voiced_candidate(lag, before, here, after));
            }
        }
        candidates[1..].sort_by(|a, b| b.strength.total_cmp(&a.strength));
        candidates.truncate(1 + MAX_CANDIDATES);
        candidates
    }

    /// Fills `time` with the windowed frame, its mean taken out; returns the frame's peak.
    fn load(&mut self, samples: &[f32], centre: usize) -> f32 {
        let from = centre as isize - (FRAME / 2) as isize;
        let start = from.max(0) as usize;
        let end = ((from + FRAME as isize).max(0) as usize).min(samples.len());
        let frame = &samples[start..end];
        let offset = (start as isize - from) as usize;
        let mean = frame.iter().sum::<f32>() / frame.len().max(1) as f32;
        self.time.fill(0.0);
        let mut peak = 0.0f32;
        let windowed = self.time[offset..].iter_mut().zip(&self.window[offset..]);
        for (sample, (slot, weight)) in frame.iter().zip(windowed) {
            let centred = sample - mean;
            peak = peak.max(centred.abs());
            *slot = centred * weight;
        }
        peak
    }
}

fn voiced_candidate(lag: usize, before: f32, here: f32, after: f32) -> Candidate {
    let curvature = before - 2.0 * here + after;
    let shift = if curvature < 0.0 {
        0.5 * (before - after) / curvature
    } else {
        0.0
    };
    let correlation = here - 0.25 * (before - after) * shift;
    let period = lag as f32 + shift;
    let min_period_ratio = (FLOOR_HZ * period / SAMPLE_RATE_HZ as f32).log2();
    Candidate {
        // Above 1 the interpolation overshoots: the paper mirrors such peaks.
        voiced: Some(Voiced {
            period,
            correlation: if correlation > 1.0 {
                1.0 / correlation
            } else {
                correlation
            },
        }),
        strength: correlation - OCTAVE_COST * min_period_ratio,
    }
}

/// Viterbi search for the path with the largest sum of strengths less transition costs.
fn cheapest_path(frames: &[Vec<Candidate>]) -> Vec<Option<Voiced>> {
    // The paper's transition costs hold for its 10 ms step, which is ours.
    let mut origins: Vec<Vec<usize>> = Vec::with_capacity(frames.len());
    let mut totals: Vec<f32> = Vec::new();
    for (index, candidates) in frames.iter().enumerate() {
        let previous = index.checked_sub(1).map(|before| &frames[before]);
        let (next_totals, next_origins) = candidates
            .iter()
            .map(|candidate| {
                let best = previous.and_then(|previous| {
                    previous
                        .iter()
                        .zip(&totals)
                        .map(|(from, total)| total - transition_cost(from, candidate))
                        .enumerate()
                        .max_by(|a, b| a.1.total_cmp(&b.1))
                });
                let (origin, total) = best.unwrap_or((0, 0.0));
                (total + candidate.strength, origin)
            })
            .unzip();
        totals = next_totals;
        origins.push(next_origins);
    }
    let mut at = totals
        .iter()
        .enumerate()
        .max_by(|a, b| a.1.total_cmp(b.1))
        .map_or(0, |best| best.0);
    let mut path = vec![None; frames.len()];
    for index in (0..frames.len()).rev() {
        path[index] = frames[index][at].voiced;
        at = origins[index][at];
    }
    path
}

fn transition_cost(from: &Candidate, to: &Candidate) -> f32 {
    match (from.voiced, to.voiced) {
        (Some(from), Some(to)) => OCTAVE_JUMP_COST * (from.period / to.period).log2().abs(),
        (None, None) => 0.0,
        _ => VOICED_UNVOICED_COST,
    }
}

impl PitchTrack {
    fn pitches(&self) -> Vec<f64> {
        self.frames
            .iter()
            .filter_map(|frame| frame.voiced)
            .map(|voiced| f64::from(SAMPLE_RATE_HZ) / f64::from(voiced.period))
            .collect()
    }

    /// Total length of voiced frames.
    pub(super) fn voiced_seconds(&self) -> f64 {
        let voiced = self
            .frames
            .iter()
            .filter(|frame| frame.voiced.is_some())
            .count();
        (voiced * HOP) as f64 / f64::from(SAMPLE_RATE_HZ)
    }

    pub(super) fn mean_hz(&self) -> Option<f64> {
        mean(&self.pitches())
    }

    pub(super) fn median_hz(&self) -> Option<f64> {
        percentile(&self.pitches(), 50.0)
    }

    pub(super) fn deviation_semitones(&self) -> Option<f64> {
        let semitones: Vec<f64> = self
            .pitches()
            .iter()
            .map(|pitch| 12.0 * pitch.log2())
            .collect();
        deviation(&semitones)
    }

    pub(super) fn voiced_fraction(&self) -> Option<f64> {
        let voiced = self
            .frames
            .iter()
            .filter(|frame| frame.voiced.is_some())
            .count();
        (!self.frames.is_empty()).then(|| voiced as f64 / self.frames.len() as f64)
    }

    /// Mean over voiced frames of 10 log10(r / (1 - r)), r the autocorrelation at the period.
    pub(super) fn harmonics_to_noise_db(&self) -> Option<f64> {
        let ratios: Vec<f64> = self
            .frames
            .iter()
            .filter_map(|frame| frame.voiced)
            .map(|voiced| f64::from(voiced.correlation.min(MAX_CORRELATION)))
            .map(|correlation| 10.0 * (correlation / (1.0 - correlation)).log10())
            .collect();
        mean(&ratios)
    }
}
