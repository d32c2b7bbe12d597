//! What a refused request still sends.
//!
//! An answer may come before the body has been read: no token, wrong type, too large. Where the connection then closes
//! on a client in the middle of sending, its system throws away the answer with it, and the client reports a broken
//! connection instead of what was wrong (RFC 9112, section 9.6). So the rest is read, within bounds, before the answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use futures::{Stream, StreamExt};
use tokio::sync::oneshot;

/// Most bytes that are read for nothing: a bit more than the largest body that any route takes.
const MOST: usize = 24 * 1024 * 1024;
/// Longest time for it.
const LONGEST: Duration = Duration::from_secs(5);

/// Middleware that reads the rest of the body before an error is answered.
pub(crate) async fn drain(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (give_back, mut left) = oneshot::channel();
    let request = request.map(|body| {
        Body::from_stream(Lent {
            body: Some(body.into_data_stream()),
            give_back: Some(give_back),
        })
    });
    let response = next.run(request).await;
    if (response.status().is_client_error() || response.status().is_server_error())
        && let Ok(body) = left.try_recv()
    {
        // Where it takes too long, the answer goes out all the same.
        let _ = tokio::time::timeout(LONGEST, discard(body)).await;
    }
    response
}

async fn discard(mut body: BodyDataStream) {
    let mut bytes = 0;
    while let Some(Ok(chunk)) = body.next().await {
        bytes += chunk.len();
        if bytes > MOST {
            return;
        }
    }
}

/// A body that comes back when its reader drops it.
struct Lent {
    body: Option<BodyDataStream>,
    give_back: Option<oneshot::Sender<BodyDataStream>>,
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.body
            .as_mut()
            .map_or(Poll::Ready(None), |body| body.poll_next_unpin(context))
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(body), Some(give_back)) = (self.body.take(), self.give_back.take()) {
            // Nobody waits for it any more where the request itself was given up.
            let _ = give_back.send(body);
        }
    }
}
