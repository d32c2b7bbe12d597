//! What an analysis says.

use serde::{Deserialize, Serialize};

use crate::features::Features;

/// The result of analysing one recording.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Analysis {
    /// Calibrated probability that the speech is spoof, 0 to 1. 0.5 where no speech was found.
    pub score: f64,
    /// Natural logarithm of the likelihood ratio spoof to bona fide; `score` is its logistic. 0 where no speech was found.
    pub log_likelihood_ratio: f64,
    /// Spoof where `score` reaches the model's threshold. Bona fide where no speech was found: nothing speaks for spoof.
    pub verdict: Verdict,
    /// Set where the verdict should not be relied on, with the reason.
    pub inconclusive: Option<InconclusiveReason>,
    /// Score of every window that went into `score`, in order of time. Windows overlap. Empty where no speech was found.
    pub segments: Vec<Segment>,
    /// What was measured on this recording.
    pub features: Features,
    /// One or two sentences in plain English that say only what was measured and never contradict `score`.
    pub explanation: String,
    /// What the recording is.
    pub audio: AudioInfo,
}

impl Analysis {
    /// Probability of the stated verdict: `score` if spoof, else `1 - score`.
    #[must_use]
    pub fn confidence(&self) -> f64 {
        match self.verdict {
            Verdict::Spoof => self.score,
            Verdict::BonaFide => 1.0 - self.score,
        }
    }
}

/// Machine or person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The speech was made or altered by a machine.
    Spoof,
    /// A person spoke.
    BonaFide,
}

/// Why a verdict should not be relied on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InconclusiveReason {
    /// Less active speech than the model needs for a steady score.
    TooShort,
    /// Silence, or sound that is not speech.
    NoSpeech,
    /// Speech barely stands out from the background.
    TooNoisy,
    /// Some parts are confidently spoof and others confidently bona fide, and neither outweighs the other.
    ConflictingSegments,
}

/// One scored window of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Start in the recording, seconds.
    pub start: f64,
    /// End in the recording, seconds.
    pub end: f64,
    /// Calibrated probability that this window is spoof, 0 to 1.
    pub score: f64,
}

/// What a recording is, as far as decoding showed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioInfo {
    /// Container, by content: `wav`, `mp3`, `flac`, `mp4`, `ogg`, `webm`, `matroska` or `adts`.
    pub container: String,
    /// Codec: `mp3`, `flac`, `aac`, `vorbis`, `opus`, or a PCM layout such as `pcm_s16le`.
    pub codec: String,
    /// Sample rate of the decoded stream in Hz, before resampling.
    pub sample_rate_hz: u32,
    /// Channels of the decoded stream, before mixing down.
    pub channels: u32,
    /// Length of the decoded audio in seconds.
    pub seconds: f64,
    /// How much of it is active speech, in seconds.
    pub speech_seconds: f64,
}
