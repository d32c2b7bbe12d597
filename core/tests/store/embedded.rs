//! The embedded home: one file that one process holds, and that survives it.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;

use bonafide_core::audio_files::{AudioFile, AudioFileStatus};
use bonafide_core::store::embedded::EmbeddedStore;
use bonafide_core::store::{
    AudioFileFilter, Claim, ClaimRequest, PageRequest, Store, StoreError, conformance,
};
use bonafide_core::time::now;
use chrono::TimeDelta;
use redb::TableDefinition;
use tempfile::TempDir;

use crate::samples::{processing_file, uploaded_file, user};

/// Tells the child process of a test which store to write to.
const CHILDS_STORE: &str = "BONAFIDE_TEST_STORE";

fn new_place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data").join("store.redb");
    (folder, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn keeps_every_promise_of_a_store() {
    let (_folder, path) = new_place();
    conformance::run(Arc::new(EmbeddedStore::open(&path).unwrap())).await;
}

#[tokio::test]
async fn keeps_its_records_when_it_is_opened_again() {
    let (_folder, path) = new_place();
    let (user, file) = (user("ada"), {
        let store = EmbeddedStore::open(&path).unwrap();
        store.create_user(&user("ada")).await.unwrap();
        uploaded_file(&store, "ada").await
    });
    let store = EmbeddedStore::open(&path).unwrap();
    let found = store.user_by_login("ADA").await.unwrap().unwrap();
    assert_eq!(
        (found.id, found.email),
        (user.id.clone(), user.email.clone())
    );
    assert!(matches!(
        store.create_user(&user).await,
        Err(StoreError::Taken(_))
    ));
    let request = PageRequest {
        limit: 10,
        after: None,
    };
    assert_eq!(
        store
            .audio_files("ada", &AudioFileFilter::default(), &request)
            .await
            .unwrap()
            .items,
        [file]
    );
}

#[tokio::test]
async fn a_file_of_the_first_layout_is_brought_up_to_date() {
    const UNFINISHED: TableDefinition<'_, (i64, &str), ()> =
        TableDefinition::new("unfinished_audio_files");
    const AWAITING: TableDefinition<'_, (i64, &str), ()> =
        TableDefinition::new("awaiting_audio_files");
    let (_folder, path) = new_place();
    let awaiting = AudioFile::new("ada", "a.wav", "audio/wav", None, now());
    let uploaded = {
        let store = EmbeddedStore::open(&path).unwrap();
        store.create_audio_file(&awaiting).await.unwrap();
        uploaded_file(&store, "ada").await
    };
    {
        // As the first layout had it: one list of everything that is not finished.
        let database = redb::Database::open(&path).unwrap();
        let transaction = database.begin_write().unwrap();
        assert!(transaction.delete_table(AWAITING).unwrap());
        transaction
            .open_table(UNFINISHED)
            .unwrap()
            .insert((awaiting.created_at.timestamp_millis(), &*awaiting.id), ())
            .unwrap();
        transaction
            .open_table(TableDefinition::<&str, u32>::new("file"))
            .unwrap()
            .insert("layout", 1)
            .unwrap();
        transaction.commit().unwrap();
    }
    // The second time there is nothing to do.
    for _ in 0..2 {
        let store = EmbeddedStore::open(&path).unwrap();
        let everything = PageRequest {
            limit: 10,
            after: None,
        };
        let later = now() + TimeDelta::seconds(1);
        assert_eq!(
            store
                .awaiting_audio_files(later, &everything)
                .await
                .unwrap()
                .items,
            std::slice::from_ref(&awaiting)
        );
        assert_eq!(
            store.unfinished_audio_files(later, 10).await.unwrap(),
            std::slice::from_ref(&uploaded)
        );
    }
}

#[tokio::test]
async fn gives_back_at_opening_what_a_dead_process_was_working_on() {
    let (_folder, path) = new_place();
    let (processing, uploaded) = {
        let store = EmbeddedStore::open(&path).unwrap();
        (
            processing_file(&store, "ada", now()).await,
            uploaded_file(&store, "ada").await,
        )
    };
    let store = EmbeddedStore::open(&path).unwrap();
    let expected = AudioFile {
        status: AudioFileStatus::Uploaded,
        lease: None,
        ..processing.clone()
    };
    assert_eq!(
        store
            .audio_file("ada", &processing.id)
            .await
            .unwrap()
            .as_ref(),
        Some(&expected)
    );

    let unfinished = store.unfinished_audio_files(now(), 10).await.unwrap();
    assert_eq!(unfinished, [expected.clone(), uploaded.clone()]);
    let listed = async |status| {
        let request = PageRequest {
            limit: 10,
            after: None,
        };
        store
            .audio_files(
                "ada",
                &AudioFileFilter {
                    status: Some(status),
                },
                &request,
            )
            .await
            .unwrap()
            .items
    };
    assert_eq!(
        listed(AudioFileStatus::Uploaded).await,
        [uploaded, expected]
    );
    assert_eq!(listed(AudioFileStatus::Processing).await, []);
    assert!(
        !store
            .release_audio_file(&processing.id, "worker")
            .await
            .unwrap(),
        "the dead worker's claim is over"
    );

    let request = ClaimRequest {
        object_key: processing.object_key,
        object_version: "1".to_owned(),
        size: 1000,
        holder: "next".to_owned(),
        now: now(),
        lease: std::time::Duration::from_secs(60),
    };
    match store.claim_audio_file(&request).await.unwrap() {
        Claim::Granted(file) => assert_eq!(file.attempts, 2),
        other => panic!("{other:?} instead of a grant"),
    }
}

#[tokio::test]
async fn a_file_that_is_open_already_is_refused_with_a_reason() {
    let (_folder, path) = new_place();
    let store = EmbeddedStore::open(&path).unwrap();
    store.create_user(&user("ada")).await.unwrap();
    let refused = EmbeddedStore::open(&path).unwrap_err();
    assert!(matches!(refused, StoreError::Unavailable(_)), "{refused:?}");
    let message = refused.to_string();
    assert!(message.contains("open in another process"), "{message}");
    assert!(message.contains("store.redb"), "{message}");

    assert!(
        store.user_by_login("ada").await.unwrap().is_some(),
        "the first goes on"
    );
    drop(store);
    let store = EmbeddedStore::open(&path).unwrap();
    assert!(store.user_by_login("ada").await.unwrap().is_some());
}

#[test]
fn a_file_that_is_no_store_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let notes = "These are my notes, and not a store.\n".repeat(1000);
    std::fs::write(&path, &notes).unwrap();
    let refused = EmbeddedStore::open(&path).unwrap_err();
    assert!(refused.to_string().contains("notes.txt"), "{refused}");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), notes);
}

#[cfg(unix)]
#[test]
fn the_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = new_place();
    let _store = EmbeddedStore::open(&path).unwrap();
    assert_eq!(
        std::fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[tokio::test]
async fn what_was_answered_survives_a_killed_process() {
    let (_folder, path) = new_place();
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "embedded::writes_until_it_is_killed",
            "--ignored",
            "--nocapture",
        ])
        .env(CHILDS_STORE, &path)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(Result::unwrap);
    let answered: Vec<String> = lines
        .filter_map(|line| line.strip_prefix("kept ").map(str::to_owned))
        .take(30)
        .collect();
    // On Unix this is SIGKILL: the child has no say in it, and is in the middle of a write as likely as not.
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(answered.len(), 30, "the child stopped early");

    let store = EmbeddedStore::open(&path).unwrap();
    for name in answered {
        let found = store
            .user_by_login(&format!("{name}@example.org"))
            .await
            .unwrap();
        assert_eq!(found.map(|user| user.username), Some(name));
    }
}

#[tokio::test]
#[ignore = "the child process of `what_was_answered_survives_a_killed_process`"]
#[expect(
    clippy::print_stdout,
    reason = "how the parent test learns what was answered"
)]
async fn writes_until_it_is_killed() {
    let path = std::env::var_os(CHILDS_STORE).expect("the parent test starts this one");
    let store = EmbeddedStore::open(path.as_ref()).unwrap();
    for number in 0.. {
        let name = format!("user{number}");
        store.create_user(&user(&name)).await.unwrap();
        println!("kept {name}");
    }
}
