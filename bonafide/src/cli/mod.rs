//! The command line: what the program takes, and what each command does with it.

mod detect;
mod evaluate;
mod serve;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context;
use bonafide_detector::Detector;
use clap::{Args, Parser, Subcommand};

use crate::openapi;

/// Tells whether a voice recording is a human being (bona fide) or a machine (spoof).
#[derive(Debug, Parser)]
#[command(
    name = "bonafide",
    version,
    propagate_version = true,
    max_term_width = 100
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Command,
}

// Each command's help is the documentation of its arguments; one here would replace it.
#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Arguments),
    Detect(detect::Arguments),
    Evaluate(evaluate::Arguments),
    /// Print the API's OpenAPI 3.1 document as JSON
    Openapi,
}

impl Cli {
    /// Runs the command. The exit code is 0 where all went well and 1 where something did not; clap itself exits with 2
    /// on wrong usage.
    pub(crate) fn run(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Detect(arguments) => detect::run(arguments),
            Command::Evaluate(arguments) => evaluate::run(&arguments),
            Command::Serve(arguments) => serve::run(arguments),
            Command::Openapi => {
                std::io::stdout()
                    .lock()
                    .write_all(openapi::document()?.as_bytes())?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Which model answers.
#[derive(Debug, Args)]
struct ModelChoice {
    /// ONNX file of a model to use instead of the built-in one
    #[arg(long, value_name = "PATH", requires = "model_manifest")]
    model: Option<PathBuf>,
    /// Manifest of that model (JSON, see model/manifest.json)
    #[arg(
        id = "model_manifest",
        long = "manifest",
        value_name = "PATH",
        requires = "model"
    )]
    manifest: Option<PathBuf>,
}

impl ModelChoice {
    fn load(&self) -> anyhow::Result<Detector> {
        match (&self.model, &self.manifest) {
            (Some(model), Some(manifest)) => Detector::from_files(model, manifest)
                .with_context(|| format!("cannot use the model {}", model.display())),
            _ => Detector::embedded().context("cannot use the built-in model"),
        }
    }
}
