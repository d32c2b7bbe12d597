//! A user's detections: the list and one of them.

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as Shared};
use bonafide_core::auth::AuthenticatedUser;
use bonafide_core::detections::{
    AudioProperties, Classification, Detection, DetectionSummary, ModelIdentity, Segment,
};
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, QueryFields};
use bonafide_core::http::pages::{page_request, write_cursor};
use bonafide_core::store::{DetectionFilter, PageRequest};
use bonafide_core::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::State;
use crate::finding::MeasuredFeatures;

/// A detection as its owner sees it.
#[derive(Serialize, ToSchema)]
#[schema(as = Detection)]
pub(crate) struct DetectionAnswer {
    #[serde(flatten)]
    summary: DetectionSummary,
    /// Id of the analysed file.
    audio_file_id: String,
    /// Calibrated probability that the recording is spoof, 0 to 1.
    score: f64,
    /// Natural-log likelihood ratio of spoof against bona fide.
    log_likelihood_ratio: f64,
    /// Scores along the recording.
    segments: Vec<Segment>,
    /// Features measured on this recording.
    #[schema(value_type = MeasuredFeatures)]
    features: Value,
    /// What was measured, in words.
    explanation: String,
    /// What was decoded.
    audio: AudioProperties,
    /// Which model answered.
    model: ModelIdentity,
    /// Seconds from the first byte read to the verdict.
    processing_time: f64,
    /// When the detection was made.
    #[schema(value_type = String, format = DateTime)]
    created_at: Timestamp,
}

impl From<Detection> for DetectionAnswer {
    fn from(detection: Detection) -> Self {
        Self {
            summary: detection.summary,
            audio_file_id: detection.audio_file_id,
            score: detection.score,
            log_likelihood_ratio: detection.log_likelihood_ratio,
            segments: detection.segments,
            features: detection.features,
            explanation: detection.explanation,
            audio: detection.audio,
            model: detection.model,
            processing_time: detection.processing_time,
            created_at: detection.created_at,
        }
    }
}

/// A part of the list of detections.
#[derive(Serialize, ToSchema)]
pub(crate) struct DetectionPage {
    /// Newest first.
    items: Vec<DetectionAnswer>,
    /// The `cursor` of the next part; null at the end.
    next_cursor: Option<String>,
}

/// Which detections are wanted.
pub(crate) struct ListQuery {
    page: PageRequest,
    filter: DetectionFilter,
}

const CLASSIFICATIONS: [(&str, Classification); 2] = [
    ("AI_GENERATED", Classification::AiGenerated),
    ("HUMAN", Classification::Human),
];

impl FromFields for ListQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let page = page_request(fields);
        let audio_file_id = fields.optional_string(&["audio_file_id"]);
        let classification = fields
            .optional_string(&["classification"])
            .and_then(|text| fields.choice("classification", &text, &CLASSIFICATIONS));
        Some(Self {
            page,
            filter: DetectionFilter {
                audio_file_id,
                classification,
            },
        })
    }
}

/// The user's detections, newest first.
#[utoipa::path(
    get,
    path = "/api/v1/detections",
    tag = "Detections",
    operation_id = "listDetections",
    security(("bearer" = [])),
    params(
        ("limit" = Option<u64>, Query, description = "At most so many items", minimum = 1, maximum = 100),
        ("cursor" = Option<String>, Query, description = "`next_cursor` of the part before"),
        ("audio_file_id" = Option<String>, Query, description = "Only the detections of this file"),
        ("classification" = Option<Classification>, Query, description = "Only this verdict"),
    ),
    responses(
        (status = 200, description = "A part of the list", body = DetectionPage),
        (status = 400, description = "`malformed_query`", body = ErrorBody),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody),
    )
)]
pub(crate) async fn list(
    Shared(state): Shared<State>,
    user: AuthenticatedUser,
    QueryFields(query): QueryFields<ListQuery>,
) -> ApiResult<Json<DetectionPage>> {
    let page = state
        .store
        .detections(&user.id, &query.filter, &query.page)
        .await?;
    Ok(Json(DetectionPage {
        items: page.items.into_iter().map(DetectionAnswer::from).collect(),
        next_cursor: page.next.as_ref().map(write_cursor),
    }))
}

/// One detection of the user.
#[utoipa::path(
    get,
    path = "/api/v1/detections/{detection_id}",
    tag = "Detections",
    operation_id = "getDetection",
    security(("bearer" = [])),
    params(("detection_id" = String, Path, description = "Id of the detection")),
    responses(
        (status = 200, description = "The detection", body = DetectionAnswer),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (status = 404, description = "`detection_not_found`: there is none, or it is somebody else's", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody),
    )
)]
pub(crate) async fn get(
    Shared(state): Shared<State>,
    user: AuthenticatedUser,
    detection_id: Result<Path<String>, PathRejection>,
) -> ApiResult<Json<DetectionAnswer>> {
    // What is not text is nobody's id.
    let found = match detection_id {
        Ok(Path(id)) => state.store.detection(&user.id, &id).await?,
        Err(_) => None,
    };
    found
        .map(|detection| Json(detection.into()))
        .ok_or_else(|| ApiError::not_found("detection_not_found", "Detection not found"))
}
