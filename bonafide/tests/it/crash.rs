//! What a crash leaves behind is finished by the next start.

use crate::api::{Api, items};
use crate::journey::text;
use crate::process::Server;
use crate::recordings::{MP3, Recording, Speaker};

const FILES: usize = 6;

#[tokio::test]
async fn recordings_uploaded_before_a_crash_are_analysed_after_the_next_start_exactly_once() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let ada = Api::of(&server).signed_up("ada").await;
    let recording = minutes_of_speech();
    let mut ids = Vec::new();
    for _ in 0..FILES {
        let file = ada.upload(&recording).await.expect(201);
        ids.push(text(&file["id"]).to_owned());
    }
    // The last of minutes of speech arrived a moment ago: it cannot be analysed yet.
    server.kill();
    let killed_at = now();

    let server = Server::serve(folder.path(), &[]);
    let ada = Api::of(&server).with_token(ada.token());
    for id in &ids {
        let file = ada.finished(id).await;
        assert_eq!(file["status"], "completed", "{file}");
        let detections = ada
            .get(&format!("/api/v1/detections?audio_file_id={id}"))
            .await
            .expect(200);
        assert_eq!(items(&detections).len(), 1, "{detections}");
        assert_eq!(items(&detections)[0]["id"], file["detection"]["id"]);
    }
    let last = ada.finished(&ids[FILES - 1]).await;
    assert!(
        text(&last["finished_at"]) > killed_at.as_str(),
        "{last} was finished before {killed_at}"
    );
    assert_eq!(
        items(&ada.get("/api/v1/detections").await.expect(200)).len(),
        FILES
    );
}

#[tokio::test]
async fn a_signed_url_from_before_a_crash_still_works_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let port = crate::process::free_port();
    let server = Server::serve_on(port, folder.path(), &[]);
    let ada = Api::of(&server).signed_up("ada").await;
    let recording = Speaker::Human.mp3();
    let granted = ada.upload_grant(&recording).await;
    server.kill();

    let server = Server::serve_on(port, folder.path(), &[]);
    let ada = Api::of(&server).with_token(ada.token());
    ada.put(&granted["upload"], &recording.bytes)
        .await
        .expect(200);
    assert_eq!(
        ada.finished(text(&granted["id"])).await["status"],
        "completed"
    );
}

/// Three minutes: seconds of work for any machine.
fn minutes_of_speech() -> Recording {
    let speech = Speaker::EspeakNg.speech().to_str().unwrap();
    Recording::made(
        "minutes.mp3",
        MP3.content_type,
        &[
            "-stream_loop",
            "-1",
            "-i",
            speech,
            "-t",
            "180",
            "-c:a",
            "libmp3lame",
            "-b:a",
            "32k",
        ],
    )
}

/// Now, in the notation of the API.
fn now() -> String {
    chrono::Utc::now().to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}
