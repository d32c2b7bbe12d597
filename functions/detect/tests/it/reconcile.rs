//! The reconcile run: what events and workers left behind.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bonafide_core::audio_files::AudioFile;
use bonafide_core::audio_files::AudioFileStatus::{
    AwaitingUpload, Completed, Failed, Processing, Uploaded,
};
use bonafide_core::events::StorageEvent;
use bonafide_core::store::{Claim, ClaimRequest};
use bonafide_core::time::now;
use chrono::TimeDelta;
use futures::TryStreamExt;

use crate::support::House;
use crate::support::recordings::voice;
use crate::support::stores::{Fragile, Outages};

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

async fn unfinished(house: &House) -> Vec<StorageEvent> {
    house.events.unfinished().try_collect().await.unwrap()
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
    let untold = house.awaiting_for(TimeDelta::seconds(61), "u1").await;
    house.put(&untold, &voice(2.0)).await;
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
async fn an_upload_of_the_last_minute_is_its_uploaders() {
    let house = House::new();
    let file = house.awaiting_for(TimeDelta::seconds(30), "u1").await;
    house.put(&file, &voice(1.0)).await;
    assert_eq!(house.events.reconcile().await.unwrap(), 0);
    assert_eq!(house.file(&file).await.status, AwaitingUpload);
}

#[tokio::test]
async fn an_upload_that_never_happened_is_given_up_after_an_hour() {
    let house = House::new();
    let young = house.awaiting_for(TimeDelta::minutes(59), "u1").await;
    let old = house.awaiting_for(TimeDelta::minutes(61), "u1").await;
    assert_eq!(unfinished(&house).await, []);
    assert_eq!(house.file(&young).await.status, AwaitingUpload);
    let expired = house.file(&old).await;
    assert_eq!(expired.status, Failed);
    assert_eq!(expired.failure.unwrap().code, "upload_expired");
    // It was neither uploaded nor tried.
    assert_eq!((expired.uploaded_at, expired.attempts), (None, 0));
}

#[tokio::test]
async fn any_number_of_announced_uploads_keeps_nobody_else_waiting() {
    let house = House::new();
    for _ in 0..1001 {
        house
            .awaiting_for(TimeDelta::minutes(30), "a flood of announcements")
            .await;
    }
    let unmarked = house.awaiting_for(TimeDelta::minutes(2), "u1").await;
    let unmarked_event = house.put(&unmarked, &voice(1.0)).await;
    let (marked, marked_event) = house.uploaded("u1", &voice(1.0)).await;
    house
        .store
        .mark_uploaded(&marked.id, marked_event.size.unwrap(), now())
        .await
        .unwrap();
    // The one that is known to have arrived is first, however young.
    assert_eq!(unfinished(&house).await, [marked_event, unmarked_event]);
    assert_eq!(house.events.reconcile().await.unwrap(), 2);
    for file in [&marked, &unmarked] {
        assert_eq!(house.file(file).await.status, Completed);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn an_object_that_cannot_be_looked_at_keeps_nobody_else_waiting() {
    let house = House::new();
    let mut healthy = Vec::new();
    for minutes in [5, 3] {
        let file = house.awaiting_for(TimeDelta::minutes(minutes), "u1").await;
        house.put(&file, &voice(1.0)).await;
        healthy.push(file);
    }
    let old = house.awaiting_for(TimeDelta::minutes(90), "u1").await;
    // The oldest of its kind, and one in the middle.
    let marked = house.awaiting_for(TimeDelta::minutes(6), "u1").await;
    house
        .store
        .mark_uploaded(&marked.id, 5, now())
        .await
        .unwrap();
    let awaiting = house.awaiting_for(TimeDelta::minutes(4), "u1").await;
    for poisoned in [&marked, &awaiting] {
        house.poison(poisoned);
        assert!(house.bucket.head(&poisoned.object_key).await.is_err());
    }

    assert_eq!(house.events.reconcile().await.unwrap(), 2);
    for file in &healthy {
        assert_eq!(house.file(file).await.status, Completed);
    }
    assert_eq!(house.file(&old).await.status, Failed);
    assert_eq!(house.file(&marked).await.status, Uploaded);
    assert_eq!(house.file(&awaiting).await.status, AwaitingUpload);
}

#[tokio::test]
async fn what_must_come_again_comes_again_within_the_run() {
    let outages = Arc::new(Outages::default());
    let house = House::with(&[], |inner| {
        let outages = Arc::clone(&outages);
        Arc::new(Fragile { inner, outages })
    });
    let file = house.awaiting_for(TimeDelta::minutes(2), "u1").await;
    house.put(&file, &voice(1.0)).await;
    outages.look_ups.store(1, Ordering::SeqCst);
    assert_eq!(house.events.reconcile().await.unwrap(), 1);
    assert_eq!(house.file(&file).await.status, Completed);
}

#[tokio::test]
async fn runs_side_by_side_make_no_second_detection() {
    let house = House::new();
    for _ in 0..6 {
        let file = house.awaiting_for(TimeDelta::minutes(2), "u1").await;
        house.put(&file, &voice(1.0)).await;
    }
    let runs = [house.events.reconcile(), house.events.reconcile()];
    for run in futures::future::join_all(runs).await {
        run.unwrap();
    }
    assert_eq!(house.detections_of("u1").await.len(), 6);
    assert_eq!(unfinished(&house).await, []);
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
    let file = house.awaiting_for(TimeDelta::minutes(2), "u1").await;
    let event = house.put(&file, &voice(1.0)).await;
    assert_eq!(unfinished(&house).await, [event]);
}
