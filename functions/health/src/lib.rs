//! The `health` function: the root, the health check, the demo page, and the API's documentation.
//!
//! Everything it serves is built into the program; its pages load nothing from other hosts and run nothing that is not
//! listed in their `Content-Security-Policy`.

mod documentation;
mod health;
mod pages;
mod probe;
mod root;

use axum::routing::get;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

pub use probe::{ModelProbe, RemoteModel};

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    model: ModelProbe,
}

impl State {
    /// Asks `model` whether the model is loaded.
    pub fn new(model: ModelProbe) -> Self {
        Self { model }
    }
}

/// The routes of the function. Pages and the documentation itself are not in the documentation.
pub fn router(state: State) -> OpenApiRouter {
    OpenApiRouter::new()
        .routes(routes!(root::root))
        .routes(routes!(health::health))
        .route("/demo.js", get(root::demo_script))
        .route("/demo.css", get(root::demo_style))
        .route("/docs", get(documentation::docs))
        .route("/docs/{file}", get(documentation::docs_file))
        .route("/redoc", get(documentation::redoc))
        .route(
            "/redoc/redoc.standalone.js",
            get(documentation::redoc_script),
        )
        .route("/openapi.json", get(documentation::openapi))
        .with_state(state)
}
