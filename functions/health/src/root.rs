//! The root: what this API is, as JSON to programs and as the demo page to browsers.

use axum::Json;
use axum::http::header::{ACCEPT, VARY};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use bonafide_core::http::API_VERSION;
use serde::Serialize;
use utoipa::ToSchema;

use crate::pages::{SCRIPT, STYLE, page, part};

const DEMO: &str = include_str!("../../../web/index.html");
const DEMO_SCRIPT: &str = include_str!("../../../web/demo.js");
const DEMO_STYLE: &str = include_str!("../../../web/demo.css");

/// Our own script and style, calls to this server, and the chosen recording played from memory.
const DEMO_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; media-src blob:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// What this API is.
#[derive(Serialize, ToSchema)]
pub(crate) struct RootAnswer {
    /// Name of the API.
    #[schema(example = "AI Voice Detection API")]
    message: &'static str,
    /// Version of the API.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// Where the interactive documentation is.
    #[schema(example = "/docs")]
    docs: &'static str,
    /// Where the health check is.
    #[schema(example = "/health")]
    health: &'static str,
}

/// What this API is. A browser (`Accept: text/html`) gets the demo page instead.
#[utoipa::path(
    get,
    path = "/",
    tag = "Health",
    responses((status = 200, description = "Name, version and where to go on", content(
        (RootAnswer = "application/json"),
        (String = "text/html"),
    )))
)]
pub(crate) async fn root(headers: HeaderMap) -> Response {
    let mut response = if wants_html(&headers) {
        page(DEMO, DEMO_POLICY)
    } else {
        Json(RootAnswer {
            message: "AI Voice Detection API",
            version: API_VERSION,
            docs: "/docs",
            health: "/health",
        })
        .into_response()
    };
    response
        .headers_mut()
        .append(VARY, HeaderValue::from_static("accept"));
    response
}

pub(crate) async fn demo_script() -> Response {
    part(SCRIPT, DEMO_SCRIPT)
}

pub(crate) async fn demo_style() -> Response {
    part(STYLE, DEMO_STYLE)
}

/// Whether the caller names HTML and likes it no less than JSON. `*/*` names nothing: programs send it.
fn wants_html(headers: &HeaderMap) -> bool {
    let accepted: Vec<&str> = headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .collect();
    let quality = |wanted: &str| {
        accepted
            .iter()
            .filter_map(|range| {
                let mut parts = range.split(';').map(str::trim);
                parts
                    .next()
                    .filter(|name| name.eq_ignore_ascii_case(wanted))?;
                let quality = parts
                    .find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
                Some(quality.map_or(1.0, |quality| quality.parse::<f32>().unwrap_or(0.0)))
            })
            .fold(0.0, f32::max)
    };
    let html = quality("text/html");
    html > 0.0 && html >= quality("application/json")
}
