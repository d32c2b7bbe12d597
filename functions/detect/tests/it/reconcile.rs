//! The reconcile run: what events and workers left behind.

use std::time::Duration;

use bonafide_core::audio_files::AudioFile;
use bonafide_core::audio_files::AudioFileStatus::{AwaitingUpload, Completed, Failed, Processing};
use bonafide_core::store::{Claim, ClaimRequest};
use bonafide_core::time::now;
use chrono::TimeDelta;

use crate::support::House;
use crate::support::recordings::voice;

async fn claim(house: &House, file: &AudioFile, seconds_ago: i64) {
    let request = ClaimRequest {
        object_key: file.object_key.clone(),
        object_version: "1".to_owned(),
        size: 1,
        holder: "another worker".to_owned(),
        now: now() - TimeDelta::seconds(seconds_ago),
        lease: Duration::from_secs(120),
    };
    assert!(matches!(
        house.store.claim_audio_file(&request).await.unwrap(),
        Claim::Granted(_)
    ));
}

#[tokio::test]
async fn recordings_whose_event_never_came_are_analysed() {
    let house = House::new();
    let (told, event) = house.uploaded("u1", &voice(2.0)).await;
    house
        .store
        .mark_uploaded(&told.id, event.size.unwrap(), now())
        .await
        .unwrap();
    let (untold, _) = house.uploaded("u1", &voice(2.0)).await;
    let (abandoned, _) = house.uploaded("u1", &voice(2.0)).await;
    claim(&house, &abandoned, 200).await;

    assert_eq!(house.events.reconcile().await.unwrap(), 3);
    for file in [&told, &untold, &abandoned] {
        assert_eq!(house.file(file).await.status, Completed);
    }
    assert_eq!(house.detections_of("u1").await.len(), 3);
    assert_eq!(house.events.reconcile().await.unwrap(), 0);
}

#[tokio::test]
async fn what_is_still_under_way_is_left_alone() {
    let house = House::new();
    let awaiting = house.awaiting("u1").await;
    let (worked_on, _) = house.uploaded("u1", &voice(1.0)).await;
    claim(&house, &worked_on, 10).await;
    assert_eq!(house.events.reconcile().await.unwrap(), 0);
    assert_eq!(house.file(&awaiting).await.status, AwaitingUpload);
    assert_eq!(house.file(&worked_on).await.status, Processing);
}

#[tokio::test]
async fn an_upload_that_never_happened_is_given_up_after_a_day() {
    let house = House::new();
    let mut files = Vec::new();
    for minutes in [24 * 60 - 1, 24 * 60 + 1] {
        let file = AudioFile::new(
            "u1",
            "a.wav",
            "audio/wav",
            Some(5),
            now() - TimeDelta::minutes(minutes),
        );
        house.store.create_audio_file(&file).await.unwrap();
        files.push(file);
    }
    assert!(house.events.unfinished().await.unwrap().is_empty());
    assert_eq!(house.file(&files[0]).await.status, AwaitingUpload);
    let expired = house.file(&files[1]).await;
    assert_eq!(expired.status, Failed);
    assert_eq!(expired.failure.unwrap().code, "upload_expired");
}

#[tokio::test]
async fn an_uploaded_file_whose_object_is_gone_is_failed() {
    let house = House::new();
    let (file, event) = house.uploaded("u1", &voice(1.0)).await;
    house
        .store
        .mark_uploaded(&file.id, event.size.unwrap(), now())
        .await
        .unwrap();
    house.bucket.delete(&file.object_key).await.unwrap();
    assert_eq!(house.events.reconcile().await.unwrap(), 1);
    assert_eq!(
        house.file(&file).await.failure.unwrap().code,
        "object_missing"
    );
}

#[tokio::test]
async fn unfinished_files_give_the_events_that_their_bucket_would_send() {
    let house = House::new();
    let (_, event) = house.uploaded("u1", &voice(1.0)).await;
    assert_eq!(house.events.unfinished().await.unwrap(), [event]);
}
