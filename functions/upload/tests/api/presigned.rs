//! Recordings that are announced, and then sent to a signed URL of the local folder.

use std::time::Duration;

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use bonafide_core::audio_files::{AudioFile, object_key};
use bonafide_core::time::now;

use super::*;

fn announcement(size: usize) -> Value {
    json!({"filename": "voice.wav", "content_type": "audio/wav", "size": size})
}

impl App {
    async fn put(&self, url: &str, content_type: &str, bytes: Vec<u8>) -> Answer {
        let path = url.strip_prefix(PUBLIC_URL).unwrap();
        self.call(
            Request::put(path)
                .header(CONTENT_TYPE, content_type)
                .body(in_chunks(bytes.into()))
                .unwrap(),
        )
        .await
    }

    /// An announced file: its id and its signed URL.
    async fn announced(&self, size: usize) -> (String, String) {
        let answer = self.announce(ADA, announcement(size)).await;
        let body = answer.body();
        assert_eq!(answer.status, StatusCode::CREATED, "{body}");
        (
            body["id"].as_str().unwrap().to_owned(),
            body["upload"]["url"].as_str().unwrap().to_owned(),
        )
    }

    /// The announced file has no bytes, and nobody has been told of any.
    async fn still_waits(&mut self, id: &str) {
        let file = self
            .get(ADA, &format!("/api/v1/audio-files/{id}"))
            .await
            .body();
        assert_eq!(
            (&file["status"], &file["uploaded_at"]),
            (&json!("awaiting_upload"), &Value::Null),
            "{file}"
        );
        assert_eq!(
            self.state.bucket.head(&object_key(ADA, id)).await.unwrap(),
            None
        );
        assert!(self.events.try_recv().is_err());
    }
}

#[tokio::test]
async fn an_announced_recording_is_sent_to_its_url_and_announced() {
    let mut app = App::new();
    let mut file = app.announce(ADA, announcement(1000)).await.body();
    let upload = file.as_object_mut().unwrap().remove("upload").unwrap();
    let id = file["id"].as_str().unwrap().to_owned();
    assert_eq!(
        (&upload["method"], &upload["headers"]),
        (&json!("PUT"), &json!({"content-type": "audio/wav"})),
        "{upload}"
    );
    assert!(upload["expires_at"].is_string(), "{upload}");
    assert_eq!(
        file,
        json!({
            "id": id, "filename": "voice.wav", "content_type": "audio/wav", "size": 1000, "status": "awaiting_upload",
            "failure": null, "detection": null, "created_at": file["created_at"], "uploaded_at": null, "finished_at": null
        })
    );
    app.still_waits(&id).await;

    let answer = app
        .put(upload["url"].as_str().unwrap(), "audio/wav", wav(1000))
        .await;
    assert_eq!(
        (answer.status, answer.body()),
        (StatusCode::OK, json!({"status": "success"}))
    );
    let event = app.event().await;
    assert_eq!(
        (event.object_key, event.size),
        (object_key(ADA, &id), Some(1000))
    );
    let file = app
        .get(ADA, &format!("/api/v1/audio-files/{id}"))
        .await
        .body();
    assert_eq!(
        (&file["status"], file["uploaded_at"].is_string()),
        (&json!("uploaded"), true),
        "{file}"
    );
    assert!(file.get("upload").is_none());
}

#[tokio::test]
async fn an_announcement_is_checked_like_a_recording() {
    let mut app = App::new();
    app.announce(ADA, announcement(0))
        .await
        .is_error(400, "empty_audio");
    app.announce(ADA, announcement(10 * 1024 * 1024 + 1))
        .await
        .is_error(413, "audio_too_large");
    for content_type in ["text/plain", "application/octet-stream", "audio", ""] {
        let announcement = json!({"filename": "a", "content_type": content_type, "size": 1});
        app.announce(ADA, announcement)
            .await
            .is_error(415, "unsupported_audio");
    }
    app.holds_nothing().await;
    assert_eq!(
        app.announce(ADA, announcement(10 * 1024 * 1024))
            .await
            .status,
        StatusCode::CREATED
    );
}

#[tokio::test]
async fn everything_that_is_wrong_with_an_announcement_is_told_at_once() {
    let mut app = App::new();
    let answer = app
        .announce(ADA, json!({"content_type": 1, "size": "many"}))
        .await;
    answer.is_error(422, "validation_error");
    assert_eq!(
        answer.body()["detail"],
        json!([
            {"loc": ["body", "filename"], "msg": "field required", "type": "value_error.missing"},
            {"loc": ["body", "content_type"], "msg": "str type expected", "type": "type_error.str"},
            {"loc": ["body", "size"], "msg": "value is not a valid integer", "type": "type_error.integer"},
        ])
    );
    app.announce(
        ADA,
        json!({"filename": "a", "content_type": "audio/wav", "size": -1}),
    )
    .await
    .has_violation(
        ["body", "size"],
        "ensure this value is greater than or equal to 0",
        "value_error.number.not_ge",
    );
    let broken = app
        .send(
            ADA,
            Method::POST,
            "/api/v1/audio-files",
            "application/json",
            "{\"size\": 1,}",
        )
        .await;
    broken.is_error(400, "malformed_json");
    let endless = " ".repeat(65 * 1024);
    let endless = app
        .send(
            ADA,
            Method::POST,
            "/api/v1/audio-files",
            "application/json",
            endless,
        )
        .await;
    endless.is_error(413, "payload_too_large");
    app.holds_nothing().await;
}

#[tokio::test]
async fn a_signed_url_takes_no_more_than_what_was_announced() {
    let mut app = App::new();
    let (id, url) = app.announced(1000).await;
    app.put(&url, "audio/wav", wav(1001))
        .await
        .is_error(413, "audio_too_large");
    app.put(&url, "audio/wav", wav(20 * 1024 * 1024))
        .await
        .is_error(413, "audio_too_large");
    app.put(&url, "audio/wav", Vec::new())
        .await
        .is_error(400, "empty_audio");
    app.put(&url, "audio/mpeg", wav(1000))
        .await
        .is_error(415, "unsupported_audio");
    app.put(&url, "", wav(1000))
        .await
        .is_error(415, "unsupported_audio");
    app.still_waits(&id).await;
    assert_eq!(
        app.put(&url, "audio/wav", wav(1000)).await.status,
        StatusCode::OK,
        "refusals do not use the URL up"
    );
}

#[tokio::test]
async fn a_changed_url_is_refused() {
    let mut app = App::new();
    let (id, url) = app.announced(1000).await;
    let (other, _) = app.announced(1000).await;
    let unsigned = url.split_once("&signature").unwrap().0;
    for changed in [
        url.replace("max_bytes=1000", "max_bytes=9999"),
        url.replace("content_type=audio%2Fwav", "content_type=text%2Fhtml"),
        url.replace(&id, &other),
        url.replace("/audio/", "/audio/../audio/"),
        url.replace("expires=", "expires=9"),
        url.replace("signature=", "signature=00"),
        format!("{url}&max_bytes=9999"),
        unsigned.to_owned(),
        unsigned.split_once('?').unwrap().0.to_owned(),
    ] {
        assert_ne!(changed, url);
        app.put(&changed, "audio/wav", wav(1000))
            .await
            .is_error(403, "invalid_signature");
    }
    let path = url.strip_prefix(PUBLIC_URL).unwrap();
    app.call(Request::get(path).body(Body::empty()).unwrap())
        .await
        .is_error(403, "invalid_signature");
    app.still_waits(&id).await;
    app.still_waits(&other).await;
}

#[tokio::test]
async fn an_expired_url_is_refused() {
    let app = App::new();
    let file = AudioFile::new(ADA, "a", "audio/wav", Some(100), now());
    app.state.store.create_audio_file(&file).await.unwrap();
    let upload = app
        .state
        .bucket
        .sign_upload(&file.object_key, "audio/wav", 100, Duration::ZERO)
        .await
        .unwrap();
    app.put(&upload.url, "audio/wav", wav(100))
        .await
        .is_error(403, "invalid_signature");
}

#[tokio::test]
async fn a_recording_is_sent_once() {
    let mut app = App::new();
    let (id, url) = app.announced(1000).await;
    assert_eq!(
        app.put(&url, "audio/wav", wav(1000)).await.status,
        StatusCode::OK
    );
    app.event().await;
    app.put(&url, "audio/wav", wav(500))
        .await
        .is_error(409, "already_uploaded");
    let stored = app
        .state
        .bucket
        .head(&object_key(ADA, &id))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(stored.size, 1000);
    assert!(app.events.try_recv().is_err(), "one upload, one event");
}

#[tokio::test]
async fn of_two_who_send_at_once_one_succeeds() {
    let mut app = App::new();
    let (_, url) = app.announced(1000).await;
    let (first, second) = tokio::join!(
        app.put(&url, "audio/wav", wav(1000)),
        app.put(&url, "audio/wav", wav(999))
    );
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let event = app.event().await;
    assert_eq!(
        event.size,
        Some(if first.status == StatusCode::OK {
            1000
        } else {
            999
        })
    );
}

#[tokio::test]
async fn bytes_for_a_file_that_is_gone_are_refused() {
    let app = App::new();
    let (id, url) = app.announced(1000).await;
    assert!(app.state.store.delete_audio_file(ADA, &id).await.unwrap());
    app.put(&url, "audio/wav", wav(1000))
        .await
        .is_error(404, "audio_file_not_found");
    assert_eq!(objects_in(&app.recordings()), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_signed_download_gives_the_recording_as_a_file() {
    let app = App::new();
    let recording = wav(1000);
    let id = app
        .upload(ADA, "a.wav", "audio/wav", &recording)
        .await
        .body()["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let url = app
        .state
        .bucket
        .sign_download(&object_key(ADA, &id), Duration::from_secs(60))
        .await
        .unwrap();
    let path = url.as_str().strip_prefix(PUBLIC_URL).unwrap();
    let answer = app
        .call(Request::get(path).body(Body::empty()).unwrap())
        .await;
    assert_eq!(
        (answer.status, &answer.bytes[..]),
        (StatusCode::OK, &recording[..])
    );
    assert_eq!(answer.headers[CONTENT_TYPE], "audio/wav");
    assert_eq!(answer.headers["x-content-type-options"], "nosniff");
    assert_eq!(answer.headers["content-disposition"], "attachment");

    let gone = app
        .state
        .bucket
        .sign_download("audio/nobody/nothing", Duration::from_secs(60))
        .await
        .unwrap();
    let path = gone.as_str().strip_prefix(PUBLIC_URL).unwrap();
    app.call(Request::get(path).body(Body::empty()).unwrap())
        .await
        .is_error(404, "object_not_found");
    app.put(url.as_str(), "audio/wav", recording)
        .await
        .is_error(403, "invalid_signature");
}
