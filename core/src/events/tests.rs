//! One realistic document per shape, what is wrong with the malformed ones, and delivery to a real HTTP server.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, StatusCode};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn parse_json(document: &Value) -> Result<Vec<StorageEvent>, EventError> {
    parse(&HeaderMap::new(), document.to_string().as_bytes())
}

fn binary(kind: &'static str, document: &Value) -> Result<Vec<StorageEvent>, EventError> {
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("ce-specversion", "1.0"),
        ("ce-id", "7408139000000001"),
        (
            "ce-source",
            "//storage.googleapis.com/projects/_/buckets/recordings",
        ),
        ("ce-subject", "objects/audio/user/file"),
        ("ce-bucket", "recordings"),
        ("ce-type", kind),
        ("content-type", "application/json"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    parse(&headers, document.to_string().as_bytes())
}

fn google_event() -> StorageEvent {
    StorageEvent {
        bucket: "recordings".to_owned(),
        object_key: "audio/user/file".to_owned(),
        object_version: "1732298400123456".to_owned(),
        size: Some(48_213),
    }
}

fn object_resource() -> Value {
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

const FINALIZED: &str = "google.cloud.storage.object.v1.finalized";

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

fn push(attributes: Value, data: &str) -> Value {
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

fn attributes(event_type: &str) -> Value {
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

fn s3_record(event_name: &str, object: &Value) -> Value {
    json!({
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-west-1",
        "eventTime": "2026-11-22T18:00:00.000Z",
        "eventName": event_name,
        "userIdentity": { "principalId": "AWS:AROAEXAMPLE:upload" },
        "requestParameters": { "sourceIPAddress": "192.0.2.1" },
        "responseElements": { "x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG" },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "detect",
            "bucket": {
                "name": "recordings",
                "ownerIdentity": { "principalId": "A3NL1KOZZKExample" },
                "arn": "arn:aws:s3:::recordings"
            },
            "object": object
        }
    })
}

fn s3_event(version: &str) -> StorageEvent {
    StorageEvent {
        object_version: version.to_owned(),
        ..google_event()
    }
}

#[test]
fn s3_records() {
    let plain = json!({
        "key": "audio/user/file", "size": 48213, "eTag": "d41d8cd98f00b204e9800998ecf8427e", "sequencer": "0055AED6DCD90281E5"
    });
    let mut versioned = plain.clone();
    versioned["versionId"] = "096fKKXTRTtl3on89fVO.nfljtsv6qko".into();
    let mut suspended = plain.clone();
    suspended["versionId"] = "null".into();
    let document = json!({ "Records": [
        s3_record("ObjectCreated:Put", &plain),
        s3_record("ObjectCreated:CompleteMultipartUpload", &versioned),
        s3_record("ObjectCreated:Copy", &suspended),
    ]});
    assert_eq!(
        parse_json(&document).unwrap(),
        [
            s3_event("d41d8cd98f00b204e9800998ecf8427e"),
            s3_event("096fKKXTRTtl3on89fVO.nfljtsv6qko"),
            s3_event("d41d8cd98f00b204e9800998ecf8427e")
        ]
    );
}

#[test]
fn s3_records_of_a_self_hosted_bucket() {
    let object = json!({
        "key": "audio%2Fuser%2Ffile", "size": 48213, "eTag": "\"d41d8cd98f00b204e9800998ecf8427e\"", "contentType": "audio/mpeg",
        "userMetadata": { "content-type": "audio/mpeg" }, "sequencer": "1622E4AC9B0D3C1F"
    });
    let document = json!({
        "EventName": "s3:ObjectCreated:Put",
        "Key": "recordings/audio/user/file",
        "Records": [s3_record("s3:ObjectCreated:Put", &object)]
    });
    assert_eq!(
        parse_json(&document).unwrap(),
        [s3_event("d41d8cd98f00b204e9800998ecf8427e")]
    );
}

#[test]
fn keys_are_form_encoded_in_s3_records() {
    for (encoded, key) in [
        ("red+flower.jpg", "red flower.jpg"),
        ("red%20flower.jpg", "red flower.jpg"),
        ("one%2Btwo%3Dthree%26four", "one+two=three&four"),
        ("a=b&c", "a=b&c"),
        ("a%2Fb/c", "a/b/c"),
        ("%D0%BB%D0%B8%D1%86%D0%BE", "лицо"),
        ("100%25", "100%"),
        ("%zz", "%zz"),
    ] {
        let document = json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "key": encoded, "eTag": "e" }))] });
        assert_eq!(
            parse_json(&document).unwrap()[0].object_key,
            key,
            "{encoded}"
        );
    }
}

#[test]
fn an_s3_object_without_etag_is_told_apart_by_its_sequencer() {
    let document = json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "key": "a", "sequencer": "0055" }))] });
    let events = parse_json(&document).unwrap();
    assert_eq!(
        (events[0].object_version.as_str(), events[0].size),
        ("0055", None)
    );
}

fn event_bridge(detail_type: &str) -> Value {
    json!({
        "version": "0",
        "id": "17793124-05d4-b198-2fde-7ededc63b103",
        "detail-type": detail_type,
        "source": "aws.s3",
        "account": "111122223333",
        "time": "2026-11-22T18:00:00Z",
        "region": "eu-west-1",
        "resources": ["arn:aws:s3:::recordings"],
        "detail": {
            "version": "0",
            "bucket": { "name": "recordings" },
            "object": {
                "key": "audio/user/a+b%20c",
                "size": 48213,
                "etag": "b1946ac92492d2347c6235b4d2611184",
                "version-id": "IYV3p45BT0ac8hjHg1houSdS1a.Mro8e",
                "sequencer": "617f08299329d189"
            },
            "request-id": "N4N7GDK58NMKJ12R",
            "requester": "123456789012",
            "source-ip-address": "192.0.2.1",
            "reason": "PutObject"
        }
    })
}

#[test]
fn s3_through_event_bridge_where_keys_are_not_encoded() {
    assert_eq!(
        parse_json(&event_bridge("Object Created")).unwrap(),
        [StorageEvent {
            object_key: "audio/user/a+b%20c".to_owned(),
            ..s3_event("IYV3p45BT0ac8hjHg1houSdS1a.Mro8e")
        }]
    );
}

#[test]
fn events_of_other_kinds_are_understood_and_ignored() {
    let test_event = json!({
        "Service": "Amazon S3", "Event": "s3:TestEvent", "Time": "2026-11-22T18:00:00.000Z", "Bucket": "recordings",
        "RequestId": "5582815E1AEA5ADF", "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE"
    });
    let other_source = json!({ "source": "aws.ec2", "detail-type": "EC2 Instance State-change Notification", "detail": {} });
    for document in [
        test_event,
        other_source,
        json!({ "Records": [] }),
        json!({ "Records": [s3_record("ObjectRemoved:Delete", &json!({ "key": "a", "sequencer": "1" }))] }),
        json!({ "Records": [s3_record("s3:ObjectRemoved:Delete", &json!({ "key": "a", "sequencer": "1" }))] }),
        json!({ "Records": [{ "eventSource": "aws:sqs", "body": "{}" }] }),
        event_bridge("Object Deleted"),
        push(attributes("OBJECT_DELETE"), ""),
        push(
            attributes("OBJECT_METADATA_UPDATE"),
            &STANDARD.encode(object_resource().to_string()),
        ),
        json!({ "specversion": "1.0", "type": "google.cloud.storage.object.v1.deleted", "data": object_resource() }),
    ] {
        assert_eq!(parse_json(&document).unwrap(), [], "{document}");
    }
    assert_eq!(
        binary("google.cloud.storage.object.v1.deleted", &object_resource()).unwrap(),
        []
    );
    assert_eq!(
        binary(
            "google.cloud.storage.object.v1.metadataUpdated",
            &object_resource()
        )
        .unwrap(),
        []
    );
}

#[test]
fn what_is_no_json_is_told_apart_from_what_has_no_known_shape() {
    for body in ["", "{", "not json", "\u{feff}{}"] {
        assert!(
            matches!(
                parse(&HeaderMap::new(), body.as_bytes()),
                Err(EventError::NotJson(_))
            ),
            "{body:?}"
        );
    }
    assert!(matches!(
        parse(&HeaderMap::new(), b"\xff\xfe"),
        Err(EventError::NotJson(_))
    ));
    for body in [
        "null",
        "[]",
        "42",
        "\"Records\"",
        "{}",
        "{\"Event\":\"s3:OtherEvent\"}",
        "{\"bucket\":\"a\",\"name\":\"b\"}",
    ] {
        assert!(
            matches!(
                parse(&HeaderMap::new(), body.as_bytes()),
                Err(EventError::UnknownShape)
            ),
            "{body}"
        );
    }
}

#[test]
fn a_known_shape_with_missing_or_wrong_parts_is_malformed() {
    let finalize = || attributes("OBJECT_FINALIZE");
    let mut no_generation = finalize();
    no_generation
        .as_object_mut()
        .unwrap()
        .remove("objectGeneration");
    for document in [
        json!({ "Records": {} }),
        json!({ "Records": [{ "eventName": "ObjectCreated:Put" }] }),
        json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "eTag": "e" }))] }),
        json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "key": "", "eTag": "e" }))] }),
        json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "key": "a" }))] }),
        json!({ "Records": [s3_record("ObjectCreated:Put", &json!({ "key": "a", "eTag": "e", "size": -1 }))] }),
        json!({ "detail-type": "Object Created", "source": "aws.s3" }),
        json!({ "detail-type": "Object Created", "source": "aws.s3", "detail": {} }),
        json!({ "message": "hello" }),
        push(json!({}), &STANDARD.encode(object_resource().to_string())),
        push(finalize(), "not base64!"),
        push(finalize(), &STANDARD.encode("not json")),
        push(finalize(), &STANDARD.encode("{}")),
        push(no_generation, ""),
        json!({ "specversion": "1.0" }),
        json!({ "specversion": "1.0", "type": FINALIZED }),
        json!({ "specversion": "1.0", "type": FINALIZED, "data": { "bucket": "b", "name": "n" } }),
        json!({ "specversion": "1.0", "type": FINALIZED, "data": { "bucket": "", "name": "n", "generation": "1" } }),
        json!({ "specversion": "1.0", "type": FINALIZED, "data": { "bucket": "b", "name": "n", "generation": "1", "size": "x" } }),
    ] {
        let outcome = parse_json(&document);
        assert!(
            matches!(outcome, Err(EventError::Malformed { .. })),
            "{document}: {outcome:?}"
        );
    }
    assert!(matches!(
        binary(FINALIZED, &json!({})),
        Err(EventError::Malformed { .. })
    ));
}

proptest! {
    #[test]
    fn an_event_survives_being_posted_as_s3_records(
        bucket in "[a-z0-9.-]{3,20}",
        object_key in ".{1,40}",
        object_version in "[A-Za-z0-9._-]{1,30}",
        size in proptest::option::of(any::<u64>()),
    ) {
        let event = StorageEvent { bucket, object_key, object_version, size };
        prop_assert_eq!(parse_json(&to_s3_records(&event)).unwrap(), [event]);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = parse(&HeaderMap::new(), &body);
    }
}

#[test]
fn posted_keys_are_encoded_like_amazon_does() {
    let event = StorageEvent {
        object_key: "audio/a b+c".to_owned(),
        ..google_event()
    };
    assert_eq!(
        to_s3_records(&event)["Records"][0]["s3"]["object"]["key"],
        "audio/a+b%2Bc"
    );
}

/// One request: its `authorization` header and its events.
type Request = (Option<String>, Vec<StorageEvent>);

/// A receiver that answers with the given statuses, then 204, and keeps what it got.
struct Receiver {
    url: url::Url,
    received: Arc<Mutex<Vec<Request>>>,
}

async fn receiver(statuses: &'static [StatusCode]) -> Receiver {
    let received = Arc::new(Mutex::new(Vec::new()));
    let count = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&received);
    let app = Router::new().route(
        "/events",
        post(move |headers: HeaderMap, body: Bytes| async move {
            let token = headers
                .get("authorization")
                .map(|value| value.to_str().unwrap().to_owned());
            seen.lock()
                .unwrap()
                .push((token, parse(&headers, &body).unwrap()));
            let status = statuses
                .get(count.fetch_add(1, Ordering::SeqCst))
                .copied()
                .unwrap_or(StatusCode::NO_CONTENT);
            (status, [("location", "/elsewhere")])
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    Receiver { url, received }
}

impl Receiver {
    async fn deliver(&self) -> Result<(), DeliveryError> {
        EventSink::webhook(self.url.clone(), "token".into())
            .unwrap()
            .deliver(google_event())
            .await
    }

    fn received(&self) -> Vec<Request> {
        self.received.lock().unwrap().clone()
    }
}

#[tokio::test]
async fn a_webhook_gets_the_event_once_with_the_token() {
    let receiver = receiver(&[]).await;
    receiver.deliver().await.unwrap();
    assert_eq!(
        receiver.received(),
        [(Some("Bearer token".to_owned()), vec![google_event()])]
    );
}

#[tokio::test]
async fn a_busy_webhook_is_tried_again() {
    let receiver = receiver(&[
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::TOO_MANY_REQUESTS,
    ])
    .await;
    receiver.deliver().await.unwrap();
    assert_eq!(receiver.received().len(), 3);
}

#[tokio::test]
async fn a_webhook_that_stays_busy_is_given_up() {
    let receiver = receiver(&[StatusCode::INTERNAL_SERVER_ERROR; 10]).await;
    let outcome = receiver.deliver().await;
    assert!(
        matches!(
            outcome,
            Err(DeliveryError::Refused(StatusCode::INTERNAL_SERVER_ERROR))
        ),
        "{outcome:?}"
    );
    assert_eq!(receiver.received().len(), 4);
}

#[tokio::test]
async fn a_webhook_that_refuses_or_redirects_is_not_tried_again() {
    for status in [
        &[StatusCode::UNAUTHORIZED],
        &[StatusCode::BAD_REQUEST],
        &[StatusCode::TEMPORARY_REDIRECT],
    ] {
        let receiver = receiver(status).await;
        let outcome = receiver.deliver().await;
        assert!(
            matches!(outcome, Err(DeliveryError::Refused(refused)) if refused == status[0]),
            "{outcome:?}"
        );
        assert_eq!(receiver.received().len(), 1);
    }
}

#[tokio::test]
async fn a_webhook_that_is_not_there_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    drop(listener);
    let outcome = EventSink::webhook(url, "token".into())
        .unwrap()
        .deliver(google_event())
        .await;
    assert!(
        matches!(outcome, Err(DeliveryError::Unreachable(_))),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_queue_gets_the_event_and_says_when_nobody_reads_it() {
    let (sender, mut queue) = tokio::sync::mpsc::unbounded_channel();
    let sink = EventSink::Queue(sender);
    sink.deliver(google_event()).await.unwrap();
    assert_eq!(queue.recv().await, Some(google_event()));
    drop(queue);
    assert!(matches!(
        sink.deliver(google_event()).await,
        Err(DeliveryError::QueueClosed)
    ));
}

#[tokio::test]
async fn a_cloud_bucket_needs_no_delivery() {
    EventSink::Bucket.deliver(google_event()).await.unwrap();
}
