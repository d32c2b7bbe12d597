//! Four ways through the house, one score for the same bytes.

use std::path::Path;
use std::time::Duration;

use bonafide_core::auth::derive_secret;
use bonafide_core::objects::{Bucket, LOCAL_OBJECTS_PATH, LocalSigning};
use serde_json::Value;

use crate::api::{Api, SECRET};
use crate::journey::{fields_of_prediction, number, text};
use crate::process::{Server, bonafide};
use crate::recordings::{Recording, Speaker};

#[tokio::test]
async fn upload_synchronous_call_service_call_and_program_give_the_same_score() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[("SECRET_KEY", SECRET)]);
    let ada = Api::of(&server).signed_up("ada").await;
    for speaker in Speaker::ALL {
        let recording = speaker.mp3();
        let offline = offline(&recording);

        // By a signed URL, which also names the object for the service call.
        let granted = ada.upload_grant(&recording).await;
        ada.put(&granted["upload"], &recording.bytes)
            .await
            .expect(200);
        let file = ada.finished(text(&granted["id"])).await;
        let uploaded = ada
            .get(&format!(
                "/api/v1/detections/{}",
                text(&file["detection"]["id"])
            ))
            .await
            .expect(200);

        let called = ada.detect(&recording).await.expect(200);

        let download =
            signed_download(&server, folder.path(), text(&granted["upload"]["url"])).await;
        let predicted = ada.predict(&download, "audio/mpeg").await.expect(200);
        fields_of_prediction(&predicted);

        assert_eq!(uploaded["score"], offline["score"], "{speaker:?}");
        assert_eq!(called["detail"]["score"], offline["score"], "{speaker:?}");
        assert_eq!(
            called["detail"]["segments"], offline["segments"],
            "{speaker:?}"
        );
        assert_eq!(uploaded["features"], offline["features"], "{speaker:?}");
        assert_eq!(predicted["features"], offline["features"], "{speaker:?}");
        assert_eq!(
            uploaded["explanation"], offline["explanation"],
            "{speaker:?}"
        );
        assert_eq!(called["explanation"], offline["explanation"], "{speaker:?}");
        assert_eq!(uploaded["model"], offline["model"], "{speaker:?}");

        let is_spoof = offline["verdict"] == "spoof";
        assert_eq!(predicted["is_deepfake"], is_spoof, "{speaker:?}");
        assert_eq!(uploaded["is_deepfake"], is_spoof, "{speaker:?}");
        let confidence = number(&offline["confidence"]);
        for stated in [
            &uploaded["confidence_score"],
            &called["confidenceScore"],
            &predicted["confidence_score"],
        ] {
            // The seeds show four decimals; a route may round to them.
            assert!(
                (number(stated) - confidence).abs() <= 0.5e-4,
                "{speaker:?}: {stated}, offline {confidence}"
            );
        }
    }
}

/// What the program says of a file.
fn offline(recording: &Recording) -> Value {
    let output = bonafide(&["detect", "--json", &recording.path_text()]);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// What a backend with the same secret gives another service: a signed URL of the object that `upload_url` was for.
async fn signed_download(server: &Server, data: &Path, upload_url: &str) -> String {
    let (_, key) = upload_url
        .split('?')
        .next()
        .unwrap()
        .split_once(LOCAL_OBJECTS_PATH)
        .unwrap();
    let signing = LocalSigning {
        public_url: server.address.clone(),
        secret: derive_secret(&SECRET.to_owned().into(), "object-url"),
    };
    let bucket = Bucket::open(&format!("file://{}/recordings", data.display()), signing).unwrap();
    bucket
        .sign_download(key, Duration::from_secs(60))
        .await
        .unwrap()
        .into()
}
