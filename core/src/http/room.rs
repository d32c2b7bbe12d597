//! Room for recordings: how many bytes of them a process holds at once.
//!
//! Who keeps a whole recording in memory takes room for it before it is read. A route does so by [`take_room`], by the
//! `Content-Length`, and gives it back with the answer: who comes when all is taken waits a little, unread, and is then
//! told to come back. Work in the background waits by [`hold`].

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

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

/// Waits for room for `bytes` bytes (at most 64 MiB), to be held as long as they are.
pub async fn hold(bytes: usize) -> Result<SemaphorePermit<'static>, AcquireError> {
    ROOM.acquire_many(units(bytes)).await
}

/// Middleware for a route that takes bodies of at most `largest` bytes (at most 64 MiB): 503 where there is no room.
pub async fn take_room(State(largest): State<usize>, request: Request, next: Next) -> Response {
    let taken = hold(announced(request.headers(), largest));
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

/// Bytes of a request's body. Of one that does not tell its length, or lies beyond the limit, the largest is assumed:
/// more is never read. A request that speaks of no body has none (RFC 9112, section 6.3).
fn announced(headers: &HeaderMap, largest: usize) -> usize {
    let announced = match headers.get(CONTENT_LENGTH) {
        Some(length) => length.to_str().ok().and_then(|length| length.parse().ok()),
        None if headers.contains_key(TRANSFER_ENCODING) => None,
        None => Some(0),
    };
    announced.unwrap_or(largest).min(largest)
}

fn units(bytes: usize) -> u32 {
    let units = bytes.min(ROOM_BYTES).div_ceil(UNIT_BYTES).max(1);
    u32::try_from(units).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderName, HeaderValue};

    use super::*;

    const LARGEST: usize = 16 * 1024 * 1024;

    fn announced_by(name: HeaderName, value: &'static str) -> usize {
        announced(
            &HeaderMap::from_iter([(name, HeaderValue::from_static(value))]),
            LARGEST,
        )
    }

    #[test]
    fn a_body_takes_room_by_its_length_and_never_more_than_the_route_reads() {
        assert_eq!(announced_by(CONTENT_LENGTH, "160000"), 160_000);
        assert_eq!(announced_by(CONTENT_LENGTH, "999999999999"), LARGEST);
        assert_eq!(announced_by(CONTENT_LENGTH, "many"), LARGEST);
        assert_eq!(announced_by(TRANSFER_ENCODING, "chunked"), LARGEST);
        assert_eq!(announced(&HeaderMap::new(), LARGEST), 0);
    }

    #[test]
    fn room_is_counted_in_whole_units_and_nobody_asks_for_more_than_there_is() {
        assert_eq!(units(0), 1);
        assert_eq!(units(UNIT_BYTES + 1), 2);
        assert_eq!(units(usize::MAX) as usize, ROOM_BYTES / UNIT_BYTES);
    }
}
