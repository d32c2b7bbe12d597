//! The `bonafide` program: detection on a laptop, evaluation, and the whole service in one process.

mod cli;
mod evaluation;
mod house;
mod metrics;
mod openapi;
mod recordings;
mod serve;
mod tables;

use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    match cli::Cli::parse().run() {
        Ok(code) => code,
        // Whoever read our output has seen enough (`bonafide detect ... | head`).
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // There is nowhere left to complain if even this fails.
            let _ = writeln!(io::stderr(), "bonafide: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let from_json = cause
            .downcast_ref::<serde_json::Error>()
            .and_then(serde_json::Error::io_error_kind);
        let from_output = cause.downcast_ref::<io::Error>().map(io::Error::kind);
        from_json.or(from_output) == Some(io::ErrorKind::BrokenPipe)
    })
}
