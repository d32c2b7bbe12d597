use std::collections::HashSet;

use super::samples::{LEASE, at, claim, detection, stored_file, unique, uploaded_file};
use crate::audio_files::{AudioFile, Failure};
use crate::store::{Claim, SharedStore};
use crate::time::Timestamp;

/// Before all other samples, so that these come first whatever else is in the store.
const LONG_AGO: i64 = -1_000_000_000;

/// The moment so many seconds after long ago.
fn then(seconds: i64) -> Timestamp {
    at(LONG_AGO + seconds)
}

async fn claim_it(store: &SharedStore, file: &AudioFile, now: Timestamp) {
    let claim = store
        .claim_audio_file(&claim(file, "holder", now))
        .await
        .expect("a store that answers");
    assert!(matches!(claim, Claim::Granted(_)), "{claim:?}");
}

async fn unfinished(
    store: &SharedStore,
    now: Timestamp,
    awaiting_before: Timestamp,
    limit: usize,
) -> Vec<AudioFile> {
    store
        .unfinished_audio_files(now, awaiting_before, limit)
        .await
        .expect("a store that answers")
}

async fn delete(store: &SharedStore, files: &[&AudioFile]) {
    for file in files {
        assert!(
            store
                .delete_audio_file(&file.owner, &file.id)
                .await
                .expect("a store that answers")
        );
    }
}

pub(super) async fn exactly_the_files_that_wait_are_unfinished_oldest_first(store: SharedStore) {
    let owner = unique("owner");
    let (now, awaiting_before) = (then(1000), then(20));

    let claimed_and_live = uploaded_file(&store, &owner, then(1)).await;
    claim_it(&store, &claimed_and_live, then(999)).await;
    let young = stored_file(&store, &owner, awaiting_before).await;
    let completed = uploaded_file(&store, &owner, then(2)).await;
    claim_it(&store, &completed, then(10)).await;
    let summary = detection(&owner, &completed.id, then(11)).summary;
    assert!(
        store
            .complete_audio_file(&completed.id, "holder", &summary, then(11))
            .await
            .expect("an answer")
    );
    let failed = uploaded_file(&store, &owner, then(3)).await;
    claim_it(&store, &failed, then(10)).await;
    let failure = Failure {
        code: "no_speech".to_owned(),
        message: String::new(),
    };
    assert!(
        store
            .fail_audio_file(&failed.id, "holder", &failure, then(11))
            .await
            .expect("an answer")
    );

    // Made in another order than that of their age.
    let released = uploaded_file(&store, &owner, then(8)).await;
    claim_it(&store, &released, then(500)).await;
    assert!(
        store
            .release_audio_file(&released.id, "holder")
            .await
            .expect("a store that answers")
    );
    let lease_ends_now = uploaded_file(&store, &owner, then(7)).await;
    claim_it(&store, &lease_ends_now, now - LEASE).await;
    let old_and_awaiting = stored_file(
        &store,
        &owner,
        awaiting_before - chrono::TimeDelta::milliseconds(1),
    )
    .await;
    let uploaded = uploaded_file(&store, &owner, then(5)).await;
    let lease_ended = uploaded_file(&store, &owner, then(6)).await;
    claim_it(&store, &lease_ended, then(10)).await;
    let uploaded_just_now = uploaded_file(&store, &owner, then(1000)).await;

    let all = unfinished(&store, now, awaiting_before, usize::MAX).await;
    let mine: Vec<_> = all
        .iter()
        .filter(|file| file.owner == owner)
        .map(|file| file.id.as_str())
        .collect();
    let expected = [
        &uploaded,
        &lease_ended,
        &lease_ends_now,
        &released,
        &old_and_awaiting,
        &uploaded_just_now,
    ];
    assert_eq!(mine, expected.map(|file| file.id.as_str()));
    assert!(all.is_sorted_by_key(|file| file.created_at), "oldest first");
    for file in &all {
        let found = store
            .audio_file(&file.owner, &file.id)
            .await
            .expect("a store that answers");
        assert_eq!(found.as_ref(), Some(file), "whole records");
    }

    delete(&store, &[&claimed_and_live, &young, &completed, &failed]).await;
    delete(&store, &expected).await;
}

pub(super) async fn unfinished_files_are_no_more_than_asked_for(store: SharedStore) {
    let owner = unique("owner");
    let mut files = Vec::new();
    for _ in 0..7 {
        // All of one moment: the limit must not lose any of them for good once the first are done.
        files.push(uploaded_file(&store, &owner, then(0)).await);
    }
    let (now, awaiting_before) = (then(100), then(0));
    assert_eq!(unfinished(&store, now, awaiting_before, 0).await, []);
    assert_eq!(unfinished(&store, now, awaiting_before, 3).await.len(), 3);

    let mut seen = HashSet::new();
    for _ in 0..files.len() {
        let [file] = &unfinished(&store, now, awaiting_before, 1).await[..] else {
            panic!("one is asked for")
        };
        assert!(
            seen.insert(file.id.clone()),
            "{} again, although it is claimed",
            file.id
        );
        claim_it(&store, file, now).await;
    }
    assert_eq!(seen, files.iter().map(|file| file.id.clone()).collect());
    delete(&store, &files.iter().collect::<Vec<_>>()).await;
}
