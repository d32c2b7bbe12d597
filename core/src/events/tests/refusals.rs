//! What is no event for us, and what is no event at all.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::google::{FINALIZED, attributes, object_resource, push};
use super::s3::{event_bridge, s3_record};
use super::*;

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
