//! The reconcile run: finds the files whose event never came or whose worker died, and gives up on uploads that never
//! happened. Any number of processes may run it side by side: claims are atomic.

use std::time::Duration;

use bonafide_core::audio_files::{AudioFile, AudioFileStatus, Failure};
use bonafide_core::events::StorageEvent;
use bonafide_core::store::{Cursor, PageRequest, StoreError};
use bonafide_core::time::{Timestamp, now};
use chrono::TimeDelta;
use futures::{Stream, StreamExt, TryStreamExt, stream};
use tokio::time::{Interval, MissedTickBehavior};

use super::{EventHandler, Outcome};

/// How often unfinished files are looked for.
const EVERY: Duration = Duration::from_secs(60);

/// Until a file is so old, its upload is somebody else's who is at it: the process that takes the bytes, or the client
/// with a signed URL. Later, its object may be there without a word: the process died between storing and marking it.
const UPLOAD_UNDER_WAY: TimeDelta = TimeDelta::minutes(1);

/// How long an upload may take to arrive. Signed URLs live for a quarter of this.
const UPLOAD_DEADLINE: TimeDelta = TimeDelta::hours(1);

/// Most files with bytes that one run looks at. The oldest come first, and leave the list when they are finished, so that
/// a later run gets to the rest.
const MOST_FILES: usize = 1000;

/// How many files that await their upload are asked for at once.
const PAGE: usize = 500;

/// How many files are looked at, or analysed, side by side.
const AT_ONCE: usize = 4;

/// How often one run handles a file that must come again.
const ATTEMPTS: usize = 5;

/// A file that must come again later than this, because another worker has it, is left to a later run: it would keep
/// others waiting.
const PATIENCE: Duration = Duration::from_secs(10);

/// When a run begins: now, and once a minute from then on.
fn ticks() -> Interval {
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

/// Why a reconcile run ended early. What it had done by then stays done.
#[derive(Debug, thiserror::Error)]
#[error("the reconcile run failed: {0}")]
pub struct ReconcileError(#[from] StoreError);

/// Where a run has got to.
enum Step {
    /// The files whose bytes are known to have come: first, so that no number of announced uploads keeps them waiting.
    Unfinished,
    /// The files that await their upload, from this position.
    Awaiting(Option<Cursor>),
    End,
}

impl EventHandler {
    /// Runs [`reconcile`](Self::reconcile) now and once a minute from then on, for ever: for a process that has no queue
    /// of its own.
    pub async fn keep_reconciling(self) {
        let mut ticks = ticks();
        loop {
            ticks.tick().await;
            match self.reconcile().await {
                Ok(0) => {}
                Ok(finished) => {
                    tracing::info!(finished, "unfinished uploads were brought to their end");
                }
                Err(error) => tracing::warn!(%error, "unfinished uploads are left for later"),
            }
        }
    }

    /// Gives the events of [`unfinished`](Self::unfinished) to `take` now and once a minute from then on, for ever: for
    /// a queue in the same process.
    pub async fn keep_telling(self, take: impl Fn(StorageEvent)) {
        let mut ticks = ticks();
        loop {
            ticks.tick().await;
            let mut events = std::pin::pin!(self.unfinished());
            while let Some(event) = events.next().await {
                match event {
                    Ok(event) => {
                        tracing::info!(key = event.object_key, "taking up an unfinished upload");
                        take(event);
                    }
                    Err(error) => tracing::warn!(%error, "unfinished uploads are left for later"),
                }
            }
        }
    }

    /// The events of the files that are not finished and that nobody works on: as if their buckets told of them again.
    /// The files whose upload is known of come first, each kind oldest first. An error of the store is the last item.
    ///
    /// A file that awaits its upload for more than a minute has an event if its object is in the bucket after all. If it
    /// has none for more than an hour, the file is failed with `upload_expired`. A file whose object cannot be looked up
    /// is passed over.
    pub fn unfinished(
        &self,
    ) -> impl Stream<Item = Result<StorageEvent, ReconcileError>> + Send + use<> {
        let handler = self.clone();
        stream::try_unfold(Step::Unfinished, move |step| {
            let handler = handler.clone();
            async move { handler.look(step).await.map_err(ReconcileError) }
        })
        .map_ok(|events| stream::iter(events.into_iter().map(Ok)))
        .try_flatten()
    }

    /// Handles the events of [`unfinished`](Self::unfinished); the number of files that it brought to their end. What
    /// must come again is tried again a few times, not sooner than it may, and then left for the next run.
    pub async fn reconcile(&self) -> Result<usize, ReconcileError> {
        let handler = self.clone();
        let outcomes = self
            .unfinished()
            .map(move |event| {
                let handler = handler.clone();
                async move { Ok(handler.handle_patiently(&event?).await == Outcome::Done) }
            })
            .buffer_unordered(AT_ONCE);
        // To the end even after an error, so that what has been claimed is finished.
        outcomes
            .fold(Ok(0), |sum: Result<usize, ReconcileError>, outcome| {
                std::future::ready(match (sum, outcome) {
                    (Ok(sum), Ok(done)) => Ok(sum + usize::from(done)),
                    (Err(error), _) | (_, Err(error)) => Err(error),
                })
            })
            .await
    }

    async fn handle_patiently(&self, event: &StorageEvent) -> Outcome {
        let mut outcome = self.handle(event).await;
        for _ in 1..ATTEMPTS {
            match outcome {
                Outcome::Retry { after } if after <= PATIENCE => tokio::time::sleep(after).await,
                _ => break,
            }
            outcome = self.handle(event).await;
        }
        outcome
    }

    /// Goes one step: its events, and the next step.
    async fn look(&self, step: Step) -> Result<Option<(Vec<StorageEvent>, Step)>, StoreError> {
        let moment = now();
        let (files, next) = match step {
            Step::Unfinished => {
                let files = self
                    .store
                    .unfinished_audio_files(moment, MOST_FILES)
                    .await?;
                (files, Step::Awaiting(None))
            }
            Step::Awaiting(after) => {
                let request = PageRequest { limit: PAGE, after };
                let before = moment - UPLOAD_UNDER_WAY;
                let page = self.store.awaiting_audio_files(before, &request).await?;
                let next = match page.next {
                    Some(cursor) => Step::Awaiting(Some(cursor)),
                    None => Step::End,
                };
                (page.items, next)
            }
            Step::End => return Ok(None),
        };
        let events = stream::iter(files)
            .map(|file| self.event_of(file, moment))
            .buffered(AT_ONCE)
            .try_filter_map(|event| std::future::ready(Ok(event)))
            .try_collect()
            .await?;
        Ok(Some((events, next)))
    }

    async fn event_of(
        &self,
        file: AudioFile,
        moment: Timestamp,
    ) -> Result<Option<StorageEvent>, StoreError> {
        let object = match self.bucket.head(&file.object_key).await {
            Ok(object) => object,
            Err(error) => {
                // One that cannot be read must not keep the others waiting; a later run asks again.
                tracing::warn!(file = file.id, %error, "an unfinished upload is passed over");
                return Ok(None);
            }
        };
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
    async fn expire(&self, file: &AudioFile, moment: Timestamp) -> Result<(), StoreError> {
        let failure = Failure {
            code: "upload_expired".to_owned(),
            message: "the recording was not uploaded within an hour".to_owned(),
        };
        if self.store.expire_upload(&file.id, &failure, moment).await? {
            tracing::info!(file = file.id, "an upload never came");
        }
        Ok(())
    }
}
