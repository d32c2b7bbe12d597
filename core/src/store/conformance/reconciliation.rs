use std::collections::HashSet;

use super::samples::{LEASE, at, claim, current, detection, stored_file, unique, uploaded_file};
use crate::audio_files::{AudioFile, AudioFileStatus, Failure};
use crate::store::{Claim, Page, PageRequest, SharedStore};
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

async fn unfinished(store: &SharedStore, now: Timestamp, limit: usize) -> Vec<AudioFile> {
    store
        .unfinished_audio_files(now, limit)
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

pub(super) async fn exactly_the_files_that_wait_for_a_worker_are_unfinished_oldest_first(
    store: SharedStore,
) {
    let owner = unique("owner");
    let now = then(1000);

    let claimed_and_live = uploaded_file(&store, &owner, then(1)).await;
    claim_it(&store, &claimed_and_live, then(999)).await;
    let awaiting = stored_file(&store, &owner, then(0)).await;
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
    let uploaded = uploaded_file(&store, &owner, then(5)).await;
    let lease_ended = uploaded_file(&store, &owner, then(6)).await;
    claim_it(&store, &lease_ended, then(10)).await;
    let uploaded_just_now = uploaded_file(&store, &owner, then(1000)).await;

    let all = unfinished(&store, now, usize::MAX).await;
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

    delete(&store, &[&claimed_and_live, &awaiting, &completed, &failed]).await;
    delete(&store, &expected).await;
}

pub(super) async fn unfinished_files_are_no_more_than_asked_for(store: SharedStore) {
    let owner = unique("owner");
    let mut files = Vec::new();
    for _ in 0..7 {
        // All of one moment: the limit must not lose any of them for good once the first are done.
        files.push(uploaded_file(&store, &owner, then(0)).await);
    }
    let now = then(100);
    assert_eq!(unfinished(&store, now, 0).await, []);
    assert_eq!(unfinished(&store, now, 3).await.len(), 3);

    let mut seen = HashSet::new();
    for _ in 0..files.len() {
        let [file] = &unfinished(&store, now, 1).await[..] else {
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

async fn awaiting(store: &SharedStore, before: Timestamp, page: &PageRequest) -> Page<AudioFile> {
    store
        .awaiting_audio_files(before, page)
        .await
        .expect("a store that answers")
}

pub(super) async fn pages_of_awaiting_files_join_into_all_of_them_oldest_first(store: SharedStore) {
    let (owner, other) = (unique("owner"), unique("owner"));
    let before = then(20);
    let just_before = before - chrono::TimeDelta::milliseconds(1);
    let mut files = Vec::new();
    // Made in another order than that of their age, several of one moment, of two owners.
    for (owner, moment) in [
        (&owner, then(9)),
        (&other, just_before),
        (&owner, then(2)),
        (&owner, then(9)),
        (&other, then(9)),
        (&owner, then(1)),
    ] {
        files.push(stored_file(&store, owner, moment).await);
    }
    let not_old_enough = stored_file(&store, &owner, before).await;
    let uploaded = uploaded_file(&store, &owner, then(3)).await;
    let claimed = stored_file(&store, &owner, then(4)).await;
    claim_it(&store, &claimed, then(5)).await;

    files.sort_by_key(|file| (file.created_at, file.id.clone()));
    for limit in [1, 2, 3, 6, 100] {
        let mut request = PageRequest { limit, after: None };
        let mut seen = Vec::new();
        loop {
            let page = awaiting(&store, before, &request).await;
            assert!(page.items.len() <= limit);
            seen.extend(page.items);
            match page.next {
                Some(next) => request.after = Some(next),
                None => break,
            }
        }
        assert_eq!(seen, files, "in pages of {limit}");
    }
    // What has been seen may be gone by the next page, and the cursor may lie beyond the moment asked for.
    let first = PageRequest {
        limit: 2,
        after: None,
    };
    let page = awaiting(&store, before, &first).await;
    delete(&store, &[&files[0], &files[1]]).await;
    let request = PageRequest {
        limit: 100,
        after: page.next,
    };
    assert_eq!(awaiting(&store, before, &request).await.items, files[2..]);
    assert_eq!(awaiting(&store, then(1), &request).await.items, []);

    delete(&store, &files[2..].iter().collect::<Vec<_>>()).await;
    delete(&store, &[&not_old_enough, &uploaded, &claimed]).await;
}

pub(super) async fn an_upload_expires_without_a_claim_and_only_while_it_is_awaited(
    store: SharedStore,
) {
    let owner = unique("owner");
    let failure = Failure {
        code: "upload_expired".to_owned(),
        message: "$status".to_owned(),
    };
    let expire = async |id: &str| {
        store
            .expire_upload(id, &failure, then(50))
            .await
            .expect("a store that answers")
    };
    let awaited = stored_file(&store, &owner, then(1)).await;
    assert!(expire(&awaited.id).await);
    let expired = AudioFile {
        status: AudioFileStatus::Failed,
        failure: Some(failure.clone()),
        finished_at: Some(then(50)),
        ..awaited.clone()
    };
    assert_eq!(current(&store, &awaited).await, expired);
    assert!(!expire(&awaited.id).await, "a second time");
    assert!(!expire("nobody").await);

    let uploaded = uploaded_file(&store, &owner, then(2)).await;
    assert!(!expire(&uploaded.id).await);
    assert_eq!(current(&store, &uploaded).await, uploaded);
    let claimed = stored_file(&store, &owner, then(3)).await;
    claim_it(&store, &claimed, then(4)).await;
    let before = current(&store, &claimed).await;
    assert!(!expire(&claimed.id).await);
    assert_eq!(current(&store, &claimed).await, before);

    let request = PageRequest {
        limit: 100,
        after: None,
    };
    let left = awaiting(&store, then(50), &request).await.items;
    assert!(
        left.iter().all(|file| file.id != awaited.id),
        "off the list"
    );
    delete(&store, &[&awaited, &uploaded, &claimed]).await;
}
