//! The form with the recording in it.

use axum::extract::Multipart;
use axum::extract::multipart::{Field, MultipartError};
use axum::http::StatusCode;
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::http::error::{ApiError, ApiResult, Violation};
use bytes::Bytes;

use crate::content_type::{is_unsaid, recording_type};
use crate::filename::display_name;
use crate::reading::{ReadError, audio_too_large, empty_audio, read_at_most, unsupported_audio};
use crate::sniff;

const PART: &str = "file";

/// A recording out of a form, checked as far as its first bytes tell.
pub(crate) struct Recording {
    /// For display.
    pub(crate) filename: String,
    /// Declared, or else by content.
    pub(crate) content_type: String,
    /// The whole recording.
    pub(crate) bytes: Bytes,
}

/// Reads the part `file`. Other parts are ignored; a second `file` is refused rather than lost.
pub(crate) async fn read_recording(mut form: Multipart) -> ApiResult<Recording> {
    let mut recording = None;
    while let Some(part) = form.next_field().await.map_err(refused)? {
        if part.name() != Some(PART) {
            continue;
        }
        if recording.is_some() {
            let violation = Violation::new(
                "body",
                PART,
                "only one file is accepted at a time",
                "value_error",
            );
            return Err(ApiError::validation(vec![violation]));
        }
        recording = Some(read_part(part).await?);
    }
    recording.ok_or_else(|| {
        ApiError::validation(vec![Violation::new(
            "body",
            PART,
            "field required",
            "value_error.missing",
        )])
    })
}

async fn read_part(part: Field<'_>) -> ApiResult<Recording> {
    let filename = display_name(part.file_name());
    let declared = part.content_type().map(ToOwned::to_owned);
    let bytes = read_at_most(part, MAX_AUDIO_BYTES)
        .await
        .map_err(|error| match error {
            ReadError::TooLarge => too_large(),
            ReadError::Broken(error) => refused(error),
        })?;
    if bytes.is_empty() {
        return Err(empty_audio());
    }
    let declared = declared
        .filter(|declared| !is_unsaid(Some(declared)))
        .map(|declared| recording_type(&declared))
        .transpose()?;
    let found = sniff::media_type(&bytes)
        .ok_or_else(|| unsupported_audio("Send MP3, WAV, FLAC, M4A, AAC, Ogg or WebM"))?;
    Ok(Recording {
        filename,
        content_type: declared.unwrap_or_else(|| found.to_owned()),
        bytes,
    })
}

/// The parser reads ahead, so the limit of the whole body may strike before the recording's own does: the same answer.
fn refused(error: MultipartError) -> ApiError {
    if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
        too_large()
    } else {
        malformed()
    }
}

fn too_large() -> ApiError {
    audio_too_large(MAX_AUDIO_BYTES as u64)
}

/// 400 for a body that is no form, or breaks off.
pub(crate) fn malformed() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "malformed_multipart",
        "Malformed multipart form",
    )
}
