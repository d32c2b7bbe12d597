use super::racing::race;
use super::samples::{at, detection, unique};
use crate::detections::Detection;
use crate::store::{DetectionFilter, PageRequest, Recorded, SharedStore};

pub(super) async fn the_first_detection_stays(store: SharedStore) {
    let first = detection(&unique("owner"), &unique("file"), at(0));
    let second = Detection {
        score: 0.75,
        explanation: "another".to_owned(),
        created_at: at(1),
        ..first.clone()
    };
    assert_eq!(
        store
            .record_detection(&first)
            .await
            .expect("a store that answers"),
        Recorded::New
    );
    let again = store
        .record_detection(&second)
        .await
        .expect("a store that answers");
    assert_eq!(again, Recorded::Existing(Box::new(first.clone())));
    let found = store
        .detection(&first.owner, &first.summary.id)
        .await
        .expect("a store that answers");
    assert_eq!(found, Some(first));
}

pub(super) async fn of_racing_detections_one_is_new_and_all_see_it(store: SharedStore) {
    let sample = detection(&unique("owner"), &unique("file"), at(0));
    let records = race(|number| {
        // Deliveries of one event agree on the id; how long each took they cannot agree on.
        let mut mine = sample.clone();
        mine.processing_time = number as f64;
        let store = store.clone();
        async move {
            (
                store
                    .record_detection(&mine)
                    .await
                    .expect("a store that answers"),
                mine,
            )
        }
    })
    .await;
    let (new, existing): (Vec<_>, Vec<_>) = records
        .into_iter()
        .partition(|(record, _)| *record == Recorded::New);
    let [(_, winner)] = &new[..] else {
        panic!("{} of the racing detections are new", new.len())
    };
    for (record, _) in existing {
        assert_eq!(record, Recorded::Existing(Box::new(winner.clone())));
    }
    let request = PageRequest {
        limit: 10,
        after: None,
    };
    let list = store
        .detections(&sample.owner, &DetectionFilter::default(), &request)
        .await;
    assert_eq!(
        list.expect("a store that answers").items,
        std::slice::from_ref(winner)
    );
}
