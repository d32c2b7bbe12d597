//! Storage events as a self-hosted bucket posts them.

use reqwest::Method;
use serde_json::{Value, json};

use crate::api::{Answer, Api};

/// "This object has been written", in S3's words.
pub(crate) fn object_written(bucket: &str, key: &str, size: usize) -> Value {
    json!({
        "Records": [{
            "eventVersion": "2.1",
            "eventSource": "aws:s3",
            "eventName": "ObjectCreated:Put",
            "s3": { "bucket": { "name": bucket }, "object": { "key": key, "eTag": "0", "size": size } },
        }]
    })
}

/// Posts an event to the detect function.
pub(crate) async fn post(api: &Api, token: Option<&str>, event: &Value) -> Answer {
    let mut request = api.anonymous().request(Method::POST, "/events").json(event);
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    api.send(request).await
}
