//! Bytes in, verdict out: is the speech in this recording bona fide (a person) or spoof (a machine)?
//!
//! The crate decodes a recording by its content, finds where somebody speaks, scores overlapping windows with an
//! ONNX model, calibrates the score, measures acoustic features, and says in plain English what it found. It uses
//! no network, no async, no environment variables, and no files except in [`Detector::from_files`].
//!
//! ```no_run
//! use bonafide_detector::{Detector, Limits};
//!
//! let detector = Detector::embedded()?;
//! let bytes = std::fs::read("voice-note.ogg")?;
//! let analysis = detector.analyze(&bytes, &Limits::default())?;
//! assert!((0.0..=1.0).contains(&analysis.score));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod activity;
mod analysis;
mod decode;
mod detector;
mod error;
mod explanation;
mod features;
mod inconclusive;
mod manifest;
mod network;
mod reference;
mod resample;
mod windows;

pub use analysis::{Analysis, AudioInfo, InconclusiveReason, Segment, Verdict};
pub use decode::{Recording, decode};
pub use detector::{Detector, Limits, ModelIdentity};
pub use error::{Error, ModelError};
pub use features::{Features, SpectralFeatures, TemporalFeatures, VoiceFeatures};

/// The rate that everything after decoding works at, in Hz.
pub const SAMPLE_RATE_HZ: u32 = 16_000;
