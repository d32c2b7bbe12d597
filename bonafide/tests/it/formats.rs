//! Every format that phones, browsers and studios write, by every way into the house.

use serde_json::json;

use crate::api::Api;
use crate::journey::{check_detection, number, text};
use crate::process::Server;
use crate::recordings::{FORMATS, Speaker, WAV};

#[tokio::test]
async fn every_format_is_analysed_by_upload_and_in_the_same_call_with_one_result() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let ada = Api::of(&server).signed_up("ada").await;
    let uncoded = ada
        .detect(&Speaker::EspeakNg.recording(&WAV))
        .await
        .expect(200);
    let plain = number(&uncoded["detail"]["audio"]["seconds"]);
    for format in &FORMATS {
        let recording = Speaker::EspeakNg.recording(format);
        let uploaded = ada.detection_of(&recording).await;
        check_detection(&uploaded);
        let audio = &uploaded["audio"];
        assert!(
            format.container.contains(&text(&audio["container"])),
            "{}: {audio}",
            format.extension
        );
        let codec = text(&audio["codec"]);
        assert!(
            format
                .codec
                .iter()
                .any(|expected| codec.starts_with(expected)),
            "{}: {audio}",
            format.extension
        );

        let called = ada.detect(&recording).await.expect(200);
        assert_eq!(called["detail"]["audio"], *audio, "{}", format.extension);
        assert_eq!(
            called["detail"]["score"], uploaded["score"],
            "{}",
            format.extension
        );
        assert_eq!(
            called["classification"], uploaded["classification"],
            "{}",
            format.extension
        );
        // Resampling and coding change no length beyond a frame or two.
        assert!(
            (number(&audio["seconds"]) - plain).abs() < 0.15,
            "{}: {audio}, plain {plain} s",
            format.extension
        );
    }
}

#[tokio::test]
async fn what_a_recording_is_decides_its_content_and_not_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let ada = Api::of(&server).signed_up("ada").await;
    for format in &FORMATS {
        let recording = Speaker::Human.recording(format);
        let uploaded = ada
            .upload_as(
                "file",
                "voice.bin",
                "application/octet-stream",
                &recording.bytes,
            )
            .await
            .expect(201);
        let file = ada.finished(text(&uploaded["id"])).await;
        assert_eq!(file["status"], "completed", "{}: {file}", format.extension);
        let misnamed = ada
            .upload_as("file", "voice.wav", "audio/wav", &recording.bytes)
            .await
            .expect(201);
        let misnamed = ada.finished(text(&misnamed["id"])).await;
        assert_eq!(
            misnamed["detection"]["confidence_score"], file["detection"]["confidence_score"],
            "{}",
            format.extension
        );
    }
    let files = ada
        .get("/api/v1/audio-files?limit=100&status=failed")
        .await
        .expect(200);
    assert_eq!(files["items"], json!([]));
}
