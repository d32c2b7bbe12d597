//! The detector through its public door. Recordings are synthesised here, or made by `espeak-ng` and `ffmpeg`.

#![expect(
    clippy::expect_used,
    reason = "a fixture that cannot be made fails the test that needs it"
)]

mod bad_input;
mod explanations;
mod fixtures;
mod formats;
mod inconclusive;
mod measurements;
mod model_contract;
mod mutations;
mod onnx;
mod opus;
mod windows;
