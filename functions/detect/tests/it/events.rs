//! Storage events: at least once, out of order, and with workers that die.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bonafide_core::audio_files::AudioFileStatus::{Completed, Failed, Processing, Uploaded};
use bonafide_core::audio_files::{AudioFile, OBJECT_PREFIX};
use bonafide_core::detections::detection_id;
use bonafide_core::events::{StorageEvent, to_s3_records};
use bonafide_core::store::{Claim, ClaimRequest};
use bonafide_core::time::now;
use bonafide_detect::Outcome;
use chrono::TimeDelta;
use futures::future::join_all;

use crate::support::House;
use crate::support::recordings::{silence, silent_flac, voice};
use crate::support::stores::{Fragile, Outages};

fn is_retry(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Retry { .. })
}

/// Claims a file as a worker that then died would have, so many seconds ago.
async fn claimed_by_a_dead_worker(house: &House, event: &StorageEvent, seconds_ago: i64) {
    let request = ClaimRequest {
        object_key: event.object_key.clone(),
        object_version: event.object_version.clone(),
        size: event.size.unwrap(),
        holder: "a worker that died".to_owned(),
        now: now() - TimeDelta::seconds(seconds_ago),
        lease: Duration::from_secs(120),
    };
    assert!(matches!(
        house.store.claim_audio_file(&request).await.unwrap(),
        Claim::Granted(_)
    ));
}

fn fragile() -> (House, Arc<Outages>) {
    let outages = Arc::new(Outages::default());
    let kept = Arc::clone(&outages);
    (
        House::with(&[("EVENT_TOKEN", crate::support::EVENT_TOKEN)], |inner| {
            Arc::new(Fragile {
                inner,
                outages: kept,
            })
        }),
        outages,
    )
}

async fn assert_completed_once(house: &House, file: &AudioFile) {
    let stored = house.file(file).await;
    assert_eq!(stored.status, Completed, "{stored:?}");
    assert_eq!(stored.lease, None);
    let detections = house.detections_of(&file.owner).await;
    assert_eq!(detections.len(), 1);
    assert_eq!(stored.detection.as_ref(), Some(&detections[0].summary));
}

#[tokio::test]
async fn an_event_completes_its_file_with_a_detection() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(3.0)).await;
    let answer = house.deliver(to_s3_records(&event).to_string()).await;
    assert_eq!(answer.status, 204, "{}", answer.text);
    assert_completed_once(&house, &file).await;

    let stored = house.file(&file).await;
    assert_eq!(stored.size, event.size);
    assert_eq!(
        stored.object_version.as_deref(),
        Some(event.object_version.as_str())
    );
    assert!(stored.uploaded_at.is_some() && stored.finished_at.is_some());
    let detection = &house.detections_of("u1").await[0];
    assert_eq!(
        detection.summary.id,
        detection_id(
            house.bucket.name(),
            &file.object_key,
            &event.object_version,
            &detection.model
        )
    );
    assert_eq!(detection.audio_file_id, file.id);
    assert_eq!(detection.audio.seconds, 3.0);
    assert!(detection.processing_time > 0.0 && !detection.segments.is_empty());
}

#[tokio::test]
async fn a_second_delivery_changes_nothing() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(2.0)).await;
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    let first = house.file(&file).await;
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    assert_eq!(house.file(&file).await, first);
    assert_completed_once(&house, &file).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn deliveries_at_the_same_time_make_one_detection() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(2.0)).await;
    let outcomes = join_all((0..8).map(|_| {
        let (events, event) = (house.events.clone(), event.clone());
        async move {
            tokio::spawn(async move { events.handle(&event).await })
                .await
                .unwrap()
        }
    }))
    .await;
    assert!(outcomes.contains(&Outcome::Done), "{outcomes:?}");
    assert!(
        outcomes
            .iter()
            .all(|outcome| *outcome == Outcome::Done || is_retry(*outcome)),
        "{outcomes:?}"
    );
    assert_completed_once(&house, &file).await;
    assert_eq!(house.file(&file).await.attempts, 1);
}

#[tokio::test]
async fn an_object_that_is_not_ours_is_ignored() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    let elsewhere = StorageEvent {
        bucket: "another-bucket".to_owned(),
        ..event.clone()
    };
    let outside = StorageEvent {
        object_key: "exports/u1/f".to_owned(),
        ..event.clone()
    };
    let unknown = StorageEvent {
        object_key: format!("{OBJECT_PREFIX}u1/unknown"),
        ..event
    };
    for event in [elsewhere, outside, unknown] {
        assert_eq!(
            house.events.handle(&event).await,
            Outcome::Ignored,
            "{event:?}"
        );
        assert_eq!(
            house
                .deliver(to_s3_records(&event).to_string())
                .await
                .status,
            204
        );
    }
    assert_eq!(house.file(&file).await, file);
    assert!(house.detections_of("u1").await.is_empty());
}

#[tokio::test]
async fn what_cannot_be_analysed_fails_its_file_with_a_reason_for_good() {
    let house = House::new();
    let large = vec![0; 10 * 1024 * 1024 + 1];
    for (recording, code) in [
        (
            &b"this is a text, and by no means a recording of anybody's voice"[..],
            "unsupported_audio",
        ),
        (&voice(1.0)[..44], "undecodable_audio"),
        (b"", "empty_audio"),
        (&silence(2.0), "no_speech"),
        (&silent_flac(601), "audio_too_long"),
        (&large, "audio_too_large"),
    ] {
        let (file, event) = house.uploaded("u1", recording).await;
        assert_eq!(house.events.handle(&event).await, Outcome::Done, "{code}");
        let stored = house.file(&file).await;
        assert_eq!(
            (stored.status, stored.lease.clone()),
            (Failed, None),
            "{code}"
        );
        let failure = stored.failure.clone().unwrap();
        assert_eq!(failure.code, code);
        assert!(!failure.message.is_empty());
        assert_eq!(house.events.handle(&event).await, Outcome::Done);
        assert_eq!(house.file(&file).await, stored, "{code}: touched again");
    }
    assert!(house.detections_of("u1").await.is_empty());
}

#[tokio::test]
async fn an_object_that_is_gone_fails_its_file() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    house.bucket.delete(&file.object_key).await.unwrap();
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    assert_eq!(
        house.file(&file).await.failure.unwrap().code,
        "object_missing"
    );
}

#[tokio::test]
async fn an_event_of_a_removed_file_is_ignored() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    house.store.delete_audio_file("u1", &file.id).await.unwrap();
    assert_eq!(house.events.handle(&event).await, Outcome::Ignored);
}

#[tokio::test]
async fn a_late_event_has_the_bytes_analysed_that_are_there_now() {
    let house = House::new();
    let (file, late) = house.uploaded("u1", &silence(2.0)).await;
    let current = house.put(&file, &voice(3.0)).await;
    assert_ne!(late.object_version, current.object_version);
    assert_eq!(house.events.handle(&late).await, Outcome::Done);
    assert_completed_once(&house, &file).await;
    assert_eq!(
        house.file(&file).await.object_version,
        Some(current.object_version.clone())
    );
    let detection = &house.detections_of("u1").await[0];
    assert_eq!(
        detection.summary.id,
        detection_id(
            house.bucket.name(),
            &file.object_key,
            &current.object_version,
            &detection.model
        )
    );
}

#[tokio::test]
async fn a_file_that_somebody_works_on_is_left_alone_until_the_lease_ends() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    claimed_by_a_dead_worker(&house, &event, 60).await;
    let answer = house.deliver(to_s3_records(&event).to_string()).await;
    assert_eq!(answer.error(), (503, "busy".to_owned()));
    let seconds: u64 = answer.headers["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=61).contains(&seconds), "{seconds}");
    let stored = house.file(&file).await;
    assert_eq!((stored.status, stored.attempts), (Processing, 1));
}

#[tokio::test]
async fn a_file_whose_worker_died_is_taken_over() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(2.0)).await;
    claimed_by_a_dead_worker(&house, &event, 121).await;
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    assert_completed_once(&house, &file).await;
    assert_eq!(house.file(&file).await.attempts, 2);
}

#[tokio::test]
async fn a_detection_whose_writer_died_before_completing_the_file_is_used_and_not_made_again() {
    let (house, outages) = fragile();
    let (file, event) = house.uploaded("u1", &voice(2.0)).await;
    outages.completions.store(1, Ordering::SeqCst);
    assert!(is_retry(house.events.handle(&event).await));
    let detections = house.detections_of("u1").await;
    assert_eq!(detections.len(), 1);
    assert_eq!(house.file(&file).await.detection, None);

    // Were it made again, it would be recorded again, and the store refuses that now.
    outages.records.store(1, Ordering::SeqCst);
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    assert_completed_once(&house, &file).await;
    assert_eq!(house.detections_of("u1").await, detections);
}

#[tokio::test]
async fn an_outage_of_the_store_puts_the_event_off_and_leaves_nothing_half_done() {
    let (house, outages) = fragile();
    for outage in [&outages.look_ups, &outages.records, &outages.completions] {
        let owner = uuid::Uuid::now_v7().to_string();
        let (file, event) = house.uploaded(&owner, &voice(2.0)).await;
        house
            .store
            .mark_uploaded(&file.id, event.size.unwrap(), now())
            .await
            .unwrap();
        outage.store(1, Ordering::SeqCst);
        let answer = house.deliver(to_s3_records(&event).to_string()).await;
        assert_eq!(answer.error(), (503, "busy".to_owned()));
        let stored = house.file(&file).await;
        assert_eq!((stored.status, stored.lease), (Uploaded, None));
        assert_eq!(
            house
                .deliver(to_s3_records(&event).to_string())
                .await
                .status,
            204
        );
        assert_completed_once(&house, &file).await;
    }
}

#[tokio::test]
async fn a_claim_that_cannot_be_given_back_ends_by_itself() {
    let (house, outages) = fragile();
    let (file, event) = house.uploaded("u1", &voice(2.0)).await;
    outages.records.store(1, Ordering::SeqCst);
    outages.releases.store(1, Ordering::SeqCst);
    assert!(is_retry(house.events.handle(&event).await));
    let stored = house.file(&file).await;
    assert_eq!(stored.status, Processing);
    let Outcome::Retry { after } = house.events.handle(&event).await else {
        panic!("a live lease was not respected");
    };
    let left = stored.lease.unwrap().expires_at - now();
    assert!(
        TimeDelta::from_std(after).unwrap() > left,
        "{after:?} comes before the lease ends in {left}"
    );
}

#[tokio::test]
async fn a_recording_that_never_comes_to_an_end_is_given_up() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    for attempt in 0..20 {
        claimed_by_a_dead_worker(&house, &event, 100_000 - attempt * 1000).await;
    }
    assert_eq!(house.events.handle(&event).await, Outcome::Done);
    assert_eq!(
        house.file(&file).await.failure.unwrap().code,
        "analysis_failed"
    );
}

#[tokio::test]
async fn all_events_of_a_delivery_are_handled_and_one_that_must_come_again_brings_all_back() {
    let house = House::new();
    let (busy, busy_event) = house.uploaded("u1", &voice(1.0)).await;
    let (file, event) = house.uploaded("u2", &voice(2.0)).await;
    claimed_by_a_dead_worker(&house, &busy_event, 0).await;
    let mut delivery = to_s3_records(&busy_event);
    let other = to_s3_records(&event)["Records"][0].clone();
    delivery["Records"].as_array_mut().unwrap().push(other);
    assert_eq!(house.deliver(delivery.to_string()).await.status, 503);
    assert_completed_once(&house, &file).await;
    assert_eq!(house.file(&busy).await.status, Processing);
}
