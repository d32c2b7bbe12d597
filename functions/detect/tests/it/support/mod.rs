//! The function as it runs on a laptop: its router on an embedded store and a local folder, with the real model.

pub(crate) mod recordings;
pub(crate) mod stores;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use bonafide_core::audio_files::AudioFile;
use bonafide_core::config::{Config, DEMO_API_KEY, Environment};
use bonafide_core::detections::Detection;
use bonafide_core::events::StorageEvent;
use bonafide_core::http;
use bonafide_core::objects::Bucket;
use bonafide_core::store::embedded::EmbeddedStore;
use bonafide_core::store::{DetectionFilter, PageRequest, SharedStore};
use bonafide_core::time::now;
use bonafide_detect::{EventHandler, State, router};
use bonafide_detector::Detector;
use chrono::TimeDelta;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt;

pub(crate) const EVENT_TOKEN: &str = "token-of-the-event-tests";

/// Loaded once: it is the slowest part of starting.
static DETECTOR: LazyLock<Arc<Detector>> =
    LazyLock::new(|| Arc::new(Detector::embedded().unwrap()));

pub(crate) struct House {
    pub(crate) app: Router,
    pub(crate) store: SharedStore,
    pub(crate) bucket: Bucket,
    pub(crate) events: EventHandler,
    pub(crate) config: Config,
    folder: TempDir,
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// Status and machine code of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        assert_eq!(body["status"], "error", "{body}");
        assert_eq!(
            body["request_id"].as_str(),
            self.headers["x-request-id"].to_str().ok(),
            "{body}"
        );
        (
            self.status.as_u16(),
            body["code"].as_str().unwrap_or_default().to_owned(),
        )
    }
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(&[("EVENT_TOKEN", EVENT_TOKEN)], |store| store)
    }

    /// A house with these environment variables, whose store is what `wrap` makes of the real one.
    pub(crate) fn with(
        variables: &[(&str, &str)],
        wrap: impl FnOnce(SharedStore) -> SharedStore,
    ) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().to_str().unwrap();
        let lookup = |name: &str| {
            let given = variables
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned());
            given.or_else(|| (name == "DATA_DIR").then(|| data.to_owned()))
        };
        let config = Config::read(lookup, Environment::Development).unwrap();
        let store = wrap(Arc::new(
            EmbeddedStore::open(&folder.path().join("test.redb")).unwrap(),
        ));
        let bucket = config.open_bucket().unwrap();
        let state = State::with_detector(
            &config,
            Arc::clone(&store),
            bucket.clone(),
            Arc::clone(&DETECTOR),
        )
        .unwrap();
        let events = state.events().clone();
        let app = http::app(router(state).split_for_parts().0);
        Self {
            app,
            store,
            bucket,
            events,
            config,
            folder,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.app.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.unwrap();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(Request::get(path).body(Body::empty()).unwrap())
            .await
    }

    pub(crate) async fn get_as(&self, user: &str, path: &str) -> Answer {
        let (token, _) = self.config.access_tokens().unwrap().issue(user).unwrap();
        let request = Request::get(path).header("authorization", format!("Bearer {token}"));
        self.send(request.body(Body::empty()).unwrap()).await
    }

    /// Posts JSON with the demo key.
    pub(crate) async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        let request = Request::post(path)
            .header("content-type", "application/json")
            .header("x-api-key", DEMO_API_KEY);
        self.send(request.body(body.into()).unwrap()).await
    }

    /// Posts a storage event with the right token.
    pub(crate) async fn deliver(&self, body: impl Into<Body>) -> Answer {
        let request = Request::post("/events")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {EVENT_TOKEN}"));
        self.send(request.body(body.into()).unwrap()).await
    }

    /// A file record that awaits its upload.
    pub(crate) async fn awaiting(&self, owner: &str) -> AudioFile {
        self.awaiting_for(TimeDelta::zero(), owner).await
    }

    /// A file record that awaits its upload for so long already.
    pub(crate) async fn awaiting_for(&self, age: TimeDelta, owner: &str) -> AudioFile {
        let file = AudioFile::new(owner, "clip.wav", "audio/wav", None, now() - age);
        self.store.create_audio_file(&file).await.unwrap();
        file
    }

    /// A file whose bytes are in the bucket, and the event that the bucket sends for it.
    pub(crate) async fn uploaded(&self, owner: &str, bytes: &[u8]) -> (AudioFile, StorageEvent) {
        let file = self.awaiting(owner).await;
        let event = self.put(&file, bytes).await;
        (file, event)
    }

    /// Writes a file's object, and gives the event that the bucket sends for it.
    pub(crate) async fn put(&self, file: &AudioFile, bytes: &[u8]) -> StorageEvent {
        let info = self
            .bucket
            .put(&file.object_key, "audio/wav", bytes.to_vec().into())
            .await
            .unwrap();
        StorageEvent {
            bucket: self.bucket.name().to_owned(),
            object_key: file.object_key.clone(),
            object_version: info.version,
            size: Some(info.size),
        }
    }

    /// Puts something in an object's place that nobody can look at.
    #[cfg(unix)]
    pub(crate) fn poison(&self, file: &AudioFile) {
        let place = self
            .folder
            .path()
            .join(self.bucket.name())
            .join(&file.object_key);
        std::fs::create_dir_all(place.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(&place, &place).unwrap();
    }

    /// The file's record as it is now.
    pub(crate) async fn file(&self, file: &AudioFile) -> AudioFile {
        self.store
            .audio_file(&file.owner, &file.id)
            .await
            .unwrap()
            .unwrap()
    }

    pub(crate) async fn detections_of(&self, owner: &str) -> Vec<Detection> {
        let page = PageRequest {
            limit: 100,
            after: None,
        };
        self.store
            .detections(owner, &DetectionFilter::default(), &page)
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn signed_url(&self, file: &AudioFile) -> String {
        self.bucket
            .sign_download(&file.object_key, Duration::from_secs(60))
            .await
            .unwrap()
            .to_string()
    }
}
