//! Detections: the stored answer to "is this speech bona fide or spoof?".

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::time::Timestamp;

/// The two words of the public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Classification {
    /// Spoof: synthesised, converted or vocoded speech.
    #[serde(rename = "AI_GENERATED")]
    AiGenerated,
    /// Bona fide: a human being speaks.
    #[serde(rename = "HUMAN")]
    Human,
}

/// Which model answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ModelIdentity {
    /// Name of the model, from its manifest.
    pub name: String,
    /// Version of the model, from its manifest.
    pub version: String,
    /// SHA-256 of the ONNX file, lower-case hexadecimal.
    pub sha256: String,
}

/// One scored window of the recording.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Segment {
    /// Start in the recording, in seconds.
    pub start: f64,
    /// End in the recording, in seconds.
    pub end: f64,
    /// Calibrated probability that the window is spoof, 0 to 1.
    pub score: f64,
}

/// What was decoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct AudioProperties {
    /// Container found by content, for example `mp3` or `ogg`.
    pub container: String,
    /// Codec found by content, for example `mp3` or `opus`.
    pub codec: String,
    /// Sample rate of the recording before resampling, in hertz.
    pub sample_rate_hz: u32,
    /// Channels of the recording before mixing down.
    pub channels: u32,
    /// Length of the recording, in seconds.
    pub seconds: f64,
    /// Seconds in which somebody speaks.
    pub speech_seconds: f64,
}

/// The part of a detection that a list of files shows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct DetectionSummary {
    /// Id of the detection.
    pub id: String,
    /// Whether the verdict is spoof.
    pub is_deepfake: bool,
    /// The verdict in the contract's words.
    pub classification: Classification,
    /// Calibrated probability of the stated verdict, 0 to 1.
    pub confidence_score: f64,
    /// Reason code where the verdict should not be relied on: `too_short`, `no_speech`, `too_noisy`,
    /// `conflicting_segments`.
    pub inconclusive: Option<String>,
}

/// A stored detection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Detection {
    /// Verdict and id.
    pub summary: DetectionSummary,
    /// Id of the user who owns the file.
    pub owner: String,
    /// Id of the analysed file.
    pub audio_file_id: String,
    /// Calibrated probability that the recording is spoof, 0 to 1.
    pub score: f64,
    /// Natural-log likelihood ratio of spoof against bona fide.
    pub log_likelihood_ratio: f64,
    /// Scores along the recording.
    pub segments: Vec<Segment>,
    /// Features measured on this recording: an object with `spectral_features`, `temporal_features` and
    /// `voice_features`, units in the names.
    pub features: serde_json::Value,
    /// What was measured, in words.
    pub explanation: String,
    /// What was decoded.
    pub audio: AudioProperties,
    /// Which model answered.
    pub model: ModelIdentity,
    /// Seconds from the first byte read to the verdict.
    pub processing_time: f64,
    /// When the detection was made.
    pub created_at: Timestamp,
}

/// The id of the detection of one version of one object by one model.
///
/// Deliveries of the same event, however many and wherever they run, agree on it, and so write one detection.
/// 32 lower-case hexadecimal characters: the first half of a SHA-256 over the length-prefixed parts.
pub fn detection_id(
    bucket: &str,
    object_key: &str,
    object_version: &str,
    model: &ModelIdentity,
) -> String {
    let mut hash = Sha256::new();
    for part in [
        bucket,
        object_key,
        object_version,
        &model.version,
        &model.sha256,
    ] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hex::encode(&hash.finalize()[..16])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(version: &str) -> ModelIdentity {
        ModelIdentity {
            name: "m".into(),
            version: version.into(),
            sha256: "00".into(),
        }
    }

    #[test]
    fn the_same_object_and_model_give_the_same_id_and_any_other_part_changes_it() {
        let id = detection_id("b", "audio/u/f", "7", &model("1"));
        assert_eq!(id, detection_id("b", "audio/u/f", "7", &model("1")));
        assert_eq!(id.len(), 32);
        for other in [
            detection_id("c", "audio/u/f", "7", &model("1")),
            detection_id("b", "audio/u/g", "7", &model("1")),
            detection_id("b", "audio/u/f", "8", &model("1")),
            detection_id("b", "audio/u/f", "7", &model("2")),
            detection_id("ba", "udio/u/f", "7", &model("1")),
        ] {
            assert_ne!(id, other);
        }
    }
}
