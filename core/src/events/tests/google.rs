//! Eventarc and Pub/Sub.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::*;

pub(super) fn object_resource() -> Value {
    json!({
        "kind": "storage#object",
        "id": "recordings/audio/user/file/1732298400123456",
        "selfLink": "https://www.googleapis.com/storage/v1/b/recordings/o/audio%2Fuser%2Ffile",
        "name": "audio/user/file",
        "bucket": "recordings",
        "generation": "1732298400123456",
        "metageneration": "1",
        "contentType": "audio/mpeg",
        "timeCreated": "2026-11-22T18:00:00.123Z",
        "updated": "2026-11-22T18:00:00.123Z",
        "storageClass": "STANDARD",
        "size": "48213",
        "md5Hash": "rL0Y20zC+Fzt72VPzMSk2A==",
        "crc32c": "SsZ9lQ==",
        "etag": "CMDp3Nb+8IkDEAE="
    })
}

pub(super) const FINALIZED: &str = "google.cloud.storage.object.v1.finalized";

pub(super) fn push(attributes: Value, data: &str) -> Value {
    json!({
        "message": {
            "attributes": attributes,
            "data": data,
            "messageId": "7408139000000002",
            "message_id": "7408139000000002",
            "publishTime": "2026-11-22T18:00:00.456Z",
            "publish_time": "2026-11-22T18:00:00.456Z"
        },
        "subscription": "projects/bonafide/subscriptions/recordings-detect"
    })
}

pub(super) fn attributes(event_type: &str) -> Value {
    json!({
        "bucketId": "recordings",
        "objectId": "audio/user/file",
        "objectGeneration": "1732298400123456",
        "eventTime": "2026-11-22T18:00:00.123456Z",
        "eventType": event_type,
        "payloadFormat": "JSON_API_V1",
        "notificationConfig": "projects/_/buckets/recordings/notificationConfigs/1"
    })
}

#[test]
fn eventarc_in_binary_mode() {
    assert_eq!(
        binary(FINALIZED, &object_resource()).unwrap(),
        [google_event()]
    );
}

#[test]
fn eventarc_in_structured_mode() {
    let mut document = json!({
        "specversion": "1.0",
        "id": "7408139000000001",
        "source": "//storage.googleapis.com/projects/_/buckets/recordings",
        "type": FINALIZED,
        "subject": "objects/audio/user/file",
        "time": "2026-11-22T18:00:00.123Z",
        "datacontenttype": "application/json",
        "data": object_resource()
    });
    assert_eq!(parse_json(&document).unwrap(), [google_event()]);

    document["data"].take();
    document["data_base64"] = STANDARD.encode(object_resource().to_string()).into();
    assert_eq!(parse_json(&document).unwrap(), [google_event()]);
}

#[test]
fn pubsub_push_envelope() {
    let document = push(
        attributes("OBJECT_FINALIZE"),
        &STANDARD.encode(object_resource().to_string()),
    );
    assert_eq!(parse_json(&document).unwrap(), [google_event()]);
    // The same, delivered by Eventarc.
    assert_eq!(
        binary("google.cloud.pubsub.topic.v1.messagePublished", &document).unwrap(),
        [google_event()]
    );
}

#[test]
fn pubsub_push_without_payload_is_read_from_its_attributes() {
    let document = push(attributes("OBJECT_FINALIZE"), "");
    assert_eq!(
        parse_json(&document).unwrap(),
        [StorageEvent {
            size: None,
            ..google_event()
        }]
    );
}
