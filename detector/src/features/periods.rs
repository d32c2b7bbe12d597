//! Jitter and shimmer: how much successive glottal cycles differ.
//!
//! Cycles are found by waveform matching: a period is the lag at which one cycle correlates best with the next, to a
//! fraction of a sample (P. Milenkovic, "Least mean square measures of voice perturbation", J. Speech and Hearing
//! Research 30 (1987), 529-538). Jitter and shimmer are Praat's "local" measures over those periods, with Praat's
//! guards against octave errors and onsets.

use super::pitch::{HOP, PitchFrame, PitchTrack, Voiced};

/// How far from the tracked period a cycle's own period may lie, as a factor.
const PERIOD_SPAN: std::ops::Range<f32> = 0.8..1.25;

/// Cycles that match worse than this are not two cycles of one voice.
const MIN_MATCH: f32 = 0.5;

/// Successive periods that differ by more than this factor are not compared (Praat's "maximum period factor").
const MAX_PERIOD_FACTOR: f64 = 1.3;

/// Successive amplitudes that differ by more than this factor are not compared (Praat's "maximum amplitude factor").
const MAX_AMPLITUDE_FACTOR: f64 = 1.6;

/// A stretch of voice shorter than this many pitch frames is mostly onset and end.
const MIN_STRETCH_FRAMES: usize = 4;

/// Fewer compared pairs than this say nothing.
const MIN_PAIRS: usize = 10;

/// Regularity of a voice; absent where too few cycles were found.
pub(super) struct Regularity {
    pub jitter_percent: Option<f64>,
    pub shimmer_percent: Option<f64>,
}

struct Cycle {
    period: f64,
    amplitude: f64,
}

/// Sums over pairs of neighbouring cycles.
#[derive(Default)]
struct Differences {
    sum: f64,
    level: f64,
    pairs: usize,
}

impl Differences {
    fn add(&mut self, first: f64, second: f64, max_factor: f64) {
        let (low, high) = if first < second {
            (first, second)
        } else {
            (second, first)
        };
        if low > 0.0 && high <= low * max_factor {
            self.sum += high - low;
            self.level += 0.5 * (high + low);
            self.pairs += 1;
        }
    }

    fn percent(&self) -> Option<f64> {
        (self.pairs >= MIN_PAIRS).then(|| 100.0 * self.sum / self.level)
    }
}

/// Measures the voiced stretches of a pitch track.
pub(super) fn measure(samples: &[f32], track: &PitchTrack) -> Regularity {
    let mut jitter = Differences::default();
    let mut shimmer = Differences::default();
    let follows = |a: &PitchFrame, b: &PitchFrame| {
        b.centre == a.centre + HOP && a.voiced.is_some() == b.voiced.is_some()
    };
    for stretch in track.frames.chunk_by(follows) {
        if stretch.len() < MIN_STRETCH_FRAMES || stretch[0].voiced.is_none() {
            continue;
        }
        let cycles = walk(samples, stretch);
        for pair in cycles.windows(2) {
            jitter.add(pair[0].period, pair[1].period, MAX_PERIOD_FACTOR);
            shimmer.add(pair[0].amplitude, pair[1].amplitude, MAX_AMPLITUDE_FACTOR);
        }
    }
    Regularity {
        jitter_percent: jitter.percent(),
        shimmer_percent: shimmer.percent(),
    }
}

/// Steps through a voiced stretch cycle by cycle, from the strongest peak of its first period on.
fn walk(samples: &[f32], stretch: &[PitchFrame]) -> Vec<Cycle> {
    let (Some(first), Some(last)) = (stretch.first(), stretch.last()) else {
        return Vec::new();
    };
    let mut cycles = Vec::new();
    let period_at = |sample: usize| -> Option<Voiced> {
        stretch[(sample.saturating_sub(first.centre) / HOP).min(stretch.len() - 1)].voiced
    };
    let Some(start) = period_at(first.centre) else {
        return cycles;
    };
    let search = first.centre..(first.centre + start.period as usize).min(samples.len());
    let mut at = search
        .max_by(|&a, &b| samples[a].abs().total_cmp(&samples[b].abs()))
        .unwrap_or(first.centre);
    while at < last.centre {
        let Some(expected) = period_at(at) else { break };
        match next_cycle(samples, at, expected.period) {
            Some(cycle) => {
                at += (cycle.period.round() as usize).max(1);
                cycles.push(cycle);
            }
            None => at += (expected.period as usize).max(1),
        }
    }
    cycles
}

/// Matches the cycle centred at a sample with the next one.
fn next_cycle(samples: &[f32], at: usize, expected: f32) -> Option<Cycle> {
    let half = (expected / 2.0) as usize;
    let min_lag = (expected * PERIOD_SPAN.start) as usize;
    let max_lag = (expected * PERIOD_SPAN.end) as usize + 1;
    let start = at.checked_sub(half)?;
    let cycle = samples.get(start..at + half)?;
    let region = samples.get(start + min_lag - 1..at + half + max_lag + 1)?;
    let energy = dot(cycle, cycle);
    let match_at = |lag: usize| {
        let offset = lag + 1 - min_lag;
        let other = &region[offset..offset + cycle.len()];
        dot(cycle, other) / (energy * dot(other, other)).sqrt().max(f32::MIN_POSITIVE)
    };
    let (lag, best) = (min_lag..=max_lag)
        .map(|lag| (lag, match_at(lag)))
        .max_by(|a, b| a.1.total_cmp(&b.1))?;
    if best < MIN_MATCH {
        return None;
    }
    let (before, after) = (match_at(lag - 1), match_at(lag + 1));
    let curvature = before - 2.0 * best + after;
    let shift = if curvature < 0.0 {
        (0.5 * (before - after) / curvature).clamp(-0.5, 0.5)
    } else {
        0.0
    };
    let (low, high) = cycle
        .iter()
        .fold((f32::MAX, f32::MIN), |(low, high), &sample| {
            (low.min(sample), high.max(sample))
        });
    Some(Cycle {
        period: lag as f64 + f64::from(shift),
        amplitude: f64::from(high - low),
    })
}

/// In eight lanes, so that it becomes SIMD: a plain sum of floats must keep its order.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; 8];
    let (a_chunks, b_chunks) = (a.chunks_exact(8), b.chunks_exact(8));
    let tail: f32 = a_chunks
        .remainder()
        .iter()
        .zip(b_chunks.remainder())
        .map(|(x, y)| x * y)
        .sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..8 {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}
