use super::samples::{at, claim, current, detection, file, stored_file, unique, user};
use crate::audio_files::{AudioFile, AudioFileStatus, Failure, Lease};
use crate::detections::{Classification, DetectionSummary};
use crate::store::{Recorded, SharedStore, StoreError, UniqueField};

pub(super) async fn every_field_of_a_user_survives(store: SharedStore) {
    let user = user();
    store.create_user(&user).await.expect("a new user");
    assert_eq!(
        store.user(&user.id).await.expect("a store that answers"),
        Some(user)
    );
}

pub(super) async fn every_field_of_a_new_file_survives(store: SharedStore) {
    let file = stored_file(&store, &unique("owner"), at(0)).await;
    assert_eq!(current(&store, &file).await, file);
}

pub(super) async fn every_field_of_a_file_survives_in_every_state(store: SharedStore) {
    let owner = unique("owner");
    let full = AudioFile {
        // More than a double holds exactly, and more than 32 bits.
        size: Some((1 << 53) + 1),
        object_version: Some("null".to_owned()),
        failure: Some(Failure {
            code: "no_speech".to_owned(),
            message: "Es spricht niemand. ☹".to_owned(),
        }),
        detection: Some(DetectionSummary {
            id: unique("detection"),
            is_deepfake: false,
            classification: Classification::Human,
            confidence_score: 0.1 + 0.7,
            inconclusive: None,
        }),
        lease: Some(Lease {
            holder: unique("holder"),
            expires_at: at(61),
        }),
        attempts: u32::MAX,
        uploaded_at: Some(at(1)),
        processing_at: Some(at(2)),
        finished_at: Some(at(3)),
        ..file(&owner, at(0))
    };
    for status in [
        AudioFileStatus::AwaitingUpload,
        AudioFileStatus::Uploaded,
        AudioFileStatus::Processing,
        AudioFileStatus::Completed,
        AudioFileStatus::Failed,
    ] {
        let fresh = file(&owner, at(0));
        let file = AudioFile {
            id: fresh.id,
            object_key: fresh.object_key,
            status,
            ..full.clone()
        };
        store.create_audio_file(&file).await.expect("a new file");
        assert_eq!(current(&store, &file).await, file);
    }
}

pub(super) async fn an_id_and_an_object_key_of_a_file_are_taken(store: SharedStore) {
    let owner = unique("owner");
    let first = stored_file(&store, &owner, at(0)).await;
    let same_id = AudioFile {
        id: first.id.clone(),
        ..file(&owner, at(1))
    };
    let same_key = AudioFile {
        object_key: first.object_key.clone(),
        ..file(&unique("other"), at(1))
    };
    for second in [same_id, same_key] {
        let refused = store.create_audio_file(&second).await;
        assert!(
            matches!(refused, Err(StoreError::Taken(UniqueField::Id))),
            "{refused:?}"
        );
    }
    assert_eq!(current(&store, &first).await, first);
    let by_key = store
        .audio_file_by_object_key(&first.object_key)
        .await
        .expect("a store that answers");
    assert_eq!(by_key, Some(first));
}

pub(super) async fn a_file_is_found_by_its_object_key(store: SharedStore) {
    let file = stored_file(&store, &unique("owner"), at(0)).await;
    let found = store
        .audio_file_by_object_key(&file.object_key)
        .await
        .expect("a store that answers");
    assert_eq!(found.as_ref(), Some(&file));
    let missing = claim(&file, "holder", at(0)).object_key + "/beside";
    assert_eq!(
        store
            .audio_file_by_object_key(&missing)
            .await
            .expect("a store that answers"),
        None
    );
}

pub(super) async fn every_field_of_a_detection_survives(store: SharedStore) {
    let owner = unique("owner");
    for inconclusive in [None, Some("too_short".to_owned())] {
        let mut detection = detection(&owner, &unique("file"), at(0));
        detection.summary.inconclusive = inconclusive;
        assert_eq!(
            store
                .record_detection(&detection)
                .await
                .expect("a store that answers"),
            Recorded::New
        );
        let found = store
            .detection(&owner, &detection.summary.id)
            .await
            .expect("a store that answers");
        assert_eq!(found.as_ref(), Some(&detection));
        // Equality takes 0.0 for -0.0, and numbers of JSON compare by kind; the text shows every digit and sign.
        let text = |value| serde_json::to_string(value).expect("JSON");
        assert_eq!(text(&found.expect("found above")), text(&detection));
    }
}

pub(super) async fn a_detection_with_a_number_that_is_not_finite_is_refused(store: SharedStore) {
    let owner = unique("owner");
    for number in [f64::INFINITY, f64::NEG_INFINITY, f64::NAN] {
        let mut ratio = detection(&owner, &unique("file"), at(0));
        ratio.log_likelihood_ratio = number;
        let mut segment = detection(&owner, &unique("file"), at(0));
        segment.segments[1].score = number;
        for detection in [ratio, segment] {
            let refused = store.record_detection(&detection).await;
            assert!(
                matches!(refused, Err(StoreError::Malformed(_))),
                "{refused:?}"
            );
            assert_eq!(
                store
                    .detection(&owner, &detection.summary.id)
                    .await
                    .expect("a store that answers"),
                None
            );
        }
    }
}
