//! A store that fails on demand.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use bonafide_core::accounts::User;
use bonafide_core::audio_files::{AudioFile, Failure};
use bonafide_core::detections::{Detection, DetectionSummary};
use bonafide_core::store::{
    AudioFileFilter, Claim, ClaimRequest, DetectionFilter, Page, PageRequest, Recorded,
    SharedStore, Store, StoreError,
};
use bonafide_core::time::Timestamp;

/// How many of the next calls of each kind fail as if the store could not be reached.
#[derive(Default)]
pub(crate) struct Outages {
    pub(crate) look_ups: AtomicUsize,
    pub(crate) records: AtomicUsize,
    pub(crate) completions: AtomicUsize,
    pub(crate) releases: AtomicUsize,
}

fn strike(outage: &AtomicUsize) -> Result<(), StoreError> {
    let left = outage.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| {
        left.checked_sub(1)
    });
    if left.is_ok() {
        Err(StoreError::Unavailable("an outage of the test".to_owned()))
    } else {
        Ok(())
    }
}

pub(crate) struct Fragile {
    pub(crate) inner: SharedStore,
    pub(crate) outages: Arc<Outages>,
}

#[async_trait]
impl Store for Fragile {
    async fn ping(&self) -> Result<(), StoreError> {
        self.inner.ping().await
    }

    async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        self.inner.create_user(user).await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        self.inner.user(id).await
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError> {
        self.inner.user_by_login(login).await
    }

    async fn create_audio_file(&self, file: &AudioFile) -> Result<(), StoreError> {
        self.inner.create_audio_file(file).await
    }

    async fn audio_file(&self, owner: &str, id: &str) -> Result<Option<AudioFile>, StoreError> {
        self.inner.audio_file(owner, id).await
    }

    async fn audio_file_by_object_key(
        &self,
        object_key: &str,
    ) -> Result<Option<AudioFile>, StoreError> {
        strike(&self.outages.look_ups)?;
        self.inner.audio_file_by_object_key(object_key).await
    }

    async fn audio_files(
        &self,
        owner: &str,
        filter: &AudioFileFilter,
        page: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        self.inner.audio_files(owner, filter, page).await
    }

    async fn delete_audio_file(&self, owner: &str, id: &str) -> Result<bool, StoreError> {
        self.inner.delete_audio_file(owner, id).await
    }

    async fn mark_uploaded(&self, id: &str, size: u64, now: Timestamp) -> Result<(), StoreError> {
        self.inner.mark_uploaded(id, size, now).await
    }

    async fn claim_audio_file(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.inner.claim_audio_file(request).await
    }

    async fn complete_audio_file(
        &self,
        id: &str,
        holder: &str,
        detection: &DetectionSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        strike(&self.outages.completions)?;
        self.inner
            .complete_audio_file(id, holder, detection, now)
            .await
    }

    async fn fail_audio_file(
        &self,
        id: &str,
        holder: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.fail_audio_file(id, holder, failure, now).await
    }

    async fn release_audio_file(&self, id: &str, holder: &str) -> Result<bool, StoreError> {
        strike(&self.outages.releases)?;
        self.inner.release_audio_file(id, holder).await
    }

    async fn expire_upload(
        &self,
        id: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.inner.expire_upload(id, failure, now).await
    }

    async fn unfinished_audio_files(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AudioFile>, StoreError> {
        self.inner.unfinished_audio_files(now, limit).await
    }

    async fn awaiting_audio_files(
        &self,
        before: Timestamp,
        page: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        self.inner.awaiting_audio_files(before, page).await
    }

    async fn record_detection(&self, detection: &Detection) -> Result<Recorded, StoreError> {
        strike(&self.outages.records)?;
        self.inner.record_detection(detection).await
    }

    async fn detection(&self, owner: &str, id: &str) -> Result<Option<Detection>, StoreError> {
        self.inner.detection(owner, id).await
    }

    async fn detections(
        &self,
        owner: &str,
        filter: &DetectionFilter,
        page: &PageRequest,
    ) -> Result<Page<Detection>, StoreError> {
        self.inner.detections(owner, filter, page).await
    }
}
