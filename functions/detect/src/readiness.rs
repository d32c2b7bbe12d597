//! Whether the model answers: tested at the start, and again at most every half minute when somebody asks.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use axum::Json;
use axum::extract::State as Shared;
use axum::http::StatusCode;
use bonafide_core::detections::ModelIdentity;
use bonafide_core::http::API_VERSION;
use bonafide_detector::{Detector, ModelError};
use serde::Serialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use crate::State;

/// How long a test's result is good.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// The model's latest self-test. Cheap to clone.
#[derive(Clone)]
pub struct Readiness(Arc<Inner>);

struct Inner {
    detector: Arc<Detector>,
    passed: AtomicBool,
    /// When the latest test ended; held while one runs, so that a crowd of callers starts one test.
    tested: Mutex<Instant>,
}

fn passes(outcome: Result<(), ModelError>) -> bool {
    outcome
        .inspect_err(|error| tracing::error!(%error, "the model fails its self-test"))
        .is_ok()
}

impl Readiness {
    /// Tests the model once.
    pub(crate) fn new(detector: Arc<Detector>) -> Self {
        let passed = AtomicBool::new(passes(detector.self_test()));
        Self(Arc::new(Inner {
            detector,
            passed,
            tested: Mutex::new(Instant::now()),
        }))
    }

    /// Whether the latest test passed; tests nothing.
    pub fn model_loaded(&self) -> bool {
        self.0.passed.load(Ordering::Relaxed)
    }

    /// Whether the model answers, by a test that is at most [`GOOD_FOR`] old.
    async fn check(&self) -> bool {
        let mut tested = self.0.tested.lock().await;
        if tested.elapsed() >= GOOD_FOR {
            let detector = Arc::clone(&self.0.detector);
            let outcome = tokio::task::spawn_blocking(move || passes(detector.self_test())).await;
            self.0
                .passed
                .store(outcome.unwrap_or(false), Ordering::Relaxed);
            *tested = Instant::now();
        }
        self.model_loaded()
    }
}

/// How the detection service is.
#[derive(Serialize, ToSchema)]
pub(crate) struct MlServiceHealth {
    /// `healthy`, or `unhealthy` where the model does not answer.
    #[schema(example = "healthy")]
    status: &'static str,
    /// Whether the model answered its self-test.
    model_loaded: bool,
    /// Which model it is.
    model: ModelIdentity,
    /// Version of the API.
    #[schema(example = "1.0.0")]
    version: &'static str,
}

/// Whether the detection service can answer: its model is run on a fixed signal, at most every 30 seconds.
#[utoipa::path(
    get,
    path = "/api/v1/ml-service-health",
    operation_id = "mlServiceHealth",
    tag = "Health",
    responses(
        (status = 200, description = "The model answers", body = MlServiceHealth),
        (status = 503, description = "The model does not answer", body = MlServiceHealth),
    )
)]
pub(crate) async fn ml_service_health(
    Shared(state): Shared<State>,
) -> (StatusCode, Json<MlServiceHealth>) {
    let model_loaded = state.readiness.check().await;
    let (code, status) = if model_loaded {
        (StatusCode::OK, "healthy")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "unhealthy")
    };
    let model = state.analyst.model().clone();
    (
        code,
        Json(MlServiceHealth {
            status,
            model_loaded,
            model,
            version: API_VERSION,
        }),
    )
}
