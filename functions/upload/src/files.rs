//! One's files: the list, and one of them, for which a client may wait.

use std::time::Duration;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State as AxumState};
use bonafide_core::audio_files::{AudioFile, AudioFileStatus};
use bonafide_core::auth::AuthenticatedUser;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::{Fields, FromFields, QueryFields};
use bonafide_core::http::pages::{page_request, write_cursor};
use bonafide_core::store::{AudioFileFilter, PageRequest};
use tokio::time::Instant;

use crate::State;
use crate::views::{AudioFilePage, AudioFileView};

/// How often a waiting client's file is looked up.
const POLL_EVERY: Duration = Duration::from_millis(250);
/// Below the shortest time after which a gateway in front gives up (API Gateway: 29 s).
const LONGEST_WAIT_SECONDS: u64 = 20;

const STATUSES: [(&str, AudioFileStatus); 5] = [
    ("awaiting_upload", AudioFileStatus::AwaitingUpload),
    ("uploaded", AudioFileStatus::Uploaded),
    ("processing", AudioFileStatus::Processing),
    ("completed", AudioFileStatus::Completed),
    ("failed", AudioFileStatus::Failed),
];

/// Which part of the list is wanted.
pub(crate) struct ListQuery {
    page: PageRequest,
    filter: AudioFileFilter,
}

impl FromFields for ListQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let page = page_request(fields);
        let status = fields
            .optional_string(&["status"])
            .and_then(|text| fields.choice("status", &text, &STATUSES));
        Some(Self {
            page,
            filter: AudioFileFilter { status },
        })
    }
}

/// Query of the list, for the documentation.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `ListQuery` reads")]
struct ListParameters {
    /// At most so many files; 20 where it is left out.
    #[param(minimum = 1, maximum = 100, example = 20)]
    limit: Option<u64>,
    /// `next_cursor` of the part before.
    cursor: Option<String>,
    /// Only files with this status.
    #[param(inline)]
    status: Option<AudioFileStatus>,
}

/// List one's recordings
#[utoipa::path(
    get,
    path = "/api/v1/audio-files",
    operation_id = "listAudioFiles",
    tag = "Audio files",
    security(("bearer" = [])),
    params(ListParameters),
    responses(
        (status = 200, description = "A part of the list, newest first", body = AudioFilePage),
        (status = 400, description = "`malformed_query`", body = ErrorBody),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (
            status = 422,
            description = "`validation_error`",
            body = ErrorBody,
            example = json!({
                "status": "error", "error": "Validation error", "code": "validation_error",
                "detail": [{
                    "loc": ["query", "limit"], "msg": "ensure this value is less than or equal to 100",
                    "type": "value_error.number.not_le"
                }],
                "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody)
    )
)]
pub(crate) async fn list_audio_files(
    AxumState(state): AxumState<State>,
    caller: AuthenticatedUser,
    QueryFields(query): QueryFields<ListQuery>,
) -> ApiResult<Json<AudioFilePage>> {
    let page = state
        .store
        .audio_files(&caller.id, &query.filter, &query.page)
        .await?;
    Ok(Json(AudioFilePage {
        items: page.items.into_iter().map(AudioFileView::from).collect(),
        next_cursor: page.next.as_ref().map(write_cursor),
    }))
}

/// For how long a client waits.
pub(crate) struct WaitQuery {
    wait: Duration,
}

impl FromFields for WaitQuery {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let seconds = fields
            .optional_integer("wait", 0..=LONGEST_WAIT_SECONDS)
            .unwrap_or_default();
        Some(Self {
            wait: Duration::from_secs(seconds),
        })
    }
}

/// Query of one file, for the documentation.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what `WaitQuery` reads")]
struct WaitParameters {
    /// Seconds after which the answer comes even if the status is not final; 0 where it is left out.
    #[param(minimum = 0, maximum = 20, example = 20)]
    wait: Option<u64>,
}

/// One recording and its verdict
///
/// With `wait` the answer comes as soon as the status is final (`completed` or `failed`), or after so many seconds.
#[utoipa::path(
    get,
    path = "/api/v1/audio-files/{file_id}",
    operation_id = "getAudioFile",
    tag = "Audio files",
    security(("bearer" = [])),
    params(("file_id" = String, Path, description = "Id of the file"), WaitParameters),
    responses(
        (status = 200, description = "The file", body = AudioFileView),
        (status = 400, description = "`malformed_query`", body = ErrorBody),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (
            status = 404,
            description = "`audio_file_not_found`: there is none, or it is somebody else's",
            body = ErrorBody,
            example = json!({
                "status": "error", "error": "Audio file not found", "code": "audio_file_not_found",
                "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable`", body = ErrorBody)
    )
)]
pub(crate) async fn audio_file(
    AxumState(state): AxumState<State>,
    caller: AuthenticatedUser,
    file_id: Result<Path<String>, PathRejection>,
    QueryFields(query): QueryFields<WaitQuery>,
) -> ApiResult<Json<AudioFileView>> {
    // An id that is not even text names nothing.
    let Path(file_id) = file_id.map_err(|_| not_found())?;
    let deadline = Instant::now() + query.wait;
    loop {
        let file = owned(&state, &caller.id, &file_id).await?;
        let left = deadline.saturating_duration_since(Instant::now());
        if file.status.is_final() || left.is_zero() {
            return Ok(Json(file.into()));
        }
        tokio::time::sleep(POLL_EVERY.min(left)).await;
    }
}

async fn owned(state: &State, owner: &str, id: &str) -> ApiResult<AudioFile> {
    state
        .store
        .audio_file(owner, id)
        .await?
        .ok_or_else(not_found)
}

/// 404 for a file that there is not, or that is somebody else's.
pub(crate) fn not_found() -> ApiError {
    ApiError::not_found("audio_file_not_found", "Audio file not found")
}
