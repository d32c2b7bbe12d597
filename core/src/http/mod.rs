//! HTTP conventions that every function keeps: one error shape, request ids, checked bodies, pages, and the layers
//! around each router.

pub mod error;
pub mod fields;
pub mod pages;
mod request_id;
pub mod room;
mod unread;
mod values;

use std::time::Duration;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderName, Method, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::cors::{Any, CorsLayer};
use tower_http::timeout::RequestBodyTimeoutLayer;

use self::error::ApiError;

/// The version of the API, as the root and `/health` tell it.
pub const API_VERSION: &str = "1.0.0";

/// Largest recording that is taken, in bytes.
pub const MAX_AUDIO_BYTES: usize = 10 * 1024 * 1024;

/// Largest body of a route that sets no limit of its own, in bytes.
const DEFAULT_BODY_LIMIT: usize = 64 * 1024;

/// Longest pause in the middle of a body. Whoever sends nothing for so long has gone.
const BODY_PAUSE: Duration = Duration::from_secs(30);

/// Puts the house's layers around the routes of one function, or of all.
///
/// Browsers of any origin may call: no route reads cookies, so there is nothing a foreign page could ride on.
pub fn app(routes: Router) -> Router {
    routes
        .fallback(|| async { ApiError::not_found("not_found", "Not found") })
        .method_not_allowed_fallback(|| async {
            ApiError::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "method_not_allowed",
                "Method not allowed",
            )
        })
        .layer(DefaultBodyLimit::max(DEFAULT_BODY_LIMIT))
        .layer(RequestBodyTimeoutLayer::new(BODY_PAUSE))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn(unread::drain))
        .layer(
            CorsLayer::new()
                .allow_origin(Any)
                .allow_methods([Method::GET, Method::POST, Method::PUT, Method::DELETE])
                .allow_headers([
                    header::AUTHORIZATION,
                    header::CONTENT_TYPE,
                    HeaderName::from_static("x-api-key"),
                    HeaderName::from_static("x-request-id"),
                ])
                .expose_headers([
                    HeaderName::from_static("x-request-id"),
                    header::RETRY_AFTER,
                    header::WWW_AUTHENTICATE,
                ]),
        )
        .layer(middleware::from_fn(request_id::identify))
}

fn panicked(cause: Box<dyn std::any::Any + Send>) -> Response {
    let cause = cause
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| cause.downcast_ref::<&str>().copied())
        .unwrap_or("a panic without words");
    ApiError::internal(cause).into_response()
}
