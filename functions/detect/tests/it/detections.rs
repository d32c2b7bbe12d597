//! A user's detections over HTTP.

use bonafide_detect::Outcome;
use serde_json::{Value, json};

use crate::support::House;
use crate::support::recordings::voice;

const PATH: &str = "/api/v1/detections";

/// A house in which `u1` has three detections and `u2` has one; their ids, newest first.
async fn house_with_detections() -> (House, Vec<String>, String) {
    let house = House::new();
    for owner in ["u1", "u2", "u1", "u1"] {
        let (_, event) = house.uploaded(owner, &voice(1.5)).await;
        assert_eq!(house.events.handle(&event).await, Outcome::Done);
    }
    let ids = |detections: Vec<bonafide_core::detections::Detection>| -> Vec<String> {
        detections
            .into_iter()
            .map(|detection| detection.summary.id)
            .collect()
    };
    let (mine, others) = (
        ids(house.detections_of("u1").await),
        ids(house.detections_of("u2").await),
    );
    (house, mine, others[0].clone())
}

fn ids(body: &Value) -> Vec<String> {
    body["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn a_detection_is_shown_as_it_was_stored() {
    let (house, mine, _) = house_with_detections().await;
    let stored = house
        .store
        .detection("u1", &mine[0])
        .await
        .unwrap()
        .unwrap();
    let answer = house.get_as("u1", &format!("{PATH}/{}", mine[0])).await;
    assert_eq!(answer.status, 200, "{}", answer.text);
    let body = answer.json();
    assert_eq!(
        body,
        json!({
            "id": stored.summary.id,
            "audio_file_id": stored.audio_file_id,
            "is_deepfake": stored.summary.is_deepfake,
            "classification": stored.summary.classification,
            "confidence_score": stored.summary.confidence_score,
            "inconclusive": stored.summary.inconclusive,
            "score": stored.score,
            "log_likelihood_ratio": stored.log_likelihood_ratio,
            "segments": stored.segments,
            "features": stored.features,
            "explanation": stored.explanation,
            "audio": stored.audio,
            "model": stored.model,
            "processing_time": stored.processing_time,
            "created_at": stored.created_at,
        })
    );
    assert!(body["features"]["voice_features"].is_object());
}

#[tokio::test]
async fn nobody_sees_the_detections_of_others() {
    let (house, mine, others) = house_with_detections().await;
    let answer = house.get_as("u1", &format!("{PATH}/{others}")).await;
    assert_eq!(answer.error(), (404, "detection_not_found".to_owned()));
    for id in ["unknown", "%ff"] {
        let answer = house.get_as("u1", &format!("{PATH}/{id}")).await;
        assert_eq!(answer.error(), (404, "detection_not_found".to_owned()));
    }
    assert_eq!(ids(&house.get_as("u1", PATH).await.json()), mine);
    assert_eq!(ids(&house.get_as("u2", PATH).await.json()), [others]);
    assert_eq!(
        house.get_as("u3", PATH).await.json(),
        json!({ "items": [], "next_cursor": null })
    );
}

#[tokio::test]
async fn pages_follow_each_other_without_gap_or_repetition() {
    let (house, mine, _) = house_with_detections().await;
    let first = house.get_as("u1", &format!("{PATH}?limit=2")).await.json();
    let cursor = first["next_cursor"].as_str().unwrap();
    let second = house
        .get_as("u1", &format!("{PATH}?limit=2&cursor={cursor}"))
        .await
        .json();
    assert_eq!([ids(&first), ids(&second)].concat(), mine);
    assert_eq!(second["next_cursor"], Value::Null);
}

#[tokio::test]
async fn lists_can_be_narrowed_to_a_file_or_a_verdict() {
    let (house, mine, _) = house_with_detections().await;
    let one = house
        .store
        .detection("u1", &mine[1])
        .await
        .unwrap()
        .unwrap();
    let of_file = house
        .get_as("u1", &format!("{PATH}?audio_file_id={}", one.audio_file_id))
        .await
        .json();
    assert_eq!(ids(&of_file), [mine[1].clone()]);
    let word = json!(one.summary.classification);
    let mut found = 0;
    for verdict in ["AI_GENERATED", "HUMAN"] {
        let body = house
            .get_as("u1", &format!("{PATH}?classification={verdict}"))
            .await
            .json();
        assert!(
            body["items"]
                .as_array()
                .unwrap()
                .iter()
                .all(|item| item["classification"] == verdict)
        );
        assert_eq!(ids(&body).contains(&mine[1]), word == verdict);
        found += ids(&body).len();
    }
    assert_eq!(found, mine.len());
}

#[tokio::test]
async fn wrong_queries_and_missing_tokens_are_refused() {
    let house = House::new();
    let answer = house
        .get_as(
            "u1",
            &format!("{PATH}?limit=0&cursor=x&classification=MAYBE"),
        )
        .await;
    assert_eq!(answer.error(), (422, "validation_error".to_owned()));
    let body = answer.json();
    let places: Vec<&Value> = body["detail"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["loc"])
        .collect();
    assert_eq!(
        places,
        [
            &json!(["query", "limit"]),
            &json!(["query", "cursor"]),
            &json!(["query", "classification"])
        ]
    );
    for path in [PATH, "/api/v1/detections/any"] {
        let answer = house.get(path).await;
        assert_eq!(answer.error(), (401, "not_authenticated".to_owned()));
        assert_eq!(answer.headers["www-authenticate"], "Bearer");
    }
}
