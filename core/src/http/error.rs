//! The one shape of every error answer.
//!
//! A handler returns [`ApiError`]. What a caller may read (`error`, `detail`, `code`) and what only the log may say
//! ([`ApiError::internal`]) are separate; nothing internal reaches the answer.

use std::borrow::Cow;

use axum::Json;
use axum::http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::request_id;
use crate::objects::ObjectError;
use crate::store::StoreError;

/// Result of a handler.
pub type ApiResult<T> = Result<T, ApiError>;

/// One complaint about a request, as FastAPI writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Violation {
    /// Path to the value: `body` or `query`, then names.
    pub loc: Vec<String>,
    /// The complaint in words.
    pub msg: String,
    /// Its kind, for example `value_error.missing`.
    #[serde(rename = "type")]
    pub kind: String,
}

impl Violation {
    /// A complaint about `field` in `location`.
    pub fn new(location: &str, field: &str, msg: impl Into<String>, kind: &str) -> Self {
        Self {
            loc: vec![location.to_owned(), field.to_owned()],
            msg: msg.into(),
            kind: kind.to_owned(),
        }
    }
}

/// More about an error: words, or the list of what is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ErrorDetail {
    /// In words.
    Text(String),
    /// Validation errors (status 422).
    Violations(Vec<Violation>),
}

/// Body of every error answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ErrorBody {
    /// Always `error`.
    #[schema(example = "error")]
    pub status: Cow<'static, str>,
    /// What went wrong, in one sentence.
    pub error: Cow<'static, str>,
    /// More about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detail: Option<ErrorDetail>,
    /// Stable machine code.
    #[schema(example = "audio_file_not_found")]
    pub code: Cow<'static, str>,
    /// Identity of the request, as in the header `x-request-id`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// An error on its way to the caller.
#[derive(Clone, Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    error: Cow<'static, str>,
    detail: Option<ErrorDetail>,
    retry_after_seconds: Option<u64>,
    challenge: bool,
}

impl ApiError {
    /// An error with a status, a stable machine code and a sentence for the caller.
    pub fn new(
        status: StatusCode,
        code: &'static str,
        error: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self {
            status,
            code,
            error: error.into(),
            detail: None,
            retry_after_seconds: None,
            challenge: false,
        }
    }

    /// Adds words for the caller.
    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(ErrorDetail::Text(detail.into()));
        self
    }

    /// Tells the caller when to come back.
    #[must_use]
    pub fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Adds `WWW-Authenticate: Bearer`, as RFC 6750 asks of a 401.
    #[must_use]
    pub fn with_challenge(mut self) -> Self {
        self.challenge = true;
        self
    }

    /// 422 with FastAPI's list of complaints.
    pub fn validation(violations: Vec<Violation>) -> Self {
        Self {
            detail: Some(ErrorDetail::Violations(violations)),
            ..Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "validation_error",
                "Validation error",
            )
        }
    }

    /// 500. `cause` goes to the log, not to the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Internal server error",
        )
    }

    /// 404 with a code that says what was not found.
    pub fn not_found(code: &'static str, error: &'static str) -> Self {
        Self::new(StatusCode::NOT_FOUND, code, error)
    }

    /// The stable machine code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            status: Cow::Borrowed("error"),
            error: self.error,
            detail: self.detail,
            code: Cow::Borrowed(self.code),
            request_id: request_id::current(),
        };
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after_seconds {
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.challenge {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) => {
                tracing::error!(%cause, "store unavailable");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "store_unavailable",
                    "The service is busy. Please try again.",
                )
                .with_retry_after(5)
            }
            StoreError::Taken(_) | StoreError::Malformed(_) => Self::internal(error),
        }
    }
}

impl From<ObjectError> for ApiError {
    fn from(error: ObjectError) -> Self {
        match error {
            ObjectError::Unavailable(cause) => {
                tracing::error!(%cause, "object storage unavailable");
                Self::new(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "storage_unavailable",
                    "The service is busy. Please try again.",
                )
                .with_retry_after(5)
            }
            other => Self::internal(other),
        }
    }
}
