//! `bonafide evaluate`: the production pipeline on labelled recordings.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use super::ModelChoice;
use crate::evaluation::manifest::Manifest;
use crate::evaluation::report;
use crate::evaluation::scores::ScoresFile;
use crate::evaluation::summary::{DetectionCost, FileError, Grouping, Report, Scored, Summary};
use crate::recordings::{Source, analyse_each};

/// Measure the detector on labelled recordings.
///
/// Runs exactly what the service runs on every recording of a manifest, writes its score beside each, and sums up:
/// equal error rate with its 95 % bootstrap interval, AUC, minDCF (as in ASVspoof 5), Cllr, and at the shipped threshold
/// the share of bona fide recordings called spoof (FPR) and of spoof recordings called bona fide (FNR). Inconclusive
/// recordings are in every figure; recordings that cannot be analysed are counted and listed, and in none.
///
/// Exit code: 0 if the evaluation ran to its end (single recordings may have errors), 1 if not, 2 on wrong usage.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// CSV file with the columns `file` (relative to the manifest's folder) and `label` (bonafide or spoof); others are
    /// kept
    #[arg(value_name = "MANIFEST.csv")]
    manifest: PathBuf,
    /// Also sum up per value of this column; may be repeated
    #[arg(long, value_name = "COLUMN")]
    by: Vec<String>,
    /// Where to write the manifest's columns with score, log_likelihood_ratio, verdict, inconclusive, seconds,
    /// milliseconds and error
    #[arg(long, value_name = "PATH", default_value = "scores.csv")]
    scores: PathBuf,
    /// Print the summary as one JSON object
    #[arg(long)]
    json: bool,
    /// Recordings analysed at once [default: one per core]
    #[arg(long, value_name = "N", default_value_t = 0, hide_default_value = true)]
    jobs: usize,
    #[command(flatten)]
    model: ModelChoice,
}

pub(super) fn run(arguments: &Arguments) -> anyhow::Result<ExitCode> {
    let manifest = Manifest::read(&arguments.manifest)?;
    let positions: Vec<usize> = arguments
        .by
        .iter()
        .map(|column| manifest.position(column))
        .collect::<anyhow::Result<_>>()
        .context("--by")?;
    let mut scores = ScoresFile::create(&arguments.scores, &arguments.manifest, &manifest)?;
    let detector = arguments.model.load()?;

    let started = Instant::now();
    let progress = progress_bar(manifest.entries.len())?;
    let sources: Vec<Source> = manifest
        .entries
        .iter()
        .map(|entry| Source::File(entry.path.clone()))
        .collect();
    let mut recordings = Vec::with_capacity(sources.len());
    let mut errors = Vec::new();
    analyse_each(&detector, &sources, arguments.jobs, |index, outcome| {
        let entry = &manifest.entries[index];
        scores
            .add(entry, &outcome)
            .with_context(|| format!("cannot write {}", arguments.scores.display()))?;
        recordings.push(Scored::new(entry.label, &outcome));
        if let Err(error) = outcome.analysis {
            errors.push(FileError {
                file: entry.path.display().to_string(),
                error,
            });
        }
        progress.inc(1);
        Ok(())
    })?;
    scores
        .finish()
        .with_context(|| format!("cannot write {}", arguments.scores.display()))?;
    progress.finish_and_clear();

    let by = arguments.by.iter().zip(positions);
    let report = Report {
        manifest: arguments.manifest.display().to_string(),
        scores: arguments.scores.display().to_string(),
        model: detector.model().clone(),
        threshold: detector.threshold(),
        detection_cost: DetectionCost::default(),
        elapsed_seconds: started.elapsed().as_secs_f64(),
        overall: Summary::of(&recordings),
        by: by
            .map(|(column, at)| Grouping::by(column, at, &manifest.entries, &recordings))
            .collect(),
        errors,
    };
    let mut output = io::stdout().lock();
    if arguments.json {
        serde_json::to_writer_pretty(&mut output, &report)?;
        writeln!(output)?;
    } else {
        let for_terminal = output.is_terminal();
        report::write(&mut output, &report, for_terminal)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// On standard error, and only where that is a terminal.
fn progress_bar(files: usize) -> anyhow::Result<ProgressBar> {
    let style = ProgressStyle::with_template(
        "{wide_bar:.cyan/blue} {human_pos}/{human_len} files, {per_sec}, {eta} left",
    )?;
    let progress = ProgressBar::new(files as u64).with_style(style);
    progress.enable_steady_tick(Duration::from_millis(250));
    Ok(progress)
}
