//! Five processes, a MongoDB and a folder as the bucket: everything that `bonafide serve` does, the way clouds run it.

use std::path::PathBuf;

use mongodb::Client;
use serde_json::json;
use tempfile::TempDir;

use crate::api::{Api, SECRET, items};
use crate::bucket::files_below;
use crate::event::{object_written, post};
use crate::journey::{self, text};
use crate::process::{Server, free_port, mongodb_uri};
use crate::recordings::{Recording, Speaker, WAV};

const PARTNER_KEY: &str = "partner-key-of-the-tests";
const SERVICE_KEY: &str = "service-key-of-the-tests";
const EVENT_TOKEN: &str = "event-token-of-the-tests";
const BUCKET: &str = "recordings";

/// The functions of one house, each in a process of its own.
struct Functions {
    api: Api,
    database: mongodb::Database,
    folder: TempDir,
    variables: Vec<(&'static str, String)>,
    /// Dropped, and so ended, with the house.
    servers: Vec<(&'static str, u16, Server)>,
}

/// The five as one API.
fn api_of(address: impl Fn(&str) -> String) -> Api {
    let places = vec![
        ("/", address("health")),
        ("/api/v1/token", address("token")),
        ("/api/v1/users", address("users")),
        ("/api/v1/audio-files", address("upload")),
        ("/api/v1/objects", address("upload")),
        ("/api/v1/detect", address("detect")),
        ("/api/v1/ml-service-health", address("detect")),
        ("/api/predict", address("detect")),
        ("/events", address("detect")),
    ];
    Api::routed(places, PARTNER_KEY, SERVICE_KEY)
}

impl Functions {
    async fn start() -> Self {
        let uri = mongodb_uri();
        let folder = tempfile::tempdir().unwrap();
        let name = format!("bonafide_test_{}_{}", std::process::id(), free_port());
        let ports = ["token", "users", "upload", "detect", "health"]
            .map(|function| (function, free_port()));
        let address = |function: &str| {
            let (_, port) = ports
                .iter()
                .find(|(known, _)| *known == function)
                .expect("one of the five");
            format!("http://127.0.0.1:{port}")
        };
        let variables = vec![
            ("ENVIRONMENT", "production".to_owned()),
            ("MONGODB_URI", uri.clone()),
            ("MONGODB_DATABASE", name.clone()),
            (
                "STORAGE_URL",
                format!("file://{}", folder.path().join(BUCKET).display()),
            ),
            ("PUBLIC_URL", address("upload")),
            ("DETECT_EVENTS_URL", format!("{}/events", address("detect"))),
            ("ML_SERVICE_URL", address("detect")),
            ("EVENT_TOKEN", EVENT_TOKEN.to_owned()),
            ("SECRET_KEY", SECRET.to_owned()),
            ("API_KEYS", format!("another-key,{PARTNER_KEY}")),
            ("SERVICE_KEYS", SERVICE_KEY.to_owned()),
        ];
        let database = Client::with_uri_str(&uri).await.unwrap().database(&name);
        let mut house = Self {
            api: api_of(address),
            database,
            folder,
            variables,
            servers: Vec::new(),
        };
        for (function, port) in ports {
            house.start_function(function, port);
        }
        house
    }

    fn start_function(&mut self, function: &'static str, port: u16) {
        let variables: Vec<(&str, &str)> = self
            .variables
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        let server = Server::function(function, port, self.folder.path(), &variables);
        self.servers.push((function, port, server));
    }

    /// The API to a caller who has no connection yet.
    fn new_api(&self) -> Api {
        api_of(|function| {
            let (.., server) = self
                .servers
                .iter()
                .find(|(known, ..)| *known == function)
                .expect("one of the five");
            server.address.clone()
        })
    }

    /// Kills a function; its port.
    fn kill(&mut self, function: &str) -> u16 {
        let place = self
            .servers
            .iter()
            .position(|(known, ..)| *known == function);
        let (_, port, server) = self.servers.remove(place.expect("one of the five"));
        server.kill();
        port
    }

    fn stored_objects(&self) -> Vec<PathBuf> {
        files_below(&self.folder.path().join(BUCKET))
    }

    /// The last step of a test that went well; after another the database stays, to be looked at.
    async fn remove(self) {
        self.database.drop().await.unwrap();
    }
}

#[tokio::test]
async fn five_functions_take_somebody_from_sign_up_to_verdict() {
    let house = Functions::start().await;
    journey::through_the_server(&house.api).await;
    assert!(!house.stored_objects().is_empty());
    house.remove().await;
}

#[tokio::test]
async fn five_functions_take_a_recording_by_a_signed_url() {
    let house = Functions::start().await;
    journey::through_a_signed_url(&house.api).await;
    house.remove().await;
}

#[tokio::test]
async fn five_functions_answer_partners_in_the_same_call() {
    let house = Functions::start().await;
    journey::synchronously(&house.api).await;
    house.remove().await;
}

#[tokio::test]
async fn five_functions_list_in_pages() {
    let house = Functions::start().await;
    journey::in_pages(&house.api).await;
    house.remove().await;
}

#[tokio::test]
async fn the_health_function_tells_how_the_detect_function_is() {
    let house = Functions::start().await;
    let health = house.api.get("/health").await.expect(200);
    assert_eq!(
        health,
        json!({ "status": "healthy", "version": "1.0.0", "model_loaded": true })
    );
    let service = house.api.get("/api/v1/ml-service-health").await.expect(200);
    assert_eq!(
        (&service["status"], &service["model_loaded"]),
        (&json!("healthy"), &json!(true))
    );
    house.remove().await;
}

#[tokio::test]
async fn storage_events_come_only_from_who_knows_the_token() {
    let house = Functions::start().await;
    let event = object_written(BUCKET, "audio/x/y", 1);
    post(&house.api, None, &event)
        .await
        .expect_error(401, "not_authenticated");
    let refused = post(&house.api, Some("a-guess"), &event).await;
    assert!([401, 403].contains(&refused.status), "{refused:?}");
    // A user's token opens nothing here.
    let ada = house.api.signed_up("ada").await;
    let refused = post(&house.api, Some(ada.token()), &event).await;
    assert!([401, 403].contains(&refused.status), "{refused:?}");
    house.remove().await;
}

#[tokio::test]
async fn an_event_for_an_object_that_is_not_ours_is_acknowledged_and_changes_nothing() {
    let house = Functions::start().await;
    let ada = house.api.signed_up("ada").await;
    let recording = Speaker::Human.mp3();
    let granted = ada.upload_grant(&recording).await;
    let before = ada.get("/api/v1/audio-files").await.expect(200);
    let stranger = house.folder.path().join(BUCKET).join("audio/stranger");
    std::fs::create_dir_all(&stranger).unwrap();
    std::fs::write(stranger.join("recording"), &recording.bytes).unwrap();

    for (bucket, key) in [
        ("another-bucket", "audio/stranger/recording"),
        (BUCKET, "audio/stranger/recording"),
        (BUCKET, "backups/recording.mp3"),
        (BUCKET, "audio/..%2F..%2Fetc%2Fpasswd"),
        (BUCKET, "nothing"),
    ] {
        let event = object_written(bucket, key, recording.bytes.len());
        post(&house.api, Some(EVENT_TOKEN), &event)
            .await
            .expect(204);
    }
    post(
        &house.api,
        Some(EVENT_TOKEN),
        &json!({ "Event": "s3:TestEvent", "Bucket": BUCKET }),
    )
    .await
    .expect(204);

    assert_eq!(ada.get("/api/v1/audio-files").await.expect(200), before);
    assert!(items(&ada.get("/api/v1/detections").await.expect(200)).is_empty());
    assert_eq!(house.stored_objects(), [stranger.join("recording")]);
    // And the one that is ours still works.
    ada.put(&granted["upload"], &recording.bytes)
        .await
        .expect(200);
    assert_eq!(
        ada.finished(text(&granted["id"])).await["status"],
        "completed"
    );
    house.remove().await;
}

#[tokio::test]
async fn the_same_event_again_makes_no_second_detection() {
    let house = Functions::start().await;
    let ada = house.api.signed_up("ada").await;
    let recording = Speaker::EspeakNg.mp3();
    let granted = ada.upload_grant(&recording).await;
    let key = text(&granted["upload"]["url"])
        .split('?')
        .next()
        .unwrap()
        .split_once("/objects/")
        .unwrap()
        .1;
    let event = object_written(BUCKET, key, recording.bytes.len());
    ada.put(&granted["upload"], &recording.bytes)
        .await
        .expect(200);
    // While it is analysed the event is told to come back; after that it is done.
    let mut tries = 0;
    while post(&house.api, Some(EVENT_TOKEN), &event).await.status == 503 {
        tries += 1;
        assert!(tries < 600, "busy for ever");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(
        ada.finished(text(&granted["id"])).await["status"],
        "completed"
    );
    for _ in 0..3 {
        post(&house.api, Some(EVENT_TOKEN), &event)
            .await
            .expect(204);
    }
    assert_eq!(
        items(&ada.get("/api/v1/detections").await.expect(200)).len(),
        1
    );
    house.remove().await;
}

#[tokio::test]
async fn what_is_no_storage_event_is_refused_for_good() {
    let house = Functions::start().await;
    for event in [
        json!({}),
        json!([]),
        json!({ "Records": [{ "eventName": "ObjectCreated:Put" }] }),
    ] {
        let refused = post(&house.api, Some(EVENT_TOKEN), &event).await;
        assert_eq!(refused.status, 400, "{event}: {refused:?}");
    }
    house.remove().await;
}

/// How many recordings the detect function takes in line, and more.
const MORE_THAN_THE_LINE: usize = 90;

#[tokio::test]
async fn five_functions_lose_no_upload_of_more_at_once_than_the_line_takes() {
    let mut house = Functions::start().await;
    let ada = house.api.signed_up("ada").await;
    let speech = Speaker::Human.speech().to_str().unwrap();
    let recording = Recording::made(
        "seconds.wav",
        WAV.content_type,
        &["-i", speech, "-t", "3", "-c:a", "pcm_s16le"],
    );
    // All events wait for it, and come at once when it is back.
    let detect = house.kill("detect");
    let mut uploads = tokio::task::JoinSet::new();
    for _ in 0..MORE_THAN_THE_LINE {
        let (ada, recording) = (ada.clone(), recording.clone());
        uploads.spawn(async move { ada.upload(&recording).await.expect(201) });
    }
    let files = uploads.join_all().await;
    // Longer than a few hurried attempts last.
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    house.start_function("detect", detect);
    for file in files {
        let file = ada.finished(text(&file["id"])).await;
        assert_eq!(file["status"], "completed", "{file}");
    }
    house.remove().await;
}

#[tokio::test]
async fn an_upload_whose_announcer_died_is_found_when_the_detect_function_starts() {
    let mut house = Functions::start().await;
    let ada = house.api.signed_up("ada").await;
    let detect = house.kill("detect");
    let file = ada.upload(&Speaker::Human.mp3()).await.expect(201);
    // With it dies the only one who would have told the detect function.
    let upload = house.kill("upload");
    house.start_function("upload", upload);
    house.start_function("detect", detect);
    let ada = house.new_api().with_token(ada.token());
    assert_eq!(ada.finished(text(&file["id"])).await["status"], "completed");
    house.remove().await;
}
