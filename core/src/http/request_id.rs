//! The identity of a request: taken from the caller's `x-request-id` where it is sane, made here otherwise, answered in
//! the same header and in every error body.

use axum::extract::Request;
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument;
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const LONGEST: usize = 128;

tokio::task_local! {
    static CURRENT: String;
}

/// The identity of the request that this task answers; `None` outside a request.
pub(crate) fn current() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

fn is_sane(value: &str) -> bool {
    (1..=LONGEST).contains(&value.len())
        && value
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// Middleware that gives each request its identity, and one line in the log: method, path (never the query, which may
/// carry a signature), status and milliseconds.
pub(crate) async fn identify(request: Request, next: Next) -> Response {
    let id = request
        .headers()
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .filter(|value| is_sane(value))
        .map_or_else(|| Uuid::now_v7().to_string(), ToOwned::to_owned);
    let span =
        tracing::info_span!("request", id, method = %request.method(), path = request.uri().path());
    CURRENT
        .scope(
            id.clone(),
            async move {
                let started = std::time::Instant::now();
                let mut response = next.run(request).await;
                tracing::info!(
                    status = response.status().as_u16(),
                    milliseconds = started.elapsed().as_secs_f64() * 1000.0,
                    "answered"
                );
                if let Ok(value) = HeaderValue::from_str(&id) {
                    response.headers_mut().insert(HEADER, value);
                }
                response
            }
            .instrument(span),
        )
        .await
}
