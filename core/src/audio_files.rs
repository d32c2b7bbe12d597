//! Audio files: what a user uploaded, where its bytes lie, and how far its analysis has come.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use uuid::Uuid;

use crate::detections::DetectionSummary;
use crate::time::Timestamp;

/// The folder of the bucket in which every uploaded recording lies. Objects elsewhere are not ours.
pub const OBJECT_PREFIX: &str = "audio/";

/// How far a file has come. A file only moves forward, save for `processing -> uploaded` when a worker gives up on a
/// passing fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AudioFileStatus {
    /// The record exists, its bytes are not known to have arrived.
    AwaitingUpload,
    /// The bytes are in the bucket; nobody is analysing them.
    Uploaded,
    /// A worker holds a lease on the file.
    Processing,
    /// Analysed: the file names its detection.
    Completed,
    /// Will never be analysed: `failure` says why.
    Failed,
}

impl AudioFileStatus {
    /// Whether nothing more will happen to the file by itself.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

/// Why a file could not be analysed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Failure {
    /// Stable machine code, for example `undecodable_audio`, `audio_too_long` or `no_speech`.
    pub code: String,
    /// The same in words.
    pub message: String,
}

/// A worker's right to analyse a file until a moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    /// Random identity of one attempt; only its holder may finish the file.
    pub holder: String,
    /// When somebody else may take over.
    pub expires_at: Timestamp,
}

/// One uploaded recording as the store keeps it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AudioFile {
    /// UUID version 7: ordered by time of creation.
    pub id: String,
    /// Id of the user who owns the file.
    pub owner: String,
    /// The name that the client gave, for display only.
    pub filename: String,
    /// Declared media type, for example `audio/mpeg`.
    pub content_type: String,
    /// Bytes, once known.
    pub size: Option<u64>,
    /// Where the bytes lie in the bucket; made by [`object_key`], unique.
    pub object_key: String,
    /// The bucket's generation or version of the object that is or was analysed.
    pub object_version: Option<String>,
    /// Life cycle.
    pub status: AudioFileStatus,
    /// Set where `status` is `failed`.
    pub failure: Option<Failure>,
    /// Set where `status` is `completed`.
    pub detection: Option<DetectionSummary>,
    /// Set where `status` is `processing`.
    pub lease: Option<Lease>,
    /// How often a worker has claimed the file.
    pub attempts: u32,
    /// When the record was made.
    pub created_at: Timestamp,
    /// When the bytes were first known to be there.
    pub uploaded_at: Option<Timestamp>,
    /// When the latest claim began.
    pub processing_at: Option<Timestamp>,
    /// When the file completed or failed.
    pub finished_at: Option<Timestamp>,
}

impl AudioFile {
    /// A new record that waits for its bytes.
    pub fn new(
        owner: &str,
        filename: &str,
        content_type: &str,
        size: Option<u64>,
        created_at: Timestamp,
    ) -> Self {
        let id = Uuid::now_v7().to_string();
        Self {
            object_key: object_key(owner, &id),
            id,
            owner: owner.to_owned(),
            filename: filename.to_owned(),
            content_type: content_type.to_owned(),
            size,
            object_version: None,
            status: AudioFileStatus::AwaitingUpload,
            failure: None,
            detection: None,
            lease: None,
            attempts: 0,
            created_at,
            uploaded_at: None,
            processing_at: None,
            finished_at: None,
        }
    }
}

/// The key of a file's object: plain ASCII from `[A-Za-z0-9/-]`, so that no cloud encodes it in a signed URL or an event.
pub fn object_key(owner: &str, file: &str) -> String {
    format!("{OBJECT_PREFIX}{owner}/{file}")
}
