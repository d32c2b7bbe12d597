//! Room for large bodies: how many bytes of recordings a process holds at once.
//!
//! A route that keeps whole recordings in memory takes room for one before it reads it, by its `Content-Length`, and
//! gives it back with the answer. Who comes when all is taken waits a little, unread, and is then told to come back.

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use crate::http::error::ApiError;

/// Bytes of bodies in memory at once; small functions have 256 MiB or 512 MiB in all.
const ROOM_BYTES: usize = 64 * 1024 * 1024;
/// Room is counted in so many bytes; also the least that a body takes.
const UNIT_BYTES: usize = 4 * 1024;
/// How long a request waits for room.
const PATIENCE: Duration = Duration::from_secs(10);
/// When a caller whom there is no room for should come back, in seconds.
const RETRY_SECONDS: u64 = 5;

static ROOM: Semaphore = Semaphore::const_new(ROOM_BYTES / UNIT_BYTES);

/// Middleware for a route that takes bodies of at most `largest` bytes (at most 64 MiB): 503 where there is no room.
pub async fn take_room(State(largest): State<usize>, request: Request, next: Next) -> Response {
    let taken = ROOM.acquire_many(units(request.headers(), largest));
    match tokio::time::timeout(PATIENCE, taken).await {
        Ok(Ok(_held)) => next.run(request).await,
        Ok(Err(_)) | Err(_) => ApiError::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "busy",
            "The service is busy. Please try again.",
        )
        .with_retry_after(RETRY_SECONDS)
        .into_response(),
    }
}

/// Of a body that does not tell its length, or lies beyond the limit, the largest is assumed: more is never read. A
/// request that speaks of no body has none (RFC 9112, section 6.3).
fn units(headers: &HeaderMap, largest: usize) -> u32 {
    let announced = match headers.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok().and_then(|length| length.parse().ok()),
        None if headers.contains_key(TRANSFER_ENCODING) => None,
        None => Some(0),
    };
    let bytes = announced.unwrap_or(largest).min(largest).min(ROOM_BYTES);
    u32::try_from(bytes.div_ceil(UNIT_BYTES).max(1)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    fn units_of(name: HeaderName, value: &'static str) -> u32 {
        let headers = HeaderMap::from_iter([(name, HeaderValue::from_static(value))]);
        units(&headers, 16 * 1024 * 1024)
    }

    #[test]
    fn a_body_takes_room_by_its_length_and_never_more_than_the_route_reads() {
        assert_eq!(units_of(CONTENT_LENGTH, "0"), 1);
        assert_eq!(units_of(CONTENT_LENGTH, "160000"), 40);
        assert_eq!(units_of(CONTENT_LENGTH, "999999999999"), 4096);
        assert_eq!(units_of(CONTENT_LENGTH, "many"), 4096);
        assert_eq!(units_of(TRANSFER_ENCODING, "chunked"), 4096);
        assert_eq!(units(&HeaderMap::new(), 16 * 1024 * 1024), 1);
    }
}
