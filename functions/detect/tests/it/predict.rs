//! The prediction contract between services, and where it does not fetch from.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::routing::get;
use bonafide_core::config::{Config, Environment};
use bonafide_core::runtime;
use bonafide_detect::State;
use serde_json::json;

use crate::support::recordings::{silence, voice};
use crate::support::{Answer, House};

const PATH: &str = "/api/predict";

async fn predict(house: &House, url: &str) -> Answer {
    house
        .post(
            PATH,
            json!({ "audio_url": url, "audio_type": "audio/wav" }).to_string(),
        )
        .await
}

/// A host with recordings, its `host:port`, and how often it was asked.
async fn host() -> (String, Arc<AtomicUsize>) {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let endless = || async {
        let zeros = bytes::Bytes::from_static(&[0; 1024 * 1024]);
        Body::from_stream(futures::stream::repeat_with(move || {
            Ok::<_, std::convert::Infallible>(zeros.clone())
        }))
    };
    let routes = Router::new()
        .route("/voice.wav", get(|| async { voice(2.0) }))
        .route("/silence.wav", get(|| async { silence(2.0) }))
        .route(
            "/text",
            get(|| async { "no recording at all, only a few words of text" }),
        )
        .route("/empty", get(|| async { "" }))
        .route("/endless", get(endless))
        .route(
            "/announced",
            get(|| async { vec![0_u8; 10 * 1024 * 1024 + 1] }),
        )
        .route("/forbidden", get(|| async { StatusCode::FORBIDDEN }))
        .route(
            "/redirect",
            get(|| async { (StatusCode::FOUND, [(header::LOCATION, "/voice.wav")]) }),
        )
        .layer(axum::middleware::from_fn(
            move |request: axum::extract::Request, next: axum::middleware::Next| {
                counter.fetch_add(1, Ordering::SeqCst);
                next.run(request)
            },
        ));
    let listener = runtime::listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    tokio::spawn(runtime::serve(listener, routes, std::future::pending()));
    (address, asked)
}

fn house_that_allows(hosts: &str) -> House {
    House::with(&[("PREDICT_ALLOWED_HOSTS", hosts)], |store| store)
}

#[tokio::test]
async fn a_signed_url_of_the_bucket_is_read_and_judged() {
    let house = House::new();
    let (file, _) = house.uploaded("u1", &voice(3.0)).await;
    let answer = predict(&house, &house.signed_url(&file).await).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert!(body["is_deepfake"].is_boolean());
    assert!((0.0..=1.0).contains(&body["confidence_score"].as_f64().unwrap()));
    for group in ["spectral_features", "temporal_features", "voice_features"] {
        assert!(body["features"][group].is_object(), "{body}");
    }
    assert!(body["processing_time"].as_f64().unwrap() > 0.0);
}

#[tokio::test]
async fn the_buckets_own_urls_need_their_signature() {
    let house = House::new();
    let (file, _) = house.uploaded("u1", &voice(2.0)).await;
    let (other, _) = house.uploaded("u2", &voice(2.0)).await;
    let signed = house.signed_url(&file).await;
    let unsigned = signed.split('?').next().unwrap();
    for url in [
        unsigned.to_owned(),
        signed.replace(&file.object_key, &other.object_key),
        format!("{signed}0"),
    ] {
        let answer = predict(&house, &url).await;
        assert_eq!(
            answer.error(),
            (400, "audio_url_not_allowed".to_owned()),
            "{url}"
        );
    }
    house.bucket.delete(&file.object_key).await.unwrap();
    assert_eq!(
        predict(&house, &signed).await.error(),
        (502, "audio_fetch_failed".to_owned())
    );
}

#[tokio::test]
async fn a_configured_host_is_fetched_from() {
    let (address, asked) = host().await;
    let house = house_that_allows(&address);
    let answer = predict(&house, &format!("http://{address}/voice.wav")).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let answer = predict(&house, &format!("http://{address}/silence.wav")).await;
    assert_eq!(
        (
            answer.status.as_u16(),
            answer.json()["inconclusive"].clone()
        ),
        (200, json!("no_speech"))
    );
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn what_a_host_sends_is_held_to_the_limits() {
    let (address, _) = host().await;
    let house = house_that_allows(&address);
    for (path, status, code) in [
        ("text", 415, "unsupported_audio"),
        ("empty", 400, "empty_audio"),
        ("endless", 413, "audio_too_large"),
        ("announced", 413, "audio_too_large"),
        ("forbidden", 502, "audio_fetch_failed"),
        ("nothing-there", 502, "audio_fetch_failed"),
    ] {
        let answer = predict(&house, &format!("http://{address}/{path}")).await;
        assert_eq!(answer.error(), (status, code.to_owned()), "{path}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (address, asked) = host().await;
    let house = house_that_allows(&address);
    let answer = predict(&house, &format!("http://{address}/redirect")).await;
    assert_eq!(answer.error(), (502, "audio_fetch_failed".to_owned()));
    assert_eq!(asked.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_host_that_does_not_listen_is_told_without_internals() {
    let listener = runtime::listen("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let answer = predict(&house_that_allows(&address), &format!("http://{address}/a")).await;
    assert_eq!(answer.error(), (502, "audio_fetch_failed".to_owned()));
    assert!(
        !answer.text.contains("127.0.0.1") && !answer.text.contains("os error"),
        "{}",
        answer.text
    );
}

#[tokio::test]
async fn no_url_leads_to_any_other_place() {
    let (address, asked) = host().await;
    let port = address.split(':').nth(1).unwrap();
    let house = house_that_allows("cdn.example, cdn.example:8443");
    for url in [
        format!("http://{address}/voice.wav"),
        format!("http://localhost:{port}/voice.wav"),
        format!("http://2130706433:{port}/voice.wav"),
        format!("http://0x7f000001:{port}/voice.wav"),
        format!("http://0177.0.0.1:{port}/voice.wav"),
        format!("http://127.1:{port}/voice.wav"),
        format!("http://0:{port}/voice.wav"),
        format!("http://[::1]:{port}/voice.wav"),
        format!("http://[::ffff:127.0.0.1]:{port}/voice.wav"),
        format!("http://[::ffff:7f00:1]:{port}/voice.wav"),
        format!("http://cdn.example@{address}/voice.wav"),
        format!("http://cdn.example:8443@{address}/voice.wav"),
        format!("http://cdn.example%2f@{address}/voice.wav"),
        format!("http://{address}/voice.wav?cdn.example"),
        format!("http://{address}#@cdn.example/"),
        format!("http://{address}\\@cdn.example/"),
        "http://user:password@cdn.example/voice.wav".to_owned(),
        "http://cdn.example:9000/voice.wav".to_owned(),
        "http://cdn.example.evil.example/voice.wav".to_owned(),
        "http://evil-cdn.example/voice.wav".to_owned(),
        "http://169.254.169.254/computeMetadata/v1/".to_owned(),
        "http://[fd00:ec2::254]/latest/meta-data/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://100.64.0.1/".to_owned(),
        "http://[64:ff9b::7f00:1]/".to_owned(),
        "http://[2002:7f00:1::]/".to_owned(),
        "http://8.8.8.8/".to_owned(),
        "https://storage.googleapis.com/another-bucket/audio/u/f".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://cdn.example/a.wav".to_owned(),
        "gs://bucket/audio/u/f".to_owned(),
        "data:audio/wav;base64,AAAA".to_owned(),
        "gopher://cdn.example/".to_owned(),
    ] {
        let answer = predict(&house, &url).await;
        assert_eq!(
            answer.error(),
            (400, "audio_url_not_allowed".to_owned()),
            "{url}: {}",
            answer.text
        );
    }
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn only_services_with_a_key_may_ask_and_only_for_audio() {
    let house = House::new();
    let keyless = Request::post(PATH)
        .header("content-type", "application/json")
        .body(Body::from("{}"))
        .unwrap();
    assert_eq!(
        house.send(keyless).await.error(),
        (401, "api_key_missing".to_owned())
    );

    let partner = House::with(
        &[("API_KEYS", "partner-key"), ("SERVICE_KEYS", "service-key")],
        |store| store,
    );
    let request = Request::post(PATH)
        .header("content-type", "application/json")
        .header("x-api-key", "partner-key");
    let answer = partner.send(request.body(Body::from("{}")).unwrap()).await;
    assert_eq!(answer.error(), (403, "api_key_invalid".to_owned()));

    for audio_type in ["text/html", "video/ogg", "audio", "audio/", "image/audio"] {
        let body =
            json!({ "audio_url": "https://cdn.example/a", "audio_type": audio_type }).to_string();
        assert_eq!(
            house.post(PATH, body).await.error(),
            (415, "unsupported_media_type".to_owned()),
            "{audio_type}"
        );
    }
    let answer = house
        .post(
            PATH,
            json!({ "audio_url": "not an url", "audio_type": 1 }).to_string(),
        )
        .await;
    assert_eq!(answer.error(), (422, "validation_error".to_owned()));
    assert_eq!(
        answer.json()["detail"][0]["loc"],
        json!(["body", "audio_url"])
    );
    assert_eq!(answer.json()["detail"][1]["type"], "type_error.str");
}

#[tokio::test]
async fn types_under_which_speech_is_recorded_are_audio() {
    let (address, _) = host().await;
    let house = house_that_allows(&address);
    for audio_type in [
        "audio/mpeg",
        "AUDIO/WAV",
        "audio/ogg; codecs=opus",
        "video/webm",
        "video/mp4",
        "application/octet-stream",
    ] {
        let body = json!({ "audio_url": format!("http://{address}/silence.wav"), "audio_type": audio_type });
        assert_eq!(
            house.post(PATH, body.to_string()).await.status,
            200,
            "{audio_type}"
        );
    }
}

#[tokio::test]
async fn a_configured_host_that_is_no_host_stops_the_start() {
    let lookup =
        |name: &str| (name == "PREDICT_ALLOWED_HOSTS").then(|| "https://cdn.example/".to_owned());
    let config = Config::read(lookup, Environment::Development).unwrap();
    let house = House::new();
    let refused = State::new(&config, house.store.clone(), house.bucket.clone());
    assert!(
        refused
            .err()
            .unwrap()
            .to_string()
            .starts_with("PREDICT_ALLOWED_HOSTS")
    );
}
