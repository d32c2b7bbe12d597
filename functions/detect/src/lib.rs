//! The `detect` function: is the speech in a recording bona fide or spoof?
//!
//! Four doors lead to one [`Analyst`]: the synchronous call of partners, the prediction contract between services, the
//! storage events of uploads, and the reconcile run that catches uploads whose event never came.

mod analyst;
mod detections;
pub mod events;
mod finding;
mod predict;
mod readiness;
mod synchronous;
mod synchronous_schema;

use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, FromRef};
use axum::middleware::from_fn_with_state;
use axum::routing::post;
use bonafide_core::auth::{AccessTokens, ApiKeys};
use bonafide_core::config::{Config, ConfigError, EventAuth};
use bonafide_core::http::room::take_room;
use bonafide_core::objects::Bucket;
use bonafide_core::store::SharedStore;
use bonafide_detector::{Detector, ModelError};
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouterExt};
use utoipa_axum::routes;

pub use analyst::{Admission, AnalysisError, Analyst};
pub use events::{EventHandler, Outcome};
pub use finding::Finding;
use predict::Recordings;
pub use readiness::Readiness;

/// Why the function does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The model cannot be used.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The client that fetches recordings cannot be made (no usable TLS setup).
    #[error("cannot make an HTTP client: {0}")]
    HttpClient(#[from] reqwest::Error),
}

/// What the routes share. Cheap to clone.
#[derive(Clone)]
pub struct State {
    store: SharedStore,
    access_tokens: AccessTokens,
    api_keys: ApiKeys,
    analyst: Analyst,
    recordings: Arc<Recordings>,
    event_auth: EventAuth,
    events: EventHandler,
    readiness: Readiness,
}

impl State {
    /// Loads the model that the configuration names, or else the embedded one, and tests it.
    pub fn new(config: &Config, store: SharedStore, bucket: Bucket) -> Result<Self, StartError> {
        let detector = match &config.model {
            Some((onnx, manifest)) => Detector::from_files(onnx, manifest)?,
            None => Detector::embedded()?,
        };
        Self::with_detector(config, store, bucket, Arc::new(detector))
    }

    /// Uses a model that is loaded already.
    pub fn with_detector(
        config: &Config,
        store: SharedStore,
        bucket: Bucket,
        detector: Arc<Detector>,
    ) -> Result<Self, StartError> {
        let analyst = Analyst::new(Arc::clone(&detector));
        Ok(Self {
            access_tokens: config.access_tokens()?,
            api_keys: config.api_keys()?,
            recordings: Arc::new(Recordings::new(
                bucket.clone(),
                &config.predict_allowed_hosts,
            )?),
            event_auth: config.event_auth.clone(),
            events: EventHandler::new(Arc::clone(&store), bucket, analyst.clone()),
            readiness: Readiness::new(detector),
            store,
            analyst,
        })
    }

    /// What handles storage events: for a queue in the same process, and for the reconcile run.
    pub fn events(&self) -> &EventHandler {
        &self.events
    }

    /// Whether the model answers, as last tested: for the health route of the same process.
    pub fn readiness(&self) -> &Readiness {
        &self.readiness
    }
}

impl FromRef<State> for AccessTokens {
    fn from_ref(state: &State) -> Self {
        state.access_tokens.clone()
    }
}

impl FromRef<State> for ApiKeys {
    fn from_ref(state: &State) -> Self {
        state.api_keys.clone()
    }
}

/// The routes of the function. The storage event routes are left out of the API's documentation, being between the
/// bucket and us, and exist only where the configuration says who may use them.
pub fn router(state: State) -> OpenApiRouter {
    let documented = OpenApiRouter::new()
        .routes(
            routes!(synchronous::detect)
                .layer(DefaultBodyLimit::max(synchronous::BODY_LIMIT))
                .layer(from_fn_with_state(synchronous::BODY_LIMIT, take_room)),
        )
        .routes(routes!(predict::predict))
        .routes(routes!(detections::list))
        .routes(routes!(detections::get))
        .routes(routes!(readiness::ml_service_health));
    let routes = match state.event_auth {
        EventAuth::Closed => documented,
        EventAuth::Token(_) | EventAuth::Platform => {
            let receive = || post(events::receive).layer(DefaultBodyLimit::max(events::BODY_LIMIT));
            // Eventarc posts to the service's root.
            documented.route("/", receive()).route("/events", receive())
        }
    };
    routes.with_state(state)
}
