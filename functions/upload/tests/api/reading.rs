//! One's files: the list, and waiting for one of them.

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use bonafide_core::audio_files::{Failure, object_key};
use bonafide_core::store::{Claim, ClaimRequest};
use bonafide_core::time::now;

use super::*;

impl App {
    async fn uploaded(&self, user: &str, filename: &str) -> String {
        let answer = self.upload(user, filename, "audio/wav", &wav(100)).await;
        answer.body()["id"].as_str().unwrap().to_owned()
    }

    /// What the `detect` function does with a recording that it cannot decode.
    async fn fails(&self, user: &str, id: &str) {
        let request = ClaimRequest {
            object_key: object_key(user, id),
            object_version: "1".into(),
            size: 100,
            holder: "worker".into(),
            now: now(),
            lease: Duration::from_secs(60),
        };
        assert!(matches!(
            self.state.store.claim_audio_file(&request).await.unwrap(),
            Claim::Granted(_)
        ));
        let failure = Failure {
            code: "undecodable_audio".into(),
            message: "The recording cannot be decoded".into(),
        };
        assert!(
            self.state
                .store
                .fail_audio_file(id, "worker", &failure, now())
                .await
                .unwrap()
        );
    }

    async fn names(&self, user: &str, query: &str) -> Vec<String> {
        let list = self
            .get(user, &format!("/api/v1/audio-files{query}"))
            .await
            .body();
        let items = list["items"].as_array().unwrap();
        items
            .iter()
            .map(|file| file["filename"].as_str().unwrap().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn the_list_holds_ones_own_files_newest_first_page_by_page() {
    let app = App::new();
    for name in ["one", "two", "three"] {
        app.uploaded(ADA, name).await;
        // Files of one millisecond are ordered by their random ids.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    app.uploaded(EVE, "another's").await;
    assert_eq!(app.names(ADA, "").await, ["three", "two", "one"]);
    assert_eq!(app.names(EVE, "").await, ["another's"]);

    let first = app.get(ADA, "/api/v1/audio-files?limit=2").await.body();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = app
        .get(ADA, &format!("/api/v1/audio-files?limit=2&cursor={cursor}"))
        .await
        .body();
    assert_eq!(second["items"][0]["filename"], "one", "{second}");
    assert_eq!(
        (
            second["items"].as_array().unwrap().len(),
            &second["next_cursor"]
        ),
        (1, &Value::Null)
    );
    assert_eq!(
        app.names(EVE, &format!("?cursor={cursor}")).await,
        Vec::<String>::new(),
        "a cursor opens nobody's list"
    );
}

#[tokio::test]
async fn the_list_is_filtered_by_status() {
    let app = App::new();
    let broken = app.uploaded(ADA, "broken").await;
    app.uploaded(ADA, "fresh").await;
    app.fails(ADA, &broken).await;
    assert_eq!(app.names(ADA, "?status=failed").await, ["broken"]);
    assert_eq!(app.names(ADA, "?status=uploaded").await, ["fresh"]);
    assert_eq!(
        app.names(ADA, "?status=completed").await,
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn everything_that_is_wrong_with_a_query_is_told_at_once() {
    let app = App::new();
    let answer = app
        .get(
            ADA,
            "/api/v1/audio-files?limit=101&cursor=made-up&status=done",
        )
        .await;
    answer.is_error(422, "validation_error");
    assert_eq!(
        answer.body()["detail"],
        json!([
            {
                "loc": ["query", "limit"], "msg": "ensure this value is less than or equal to 100",
                "type": "value_error.number.not_le"
            },
            {"loc": ["query", "cursor"], "msg": "value is not a valid cursor", "type": "value_error.cursor"},
            {
                "loc": ["query", "status"], "type": "value_error.const",
                "msg": "unexpected value; permitted: 'awaiting_upload', 'uploaded', 'processing', 'completed', 'failed'"
            },
        ])
    );
    let message = "value is not a valid integer";
    app.get(ADA, "/api/v1/audio-files?limit=ten")
        .await
        .has_violation(["query", "limit"], message, "type_error.integer");
    let message = "ensure this value is greater than or equal to 1";
    app.get(ADA, "/api/v1/audio-files?limit=0")
        .await
        .has_violation(["query", "limit"], message, "value_error.number.not_ge");
}

#[tokio::test]
async fn somebody_elses_file_does_not_exist() {
    let app = App::new();
    let id = app.uploaded(ADA, "mine").await;
    assert_eq!(
        app.get(ADA, &format!("/api/v1/audio-files/{id}"))
            .await
            .status,
        StatusCode::OK
    );
    for path in [
        format!("/api/v1/audio-files/{id}"),
        format!("/api/v1/audio-files/{id}?wait=20"),
    ] {
        app.get(EVE, &path)
            .await
            .is_error(404, "audio_file_not_found");
    }
    for id in [
        "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00",
        "nonsense",
        "..",
        "%2e%2e%2f",
        "%ff",
    ] {
        app.get(ADA, &format!("/api/v1/audio-files/{id}"))
            .await
            .is_error(404, "audio_file_not_found");
    }
}

#[tokio::test]
async fn a_failed_file_says_why_at_once() {
    let app = App::new();
    let id = app.uploaded(ADA, "broken").await;
    app.fails(ADA, &id).await;
    let file = app
        .get(ADA, &format!("/api/v1/audio-files/{id}?wait=20"))
        .await
        .body();
    assert_eq!(file["status"], "failed");
    assert_eq!(
        file["failure"],
        json!({"code": "undecodable_audio", "message": "The recording cannot be decoded"})
    );
    assert!(file["finished_at"].is_string(), "{file}");
}

#[tokio::test]
async fn who_waits_hears_of_the_end_as_it_comes() {
    let app = App::new();
    let id = app.uploaded(ADA, "slow").await;
    let path = format!("/api/v1/audio-files/{id}?wait=20");
    let analysis = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        app.fails(ADA, &id).await;
    };
    let (answer, ()) = tokio::join!(app.get(ADA, &path), analysis);
    assert_eq!(answer.body()["status"], "failed");
}

#[tokio::test]
async fn nobody_waits_longer_than_asked() {
    let app = App::new();
    let id = app.uploaded(ADA, "endless").await;
    for wait in ["", "?wait=0", "?wait=1"] {
        let answer = app
            .get(ADA, &format!("/api/v1/audio-files/{id}{wait}"))
            .await;
        assert_eq!(
            (answer.status, &answer.body()["status"]),
            (StatusCode::OK, &json!("uploaded")),
            "{wait}"
        );
    }
    let message = "ensure this value is less than or equal to 20";
    let answer = app
        .get(ADA, &format!("/api/v1/audio-files/{id}?wait=21"))
        .await;
    answer.has_violation(["query", "wait"], message, "value_error.number.not_le");
}

#[tokio::test]
async fn nobody_reads_without_a_token() {
    let app = App::new();
    let id = app.uploaded(ADA, "mine").await;
    for path in [
        "/api/v1/audio-files".to_owned(),
        format!("/api/v1/audio-files/{id}"),
    ] {
        app.call(Request::get(&path).body(Body::empty()).unwrap())
            .await
            .is_error(401, "not_authenticated");
        let forged = Request::get(&path)
            .header("authorization", "Bearer x.y.z")
            .body(Body::empty())
            .unwrap();
        app.call(forged).await.is_error(401, "invalid_token");
    }
}

#[tokio::test]
async fn the_document_describes_every_route_as_openapi_writes_paths() {
    let app = App::new();
    let document = serde_json::to_value(router(app.state.clone()).into_openapi()).unwrap();
    let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
    assert_eq!(
        paths,
        [
            "/api/v1/audio-files",
            "/api/v1/audio-files/{file_id}",
            "/api/v1/objects/{key}"
        ]
    );
    let body = &document["paths"]["/api/v1/audio-files"]["post"]["requestBody"]["content"];
    assert!(
        body["multipart/form-data"].is_object() && body["application/json"].is_object(),
        "{body}"
    );
    for schema in [
        "AudioFileView",
        "CreatedAudioFile",
        "SignedUpload",
        "Failure",
        "DetectionSummary",
        "ErrorBody",
    ] {
        assert!(
            document["components"]["schemas"][schema].is_object(),
            "{schema}"
        );
    }
}
