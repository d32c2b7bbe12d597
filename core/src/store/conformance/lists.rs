use super::samples::{at, claim, current, detection, stored_file, unique, uploaded_file};
use crate::audio_files::{AudioFile, AudioFileStatus};
use crate::detections::{Classification, Detection};
use crate::store::{
    AudioFileFilter, Cursor, DetectionFilter, Page, PageRequest, Recorded, SharedStore,
};

/// How many records a long list has; a multiple of some of the page sizes, so that a list can end with a full page.
const LONG: i64 = 24;

async fn page_of_files(
    store: &SharedStore,
    owner: &str,
    filter: &AudioFileFilter,
    limit: usize,
    after: Option<Cursor>,
) -> Page<AudioFile> {
    store
        .audio_files(owner, filter, &PageRequest { limit, after })
        .await
        .expect("a store that answers")
}

/// The pages of a list, from the first to the last.
struct Pages<T> {
    limit: usize,
    all: Vec<T>,
    /// What to ask for next; `None` after the last page.
    request: Option<PageRequest>,
}

impl<T> Pages<T> {
    fn of(limit: usize) -> Self {
        Self {
            limit,
            all: Vec::new(),
            request: Some(PageRequest { limit, after: None }),
        }
    }

    fn add(&mut self, page: Page<T>) {
        let (limit, items) = (self.limit, page.items.len());
        assert!(items <= limit, "{items} items on a page of {limit}");
        assert!(
            page.next.is_none() || items == limit,
            "a page that is not the last is full"
        );
        assert!(items > 0 || self.all.is_empty(), "a page after the last");
        self.all.extend(page.items);
        self.request = page.next.map(|next| PageRequest {
            limit,
            after: Some(next),
        });
    }
}

async fn all_files(
    store: &SharedStore,
    owner: &str,
    filter: &AudioFileFilter,
    limit: usize,
) -> Vec<AudioFile> {
    let mut pages = Pages::of(limit);
    while let Some(request) = &pages.request {
        let page = store
            .audio_files(owner, filter, request)
            .await
            .expect("a store that answers");
        pages.add(page);
    }
    pages.all
}

async fn all_detections(
    store: &SharedStore,
    owner: &str,
    filter: &DetectionFilter,
    limit: usize,
) -> Vec<Detection> {
    let mut pages = Pages::of(limit);
    while let Some(request) = &pages.request {
        let page = store
            .detections(owner, filter, request)
            .await
            .expect("a store that answers");
        pages.add(page);
    }
    pages.all
}

/// The ids of the owner's files with this status.
async fn ids(store: &SharedStore, owner: &str, status: AudioFileStatus) -> Vec<String> {
    let files = all_files(
        store,
        owner,
        &AudioFileFilter {
            status: Some(status),
        },
        2,
    )
    .await;
    files.into_iter().map(|file| file.id).collect()
}

pub(super) async fn pages_of_files_join_into_the_whole_list_newest_first(store: SharedStore) {
    let (owner, other) = (unique("owner"), unique("other"));
    let mut expected = Vec::new();
    for number in 0..LONG {
        // Several share each moment, and moments come out of order.
        expected.push(stored_file(&store, &owner, at((number * 7) % 5)).await);
        stored_file(&store, &other, at((number * 7) % 5)).await;
    }
    expected.sort_by(|a, b| (b.created_at, &b.id).cmp(&(a.created_at, &a.id)));
    for limit in [1, 3, 5, LONG as usize - 1, LONG as usize, 1000] {
        assert_eq!(
            all_files(&store, &owner, &AudioFileFilter::default(), limit).await,
            expected,
            "pages of {limit}"
        );
        let filter = AudioFileFilter {
            status: Some(AudioFileStatus::AwaitingUpload),
        };
        assert_eq!(
            all_files(&store, &owner, &filter, limit).await,
            expected,
            "filtered pages of {limit}"
        );
    }
    let none = page_of_files(&store, &owner, &AudioFileFilter::default(), 0, None).await;
    assert_eq!(
        none.items,
        expected[..1],
        "a page has room for one at least"
    );
}

pub(super) async fn pages_of_detections_join_into_the_whole_list_newest_first(store: SharedStore) {
    let (owner, other) = (unique("owner"), unique("other"));
    let mut expected = Vec::new();
    for number in 0..LONG {
        for owner in [&owner, &other] {
            let detection = detection(owner, &unique("file"), at((number * 7) % 5));
            assert_eq!(
                store
                    .record_detection(&detection)
                    .await
                    .expect("a store that answers"),
                Recorded::New
            );
            expected.push(detection);
        }
    }
    expected.retain(|detection| detection.owner == owner);
    expected.sort_by(|a, b| (b.created_at, &b.summary.id).cmp(&(a.created_at, &a.summary.id)));
    for limit in [1, 5, LONG as usize, 1000] {
        let all = all_detections(&store, &owner, &DetectionFilter::default(), limit).await;
        assert_eq!(all, expected, "pages of {limit}");
    }
}

pub(super) async fn an_owner_without_files_or_detections_has_an_empty_page(store: SharedStore) {
    let owner = unique("owner");
    let files = page_of_files(&store, &owner, &AudioFileFilter::default(), 10, None).await;
    assert_eq!((files.items, files.next), (vec![], None));
    let request = PageRequest {
        limit: 10,
        after: None,
    };
    let detections = store
        .detections(&owner, &DetectionFilter::default(), &request)
        .await;
    let detections = detections.expect("a store that answers");
    assert_eq!((detections.items, detections.next), (vec![], None));
}

pub(super) async fn a_list_neither_loses_nor_repeats_while_it_changes(store: SharedStore) {
    let owner = unique("owner");
    let everything = AudioFileFilter::default();
    let mut files = Vec::new();
    for _ in 0..6 {
        files.push(stored_file(&store, &owner, at(10)).await);
    }
    files.sort_by(|a, b| b.id.cmp(&a.id));

    let first = page_of_files(&store, &owner, &everything, 2, None).await;
    assert_eq!(first.items, files[..2]);
    // A newer file comes, the very file at which the page ended goes, and one further on changes its status.
    stored_file(&store, &owner, at(11)).await;
    assert!(
        store
            .delete_audio_file(&owner, &files[1].id)
            .await
            .expect("a store that answers")
    );
    store
        .mark_uploaded(&files[3].id, 1, at(12))
        .await
        .expect("a store that answers");
    files[3] = current(&store, &files[3]).await;

    let second = page_of_files(&store, &owner, &everything, 2, first.next).await;
    assert_eq!(second.items, files[2..4]);
    let third = page_of_files(&store, &owner, &everything, 2, second.next).await;
    assert_eq!((&third.items[..], third.next), (&files[4..], None));
}

pub(super) async fn files_are_listed_by_their_present_status(store: SharedStore) {
    let owner = unique("owner");
    let awaiting = stored_file(&store, &owner, at(0)).await;
    let mut uploaded = Vec::new();
    for second in 1..6 {
        uploaded.insert(0, uploaded_file(&store, &owner, at(second)).await.id);
    }
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::AwaitingUpload).await,
        std::slice::from_ref(&awaiting.id)
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Uploaded).await,
        uploaded
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Processing).await,
        Vec::<String>::new()
    );

    let request = claim(&awaiting, "holder", at(7));
    store
        .claim_audio_file(&request)
        .await
        .expect("a store that answers");
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::AwaitingUpload).await,
        Vec::<String>::new()
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Processing).await,
        std::slice::from_ref(&awaiting.id)
    );

    let summary = detection(&owner, &awaiting.id, at(8)).summary;
    assert!(
        store
            .complete_audio_file(&awaiting.id, "holder", &summary, at(8))
            .await
            .expect("a store that answers")
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Processing).await,
        Vec::<String>::new()
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Completed).await,
        std::slice::from_ref(&awaiting.id)
    );
    assert_eq!(
        all_files(&store, &owner, &AudioFileFilter::default(), 2)
            .await
            .len(),
        6,
        "each file once"
    );

    assert!(
        store
            .delete_audio_file(&owner, &awaiting.id)
            .await
            .expect("a store that answers")
    );
    assert_eq!(
        ids(&store, &owner, AudioFileStatus::Completed).await,
        Vec::<String>::new()
    );
}

pub(super) async fn detections_are_listed_by_file_and_by_classification(store: SharedStore) {
    let (owner, file) = (unique("owner"), unique("file"));
    let mut all = Vec::new();
    for number in 0..12 {
        let of = if number % 3 == 0 {
            file.clone()
        } else {
            unique("file")
        };
        let mut detection = detection(&owner, &of, at(number));
        if number % 2 == 0 {
            detection.summary.classification = Classification::Human;
        }
        assert_eq!(
            store
                .record_detection(&detection)
                .await
                .expect("a store that answers"),
            Recorded::New
        );
        all.insert(0, detection);
    }
    for audio_file_id in [None, Some(file)] {
        for classification in [
            None,
            Some(Classification::Human),
            Some(Classification::AiGenerated),
        ] {
            let wanted = |detection: &&Detection| {
                audio_file_id
                    .as_ref()
                    .is_none_or(|file| *file == detection.audio_file_id)
                    && classification.is_none_or(|word| word == detection.summary.classification)
            };
            let expected: Vec<Detection> = all.iter().filter(wanted).cloned().collect();
            assert!(expected.len() >= 2, "the sample has too few");
            let filter = DetectionFilter {
                audio_file_id: audio_file_id.clone(),
                classification,
            };
            for limit in [1, 2, 100] {
                assert_eq!(
                    all_detections(&store, &owner, &filter, limit).await,
                    expected,
                    "{filter:?} by {limit}"
                );
            }
        }
    }
}
