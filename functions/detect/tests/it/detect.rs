//! The synchronous API: every answer of the contract.

use axum::body::Body;
use axum::http::Request;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bonafide_core::config::DEMO_API_KEY;
use serde_json::{Value, json};

use crate::support::recordings::{silence, silent_flac, voice};
use crate::support::{Answer, House};

const PATH: &str = "/api/v1/detect";

async fn detect(house: &House, recording: &[u8]) -> Answer {
    house
        .post(
            PATH,
            json!({ "audio_base64": STANDARD.encode(recording), "language": "English" })
                .to_string(),
        )
        .await
}

#[tokio::test]
async fn a_voice_gets_a_verdict_in_exactly_the_words_of_the_contract() {
    let house = House::new();
    for language in ["Tamil", "English", "Hindi", "Malayalam", "Telugu"] {
        let body = json!({ "audio_base64": STANDARD.encode(voice(3.0)), "language": language });
        let answer = house.post(PATH, body.to_string()).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        let mut names: Vec<&str> = body
            .as_object()
            .unwrap()
            .keys()
            .map(String::as_str)
            .collect();
        names.retain(|name| *name != "inconclusive");
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "classification",
                "confidenceScore",
                "explanation",
                "language",
                "status"
            ]
        );
        assert_eq!(body["status"], "success");
        assert_eq!(body["language"], language);
        assert!(["AI_GENERATED", "HUMAN"].contains(&body["classification"].as_str().unwrap()));
        assert!((0.0..=1.0).contains(&body["confidenceScore"].as_f64().unwrap()));
        assert!(!body["explanation"].as_str().unwrap().is_empty());
    }
}

#[tokio::test]
async fn full_detail_agrees_with_the_verdict() {
    let house = House::new();
    let request = json!({ "audioBase64": STANDARD.encode(voice(3.0)), "language": "Hindi", "audioFormat": "WAV" });
    let answer = house
        .post("/api/v1/detect?detail=full", request.to_string())
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    let detail = &body["detail"];
    let score = detail["score"].as_f64().unwrap();
    let confidence = if body["classification"] == "AI_GENERATED" {
        score
    } else {
        1.0 - score
    };
    assert_eq!(body["confidenceScore"].as_f64().unwrap(), confidence);
    assert_eq!(detail["audio"]["container"], "wav");
    assert_eq!(detail["audio"]["sample_rate_hz"], 16_000);
    assert_eq!(detail["audio"]["channels"], 1);
    assert_eq!(detail["audio"]["seconds"], 3.0);
    assert!(!detail["segments"].as_array().unwrap().is_empty());
    for group in ["spectral_features", "temporal_features", "voice_features"] {
        assert!(detail["features"][group].is_object(), "{detail}");
    }
    assert_eq!(detail["model"]["sha256"].as_str().unwrap().len(), 64);
    assert!(detail["log_likelihood_ratio"].is_f64() && detail["processing_time"].is_f64());
}

#[tokio::test]
async fn both_spellings_line_breaks_and_a_data_prefix_give_the_same_answer() {
    let house = House::new();
    let plain = STANDARD.encode(voice(2.0));
    let wrapped = plain
        .as_bytes()
        .chunks(76)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect::<Vec<_>>()
        .join("\r\n");
    let expected = detect(&house, &voice(2.0)).await.json();
    for request in [
        json!({ "audioBase64": plain, "language": "English" }),
        json!({ "audio_base64": wrapped, "language": "English" }),
        json!({ "audio_base64": format!("data:audio/mp3;base64,{plain}"), "language": "English" }),
        json!({ "audio_base64": plain, "language": "English", "audioFormat": null, "unknown": 1 }),
    ] {
        assert_eq!(house.post(PATH, request.to_string()).await.json(), expected);
    }
}

#[tokio::test]
async fn silence_and_a_blink_of_sound_are_answered_but_not_to_be_relied_on() {
    let house = House::new();
    for (recording, reasons) in [
        (silence(2.0), ["no_speech"].as_slice()),
        (voice(0.2), &["too_short", "no_speech"]),
    ] {
        let answer = detect(&house, &recording).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let body = answer.json();
        assert!(
            reasons.contains(&body["inconclusive"].as_str().unwrap()),
            "{body}"
        );
        assert!(["AI_GENERATED", "HUMAN"].contains(&body["classification"].as_str().unwrap()));
    }
}

#[tokio::test]
async fn the_key_is_looked_at_before_the_body() {
    let house = House::new();
    for (key, status, code, sentence) in [
        (
            None,
            401,
            "api_key_missing",
            "API key is missing. Please provide x-api-key header.",
        ),
        (
            Some("wrong"),
            403,
            "api_key_invalid",
            "Invalid API key. Access denied.",
        ),
    ] {
        let mut request = Request::post(PATH);
        if let Some(key) = key {
            request = request.header("x-api-key", key);
        }
        let answer = house
            .send(request.body(Body::from("not even JSON")).unwrap())
            .await;
        assert_eq!(answer.error(), (status, code.to_owned()));
        assert_eq!(answer.json()["error"], sentence);
    }
}

#[tokio::test]
async fn a_wrong_language_is_refused_in_the_words_of_the_first_version() {
    let answer = House::new()
        .post(
            PATH,
            json!({ "audio_base64": "AAAA", "language": "French" }).to_string(),
        )
        .await;
    assert_eq!(answer.status, 422);
    assert_eq!(
        answer.json()["detail"],
        json!([{
            "loc": ["body", "language"],
            "msg": "unexpected value; permitted: 'Tamil', 'English', 'Hindi', 'Malayalam', 'Telugu'",
            "type": "value_error.const"
        }])
    );
}

#[tokio::test]
async fn all_mistakes_of_a_request_are_told_at_once() {
    let house = House::new();
    let answer = house
        .post(
            "/api/v1/detect",
            json!({ "audioFormat": "midi" }).to_string(),
        )
        .await;
    assert_eq!(answer.error(), (422, "validation_error".to_owned()));
    let body = answer.json();
    let told: Vec<(&Value, &Value)> = body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (&one["loc"][1], &one["type"]))
        .collect();
    assert_eq!(
        told,
        [
            (&json!("audio_base64"), &json!("value_error.missing")),
            (&json!("language"), &json!("value_error.missing")),
            (&json!("audioFormat"), &json!("value_error.const")),
        ]
    );
    let answer = house
        .post(
            PATH,
            json!({ "audio_base64": 7, "language": "Tamil" }).to_string(),
        )
        .await;
    assert_eq!(answer.json()["detail"][0]["type"], "type_error.str");
    let answer = house
        .post("/api/v1/detect?detail=some", json!({}).to_string())
        .await;
    assert_eq!(
        answer.json()["detail"][0]["loc"],
        json!(["query", "detail"])
    );
}

#[tokio::test]
async fn wrong_base64_is_refused_as_in_the_first_version() {
    let answer = House::new()
        .post(
            PATH,
            json!({ "audio_base64": "%%%", "language": "Tamil" }).to_string(),
        )
        .await;
    assert_eq!(answer.error(), (400, "invalid_base64".to_owned()));
    assert_eq!(answer.json()["error"], "Invalid base64 encoding");
    assert_eq!(answer.json()["detail"], "Failed to decode base64 audio");
}

#[tokio::test]
async fn what_cannot_be_analysed_is_refused_by_kind() {
    let house = House::new();
    let truncated = &voice(1.0)[..44];
    for (recording, status, code) in [
        (&b""[..], 400, "empty_audio"),
        (
            b"this is a text, and by no means a recording of anybody's voice",
            415,
            "unsupported_audio",
        ),
        (truncated, 400, "undecodable_audio"),
        (&silent_flac(601), 413, "audio_too_long"),
        (&vec![0; 10 * 1024 * 1024 + 1], 413, "audio_too_large"),
    ] {
        let answer = detect(&house, recording).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{}", answer.text);
    }
}

#[tokio::test]
async fn a_recording_just_within_the_limit_of_time_is_decoded() {
    // The same writer as for the recording that is too long: that one is refused for its length, not its format.
    let answer = detect(&House::new(), &silent_flac(599)).await;
    assert_eq!(
        answer.json()["inconclusive"],
        "no_speech",
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn a_body_that_is_not_json_or_far_too_large_is_refused() {
    let house = House::new();
    let answer = house.post(PATH, "{\"audio_base64\": ").await;
    assert_eq!(answer.error(), (400, "malformed_json".to_owned()));
    let answer = house.post(PATH, vec![b' '; 16 * 1024 * 1024 + 1]).await;
    assert_eq!(answer.error(), (413, "audio_too_large".to_owned()));
    let request = Request::post(PATH)
        .header("x-api-key", DEMO_API_KEY)
        .header("content-type", "text/plain");
    let answer = house.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.error(), (415, "unsupported_media_type".to_owned()));
    let answer = house.get(PATH).await;
    assert_eq!(answer.error(), (405, "method_not_allowed".to_owned()));
}

#[tokio::test]
async fn the_service_says_that_its_model_answers() {
    let answer = House::new().get("/api/v1/ml-service-health").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    assert_eq!(
        (&body["status"], &body["model_loaded"], &body["version"]),
        (&json!("healthy"), &json!(true), &json!("1.0.0"))
    );
    assert_eq!(body["model"]["sha256"].as_str().unwrap().len(), 64);
}
