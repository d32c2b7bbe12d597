//! The main job from sign-up to verdict, on `bonafide serve`. The same steps run on five separate functions in
//! `functions.rs`.

use serde_json::{Value, json};

use crate::api::{Api, PASSWORD, fields, items};
use crate::process::Server;
use crate::recordings::{M4A, Speaker};

#[tokio::test]
async fn somebody_signs_up_uploads_a_recording_and_reads_the_verdict() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    through_the_server(&Api::of(&server)).await;
}

#[tokio::test]
async fn a_recording_goes_straight_to_the_bucket_by_a_signed_url() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    through_a_signed_url(&Api::of(&server)).await;
}

#[tokio::test]
async fn a_partner_gets_the_verdict_in_the_same_call() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    synchronously(&Api::of(&server)).await;
}

#[tokio::test]
async fn lists_come_in_pages_newest_first_and_can_be_filtered() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    in_pages(&Api::of(&server)).await;
}

#[tokio::test]
async fn the_service_stops_by_itself_when_told_to_and_keeps_everything() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::serve(folder.path(), &[]);
    let ada = Api::of(&server).signed_up("ada").await;
    let detection = ada.detection_of(&Speaker::EspeakNg.mp3()).await;
    let status = server.stop();
    assert!(status.success(), "{status}");

    let server = Server::serve(folder.path(), &[]);
    // Signed in before, still signed in: the key that signs tokens is kept too.
    let ada = Api::of(&server).with_token(ada.token());
    assert_eq!(
        items(&ada.get("/api/v1/detections").await.expect(200)),
        &[detection]
    );
}

pub(crate) async fn through_the_server(api: &Api) {
    let created = api
        .post(
            "/api/v1/users",
            &json!({ "username": "Ada", "email": "Ada@example.org", "password": PASSWORD }),
        )
        .await
        .expect(201);
    assert_eq!(fields(&created), ["created_at", "email", "id", "username"]);

    let form = format!(
        "grant_type=password&username=Ada&password={}",
        PASSWORD.replace(' ', "+")
    );
    let by_form = api
        .post_text("/api/v1/token", "application/x-www-form-urlencoded", form)
        .await;
    let by_json = api
        .post(
            "/api/v1/token",
            &json!({ "username": "Ada@example.org", "password": PASSWORD }),
        )
        .await;
    for signed_in in [by_form, by_json] {
        let signed_in = signed_in.expect(200);
        assert_eq!(
            fields(&signed_in),
            ["access_token", "expires_in", "token_type"]
        );
        assert_eq!(
            (&signed_in["token_type"], &signed_in["expires_in"]),
            (&json!("bearer"), &json!(900))
        );
        let ada = api.with_token(signed_in["access_token"].as_str().unwrap());
        assert_eq!(ada.get("/api/v1/users/me").await.expect(200), created);
    }

    let ada = api.signed_up("ada2").await;
    assert!(items(&ada.get("/api/v1/audio-files").await.expect(200)).is_empty());

    let recording = Speaker::EspeakNg.mp3();
    let uploaded = ada.upload(&recording).await.expect(201);
    assert_eq!(fields(&uploaded), AUDIO_FILE_FIELDS);
    assert_eq!(
        (
            &uploaded["filename"],
            &uploaded["content_type"],
            &uploaded["size"]
        ),
        (
            &json!("espeak-ng.mp3"),
            &json!("audio/mpeg"),
            &json!(recording.bytes.len())
        )
    );
    assert_eq!(uploaded["status"], "uploaded");
    let file = ada.finished(uploaded["id"].as_str().unwrap()).await;
    assert_eq!(fields(&file), AUDIO_FILE_FIELDS);
    assert_eq!(
        (&file["status"], &file["failure"]),
        (&json!("completed"), &Value::Null),
        "{file}"
    );
    in_order(&file, ["created_at", "uploaded_at", "finished_at"]);

    let summary = &file["detection"];
    assert_eq!(
        fields(summary),
        [
            "classification",
            "confidence_score",
            "id",
            "inconclusive",
            "is_deepfake"
        ]
    );
    let path = format!("/api/v1/detections/{}", summary["id"].as_str().unwrap());
    let detection = ada.get(&path).await.expect(200);
    check_detection(&detection);
    assert_eq!(detection["audio_file_id"], file["id"]);
    for (name, value) in summary.as_object().unwrap() {
        assert_eq!(&detection[name], value, "{name}");
    }

    assert_eq!(
        items(&ada.get("/api/v1/audio-files").await.expect(200)),
        &[file]
    );
    assert_eq!(
        items(&ada.get("/api/v1/detections").await.expect(200)),
        &[detection]
    );
}

pub(crate) async fn through_a_signed_url(api: &Api) {
    let ada = api.signed_up("grace").await;
    let recording = Speaker::Human.recording(&M4A);
    let granted = ada.upload_grant(&recording).await;
    let mut names = AUDIO_FILE_FIELDS.to_vec();
    names.push("upload");
    names.sort_unstable();
    assert_eq!(fields(&granted), names);
    assert_eq!(
        (&granted["status"], &granted["uploaded_at"]),
        (&json!("awaiting_upload"), &Value::Null)
    );
    let upload = &granted["upload"];
    assert_eq!(fields(upload), ["expires_at", "headers", "method", "url"]);
    let file_id = granted["id"].as_str().unwrap();

    // Nothing happens before the bytes are there.
    let waiting = ada
        .get(&format!("/api/v1/audio-files/{file_id}"))
        .await
        .expect(200);
    assert_eq!(waiting["status"], "awaiting_upload");

    let stored = ada.put(upload, &recording.bytes).await;
    assert_eq!(stored.expect(200), json!({ "status": "success" }));
    let file = ada.finished(file_id).await;
    assert_eq!(
        (&file["status"], &file["size"]),
        (&json!("completed"), &json!(recording.bytes.len())),
        "{file}"
    );
    check_detection(
        &ada.get(&format!(
            "/api/v1/detections/{}",
            text(&file["detection"]["id"])
        ))
        .await
        .expect(200),
    );

    // The URL works once, and only for what it was signed for.
    ada.put(upload, &recording.bytes)
        .await
        .expect_error(409, "already_uploaded");
    let mut url = text(&upload["url"]).to_owned();
    let last = if url.ends_with('0') { "1" } else { "0" };
    url.replace_range(url.len() - 1.., last);
    let mut forged = upload.clone();
    forged["url"] = json!(url);
    ada.put(&forged, &recording.bytes)
        .await
        .expect_error(403, "invalid_signature");

    let fresh = ada.upload_grant(&recording).await;
    let mut longer = recording.bytes.clone();
    longer.push(0);
    ada.put(&fresh["upload"], &longer)
        .await
        .expect_error(413, "audio_too_large");
    let mut other_type = fresh["upload"].clone();
    for (name, value) in other_type["headers"].as_object_mut().unwrap() {
        if name.eq_ignore_ascii_case("content-type") {
            *value = json!("text/html");
        }
    }
    ada.put(&other_type, &recording.bytes)
        .await
        .expect_error(415, "unsupported_audio");
    // After all these refusals the URL is still good.
    ada.put(&fresh["upload"], &recording.bytes)
        .await
        .expect(200);
    assert_eq!(
        ada.finished(text(&fresh["id"])).await["status"],
        "completed"
    );
}

pub(crate) async fn synchronously(api: &Api) {
    use base64::Engine;
    let recording = Speaker::Flite.mp3();
    let encoded = base64::engine::general_purpose::STANDARD.encode(&recording.bytes);
    for language in ["Tamil", "English", "Hindi", "Malayalam", "Telugu"] {
        let body = json!({ "audio_base64": encoded, "language": language });
        let answer = api.detect_body("/api/v1/detect", &body).await.expect(200);
        assert_eq!(
            fields(&answer),
            [
                "classification",
                "confidenceScore",
                "explanation",
                "language",
                "status"
            ]
        );
        assert_eq!(
            (&answer["status"], &answer["language"]),
            (&json!("success"), &json!(language))
        );
        assert!(["AI_GENERATED", "HUMAN"].contains(&text(&answer["classification"])));
        is_probability(&answer["confidenceScore"]);
        assert!(!text(&answer["explanation"]).is_empty());
    }

    // As browsers and mail programs write base64, and by the other seed's names.
    let wrapped: String = encoded
        .as_bytes()
        .chunks(76)
        .flat_map(|line| [text_of(line), "\r\n"])
        .collect();
    let body = json!({
        "audioBase64": format!("data:audio/mp3;base64,{wrapped}"), "language": "English", "audioFormat": "mp3",
    });
    let answer = api
        .detect_body("/api/v1/detect?detail=full", &body)
        .await
        .expect(200);
    let detail = &answer["detail"];
    assert_eq!(
        fields(detail),
        [
            "audio",
            "features",
            "log_likelihood_ratio",
            "model",
            "processing_time",
            "score",
            "segments"
        ]
    );
    check_analysis(detail);
}

pub(crate) async fn in_pages(api: &Api) {
    let ada = api.signed_up("pages").await;
    let recording = Speaker::EspeakNg.mp3();
    let mut ids = Vec::new();
    for _ in 0..5 {
        let file = ada.upload(&recording).await.expect(201);
        ids.push(text(&file["id"]).to_owned());
    }
    let mut detections = Vec::new();
    for id in &ids {
        detections.push(text(&ada.finished(id).await["detection"]["id"]).to_owned());
    }
    let waiting = text(&ada.upload_grant(&recording).await["id"]).to_owned();

    let mut newest_first = ids.clone();
    newest_first.reverse();
    let completed = all_pages(&ada, "/api/v1/audio-files?limit=2&status=completed", 3).await;
    assert_eq!(completed, newest_first);
    let open = ada
        .get("/api/v1/audio-files?status=awaiting_upload")
        .await
        .expect(200);
    assert_eq!(items(&open)[0]["id"], json!(waiting));

    let mut listed = all_pages(&ada, "/api/v1/detections?limit=2", 3).await;
    listed.sort_unstable();
    detections.sort_unstable();
    assert_eq!(listed, detections);
    let one = ada
        .get(&format!("/api/v1/detections?audio_file_id={}", ids[0]))
        .await
        .expect(200);
    assert_eq!(items(&one)[0]["audio_file_id"], json!(ids[0]));
    let classification = text(&items(&one)[0]["classification"]);
    let other = if classification == "HUMAN" {
        "AI_GENERATED"
    } else {
        "HUMAN"
    };
    let same = ada
        .get(&format!(
            "/api/v1/detections?classification={classification}"
        ))
        .await
        .expect(200);
    assert_eq!(items(&same).len(), 5);
    let none = ada
        .get(&format!("/api/v1/detections?classification={other}"))
        .await
        .expect(200);
    assert!(items(&none).is_empty());

    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=x", "limit"),
        ("cursor=x", "cursor"),
    ] {
        for list in ["audio-files", "detections"] {
            let refused = ada
                .get(&format!("/api/v1/{list}?{query}"))
                .await
                .expect_error(422, "validation_error");
            assert_eq!(
                refused["detail"][0]["loc"],
                json!(["query", field]),
                "{refused}"
            );
        }
    }
}

/// The ids of a list, page after page.
async fn all_pages(api: &Api, list: &str, pages: usize) -> Vec<String> {
    let mut ids = Vec::new();
    let mut next = list.to_owned();
    for page in 1..=pages {
        let answer = api.get(&next).await.expect(200);
        ids.extend(
            answer["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|item| text(&item["id"]).to_owned()),
        );
        match answer["next_cursor"].as_str() {
            Some(cursor) => next = format!("{list}&cursor={cursor}"),
            None => assert_eq!(page, pages, "the last page of {list}"),
        }
    }
    ids
}

const AUDIO_FILE_FIELDS: [&str; 10] = [
    "content_type",
    "created_at",
    "detection",
    "failure",
    "filename",
    "finished_at",
    "id",
    "size",
    "status",
    "uploaded_at",
];

/// What every detection says, whatever the verdict.
pub(crate) fn check_detection(detection: &Value) {
    assert_eq!(
        fields(detection),
        [
            "audio",
            "audio_file_id",
            "classification",
            "confidence_score",
            "created_at",
            "explanation",
            "features",
            "id",
            "inconclusive",
            "is_deepfake",
            "log_likelihood_ratio",
            "model",
            "processing_time",
            "score",
            "segments",
        ]
    );
    check_analysis(detection);
    let (score, confidence) = (
        number(&detection["score"]),
        number(&detection["confidence_score"]),
    );
    let is_deepfake = detection["is_deepfake"].as_bool().unwrap();
    let stated = if is_deepfake { score } else { 1.0 - score };
    assert!((confidence - stated).abs() < 1e-9, "{detection}");
    assert_eq!(
        detection["classification"],
        if is_deepfake { "AI_GENERATED" } else { "HUMAN" }
    );
    assert!(!text(&detection["explanation"]).is_empty());
}

/// What an analysis says with everything shown.
pub(crate) fn check_analysis(analysis: &Value) {
    is_probability(&analysis["score"]);
    let (score, ratio) = (
        number(&analysis["score"]),
        number(&analysis["log_likelihood_ratio"]),
    );
    // A probability at equal odds, and its logarithm of odds.
    assert!(
        (score - 1.0 / (1.0 + (-ratio).exp())).abs() < 1e-6,
        "{analysis}"
    );
    let audio = &analysis["audio"];
    assert_eq!(
        fields(audio),
        [
            "channels",
            "codec",
            "container",
            "sample_rate_hz",
            "seconds",
            "speech_seconds"
        ]
    );
    let seconds = number(&audio["seconds"]);
    assert!(
        number(&audio["speech_seconds"]) > 0.0 && number(&audio["speech_seconds"]) <= seconds,
        "{audio}"
    );
    let segments = analysis["segments"].as_array().unwrap();
    assert!(!segments.is_empty());
    for segment in segments {
        assert_eq!(fields(segment), ["end", "score", "start"]);
        is_probability(&segment["score"]);
        let (start, end) = (number(&segment["start"]), number(&segment["end"]));
        assert!(
            0.0 <= start && start < end && end <= seconds + 0.01,
            "{segment} of {seconds} s"
        );
    }
    let features = &analysis["features"];
    assert_eq!(
        fields(features),
        ["spectral_features", "temporal_features", "voice_features"]
    );
    for group in ["spectral_features", "temporal_features", "voice_features"] {
        assert!(!fields(&features[group]).is_empty(), "{group}");
    }
    assert_eq!(fields(&analysis["model"]), ["name", "sha256", "version"]);
    assert!(number(&analysis["processing_time"]) > 0.0);
}

/// What a prediction for another service says.
pub(crate) fn fields_of_prediction(prediction: &Value) {
    let mut names = fields(prediction);
    names.retain(|name| *name != "inconclusive");
    assert_eq!(
        names,
        [
            "confidence_score",
            "features",
            "is_deepfake",
            "processing_time"
        ]
    );
    is_probability(&prediction["confidence_score"]);
    assert_eq!(
        fields(&prediction["features"]),
        ["spectral_features", "temporal_features", "voice_features"]
    );
}

pub(crate) fn is_probability(value: &Value) {
    assert!((0.0..=1.0).contains(&number(value)), "{value}");
}

#[track_caller]
pub(crate) fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("no number: {value}"))
}

#[track_caller]
pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

fn text_of(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

/// Moments in the same notation compare as text.
fn in_order(object: &Value, names: [&str; 3]) {
    let moments = names.map(|name| text(&object[name]));
    assert!(moments.is_sorted(), "{moments:?}");
}
