//! The `upload` function through its HTTP door, on the embedded store and a local folder.

#![expect(
    clippy::expect_used,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod multipart;
mod presigned;
mod reading;

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use bonafide_core::auth::AccessTokens;
use bonafide_core::events::{EventSink, StorageEvent};
use bonafide_core::http;
use bonafide_core::objects::{Bucket, LocalSigning};
use bonafide_core::store::embedded::EmbeddedStore;
use bonafide_upload::{State, router};
use bytes::Bytes;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tower::ServiceExt;
use url::Url;

/// Where the signed URLs lead.
const PUBLIC_URL: &str = "http://127.0.0.1:8000";
/// The users of these tests; the function never looks an account up.
const ADA: &str = "01939b7c-0000-7000-8000-00000000000a";
const EVE: &str = "01939b7c-0000-7000-8000-00000000000e";

struct App {
    router: Router,
    state: State,
    events: UnboundedReceiver<StorageEvent>,
    folder: TempDir,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Bytes,
}

impl Answer {
    fn body(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap()
    }

    #[track_caller]
    fn is_error(&self, status: u16, code: &str) {
        let body = self.body();
        assert_eq!(
            (self.status.as_u16(), &body["code"]),
            (status, &json!(code)),
            "{body}"
        );
        assert_eq!(body["status"], "error");
        assert_eq!(
            body["request_id"],
            self.headers["x-request-id"].to_str().unwrap()
        );
    }

    #[track_caller]
    fn has_violation(&self, loc: [&str; 2], msg: &str, kind: &str) {
        self.is_error(422, "validation_error");
        assert_eq!(
            self.body()["detail"],
            json!([{"loc": loc, "msg": msg, "type": kind}])
        );
    }
}

impl App {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Arc::new(EmbeddedStore::open(&folder.path().join("store.redb")).unwrap());
        let recordings = Url::from_file_path(folder.path().join("recordings")).unwrap();
        let signing = LocalSigning {
            public_url: PUBLIC_URL.into(),
            secret: "a secret for this test".into(),
        };
        let bucket = Bucket::open(recordings.as_str(), signing).unwrap();
        let (queue, events) = unbounded_channel();
        let tokens = AccessTokens::new(&"a secret for this test".into(), false);
        let state = State {
            store,
            bucket,
            events: EventSink::Queue(queue),
            tokens,
        };
        let router = http::app(router(state.clone()).split_for_parts().0);
        Self {
            router,
            state,
            events,
            folder,
        }
    }

    async fn call(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        Answer {
            status,
            headers,
            bytes: response.into_body().collect().await.unwrap().to_bytes(),
        }
    }

    async fn send(
        &self,
        user: &str,
        method: Method,
        path: &str,
        content_type: &str,
        body: impl Into<Bytes>,
    ) -> Answer {
        let (token, _) = self.state.tokens.issue(user).unwrap();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, content_type);
        self.call(request.body(in_chunks(body.into())).unwrap())
            .await
    }

    async fn get(&self, user: &str, path: &str) -> Answer {
        self.send(user, Method::GET, path, "", Bytes::new()).await
    }

    /// Uploads a form that holds one part: `file`, of this name and type.
    async fn upload(&self, user: &str, filename: &str, content_type: &str, bytes: &[u8]) -> Answer {
        let disposition = format!("form-data; name=\"file\"; filename=\"{filename}\"");
        let form = form(&[(&disposition, Some(content_type), bytes)]);
        self.send(user, Method::POST, "/api/v1/audio-files", FORM, form)
            .await
    }

    /// Announces an upload.
    async fn announce(&self, user: &str, announcement: Value) -> Answer {
        self.send(
            user,
            Method::POST,
            "/api/v1/audio-files",
            "application/json",
            announcement.to_string(),
        )
        .await
    }

    async fn event(&mut self) -> StorageEvent {
        tokio::time::timeout(Duration::from_secs(30), self.events.recv())
            .await
            .expect("an event")
            .unwrap()
    }

    fn recordings(&self) -> PathBuf {
        self.folder.path().join("recordings")
    }

    /// Nothing is left of an upload that was refused: no record, no object, no event.
    async fn holds_nothing(&mut self) {
        for user in [ADA, EVE] {
            let list = self.get(user, "/api/v1/audio-files").await.body();
            assert_eq!(list, json!({"items": [], "next_cursor": null}));
        }
        assert_eq!(objects_in(&self.recordings()), Vec::<PathBuf>::new());
        assert!(self.events.try_recv().is_err());
    }
}

/// A body that comes in pieces, as over a network.
fn in_chunks(bytes: Bytes) -> Body {
    let chunks: Vec<Result<Bytes, Infallible>> = bytes
        .chunks(16 * 1024)
        .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
        .collect();
    Body::from_stream(futures::stream::iter(chunks))
}

fn objects_in(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(objects_in(&path))
        } else {
            found.push(path)
        }
    }
    found
}

const FORM: &str = "multipart/form-data; boundary=the-boundary";

/// A form of these parts: disposition, content type, content.
fn form(parts: &[(&str, Option<&str>, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (disposition, content_type, content) in parts {
        body.extend_from_slice(
            format!("--the-boundary\r\nContent-Disposition: {disposition}\r\n").as_bytes(),
        );
        if let Some(content_type) = content_type {
            body.extend_from_slice(format!("Content-Type: {content_type}\r\n").as_bytes());
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--the-boundary--\r\n");
    body
}

/// A WAV file of `bytes` bytes in all: 16 kHz, mono, 16 bits, silence.
fn wav(bytes: usize) -> Vec<u8> {
    let data = u32::try_from(bytes - 44).unwrap();
    let mut wav = Vec::with_capacity(bytes);
    wav.extend_from_slice(b"RIFF");
    wav.extend_from_slice(&(data + 36).to_le_bytes());
    wav.extend_from_slice(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x80\x3e\0\0\0\x7d\0\0\x02\0\x10\0data");
    wav.extend_from_slice(&data.to_le_bytes());
    wav.resize(bytes, 0);
    wav
}
