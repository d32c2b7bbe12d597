//! Records with every field filled, none like another.

use chrono::{DateTime, TimeDelta};
use serde_json::json;
use uuid::Uuid;

use crate::accounts::User;
use crate::audio_files::AudioFile;
use crate::detections::{
    AudioProperties, Classification, Detection, DetectionSummary, ModelIdentity, Segment,
};
use crate::store::{ClaimRequest, SharedStore};
use crate::time::Timestamp;

/// How long the leases of the samples are.
pub(super) const LEASE: std::time::Duration = std::time::Duration::from_secs(60);

/// A value that no other record has, lower case.
pub(super) fn unique(word: &str) -> String {
    format!("{word}-{}", Uuid::now_v7().simple())
}

/// A moment so many seconds and 789 ms after one in the past. Time is the caller's to tell the store.
pub(super) fn at(seconds: i64) -> Timestamp {
    DateTime::from_timestamp_millis(1_700_000_000_789).expect("a valid moment")
        + TimeDelta::seconds(seconds)
}

pub(super) fn user() -> User {
    let username = unique("Zoë.Ångström");
    User {
        id: Uuid::now_v7().to_string(),
        email: format!("{username}@Example.org"),
        username,
        password_hash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0$aGFzaGhhc2hoYXNo"
            .to_owned(),
        created_at: at(1),
    }
}

/// A file that waits for its bytes.
pub(super) fn file(owner: &str, created_at: Timestamp) -> AudioFile {
    AudioFile::new(owner, "Grüße 🎙 «録音».mp3", "audio/mpeg", None, created_at)
}

/// A file in the store that waits for its bytes.
pub(super) async fn stored_file(
    store: &SharedStore,
    owner: &str,
    created_at: Timestamp,
) -> AudioFile {
    let file = file(owner, created_at);
    store.create_audio_file(&file).await.expect("a new file");
    file
}

/// A file in the store whose bytes have come.
pub(super) async fn uploaded_file(
    store: &SharedStore,
    owner: &str,
    created_at: Timestamp,
) -> AudioFile {
    let file = stored_file(store, owner, created_at).await;
    store
        .mark_uploaded(&file.id, 1234, created_at)
        .await
        .expect("a store that answers");
    current(store, &file).await
}

/// The file as the store now has it.
pub(super) async fn current(store: &SharedStore, file: &AudioFile) -> AudioFile {
    store
        .audio_file(&file.owner, &file.id)
        .await
        .expect("a store that answers")
        .expect("the file")
}

/// A claim of the file at a moment.
pub(super) fn claim(file: &AudioFile, holder: &str, now: Timestamp) -> ClaimRequest {
    ClaimRequest {
        object_key: file.object_key.clone(),
        object_version: "1700000000000042".to_owned(),
        size: 5678,
        holder: holder.to_owned(),
        now,
        lease: LEASE,
    }
}

pub(super) fn detection(owner: &str, audio_file_id: &str, created_at: Timestamp) -> Detection {
    Detection {
        summary: DetectionSummary {
            id: unique("detection"),
            is_deepfake: true,
            classification: Classification::AiGenerated,
            // A double that a fast decimal parser misses by the last bit, as others below.
            confidence_score: 0.985_690_694_632_869_5,
            inconclusive: Some("conflicting_segments".to_owned()),
        },
        owner: owner.to_owned(),
        audio_file_id: audio_file_id.to_owned(),
        score: 0.1 + 0.2,
        log_likelihood_ratio: -25.793_823_623_424_494,
        segments: vec![
            Segment {
                start: 0.0,
                end: 4.04,
                score: 5e-324,
            },
            Segment {
                start: 2.02,
                end: 11.829_040_150_690_101,
                score: 1.0,
            },
        ],
        features: json!({
            "spectral_features": { "centroid_hz": 1_542.673_167_765_977_7, "bands": [0.1, -0.0, 1e-7, 1.797_693_134_862_315_7e308, 3, -3, null, []] },
            "temporal_features": { "pauses": 3, "empty": {}, "whole": 2.0, "frames": 9_007_199_254_740_993_i64 },
            "voice_features": { "jitter_percent": null, "voiced": true, "note": "Häß \"quoted\"\n$dollar" },
        }),
        explanation: "Pitch varies less than in 97 % of bona fide speech – «flat».".to_owned(),
        audio: AudioProperties {
            container: "ogg".to_owned(),
            codec: "opus".to_owned(),
            sample_rate_hz: u32::MAX,
            channels: 2,
            seconds: 599.999_999_999_999_9,
            speech_seconds: 1.0 / 3.0,
        },
        model: ModelIdentity {
            name: "bonafide".to_owned(),
            version: "1.2.3".to_owned(),
            sha256: "ab".repeat(32),
        },
        processing_time: 0.037_123,
        created_at,
    }
}
