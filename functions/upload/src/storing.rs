//! A recording's way into the store and the bucket.

use axum::http::StatusCode;
use bonafide_core::audio_files::{AudioFile, AudioFileStatus};
use bonafide_core::events::StorageEvent;
use bonafide_core::http::error::{ApiError, ApiResult};
use bonafide_core::objects::{ObjectError, ObjectInfo};
use bonafide_core::time::{Timestamp, now};
use bytes::Bytes;
use tracing::Instrument;

use crate::State;

/// Records a file, stores its bytes and announces them. Where the bytes cannot be stored, the record is gone again.
///
/// Runs to its end even where the caller hangs up meanwhile.
pub(crate) async fn store_new(
    state: State,
    mut file: AudioFile,
    bytes: Bytes,
) -> ApiResult<AudioFile> {
    let storing = async move {
        state.store.create_audio_file(&file).await?;
        let object = match state
            .bucket
            .put_new(&file.object_key, &file.content_type, bytes)
            .await
        {
            Ok(object) => object,
            Err(error) => {
                forget(&state, &file).await;
                return Err(error.into());
            }
        };
        file.uploaded_at = Some(uploaded(&state, &file, &object).await);
        file.status = AudioFileStatus::Uploaded;
        Ok(file)
    };
    tokio::spawn(storing.in_current_span())
        .await
        .map_err(ApiError::internal)?
}

/// Stores the bytes of a file that is recorded already and announces them. 409 where it has bytes.
///
/// Runs to its end even where the caller hangs up meanwhile.
pub(crate) async fn store_awaited(state: State, file: AudioFile, bytes: Bytes) -> ApiResult<()> {
    let storing = async move {
        let object = match state
            .bucket
            .put_new(&file.object_key, &file.content_type, bytes)
            .await
        {
            Ok(object) => object,
            Err(ObjectError::Exists) => return Err(already_uploaded()),
            Err(error) => return Err(error.into()),
        };
        uploaded(&state, &file, &object).await;
        Ok(())
    };
    tokio::spawn(storing.in_current_span())
        .await
        .map_err(ApiError::internal)?
}

/// 409 for a second upload of the same file.
pub(crate) fn already_uploaded() -> ApiError {
    ApiError::new(
        StatusCode::CONFLICT,
        "already_uploaded",
        "This file has been uploaded already",
    )
}

/// Marks a stored file as uploaded and announces it. Neither failure undoes the upload: the reconcile job finds the file.
async fn uploaded(state: &State, file: &AudioFile, object: &ObjectInfo) -> Timestamp {
    let moment = now();
    if let Err(error) = state
        .store
        .mark_uploaded(&file.id, object.size, moment)
        .await
    {
        tracing::error!(%error, file = %file.id, "stored, but not marked as uploaded");
    }
    let (events, bucket) = (state.events.clone(), state.bucket.name().to_owned());
    let event = StorageEvent {
        bucket,
        object_key: file.object_key.clone(),
        object_version: object.version.clone(),
        size: Some(object.size),
    };
    let id = file.id.clone();
    // A webhook answers when the recording is analysed; the uploader need not wait for that.
    let announcing = async move {
        if let Err(error) = events.deliver(event).await {
            tracing::error!(%error, file = %id, "stored, but not announced");
        }
    };
    tokio::spawn(announcing.in_current_span());
    moment
}

/// Removes what is left of a file whose bytes could not be stored. A put that seemed to fail may have arrived, so the
/// object is removed too, without keeping the caller waiting for a storage that does not answer.
async fn forget(state: &State, file: &AudioFile) {
    if let Err(error) = state.store.delete_audio_file(&file.owner, &file.id).await {
        tracing::error!(%error, file = %file.id, "not stored, and its record is left");
    }
    let (bucket, key) = (state.bucket.clone(), file.object_key.clone());
    let removing = async move {
        if let Err(error) = bucket.delete(&key).await {
            tracing::warn!(%error, key, "not stored, as far as is known");
        }
    };
    tokio::spawn(removing.in_current_span());
}
