//! What the detector says, in the words of the API and the store.

use bonafide_core::detections::{
    AudioProperties, Classification, Detection, DetectionSummary, ModelIdentity, Segment,
};
use bonafide_core::time::Timestamp;
use bonafide_detector::{Analysis, InconclusiveReason, Verdict};
use serde_json::Value;
use utoipa::ToSchema;

/// The reason code of a recording in which nobody speaks.
pub(crate) const NO_SPEECH: &str = "no_speech";

/// The result of analysing one recording.
#[derive(Clone, Debug)]
pub struct Finding {
    /// The verdict.
    pub classification: Classification,
    /// Calibrated probability of the stated verdict, 0 to 1.
    pub confidence_score: f64,
    /// Reason code where the verdict should not be relied on.
    pub inconclusive: Option<&'static str>,
    /// Calibrated probability that the recording is spoof, 0 to 1.
    pub score: f64,
    /// Natural-log likelihood ratio of spoof against bona fide.
    pub log_likelihood_ratio: f64,
    /// Scores along the recording.
    pub segments: Vec<Segment>,
    /// Measured features, in the shape of `MeasuredFeatures`.
    pub features: Value,
    /// What was measured, in words.
    pub explanation: String,
    /// What was decoded.
    pub audio: AudioProperties,
}

impl Finding {
    /// Reads the detector's analysis. Fails only where a feature cannot be written as JSON.
    pub(crate) fn from_analysis(analysis: Analysis) -> Result<Self, serde_json::Error> {
        Ok(Self {
            classification: match analysis.verdict {
                Verdict::Spoof => Classification::AiGenerated,
                Verdict::BonaFide => Classification::Human,
            },
            confidence_score: analysis.confidence(),
            inconclusive: analysis.inconclusive.map(|reason| match reason {
                InconclusiveReason::TooShort => "too_short",
                InconclusiveReason::NoSpeech => NO_SPEECH,
                InconclusiveReason::TooNoisy => "too_noisy",
                InconclusiveReason::ConflictingSegments => "conflicting_segments",
            }),
            score: analysis.score,
            log_likelihood_ratio: analysis.log_likelihood_ratio,
            segments: analysis
                .segments
                .iter()
                .map(|segment| Segment {
                    start: segment.start,
                    end: segment.end,
                    score: segment.score,
                })
                .collect(),
            features: serde_json::to_value(&analysis.features)?,
            explanation: analysis.explanation,
            audio: AudioProperties {
                container: analysis.audio.container,
                codec: analysis.audio.codec,
                sample_rate_hz: analysis.audio.sample_rate_hz,
                channels: analysis.audio.channels,
                seconds: analysis.audio.seconds,
                speech_seconds: analysis.audio.speech_seconds,
            },
        })
    }

    /// Whether the verdict is spoof.
    pub fn is_deepfake(&self) -> bool {
        self.classification == Classification::AiGenerated
    }

    /// The record that the store keeps of this finding.
    pub(crate) fn into_detection(
        self,
        identity: Identity<'_>,
        model: &ModelIdentity,
        processing_time: f64,
        created_at: Timestamp,
    ) -> Detection {
        Detection {
            summary: DetectionSummary {
                id: identity.id,
                is_deepfake: self.is_deepfake(),
                classification: self.classification,
                confidence_score: self.confidence_score,
                inconclusive: self.inconclusive.map(ToOwned::to_owned),
            },
            owner: identity.owner.to_owned(),
            audio_file_id: identity.audio_file_id.to_owned(),
            score: self.score,
            log_likelihood_ratio: self.log_likelihood_ratio,
            segments: self.segments,
            features: self.features,
            explanation: self.explanation,
            audio: self.audio,
            model: model.clone(),
            processing_time,
            created_at,
        }
    }
}

/// Whose detection of which file it is.
pub(crate) struct Identity<'a> {
    pub(crate) id: String,
    pub(crate) owner: &'a str,
    pub(crate) audio_file_id: &'a str,
}

/// What was measured on the recording: names with units, each a number, or null where it cannot be measured.
#[derive(ToSchema)]
#[expect(
    dead_code,
    reason = "describes the JSON that the detector's own type writes"
)]
pub(crate) struct MeasuredFeatures {
    /// Of the spectrum, for example `centroid_hz`.
    #[schema(value_type = Object)]
    spectral_features: Value,
    /// Of the course of time, for example pauses.
    #[schema(value_type = Object)]
    temporal_features: Value,
    /// Of the voice, for example pitch and jitter.
    #[schema(value_type = Object)]
    voice_features: Value,
}
