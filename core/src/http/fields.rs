//! Bodies and queries, checked as FastAPI checks them: all complaints at once, each with its place and kind.

use axum::Form;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, FromRequestParts, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};

use crate::http::error::{ApiError, Violation};
use crate::http::values::{Value, Values};

/// The named values of one body or query, with the complaints found so far.
///
/// Each getter notes what is wrong and returns `None`; [`FromFields::from_fields`] may therefore read every field before
/// it gives up, and the caller hears of all mistakes at once.
pub struct Fields {
    location: &'static str,
    values: Values,
    violations: Vec<Violation>,
}

impl Fields {
    fn new(location: &'static str, values: Values) -> Self {
        Self {
            location,
            values,
            violations: Vec::new(),
        }
    }

    /// Notes a complaint about `field`.
    pub fn refuse(&mut self, field: &str, message: impl Into<String>, kind: &str) {
        self.violations
            .push(Violation::new(self.location, field, message, kind));
    }

    /// The string under the first of `names` that is present. Absent or null is fine.
    pub fn optional_string(&mut self, names: &[&str]) -> Option<String> {
        let name = names
            .iter()
            .find(|name| self.values.get(name).is_some_and(|value| !value.is_null()))?;
        match self.values.remove(name) {
            Some(Value::String(text)) => Some(text),
            _ => {
                self.refuse(name, "str type expected", "type_error.str");
                None
            }
        }
    }

    /// The string under the first of `names` that is present; absent is a complaint about the first name.
    pub fn string(&mut self, names: &[&str]) -> Option<String> {
        let complaints = self.violations.len();
        let found = self.optional_string(names);
        if found.is_none() && self.violations.len() == complaints {
            let name = names.first().copied().unwrap_or_default();
            if self.values.get(name).is_some() {
                self.refuse(
                    name,
                    "none is not an allowed value",
                    "type_error.none.not_allowed",
                );
            } else {
                self.refuse(name, "field required", "value_error.missing");
            }
        }
        found
    }

    /// A required string whose length in characters lies within `lengths`.
    pub fn string_of_length(
        &mut self,
        name: &str,
        lengths: std::ops::RangeInclusive<usize>,
    ) -> Option<String> {
        let text = self.string(&[name])?;
        let length = text.chars().count();
        if length < *lengths.start() {
            let message = format!(
                "ensure this value has at least {} characters",
                lengths.start()
            );
            self.refuse(name, message, "value_error.any_str.min_length");
            return None;
        }
        if length > *lengths.end() {
            let message = format!("ensure this value has at most {} characters", lengths.end());
            self.refuse(name, message, "value_error.any_str.max_length");
            return None;
        }
        Some(text)
    }

    /// An optional whole number within `bounds`; in a query and in a form it is written as text.
    pub fn optional_integer(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<u64>,
    ) -> Option<u64> {
        let number = match self.values.remove(name)? {
            Value::Null => return None,
            Value::Integer(number) => Some(number),
            Value::String(text) => text.parse::<i128>().ok(),
            _ => None,
        };
        let Some(number) = number else {
            self.refuse(name, "value is not a valid integer", "type_error.integer");
            return None;
        };
        if number < i128::from(*bounds.start()) {
            let message = format!(
                "ensure this value is greater than or equal to {}",
                bounds.start()
            );
            self.refuse(name, message, "value_error.number.not_ge");
            return None;
        }
        match u64::try_from(number)
            .ok()
            .filter(|number| number <= bounds.end())
        {
            Some(number) => Some(number),
            None => {
                let message = format!(
                    "ensure this value is less than or equal to {}",
                    bounds.end()
                );
                self.refuse(name, message, "value_error.number.not_le");
                None
            }
        }
    }

    /// A required whole number within `bounds`.
    pub fn integer(&mut self, name: &str, bounds: std::ops::RangeInclusive<u64>) -> Option<u64> {
        if self.values.get(name).is_none_or(Value::is_null) {
            self.refuse(name, "field required", "value_error.missing");
            return None;
        }
        self.optional_integer(name, bounds)
    }

    /// One of `choices`, by its written form. `text` is what the caller sent.
    pub fn choice<T: Copy>(&mut self, name: &str, text: &str, choices: &[(&str, T)]) -> Option<T> {
        let found = choices
            .iter()
            .find(|(written, _)| *written == text)
            .map(|(_, value)| *value);
        if found.is_none() {
            let permitted: Vec<String> = choices
                .iter()
                .map(|(written, _)| format!("'{written}'"))
                .collect();
            let message = format!("unexpected value; permitted: {}", permitted.join(", "));
            self.refuse(name, message, "value_error.const");
        }
        found
    }

    fn read<T: FromFields>(mut self) -> Result<T, ApiError> {
        let value = T::from_fields(&mut self);
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            Some(_) | None if !self.violations.is_empty() => {
                Err(ApiError::validation(self.violations))
            }
            _ => Err(ApiError::internal("a body was refused without a complaint")),
        }
    }
}

/// A body or query that reads itself from named values.
pub trait FromFields: Sized {
    /// Reads the value, noting every complaint in `fields`; `None` only after at least one complaint.
    fn from_fields(fields: &mut Fields) -> Option<Self>;
}

/// A JSON body. 415 where the media type is another, 400 where it is not JSON, 422 where fields are wrong.
pub struct JsonBody<T>(pub T);

/// A body that may be JSON or an HTML form (OAuth2's password grant).
pub struct JsonOrFormBody<T>(pub T);

/// The query of the URL.
pub struct QueryFields<T>(pub T);

/// Whether the request says that its body is of this media type.
pub fn has_media_type(headers: &HeaderMap, wanted: &str) -> bool {
    media_type(headers).is_some_and(|media_type| media_type.eq_ignore_ascii_case(wanted))
}

/// The media type of the request's body, without parameters.
pub fn media_type(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    Some(value.split(';').next().unwrap_or(value).trim())
}

fn is_json(headers: &HeaderMap) -> bool {
    media_type(headers).is_some_and(|media_type| {
        let media_type = media_type.to_ascii_lowercase();
        media_type == "application/json"
            || (media_type.starts_with("application/") && media_type.ends_with("+json"))
    })
}

/// 415 for a body of a media type that the route does not take.
pub fn unsupported_media_type(expected: &str) -> ApiError {
    ApiError::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "unsupported_media_type",
        "Unsupported content type",
    )
    .with_detail(format!("Send {expected}"))
}

/// 413 for a body over the route's limit.
pub fn payload_too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "payload_too_large",
        "The request body is too large",
    )
}

fn body_refused(rejection: BytesRejection) -> ApiError {
    if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
        return payload_too_large();
    }
    ApiError::new(
        StatusCode::BAD_REQUEST,
        "unreadable_body",
        "The request body could not be read",
    )
}

/// Reads a JSON object from a body.
pub fn read_json<T: FromFields>(body: &[u8]) -> Result<T, ApiError> {
    let not_an_object = |message: &str, kind: &str| {
        ApiError::validation(vec![Violation {
            loc: vec!["body".into()],
            msg: message.into(),
            kind: kind.into(),
        }])
    };
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(not_an_object("field required", "value_error.missing"));
    }
    match serde_json::from_slice(body) {
        Ok(values) => Fields::new("body", values).read(),
        Err(error) if error.is_data() => Err(not_an_object(
            "value is not a valid dict",
            "type_error.dict",
        )),
        Err(error) => {
            Err(
                ApiError::new(StatusCode::BAD_REQUEST, "malformed_json", "Malformed JSON")
                    .with_detail(format!("line {} column {}", error.line(), error.column())),
            )
        }
    }
}

impl<T: FromFields, S: Send + Sync> FromRequest<S> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !is_json(request.headers()) {
            return Err(unsupported_media_type("application/json"));
        }
        let body = Bytes::from_request(request, state)
            .await
            .map_err(body_refused)?;
        read_json(&body).map(Self)
    }
}

impl<T: FromFields, S: Send + Sync> FromRequest<S> for JsonOrFormBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if is_json(request.headers()) {
            return JsonBody::from_request(request, state)
                .await
                .map(|JsonBody(value)| Self(value));
        }
        if !has_media_type(request.headers(), "application/x-www-form-urlencoded") {
            return Err(unsupported_media_type(
                "application/x-www-form-urlencoded or application/json",
            ));
        }
        let Form(pairs) = Form::<Vec<(String, String)>>::from_request(request, state)
            .await
            .map_err(|rejection| {
                if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                    return payload_too_large();
                }
                ApiError::new(StatusCode::BAD_REQUEST, "malformed_form", "Malformed form")
            })?;
        Fields::new("body", Values::of_texts(pairs))
            .read()
            .map(Self)
    }
}

impl<T: FromFields, S: Send + Sync> FromRequestParts<S> for QueryFields<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let Query(pairs) = Query::<Vec<(String, String)>>::from_request_parts(parts, state)
            .await
            .map_err(|_| {
                ApiError::new(
                    StatusCode::BAD_REQUEST,
                    "malformed_query",
                    "Malformed query",
                )
            })?;
        Fields::new("query", Values::of_texts(pairs))
            .read()
            .map(Self)
    }
}
