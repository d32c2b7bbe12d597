//! Telling the detect function.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::routing::post;
use http::StatusCode;

use super::super::sink::{self, PERSISTENCE, Persistence, persist};
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
        StatusCode::INTERNAL_SERVER_ERROR,
        StatusCode::SERVICE_UNAVAILABLE,
        StatusCode::SERVICE_UNAVAILABLE,
    ])
    .await;
    receiver.deliver().await.unwrap();
    assert_eq!(receiver.received().len(), 6);
}

/// The pauses in seconds that a receiver sees which is never free and asks for so many seconds.
fn pauses(retry_after: Option<u64>) -> Vec<f64> {
    let mut elapsed = Duration::ZERO;
    (0..)
        .map_while(|attempt| {
            let pause =
                PERSISTENCE.pause(attempt, elapsed, retry_after.map(Duration::from_secs))?;
            elapsed += pause;
            Some(pause.as_secs_f64())
        })
        .collect()
}

#[test]
fn a_busy_webhook_is_tried_for_minutes_but_not_for_ever() {
    for retry_after in [None, Some(0), Some(2), Some(121), Some(u64::MAX)] {
        let pauses = pauses(retry_after);
        let all: f64 = pauses.iter().sum();
        assert!((110.0..=300.0).contains(&all), "{all}: {pauses:?}");
        assert!(pauses.len() < 60, "{pauses:?}");
    }
    let all: f64 = pauses(Some(2)).iter().sum();
    assert!(all > 280.0, "{all}");
}

#[test]
fn a_webhook_is_not_asked_again_sooner_than_it_says() {
    for asked in [2, 30, 121] {
        let pauses = pauses(Some(asked));
        assert!(
            pauses.iter().all(|pause| *pause >= asked as f64),
            "{asked}: {pauses:?}"
        );
    }
    assert!(pauses(None).iter().all(|pause| *pause <= 15.0));
}

#[tokio::test]
async fn a_webhook_is_tried_again_when_it_says_and_not_before() {
    let arrivals = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&arrivals);
    let app = Router::new().route(
        "/events",
        post(async move || {
            let mut seen = seen.lock().unwrap();
            seen.push(Instant::now());
            match seen.len() {
                1 => (StatusCode::SERVICE_UNAVAILABLE, [("retry-after", "1")]),
                _ => (StatusCode::OK, [("retry-after", "")]),
            }
        }),
    );
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/events", listener.local_addr().unwrap())
        .parse()
        .unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    EventSink::webhook(url, "token".into())
        .unwrap()
        .deliver(google_event())
        .await
        .unwrap();
    let arrivals = arrivals.lock().unwrap().clone();
    let [first, second] = arrivals[..] else {
        panic!("{arrivals:?}")
    };
    assert!(second - first >= Duration::from_secs(1));
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
            matches!(outcome, Err(DeliveryError::Refused { status: refused, .. }) if refused == status[0]),
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
    let EventSink::Webhook { url, token, client } =
        EventSink::webhook(url, "token".into()).unwrap()
    else {
        panic!("a webhook")
    };
    let (event, mut attempts) = (google_event(), 0);
    let impatient = Persistence {
        give_up_after: Duration::from_millis(200),
        ..PERSISTENCE
    };
    let outcome = persist(&impatient, || {
        attempts += 1;
        sink::post(&client, &url, &token, &event)
    })
    .await;
    assert!(attempts > 1, "a connection that fails is tried again");
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
