//! The synchronous, pay-per-call API: a recording in base64 in, a verdict out.

use std::borrow::Cow;
use std::time::Instant;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bonafide_core::auth::Partner;
use bonafide_core::detections::{AudioProperties, Classification, ModelIdentity, Segment};
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, JsonBody, QueryFields};
use bytes::Bytes;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::State;
use crate::analyst::too_large;
use crate::finding::MeasuredFeatures;
use crate::synchronous_schema::{DetectParameters, DetectRequestSchema, Language};

/// Largest body in bytes: the base64 of the largest recording (13.4 MiB), and room for line breaks, which JSON writes
/// in up to four characters for each 76.
pub(crate) const BODY_LIMIT: usize = 16 * 1024 * 1024;

/// In the order of the message that the first version of this API gave.
pub(crate) const LANGUAGES: [(&str, &str); 5] = [
    ("Tamil", "Tamil"),
    ("English", "English"),
    ("Hindi", "Hindi"),
    ("Malayalam", "Malayalam"),
    ("Telugu", "Telugu"),
];

pub(crate) const FORMATS: [(&str, ()); 9] = [
    ("mp3", ()),
    ("wav", ()),
    ("flac", ()),
    ("m4a", ()),
    ("mp4", ()),
    ("aac", ()),
    ("ogg", ()),
    ("opus", ()),
    ("webm", ()),
];

/// Clients differ in whether they pad.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// A recording to judge. [`DetectRequestSchema`] documents it.
pub(crate) struct DetectRequest {
    audio_base64: String,
    language: &'static str,
    #[expect(dead_code, reason = "only its name is checked")]
    audio_format: Option<()>,
}

impl FromFields for DetectRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let audio_base64 = fields.string(&["audio_base64", "audioBase64"]);
        let language = fields
            .string(&["language"])
            .and_then(|text| fields.choice("language", &text, &LANGUAGES));
        let audio_format = fields
            .optional_string(&["audioFormat", "audio_format"])
            .and_then(|text| fields.choice("audioFormat", &text.to_ascii_lowercase(), &FORMATS));
        Some(Self {
            audio_base64: audio_base64?,
            language: language?,
            audio_format,
        })
    }
}

/// How much is to be answered.
pub(crate) struct DetectQuery {
    full: bool,
}

impl FromFields for DetectQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let full = fields
            .optional_string(&["detail"])
            .and_then(|text| fields.choice("detail", &text, &[("full", true)]))
            .unwrap_or(false);
        Some(Self { full })
    }
}

/// The verdict.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetectAnswer {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
    /// The request's language.
    #[schema(value_type = Language)]
    language: &'static str,
    /// The verdict.
    classification: Classification,
    /// Calibrated probability of the verdict, 0 to 1.
    #[serde(rename = "confidenceScore")]
    #[schema(example = 0.9134)]
    confidence_score: f64,
    /// What was measured, in words.
    explanation: String,
    /// Only where the verdict should not be relied on: `too_short`, `no_speech`, `too_noisy` or `conflicting_segments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<&'static str>,
    /// Only with `?detail=full`.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<DetectDetail>,
}

/// What lies behind a verdict.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetectDetail {
    /// Calibrated probability that the recording is spoof, 0 to 1.
    score: f64,
    /// Natural-log likelihood ratio of spoof against bona fide.
    log_likelihood_ratio: f64,
    /// Scores along the recording.
    segments: Vec<Segment>,
    /// Features measured on this recording.
    #[schema(value_type = MeasuredFeatures)]
    features: Value,
    /// What was decoded.
    audio: AudioProperties,
    /// Which model answered.
    model: ModelIdentity,
    /// Seconds from the request's last byte to the verdict.
    processing_time: f64,
}

/// Judges one recording: human being or machine?
///
/// Always one of the two words; `inconclusive` beside it says when not to rely on it.
#[utoipa::path(
    post,
    path = "/api/v1/detect",
    tag = "Synchronous detection",
    security(("api_key" = [])),
    params(DetectParameters),
    request_body = DetectRequestSchema,
    responses(
        (status = 200, description = "The verdict", body = DetectAnswer),
        (
            status = 400,
            description = "`invalid_base64`, `empty_audio`, `undecodable_audio`, `malformed_json`, `malformed_query` or \
                `unreadable_body`",
            body = ErrorBody
        ),
        (status = 401, description = "`api_key_missing`", body = ErrorBody),
        (status = 403, description = "`api_key_invalid`", body = ErrorBody),
        (
            status = 413,
            description = "`audio_too_large` (over 10 MiB) or `audio_too_long` (over 10 minutes)",
            body = ErrorBody
        ),
        (status = 415, description = "`unsupported_audio`, or `unsupported_media_type`: not JSON", body = ErrorBody),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (
            status = 503,
            description = "`busy`",
            body = ErrorBody,
            headers(("retry-after" = u64, description = "Seconds to wait"))
        ),
    )
)]
pub(crate) async fn detect(
    Shared(state): Shared<State>,
    _: Partner,
    QueryFields(query): QueryFields<DetectQuery>,
    request: Result<JsonBody<DetectRequest>, ApiError>,
) -> ApiResult<Json<DetectAnswer>> {
    let started = Instant::now();
    let JsonBody(request) = request.map_err(|error| match error.status() {
        // The same answer, whichever limit a recording meets first.
        StatusCode::PAYLOAD_TOO_LARGE => too_large(),
        _ => error,
    })?;
    let recording = decode(&request.audio_base64)?;
    // The text is a third larger than the recording and would be kept through the analysis.
    drop(request.audio_base64);
    let finding = state.analyst.analyze(recording).await?;
    let detail = query.full.then(|| DetectDetail {
        score: finding.score,
        log_likelihood_ratio: finding.log_likelihood_ratio,
        segments: finding.segments,
        features: finding.features,
        audio: finding.audio,
        model: state.analyst.model().clone(),
        processing_time: started.elapsed().as_secs_f64(),
    });
    Ok(Json(DetectAnswer {
        status: "success",
        language: request.language,
        classification: finding.classification,
        confidence_score: finding.confidence_score,
        explanation: finding.explanation,
        inconclusive: finding.inconclusive,
        detail,
    }))
}

/// The bytes behind base64, whose size is judged before they are made.
fn decode(text: &str) -> Result<Bytes, ApiError> {
    let invalid = || {
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "invalid_base64",
            "Invalid base64 encoding",
        )
        .with_detail("Failed to decode base64 audio")
    };
    let text = without_data_prefix(text).ok_or_else(invalid)?;
    let text: Cow<'_, str> = if text.contains(|character: char| character.is_ascii_whitespace()) {
        text.split_ascii_whitespace().collect::<String>().into()
    } else {
        text.into()
    };
    let digits = text.trim_end_matches('=').len();
    if digits > (MAX_AUDIO_BYTES * 4).div_ceil(3) {
        return Err(too_large());
    }
    BASE64
        .decode(text.as_bytes())
        .map(Bytes::from)
        .map_err(|_| invalid())
}

/// What follows `data:<media type>;base64,`; `None` where a data URL is not in base64.
fn without_data_prefix(text: &str) -> Option<&str> {
    let text = text.trim_ascii_start();
    if !text
        .get(..5)
        .is_some_and(|start| start.eq_ignore_ascii_case("data:"))
    {
        return Some(text);
    }
    let (description, data) = text.split_once(',')?;
    let encoding = description.rsplit(';').next()?;
    encoding
        .trim_ascii()
        .eq_ignore_ascii_case("base64")
        .then_some(data)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_breaks_missing_padding_and_a_data_prefix_are_fine() {
        for text in [
            "aGVsbG8=",
            "aGVsbG8",
            "aGVs\r\nbG8=\n",
            "data:audio/mp3;base64,aGVsbG8=",
            "DATA:audio/ogg; codecs=opus;BASE64,aGVsbG8=",
        ] {
            assert_eq!(decode(text).unwrap(), "hello", "{text}");
        }
    }

    #[test]
    fn what_is_not_base64_is_refused() {
        for text in [
            "aGVsbG8*",
            "a",
            "data:audio/mp3,aGVsbG8=",
            "data:audio/mp3;base64",
            "aGVs=bG8=",
        ] {
            assert_eq!(decode(text).unwrap_err().code(), "invalid_base64", "{text}");
        }
    }

    #[test]
    fn the_limit_is_10_mib_to_the_byte() {
        let largest = BASE64.encode(vec![0; MAX_AUDIO_BYTES]);
        assert_eq!(decode(&largest).unwrap().len(), MAX_AUDIO_BYTES);
        let larger = BASE64.encode(vec![0; MAX_AUDIO_BYTES + 1]);
        assert_eq!(decode(&larger).unwrap_err().code(), "audio_too_large");
    }
}
