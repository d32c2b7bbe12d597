//! S3 notifications, from Amazon, self-hosted and our own.

use proptest::prelude::*;

use super::*;

pub(super) fn s3_record(event_name: &str, object: &Value) -> Value {
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

pub(super) fn s3_event(version: &str) -> StorageEvent {
    StorageEvent {
        object_version: version.to_owned(),
        ..google_event()
    }
}

pub(super) fn event_bridge(detail_type: &str) -> Value {
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
