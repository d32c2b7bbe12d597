//! How this function learns whether the model is loaded, without linking the detector.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bonafide_core::config::Config;
use reqwest::{Client, Url};
use serde::Deserialize;
use tokio::sync::Mutex;

/// How long the detect function may take to answer.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How long an answer is good: load balancers ask every few seconds.
const GOOD_FOR: Duration = Duration::from_secs(5);

/// Who knows whether the model is loaded.
#[derive(Clone)]
pub enum ModelProbe {
    /// The detect function in the same process.
    InProcess(Arc<dyn Fn() -> bool + Send + Sync>),
    /// The detect function over HTTP.
    Remote(RemoteModel),
    /// Nobody: the model does not count as loaded.
    None,
}

impl ModelProbe {
    /// The detect function at the configuration's `ML_SERVICE_URL`, if it names one.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made (no usable TLS setup).
    pub fn from_config(config: &Config) -> Result<Self, reqwest::Error> {
        config.ml_service_url.clone().map_or(Ok(Self::None), |url| {
            RemoteModel::new(url).map(Self::Remote)
        })
    }

    pub(crate) async fn is_loaded(&self) -> bool {
        match self {
            Self::InProcess(is_loaded) => is_loaded(),
            Self::Remote(remote) => remote.is_loaded().await,
            Self::None => false,
        }
    }
}

/// The detect function's own answer, remembered for a few seconds. Cheap to clone.
#[derive(Clone)]
pub struct RemoteModel(Arc<Inner>);

struct Inner {
    client: Client,
    url: Url,
    /// The latest answer and when it came; held while asking, so that a crowd of callers asks once.
    latest: Mutex<Option<(Instant, bool)>>,
}

#[derive(Deserialize)]
struct Answer {
    model_loaded: bool,
}

impl RemoteModel {
    /// The detect function below `service`.
    ///
    /// # Errors
    /// Where the HTTP client cannot be made (no usable TLS setup).
    pub fn new(service: Url) -> Result<Self, reqwest::Error> {
        let mut url = service;
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .extend(["api", "v1", "ml-service-health"]);
        }
        let client = Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self(Arc::new(Inner {
            client,
            url,
            latest: Mutex::new(None),
        })))
    }

    async fn is_loaded(&self) -> bool {
        let mut latest = self.0.latest.lock().await;
        if let Some((at, is_loaded)) = *latest
            && at.elapsed() < GOOD_FOR
        {
            return is_loaded;
        }
        let is_loaded = self.ask().await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the detect function does not answer");
            false
        });
        *latest = Some((Instant::now(), is_loaded));
        is_loaded
    }

    /// Whatever the status: an unhealthy service says so with 503 and the same body.
    async fn ask(&self) -> Result<bool, reqwest::Error> {
        let answer: Answer = self
            .0
            .client
            .get(self.0.url.clone())
            .send()
            .await?
            .json()
            .await?;
        Ok(answer.model_loaded)
    }
}
