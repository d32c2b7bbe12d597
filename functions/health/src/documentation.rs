//! The API's documentation: the OpenAPI document, Swagger UI and ReDoc, all from this program.

use std::sync::{Arc, LazyLock};

use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use bonafide_core::http::error::{ApiError, ApiResult};
use utoipa_swagger_ui::Config;

use crate::pages::{SCRIPT, page, part};

/// Written by `bonafide openapi`; a test of that program keeps it in step with the handlers.
const OPENAPI: &str = include_str!("../../../openapi.json");
const DOCS: &str = include_str!("../assets/docs.html");
const DOCS_SCRIPT: &str = include_str!("../assets/docs.js");
const REDOC: &str = include_str!("../assets/redoc.html");
const REDOC_SCRIPT: &str = include_str!("../assets/redoc.standalone.js");

/// The files of Swagger UI that its page needs; the rest of the distribution is not served.
const SWAGGER_FILES: [&str; 3] = [
    "swagger-ui.css",
    "swagger-ui-bundle.js",
    "favicon-32x32.png",
];

/// Swagger UI writes styles into its elements and draws icons from `data:`; "Try it out" calls this server.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// ReDoc writes style sheets, and searches in a worker that it makes from a blob.
const REDOC_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; connect-src 'self'; worker-src blob:; child-src blob:; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

static SWAGGER: LazyLock<Arc<Config<'static>>> =
    LazyLock::new(|| Arc::new(Config::from("/openapi.json")));

pub(crate) async fn openapi() -> Response {
    (
        [(CONTENT_TYPE, HeaderValue::from_static("application/json"))],
        OPENAPI,
    )
        .into_response()
}

pub(crate) async fn docs() -> Response {
    page(DOCS, DOCS_POLICY)
}

pub(crate) async fn docs_file(file: Result<Path<String>, PathRejection>) -> ApiResult<Response> {
    let not_found = || ApiError::not_found("not_found", "Not found");
    let Path(file) = file.map_err(|_| not_found())?;
    if file == "docs.js" {
        return Ok(part(SCRIPT, DOCS_SCRIPT));
    }
    if !SWAGGER_FILES.contains(&file.as_str()) {
        return Err(not_found());
    }
    let found =
        utoipa_swagger_ui::serve(&file, Arc::clone(&SWAGGER)).map_err(ApiError::internal)?;
    found
        .map(|found| part(&found.content_type, found.bytes.into_owned()))
        .ok_or_else(not_found)
}

pub(crate) async fn redoc() -> Response {
    page(REDOC, REDOC_POLICY)
}

pub(crate) async fn redoc_script() -> Response {
    part(SCRIPT, REDOC_SCRIPT)
}
