use super::samples::{LEASE, at, claim, current, detection, stored_file, unique, uploaded_file};
use crate::audio_files::{AudioFile, AudioFileStatus, Failure, Lease};
use crate::store::{Claim, ClaimRequest, SharedStore};

pub(super) async fn claimed(store: &SharedStore, request: &ClaimRequest) -> Claim {
    store
        .claim_audio_file(request)
        .await
        .expect("a store that answers")
}

pub(super) async fn granted(store: &SharedStore, request: &ClaimRequest) -> AudioFile {
    match claimed(store, request).await {
        Claim::Granted(file) => *file,
        other => panic!("{other:?} instead of a grant to {}", request.holder),
    }
}

pub(super) fn failure() -> Failure {
    Failure {
        code: "undecodable_audio".to_owned(),
        message: "The file is no recording.".to_owned(),
    }
}

pub(super) async fn an_object_without_a_file_is_unknown(store: SharedStore) {
    let file = super::samples::file(&unique("owner"), at(0));
    assert_eq!(
        claimed(&store, &claim(&file, "holder", at(0))).await,
        Claim::Unknown
    );
    assert_eq!(
        store
            .audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers"),
        None
    );
}

pub(super) async fn a_claim_takes_the_object_as_the_request_describes_it(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let request = claim(&file, "holder", at(5));
    let expected = AudioFile {
        status: AudioFileStatus::Processing,
        size: Some(request.size),
        object_version: Some(request.object_version.clone()),
        lease: Some(Lease {
            holder: "holder".to_owned(),
            expires_at: at(5) + LEASE,
        }),
        attempts: 1,
        processing_at: Some(at(5)),
        ..file.clone()
    };
    assert_ne!(expected.size, file.size, "the sample's size changes");
    assert_eq!(granted(&store, &request).await, expected);
    assert_eq!(current(&store, &file).await, expected);
}

pub(super) async fn a_claim_may_come_before_the_upload_is_noted(store: SharedStore) {
    let file = stored_file(&store, &unique("owner"), at(0)).await;
    let claimed = granted(&store, &claim(&file, "holder", at(5))).await;
    assert_eq!(
        (claimed.status, claimed.uploaded_at),
        (AudioFileStatus::Processing, Some(at(5)))
    );
    store
        .mark_uploaded(&file.id, 1, at(6))
        .await
        .expect("a store that answers");
    assert_eq!(current(&store, &file).await, claimed);
}

async fn noting_again_changes_nothing(store: &SharedStore, file: &AudioFile) {
    store
        .mark_uploaded(&file.id, 7, at(99))
        .await
        .expect("a store that answers");
    assert_eq!(current(store, file).await, *file);
}

pub(super) async fn an_upload_is_noted_once_and_moves_no_file_backwards(store: SharedStore) {
    let owner = unique("owner");
    let big = (1 << 53) + 1;
    let file = stored_file(&store, &owner, at(0)).await;
    store
        .mark_uploaded(&file.id, big, at(1))
        .await
        .expect("a store that answers");
    let uploaded = AudioFile {
        status: AudioFileStatus::Uploaded,
        size: Some(big),
        uploaded_at: Some(at(1)),
        ..file.clone()
    };
    assert_eq!(current(&store, &file).await, uploaded);

    noting_again_changes_nothing(&store, &uploaded).await;
    let processing = granted(&store, &claim(&file, "holder", at(2))).await;
    noting_again_changes_nothing(&store, &processing).await;
    let summary = detection(&owner, &file.id, at(3)).summary;
    assert!(
        store
            .complete_audio_file(&file.id, "holder", &summary, at(3))
            .await
            .expect("a store that answers")
    );
    noting_again_changes_nothing(&store, &current(&store, &file).await).await;

    let failed = uploaded_file(&store, &owner, at(0)).await;
    granted(&store, &claim(&failed, "holder", at(2))).await;
    assert!(
        store
            .fail_audio_file(&failed.id, "holder", &failure(), at(3))
            .await
            .expect("a store that answers")
    );
    noting_again_changes_nothing(&store, &current(&store, &failed).await).await;

    store
        .mark_uploaded(&unique("nothing"), 7, at(99))
        .await
        .expect("a file that is not there is no error");
}

pub(super) async fn while_a_lease_is_live_the_file_is_busy(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let held = granted(&store, &claim(&file, "holder", at(0))).await;
    let just_before_the_end = at(0) + LEASE - chrono::TimeDelta::milliseconds(1);
    for now in [at(0), at(1), just_before_the_end] {
        assert_eq!(
            claimed(&store, &claim(&file, "late", now)).await,
            Claim::Busy {
                until: at(0) + LEASE
            }
        );
    }
    assert_eq!(current(&store, &file).await, held);
}

pub(super) async fn a_lease_is_over_at_its_end(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let first = granted(&store, &claim(&file, "first", at(0))).await;
    let end = at(0) + LEASE;
    let second = granted(
        &store,
        &ClaimRequest {
            object_version: "43".to_owned(),
            ..claim(&file, "second", end)
        },
    )
    .await;
    let expected = AudioFile {
        object_version: Some("43".to_owned()),
        lease: Some(Lease {
            holder: "second".to_owned(),
            expires_at: end + LEASE,
        }),
        attempts: 2,
        processing_at: Some(end),
        ..first
    };
    assert_eq!(second, expected);
    assert_eq!(
        claimed(&store, &claim(&file, "third", end)).await,
        Claim::Busy { until: end + LEASE }
    );
}

async fn can_do_nothing(store: &SharedStore, file: &AudioFile, holder: &str) {
    let (before, now) = (current(store, file).await, at(500));
    let summary = detection(&file.owner, &file.id, now).summary;
    assert!(
        !store
            .complete_audio_file(&file.id, holder, &summary, now)
            .await
            .expect("a store that answers")
    );
    assert!(
        !store
            .fail_audio_file(&file.id, holder, &failure(), now)
            .await
            .expect("a store that answers")
    );
    assert!(
        !store
            .release_audio_file(&file.id, holder)
            .await
            .expect("a store that answers")
    );
    assert_eq!(current(store, file).await, before, "{holder} changed it");
}

pub(super) async fn a_former_holder_can_do_nothing_to_the_file(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let summary = detection(&file.owner, &file.id, at(1)).summary;
    can_do_nothing(&store, &file, "nobody").await;
    granted(&store, &claim(&file, "first", at(0))).await;
    can_do_nothing(&store, &file, "nobody").await;
    granted(&store, &claim(&file, "second", at(0) + LEASE)).await;
    can_do_nothing(&store, &file, "first").await;
    assert!(
        store
            .release_audio_file(&file.id, "second")
            .await
            .expect("a store that answers")
    );
    can_do_nothing(&store, &file, "second").await;
    granted(&store, &claim(&file, "third", at(90))).await;
    can_do_nothing(&store, &file, "second").await;
    assert!(
        store
            .complete_audio_file(&file.id, "third", &summary, at(91))
            .await
            .expect("a store that answers")
    );
    can_do_nothing(&store, &file, "third").await;
}

pub(super) async fn a_lease_that_nobody_took_over_still_serves(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let held = granted(&store, &claim(&file, "slow", at(0))).await;
    let summary = detection(&file.owner, &file.id, at(1)).summary;
    let late = at(1) + LEASE;
    assert!(
        store
            .complete_audio_file(&file.id, "slow", &summary, late)
            .await
            .expect("a store that answers")
    );
    let expected = AudioFile {
        status: AudioFileStatus::Completed,
        detection: Some(summary),
        lease: None,
        finished_at: Some(late),
        ..held
    };
    assert_eq!(current(&store, &file).await, expected);
}

pub(super) async fn a_finished_file_stays_finished(store: SharedStore) {
    let owner = unique("owner");
    let completed = uploaded_file(&store, &owner, at(0)).await;
    granted(&store, &claim(&completed, "holder", at(1))).await;
    let summary = detection(&owner, &completed.id, at(2)).summary;
    assert!(
        store
            .complete_audio_file(&completed.id, "holder", &summary, at(2))
            .await
            .expect("a store that answers")
    );

    let failed = uploaded_file(&store, &owner, at(0)).await;
    let held = granted(&store, &claim(&failed, "holder", at(1))).await;
    assert!(
        store
            .fail_audio_file(&failed.id, "holder", &failure(), at(2))
            .await
            .expect("a store that answers")
    );
    let expected = AudioFile {
        status: AudioFileStatus::Failed,
        failure: Some(failure()),
        lease: None,
        finished_at: Some(at(2)),
        ..held
    };
    assert_eq!(current(&store, &failed).await, expected);

    for file in [completed, failed] {
        let finished = current(&store, &file).await;
        let again = claimed(&store, &claim(&file, "late", at(1000))).await;
        assert_eq!(again, Claim::Finished(Box::new(finished.clone())));
        assert_eq!(current(&store, &file).await, finished);
    }
}

pub(super) async fn a_released_file_is_claimed_again_at_once(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let held = granted(&store, &claim(&file, "first", at(1))).await;
    assert!(
        store
            .release_audio_file(&file.id, "first")
            .await
            .expect("a store that answers")
    );
    let released = AudioFile {
        status: AudioFileStatus::Uploaded,
        lease: None,
        ..held
    };
    assert_eq!(current(&store, &file).await, released);

    let again = granted(&store, &claim(&file, "second", at(1))).await;
    assert_eq!((again.attempts, again.uploaded_at), (2, file.uploaded_at));
}

pub(super) async fn values_are_kept_literally(store: SharedStore) {
    // What a database's update language might take for a field, a variable or an operator.
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    let request = ClaimRequest {
        object_version: "$$ROOT".to_owned(),
        ..claim(&file, "$owner", at(1))
    };
    let held = granted(&store, &request).await;
    assert_eq!(held.object_version.as_deref(), Some("$$ROOT"));
    assert_eq!(
        held.lease.map(|lease| lease.holder).as_deref(),
        Some("$owner")
    );
    let failure = Failure {
        code: "$size".to_owned(),
        message: "$$NOW {\"$gt\": 1}".to_owned(),
    };
    assert!(
        store
            .fail_audio_file(&file.id, "$owner", &failure, at(2))
            .await
            .expect("a store that answers")
    );
    assert_eq!(current(&store, &file).await.failure, Some(failure));
}
