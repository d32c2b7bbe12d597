//! Storage events: "this object has been written", in whatever shape a cloud says it, and how a bucket that says nothing
//! by itself (the local folder) says it.
//!
//! Delivery is at least once and out of order everywhere; the receiver has to cope.

mod google;
mod s3;
mod sink;
#[cfg(test)]
mod tests;

use http::HeaderMap;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

pub use s3::to_s3_records;
pub use sink::{DeliveryError, EventSink};

/// An object has been written to a bucket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StorageEvent {
    /// Name of the bucket.
    pub bucket: String,
    /// Key of the object, decoded.
    pub object_key: String,
    /// Which writing of the object this is: generation (Google Cloud Storage), version id or else unquoted ETag (S3).
    /// The clouds say the same as [`ObjectInfo::version`](crate::objects::ObjectInfo::version); some self-hosted buckets
    /// leave the version id out of their events, so what was read is known by the version that came with its bytes.
    pub object_version: String,
    /// Bytes, where the event says.
    pub size: Option<u64>,
}

/// Why a request is not a storage event. Sending it again does not help.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// The body is not JSON.
    #[error("the event is not JSON: {0}")]
    NotJson(#[source] serde_json::Error),
    /// JSON, but no shape in which a storage event comes.
    #[error("the event has no known shape")]
    UnknownShape,
    /// A known shape that lacks what it must have.
    #[error("malformed {shape}: {reason}")]
    Malformed {
        /// Which shape it has.
        shape: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

/// Reads the storage events of one request, whichever of these shapes it has:
///
/// - Eventarc: a CloudEvent in binary mode (`ce-*` headers) or structured mode (`application/cloudevents+json`)
/// - Pub/Sub push envelope of a Cloud Storage notification, also inside a CloudEvent
/// - S3 `Records`, from Amazon to a Lambda function or from a self-hosted bucket to a webhook
/// - S3 through EventBridge
/// - `s3:TestEvent`
///
/// Events of other kinds (deletions, metadata, test messages) are understood and give no [`StorageEvent`].
///
/// # Errors
/// [`EventError`]: answer 400.
pub fn parse(headers: &HeaderMap, body: &[u8]) -> Result<Vec<StorageEvent>, EventError> {
    let document: Value = serde_json::from_slice(body).map_err(EventError::NotJson)?;
    if let Some(kind) = headers.get("ce-type") {
        let kind = kind
            .to_str()
            .map_err(|error| malformed("CloudEvent", error))?;
        return google::cloud_event(kind, document);
    }
    // By shape, not by content type: webhooks and queues in between do not all keep it.
    if document.get("specversion").is_some() {
        google::structured_cloud_event(document)
    } else if document.get("Records").is_some() {
        s3::records(document)
    } else if document.get("detail-type").is_some() {
        s3::event_bridge(document)
    } else if document.get("message").is_some() {
        google::push_envelope(document)
    } else if document.get("Event").and_then(Value::as_str) == Some("s3:TestEvent") {
        Ok(Vec::new())
    } else {
        Err(EventError::UnknownShape)
    }
}

fn malformed(shape: &'static str, reason: impl std::fmt::Display) -> EventError {
    EventError::Malformed {
        shape,
        reason: reason.to_string(),
    }
}

fn read<T: serde::de::DeserializeOwned>(
    shape: &'static str,
    document: Value,
) -> Result<T, EventError> {
    serde_json::from_value(document).map_err(|error| malformed(shape, error))
}

/// Events without a bucket or a key cannot be acted upon, though they are well-formed JSON.
fn complete(shape: &'static str, event: StorageEvent) -> Result<StorageEvent, EventError> {
    for (field, value) in [
        ("bucket", &event.bucket),
        ("object key", &event.object_key),
        ("object version", &event.object_version),
    ] {
        if value.is_empty() {
            return Err(malformed(shape, format!("empty {field}")));
        }
    }
    Ok(event)
}

/// Google writes 64-bit numbers as JSON strings, Amazon as numbers.
#[derive(Deserialize)]
#[serde(untagged)]
enum NumberOrText {
    Number(u64),
    Text(String),
}

fn optional_size<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    match Option::<NumberOrText>::deserialize(deserializer)? {
        None => Ok(None),
        Some(NumberOrText::Number(size)) => Ok(Some(size)),
        Some(NumberOrText::Text(digits)) => {
            digits.parse().map(Some).map_err(serde::de::Error::custom)
        }
    }
}

fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match NumberOrText::deserialize(deserializer)? {
        NumberOrText::Number(number) => number.to_string(),
        NumberOrText::Text(text) => text,
    })
}
