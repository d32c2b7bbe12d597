//! How well scores tell spoof from bona fide, in the field's own figures.
//!
//! Everywhere here *positive* means spoof: the false positive rate is the share of bona fide recordings called spoof, the
//! false negative rate the share of spoof recordings called bona fide. Scores are natural-log likelihood ratios of spoof
//! against bona fide, which order recordings as the probability does but do not run together near 0 and 1.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};
use rayon::prelude::*;
use serde::Serialize;

/// Prior probability of spoof and costs of the detection cost function of ASVspoof 5, track 1 (X. Wang et al.,
/// "ASVspoof 5: Crowdsourced Speech Data, Deepfakes, and Adversarial Attacks at Scale", arXiv:2408.08739, and the
/// challenge's evaluation package).
pub(crate) const PRIOR_SPOOF: f64 = 0.05;
/// Cost of calling a bona fide recording spoof (a *miss* of bona fide speech in ASVspoof 5).
pub(crate) const COST_MISS: f64 = 1.0;
/// Cost of calling a spoof recording bona fide (a *false alarm* in ASVspoof 5).
pub(crate) const COST_FALSE_ALARM: f64 = 10.0;

/// Resamples of the bootstrap.
pub(crate) const RESAMPLES: u64 = 1000;
/// Coverage of the bootstrap's interval.
const COVERAGE: f64 = 0.95;
/// The same trials give the same interval, whatever the machine and its number of cores.
const SEED: u64 = 0xB0_4A_F1_DE;

/// The scores of labelled recordings.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Trials {
    /// Scores of the bona fide recordings; finite.
    pub(crate) bona_fide: Vec<f64>,
    /// Scores of the spoof recordings; finite.
    pub(crate) spoof: Vec<f64>,
}

/// What scores are worth, whatever threshold is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Figures {
    /// Equal error rate, 0 to 1: where the false positive rate equals the false negative rate on the ROC curve, whose
    /// points are the distinct scores, joined by straight lines. Tied scores are one point.
    pub(crate) eer: f64,
    /// 95 % interval of `eer`: percentiles of a bootstrap over recordings, resampled within each class. It knows
    /// nothing of recordings that share a speaker or a system, which make the truth less certain than it says.
    pub(crate) eer_interval: [f64; 2],
    /// Area under the ROC curve, 0 to 1: the probability that a spoof recording scores above a bona fide one, ties
    /// counting half.
    pub(crate) auc: f64,
    /// Minimum over all thresholds of the detection cost function of ASVspoof 5, normalised by the cost of the better
    /// one of always saying spoof and always saying bona fide. 0 is perfect, 1 is worthless.
    pub(crate) min_dcf: f64,
    /// Cost of log-likelihood ratio in bits (N. Brümmer and J. du Preez, "Application-independent evaluation of speaker
    /// detection", Computer Speech and Language 20, 2006). 0 is perfect, 1 is what saying nothing costs, and more than
    /// 1 is worse than nothing: badly calibrated.
    pub(crate) cllr: f64,
}

impl Trials {
    /// All figures; `None` where one of the classes has no recording.
    pub(crate) fn figures(&self) -> Option<Figures> {
        if self.bona_fide.is_empty() || self.spoof.is_empty() {
            return None;
        }
        let ranked = Ranked::new(self);
        let curve = ranked.curve();
        Some(Figures {
            eer: curve.equal_error_rate(),
            eer_interval: ranked.equal_error_rate_interval(),
            auc: curve.area(),
            min_dcf: curve.min_detection_cost(),
            cllr: self.log_likelihood_ratio_cost(),
        })
    }

    fn log_likelihood_ratio_cost(&self) -> f64 {
        let spoof = mean(self.spoof.iter().map(|ratio| softplus(-ratio)));
        let bona_fide = mean(self.bona_fide.iter().map(|ratio| softplus(*ratio)));
        (spoof + bona_fide) / (2.0 * std::f64::consts::LN_2)
    }
}

/// `ln(1 + e^x)` without overflow.
fn softplus(x: f64) -> f64 {
    x.max(0.0) + (-x.abs()).exp().ln_1p()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

/// Each recording's place among the distinct scores, the highest score first: all that ROC figures depend on, and what
/// makes a resample cost one pass without sorting.
struct Ranked {
    bona_fide: Vec<usize>,
    spoof: Vec<usize>,
    distinct: usize,
}

impl Ranked {
    fn new(trials: &Trials) -> Self {
        let mut distinct: Vec<f64> = trials
            .bona_fide
            .iter()
            .chain(&trials.spoof)
            .copied()
            .collect();
        distinct.sort_by(|a, b| b.total_cmp(a));
        // Equal as numbers: 0 and -0 are one score.
        distinct.dedup();
        let ranks = |scores: &[f64]| {
            scores
                .iter()
                .map(|score| distinct.partition_point(|other| other > score))
                .collect::<Vec<_>>()
        };
        Self {
            bona_fide: ranks(&trials.bona_fide),
            spoof: ranks(&trials.spoof),
            distinct: distinct.len(),
        }
    }

    fn curve(&self) -> Curve {
        let mut curve = Curve::empty(self.distinct);
        self.bona_fide
            .iter()
            .for_each(|&rank| curve.steps[rank].bona_fide += 1);
        self.spoof
            .iter()
            .for_each(|&rank| curve.steps[rank].spoof += 1);
        curve
    }

    fn resampled(&self, resample: u64) -> Curve {
        let mut random = Xoshiro256PlusPlus::seed_from_u64(SEED.wrapping_add(resample));
        let mut curve = Curve::empty(self.distinct);
        for _ in 0..self.bona_fide.len() {
            curve.steps[self.bona_fide[random.random_range(0..self.bona_fide.len())]].bona_fide +=
                1;
        }
        for _ in 0..self.spoof.len() {
            curve.steps[self.spoof[random.random_range(0..self.spoof.len())]].spoof += 1;
        }
        curve
    }

    fn equal_error_rate_interval(&self) -> [f64; 2] {
        let mut rates: Vec<f64> = (0..RESAMPLES)
            .into_par_iter()
            .map(|resample| self.resampled(resample).equal_error_rate())
            .collect();
        rates.sort_by(f64::total_cmp);
        let tail = (1.0 - COVERAGE) / 2.0;
        [quantile(&rates, tail), quantile(&rates, 1.0 - tail)]
    }
}

/// How many recordings of each class have one score.
#[derive(Clone, Copy, Default)]
struct Step {
    bona_fide: u64,
    spoof: u64,
}

/// The ROC curve as counts per distinct score, the highest score first. Both classes have recordings.
struct Curve {
    steps: Vec<Step>,
}

impl Curve {
    fn empty(distinct: usize) -> Self {
        Self {
            steps: vec![Step::default(); distinct],
        }
    }

    fn totals(&self) -> (f64, f64) {
        let (bona_fide, spoof) = self.steps.iter().fold((0, 0), |(bona_fide, spoof), step| {
            (bona_fide + step.bona_fide, spoof + step.spoof)
        });
        (bona_fide as f64, spoof as f64)
    }

    /// False positive and false negative rate of each threshold, from the one that calls nothing spoof to the one that
    /// calls everything spoof.
    fn points(&self) -> impl Iterator<Item = (f64, f64)> {
        let (bona_fide, spoof) = self.totals();
        let mut called = Step::default();
        let thresholds = self.steps.iter().map(move |step| {
            called.bona_fide += step.bona_fide;
            called.spoof += step.spoof;
            (
                called.bona_fide as f64 / bona_fide,
                1.0 - called.spoof as f64 / spoof,
            )
        });
        std::iter::once((0.0, 1.0)).chain(thresholds)
    }

    fn equal_error_rate(&self) -> f64 {
        let (mut before_positive, mut before_negative) = (0.0, 1.0);
        for (false_positive, false_negative) in self.points() {
            if false_positive >= false_negative {
                let gap_before = before_negative - before_positive;
                let gap_after = false_positive - false_negative;
                let share = gap_before / (gap_before + gap_after);
                return before_positive + share * (false_positive - before_positive);
            }
            (before_positive, before_negative) = (false_positive, false_negative);
        }
        // The last point is (1, 0), so the loop has returned.
        1.0
    }

    fn area(&self) -> f64 {
        let (bona_fide, spoof) = self.totals();
        let mut below = bona_fide;
        let mut wins = 0.0;
        for step in &self.steps {
            below -= step.bona_fide as f64;
            wins += step.spoof as f64 * (below + step.bona_fide as f64 / 2.0);
        }
        wins / (bona_fide * spoof)
    }

    fn min_detection_cost(&self) -> f64 {
        let miss = COST_MISS * (1.0 - PRIOR_SPOOF);
        let false_alarm = COST_FALSE_ALARM * PRIOR_SPOOF;
        let cheapest = self
            .points()
            .map(|(false_positive, false_negative)| {
                miss * false_positive + false_alarm * false_negative
            })
            .fold(f64::INFINITY, f64::min);
        cheapest / miss.min(false_alarm)
    }
}

/// The median; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (!sorted.is_empty()).then(|| quantile(&sorted, 0.5))
}

/// The `share` quantile of sorted, non-empty values, between two of them by linear interpolation.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let position = share * (sorted.len() - 1) as f64;
    let (low, high) = (
        sorted[position.floor() as usize],
        sorted[position.ceil() as usize],
    );
    low + (high - low) * position.fract()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(bona_fide: &[f64], spoof: &[f64]) -> Figures {
        Trials {
            bona_fide: bona_fide.to_vec(),
            spoof: spoof.to_vec(),
        }
        .figures()
        .unwrap()
    }

    fn assert_close(actual: f64, expected: f64) {
        assert!(
            (actual - expected).abs() < 1e-12,
            "{actual} is not {expected}"
        );
    }

    #[test]
    fn perfect_separation_costs_nothing() {
        let figures = figures(&[-3.0, -2.0, -1.0], &[1.0, 2.0]);
        assert_eq!(figures.eer, 0.0);
        assert_eq!(figures.eer_interval, [0.0, 0.0]);
        assert_eq!(figures.auc, 1.0);
        assert_eq!(figures.min_dcf, 0.0);
    }

    #[test]
    fn perfectly_wrong_scores_are_as_bad_as_it_gets() {
        let figures = figures(&[1.0, 2.0], &[-2.0, -1.0]);
        assert_close(figures.eer, 1.0);
        assert_eq!(figures.auc, 0.0);
        // Whoever ignores such scores and always says bona fide pays 1.
        assert_close(figures.min_dcf, 1.0);
    }

    #[test]
    fn equal_scores_tell_nothing() {
        let figures = figures(&[0.0; 7], &[0.0; 3]);
        assert_close(figures.eer, 0.5);
        assert_eq!(figures.eer_interval, [0.5, 0.5]);
        assert_eq!(figures.auc, 0.5);
        assert_close(figures.min_dcf, 1.0);
        assert_close(figures.cllr, 1.0);
    }

    #[test]
    fn overlapping_scores_give_the_figures_computed_by_hand() {
        // By falling threshold, (false positives, false negatives): (0, 1), (0, 3/4), (0, 2/4), (1/4, 2/4), (1/4, 1/4) ...
        let figures = figures(&[-2.0, -1.0, 0.0, 1.0], &[-0.5, 0.5, 2.0, 3.0]);
        assert_close(figures.eer, 0.25);
        // 13 of the 16 pairs are in order.
        assert_close(figures.auc, 13.0 / 16.0);
        // At (0, 2/4): 0.5 * 2/4 / 0.5.
        assert_close(figures.min_dcf, 0.5);
    }

    #[test]
    fn tied_scores_are_one_threshold() {
        // The curve goes from (0, 1/2) to (1, 0) in one line, which crosses the diagonal at 1/3.
        let figures = figures(&[0.0, -0.0], &[0.0, 1.0]);
        assert_close(figures.eer, 1.0 / 3.0);
        assert_close(figures.auc, 0.75);
    }

    #[test]
    fn the_two_kinds_of_error_cost_what_asvspoof_5_says() {
        // One bona fide recording in four lies above all spoof: rejecting it costs 0.95 / 4 / 0.5.
        assert_close(
            figures(&[-3.0, -2.0, -1.0, 5.0], &[1.0, 2.0]).min_dcf,
            0.475,
        );
        // One spoof recording in four lies below all bona fide: accepting it costs 0.5 / 4 / 0.5.
        assert_close(figures(&[0.0, -1.0], &[-5.0, 1.0, 2.0, 3.0]).min_dcf, 0.25);
    }

    #[test]
    fn cllr_rewards_calibrated_ratios_and_punishes_confident_errors() {
        // Each recording has odds of 3 to 1 for its own class: log2(1 + 1/3) bits each.
        let odds = 3.0_f64.ln();
        assert_close(figures(&[-odds], &[odds]).cllr, (4.0_f64 / 3.0).log2());
        // The same odds for the wrong class: log2(1 + 3).
        assert_close(figures(&[odds], &[-odds]).cllr, 2.0);
        // Ratios beyond what exp() holds stay finite: half of 2000 nats.
        assert_close(
            figures(&[-1.0e9], &[-2000.0]).cllr,
            1000.0 / std::f64::consts::LN_2,
        );
    }

    #[test]
    fn one_class_has_no_figures() {
        assert_eq!(
            Trials {
                bona_fide: vec![0.0],
                spoof: vec![]
            }
            .figures(),
            None
        );
        assert_eq!(
            Trials {
                bona_fide: vec![],
                spoof: vec![0.0]
            }
            .figures(),
            None
        );
        assert_eq!(Trials::default().figures(), None);
    }

    #[test]
    fn the_interval_holds_the_rate_narrows_with_more_recordings_and_repeats_exactly() {
        let spread = |count: usize| {
            let scores = |shift: f64| {
                (0..count)
                    .map(|n| n as f64 / count as f64 + shift)
                    .collect::<Vec<_>>()
            };
            figures(&scores(0.0), &scores(0.6))
        };
        let (few, many) = (spread(50), spread(1250));
        for figures in [few, many] {
            let [low, high] = figures.eer_interval;
            assert!(low < figures.eer && figures.eer < high, "{figures:?}");
        }
        let width = |figures: Figures| figures.eer_interval[1] - figures.eer_interval[0];
        // 25 times the recordings, a fifth of the width.
        assert!(
            (0.1..0.4).contains(&(width(many) / width(few))),
            "{few:?} {many:?}"
        );
        assert_eq!(spread(50), few);
    }

    #[test]
    fn the_median_lies_in_the_middle() {
        assert_eq!(median(&[]), None);
        assert_eq!(median(&[4.0]), Some(4.0));
        assert_eq!(median(&[9.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 9.0]), Some(3.0));
    }
}
