//! The MongoDB home, on a real server.

use std::sync::Arc;

use bonafide_core::audio_files::{AudioFile, AudioFileStatus};
use bonafide_core::detections::Classification;
use bonafide_core::store::mongodb::MongoStore;
use bonafide_core::store::{
    AudioFileFilter, Cursor, DetectionFilter, PageRequest, Store, StoreError, conformance,
};
use bonafide_core::time::now;
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::{Client, Database};

use crate::samples::{processing_file, uploaded_file, user};

fn uri() -> String {
    std::env::var("MONGODB_URI").expect(
        "MONGODB_URI is not set. These tests need a real MongoDB; the project's test command, `./test`, starts one and \
         sets it",
    )
}

/// Gives `test` a database of its own, which is dropped afterwards, come what may.
async fn with_database<Running>(test: impl FnOnce(MongoStore, Database) -> Running)
where
    Running: Future<Output = ()> + Send + 'static,
{
    let name = format!("bonafide_test_{}", uuid::Uuid::now_v7().simple());
    let store = MongoStore::connect(&uri(), &name)
        .await
        .expect("MONGODB_URI names a MongoDB that answers");
    let database = Client::with_uri_str(uri()).await.unwrap().database(&name);
    let outcome = tokio::spawn(test(store, database.clone())).await;
    database.drop().await.unwrap();
    if let Err(failure) = outcome {
        std::panic::resume_unwind(failure.into_panic());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_every_promise_of_a_store() {
    with_database(|store, _| conformance::run(Arc::new(store))).await;
}

#[tokio::test]
async fn two_processes_share_one_database() {
    with_database(|store, database| async move {
        let second = MongoStore::connect(&uri(), database.name())
            .await
            .expect("indexes that are there are no error");
        store.create_user(&user("ada")).await.unwrap();
        assert!(second.user_by_login("Ada").await.unwrap().is_some());
        assert!(matches!(
            second.create_user(&user("ada")).await,
            Err(StoreError::Taken(_))
        ));
    })
    .await;
}

#[tokio::test]
async fn processes_that_start_together_agree_on_the_indexes() {
    with_database(|_, database| async move {
        database.drop().await.unwrap();
        let starting: Vec<_> = (0..8)
            .map(|_| {
                let name = database.name().to_owned();
                tokio::spawn(async move { MongoStore::connect(&uri(), &name).await.map(drop) })
            })
            .collect();
        for start in starting {
            start.await.unwrap().expect("a process that starts");
        }
    })
    .await;
}

#[tokio::test]
async fn has_its_indexes() {
    with_database(|_, database| async move {
        let mut found = Vec::new();
        for collection in ["users", "audio_files", "detections"] {
            let indexes = database.collection::<Document>(collection).list_indexes().await.unwrap();
            for index in indexes.try_collect::<Vec<_>>().await.unwrap() {
                let options = index.options.unwrap();
                let unique = if options.unique == Some(true) { " unique" } else { "" };
                let partial = options.partial_filter_expression.map(|filter| format!(" where {filter}"));
                let keys: Vec<_> = index.keys.iter().map(|(field, order)| format!("{field} {order}")).collect();
                found.push(format!("{collection}: {}{unique}{}", keys.join(", "), partial.unwrap_or_default()));
            }
        }
        assert_eq!(
            found,
            [
                "users: _id 1",
                "users: username_lower 1 unique",
                "users: email_lower 1 unique",
                "audio_files: _id 1",
                "audio_files: object_key 1 unique",
                "audio_files: owner 1, created_at -1, _id -1",
                "audio_files: owner 1, status 1, created_at -1, _id -1",
                "audio_files: created_at 1, _id 1, status 1, lease.expires_at 1 where { \"status\": { \"$in\": \
                 [\"uploaded\", \"processing\"] } }",
                "audio_files: created_at 1, _id 1 where { \"status\": \"awaiting_upload\" }",
                "detections: _id 1",
                "detections: owner 1, created_at -1, _id -1",
                "detections: owner 1, audio_file_id 1, created_at -1, _id -1",
                "detections: owner 1, classification 1, created_at -1, _id -1",
            ]
        );
    })
    .await;
}

#[tokio::test]
async fn no_query_reads_more_than_it_answers() {
    with_database(|store, database| async move {
        for owner in ["ada", "eve"] {
            for _ in 0..30 {
                uploaded_file(&store, owner).await;
            }
            processing_file(&store, owner, now()).await;
            for _ in 0..30 {
                let file = AudioFile::new(owner, "a.wav", "audio/wav", None, now());
                store.create_audio_file(&file).await.unwrap();
            }
        }
        store.create_user(&user("ada")).await.unwrap();

        database.run_command(doc! { "profile": 2 }).await.unwrap();
        let first = PageRequest {
            limit: 5,
            after: None,
        };
        let files = store
            .audio_files("ada", &AudioFileFilter::default(), &first)
            .await
            .unwrap();
        let next = PageRequest {
            limit: 5,
            after: files.next,
        };
        let uploaded = AudioFileFilter {
            status: Some(AudioFileStatus::Uploaded),
        };
        let of_file = DetectionFilter {
            audio_file_id: Some(files.items[0].id.clone()),
            classification: None,
        };
        let human = DetectionFilter {
            audio_file_id: None,
            classification: Some(Classification::Human),
        };
        store
            .audio_files("ada", &AudioFileFilter::default(), &next)
            .await
            .unwrap();
        store.audio_files("ada", &uploaded, &first).await.unwrap();
        store.audio_files("ada", &uploaded, &next).await.unwrap();
        for filter in [DetectionFilter::default(), of_file, human] {
            let after = Some(Cursor {
                created_at: now(),
                id: "x".to_owned(),
            });
            store.detections("ada", &filter, &first).await.unwrap();
            store
                .detections("ada", &filter, &PageRequest { limit: 5, after })
                .await
                .unwrap();
        }
        store.user_by_login("ada@example.org").await.unwrap();
        store
            .audio_file_by_object_key(&files.items[0].object_key)
            .await
            .unwrap();
        store.unfinished_audio_files(now(), 5).await.unwrap();
        let later = now() + chrono::TimeDelta::seconds(1);
        let awaiting = store.awaiting_audio_files(later, &first).await.unwrap();
        assert_eq!(awaiting.items.len(), 5);
        let next = PageRequest {
            limit: 5,
            after: awaiting.next,
        };
        store.awaiting_audio_files(later, &next).await.unwrap();
        database.run_command(doc! { "profile": 0 }).await.unwrap();

        let profile = database.collection::<Document>("system.profile");
        let queries: Vec<_> = profile
            .find(doc! { "op": "query" })
            .await
            .unwrap()
            .try_collect()
            .await
            .unwrap();
        assert_eq!(queries.len(), 15, "every query was seen");
        for query in queries {
            let plan = query.get_str("planSummary").unwrap();
            assert!(plan.contains("IXSCAN") || plan == "IDHACK", "{query}");
            assert!(
                !query.contains_key("hasSortStage"),
                "sorted in memory: {query}"
            );
            // One more than the page, to know whether there is a next one, and the few of the cursor's own millisecond.
            assert!(query.get_i32("docsExamined").unwrap() <= 12, "{query}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_server_that_cannot_be_reached_is_unavailable() {
    // Bound and never listened on: whoever connects is refused.
    let nobody = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let uri = format!("mongodb://{nobody}/?serverSelectionTimeoutMS=300");
    let refused = MongoStore::connect(&uri, "bonafide")
        .await
        .expect_err("nobody is there");
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_is_unavailable() {
    // Takes connections and says nothing.
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uri = format!(
        "mongodb://{}/?serverSelectionTimeoutMS=300",
        silent.local_addr().unwrap()
    );
    let refused = MongoStore::connect(&uri, "bonafide")
        .await
        .expect_err("nobody answers");
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
}

#[tokio::test]
async fn a_malformed_address_is_an_error_that_keeps_the_password_to_itself() {
    let refused = MongoStore::connect("mongo://ada:s3cret@example.org", "bonafide")
        .await
        .expect_err("malformed");
    assert!(
        !format!("{refused} {refused:?}").contains("s3cret"),
        "{refused}"
    );
}
