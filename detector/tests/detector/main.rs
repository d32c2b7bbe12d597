//! The detector through its public door. Recordings are synthesised here, or made by `espeak-ng` and `ffmpeg`.

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
