//! From the bytes of a file to mono samples at 16 kHz.

mod container;
mod opus;
mod sink;
mod stream;

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::detector::Limits;
use crate::error::Error;

/// A decoded recording: what the detector hears.
#[derive(Clone, Debug, PartialEq)]
pub struct Recording {
    /// Mono samples at [`crate::SAMPLE_RATE_HZ`], finite, nominally -1 to 1.
    pub samples: Vec<f32>,
    /// Container, by content; names as in [`crate::AudioInfo`].
    pub container: &'static str,
    /// Codec of the track that was decoded; names as in [`crate::AudioInfo`].
    pub codec: &'static str,
    /// Sample rate of the track in Hz.
    pub sample_rate_hz: u32,
    /// Channels of the track.
    pub channels: u32,
    /// Length of the decoded audio in seconds.
    pub seconds: f64,
}

/// Decodes the first audio track of a recording. A malformed packet in the middle is skipped.
///
/// # Errors
/// Where the recording is empty, over a limit, in no known format, or where nothing of it decodes.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Recording, Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if bytes.len() > limits.max_bytes {
        return Err(Error::TooLarge {
            bytes: bytes.len(),
            max_bytes: limits.max_bytes,
        });
    }
    let found = container::sniff(bytes).ok_or(Error::UnsupportedFormat)?;
    // Decoders are third-party parsers of hostile input: a panic in one is bad audio, not a reason to fall over.
    catch_unwind(AssertUnwindSafe(|| stream::read(&found, limits)))
        .unwrap_or_else(|_| Err(Error::Undecodable("malformed data".to_owned())))
}
