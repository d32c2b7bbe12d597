//! Storage events: an uploaded recording is claimed, analysed, and its file completed or failed.
//!
//! Delivery is at least once and out of order, and workers die. What keeps the books straight:
//!
//! - **The file's lease.** A file is claimed before work and belongs to one random holder for `LEASE`. Another delivery
//!   meanwhile is told to come back when the lease ends; by then the file is finished, or is taken over. A lease that
//!   runs out while its holder still works (a very long line for the cores) costs double work, not a double detection.
//! - **The detection's id** follows from bucket, key, version and model, so that whoever repeats the work writes the same
//!   record. One that is there already (its writer died before it completed the file) is used and not made again.
//! - **The version is the bucket's, not the event's.** An event may be late, may be about a version that has been
//!   replaced, or may name it differently (an ETag for a version id). The object's version is looked up, claimed under
//!   and analysed; where the bytes that are then read are of another version, the work is put back and begun anew.
//! - **What cannot get better** (not audio, too long, no speech, no object) is written to the file as its failure, and the
//!   event is done. **What may** (store, bucket, a busy or failing analyst) gives the claim back and asks for the
//!   event again.

mod examine;
mod receive;
mod reconcile;

use std::time::Duration;

use bonafide_core::audio_files::{AudioFile, Failure, OBJECT_PREFIX};
use bonafide_core::detections::DetectionSummary;
use bonafide_core::events::StorageEvent;
use bonafide_core::objects::{Bucket, ObjectError, ObjectInfo};
use bonafide_core::store::{Claim, ClaimRequest, SharedStore, StoreError};
use bonafide_core::time::now;
use uuid::Uuid;

pub(crate) use receive::{BODY_LIMIT, receive};
pub use reconcile::ReconcileError;

use crate::analyst::{Admission, AnalysisError, Analyst, BUSY_RETRY_SECONDS};

/// How long a claimed file is its holder's alone: far longer than the longest analysis, and short enough that a user
/// whose worker died does not give up.
const LEASE: Duration = Duration::from_secs(120);

/// How long to wait after a passing fault.
const PAUSE: Duration = Duration::from_secs(5);

/// What became of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The file is completed or failed: nothing is left to do.
    Done,
    /// The event is not about a recording of ours.
    Ignored,
    /// The event must come again.
    Retry {
        /// Not sooner than this.
        after: Duration,
    },
}

/// Handles storage events, whichever way they come. Cheap to clone.
#[derive(Clone)]
pub struct EventHandler {
    store: SharedStore,
    bucket: Bucket,
    analyst: Analyst,
}

/// Why an attempt came to nothing, though a later one may not.
#[derive(Debug, thiserror::Error)]
enum Fault {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Bucket(#[from] ObjectError),
    #[error(transparent)]
    Analysis(#[from] AnalysisError),
    #[error("the object was replaced while it was read")]
    Replaced,
    #[error("the file was taken over by another worker, or removed")]
    LeaseLost,
}

/// How a file ends.
enum End {
    Completed(DetectionSummary),
    Failed(Failure),
}

impl EventHandler {
    /// Handles the events of `bucket`.
    pub fn new(store: SharedStore, bucket: Bucket, analyst: Analyst) -> Self {
        Self {
            store,
            bucket,
            analyst,
        }
    }

    /// Handles one event. Safe to call any number of times for the same event, also at the same time.
    pub async fn handle(&self, event: &StorageEvent) -> Outcome {
        if event.bucket != self.bucket.name() || !event.object_key.starts_with(OBJECT_PREFIX) {
            return Outcome::Ignored;
        }
        match self.try_handle(event).await {
            Ok(outcome) => outcome,
            Err(fault) => {
                tracing::warn!(key = event.object_key, %fault, "a storage event must come again");
                let after = match fault {
                    Fault::Analysis(AnalysisError::Busy) => Duration::from_secs(BUSY_RETRY_SECONDS),
                    _ => PAUSE,
                };
                Outcome::Retry { after }
            }
        }
    }

    async fn try_handle(&self, event: &StorageEvent) -> Result<Outcome, Fault> {
        let Some(file) = self
            .store
            .audio_file_by_object_key(&event.object_key)
            .await?
        else {
            return Ok(Outcome::Ignored);
        };
        if file.status.is_final() {
            return Ok(Outcome::Done);
        }
        // A place in line comes before the claim, so that a busy worker holds no file and uses up no attempt.
        let admission = self.analyst.admit()?;
        let object = self.bucket.head(&event.object_key).await?;
        let (object_version, size) = match &object {
            Some(object) => (object.version.clone(), object.size),
            None => (event.object_version.clone(), event.size.unwrap_or_default()),
        };
        let holder = Uuid::new_v4().to_string();
        let moment = now();
        let request = ClaimRequest {
            object_key: event.object_key.clone(),
            object_version,
            size,
            holder: holder.clone(),
            now: moment,
            lease: LEASE,
        };
        match self.store.claim_audio_file(&request).await? {
            Claim::Granted(file) => self
                .finish(&file, &holder, object, admission)
                .await
                .map(|()| Outcome::Done),
            Claim::Busy { until } => {
                let left = (until - moment).to_std().unwrap_or_default();
                // Rounded up, so that whoever comes back on the second finds the lease ended.
                Ok(Outcome::Retry {
                    after: Duration::from_secs(left.as_secs() + 1),
                })
            }
            Claim::Finished(_) => Ok(Outcome::Done),
            Claim::Unknown => Ok(Outcome::Ignored),
        }
    }

    /// Brings a claimed file to its end, or gives the claim back.
    async fn finish(
        &self,
        file: &AudioFile,
        holder: &str,
        object: Option<ObjectInfo>,
        admission: Admission,
    ) -> Result<(), Fault> {
        let ended = match self.examine(file, object, admission).await {
            Ok(end) => self.write_end(file, holder, end).await,
            Err(fault) => Err(fault),
        };
        if ended.is_err()
            && let Err(error) = self.store.release_audio_file(&file.id, holder).await
        {
            // Then the lease ends by itself.
            tracing::warn!(file = file.id, %error, "a claim could not be given back");
        }
        ended
    }

    async fn write_end(&self, file: &AudioFile, holder: &str, end: End) -> Result<(), Fault> {
        let held = match &end {
            End::Completed(detection) => {
                self.store
                    .complete_audio_file(&file.id, holder, detection, now())
                    .await?
            }
            End::Failed(failure) => {
                tracing::info!(
                    file = file.id,
                    code = failure.code,
                    "a recording cannot be analysed"
                );
                self.store
                    .fail_audio_file(&file.id, holder, failure, now())
                    .await?
            }
        };
        // Not acknowledged: if the one who took over dies, this event is the one that comes again.
        if held { Ok(()) } else { Err(Fault::LeaseLost) }
    }
}
