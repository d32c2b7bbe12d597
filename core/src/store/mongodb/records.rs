//! Records as MongoDB keeps them. They are separate from the domain's types where BSON has a type of its own: moments
//! are BSON dates, so that ranges and expiry work on them, and ids are `_id`.

use chrono::DateTime;
use mongodb::bson;
use serde::{Deserialize, Serialize};

use crate::accounts::User;
use crate::audio_files::{AudioFile, AudioFileStatus, Failure, Lease};
use crate::detections::{
    AudioProperties, Classification, Detection, DetectionSummary, ModelIdentity, Segment,
};
use crate::store::{StoreError, folded};
use crate::time::Timestamp;

/// A moment as BSON keeps it: milliseconds.
pub(super) fn date(moment: Timestamp) -> bson::DateTime {
    bson::DateTime::from_millis(moment.timestamp_millis())
}

fn moment(date: bson::DateTime) -> Result<Timestamp, StoreError> {
    DateTime::from_timestamp_millis(date.timestamp_millis())
        .ok_or_else(|| StoreError::Malformed(format!("{date} is out of range")))
}

/// A count of bytes as BSON keeps it: it knows no unsigned numbers.
pub(super) fn bytes(size: u64) -> Result<i64, StoreError> {
    i64::try_from(size).map_err(|_| StoreError::Malformed(format!("{size} bytes do not fit")))
}

#[derive(Serialize, Deserialize)]
pub(super) struct UserRecord {
    #[serde(rename = "_id")]
    id: String,
    username: String,
    pub(super) username_lower: String,
    email: String,
    pub(super) email_lower: String,
    password_hash: String,
    created_at: bson::DateTime,
}

impl From<&User> for UserRecord {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.clone(),
            username: user.username.clone(),
            username_lower: folded(&user.username),
            email: user.email.clone(),
            email_lower: folded(&user.email),
            password_hash: user.password_hash.clone(),
            created_at: date(user.created_at),
        }
    }
}

impl TryFrom<UserRecord> for User {
    type Error = StoreError;

    fn try_from(record: UserRecord) -> Result<Self, StoreError> {
        Ok(Self {
            id: record.id,
            username: record.username,
            email: record.email,
            password_hash: record.password_hash,
            created_at: moment(record.created_at)?,
        })
    }
}

#[derive(Serialize, Deserialize)]
struct LeaseRecord {
    holder: String,
    expires_at: bson::DateTime,
}

#[derive(Serialize, Deserialize)]
pub(super) struct AudioFileRecord {
    #[serde(rename = "_id")]
    id: String,
    owner: String,
    filename: String,
    content_type: String,
    size: Option<i64>,
    object_key: String,
    object_version: Option<String>,
    status: AudioFileStatus,
    failure: Option<Failure>,
    detection: Option<DetectionSummary>,
    lease: Option<LeaseRecord>,
    attempts: u32,
    created_at: bson::DateTime,
    uploaded_at: Option<bson::DateTime>,
    processing_at: Option<bson::DateTime>,
    finished_at: Option<bson::DateTime>,
}

impl TryFrom<&AudioFile> for AudioFileRecord {
    type Error = StoreError;

    fn try_from(file: &AudioFile) -> Result<Self, StoreError> {
        Ok(Self {
            id: file.id.clone(),
            owner: file.owner.clone(),
            filename: file.filename.clone(),
            content_type: file.content_type.clone(),
            size: file.size.map(bytes).transpose()?,
            object_key: file.object_key.clone(),
            object_version: file.object_version.clone(),
            status: file.status,
            failure: file.failure.clone(),
            detection: file.detection.clone(),
            lease: file.lease.as_ref().map(|lease| LeaseRecord {
                holder: lease.holder.clone(),
                expires_at: date(lease.expires_at),
            }),
            attempts: file.attempts,
            created_at: date(file.created_at),
            uploaded_at: file.uploaded_at.map(date),
            processing_at: file.processing_at.map(date),
            finished_at: file.finished_at.map(date),
        })
    }
}

impl TryFrom<AudioFileRecord> for AudioFile {
    type Error = StoreError;

    fn try_from(record: AudioFileRecord) -> Result<Self, StoreError> {
        let size = match record.size {
            Some(size) => Some(u64::try_from(size).map_err(|_| {
                StoreError::Malformed(format!("file {} has {size} bytes", record.id))
            })?),
            None => None,
        };
        let lease = match record.lease {
            Some(lease) => Some(Lease {
                holder: lease.holder,
                expires_at: moment(lease.expires_at)?,
            }),
            None => None,
        };
        Ok(Self {
            id: record.id,
            owner: record.owner,
            filename: record.filename,
            content_type: record.content_type,
            size,
            object_key: record.object_key,
            object_version: record.object_version,
            status: record.status,
            failure: record.failure,
            detection: record.detection,
            lease,
            attempts: record.attempts,
            created_at: moment(record.created_at)?,
            uploaded_at: record.uploaded_at.map(moment).transpose()?,
            processing_at: record.processing_at.map(moment).transpose()?,
            finished_at: record.finished_at.map(moment).transpose()?,
        })
    }
}

#[derive(Serialize, Deserialize)]
pub(super) struct DetectionRecord {
    #[serde(rename = "_id")]
    id: String,
    is_deepfake: bool,
    classification: Classification,
    confidence_score: f64,
    inconclusive: Option<String>,
    owner: String,
    audio_file_id: String,
    score: f64,
    log_likelihood_ratio: f64,
    segments: Vec<Segment>,
    features: serde_json::Value,
    explanation: String,
    audio: AudioProperties,
    model: ModelIdentity,
    processing_time: f64,
    created_at: bson::DateTime,
}

impl From<&Detection> for DetectionRecord {
    fn from(detection: &Detection) -> Self {
        let detection = detection.clone();
        Self {
            id: detection.summary.id,
            is_deepfake: detection.summary.is_deepfake,
            classification: detection.summary.classification,
            confidence_score: detection.summary.confidence_score,
            inconclusive: detection.summary.inconclusive,
            owner: detection.owner,
            audio_file_id: detection.audio_file_id,
            score: detection.score,
            log_likelihood_ratio: detection.log_likelihood_ratio,
            segments: detection.segments,
            features: detection.features,
            explanation: detection.explanation,
            audio: detection.audio,
            model: detection.model,
            processing_time: detection.processing_time,
            created_at: date(detection.created_at),
        }
    }
}

impl TryFrom<DetectionRecord> for Detection {
    type Error = StoreError;

    fn try_from(record: DetectionRecord) -> Result<Self, StoreError> {
        Ok(Self {
            summary: DetectionSummary {
                id: record.id,
                is_deepfake: record.is_deepfake,
                classification: record.classification,
                confidence_score: record.confidence_score,
                inconclusive: record.inconclusive,
            },
            owner: record.owner,
            audio_file_id: record.audio_file_id,
            score: record.score,
            log_likelihood_ratio: record.log_likelihood_ratio,
            segments: record.segments,
            features: record.features,
            explanation: record.explanation,
            audio: record.audio,
            model: record.model,
            processing_time: record.processing_time,
            created_at: moment(record.created_at)?,
        })
    }
}
