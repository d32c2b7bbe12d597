//! The reconcile run: finds the files whose event never came or whose worker died, and gives up on uploads that never
//! happened.

use bonafide_core::audio_files::{AudioFile, AudioFileStatus, Failure};
use bonafide_core::events::StorageEvent;
use bonafide_core::store::{Claim, ClaimRequest};
use bonafide_core::time::{Timestamp, now};
use chrono::TimeDelta;
use futures::{StreamExt, TryStreamExt, stream};
use uuid::Uuid;

use super::{EventHandler, Fault, LEASE, Outcome};

/// How long an upload may take to arrive. Signed URLs live for minutes; a day leaves no doubt.
const UPLOAD_DEADLINE: TimeDelta = TimeDelta::days(1);

/// Most files that one run looks at. The oldest come first, and uploads that wait for their bytes leave the list after
/// [`UPLOAD_DEADLINE`], so that a later run gets to the rest.
const MOST_FILES: usize = 1000;

/// How many files are looked at, or analysed, side by side.
const AT_ONCE: usize = 4;

/// Why a reconcile run ended early. What it had done by then stays done.
#[derive(Debug, thiserror::Error)]
#[error("the reconcile run failed: {0}")]
pub struct ReconcileError(Fault);

impl EventHandler {
    /// The events of the files that are not finished and that nobody works on: as if their buckets told of them again.
    ///
    /// A file that awaits its upload has one if its object is in the bucket after all. If it has none for more than
    /// a day, the file is failed with `upload_expired`.
    pub async fn unfinished(&self) -> Result<Vec<StorageEvent>, ReconcileError> {
        self.try_unfinished(now()).await.map_err(ReconcileError)
    }

    /// Handles the events of [`unfinished`](Self::unfinished); the number of files that it brought to their end. What
    /// must come again is left for the next run.
    pub async fn reconcile(&self) -> Result<usize, ReconcileError> {
        let events = self.unfinished().await?;
        let outcomes = stream::iter(events)
            .map(|event| async move { self.handle(&event).await })
            .buffer_unordered(AT_ONCE);
        Ok(outcomes
            .filter(|outcome| std::future::ready(*outcome == Outcome::Done))
            .count()
            .await)
    }

    async fn try_unfinished(&self, moment: Timestamp) -> Result<Vec<StorageEvent>, Fault> {
        let files = self
            .store
            .unfinished_audio_files(moment, moment, MOST_FILES)
            .await?;
        stream::iter(files.into_iter().map(Ok))
            .map_ok(|file| self.event_of(file, moment))
            .try_buffered(AT_ONCE)
            .try_filter_map(|event| std::future::ready(Ok(event)))
            .try_collect()
            .await
    }

    async fn event_of(
        &self,
        file: AudioFile,
        moment: Timestamp,
    ) -> Result<Option<StorageEvent>, Fault> {
        let object = self.bucket.head(&file.object_key).await?;
        if object.is_none() && file.status == AudioFileStatus::AwaitingUpload {
            if moment - file.created_at > UPLOAD_DEADLINE {
                self.expire(&file, moment).await?;
            }
            return Ok(None);
        }
        // An uploaded file whose object is gone has its event too: the handler fails it.
        let (object_version, size) = match object {
            Some(object) => (object.version, Some(object.size)),
            None => (file.object_version.unwrap_or_default(), file.size),
        };
        Ok(Some(StorageEvent {
            bucket: self.bucket.name().to_owned(),
            object_key: file.object_key,
            object_version,
            size,
        }))
    }

    /// Fails a file whose upload never happened, unless it has moved on meanwhile.
    async fn expire(&self, file: &AudioFile, moment: Timestamp) -> Result<(), Fault> {
        let holder = Uuid::new_v4().to_string();
        let request = ClaimRequest {
            object_key: file.object_key.clone(),
            object_version: String::new(),
            size: file.size.unwrap_or_default(),
            holder: holder.clone(),
            now: moment,
            lease: LEASE,
        };
        if let Claim::Granted(file) = self.store.claim_audio_file(&request).await? {
            let failure = Failure {
                code: "upload_expired".to_owned(),
                message: "the recording was not uploaded within a day".to_owned(),
            };
            self.store
                .fail_audio_file(&file.id, &holder, &failure, now())
                .await?;
        }
        Ok(())
    }
}
