//! `bonafide detect`: recordings in, verdicts out, no server.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use bonafide_detector::{Analysis, ModelIdentity, Verdict};
use clap::error::ErrorKind;
use clap::{Args, CommandFactory};
use comfy_table::Table;
use serde::Serialize;

use super::{Cli, ModelChoice};
use crate::recordings::{Failure, Outcome, Source, analyse_each};
use crate::tables::{self, percent};

/// Say of each recording whether it is bona fide or spoof.
///
/// Reads MP3, WAV, FLAC, M4A/AAC, Ogg Vorbis, Ogg Opus and WebM Opus, whatever the file is called, up to 10 MiB and 10
/// minutes each. A recording that cannot be analysed is reported, and the rest goes on.
///
/// Exit code: 0 if every recording was analysed, 1 if any was not, 2 on wrong usage.
#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// Recordings; `-` is standard input
    #[arg(required = true, value_name = "FILES")]
    files: Vec<PathBuf>,
    /// Print one JSON object per recording and line, with scores along the recording and measured features
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    model: ModelChoice,
}

/// One line of `--json`.
#[derive(Serialize)]
#[serde(untagged)]
enum Line<'a> {
    Analysed {
        file: &'a str,
        #[serde(flatten)]
        analysis: &'a Analysis,
        confidence: f64,
        model: &'a ModelIdentity,
        milliseconds: f64,
    },
    Failed {
        file: &'a str,
        error: &'a Failure,
    },
}

pub(super) fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let sources: Vec<Source> = arguments
        .files
        .into_iter()
        .map(Source::from_argument)
        .collect();
    let standard_inputs = sources
        .iter()
        .filter(|source| **source == Source::StandardInput)
        .count();
    if standard_inputs > 1 {
        let message = "standard input (-) can be read only once";
        Cli::command()
            .error(ErrorKind::ArgumentConflict, message)
            .exit();
    }

    let detector = arguments.model.load()?;
    let mut output = io::stdout().lock();
    let mut table = if arguments.json {
        None
    } else {
        Some(new_table(output.is_terminal()))
    };
    let mut any_failed = false;
    analyse_each(&detector, &sources, 0, |index, outcome| {
        let file = sources[index].name();
        any_failed |= outcome.analysis.is_err();
        match &mut table {
            Some(table) => {
                table.add_row(row(&file, &outcome));
                Ok(())
            }
            None => write_line(&mut output, &line(&file, &outcome, detector.model())),
        }
    })?;
    if let Some(table) = table {
        writeln!(output, "{}", table.trim_fmt())?;
    }
    Ok(if any_failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn line<'a>(file: &'a str, outcome: &'a Outcome, model: &'a ModelIdentity) -> Line<'a> {
    match &outcome.analysis {
        Ok(analysis) => Line::Analysed {
            file,
            analysis,
            confidence: analysis.confidence(),
            model,
            milliseconds: outcome.milliseconds,
        },
        Err(error) => Line::Failed { file, error },
    }
}

fn write_line(output: &mut impl Write, line: &Line<'_>) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *output, line).context("cannot write JSON")?;
    writeln!(output)?;
    Ok(())
}

fn new_table(for_terminal: bool) -> Table {
    let header = [
        "file",
        "verdict",
        "confidence",
        "seconds",
        "speech",
        "explanation",
    ];
    tables::new(for_terminal, header, 2..5)
}

fn row(file: &str, outcome: &Outcome) -> [String; 6] {
    let file = file.to_owned();
    match &outcome.analysis {
        Ok(analysis) => {
            let verdict = match analysis.verdict {
                Verdict::Spoof => "spoof",
                Verdict::BonaFide => "bona fide",
            };
            // The explanation names the reason in words already.
            let verdict = if analysis.inconclusive.is_some() {
                format!("inconclusive ({verdict})")
            } else {
                verdict.to_owned()
            };
            [
                file,
                verdict,
                percent(analysis.confidence()),
                format!("{:.1}", analysis.audio.seconds),
                format!("{:.1}", analysis.audio.speech_seconds),
                analysis.explanation.clone(),
            ]
        }
        Err(failure) => {
            let none = || "-".to_owned();
            [
                file,
                "error".to_owned(),
                none(),
                none(),
                none(),
                format!("{}: {}", failure.code, failure.message),
            ]
        }
    }
}
