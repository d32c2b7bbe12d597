//! Telling the detect function.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::StatusCode;

use super::*;

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
