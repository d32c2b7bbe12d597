//! Two errors: [`Error`] is about one recording, [`ModelError`] about the model and happens before any recording.

use std::path::PathBuf;

/// Why a recording got no analysis. Messages are safe to show to whoever sent the recording.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There were no bytes at all.
    #[error("the recording is empty")]
    Empty,
    /// More bytes than [`crate::Limits::max_bytes`]; nothing was decoded.
    #[error("the recording has {bytes} bytes, the limit is {max_bytes}")]
    TooLarge {
        /// Size of the recording.
        bytes: usize,
        /// The limit it exceeds.
        max_bytes: usize,
    },
    /// More audio than [`crate::Limits::max_seconds`]; decoding stopped there.
    #[error("the recording is longer than {max_seconds} seconds")]
    TooLong {
        /// The limit it exceeds.
        max_seconds: f64,
    },
    /// Not audio, or a container, codec, sample rate or channel count that is not decoded here.
    #[error("the recording is not in a supported audio format")]
    UnsupportedFormat,
    /// A supported format, but nothing in it could be decoded. The text says what the decoder objected to.
    #[error("the recording could not be decoded: {0}")]
    Undecodable(String),
    /// The model failed on this recording. The text is for logs, not for users.
    #[error("the model failed: {0}")]
    Model(String),
}

impl Error {
    /// A stable machine-readable name for the error, part of the API contract.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Empty => "empty_audio",
            Self::TooLarge { .. } => "audio_too_large",
            Self::TooLong { .. } => "audio_too_long",
            Self::UnsupportedFormat => "unsupported_audio",
            Self::Undecodable(_) => "undecodable_audio",
            Self::Model(_) => "model_failure",
        }
    }
}

/// Why a model was refused, or failed its self-test.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A model file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// The manifest or the feature reference is not valid JSON, or breaks the model contract.
    #[error("the model manifest is invalid: {0}")]
    Manifest(String),
    /// The ONNX file is not the one that the manifest describes.
    #[error("the model's SHA-256 is {actual}, its manifest says {expected}")]
    HashMismatch {
        /// SHA-256 in the manifest, lower-case hexadecimal.
        expected: String,
        /// SHA-256 of the ONNX file, lower-case hexadecimal.
        actual: String,
    },
    /// The graph's inputs or outputs are not those of the model contract.
    #[error("the model's {what} is {actual}, the contract needs {expected}")]
    Shape {
        /// Which side of the graph.
        what: &'static str,
        /// What the contract needs.
        expected: String,
        /// What the graph has.
        actual: String,
    },
    /// The file is not ONNX, or uses an operator or a construct that the inference engine does not run.
    #[error("the model cannot be run: {0}")]
    Unsupported(String),
    /// The model loaded, but did not answer the self-test with a finite number.
    #[error("the model failed its self-test: {0}")]
    SelfTest(String),
}
