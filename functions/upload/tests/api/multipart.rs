//! Recordings that are sent along in a form.

use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request};
use bonafide_core::audio_files::object_key;
use bonafide_core::http::MAX_AUDIO_BYTES;
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_recording_is_stored_recorded_and_announced() {
    let mut app = App::new();
    let recording = wav(32_044);
    let answer = app
        .upload(ADA, "C:\\fakepath\\my voice.wav", "audio/wav", &recording)
        .await;
    let file = answer.body();
    assert_eq!(answer.status, StatusCode::CREATED, "{file}");
    let id = file["id"].as_str().unwrap();
    assert_eq!(
        file,
        json!({
            "id": id, "filename": "my voice.wav", "content_type": "audio/wav", "size": 32_044, "status": "uploaded",
            "failure": null, "detection": null, "created_at": file["created_at"], "uploaded_at": file["uploaded_at"],
            "finished_at": null
        }),
        "neither owner nor key nor lease"
    );
    assert!(
        file["created_at"].is_string() && file["uploaded_at"].is_string(),
        "{file}"
    );
    assert_eq!(
        app.get(ADA, &format!("/api/v1/audio-files/{id}"))
            .await
            .body(),
        file
    );

    let key = object_key(ADA, id);
    let (stored, info) = app.state.bucket.get(&key, u64::MAX).await.unwrap();
    assert_eq!(stored, recording);
    let event = app.event().await;
    let expected = StorageEvent {
        bucket: app.state.bucket.name().into(),
        object_key: key,
        object_version: info.version,
        size: Some(32_044),
    };
    assert_eq!(event, expected);
}

#[tokio::test]
async fn the_content_tells_the_type_where_the_form_does_not() {
    let app = App::new();
    for (declared, recorded) in [
        ("application/octet-stream", "audio/wav"),
        ("audio/x-wav", "audio/x-wav"),
        ("audio/webm;codecs=opus", "audio/webm"),
        ("video/mp4", "video/mp4"),
    ] {
        let answer = app.upload(ADA, "a", declared, &wav(100)).await;
        assert_eq!(
            (answer.status, &answer.body()["content_type"]),
            (StatusCode::CREATED, &json!(recorded)),
            "{declared}"
        );
    }
    let untyped = form(&[("form-data; name=\"file\"", None, &wav(100))]);
    let file = app
        .send(ADA, Method::POST, "/api/v1/audio-files", FORM, untyped)
        .await
        .body();
    assert_eq!(
        (&file["content_type"], &file["filename"]),
        (&json!("audio/wav"), &json!("recording")),
        "{file}"
    );
}

#[tokio::test]
async fn the_largest_recording_is_taken_and_one_more_byte_is_not() {
    let app = App::new();
    let answer = app
        .upload(ADA, "a.wav", "audio/wav", &wav(MAX_AUDIO_BYTES))
        .await;
    assert_eq!(
        (answer.status, &answer.body()["size"]),
        (StatusCode::CREATED, &json!(10_485_760))
    );

    let mut app = App::new();
    app.upload(ADA, "a.wav", "audio/wav", &wav(MAX_AUDIO_BYTES + 1))
        .await
        .is_error(413, "audio_too_large");
    app.upload(ADA, "a.wav", "audio/wav", &wav(2 * MAX_AUDIO_BYTES))
        .await
        .is_error(413, "audio_too_large");
    let ballast = vec![0; 2 * MAX_AUDIO_BYTES];
    let padded = form(&[
        ("form-data; name=\"note\"", None, &ballast),
        ("form-data; name=\"file\"", None, &wav(100)),
    ]);
    app.send(ADA, Method::POST, "/api/v1/audio-files", FORM, padded)
        .await
        .is_error(413, "audio_too_large");
    app.holds_nothing().await;
}

#[tokio::test]
async fn what_is_not_a_recording_is_refused_and_leaves_nothing() {
    let mut app = App::new();
    for (content_type, content) in [
        ("audio/mpeg", &b"#!/bin/sh\necho this is not audio\n"[..]),
        ("audio/wav", b"RIFF\x04\0\0\0WEBP"),
        ("application/octet-stream", b"\x89PNG\r\n\x1a\n"),
        ("text/plain", &wav(100)),
        ("image/png", &wav(100)),
        ("audio/*", &wav(100)),
    ] {
        app.upload(ADA, "a.mp3", content_type, content)
            .await
            .is_error(415, "unsupported_audio");
    }
    app.upload(ADA, "a.mp3", "audio/mpeg", b"")
        .await
        .is_error(400, "empty_audio");
    app.holds_nothing().await;
}

#[tokio::test]
async fn a_form_needs_one_part_called_file_and_may_have_others() {
    let mut app = App::new();
    let recording = wav(100);
    let missing = [
        "form-data; name=\"audio\"; filename=\"a.wav\"",
        "form-data; name=\"FILE\"",
        "form-data",
    ];
    for disposition in missing {
        let body = form(&[(disposition, Some("audio/wav"), &recording)]);
        let answer = app
            .send(ADA, Method::POST, "/api/v1/audio-files", FORM, body)
            .await;
        answer.has_violation(["body", "file"], "field required", "value_error.missing");
    }
    let file = (
        "form-data; name=\"file\"; filename=\"a.wav\"",
        Some("audio/wav"),
        &*recording,
    );
    let twice = app
        .send(
            ADA,
            Method::POST,
            "/api/v1/audio-files",
            FORM,
            form(&[file, file]),
        )
        .await;
    twice.has_violation(
        ["body", "file"],
        "only one file is accepted at a time",
        "value_error",
    );
    app.holds_nothing().await;

    let note = ("form-data; name=\"note\"", None, &b"from my phone"[..]);
    let accompanied = app
        .send(
            ADA,
            Method::POST,
            "/api/v1/audio-files",
            FORM,
            form(&[note, file, note]),
        )
        .await;
    assert_eq!(
        accompanied.status,
        StatusCode::CREATED,
        "{}",
        accompanied.body()
    );
}

#[tokio::test]
async fn a_malformed_form_is_refused_and_leaves_nothing() {
    let mut app = App::new();
    let whole = form(&[(
        "form-data; name=\"file\"; filename=\"a.wav\"",
        Some("audio/wav"),
        &wav(1000),
    )]);
    let cut_off = &whole[..600];
    for (content_type, body) in [
        ("multipart/form-data", &*whole),
        ("multipart/form-data; boundary=another", &whole),
        (FORM, cut_off),
        (FORM, b"no form at all"),
        (FORM, b""),
    ] {
        let answer = app
            .send(
                ADA,
                Method::POST,
                "/api/v1/audio-files",
                content_type,
                body.to_vec(),
            )
            .await;
        answer.is_error(400, "malformed_multipart");
    }
    app.holds_nothing().await;
}

#[tokio::test]
async fn another_kind_of_body_is_refused() {
    let app = App::new();
    for content_type in ["audio/wav", "application/x-www-form-urlencoded", ""] {
        let answer = app
            .send(
                ADA,
                Method::POST,
                "/api/v1/audio-files",
                content_type,
                wav(100),
            )
            .await;
        answer.is_error(415, "unsupported_media_type");
    }
}

#[tokio::test]
async fn nobody_uploads_without_a_token() {
    let mut app = App::new();
    let body = form(&[(
        "form-data; name=\"file\"; filename=\"a.wav\"",
        Some("audio/wav"),
        &wav(100),
    )]);
    let request = Request::post("/api/v1/audio-files")
        .header(CONTENT_TYPE, FORM)
        .body(Body::from(body))
        .unwrap();
    app.call(request).await.is_error(401, "not_authenticated");
    app.holds_nothing().await;
}

#[tokio::test]
async fn where_the_bytes_cannot_be_stored_no_record_is_left() {
    let mut app = App::new();
    std::fs::remove_dir_all(app.recordings()).unwrap();
    std::fs::write(app.recordings(), "a file where the folder was").unwrap();
    let answer = app.upload(ADA, "a.wav", "audio/wav", &wav(100)).await;
    answer.is_error(503, "storage_unavailable");
    assert!(answer.headers.contains_key("retry-after"));
    assert!(
        !answer.body().to_string().contains("recordings"),
        "nothing internal: {}",
        answer.body()
    );
    std::fs::remove_file(app.recordings()).unwrap();
    app.holds_nothing().await;
}

#[tokio::test]
async fn an_upload_whose_event_nobody_takes_is_kept() {
    let mut app = App::new();
    app.events.close();
    let answer = app.upload(ADA, "a.wav", "audio/wav", &wav(100)).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let list: Value = app
        .get(ADA, "/api/v1/audio-files?status=uploaded")
        .await
        .body();
    assert_eq!(list["items"], json!([answer.body()]));
}
