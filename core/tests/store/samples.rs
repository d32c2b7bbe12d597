//! Records for the tests of one home.

use std::time::Duration;

use bonafide_core::accounts::User;
use bonafide_core::audio_files::AudioFile;
use bonafide_core::store::{Claim, ClaimRequest, Store};
use bonafide_core::time::{Timestamp, now};

pub(crate) fn user(name: &str) -> User {
    User {
        id: format!("id-of-{name}"),
        username: name.to_owned(),
        email: format!("{name}@example.org"),
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA".to_owned(),
        created_at: now(),
    }
}

/// A file in the store whose bytes have come.
pub(crate) async fn uploaded_file(store: &dyn Store, owner: &str) -> AudioFile {
    let file = AudioFile::new(owner, "speech.wav", "audio/wav", None, now());
    store.create_audio_file(&file).await.unwrap();
    store.mark_uploaded(&file.id, 1000, now()).await.unwrap();
    store.audio_file(owner, &file.id).await.unwrap().unwrap()
}

/// A file in the store on which somebody works for the next minute.
pub(crate) async fn processing_file(store: &dyn Store, owner: &str, now: Timestamp) -> AudioFile {
    let file = uploaded_file(store, owner).await;
    let request = ClaimRequest {
        object_key: file.object_key.clone(),
        object_version: "1".to_owned(),
        size: 1000,
        holder: "worker".to_owned(),
        now,
        lease: Duration::from_secs(60),
    };
    match store.claim_audio_file(&request).await.unwrap() {
        Claim::Granted(file) => *file,
        other => panic!("{other:?} instead of a grant"),
    }
}
