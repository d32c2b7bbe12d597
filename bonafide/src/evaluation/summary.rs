//! What an evaluation found: counts and figures, overall and per group.

use std::collections::BTreeMap;

use bonafide_detector::{ModelIdentity, Verdict};
use serde::Serialize;

use super::manifest::{Entry, Label};
use crate::metrics::{self, COST_FALSE_ALARM, COST_MISS, Figures, PRIOR_SPOOF, Trials};
use crate::recordings::{Failure, Outcome};

/// The outcome of a recording, without what no figure needs.
#[derive(Clone, Debug)]
pub(crate) struct Scored {
    label: Label,
    milliseconds: f64,
    result: Option<Score>,
}

#[derive(Clone, Copy, Debug)]
struct Score {
    log_likelihood_ratio: f64,
    verdict: Verdict,
    inconclusive: bool,
    seconds: f64,
}

impl Scored {
    /// Keeps what figures need.
    pub(crate) fn new(label: Label, outcome: &Outcome) -> Self {
        let result = outcome.analysis.as_ref().ok().map(|analysis| Score {
            log_likelihood_ratio: analysis.log_likelihood_ratio,
            verdict: analysis.verdict,
            inconclusive: analysis.inconclusive.is_some(),
            seconds: analysis.audio.seconds,
        });
        Self {
            label,
            milliseconds: outcome.milliseconds,
            result,
        }
    }
}

/// Counts and figures of some recordings. Recordings without analysis are counted in `files` and `errors` and nowhere
/// else; inconclusive ones are in every figure, because the service too gives them a verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Summary {
    /// Recordings.
    pub(crate) files: usize,
    /// Recordings without analysis.
    pub(crate) errors: usize,
    /// Analysed recordings that are bona fide.
    pub(crate) bonafide: usize,
    /// Analysed recordings that are spoof.
    pub(crate) spoof: usize,
    /// Analysed recordings whose verdict should not be relied on.
    pub(crate) inconclusive: usize,
    /// Figures that need both classes.
    #[serde(flatten)]
    pub(crate) figures: OptionalFigures,
    /// Share of the bona fide recordings that the shipped threshold calls spoof.
    pub(crate) fpr: Option<f64>,
    /// Share of the spoof recordings that the shipped threshold calls bona fide.
    pub(crate) fnr: Option<f64>,
    /// Length of the analysed audio, in seconds.
    pub(crate) audio_seconds: f64,
    /// Median time from opening a file to its verdict, in milliseconds, with as many at work at once as there were jobs.
    pub(crate) median_milliseconds: Option<f64>,
}

/// [`Figures`] whose fields are null where a class is missing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct OptionalFigures {
    /// See [`Figures::eer`].
    pub(crate) eer: Option<f64>,
    /// See [`Figures::eer_interval`].
    pub(crate) eer_interval: Option<[f64; 2]>,
    /// See [`Figures::auc`].
    pub(crate) auc: Option<f64>,
    /// See [`Figures::min_dcf`].
    pub(crate) min_dcf: Option<f64>,
    /// See [`Figures::cllr`].
    pub(crate) cllr: Option<f64>,
}

impl From<Figures> for OptionalFigures {
    fn from(figures: Figures) -> Self {
        Self {
            eer: Some(figures.eer),
            eer_interval: Some(figures.eer_interval),
            auc: Some(figures.auc),
            min_dcf: Some(figures.min_dcf),
            cllr: Some(figures.cllr),
        }
    }
}

impl Summary {
    /// Summarises recordings.
    pub(crate) fn of<'a>(recordings: impl IntoIterator<Item = &'a Scored>) -> Self {
        let (mut files, mut errors, mut inconclusive) = (0, 0, 0);
        let (mut false_positives, mut false_negatives) = (0, 0);
        let mut audio_seconds = 0.0;
        let mut milliseconds = Vec::new();
        let mut trials = Trials::default();
        for recording in recordings {
            files += 1;
            let Some(score) = recording.result else {
                errors += 1;
                continue;
            };
            milliseconds.push(recording.milliseconds);
            audio_seconds += score.seconds;
            inconclusive += usize::from(score.inconclusive);
            match recording.label {
                Label::BonaFide => {
                    trials.bona_fide.push(score.log_likelihood_ratio);
                    false_positives += usize::from(score.verdict == Verdict::Spoof);
                }
                Label::Spoof => {
                    trials.spoof.push(score.log_likelihood_ratio);
                    false_negatives += usize::from(score.verdict == Verdict::BonaFide);
                }
            }
        }
        let share = |part: usize, whole: usize| (whole > 0).then(|| part as f64 / whole as f64);
        Self {
            files,
            errors,
            bonafide: trials.bona_fide.len(),
            spoof: trials.spoof.len(),
            inconclusive,
            figures: trials
                .figures()
                .map(OptionalFigures::from)
                .unwrap_or_default(),
            fpr: share(false_positives, trials.bona_fide.len()),
            fnr: share(false_negatives, trials.spoof.len()),
            audio_seconds,
            median_milliseconds: metrics::median(&milliseconds),
        }
    }
}

/// The recordings that have one value in a column.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Group {
    /// The value.
    pub(crate) value: String,
    /// What they amount to.
    #[serde(flatten)]
    pub(crate) summary: Summary,
}

/// The recordings by the values of one column, in alphabetical order.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Grouping {
    /// The column.
    pub(crate) column: String,
    /// One group per value.
    pub(crate) groups: Vec<Group>,
}

impl Grouping {
    /// Groups recordings by the column at `position`; `entries` and `recordings` are in the same order.
    pub(crate) fn by(
        column: &str,
        position: usize,
        entries: &[Entry],
        recordings: &[Scored],
    ) -> Self {
        let mut members: BTreeMap<&str, Vec<&Scored>> = BTreeMap::new();
        for (entry, recording) in entries.iter().zip(recordings) {
            members
                .entry(&entry.values[position])
                .or_default()
                .push(recording);
        }
        let groups = members
            .into_iter()
            .map(|(value, members)| Group {
                value: value.to_owned(),
                summary: Summary::of(members),
            })
            .collect();
        Self {
            column: column.to_owned(),
            groups,
        }
    }
}

/// A recording that has no analysis.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct FileError {
    /// Where it was looked for.
    pub(crate) file: String,
    /// Why.
    pub(crate) error: Failure,
}

/// The parameters of the detection cost function behind `min_dcf`.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct DetectionCost {
    prior_spoof: f64,
    cost_bonafide_called_spoof: f64,
    cost_spoof_called_bonafide: f64,
}

impl Default for DetectionCost {
    fn default() -> Self {
        Self {
            prior_spoof: PRIOR_SPOOF,
            cost_bonafide_called_spoof: COST_MISS,
            cost_spoof_called_bonafide: COST_FALSE_ALARM,
        }
    }
}

/// All that an evaluation found.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    /// The manifest that was evaluated.
    pub(crate) manifest: String,
    /// Where the scores of the recordings are.
    pub(crate) scores: String,
    /// Which model answered.
    pub(crate) model: ModelIdentity,
    /// The probability of spoof from which its verdict is spoof.
    pub(crate) threshold: f64,
    /// What `min_dcf` counts.
    pub(crate) detection_cost: DetectionCost,
    /// How long the evaluation took, in seconds.
    pub(crate) elapsed_seconds: f64,
    /// All recordings.
    pub(crate) overall: Summary,
    /// The same, by each column that was asked for.
    pub(crate) by: Vec<Grouping>,
    /// Recordings without analysis.
    pub(crate) errors: Vec<FileError>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scored(label: Label, log_likelihood_ratio: f64, milliseconds: f64) -> Scored {
        let verdict = if log_likelihood_ratio >= 0.0 {
            Verdict::Spoof
        } else {
            Verdict::BonaFide
        };
        let score = Score {
            log_likelihood_ratio,
            verdict,
            inconclusive: log_likelihood_ratio == 0.0,
            seconds: 2.0,
        };
        Scored {
            label,
            milliseconds,
            result: Some(score),
        }
    }

    #[test]
    fn errors_at_the_threshold_are_shares_of_their_own_class() {
        let summary = Summary::of(&[
            scored(Label::BonaFide, -1.0, 1.0),
            scored(Label::BonaFide, 1.0, 2.0),
            scored(Label::BonaFide, -2.0, 3.0),
            scored(Label::BonaFide, -3.0, 4.0),
            scored(Label::Spoof, -4.0, 5.0),
            scored(Label::Spoof, 0.0, 6.0),
        ]);
        assert_eq!((summary.fpr, summary.fnr), (Some(0.25), Some(0.5)));
        assert_eq!(
            (summary.bonafide, summary.spoof, summary.inconclusive),
            (4, 2, 1)
        );
        assert_eq!(summary.audio_seconds, 12.0);
        assert_eq!(summary.median_milliseconds, Some(3.5));
        assert!(summary.figures.eer.is_some());
    }

    #[test]
    fn recordings_without_analysis_are_counted_and_in_no_figure() {
        let failed = Scored {
            label: Label::Spoof,
            milliseconds: 900.0,
            result: None,
        };
        let summary = Summary::of(&[scored(Label::BonaFide, -1.0, 1.0), failed]);
        assert_eq!(
            (
                summary.files,
                summary.errors,
                summary.bonafide,
                summary.spoof
            ),
            (2, 1, 1, 0)
        );
        assert_eq!((summary.fpr, summary.fnr), (Some(0.0), None));
        assert_eq!(summary.figures, OptionalFigures::default());
        assert_eq!(summary.median_milliseconds, Some(1.0));
    }

    #[test]
    fn nothing_at_all_is_no_reason_to_panic() {
        let summary = Summary::of([]);
        assert_eq!(
            (summary.files, summary.fpr, summary.median_milliseconds),
            (0, None, None)
        );
    }

    #[test]
    fn groups_hold_the_recordings_of_one_value() {
        let entry = |value: &str, label| Entry {
            values: vec![value.to_owned()],
            path: "".into(),
            label,
        };
        let entries = [
            entry("b", Label::Spoof),
            entry("a", Label::BonaFide),
            entry("b", Label::BonaFide),
        ];
        let recordings = [
            scored(Label::Spoof, 1.0, 1.0),
            scored(Label::BonaFide, -1.0, 1.0),
            scored(Label::BonaFide, -1.0, 1.0),
        ];
        let grouping = Grouping::by("system", 0, &entries, &recordings);
        let sizes: Vec<_> = grouping
            .groups
            .iter()
            .map(|group| (&*group.value, group.summary.files))
            .collect();
        assert_eq!(sizes, [("a", 1), ("b", 2)]);
        assert_eq!(grouping.groups[0].summary.figures.eer, None);
        assert_eq!(grouping.groups[1].summary.figures.eer, Some(0.0));
    }
}
