//! Audio files as their owner sees them: never the owner's id, the object's key or the worker's lease.

use bonafide_core::audio_files::{AudioFile, AudioFileStatus, Failure};
use bonafide_core::detections::DetectionSummary;
use bonafide_core::objects::SignedUpload;
use bonafide_core::time::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// An uploaded recording.
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioFileView {
    /// Id of the file.
    #[schema(example = "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00")]
    id: String,
    /// The name that the client gave, for display.
    #[schema(example = "voice-note.mp3")]
    filename: String,
    /// Declared media type.
    #[schema(example = "audio/mpeg")]
    content_type: String,
    /// Bytes, once known.
    #[schema(example = 160_749)]
    size: Option<u64>,
    /// How far the file has come; `completed` and `failed` are final.
    status: AudioFileStatus,
    /// Why the file will never be analysed, where `status` is `failed`.
    failure: Option<Failure>,
    /// The verdict, where `status` is `completed`.
    detection: Option<DetectionSummary>,
    /// When the record was made.
    #[schema(value_type = String, format = DateTime, example = "2026-11-22T10:00:00.000Z")]
    created_at: Timestamp,
    /// When the bytes were first known to be there.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T10:00:00.120Z")]
    uploaded_at: Option<Timestamp>,
    /// When the file completed or failed.
    #[schema(value_type = Option<String>, format = DateTime, example = "2026-11-22T10:00:00.480Z")]
    finished_at: Option<Timestamp>,
}

impl From<AudioFile> for AudioFileView {
    fn from(file: AudioFile) -> Self {
        Self {
            id: file.id,
            filename: file.filename,
            content_type: file.content_type,
            size: file.size,
            status: file.status,
            failure: file.failure,
            detection: file.detection,
            created_at: file.created_at,
            uploaded_at: file.uploaded_at,
            finished_at: file.finished_at,
        }
    }
}

/// A file that has just been made.
#[derive(Debug, Serialize, ToSchema)]
pub struct CreatedAudioFile {
    /// The file.
    #[serde(flatten)]
    pub(crate) file: AudioFileView,
    /// Where to send the bytes, if they were not in the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) upload: Option<SignedUpload>,
}

/// A part of the list of one's files.
#[derive(Debug, Serialize, ToSchema)]
pub struct AudioFilePage {
    /// The files, newest first.
    pub(crate) items: Vec<AudioFileView>,
    /// Send it as `cursor` to get the next part; null at the end.
    #[schema(example = "MTc2Mzk3NjAwMDAwMDowMTkzOWI3Yw")]
    pub(crate) next_cursor: Option<String>,
}
