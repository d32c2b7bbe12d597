//! One realistic document per shape, what is wrong with the malformed ones, and delivery to a real HTTP server.

mod delivery;
mod google;
mod refusals;
mod s3;

use http::{HeaderMap, HeaderValue};
use serde_json::{Value, json};

use super::*;

pub(super) fn parse_json(document: &Value) -> Result<Vec<StorageEvent>, EventError> {
    parse(&HeaderMap::new(), document.to_string().as_bytes())
}

pub(super) fn binary(
    kind: &'static str,
    document: &Value,
) -> Result<Vec<StorageEvent>, EventError> {
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

pub(super) fn google_event() -> StorageEvent {
    StorageEvent {
        bucket: "recordings".to_owned(),
        object_key: "audio/user/file".to_owned(),
        object_version: "1732298400123456".to_owned(),
        size: Some(48_213),
    }
}
