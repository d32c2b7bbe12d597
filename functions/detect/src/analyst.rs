//! Runs the detector off the async threads: as many analyses at once as there are cores, a short line behind them, and
//! a plain "busy" for whoever comes after. Every route goes through the one [`Analyst`] of the process.

use std::sync::Arc;

use axum::http::StatusCode;
use bonafide_core::detections::ModelIdentity;
use bonafide_core::http::error::ApiError;
use bonafide_detector::{Detector, Error, Limits};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::finding::Finding;

/// How many may wait while the cores are busy. Each holds at most 10 MiB of audio; a longer line would only make its
/// end wait for an answer that its caller no longer expects.
const WAITING_LINE: usize = 64;

/// When a caller whom the line has no place for should come back, in seconds.
pub(crate) const BUSY_RETRY_SECONDS: u64 = 2;

/// Analyses recordings, with bounds. Cheap to clone.
#[derive(Clone)]
pub struct Analyst(Arc<Inner>);

struct Inner {
    detector: Arc<Detector>,
    model: ModelIdentity,
    /// Places for those at work and those in line.
    places: Arc<Semaphore>,
    cores: Arc<Semaphore>,
}

/// Why there is no finding.
#[derive(Debug, thiserror::Error)]
pub enum AnalysisError {
    /// The line is full; the same call may work in a moment.
    #[error("too many recordings are being analysed")]
    Busy,
    /// The recording cannot be analysed, now or later.
    #[error(transparent)]
    Refused(Error),
    /// The model or the program failed. For the log.
    #[error("the analysis failed: {0}")]
    Broken(String),
}

impl From<AnalysisError> for ApiError {
    fn from(error: AnalysisError) -> Self {
        match error {
            AnalysisError::Busy => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "busy",
                "The service is busy. Please try again.",
            )
            .with_retry_after(BUSY_RETRY_SECONDS),
            AnalysisError::Refused(error) => refused(&error),
            AnalysisError::Broken(cause) => Self::internal(cause),
        }
    }
}

fn refused(error: &Error) -> ApiError {
    let (status, sentence) = match error {
        Error::Empty => (StatusCode::BAD_REQUEST, "The recording is empty"),
        Error::TooLarge { .. } => return too_large(),
        Error::TooLong { .. } => (StatusCode::PAYLOAD_TOO_LARGE, "The recording is too long"),
        Error::UnsupportedFormat => (
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "Unsupported audio format",
        ),
        Error::Undecodable(_) => (
            StatusCode::BAD_REQUEST,
            "The recording could not be decoded",
        ),
        Error::Model(cause) => return ApiError::internal(cause),
    };
    ApiError::new(status, error.code(), sentence).with_detail(error.to_string())
}

/// 413 for a recording of too many bytes.
pub(crate) fn too_large() -> ApiError {
    ApiError::new(
        StatusCode::PAYLOAD_TOO_LARGE,
        "audio_too_large",
        "The recording is too large",
    )
    .with_detail("a recording may have at most 10 MiB")
}

impl Analyst {
    /// As many analyses at once as the machine has cores.
    pub fn new(detector: Arc<Detector>) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Self::with_bounds(detector, cores, WAITING_LINE)
    }

    fn with_bounds(detector: Arc<Detector>, at_once: usize, waiting: usize) -> Self {
        let model = detector.model();
        Self(Arc::new(Inner {
            model: ModelIdentity {
                name: model.name.clone(),
                version: model.version.clone(),
                sha256: model.sha256.clone(),
            },
            detector,
            places: Arc::new(Semaphore::new(at_once + waiting)),
            cores: Arc::new(Semaphore::new(at_once)),
        }))
    }

    /// Which model answers.
    pub fn model(&self) -> &ModelIdentity {
        &self.0.model
    }

    /// Takes a place in the line, or says at once that there is none.
    pub fn admit(&self) -> Result<Admission, AnalysisError> {
        let place = Arc::clone(&self.0.places)
            .try_acquire_owned()
            .map_err(|_| AnalysisError::Busy)?;
        Ok(Admission {
            inner: Arc::clone(&self.0),
            place,
        })
    }

    /// Analyses the bytes of one file.
    pub async fn analyze(&self, recording: Bytes) -> Result<Finding, AnalysisError> {
        self.admit()?.analyze(recording).await
    }
}

/// A place in the analyst's line.
pub struct Admission {
    inner: Arc<Inner>,
    place: OwnedSemaphorePermit,
}

impl Admission {
    /// Waits for a core and analyses the bytes of one file.
    pub async fn analyze(self, recording: Bytes) -> Result<Finding, AnalysisError> {
        let Self { inner, place } = self;
        let broken = |cause: &dyn std::fmt::Display| AnalysisError::Broken(cause.to_string());
        let core = Arc::clone(&inner.cores)
            .acquire_owned()
            .await
            .map_err(|error| broken(&error))?;
        let work = tokio::task::spawn_blocking(move || {
            // They go where the work goes: a caller who hangs up frees them only when the core is free.
            let _held = (place, core);
            inner.detector.analyze(&recording, &Limits::default())
        });
        match work.await {
            Ok(Ok(analysis)) => Finding::from_analysis(analysis).map_err(|error| broken(&error)),
            Ok(Err(Error::Model(cause))) => Err(AnalysisError::Broken(cause)),
            Ok(Err(error)) => Err(AnalysisError::Refused(error)),
            Err(error) => Err(broken(&error)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_line_turns_callers_away_at_once_and_takes_them_again_when_a_place_is_free() {
        let detector = Arc::new(Detector::embedded().unwrap());
        let analyst = Analyst::with_bounds(detector, 1, 1);
        let first = analyst.admit().unwrap();
        let second = analyst.admit().unwrap();
        assert!(matches!(
            analyst.analyze(Bytes::new()).await,
            Err(AnalysisError::Busy)
        ));
        let answer = ApiError::from(AnalysisError::Busy);
        assert_eq!(
            (answer.status(), answer.code()),
            (StatusCode::SERVICE_UNAVAILABLE, "busy")
        );
        drop(first);
        assert!(matches!(
            analyst.analyze(Bytes::new()).await,
            Err(AnalysisError::Refused(Error::Empty))
        ));
        assert!(matches!(
            second.analyze(Bytes::new()).await,
            Err(AnalysisError::Refused(Error::Empty))
        ));
    }
}
