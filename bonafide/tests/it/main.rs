//! The project from outside: the real programs, over HTTP and on the command line, with real recordings.
//!
//! `./test` brings what these tests need: ffmpeg, espeak-ng, flite, recorded prompts, a MongoDB, and the five function
//! programs beside `bonafide`. What is missing is a failure that says so, never a test passed over.

#![expect(
    clippy::expect_used,
    clippy::print_stderr,
    clippy::unwrap_used,
    reason = "a test that cannot go on says so and fails"
)]

mod api;
mod bad_input;
mod bucket;
mod crash;
mod documents;
mod evaluation;
mod event;
mod fetching;
mod formats;
mod functions;
mod journey;
mod parity;
mod process;
mod production;
mod program;
mod recordings;
mod same_score;
