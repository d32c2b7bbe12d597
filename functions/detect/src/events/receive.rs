//! Storage events over HTTP.

use axum::body::Bytes;
use axum::extract::State as Shared;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};
use bonafide_core::config::EventAuth;
use bonafide_core::events;
use bonafide_core::http::error::{ApiError, ApiResult};
use bonafide_core::http::fields::payload_too_large;
use futures::{StreamExt, stream};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::Outcome;
use crate::State;

/// Largest delivery in bytes; one event takes one or two thousand.
pub(crate) const BODY_LIMIT: usize = 1024 * 1024;

/// How many events of one delivery are handled at once.
const AT_ONCE: usize = 4;

/// Handles all events of one delivery. 204 where nothing is left to do, 503 where any of them must come again: the
/// others are then found done.
pub(crate) async fn receive(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> ApiResult<StatusCode> {
    authorize(&state.event_auth, &headers)?;
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => payload_too_large(),
        _ => ApiError::new(
            StatusCode::BAD_REQUEST,
            "unreadable_body",
            "The request body could not be read",
        ),
    })?;
    let events = events::parse(&headers, &body).map_err(|error| {
        tracing::warn!(%error, "not a storage event");
        ApiError::new(
            StatusCode::BAD_REQUEST,
            "malformed_event",
            "Not a storage event",
        )
        .with_detail(error.to_string())
    })?;
    let outcomes: Vec<Outcome> = stream::iter(events)
        .map(|event| {
            let handler = state.events.clone();
            async move {
                let outcome = handler.handle(&event).await;
                tracing::info!(
                    bucket = event.bucket,
                    key = event.object_key,
                    ?outcome,
                    "storage event"
                );
                outcome
            }
        })
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let latest = outcomes.into_iter().filter_map(|outcome| match outcome {
        Outcome::Retry { after } => Some(after),
        Outcome::Done | Outcome::Ignored => None,
    });
    match latest.max() {
        None => Ok(StatusCode::NO_CONTENT),
        Some(after) => Err(ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "Please deliver the event again.",
        )
        .with_retry_after(after.as_secs().max(1))),
    }
}

fn authorize(auth: &EventAuth, headers: &HeaderMap) -> ApiResult<()> {
    let token = match auth {
        EventAuth::Platform => return Ok(()),
        EventAuth::Token(token) => token,
        // The route is not mounted then; should it ever be, it lets nobody in.
        EventAuth::Closed => return Err(ApiError::not_found("not_found", "Not found")),
    };
    let sent = headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| {
            let (scheme, token) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
        });
    let Some(sent) = sent else {
        return Err(ApiError::new(
            StatusCode::UNAUTHORIZED,
            "not_authenticated",
            "Not authenticated",
        )
        .with_challenge());
    };
    // Of hashes, so that not even the length of the token shows in the time taken.
    let hash = |text: &str| -> [u8; 32] { Sha256::digest(text).into() };
    if bool::from(hash(sent).ct_eq(&hash(token.expose_secret()))) {
        Ok(())
    } else {
        Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "event_token_invalid",
            "Invalid event token. Access denied.",
        ))
    }
}
