use super::claims::{claimed, failure, granted};
use super::racing::{RACERS, race};
use super::samples::{LEASE, at, claim, current, detection, stored_file, unique, uploaded_file};
use crate::audio_files::{AudioFile, AudioFileStatus, Lease};
use crate::store::{Claim, SharedStore};
use crate::time::Timestamp;

/// Races claims at a moment and checks that one is granted and that the others are told who has it.
async fn race_claims(store: &SharedStore, file: &AudioFile, now: Timestamp, attempts: u32) {
    let claims = race(|number| {
        let (store, request) = (store.clone(), claim(file, &format!("racer {number}"), now));
        async move { (request.holder.clone(), claimed(&store, &request).await) }
    })
    .await;
    let mut winners = Vec::new();
    for (holder, claim) in claims {
        match claim {
            Claim::Granted(file) => winners.push((holder, *file)),
            other => assert_eq!(other, Claim::Busy { until: now + LEASE }),
        }
    }
    assert_eq!(
        winners.len(),
        1,
        "of {RACERS} racing claims so many were granted"
    );
    let (holder, held) = winners.remove(0);
    assert_eq!(
        held.lease,
        Some(Lease {
            holder,
            expires_at: now + LEASE
        })
    );
    assert_eq!(held.attempts, attempts);
    assert_eq!(current(store, file).await, held);
}

pub(super) async fn of_racing_claims_exactly_one_is_granted(store: SharedStore) {
    let owner = unique("owner");
    race_claims(&store, &stored_file(&store, &owner, at(0)).await, at(1), 1).await;
    race_claims(
        &store,
        &uploaded_file(&store, &owner, at(0)).await,
        at(1),
        1,
    )
    .await;
}

pub(super) async fn of_racing_takeovers_exactly_one_is_granted(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    granted(&store, &claim(&file, "dead", at(0))).await;
    race_claims(&store, &file, at(0) + LEASE, 2).await;
}

pub(super) async fn a_file_is_finished_once_however_many_try(store: SharedStore) {
    let file = uploaded_file(&store, &unique("owner"), at(0)).await;
    granted(&store, &claim(&file, "holder", at(0))).await;
    let finished = race(|number| {
        let (store, file) = (store.clone(), file.clone());
        async move {
            let now = at(1);
            match number % 3 {
                0 => {
                    let summary = detection(&file.owner, &file.id, now).summary;
                    store
                        .complete_audio_file(&file.id, "holder", &summary, now)
                        .await
                }
                1 => {
                    store
                        .fail_audio_file(&file.id, "holder", &failure(), now)
                        .await
                }
                _ => store.release_audio_file(&file.id, "holder").await,
            }
            .expect("a store that answers")
        }
    })
    .await;
    assert_eq!(
        finished.iter().filter(|done| **done).count(),
        1,
        "{finished:?}"
    );
    let file = current(&store, &file).await;
    assert_eq!(file.lease, None);
    assert_eq!(
        file.detection.is_some(),
        file.status == AudioFileStatus::Completed
    );
    assert_eq!(
        file.failure.is_some(),
        file.status == AudioFileStatus::Failed
    );
}
