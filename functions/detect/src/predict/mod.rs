//! The prediction contract between services: the URL of a recording in, a verdict out.

mod address;
mod recordings;

use std::time::Instant;

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use bonafide_core::auth::ServiceCaller;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, JsonBody};
use bonafide_core::http::{MAX_AUDIO_BYTES, room};
use serde::Serialize;
use serde_json::Value;
use url::Url;
use utoipa::ToSchema;

use self::recordings::FetchError;
pub(crate) use self::recordings::Recordings;
use crate::State;
use crate::analyst::too_large;
use crate::finding::MeasuredFeatures;

/// Containers that carry speech under a media type that is not `audio/*`.
const OTHER_AUDIO_TYPES: [&str; 3] = ["video/webm", "video/mp4", "application/octet-stream"];

/// Where the recording lies.
#[derive(ToSchema)]
#[schema(as = PredictRequest)]
pub(crate) struct PredictRequest {
    /// An http or https URL in the configured bucket, for example a signed one, or on a configured host.
    #[schema(value_type = String, example = "https://storage.googleapis.com/bucket/audio/1?X-Goog-Signature=...")]
    audio_url: Url,
    /// Media type of the recording: `audio/*`, `video/webm`, `video/mp4` or `application/octet-stream`. The content
    /// decides.
    #[schema(example = "audio/wav")]
    audio_type: String,
}

impl FromFields for PredictRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let audio_url = fields.string(&["audio_url"]).and_then(|text| {
            let url = Url::parse(&text).ok();
            if url.is_none() {
                fields.refuse(
                    "audio_url",
                    "invalid or missing URL scheme",
                    "value_error.url.scheme",
                );
            }
            url
        });
        let audio_type = fields.string(&["audio_type"]);
        Some(Self {
            audio_url: audio_url?,
            audio_type: audio_type?,
        })
    }
}

/// The verdict, in the words of the contract between services.
#[derive(Serialize, ToSchema)]
pub(crate) struct PredictAnswer {
    /// Whether the verdict is spoof.
    is_deepfake: bool,
    /// Calibrated probability of the verdict, 0 to 1.
    #[schema(example = 0.92)]
    confidence_score: f64,
    /// Features measured on this recording.
    #[schema(value_type = MeasuredFeatures)]
    features: Value,
    /// Seconds from the request to the verdict, fetching included.
    #[schema(example = 0.25)]
    processing_time: f64,
    /// Only where the verdict should not be relied on: `too_short`, `no_speech`, `too_noisy` or `conflicting_segments`.
    #[serde(skip_serializing_if = "Option::is_none")]
    inconclusive: Option<&'static str>,
}

impl From<FetchError> for ApiError {
    fn from(error: FetchError) -> Self {
        let not_fetched = |detail: &str| {
            Self::new(
                StatusCode::BAD_GATEWAY,
                "audio_fetch_failed",
                "The recording could not be fetched",
            )
            .with_detail(detail)
        };
        match error {
            FetchError::NotAllowed(reason) => Self::new(
                StatusCode::BAD_REQUEST,
                "audio_url_not_allowed",
                "This audio_url may not be fetched",
            )
            .with_detail(reason),
            FetchError::TooLarge => too_large(),
            FetchError::Missing => not_fetched("there is no such object"),
            FetchError::Status(status) => {
                not_fetched(&format!("the host answered {}", status.as_u16()))
            }
            FetchError::Unreachable(cause) => {
                // The cause may hold a signed URL's host and the network's view of it: for the log only.
                tracing::warn!(%cause, "a recording could not be fetched");
                not_fetched("the host did not answer in time or in full")
            }
            FetchError::Bucket(error) => error.into(),
        }
    }
}

/// Judges the recording behind a URL, for other services of the house.
#[utoipa::path(
    post,
    path = "/api/predict",
    tag = "Synchronous detection",
    security(("api_key" = [])),
    request_body = PredictRequest,
    responses(
        (status = 200, description = "The verdict", body = PredictAnswer),
        (
            status = 400,
            description = "`audio_url_not_allowed`, `empty_audio`, `undecodable_audio`, `malformed_json` or `unreadable_body`",
            body = ErrorBody
        ),
        (status = 401, description = "`api_key_missing`", body = ErrorBody),
        (status = 403, description = "`api_key_invalid`", body = ErrorBody),
        (
            status = 413,
            description = "`audio_too_large` (over 10 MiB), `audio_too_long` (over 10 minutes) or `payload_too_large`",
            body = ErrorBody
        ),
        (
            status = 415,
            description = "`unsupported_audio`, or `unsupported_media_type`: not JSON, or an `audio_type` that is not audio",
            body = ErrorBody
        ),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 502, description = "`audio_fetch_failed`", body = ErrorBody),
        (
            status = 503,
            description = "`busy` or `storage_unavailable`",
            body = ErrorBody,
            headers(("retry-after" = u64, description = "Seconds to wait"))
        ),
    )
)]
pub(crate) async fn predict(
    Shared(state): Shared<State>,
    _: ServiceCaller,
    JsonBody(request): JsonBody<PredictRequest>,
) -> ApiResult<Json<PredictAnswer>> {
    let started = Instant::now();
    if !is_audio(&request.audio_type) {
        return Err(ApiError::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "Unsupported audio type",
        )
        .with_detail(
            "audio_type must be audio/*, video/webm, video/mp4 or application/octet-stream",
        ));
    }
    // A place first: nothing is fetched that then cannot be analysed.
    let admission = state.analyst.admit()?;
    let _room = room::hold(MAX_AUDIO_BYTES)
        .await
        .map_err(ApiError::internal)?;
    let recording = state.recordings.fetch(request.audio_url).await?;
    let finding = admission.analyze(recording).await?;
    Ok(Json(PredictAnswer {
        is_deepfake: finding.is_deepfake(),
        confidence_score: finding.confidence_score,
        features: finding.features,
        processing_time: started.elapsed().as_secs_f64(),
        inconclusive: finding.inconclusive,
    }))
}

fn is_audio(media_type: &str) -> bool {
    let essence = media_type
        .split(';')
        .next()
        .unwrap_or(media_type)
        .trim()
        .to_ascii_lowercase();
    let subtype = essence.strip_prefix("audio/");
    subtype.is_some_and(|subtype| !subtype.is_empty())
        || OTHER_AUDIO_TYPES.contains(&essence.as_str())
}
