//! What is usual: percentiles of each feature over bona fide training speech, `model/reference.json`.

use std::collections::HashMap;

use serde::Deserialize;

use crate::error::ModelError;

/// Percentiles by the feature's full name, such as `spectral_features.centroid_hz`.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Reference {
    pub features: HashMap<String, Range>,
}

/// What nine in ten recordings of people lie between.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Range {
    pub p5: f64,
    pub p95: f64,
}

impl Range {
    /// Whether a value is what nine in ten people have.
    pub(crate) fn contains(&self, value: f64) -> bool {
        (self.p5..=self.p95).contains(&value)
    }
}

impl Reference {
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ModelError> {
        serde_json::from_slice(json)
            .map_err(|error| ModelError::Manifest(format!("reference: {error}")))
    }
}
