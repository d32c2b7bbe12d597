//! How a file moves through its life: each step is one atomic update whose filter states what must hold before it.

use futures::TryStreamExt;
use mongodb::bson::{Bson, Document, doc, serialize_to_bson};
use mongodb::options::ReturnDocument;

use super::errors::within_time;
use super::records::{bytes, date};
use super::{MongoStore, UNFINISHED};
use crate::audio_files::{AudioFile, AudioFileStatus, Failure};
use crate::detections::DetectionSummary;
use crate::store::{Claim, ClaimRequest, Cursor, Page, PageRequest, Store, StoreError, word};
use crate::time::Timestamp;

/// How often a claim looks again when the file changed between its two questions.
const CLAIM_ROUNDS: usize = 8;

impl MongoStore {
    pub(super) async fn mark_uploaded_once(
        &self,
        id: &str,
        size: u64,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let before = doc! { "_id": id, "status": word(AudioFileStatus::AwaitingUpload)? };
        let after = doc! { "$set": {
            "status": word(AudioFileStatus::Uploaded)?,
            "size": bytes(size)?,
            "uploaded_at": date(now),
        } };
        within_time(self.audio_files.update_one(before, after)).await?;
        Ok(())
    }

    pub(super) async fn claim(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        for _ in 0..CLAIM_ROUNDS {
            if let Some(file) = self.claim_once(request).await? {
                return Ok(Claim::Granted(Box::new(file)));
            }
            let Some(file) = self.audio_file_by_object_key(&request.object_key).await? else {
                return Ok(Claim::Unknown);
            };
            if file.status.is_final() {
                return Ok(Claim::Finished(Box::new(file)));
            }
            match file.lease {
                Some(lease) if lease.expires_at > request.now => {
                    return Ok(Claim::Busy {
                        until: lease.expires_at,
                    });
                }
                // It was given back since the claim was refused.
                _ => continue,
            }
        }
        Err(StoreError::Unavailable(format!(
            "the file of {} changes hands too fast",
            request.object_key
        )))
    }

    async fn claim_once(&self, request: &ClaimRequest) -> Result<Option<AudioFile>, StoreError> {
        let claimable = doc! {
            "object_key": &request.object_key,
            "$or": [
                { "status": { "$in": [word(AudioFileStatus::AwaitingUpload)?, word(AudioFileStatus::Uploaded)?] } },
                {
                    "status": word(AudioFileStatus::Processing)?,
                    "lease.expires_at": { "$lte": date(request.now) },
                },
            ],
        };
        // A pipeline, because `uploaded_at` depends on the record; hence `$literal`, lest a value that begins with a
        // dollar sign be taken for a field.
        let claimed = doc! { "$set": {
            "status": { "$literal": word(AudioFileStatus::Processing)? },
            "size": { "$literal": bytes(request.size)? },
            "object_version": { "$literal": &request.object_version },
            "lease": {
                "holder": { "$literal": &request.holder },
                "expires_at": date(request.now + request.lease),
            },
            "attempts": { "$add": ["$attempts", 1] },
            "uploaded_at": { "$ifNull": ["$uploaded_at", date(request.now)] },
            "processing_at": date(request.now),
        } };
        let update = self
            .audio_files
            .find_one_and_update(claimable, vec![claimed])
            .return_document(ReturnDocument::After);
        within_time(update)
            .await?
            .map(AudioFile::try_from)
            .transpose()
    }

    pub(super) async fn complete(
        &self,
        id: &str,
        holder: &str,
        detection: &DetectionSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let detection = serialize_to_bson(detection)
            .map_err(|error| StoreError::Malformed(error.to_string()))?;
        self.leave_processing(
            id,
            holder,
            AudioFileStatus::Completed,
            doc! { "detection": detection, "finished_at": date(now) },
        )
        .await
    }

    pub(super) async fn fail(
        &self,
        id: &str,
        holder: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let failure = doc! { "code": &failure.code, "message": &failure.message };
        self.leave_processing(
            id,
            holder,
            AudioFileStatus::Failed,
            doc! { "failure": failure, "finished_at": date(now) },
        )
        .await
    }

    pub(super) async fn expire(
        &self,
        id: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let awaiting = doc! { "_id": id, "status": word(AudioFileStatus::AwaitingUpload)? };
        let expired = doc! { "$set": {
            "status": word(AudioFileStatus::Failed)?,
            "failure": { "code": &failure.code, "message": &failure.message },
            "finished_at": date(now),
        } };
        let updated = within_time(self.audio_files.update_one(awaiting, expired)).await?;
        Ok(updated.matched_count == 1)
    }

    pub(super) async fn release(&self, id: &str, holder: &str) -> Result<bool, StoreError> {
        self.leave_processing(id, holder, AudioFileStatus::Uploaded, doc! {})
            .await
    }

    /// Ends the holder's claim, if the claim is still the holder's.
    async fn leave_processing(
        &self,
        id: &str,
        holder: &str,
        status: AudioFileStatus,
        mut fields: Document,
    ) -> Result<bool, StoreError> {
        fields.insert("status", word(status)?);
        fields.insert("lease", Bson::Null);
        let held = doc! { "_id": id, "status": word(AudioFileStatus::Processing)?, "lease.holder": holder };
        let updated =
            within_time(self.audio_files.update_one(held, doc! { "$set": fields })).await?;
        Ok(updated.matched_count == 1)
    }

    pub(super) async fn unfinished(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AudioFile>, StoreError> {
        if limit == 0 {
            // MongoDB's 0 means no limit.
            return Ok(Vec::new());
        }
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let wanted = doc! {
            // Says again what the index holds, so that the planner sees that it may use it.
            "status": { "$in": UNFINISHED.into_iter().map(word).collect::<Result<Vec<_>, _>>()? },
            "$or": [
                { "status": word(AudioFileStatus::Uploaded)? },
                { "status": word(AudioFileStatus::Processing)?, "lease.expires_at": { "$lte": date(now) } },
            ],
        };
        let found = self
            .audio_files
            .find(wanted)
            .sort(doc! { "created_at": 1, "_id": 1 })
            .limit(limit);
        let records: Vec<_> = within_time(async { found.await?.try_collect().await }).await?;
        records.into_iter().map(AudioFile::try_from).collect()
    }

    pub(super) async fn awaiting(
        &self,
        before: Timestamp,
        request: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        let mut created_at = doc! { "$lt": date(before) };
        let mut wanted = doc! { "status": word(AudioFileStatus::AwaitingUpload)? };
        if let Some(Cursor {
            created_at: last,
            id,
        }) = &request.after
        {
            let last = date(*last);
            // A bound of the index; beyond it, only records of the cursor's own millisecond are looked at.
            created_at.insert("$gte", last);
            wanted.insert(
                "$or",
                vec![
                    doc! { "created_at": { "$gt": last } },
                    doc! { "_id": { "$gt": id } },
                ],
            );
        }
        wanted.insert("created_at", created_at);
        let limit = i64::try_from(request.room())
            .unwrap_or(i64::MAX)
            .saturating_add(1);
        let found = self
            .audio_files
            .find(wanted)
            .sort(doc! { "created_at": 1, "_id": 1 })
            .limit(limit);
        let records: Vec<_> = within_time(async { found.await?.try_collect().await }).await?;
        let files = records
            .into_iter()
            .map(AudioFile::try_from)
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Page::cut(files, request))
    }
}
