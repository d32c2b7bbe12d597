//! Events of Google Cloud Storage: through Eventarc (CloudEvents) and through Pub/Sub push.
//!
//! Shapes: <https://cloud.google.com/eventarc/docs/cloudevents> and
//! <https://cloud.google.com/storage/docs/pubsub-notifications>. Object names are not encoded.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::Value;

use super::{EventError, StorageEvent, complete, malformed, optional_size, read, text};

const CLOUD_EVENT: &str = "CloudEvent";
const PUSH: &str = "Pub/Sub message";

const OBJECT_FINALIZED: &str = "google.cloud.storage.object.v1.finalized";
const MESSAGE_PUBLISHED: &str = "google.cloud.pubsub.topic.v1.messagePublished";

/// The object resource of the JSON API, as much of it as is used here.
#[derive(Deserialize)]
struct ObjectResource {
    bucket: String,
    name: String,
    #[serde(deserialize_with = "text")]
    generation: String,
    #[serde(default, deserialize_with = "optional_size")]
    size: Option<u64>,
}

impl From<ObjectResource> for StorageEvent {
    fn from(object: ObjectResource) -> Self {
        Self {
            bucket: object.bucket,
            object_key: object.name,
            object_version: object.generation,
            size: object.size,
        }
    }
}

/// A CloudEvent of a type with its data.
pub(super) fn cloud_event(kind: &str, data: Value) -> Result<Vec<StorageEvent>, EventError> {
    match kind {
        OBJECT_FINALIZED => {
            let object: ObjectResource = read(CLOUD_EVENT, data)?;
            Ok(vec![complete(CLOUD_EVENT, object.into())?])
        }
        MESSAGE_PUBLISHED => push_envelope(data),
        _ => Ok(Vec::new()),
    }
}

#[derive(Deserialize)]
struct Structured {
    #[serde(rename = "type")]
    kind: String,
    data: Option<Value>,
    data_base64: Option<String>,
}

/// A CloudEvent whose attributes are in the body (structured mode).
pub(super) fn structured_cloud_event(document: Value) -> Result<Vec<StorageEvent>, EventError> {
    let event: Structured = read(CLOUD_EVENT, document)?;
    let data = match (event.data, event.data_base64) {
        (Some(data), _) => data,
        (None, Some(encoded)) => decode(CLOUD_EVENT, &encoded)?,
        (None, None) => Value::Null,
    };
    cloud_event(&event.kind, data)
}

#[derive(Deserialize)]
struct Push {
    message: Message,
}

#[derive(Deserialize)]
struct Message {
    #[serde(default)]
    attributes: Attributes,
    #[serde(default)]
    data: String,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Attributes {
    event_type: Option<String>,
    bucket_id: Option<String>,
    object_id: Option<String>,
    object_generation: Option<String>,
}

/// A Cloud Storage notification in the envelope of a Pub/Sub push subscription.
pub(super) fn push_envelope(document: Value) -> Result<Vec<StorageEvent>, EventError> {
    let Push { message } = read(PUSH, document)?;
    let attributes = message.attributes;
    match attributes.event_type.as_deref() {
        Some("OBJECT_FINALIZE") => {}
        Some(_) => return Ok(Vec::new()),
        None => {
            return Err(malformed(
                PUSH,
                "no attribute eventType: not a notification of Cloud Storage",
            ));
        }
    }
    let event = if message.data.is_empty() {
        // Payload format NONE: the attributes say it all, save for the size.
        let attribute = |name: &str, value: Option<String>| {
            value.ok_or_else(|| malformed(PUSH, format!("neither data nor attribute {name}")))
        };
        StorageEvent {
            bucket: attribute("bucketId", attributes.bucket_id)?,
            object_key: attribute("objectId", attributes.object_id)?,
            object_version: attribute("objectGeneration", attributes.object_generation)?,
            size: None,
        }
    } else {
        read::<ObjectResource>(PUSH, decode(PUSH, &message.data)?)?.into()
    };
    Ok(vec![complete(PUSH, event)?])
}

fn decode(shape: &'static str, encoded: &str) -> Result<Value, EventError> {
    let bytes = STANDARD
        .decode(encoded)
        .map_err(|error| malformed(shape, error))?;
    serde_json::from_slice(&bytes).map_err(|error| malformed(shape, error))
}
