//! New recordings: sent along in a form, or announced in JSON and then sent to a signed URL.

use std::time::Duration;

use axum::Json;
use axum::extract::multipart::Multipart;
use axum::extract::{DefaultBodyLimit, FromRequest, Request, State as AxumState};
use axum::http::StatusCode;
use bonafide_core::audio_files::AudioFile;
use bonafide_core::auth::AuthenticatedUser;
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::http::error::{ApiResult, ErrorBody};
use bonafide_core::http::fields::{
    Fields, FromFields, JsonBody, has_media_type, media_type, unsupported_media_type,
};
use bonafide_core::time::now;
use utoipa::ToSchema;

use crate::State;
use crate::content_type::recording_type;
use crate::filename::display_name;
use crate::multipart::{malformed, read_recording};
use crate::reading::{audio_too_large, empty_audio};
use crate::storing::store_new;
use crate::views::CreatedAudioFile;

/// How long a client has to begin its upload to a signed URL.
const UPLOAD_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most bytes of the JSON request.
const MAX_JSON_BYTES: usize = 64 * 1024;

/// A form with a recording.
#[derive(ToSchema)]
pub struct FileForm {
    /// The recording: MP3, WAV, FLAC, M4A, AAC, Ogg or WebM, at most 10 MiB.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// The announcement of a recording that will be sent to a signed URL.
#[derive(Debug, ToSchema)]
pub struct UploadRequest {
    /// Name for display.
    #[schema(example = "voice-note.mp3")]
    pub filename: String,
    /// `audio/*`, `video/mp4` or `video/webm`.
    #[schema(example = "audio/mpeg")]
    pub content_type: String,
    /// Bytes that will be sent; the signed URL takes no more.
    #[schema(minimum = 1, maximum = 10_485_760, example = 160_749)]
    pub size: u64,
}

impl FromFields for UploadRequest {
    fn from_fields(fields: &mut Fields) -> Option<Self> {
        let filename = fields.string(&["filename"]);
        let content_type = fields.string(&["content_type"]);
        // Sizes out of bounds get the same answers as recordings of such sizes.
        let size = fields.integer("size", 0..=u64::MAX);
        Some(Self {
            filename: filename?,
            content_type: content_type?,
            size: size?,
        })
    }
}

/// Upload a recording
///
/// As a form, the recording is in the request. As JSON, the answer holds a signed URL in `upload`: send the bytes there with
/// the given method and headers. Either way the analysis starts by itself; follow it with `GET /api/v1/audio-files/{file_id}`.
#[utoipa::path(
    post,
    path = "/api/v1/audio-files",
    operation_id = "createAudioFile",
    tag = "Audio files",
    security(("bearer" = [])),
    request_body(
        description = "The recording itself, or its announcement",
        content((FileForm = "multipart/form-data"), (UploadRequest = "application/json"))
    ),
    responses(
        (status = 201, description = "Stored (`uploaded`), or waiting for its bytes (`awaiting_upload`, with `upload`)", body = CreatedAudioFile),
        (status = 400, description = "`empty_audio`, `malformed_multipart`, `malformed_json` or `unreadable_body`", body = ErrorBody),
        (
            status = 401,
            description = "`not_authenticated`, `invalid_token` or `token_expired`",
            body = ErrorBody,
            headers(("www-authenticate" = String, description = "`Bearer`"))
        ),
        (
            status = 413,
            description = "`audio_too_large` or `payload_too_large`",
            body = ErrorBody,
            example = json!({
                "status": "error", "error": "The recording is too large", "detail": "At most 10485760 bytes are accepted",
                "code": "audio_too_large", "request_id": "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00"
            })
        ),
        (status = 415, description = "`unsupported_audio` or `unsupported_media_type`", body = ErrorBody),
        (status = 422, description = "`validation_error`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (
            status = 503,
            description = "`store_unavailable`, `storage_unavailable` or `busy`",
            body = ErrorBody,
            headers(("retry-after" = u64, description = "Seconds to wait"))
        )
    )
)]
pub(crate) async fn create_audio_file(
    AxumState(state): AxumState<State>,
    caller: AuthenticatedUser,
    mut request: Request,
) -> ApiResult<(StatusCode, Json<CreatedAudioFile>)> {
    let created = if has_media_type(request.headers(), "multipart/form-data") {
        let form = Multipart::from_request(request, &state)
            .await
            .map_err(|_| malformed())?;
        sent_along(state, &caller.id, form).await?
    } else if has_media_type(request.headers(), "application/json") {
        DefaultBodyLimit::max(MAX_JSON_BYTES).apply(&mut request);
        let JsonBody(announced) = JsonBody::from_request(request, &state).await?;
        announced_only(&state, &caller.id, &announced).await?
    } else {
        tracing::debug!(
            media_type = media_type(request.headers()),
            "an upload of another kind"
        );
        return Err(unsupported_media_type(
            "multipart/form-data or application/json",
        ));
    };
    Ok((StatusCode::CREATED, Json(created)))
}

async fn sent_along(state: State, owner: &str, form: Multipart) -> ApiResult<CreatedAudioFile> {
    let recording = read_recording(form).await?;
    let size = recording.bytes.len() as u64;
    let file = AudioFile::new(
        owner,
        &recording.filename,
        &recording.content_type,
        Some(size),
        now(),
    );
    let file = store_new(state, file, recording.bytes).await?;
    Ok(CreatedAudioFile {
        file: file.into(),
        upload: None,
    })
}

async fn announced_only(
    state: &State,
    owner: &str,
    announced: &UploadRequest,
) -> ApiResult<CreatedAudioFile> {
    let content_type = recording_type(&announced.content_type)?;
    if announced.size == 0 {
        return Err(empty_audio());
    }
    if announced.size > MAX_AUDIO_BYTES as u64 {
        return Err(audio_too_large(MAX_AUDIO_BYTES as u64));
    }
    let filename = display_name(Some(&announced.filename));
    let file = AudioFile::new(owner, &filename, &content_type, Some(announced.size), now());
    // Signed first: a record without a way to send its bytes would wait for ever.
    let upload = state
        .bucket
        .sign_upload(
            &file.object_key,
            &content_type,
            announced.size,
            UPLOAD_WINDOW,
        )
        .await?;
    state.store.create_audio_file(&file).await?;
    Ok(CreatedAudioFile {
        file: file.into(),
        upload: Some(upload),
    })
}
