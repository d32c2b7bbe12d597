//! What must not be taken: each kind of bad input gets the status and body of the contract, and leaves nothing behind.

use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use bonafide_core::auth::derive_secret;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use reqwest::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::api::{Api, DEMO_KEY, PASSWORD, SECRET, items};
use crate::bucket::files_below;
use crate::journey::{number, text};
use crate::process::Server;
use crate::recordings::{FLAC, M4A, MP3, Recording, Speaker, WAV};

const LARGEST: usize = 10 * 1024 * 1024;

/// A service to abuse, and somebody who is signed in.
struct House {
    folder: TempDir,
    server: Server,
    ada: Api,
}

impl House {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let server = Server::serve(folder.path(), &[("SECRET_KEY", SECRET)]);
        let ada = Api::of(&server).signed_up("ada").await;
        Self {
            folder,
            server,
            ada,
        }
    }

    async fn is_empty(&self, why: &str) {
        assert_eq!(
            self.ada.get("/api/v1/audio-files").await.expect(200)["items"],
            json!([]),
            "after {why}"
        );
        assert_eq!(
            self.ada.get("/api/v1/detections").await.expect(200)["items"],
            json!([]),
            "after {why}"
        );
        assert_eq!(
            files_below(&self.folder.path().join("recordings")),
            Vec::<PathBuf>::new(),
            "after {why}"
        );
    }

    /// Refused at the door: by the form, by the synchronous call, and nothing of it is kept.
    async fn refuses(&self, recording: &Recording, status: u16, code: &str) {
        self.ada.upload(recording).await.expect_error(status, code);
        self.ada.detect(recording).await.expect_error(status, code);
        self.is_empty(code).await;
    }

    /// Taken, because only decoding shows what is wrong; then failed for good, with a reason and without a detection.
    async fn fails(&self, recording: &Recording, code: &str) {
        let file = self.ada.upload(recording).await.expect(201);
        let file = self.ada.finished(text(&file["id"])).await;
        assert_eq!(
            (&file["status"], &file["detection"]),
            (&json!("failed"), &Value::Null),
            "{recording:?}: {file}"
        );
        assert_eq!(file["failure"]["code"], code, "{recording:?}: {file}");
        assert!(!text(&file["failure"]["message"]).is_empty());
        let detections = format!("/api/v1/detections?audio_file_id={}", text(&file["id"]));
        assert!(items(&self.ada.get(&detections).await.expect(200)).is_empty());
    }
}

#[tokio::test]
async fn what_is_not_audio_is_refused_by_its_content() {
    let house = House::start().await;
    let text = Recording::of_bytes(
        "text.mp3",
        MP3.content_type,
        "This is a letter, not a recording. ".repeat(100),
    );
    house.refuses(&text, 415, "unsupported_audio").await;
    let mut picture = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    picture.resize(5000, 0x5A);
    house
        .refuses(
            &Recording::of_bytes("picture.wav", WAV.content_type, picture),
            415,
            "unsupported_audio",
        )
        .await;
    let web_page = Recording::of_bytes(
        "page.mp3",
        MP3.content_type,
        "<!doctype html><title>x</title>".repeat(50),
    );
    house.refuses(&web_page, 415, "unsupported_audio").await;
}

#[tokio::test]
async fn an_empty_recording_is_refused() {
    let house = House::start().await;
    house
        .refuses(
            &Recording::of_bytes("empty.mp3", MP3.content_type, ""),
            400,
            "empty_audio",
        )
        .await;
    let wish = json!({ "filename": "empty.mp3", "content_type": "audio/mpeg", "size": 0 });
    house
        .ada
        .post("/api/v1/audio-files", &wish)
        .await
        .expect_error(400, "empty_audio");
    house.is_empty("a wish to upload nothing").await;
}

#[tokio::test]
async fn more_than_ten_megabytes_are_refused() {
    let house = House::start().await;
    let mut bytes = Speaker::Human.recording(&WAV).bytes;
    bytes.resize(LARGEST + 1, 0);
    house
        .refuses(
            &Recording::of_bytes("large.wav", WAV.content_type, bytes),
            413,
            "audio_too_large",
        )
        .await;
    let wish = json!({ "filename": "large.wav", "content_type": "audio/wav", "size": LARGEST + 1 });
    house
        .ada
        .post("/api/v1/audio-files", &wish)
        .await
        .expect_error(413, "audio_too_large");
    house.is_empty("a wish to upload too much").await;
    // Far more than any recording: refused before it is read to its end.
    let body = json!({ "audio_base64": "A".repeat(20 * 1024 * 1024), "language": "English" });
    let refused = house.ada.detect_body("/api/v1/detect", &body).await;
    assert_eq!(refused.status, 413, "{}", refused.text);
}

#[tokio::test]
async fn the_largest_recording_is_taken() {
    let house = House::start().await;
    let speech = Speaker::EspeakNg.speech().to_str().unwrap();
    // 16 bits at 16 kHz: 5 minutes and 27 seconds are a little less than 10 MiB.
    let made = [
        "-stream_loop",
        "-1",
        "-i",
        speech,
        "-t",
        "327",
        "-c:a",
        "pcm_s16le",
    ];
    let recording = Recording::made("largest.wav", WAV.content_type, &made);
    assert!(
        (LARGEST - 64 * 1024..=LARGEST).contains(&recording.bytes.len()),
        "{recording:?}"
    );
    let answer = house.ada.detect(&recording).await.expect(200);
    assert!((number(&answer["detail"]["audio"]["seconds"]) - 327.0).abs() < 0.1);
    let detection = house.ada.detection_of(&recording).await;
    assert_eq!(detection["score"], answer["detail"]["score"]);
}

#[tokio::test]
async fn a_truncated_recording_is_analysed_as_far_as_it_goes_or_fails_with_a_reason() {
    let house = House::start().await;
    let whole = Speaker::Human.mp3();
    let half = whole.cut_to(whole.bytes.len() / 2);
    let seconds = |answer: &Value| number(&answer["detail"]["audio"]["seconds"]);
    let (whole, half) = (
        house.ada.detect(&whole).await.expect(200),
        house.ada.detect(&half).await.expect(200),
    );
    assert!(
        (seconds(&half) - seconds(&whole) / 2.0).abs() < 0.5,
        "{} of {} s",
        seconds(&half),
        seconds(&whole)
    );

    // The index of an M4A is at its end; of a WAV of 30 bytes not even the format is left.
    let m4a = Speaker::Human.recording(&M4A);
    let m4a = m4a.cut_to(m4a.bytes.len() / 2);
    house
        .ada
        .detect(&m4a)
        .await
        .expect_error(400, "undecodable_audio");
    house.fails(&m4a, "undecodable_audio").await;
    let wav = Speaker::Human.recording(&WAV).cut_to(30);
    house
        .ada
        .detect(&wav)
        .await
        .expect_error(400, "undecodable_audio");
    house.fails(&wav, "undecodable_audio").await;
}

#[tokio::test]
async fn in_silence_nobody_speaks() {
    let house = House::start().await;
    let silence = Recording::made(
        "silence.mp3",
        MP3.content_type,
        &["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "5"],
    );
    let answer = house.ada.detect(&silence).await.expect(200);
    assert_eq!(
        (&answer["status"], &answer["inconclusive"]),
        (&json!("success"), &json!("no_speech")),
        "{answer}"
    );
    house.fails(&silence, "no_speech").await;
}

#[tokio::test]
async fn a_fifth_of_a_second_is_too_short_to_rely_on() {
    let house = House::start().await;
    let speech = Speaker::EspeakNg.speech().to_str().unwrap();
    let short = Recording::made(
        "short.wav",
        WAV.content_type,
        &["-ss", "0.5", "-t", "0.2", "-i", speech],
    );
    let answer = house.ada.detect(&short).await.expect(200);
    assert_eq!(answer["inconclusive"], "too_short", "{answer}");
    let file = house.ada.upload(&short).await.expect(201);
    let file = house.ada.finished(text(&file["id"])).await;
    assert_eq!(
        (&file["status"], &file["detection"]["inconclusive"]),
        (&json!("completed"), &json!("too_short")),
        "{file}"
    );
}

#[tokio::test]
async fn eleven_minutes_in_a_small_file_are_too_long() {
    let house = House::start().await;
    let silence = ["-f", "lavfi", "-i", "anullsrc=r=16000:cl=mono", "-t", "660"];
    let flac = Recording::made("long.flac", FLAC.content_type, &silence);
    let mut low_rate = silence.to_vec();
    low_rate.extend(["-b:a", "8k"]);
    let mp3 = Recording::made("long.mp3", MP3.content_type, &low_rate);
    for recording in [flac, mp3] {
        assert!(recording.bytes.len() < 1024 * 1024, "{recording:?}");
        house
            .ada
            .detect(&recording)
            .await
            .expect_error(413, "audio_too_long");
        house.fails(&recording, "audio_too_long").await;
    }
}

#[tokio::test]
async fn a_body_that_is_not_base64_or_names_no_language_is_refused_in_the_words_of_the_contract() {
    let house = House::start().await;
    let detect = async |body: Value| house.ada.detect_body("/api/v1/detect", &body).await;
    let sound = STANDARD.encode(&Speaker::Human.mp3().bytes);

    for wrong in ["not base64!", "SUQz*AAA", &format!("{}=", &sound[..1001])] {
        let refused = detect(json!({ "audio_base64": wrong, "language": "English" }))
            .await
            .expect_error(400, "invalid_base64");
        assert_eq!(refused["error"], "Invalid base64 encoding");
        assert_eq!(refused["detail"], "Failed to decode base64 audio");
    }
    detect(json!({ "audio_base64": "", "language": "English" }))
        .await
        .expect_error(400, "empty_audio");

    let refused = detect(json!({ "audio_base64": sound, "language": "Klingon" }))
        .await
        .expect_error(422, "validation_error");
    assert_eq!(
        refused["detail"],
        json!([{
            "loc": ["body", "language"],
            "msg": "unexpected value; permitted: 'Tamil', 'English', 'Hindi', 'Malayalam', 'Telugu'",
            "type": "value_error.const",
        }])
    );
    assert_eq!(refused["error"], "Validation error");

    // All complaints at once, in FastAPI's words.
    let refused = detect(json!({ "language": 7 }))
        .await
        .expect_error(422, "validation_error");
    assert_eq!(
        refused["detail"],
        json!([
            { "loc": ["body", "audio_base64"], "msg": "field required", "type": "value_error.missing" },
            { "loc": ["body", "language"], "msg": "str type expected", "type": "type_error.str" },
        ])
    );
}

#[tokio::test]
async fn malformed_bodies_and_wrong_content_types_are_refused_on_every_route_with_a_body() {
    let house = House::start().await;
    let post = async |path: &str, content_type: &'static str, body: &'static str| {
        let request = house
            .ada
            .request(Method::POST, path)
            .header("x-api-key", DEMO_KEY);
        house
            .ada
            .send(request.header("content-type", content_type).body(body))
            .await
    };
    for path in [
        "/api/v1/users",
        "/api/v1/token",
        "/api/v1/audio-files",
        "/api/v1/detect",
        "/api/predict",
    ] {
        post(path, "application/json", "{\"language\": ")
            .await
            .expect_error(400, "malformed_json");
        post(path, "application/json", "[1, 2]")
            .await
            .expect_error(422, "validation_error");
        post(path, "text/plain", "{}")
            .await
            .expect_error(415, "unsupported_media_type");
        post(path, "application/xml", "<a/>")
            .await
            .expect_error(415, "unsupported_media_type");
    }
    let form = "multipart/form-data; boundary=x";
    post("/api/v1/audio-files", form, "no boundary in here")
        .await
        .expect_error(400, "malformed_multipart");
    let refused = house
        .ada
        .upload_as(
            "recording",
            "a.mp3",
            "audio/mpeg",
            &Speaker::Human.mp3().bytes,
        )
        .await;
    assert_eq!(
        refused.expect_error(422, "validation_error")["detail"],
        json!([{ "loc": ["body", "file"], "msg": "field required", "type": "value_error.missing" }])
    );
    let sound = Speaker::Human.mp3();
    let refused = house
        .ada
        .upload_as("file", "a.mp3", "image/png", &sound.bytes)
        .await;
    assert_eq!(refused.status, 415, "{}", refused.text);
    let wish = json!({ "filename": "a.png", "content_type": "image/png", "size": 5 });
    assert_eq!(
        house.ada.post("/api/v1/audio-files", &wish).await.status,
        415
    );
    house.is_empty("malformed bodies").await;
}

#[tokio::test]
async fn wrong_accounts_are_refused_with_every_complaint_at_once() {
    let house = House::start().await;
    let sign_up = async |username: &str, email: &str, password: &str| {
        let user = json!({ "username": username, "email": email, "password": password });
        house.ada.anonymous().post("/api/v1/users", &user).await
    };
    let refused = sign_up("a!", "nobody", "short")
        .await
        .expect_error(422, "validation_error");
    let complaints: Vec<(&Value, &Value)> = refused["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|complaint| (&complaint["loc"][1], &complaint["type"]))
        .collect();
    assert!(
        complaints.contains(&(&json!("email"), &json!("value_error.email"))),
        "{refused}"
    );
    assert!(
        complaints.contains(&(&json!("password"), &json!("value_error.any_str.min_length"))),
        "{refused}"
    );
    assert!(
        complaints.iter().any(|(field, _)| *field == "username"),
        "{refused}"
    );
    let refused = sign_up("grace hopper", "grace@example.org", PASSWORD)
        .await
        .expect_error(422, "validation_error");
    assert_eq!(refused["detail"][0]["type"], "value_error.str.regex");
    let refused = sign_up("grace", "grace@example.org", &"x".repeat(129))
        .await
        .expect_error(422, "validation_error");
    assert_eq!(
        refused["detail"][0]["msg"],
        "ensure this value has at most 128 characters"
    );

    sign_up("ada", "another@example.org", PASSWORD)
        .await
        .expect_error(409, "username_taken");
    sign_up("ADA", "another@example.org", PASSWORD)
        .await
        .expect_error(409, "username_taken");
    sign_up("another", "ada@example.org", PASSWORD)
        .await
        .expect_error(409, "email_taken");
    sign_up("another", "Ada@Example.org", PASSWORD)
        .await
        .expect_error(409, "email_taken");

    for (username, password) in [
        ("ada", "a wrong password"),
        ("nobody-at-all", PASSWORD),
        ("ada", ""),
    ] {
        let answer = house
            .ada
            .post(
                "/api/v1/token",
                &json!({ "username": username, "password": password }),
            )
            .await;
        if !password.is_empty() {
            assert_eq!(answer.header("www-authenticate"), "Bearer");
            assert_eq!(answer.body["error"], "Incorrect username or password");
            answer.expect_error(401, "invalid_credentials");
        } else {
            assert!([401, 422].contains(&answer.status), "{}", answer.text);
        }
    }
    // The refused were not half made: the names are still free.
    house.ada.anonymous().signed_up("another").await;
}

#[tokio::test]
async fn one_of_many_who_sign_up_at_once_with_one_name_gets_it() {
    let house = House::start().await;
    let mut racing = tokio::task::JoinSet::new();
    for racer in 0..8 {
        let api = house.ada.anonymous();
        racing.spawn(async move {
            let email = format!("racer{racer}@example.org");
            api.post(
                "/api/v1/users",
                &json!({ "username": "racer", "email": email, "password": PASSWORD }),
            )
            .await
            .status
        });
    }
    let mut statuses = racing.join_all().await;
    statuses.sort_unstable();
    assert_eq!(statuses, [201, 409, 409, 409, 409, 409, 409, 409]);
}

#[tokio::test]
async fn without_a_good_token_nothing_is_shown_or_taken() {
    let house = House::start().await;
    let recording = Speaker::Human.mp3();
    let good = house.ada.token();
    let parts: Vec<&str> = good.split('.').collect();
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[1]).unwrap()).unwrap();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let mut somebody_else = claims.clone();
    somebody_else["sub"] = json!("01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00");

    let tampered = format!("{}.{}.{}", parts[0], encoded(&somebody_else), parts[2]);
    let unsigned = format!(
        "{}.{}.",
        encoded(&json!({ "alg": "none", "typ": "JWT" })),
        encoded(&claims)
    );
    let unsigned_with_signature = format!(
        "{}.{}.{}",
        encoded(&json!({ "alg": "none" })),
        encoded(&claims),
        parts[2]
    );
    let by_another_key = signed(&claims, "some other key altogether");
    let mut expired = claims.clone();
    expired["exp"] = json!(claims["iat"].as_u64().unwrap() - 1);
    let expired = signed(
        &expired,
        derive_secret(&SECRET.to_owned().into(), "access-token").expose_secret(),
    );
    let mut still_good = claims.clone();
    still_good["exp"] = json!(claims["exp"].as_u64().unwrap() - 1);
    let still_good = signed(
        &still_good,
        derive_secret(&SECRET.to_owned().into(), "access-token").expose_secret(),
    );
    // So the expired one below is refused for its age alone.
    house
        .ada
        .with_token(&still_good)
        .get("/api/v1/users/me")
        .await
        .expect(200);

    let anonymous = house.ada.anonymous();
    let cases = [
        (anonymous.clone(), "not_authenticated"),
        (anonymous.with_token("not-a-token"), "invalid_token"),
        (anonymous.with_token(&tampered), "invalid_token"),
        (anonymous.with_token(&unsigned), "invalid_token"),
        (
            anonymous.with_token(&unsigned_with_signature),
            "invalid_token",
        ),
        (anonymous.with_token(&by_another_key), "invalid_token"),
        (anonymous.with_token(&expired), "token_expired"),
    ];
    let id = "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00";
    for (api, code) in cases {
        for path in [
            "/api/v1/users/me".to_owned(),
            "/api/v1/audio-files".to_owned(),
            format!("/api/v1/audio-files/{id}"),
            "/api/v1/detections".to_owned(),
            format!("/api/v1/detections/{id}"),
        ] {
            let answer = api.get(&path).await;
            assert_eq!(answer.header("www-authenticate"), "Bearer", "{path}");
            answer.expect_error(401, code);
        }
        api.upload(&recording).await.expect_error(401, code);
        let wish = json!({ "filename": "a.mp3", "content_type": "audio/mpeg", "size": 5 });
        api.post("/api/v1/audio-files", &wish)
            .await
            .expect_error(401, code);
    }
    // Another scheme is no token either.
    let basic = anonymous
        .request(Method::GET, "/api/v1/users/me")
        .header("authorization", "Basic YWRhOnB3");
    anonymous
        .send(basic)
        .await
        .expect_error(401, "not_authenticated");
    house.is_empty("uploads without a good token").await;
    assert!(
        house
            .server
            .log_text()
            .lines()
            .all(|line| !line.contains(good)),
        "a token is in the log"
    );
}

fn signed(claims: &Value, key: &str) -> String {
    jsonwebtoken::encode(
        &Header::new(Algorithm::HS256),
        claims,
        &EncodingKey::from_secret(key.as_bytes()),
    )
    .unwrap()
}

/// An answer that comes while the client is still sending must not be lost with the connection.
#[tokio::test]
async fn a_refusal_reaches_a_client_that_has_not_sent_everything_yet() {
    let house = House::start().await;
    let anonymous = house.ada.anonymous();
    let bytes = vec![0x5A; LARGEST - 1];
    for _ in 0..20 {
        let refused = anonymous
            .upload_as("file", "large.wav", "audio/wav", &bytes)
            .await;
        refused.expect_error(401, "not_authenticated");
        let nowhere = anonymous.request(Method::POST, "/nowhere");
        let refused = anonymous.send(nowhere.body(bytes.clone())).await;
        refused.expect_error(404, "not_found");
    }
}

#[tokio::test]
async fn without_a_good_key_nothing_is_analysed() {
    let house = House::start().await;
    for path in ["/api/v1/detect", "/api/predict"] {
        let missing = house
            .ada
            .post(path, &json!({}))
            .await
            .expect_error(401, "api_key_missing");
        assert_eq!(
            missing["error"],
            "API key is missing. Please provide x-api-key header."
        );
        for key in [
            "a-guess",
            "",
            "hackathon_demo_key_202",
            "hackathon_demo_key_2026 2",
        ] {
            let request = house
                .ada
                .request(Method::POST, path)
                .header("x-api-key", key)
                .json(&json!({}));
            let wrong = house
                .ada
                .send(request)
                .await
                .expect_error(403, "api_key_invalid");
            assert_eq!(wrong["error"], "Invalid API key. Access denied.");
        }
    }
}

#[tokio::test]
async fn what_is_somebody_elses_is_not_found() {
    let house = House::start().await;
    let detection = house.ada.detection_of(&Speaker::Human.mp3()).await;
    let (file, detection) = (
        text(&detection["audio_file_id"]).to_owned(),
        text(&detection["id"]).to_owned(),
    );
    let eve = house.ada.anonymous().signed_up("eve").await;
    let unknown = "01939b7c-6f0e-7d5a-9a51-3f6f3d2b1c00";
    for id in [file.as_str(), unknown, "x", "..%2F..", &"9".repeat(300)] {
        eve.get(&format!("/api/v1/audio-files/{id}"))
            .await
            .expect_error(404, "audio_file_not_found");
        eve.get(&format!("/api/v1/audio-files/{id}?wait=1"))
            .await
            .expect_error(404, "audio_file_not_found");
    }
    for id in [detection.as_str(), unknown, "x"] {
        eve.get(&format!("/api/v1/detections/{id}"))
            .await
            .expect_error(404, "detection_not_found");
    }
    assert!(items(&eve.get("/api/v1/audio-files").await.expect(200)).is_empty());
    assert!(items(&eve.get("/api/v1/detections").await.expect(200)).is_empty());
    assert!(
        items(
            &eve.get(&format!("/api/v1/detections?audio_file_id={file}"))
                .await
                .expect(200)
        )
        .is_empty()
    );
    house
        .ada
        .get(&format!("/api/v1/audio-files/{file}"))
        .await
        .expect(200);
}

#[tokio::test]
async fn unknown_paths_and_methods_are_refused_in_the_same_shape() {
    let house = House::start().await;
    for path in [
        "/nowhere",
        "/api/v1/nothing",
        "/api/v2/users",
        "/api/v1/users/me/more",
        "/.env",
    ] {
        house.ada.get(path).await.expect_error(404, "not_found");
    }
    for (method, path) in [
        (Method::DELETE, "/health"),
        (Method::PUT, "/api/v1/users"),
        (Method::GET, "/api/v1/detect"),
    ] {
        house
            .ada
            .send(house.ada.request(method, path))
            .await
            .expect_error(405, "method_not_allowed");
    }
    // A caller's own identity of the request comes back, if it is one.
    let request = house.ada.request(Method::GET, "/nowhere");
    let answer = house
        .ada
        .send(request.header("x-request-id", "call-17.b_C"))
        .await;
    assert_eq!(
        (answer.header("x-request-id"), &answer.body["request_id"]),
        ("call-17.b_C", &json!("call-17.b_C"))
    );
    let request = house.ada.request(Method::GET, "/nowhere");
    let answer = house
        .ada
        .send(request.header("x-request-id", "<script>"))
        .await;
    assert_ne!(answer.header("x-request-id"), "<script>");
}
