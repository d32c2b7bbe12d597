//! From where `/api/predict` fetches recordings, and from where not.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::api::Api;
use crate::journey::{fields_of_prediction, number};
use crate::process::Server;
use crate::recordings::{Recording, Speaker};

/// A web server with one recording at `/recording`, and a redirect to it everywhere else.
struct Host {
    port: u16,
    requests: Arc<AtomicUsize>,
}

impl Host {
    fn start(recording: &Recording) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let requests = Arc::new(AtomicUsize::new(0));
        let (count, bytes) = (Arc::clone(&requests), recording.bytes.clone());
        // Ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                count.fetch_add(1, Ordering::SeqCst);
                let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let first = lines.next().unwrap_or_default();
                while lines.next().is_some_and(|line| !line.is_empty()) {}
                let mut stream = &stream;
                let _ = if first.starts_with("GET /recording ") {
                    write!(
                        stream,
                        "HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
                        bytes.len()
                    )
                    .and_then(|()| stream.write_all(&bytes))
                } else {
                    stream.write_all(
                        b"HTTP/1.1 302 Found\r\nlocation: /recording\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                    )
                };
            }
        });
        Self { port, requests }
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

#[tokio::test]
async fn a_recording_is_fetched_from_a_host_that_is_configured() {
    let folder = tempfile::tempdir().unwrap();
    let recording = Speaker::EspeakNg.mp3();
    let host = Host::start(&recording);
    let server = Server::serve(
        folder.path(),
        &[("PREDICT_ALLOWED_HOSTS", &format!("127.0.0.1:{}", host.port))],
    );
    let api = Api::of(&server);
    let predicted = api
        .predict(
            &format!("http://127.0.0.1:{}/recording", host.port),
            "audio/mpeg",
        )
        .await
        .expect(200);
    fields_of_prediction(&predicted);
    let called = api.detect(&recording).await.expect(200);
    let difference = number(&predicted["confidence_score"]) - number(&called["confidenceScore"]);
    assert!(difference.abs() <= 1e-4, "{predicted} {called}");

    // A redirect may lead anywhere, so none is followed.
    let redirected = api
        .predict(
            &format!("http://127.0.0.1:{}/moved", host.port),
            "audio/mpeg",
        )
        .await;
    redirected.expect_error(502, "audio_fetch_failed");
    assert_eq!(host.requests(), 2);
    let wrong_type = api
        .predict(
            &format!("http://127.0.0.1:{}/recording", host.port),
            "text/html",
        )
        .await;
    wrong_type.expect_error(415, "unsupported_media_type");
}

#[tokio::test]
async fn nothing_is_fetched_from_anywhere_else() {
    let folder = tempfile::tempdir().unwrap();
    let host = Host::start(&Speaker::EspeakNg.mp3());
    let server = Server::serve(
        folder.path(),
        &[("PREDICT_ALLOWED_HOSTS", "cdn.example.org")],
    );
    let api = Api::of(&server);
    for url in [
        format!("http://127.0.0.1:{}/recording", host.port),
        format!("http://localhost:{}/recording", host.port),
        format!("http://[::ffff:127.0.0.1]:{}/recording", host.port),
        format!("http://cdn.example.org@127.0.0.1:{}/recording", host.port),
        "http://169.254.169.254/computeMetadata/v1/".to_owned(),
        "file:///etc/passwd".to_owned(),
        // The bucket is ours, but the URL is not signed.
        format!("{}/api/v1/objects/audio/a/b", server.address),
    ] {
        api.predict(&url, "audio/mpeg")
            .await
            .expect_error(400, "audio_url_not_allowed");
    }
    assert_eq!(host.requests(), 0);
    let nonsense = api
        .predict("not a url", "audio/mpeg")
        .await
        .expect_error(422, "validation_error");
    assert_eq!(
        nonsense["detail"][0]["loc"],
        serde_json::json!(["body", "audio_url"])
    );
}
