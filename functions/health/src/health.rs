//! The health check.

use axum::Json;
use axum::extract::State as Shared;
use bonafide_core::http::API_VERSION;
use serde::Serialize;
use utoipa::ToSchema;

use crate::State;

/// How the API is.
#[derive(Serialize, ToSchema)]
pub(crate) struct HealthAnswer {
    /// `healthy`: this function answers.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Version of the API.
    #[schema(example = "1.0.0")]
    version: &'static str,
    /// Whether the model answered its self-test.
    model_loaded: bool,
}

/// Whether the API answers, and whether its model does.
#[utoipa::path(
    get,
    path = "/health",
    tag = "Health",
    responses((status = 200, description = "The API answers", body = HealthAnswer))
)]
pub(crate) async fn health(Shared(state): Shared<State>) -> Json<HealthAnswer> {
    let model_loaded = state.model.is_loaded().await;
    Json(HealthAnswer {
        status: "healthy",
        version: API_VERSION,
        model_loaded,
    })
}
