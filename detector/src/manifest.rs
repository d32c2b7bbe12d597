//! The model contract: `model/manifest.json`.

use serde::Deserialize;

use crate::SAMPLE_RATE_HZ;
use crate::error::ModelError;

/// Windows of more than a minute are a mistake in the manifest.
const MAX_WINDOW_SAMPLES: usize = 60 * SAMPLE_RATE_HZ as usize;

/// What the detector needs to know about a model. Other fields of the file are for people.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Manifest {
    pub name: String,
    pub version: String,
    /// SHA-256 of the ONNX file, hexadecimal.
    pub sha256: String,
    pub sample_rate_hz: u32,
    pub window_samples: usize,
    pub hop_samples: usize,
    pub input: Tensor,
    pub output: Tensor,
    pub calibration: Calibration,
    pub thresholds: Thresholds,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Tensor {
    pub name: String,
    pub shape: Vec<usize>,
}

/// From the mean logit of the windows to the log-likelihood ratio: `scale * logit + offset`.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Calibration {
    pub scale: f64,
    pub offset: f64,
}

impl Calibration {
    /// The natural-log likelihood ratio spoof to bona fide.
    pub(crate) fn log_likelihood_ratio(self, logit: f64) -> f64 {
        self.scale * logit + self.offset
    }
}

/// The probability of a log-likelihood ratio at equal priors.
pub(crate) fn probability(log_likelihood_ratio: f64) -> f64 {
    1.0 / (1.0 + (-log_likelihood_ratio).exp())
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct Thresholds {
    pub spoof_probability: f64,
}

impl Manifest {
    /// Reads a manifest and checks that the detector can keep the contract.
    pub(crate) fn parse(json: &[u8]) -> Result<Self, ModelError> {
        let manifest: Self = serde_json::from_slice(json)
            .map_err(|error| ModelError::Manifest(error.to_string()))?;
        manifest.check()?;
        Ok(manifest)
    }

    fn check(&self) -> Result<(), ModelError> {
        let refuse = |message: String| Err(ModelError::Manifest(message));
        if self.sample_rate_hz != SAMPLE_RATE_HZ {
            return refuse(format!(
                "sample_rate_hz must be {SAMPLE_RATE_HZ}, is {}",
                self.sample_rate_hz
            ));
        }
        if self.window_samples == 0 || self.window_samples > MAX_WINDOW_SAMPLES {
            return refuse(format!(
                "window_samples must be 1 to {MAX_WINDOW_SAMPLES}, is {}",
                self.window_samples
            ));
        }
        if self.hop_samples == 0 || self.hop_samples > self.window_samples {
            return refuse(format!(
                "hop_samples must be 1 to window_samples, is {}",
                self.hop_samples
            ));
        }
        if self.input.shape != [1, self.window_samples] {
            return refuse(format!(
                "input.shape must be [1, window_samples], is {:?}",
                self.input.shape
            ));
        }
        if !is_single_value(&self.output.shape) {
            return refuse(format!(
                "output.shape must be [1] or [1, 1], is {:?}",
                self.output.shape
            ));
        }
        let Calibration { scale, offset } = self.calibration;
        if !scale.is_finite() || scale <= 0.0 || !offset.is_finite() {
            return refuse(format!(
                "calibration must be a positive scale and a finite offset, is {scale} and {offset}"
            ));
        }
        let threshold = self.thresholds.spoof_probability;
        if !(threshold > 0.0 && threshold < 1.0) {
            return refuse(format!(
                "thresholds.spoof_probability must be between 0 and 1, is {threshold}"
            ));
        }
        Ok(())
    }
}

/// Shapes that hold one logit.
pub(crate) fn is_single_value(shape: &[usize]) -> bool {
    matches!(shape, [1] | [1, 1])
}
