use super::samples::{LEASE, at, claim, current, detection, stored_file, unique, uploaded_file};
use crate::audio_files::Failure;
use crate::store::{AudioFileFilter, Claim, DetectionFilter, PageRequest, Recorded, SharedStore};

const EVERYTHING: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

pub(super) async fn nobody_sees_another_owners_files(store: SharedStore) {
    let file = stored_file(&store, &unique("owner"), at(0)).await;
    // A name that begins with the owner's must not reach into her records either.
    for other in [
        unique("other"),
        format!("{}x", file.owner),
        file.owner[..file.owner.len() - 1].to_owned(),
    ] {
        assert_eq!(
            store
                .audio_file(&other, &file.id)
                .await
                .expect("a store that answers"),
            None
        );
        let list = store
            .audio_files(&other, &AudioFileFilter::default(), &EVERYTHING)
            .await;
        assert_eq!(list.expect("a store that answers").items, []);
        let filter = AudioFileFilter {
            status: Some(file.status),
        };
        let list = store.audio_files(&other, &filter, &EVERYTHING).await;
        assert_eq!(list.expect("a store that answers").items, []);
    }
}

pub(super) async fn nobody_deletes_another_owners_file(store: SharedStore) {
    let file = stored_file(&store, &unique("owner"), at(0)).await;
    assert!(
        !store
            .delete_audio_file(&unique("other"), &file.id)
            .await
            .expect("a store that answers")
    );
    assert_eq!(current(&store, &file).await, file);
}

pub(super) async fn a_deleted_file_is_gone_and_its_claim_with_it(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let granted = store
        .claim_audio_file(&claim(&file, "holder", at(1)))
        .await
        .expect("a store that answers");
    assert!(matches!(granted, Claim::Granted(_)), "{granted:?}");

    assert!(
        store
            .delete_audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers")
    );
    assert!(
        !store
            .delete_audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers"),
        "deleted twice"
    );

    assert_eq!(
        store
            .audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers"),
        None
    );
    assert_eq!(
        store
            .audio_file_by_object_key(&file.object_key)
            .await
            .expect("a store that answers"),
        None
    );
    let list = store
        .audio_files(&file.owner, &AudioFileFilter::default(), &EVERYTHING)
        .await;
    assert_eq!(list.expect("a store that answers").items, []);
    let unfinished = store
        .unfinished_audio_files(at(2) + LEASE, usize::MAX)
        .await;
    assert!(
        unfinished
            .expect("a store that answers")
            .iter()
            .all(|other| other.id != file.id)
    );

    let failure = Failure {
        code: "no_speech".to_owned(),
        message: String::new(),
    };
    let summary = detection(&file.owner, &file.id, at(2)).summary;
    assert!(
        !store
            .complete_audio_file(&file.id, "holder", &summary, at(2))
            .await
            .expect("a store that answers")
    );
    assert!(
        !store
            .fail_audio_file(&file.id, "holder", &failure, at(2))
            .await
            .expect("a store that answers")
    );
    assert!(
        !store
            .release_audio_file(&file.id, "holder")
            .await
            .expect("a store that answers")
    );
    assert_eq!(
        store
            .audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers"),
        None
    );
    let unknown = store
        .claim_audio_file(&claim(&file, "next", at(3)))
        .await
        .expect("a store that answers");
    assert_eq!(unknown, Claim::Unknown);
}

pub(super) async fn nobody_sees_another_owners_detections(store: SharedStore) {
    let detection = detection(&unique("owner"), &unique("file"), at(0));
    assert_eq!(
        store
            .record_detection(&detection)
            .await
            .expect("a store that answers"),
        Recorded::New
    );
    let other = unique("other");
    assert_eq!(
        store
            .detection(&other, &detection.summary.id)
            .await
            .expect("a store that answers"),
        None
    );
    for filter in [
        DetectionFilter::default(),
        DetectionFilter {
            audio_file_id: Some(detection.audio_file_id.clone()),
            ..DetectionFilter::default()
        },
        DetectionFilter {
            classification: Some(detection.summary.classification),
            ..DetectionFilter::default()
        },
    ] {
        let list = store
            .detections(&other, &filter, &EVERYTHING)
            .await
            .expect("a store that answers");
        assert_eq!(list.items, [], "{filter:?}");
    }
}
