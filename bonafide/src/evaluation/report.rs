//! The report of an evaluation for a person to read.

use std::io::{self, Write};

use comfy_table::Table;

use super::summary::{Report, Summary};
use crate::metrics::{COST_FALSE_ALARM, COST_MISS, PRIOR_SPOOF, RESAMPLES};
use crate::tables::{self, percent};

/// Errors that are listed one by one; the scores file has all of them.
const LISTED_ERRORS: usize = 20;

const COLUMNS: [&str; 13] = [
    "bona fide",
    "spoof",
    "errors",
    "inconcl.",
    "EER",
    "95 % interval",
    "AUC",
    "minDCF",
    "Cllr",
    "FPR",
    "FNR",
    "minutes",
    "ms",
];

/// Writes the report as tables.
pub(crate) fn write(
    output: &mut impl Write,
    report: &Report,
    for_terminal: bool,
) -> io::Result<()> {
    let model = &report.model;
    writeln!(
        output,
        "{} {} on {}",
        model.name, model.version, report.manifest
    )?;
    let mut table = table("", for_terminal);
    table.add_row(row("all", &report.overall));
    writeln!(output, "\n{}", table.trim_fmt())?;
    for grouping in &report.by {
        let mut table = self::table(&grouping.column, for_terminal);
        for group in &grouping.groups {
            let value = if group.value.is_empty() {
                "(empty)"
            } else {
                &group.value
            };
            table.add_row(row(value, &group.summary));
        }
        writeln!(output, "\n{}", table.trim_fmt())?;
    }
    writeln!(
        output,
        "\nPositive is spoof. FPR, FNR: bona fide called spoof, spoof called bona fide, at the shipped threshold {}.\n\
         EER interval: {RESAMPLES} bootstrap resamples of the recordings within each class.\n\
         minDCF: prior of spoof {PRIOR_SPOOF}, cost {COST_MISS} of calling bona fide spoof, {COST_FALSE_ALARM} of the \
         reverse, as in ASVspoof 5.\n\
         Cllr: in bits; 1 is worthless. ms: median from opening a file to its verdict.",
        report.threshold,
    )?;
    if !report.errors.is_empty() {
        writeln!(output, "\nNot analysed, and in no figure:")?;
        for failed in report.errors.iter().take(LISTED_ERRORS) {
            writeln!(
                output,
                "  {}: {}: {}",
                failed.file, failed.error.code, failed.error.message
            )?;
        }
        if let Some(more) = report
            .errors
            .len()
            .checked_sub(LISTED_ERRORS)
            .filter(|more| *more > 0)
        {
            writeln!(output, "  and {more} more")?;
        }
    }
    writeln!(
        output,
        "\n{} files in {:.1} s. Scores: {}",
        report.overall.files, report.elapsed_seconds, report.scores
    )
}

fn table(first: &str, for_terminal: bool) -> Table {
    let header: Vec<&str> = std::iter::once(first).chain(COLUMNS).collect();
    let columns = header.len();
    tables::new(for_terminal, header, 1..columns)
}

fn row(name: &str, summary: &Summary) -> Vec<String> {
    let or_none = |text: Option<String>| text.unwrap_or_else(|| "-".to_owned());
    let figure = |value: Option<f64>| or_none(value.map(|value| format!("{value:.3}")));
    let share = |value: Option<f64>| or_none(value.map(percent));
    let figures = &summary.figures;
    vec![
        name.to_owned(),
        summary.bonafide.to_string(),
        summary.spoof.to_string(),
        summary.errors.to_string(),
        summary.inconclusive.to_string(),
        share(figures.eer),
        or_none(
            figures
                .eer_interval
                .map(|[low, high]| format!("{:.1} to {}", low * 100.0, percent(high))),
        ),
        figure(figures.auc),
        figure(figures.min_dcf),
        figure(figures.cllr),
        share(summary.fpr),
        share(summary.fnr),
        format!("{:.1}", summary.audio_seconds / 60.0),
        or_none(
            summary
                .median_milliseconds
                .map(|value| format!("{value:.0}")),
        ),
    ]
}
