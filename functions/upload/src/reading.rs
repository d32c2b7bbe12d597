//! Bodies up to the size of a recording, read with a running check, and what is refused by size.

use std::fmt::Display;

use axum::http::StatusCode;
use bonafide_core::http::MAX_AUDIO_BYTES;
use bonafide_core::http::error::ApiError;
use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt};

/// Most bytes that are read of one upload. Above the largest recording, because a client that is cut off while it sends
/// would see a broken connection instead of the answer 413; what is too much is dropped as it comes in.
pub(crate) const MAX_BODY_BYTES: usize = MAX_AUDIO_BYTES + MAX_AUDIO_BYTES / 2;

/// Why a stream of bytes is no recording's.
pub(crate) enum ReadError<E> {
    /// It has more bytes than are taken.
    TooLarge,
    /// It broke off or cannot be read.
    Broken(E),
}

/// Reads a stream of at most `limit` bytes. Of one that is longer, no more than `limit` bytes are held at any time.
pub(crate) async fn read_at_most<S, E>(mut stream: S, limit: usize) -> Result<Bytes, ReadError<E>>
where
    S: Stream<Item = Result<Bytes, E>> + Unpin,
    E: Display,
{
    let mut bytes = BytesMut::new();
    let mut received = 0_usize;
    while let Some(chunk) = stream.next().await {
        match chunk {
            Ok(chunk) => {
                received = received.saturating_add(chunk.len());
                if received <= limit {
                    bytes.extend_from_slice(&chunk);
                } else {
                    bytes = BytesMut::new();
                }
            }
            // Whatever ends a stream that is too long already, the length was first.
            Err(_) if received > limit => break,
            Err(error) => return Err(ReadError::Broken(error)),
        }
        if received > MAX_BODY_BYTES {
            break;
        }
    }
    if received > limit {
        Err(ReadError::TooLarge)
    } else {
        Ok(bytes.freeze())
    }
}

/// 413 for a recording above the limit.
pub(crate) fn audio_too_large(limit: u64) -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "audio_too_large",
        "The recording is too large",
    )
    .with_detail(format!("At most {limit} bytes are accepted"))
}

/// 400 for a recording without bytes.
pub(crate) fn empty_audio() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "empty_audio",
        "The recording is empty",
    )
}

/// 415 for what is not a recording, by its declared type or by its content.
pub(crate) fn unsupported_audio(detail: &'static str) -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_audio",
        "Unsupported audio format",
    )
    .with_detail(detail)
}

/// 400 for a body that broke off.
pub(crate) fn unreadable_body() -> ApiError {
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "unreadable_body",
        "The request body could not be read",
    )
}

#[cfg(test)]
mod tests {
    use futures::stream;

    use super::*;

    type Chunk = Result<Bytes, &'static str>;

    async fn read(chunks: Vec<Chunk>) -> Result<Bytes, ReadError<&'static str>> {
        read_at_most(stream::iter(chunks), 4).await
    }

    #[tokio::test]
    async fn as_many_bytes_as_allowed_are_read_and_not_one_more() {
        let exact = read(vec![
            Ok(Bytes::from_static(b"ab")),
            Ok(Bytes::from_static(b"cd")),
        ])
        .await;
        assert!(matches!(exact, Ok(bytes) if bytes == "abcd"));
        let longer = read(vec![
            Ok(Bytes::from_static(b"abcd")),
            Ok(Bytes::from_static(b"e")),
        ])
        .await;
        assert!(matches!(longer, Err(ReadError::TooLarge)));
    }

    #[tokio::test]
    async fn a_stream_that_breaks_is_told_from_one_that_is_too_long() {
        let broken = read(vec![Ok(Bytes::from_static(b"ab")), Err("gone")]).await;
        assert!(matches!(broken, Err(ReadError::Broken("gone"))));
        let too_long = read(vec![Ok(Bytes::from_static(b"abcde")), Err("gone")]).await;
        assert!(matches!(too_long, Err(ReadError::TooLarge)));
    }
}
