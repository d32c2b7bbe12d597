//! Who may post storage events, and what is one.

use axum::body::Body;
use axum::http::Request;
use serde_json::json;

use crate::support::{EVENT_TOKEN, House};

#[tokio::test]
async fn the_event_route_is_open_only_to_whom_the_configuration_names() {
    let test_event = json!({ "Event": "s3:TestEvent", "Bucket": "b" }).to_string();
    let post = |path: &str, token: Option<&str>| {
        let mut request = Request::post(path).header("content-type", "application/json");
        if let Some(token) = token {
            request = request.header("authorization", token);
        }
        request.body(Body::from(test_event.clone())).unwrap()
    };
    let house = House::new();
    let right = format!("bearer {}", EVENT_TOKEN);
    for path in ["/", "/events"] {
        assert_eq!(
            house.send(post(path, None)).await.error(),
            (401, "not_authenticated".to_owned())
        );
        assert_eq!(
            house.send(post(path, Some("Basic YTpi"))).await.error(),
            (401, "not_authenticated".to_owned())
        );
        assert_eq!(
            house.send(post(path, Some("Bearer wrong"))).await.error(),
            (403, "event_token_invalid".to_owned())
        );
        assert_eq!(house.send(post(path, Some(&right))).await.status, 204);
    }
    let platform = House::with(&[("EVENT_AUTH", "platform")], |store| store);
    assert_eq!(platform.send(post("/", None)).await.status, 204);
    let closed = House::with(&[], |store| store);
    for path in ["/", "/events"] {
        assert_eq!(
            closed.send(post(path, Some(&right))).await.error(),
            (404, "not_found".to_owned())
        );
    }
}

#[tokio::test]
async fn what_is_no_event_is_refused() {
    let house = House::new();
    for body in [
        "",
        "not JSON",
        "{}",
        r#"{"Records":[{"eventName":"ObjectCreated:Put","s3":{}}]}"#,
    ] {
        assert_eq!(
            house.deliver(body).await.error(),
            (400, "malformed_event".to_owned()),
            "{body}"
        );
    }
    let answer = house.deliver(vec![b' '; 1024 * 1024 + 1]).await;
    assert_eq!(answer.error(), (413, "payload_too_large".to_owned()));
}
