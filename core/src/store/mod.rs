//! The store: one trait, two homes. [`mongodb::MongoStore`] is for the cloud, [`embedded::EmbeddedStore`] (one file, no
//! server) for a laptop. `conformance` (behind the feature of that name) is what both promise.
//!
//! Every guarantee is one atomic operation on one document, so no home needs multi-document transactions.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod embedded;
pub mod mongodb;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;

use crate::accounts::User;
use crate::audio_files::{AudioFile, AudioFileStatus, Failure};
use crate::detections::{Classification, Detection, DetectionSummary};
use crate::time::Timestamp;

/// A store that functions share.
pub type SharedStore = Arc<dyn Store>;

/// Why the store could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique value is taken.
    #[error("{0} is already taken")]
    Taken(UniqueField),
    /// The store cannot be reached or failed; the same call may work later.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// A record could not be read back. A defect or a damaged store, not the caller's fault.
    #[error("a stored record is malformed: {0}")]
    Malformed(String),
}

/// A value that at most one record may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueField {
    /// A user's name, compared without case.
    Username,
    /// A user's e-mail address, compared without case.
    Email,
    /// A record's id or object key.
    Id,
}

impl std::fmt::Display for UniqueField {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Username => "username",
            Self::Email => "email",
            Self::Id => "id",
        })
    }
}

/// A position in a list that is ordered by creation time and id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor {
    /// Creation time of the last item seen.
    pub created_at: Timestamp,
    /// Id of the last item seen.
    pub id: String,
}

/// What a list can hold: it has a position.
trait Listed {
    fn cursor(&self) -> Cursor;
}

impl Listed for AudioFile {
    fn cursor(&self) -> Cursor {
        Cursor {
            created_at: self.created_at,
            id: self.id.clone(),
        }
    }
}

impl Listed for Detection {
    fn cursor(&self) -> Cursor {
        Cursor {
            created_at: self.created_at,
            id: self.summary.id.clone(),
        }
    }
}

/// Which part of a list is wanted.
#[derive(Clone, Debug)]
pub struct PageRequest {
    /// At most so many items (at least 1).
    pub limit: usize,
    /// Only items after this position.
    pub after: Option<Cursor>,
}

/// A part of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items, newest first unless the list says otherwise.
    pub items: Vec<T>,
    /// Where the next part begins; `None` at the end.
    pub next: Option<Cursor>,
}

impl PageRequest {
    /// How many items the page has room for.
    fn room(&self) -> usize {
        self.limit.max(1)
    }
}

impl<T> Page<T> {
    /// The page whose items are the first of `items`, of which there is one more than the page has room for unless
    /// the list ends with it.
    fn cut(mut items: Vec<T>, request: &PageRequest) -> Self
    where
        T: Listed,
    {
        let more = items.len() > request.room();
        items.truncate(request.room());
        let next = if more {
            items.last().map(Listed::cursor)
        } else {
            None
        };
        Self { items, next }
    }
}

/// A username or e-mail address as it is compared: without case.
fn folded(login: &str) -> String {
    login.to_lowercase()
}

/// The word by which serde writes a variant without fields, so that queries and indexes use the records' own words.
fn word(variant: impl serde::Serialize) -> Result<String, StoreError> {
    match serde_json::to_value(variant) {
        Ok(serde_json::Value::String(word)) => Ok(word),
        other => Err(StoreError::Malformed(format!("{other:?} is not a word"))),
    }
}

/// Refuses numbers that JSON cannot carry, before they make a record that no answer can show.
fn refuse_infinite(detection: &Detection) -> Result<(), StoreError> {
    let segments = detection
        .segments
        .iter()
        .flat_map(|segment| [segment.start, segment.end, segment.score]);
    let numbers = [
        detection.summary.confidence_score,
        detection.score,
        detection.log_likelihood_ratio,
        detection.audio.seconds,
        detection.audio.speech_seconds,
        detection.processing_time,
    ];
    if numbers.into_iter().chain(segments).all(f64::is_finite) {
        Ok(())
    } else {
        Err(StoreError::Malformed(format!(
            "detection {} holds a number that is not finite",
            detection.summary.id
        )))
    }
}

/// Which audio files a list holds. `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct AudioFileFilter {
    /// Only files with this status.
    pub status: Option<AudioFileStatus>,
}

/// Which detections a list holds. `None` filters nothing.
#[derive(Clone, Debug, Default)]
pub struct DetectionFilter {
    /// Only the detections of this file.
    pub audio_file_id: Option<String>,
    /// Only this verdict.
    pub classification: Option<Classification>,
}

/// A wish to analyse an object.
#[derive(Clone, Debug)]
pub struct ClaimRequest {
    /// Key of the object that the event names.
    pub object_key: String,
    /// The bucket's generation or version of the object.
    pub object_version: String,
    /// Bytes of the object.
    pub size: u64,
    /// Random identity of this attempt.
    pub holder: String,
    /// The current moment.
    pub now: Timestamp,
    /// For how long the file is the holder's alone.
    pub lease: Duration,
}

/// What became of a claim.
#[derive(Clone, Debug, PartialEq)]
pub enum Claim {
    /// The file is the holder's until its lease ends.
    Granted(Box<AudioFile>),
    /// Somebody else holds a live lease.
    Busy {
        /// When that lease ends.
        until: Timestamp,
    },
    /// The file is completed or failed already.
    Finished(Box<AudioFile>),
    /// No file has that object key.
    Unknown,
}

/// What became of a detection that was to be recorded.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// It was new.
    New,
    /// One with that id was there already, and stays.
    Existing(Box<Detection>),
}

/// Accounts, audio files and detections, kept.
///
/// Whatever takes an `owner` answers as if other owners' records did not exist.
#[async_trait]
pub trait Store: Send + Sync + 'static {
    /// Whether the store answers.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Adds a user. [`StoreError::Taken`] where the username or the e-mail address (both without case) is in use; of
    /// two racing calls exactly one succeeds.
    async fn create_user(&self, user: &User) -> Result<(), StoreError>;

    /// The user with this id.
    async fn user(&self, id: &str) -> Result<Option<User>, StoreError>;

    /// The user with this e-mail address or, failing that, with this username, compared without case. The address comes
    /// first so that nobody locks another user out by taking her address as a username.
    async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError>;

    /// Adds a file. [`StoreError::Taken`] where the id or the object key is in use.
    async fn create_audio_file(&self, file: &AudioFile) -> Result<(), StoreError>;

    /// The owner's file with this id.
    async fn audio_file(&self, owner: &str, id: &str) -> Result<Option<AudioFile>, StoreError>;

    /// The file whose object has this key, whoever owns it. For storage events and signed object routes only.
    async fn audio_file_by_object_key(
        &self,
        object_key: &str,
    ) -> Result<Option<AudioFile>, StoreError>;

    /// The owner's files, newest first.
    async fn audio_files(
        &self,
        owner: &str,
        filter: &AudioFileFilter,
        page: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError>;

    /// Removes the owner's file record; `false` where there was none.
    async fn delete_audio_file(&self, owner: &str, id: &str) -> Result<bool, StoreError>;

    /// Moves a file from `awaiting_upload` to `uploaded`. A file that is further already stays as it is.
    async fn mark_uploaded(&self, id: &str, size: u64, now: Timestamp) -> Result<(), StoreError>;

    /// Claims a file for analysis. A lease is live until its end, and not at its end. Files that are `awaiting_upload` or `uploaded`, or `processing` with an expired
    /// lease, are granted: they become `processing`, take the request's version and size, `uploaded_at` where it was
    /// missing, and one more attempt. Of racing claims exactly one is granted.
    async fn claim_audio_file(&self, request: &ClaimRequest) -> Result<Claim, StoreError>;

    /// Completes a file that the holder has claimed; `false` where the lease is no longer the holder's. A lease that has
    /// ended stays the holder's until somebody takes the file over.
    async fn complete_audio_file(
        &self,
        id: &str,
        holder: &str,
        detection: &DetectionSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Fails a file that the holder has claimed, for good; `false` where the lease is no longer the holder's.
    async fn fail_audio_file(
        &self,
        id: &str,
        holder: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Gives a claim back (`processing -> uploaded`), so that the next delivery need not wait for the lease to end;
    /// `false` where the lease is no longer the holder's.
    async fn release_audio_file(&self, id: &str, holder: &str) -> Result<bool, StoreError>;

    /// Fails a file that is still `awaiting_upload`, for good; `false` where it is not, and stays as it is. Nobody claims
    /// it first: it has had no upload and no attempt, and its record says so.
    async fn expire_upload(
        &self,
        id: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError>;

    /// Files whose bytes are known to have come and that nobody works on: `uploaded`, or `processing` with a lease that
    /// has ended by `now`; oldest first, at most `limit`. However many files await their upload, they neither take
    /// places here nor make this slower.
    async fn unfinished_audio_files(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AudioFile>, StoreError>;

    /// Files that are `awaiting_upload` and made before `before`, whoever owns them; oldest first. Anybody can make any
    /// number of them, hence in pages.
    async fn awaiting_audio_files(
        &self,
        before: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError>;

    /// Adds a detection unless one with its id is there. [`StoreError::Malformed`] where a number is not finite.
    async fn record_detection(&self, detection: &Detection) -> Result<Recorded, StoreError>;

    /// The owner's detection with this id.
    async fn detection(&self, owner: &str, id: &str) -> Result<Option<Detection>, StoreError>;

    /// The owner's detections, newest first.
    async fn detections(
        &self,
        owner: &str,
        filter: &DetectionFilter,
        page: &PageRequest,
    ) -> Result<Page<Detection>, StoreError>;
}
