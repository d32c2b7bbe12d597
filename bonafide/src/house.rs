//! The five functions' routers as one: what `serve` mounts and `openapi` documents.

use std::sync::Arc;

use anyhow::Context;
use bonafide_core::config::Config;
use bonafide_core::events::EventSink;
use bonafide_core::objects::Bucket;
use bonafide_core::store::SharedStore;
use bonafide_detect::EventHandler;
use bonafide_detector::{Detector, ModelError};
use bonafide_health::ModelProbe;
use utoipa_axum::router::OpenApiRouter;

use crate::openapi;

/// All functions in one process.
pub(crate) struct House {
    /// The routes of all functions, with their documentation.
    pub(crate) routes: OpenApiRouter,
    /// What analyses uploaded recordings.
    pub(crate) events: EventHandler,
}

/// The model that the configuration names, or the built-in one.
pub(crate) fn load_detector(config: &Config) -> Result<Detector, ModelError> {
    match &config.model {
        Some((model, manifest)) => Detector::from_files(model, manifest),
        None => Detector::embedded(),
    }
}

impl House {
    /// Builds the functions around one store, one bucket and one model. `uploads` is told of recordings that arrive.
    pub(crate) fn new(
        config: &Config,
        store: &SharedStore,
        bucket: Bucket,
        uploads: EventSink,
        detector: Detector,
    ) -> anyhow::Result<Self> {
        let tokens = config.access_tokens()?;
        let detect = bonafide_detect::State::with_detector(
            config,
            Arc::clone(store),
            bucket.clone(),
            Arc::new(detector),
        )
        .context("cannot start the detect function")?;
        let readiness = detect.readiness().clone();
        let health = bonafide_health::State::new(ModelProbe::InProcess(Arc::new(move || {
            readiness.model_loaded()
        })));
        let token = bonafide_token::State {
            store: Arc::clone(store),
            tokens: tokens.clone(),
        };
        let users = bonafide_users::State {
            store: Arc::clone(store),
            tokens: tokens.clone(),
        };
        let upload = bonafide_upload::State {
            store: Arc::clone(store),
            bucket,
            events: uploads,
            tokens,
        };
        Ok(Self {
            events: detect.events().clone(),
            routes: OpenApiRouter::with_openapi(openapi::frame())
                .merge(bonafide_health::router(health))
                .merge(bonafide_token::router(token))
                .merge(bonafide_users::router(users))
                .merge(bonafide_upload::router(upload))
                .merge(bonafide_detect::router(detect)),
        })
    }
}
