//! The routes to which the local folder's signed URLs lead: what a cloud's storage does for its own.

use axum::Json;
use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State as AxumState};
use axum::http::header::{
    CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use bonafide_core::audio_files::AudioFileStatus;
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::http::error::{ApiError, ApiResult, ErrorBody};
use bonafide_core::http::fields::media_type;
use bonafide_core::http::room::take_room;
use bonafide_core::objects::{LocalGrant, ObjectError, SignedQuery};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::State;
use crate::files::not_found;
use crate::reading::{
    MAX_BODY_BYTES, ReadError, audio_too_large, empty_audio, read_at_most, unreadable_body,
    unsupported_audio,
};
use crate::storing::{already_uploaded, store_awaited};

/// The path as the router matches it, and as OpenAPI writes it.
const ROUTE: &str = "/api/v1/objects/{*key}";
const DOCUMENTED: &str = "/api/v1/objects/{key}";

pub(crate) fn router() -> OpenApiRouter<State> {
    let mut router = OpenApiRouter::new()
        .routes(routes!(put_object, get_object))
        .layer(from_fn_with_state(MAX_BODY_BYTES, take_room));
    let paths = &mut router.get_openapi_mut().paths.paths;
    if let Some(operations) = paths.remove(ROUTE) {
        paths.insert(DOCUMENTED.to_owned(), operations);
    }
    router
}

/// The bytes are stored.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ObjectStored {
    /// Always `success`.
    #[schema(example = "success")]
    status: &'static str,
}

/// Send a recording to a signed URL
///
/// Only where recordings are kept in a local folder. Works once: an object is never replaced.
#[utoipa::path(
    put,
    path = "/api/v1/objects/{*key}",
    operation_id = "putObject",
    tag = "Objects",
    params(("key" = String, Path, description = "Key of the object"), SignedQuery),
    request_body(content((Vec<u8> = "audio/*")), description = "The recording, with the content type of the signed URL"),
    responses(
        (status = 200, description = "Stored; the analysis starts by itself", body = ObjectStored),
        (status = 400, description = "`empty_audio` or `unreadable_body`", body = ErrorBody),
        (status = 403, description = "`invalid_signature`: not signed, signed for something else, or expired", body = ErrorBody),
        (status = 404, description = "`audio_file_not_found`", body = ErrorBody),
        (status = 409, description = "`already_uploaded`", body = ErrorBody),
        (status = 413, description = "`audio_too_large`: more bytes than were announced", body = ErrorBody),
        (status = 415, description = "`unsupported_audio`: the content type is not the announced one", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (
            status = 503,
            description = "`store_unavailable`, `storage_unavailable` or `busy`",
            body = ErrorBody,
            headers(("retry-after" = u64, description = "Seconds to wait"))
        )
    )
)]
async fn put_object(
    AxumState(state): AxumState<State>,
    key: Result<Path<String>, PathRejection>,
    query: Result<Query<SignedQuery>, QueryRejection>,
    headers: HeaderMap,
    body: Body,
) -> ApiResult<Json<ObjectStored>> {
    let (key, grant) = verified(&state, "PUT", key, query)?;
    if !media_type(&headers).is_some_and(|sent| sent.eq_ignore_ascii_case(&grant.content_type)) {
        return Err(unsupported_audio(
            "The content type must be the announced one",
        ));
    }
    let limit = usize::try_from(grant.max_bytes)
        .unwrap_or(usize::MAX)
        .min(MAX_AUDIO_BYTES);
    let bytes =
        read_at_most(body.into_data_stream(), limit)
            .await
            .map_err(|error| match error {
                ReadError::TooLarge => audio_too_large(limit as u64),
                ReadError::Broken(_) => unreadable_body(),
            })?;
    if bytes.is_empty() {
        return Err(empty_audio());
    }
    let file = state
        .store
        .audio_file_by_object_key(&key)
        .await?
        .ok_or_else(not_found)?;
    if file.status != AudioFileStatus::AwaitingUpload {
        return Err(already_uploaded());
    }
    store_awaited(state, file, bytes).await?;
    Ok(Json(ObjectStored { status: "success" }))
}

/// Fetch a recording from a signed URL
///
/// Only where recordings are kept in a local folder.
#[utoipa::path(
    get,
    path = "/api/v1/objects/{*key}",
    operation_id = "getObject",
    tag = "Objects",
    params(("key" = String, Path, description = "Key of the object"), SignedQuery),
    responses(
        (status = 200, description = "The recording", body = Vec<u8>, content_type = "audio/*"),
        (status = 403, description = "`invalid_signature`: not signed, signed for something else, or expired", body = ErrorBody),
        (status = 404, description = "`object_not_found`", body = ErrorBody),
        (status = 500, description = "`internal_error`", body = ErrorBody),
        (status = 503, description = "`store_unavailable` or `storage_unavailable`", body = ErrorBody)
    )
)]
async fn get_object(
    AxumState(state): AxumState<State>,
    key: Result<Path<String>, PathRejection>,
    query: Result<Query<SignedQuery>, QueryRejection>,
) -> ApiResult<Response> {
    let (key, _) = verified(&state, "GET", key, query)?;
    let (bytes, _) = state
        .bucket
        .get(&key, MAX_AUDIO_BYTES as u64)
        .await
        .map_err(|error| match error {
            ObjectError::NotFound => ApiError::not_found("object_not_found", "Object not found"),
            other => other.into(),
        })?;
    // A folder does not keep the type; the record does.
    let content_type = state
        .store
        .audio_file_by_object_key(&key)
        .await?
        .map_or_else(
            || "application/octet-stream".to_owned(),
            |file| file.content_type,
        );
    // Bytes of strangers under our own address: nothing that a browser would run.
    let headers = [
        (CONTENT_TYPE, content_type.as_str()),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (CONTENT_DISPOSITION, "attachment"),
        (CACHE_CONTROL, "private, no-store"),
    ];
    Ok((headers, bytes).into_response())
}

/// The key and what may be done with it; 403 for whatever is not exactly as it was signed.
fn verified(
    state: &State,
    method: &str,
    key: Result<Path<String>, PathRejection>,
    query: Result<Query<SignedQuery>, QueryRejection>,
) -> ApiResult<(String, LocalGrant)> {
    let (Ok(Path(key)), Ok(Query(query))) = (key, query) else {
        return Err(invalid_signature());
    };
    let grant = state
        .bucket
        .verify_local(method, &key, &query)
        .map_err(|_| invalid_signature())?;
    Ok((key, grant))
}

fn invalid_signature() -> ApiError {
    ApiError::new(
        StatusCode::FORBIDDEN,
        "invalid_signature",
        "The signature of this URL is not valid",
    )
}
