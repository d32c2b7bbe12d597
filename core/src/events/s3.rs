//! Events of S3: `Records` (to Lambda, or to a webhook of a self-hosted bucket) and EventBridge.
//!
//! Shapes: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html> and
//! <https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html>. Keys are form-encoded in `Records` and plain in
//! EventBridge.

use serde::Deserialize;
use serde_json::{Value, json};
use url::form_urlencoded;

use super::{EventError, StorageEvent, complete, malformed, optional_size, read};
use crate::objects::object_version;
use crate::time::now;

const RECORDS: &str = "S3 event";
const EVENT_BRIDGE: &str = "EventBridge event";

#[derive(Deserialize)]
struct Records {
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    #[serde(default)]
    event_name: String,
    s3: Option<Entity>,
}

#[derive(Deserialize)]
struct Entity {
    bucket: BucketName,
    object: Object,
}

#[derive(Deserialize)]
struct BucketName {
    name: String,
}

/// An object in `Records` or in EventBridge: the two spell the same fields differently.
#[derive(Deserialize)]
struct Object {
    key: String,
    #[serde(default, deserialize_with = "optional_size")]
    size: Option<u64>,
    #[serde(alias = "etag", rename = "eTag")]
    e_tag: Option<String>,
    #[serde(alias = "version-id", rename = "versionId")]
    version_id: Option<String>,
    sequencer: Option<String>,
}

impl Object {
    fn into_event(
        self,
        shape: &'static str,
        bucket: String,
        key: String,
    ) -> Result<StorageEvent, EventError> {
        // Some self-hosted buckets name neither version nor ETag; the sequencer still tells two writings apart.
        let object_version = object_version(self.version_id.as_deref(), self.e_tag.as_deref())
            .or(self.sequencer)
            .ok_or_else(|| malformed(shape, "neither versionId nor eTag nor sequencer"))?;
        complete(
            shape,
            StorageEvent {
                bucket,
                object_key: key,
                object_version,
                size: self.size,
            },
        )
    }
}

pub(super) fn records(document: Value) -> Result<Vec<StorageEvent>, EventError> {
    let Records { records } = read(RECORDS, document)?;
    records
        .into_iter()
        // Amazon says `ObjectCreated:Put`, MinIO and Ceph say `s3:ObjectCreated:Put`.
        .filter(|record| {
            record
                .event_name
                .trim_start_matches("s3:")
                .starts_with("ObjectCreated:")
        })
        .map(|record| {
            let Entity { bucket, object } = record
                .s3
                .ok_or_else(|| malformed(RECORDS, "missing field `s3`"))?;
            let key = decode_key(&object.key);
            object.into_event(RECORDS, bucket.name, key)
        })
        .collect()
}

#[derive(Deserialize)]
struct EventBridge {
    source: String,
    #[serde(rename = "detail-type")]
    detail_type: String,
    detail: Value,
}

pub(super) fn event_bridge(document: Value) -> Result<Vec<StorageEvent>, EventError> {
    let event: EventBridge = read(EVENT_BRIDGE, document)?;
    if event.source != "aws.s3" || event.detail_type != "Object Created" {
        return Ok(Vec::new());
    }
    let Entity { bucket, object } = read(EVENT_BRIDGE, event.detail)?;
    let key = object.key.clone();
    Ok(vec![object.into_event(EVENT_BRIDGE, bucket.name, key)?])
}

/// The event as a self-hosted S3 bucket would post it to a webhook. [`parse`](super::parse) reads it back unchanged.
pub fn to_s3_records(event: &StorageEvent) -> Value {
    let mut object = json!({ "key": encode_key(&event.object_key), "eTag": event.object_version });
    if let Some(size) = event.size {
        object["size"] = size.into();
    }
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "bonafide:s3",
            "awsRegion": "",
            "eventTime": now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true),
            "eventName": "ObjectCreated:Put",
            "s3": {
                "s3SchemaVersion": "1.0",
                "bucket": { "name": event.bucket, "arn": format!("arn:aws:s3:::{}", event.bucket) },
                "object": object,
            },
        }]
    })
}

/// Form encoding, with the slashes left as they are, like Amazon.
fn encode_key(key: &str) -> String {
    key.split('/')
        .map(|segment| form_urlencoded::byte_serialize(segment.as_bytes()).collect::<String>())
        .collect::<Vec<_>>()
        .join("/")
}

fn decode_key(encoded: &str) -> String {
    // As the value of a nameless field; a bare `&` would otherwise end it.
    let field = format!("={}", encoded.replace('&', "%26"));
    form_urlencoded::parse(field.as_bytes())
        .map(|(_, key)| key.into_owned())
        .next()
        .unwrap_or_default()
}
