//! The cloud's home of the store: MongoDB 6.0 or later, a single server or a replica set, for example Atlas.

mod audio_files;
mod errors;
mod indexes;
mod records;

use std::time::Duration;

use async_trait::async_trait;
use futures::TryStreamExt;
use mongodb::bson::{Document, doc};
use mongodb::options::{Acknowledgment, ClientOptions, WriteConcern};
use mongodb::{Client, Collection, Database};
use serde::de::DeserializeOwned;

use self::errors::within_time;
use self::records::{AudioFileRecord, DetectionRecord, UserRecord, date};
use super::{
    AudioFileFilter, Claim, ClaimRequest, Cursor, DetectionFilter, Listed, Page, PageRequest,
    Recorded, Store, StoreError, UniqueField, folded, refuse_infinite, word,
};
use crate::accounts::User;
use crate::audio_files::{AudioFile, AudioFileStatus, Failure};
use crate::detections::{Detection, DetectionSummary};
use crate::time::Timestamp;

const USERS: &str = "users";
const AUDIO_FILES: &str = "audio_files";
const DETECTIONS: &str = "detections";

/// What a file can be whose bytes are known to have come, while something is still to happen to it.
const UNFINISHED: [AudioFileStatus; 2] = [AudioFileStatus::Uploaded, AudioFileStatus::Processing];

/// How long a call looks for a server before it says that there is none. The driver's 30 s would outlive most requests.
const SERVER_SELECTION_LIMIT: Duration = Duration::from_secs(5);
/// How long making a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);
/// Connections per process. Hundreds of function instances share one cluster, whose connections are limited.
const CONNECTIONS: u32 = 16;
/// After so long unused a connection is closed: clouds drop idle ones silently.
const IDLE_LIMIT: Duration = Duration::from_secs(240);

/// The store in a MongoDB database.
#[derive(Clone)]
pub struct MongoStore {
    database: Database,
    users: Collection<UserRecord>,
    audio_files: Collection<AudioFileRecord>,
    detections: Collection<DetectionRecord>,
}

impl std::fmt::Debug for MongoStore {
    // Not the client, whose options hold the password.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("MongoStore")
            .field("database", &self.database.name())
            .finish_non_exhaustive()
    }
}

impl MongoStore {
    /// Connects to the server or cluster at `uri` (`mongodb://` or `mongodb+srv://`), makes sure that the indexes are
    /// there, and keeps everything in `database`.
    ///
    /// Time limits and pool size that the URI states are kept. Its write concern is not: writes are acknowledged by a
    /// majority, as a claim that a failover undoes would be granted twice.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where the URI is malformed or no server answers.
    pub async fn connect(uri: &str, database: &str) -> Result<Self, StoreError> {
        let mut options = within_time(ClientOptions::parse(uri)).await?;
        options
            .app_name
            .get_or_insert_with(|| "bonafide".to_owned());
        options
            .server_selection_timeout
            .get_or_insert(SERVER_SELECTION_LIMIT);
        options.connect_timeout.get_or_insert(CONNECT_LIMIT);
        options.max_pool_size.get_or_insert(CONNECTIONS);
        options.max_idle_time.get_or_insert(IDLE_LIMIT);
        options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).build());

        let client = Client::with_options(options)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        let database = client.database(database);
        indexes::ensure(&database).await?;
        Ok(Self {
            users: database.collection(USERS),
            audio_files: database.collection(AUDIO_FILES),
            detections: database.collection(DETECTIONS),
            database,
        })
    }
}

/// One page of the records that `filter` names, newest first.
///
/// The range on `created_at` is a bound of the index; only records of the cursor's own millisecond are looked at
/// beyond it.
async fn page<R, T>(
    collection: &Collection<R>,
    mut filter: Document,
    request: &PageRequest,
) -> Result<Page<T>, StoreError>
where
    R: DeserializeOwned + Send + Sync + Unpin,
    T: Listed + TryFrom<R, Error = StoreError>,
{
    if let Some(Cursor { created_at, id }) = &request.after {
        let created_at = date(*created_at);
        filter.insert("created_at", doc! { "$lte": created_at });
        filter.insert(
            "$or",
            vec![
                doc! { "created_at": { "$lt": created_at } },
                doc! { "_id": { "$lt": id } },
            ],
        );
    }
    let wanted = i64::try_from(request.room())
        .unwrap_or(i64::MAX)
        .saturating_add(1);
    let found = collection
        .find(filter)
        .sort(doc! { "created_at": -1, "_id": -1 })
        .limit(wanted);
    let records: Vec<R> = within_time(async { found.await?.try_collect().await }).await?;
    let items = records
        .into_iter()
        .map(T::try_from)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Page::cut(items, request))
}

#[async_trait]
impl Store for MongoStore {
    async fn ping(&self) -> Result<(), StoreError> {
        within_time(self.database.run_command(doc! { "ping": 1 })).await?;
        Ok(())
    }

    async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        within_time(self.users.insert_one(UserRecord::from(user))).await?;
        Ok(())
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        within_time(self.users.find_one(doc! { "_id": id }))
            .await?
            .map(User::try_from)
            .transpose()
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError> {
        let login = folded(login);
        let either = doc! { "$or": [{ "email_lower": &login }, { "username_lower": &login }] };
        let found = self.users.find(either);
        let mut users: Vec<UserRecord> =
            within_time(async { found.await?.try_collect().await }).await?;
        users.sort_by_key(|user| user.email_lower != login);
        users.into_iter().next().map(User::try_from).transpose()
    }

    async fn create_audio_file(&self, file: &AudioFile) -> Result<(), StoreError> {
        within_time(
            self.audio_files
                .insert_one(AudioFileRecord::try_from(file)?),
        )
        .await?;
        Ok(())
    }

    async fn audio_file(&self, owner: &str, id: &str) -> Result<Option<AudioFile>, StoreError> {
        let found = within_time(
            self.audio_files
                .find_one(doc! { "_id": id, "owner": owner }),
        )
        .await?;
        found.map(AudioFile::try_from).transpose()
    }

    async fn audio_file_by_object_key(
        &self,
        object_key: &str,
    ) -> Result<Option<AudioFile>, StoreError> {
        let found =
            within_time(self.audio_files.find_one(doc! { "object_key": object_key })).await?;
        found.map(AudioFile::try_from).transpose()
    }

    async fn audio_files(
        &self,
        owner: &str,
        filter: &AudioFileFilter,
        request: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        let mut wanted = doc! { "owner": owner };
        if let Some(status) = filter.status {
            wanted.insert("status", word(status)?);
        }
        page(&self.audio_files, wanted, request).await
    }

    async fn delete_audio_file(&self, owner: &str, id: &str) -> Result<bool, StoreError> {
        let deleted = within_time(
            self.audio_files
                .delete_one(doc! { "_id": id, "owner": owner }),
        )
        .await?;
        Ok(deleted.deleted_count == 1)
    }

    async fn mark_uploaded(&self, id: &str, size: u64, now: Timestamp) -> Result<(), StoreError> {
        self.mark_uploaded_once(id, size, now).await
    }

    async fn claim_audio_file(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        self.claim(request).await
    }

    async fn complete_audio_file(
        &self,
        id: &str,
        holder: &str,
        detection: &DetectionSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.complete(id, holder, detection, now).await
    }

    async fn fail_audio_file(
        &self,
        id: &str,
        holder: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.fail(id, holder, failure, now).await
    }

    async fn release_audio_file(&self, id: &str, holder: &str) -> Result<bool, StoreError> {
        self.release(id, holder).await
    }

    async fn expire_upload(
        &self,
        id: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        self.expire(id, failure, now).await
    }

    async fn unfinished_audio_files(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AudioFile>, StoreError> {
        self.unfinished(now, limit).await
    }

    async fn awaiting_audio_files(
        &self,
        before: Timestamp,
        request: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        self.awaiting(before, request).await
    }

    async fn record_detection(&self, detection: &Detection) -> Result<Recorded, StoreError> {
        refuse_infinite(detection)?;
        match within_time(self.detections.insert_one(DetectionRecord::from(detection))).await {
            Ok(_) => return Ok(Recorded::New),
            Err(StoreError::Taken(UniqueField::Id)) => {}
            Err(error) => return Err(error),
        }
        let id = &detection.summary.id;
        match within_time(self.detections.find_one(doc! { "_id": id })).await? {
            Some(existing) => Ok(Recorded::Existing(Box::new(existing.try_into()?))),
            None => Err(StoreError::Unavailable(format!(
                "detection {id} went while it was read"
            ))),
        }
    }

    async fn detection(&self, owner: &str, id: &str) -> Result<Option<Detection>, StoreError> {
        let found =
            within_time(self.detections.find_one(doc! { "_id": id, "owner": owner })).await?;
        found.map(Detection::try_from).transpose()
    }

    async fn detections(
        &self,
        owner: &str,
        filter: &DetectionFilter,
        request: &PageRequest,
    ) -> Result<Page<Detection>, StoreError> {
        let mut wanted = doc! { "owner": owner };
        if let Some(file) = &filter.audio_file_id {
            wanted.insert("audio_file_id", file);
        }
        if let Some(classification) = filter.classification {
            wanted.insert("classification", word(classification)?);
        }
        page(&self.detections, wanted, request).await
    }
}
