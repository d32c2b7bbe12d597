//! The laptop's home of the store: one file, no server. A [redb](https://docs.rs/redb) database, which one process
//! holds at a time and which a crash at any moment leaves whole: a write is on the disk before it is answered.

mod audio_files;
mod detections;
mod errors;
mod tables;
mod users;

use std::fs;
use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use redb::{Database, ReadTransaction, ReadableDatabase, ReadableTable, WriteTransaction};

use self::errors::Fault;
use self::tables::{
    AUDIO_FILE_LISTS, AUDIO_FILES, DETECTION_LISTS, DETECTIONS, EMAILS, EVERYTHING, OBJECT_KEYS,
    USERNAMES, USERS,
};
use super::{
    AudioFileFilter, Claim, ClaimRequest, DetectionFilter, Page, PageRequest, Recorded, Store,
    StoreError, folded, refuse_infinite, word,
};
use crate::accounts::User;
use crate::audio_files::{AudioFile, AudioFileStatus, Failure};
use crate::detections::{Detection, DetectionSummary};
use crate::time::Timestamp;

/// Bytes of the file that are kept in memory. The database's own default, 1 GiB, is for servers.
const CACHE: usize = 16 * 1024 * 1024;

/// The store in one file.
#[derive(Clone)]
pub struct EmbeddedStore {
    database: Arc<Database>,
}

impl std::fmt::Debug for EmbeddedStore {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("EmbeddedStore")
            .finish_non_exhaustive()
    }
}

/// What a write transaction came to.
enum Change<T> {
    /// It changed something, which is to be kept.
    Made(T),
    /// It changed nothing, so the disk need not be waited for.
    None(T),
}

impl EmbeddedStore {
    /// Opens the store in the file at `path`, which is made (readable for its owner only) where it is missing.
    ///
    /// The file is this process's alone until the store is dropped; files that a former process left `processing` are
    /// `uploaded` again. Blocks for as long as the disk needs, longer after a crash.
    ///
    /// # Errors
    /// [`StoreError::Unavailable`] where another process has the file open or the disk refuses, and
    /// [`StoreError::Malformed`] where the file is damaged or of a later version.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let opened = || -> Result<Self, Fault> {
            make_file(path).map_err(|error| StoreError::Unavailable(error.to_string()))?;
            let database = Database::builder().set_cache_size(CACHE).create(path)?;
            prepare(&database)?;
            Ok(Self {
                database: Arc::new(database),
            })
        };
        opened().map_err(|fault| match StoreError::from(fault) {
            StoreError::Unavailable(reason) => {
                StoreError::Unavailable(format!("{}: {reason}", path.display()))
            }
            StoreError::Malformed(reason) => {
                StoreError::Malformed(format!("{}: {reason}", path.display()))
            }
            taken @ StoreError::Taken(_) => taken,
        })
    }

    /// Runs `work` on one consistent state of the store, off the async threads.
    async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&ReadTransaction) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        off_the_async_threads(move || work(&database.begin_read()?)).await
    }

    /// Runs `work` while nobody else writes, off the async threads. What it wrote is kept, all of it, where it says
    /// that it made a change, and none of it otherwise.
    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&WriteTransaction) -> Result<Change<T>, Fault> + Send + 'static,
    ) -> Result<T, StoreError> {
        let database = Arc::clone(&self.database);
        off_the_async_threads(move || {
            let transaction = database.begin_write()?;
            match work(&transaction)? {
                Change::Made(value) => {
                    transaction.commit()?;
                    Ok(value)
                }
                Change::None(value) => Ok(value),
            }
        })
        .await
    }
}

async fn off_the_async_threads<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, StoreError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result.map_err(StoreError::from),
        Err(error) => Err(StoreError::Unavailable(error.to_string())),
    }
}

/// Makes the file, empty, and its folder. The file holds password hashes: it is its owner's alone from the beginning.
fn make_file(path: &Path) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let mut options = fs::OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

/// Checks the file's layout or brings an older one up to it, makes what is missing and gives dead claims back.
fn prepare(database: &Database) -> Result<(), Fault> {
    let transaction = database.begin_write()?;
    let relist = {
        let mut file = transaction.open_table(tables::FILE)?;
        let layout = file.get("layout")?.map(|layout| layout.value());
        match layout {
            Some(tables::LAYOUT) => false,
            Some(tables::ONE_UNFINISHED_LIST) => {
                file.insert("layout", tables::LAYOUT)?;
                true
            }
            Some(other) => {
                let readable = tables::LAYOUT;
                let reason =
                    format!("the file has layout {other}, this version reads layout {readable}");
                return Err(StoreError::Malformed(reason).into());
            }
            None => {
                file.insert("layout", tables::LAYOUT)?;
                false
            }
        }
    };
    tables::make(&transaction)?;
    if relist {
        audio_files::relist_awaiting(&transaction)?;
    }
    audio_files::release_all(&transaction)?;
    transaction.commit()?;
    Ok(())
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn ping(&self) -> Result<(), StoreError> {
        self.read(|_| Ok(())).await
    }

    async fn create_user(&self, user: &User) -> Result<(), StoreError> {
        let user = user.clone();
        self.write(move |transaction| users::create(transaction, &user))
            .await
    }

    async fn user(&self, id: &str) -> Result<Option<User>, StoreError> {
        let id = id.to_owned();
        self.read(move |transaction| tables::read(&transaction.open_table(USERS)?, &id))
            .await
    }

    async fn user_by_login(&self, login: &str) -> Result<Option<User>, StoreError> {
        let login = folded(login);
        self.read(move |transaction| {
            for table in [EMAILS, USERNAMES] {
                if let Some(id) = transaction.open_table(table)?.get(login.as_str())? {
                    return tables::read_indexed(&transaction.open_table(USERS)?, id.value())
                        .map(Some);
                }
            }
            Ok(None)
        })
        .await
    }

    async fn create_audio_file(&self, file: &AudioFile) -> Result<(), StoreError> {
        let file = file.clone();
        self.write(move |transaction| audio_files::create(transaction, &file))
            .await
    }

    async fn audio_file(&self, owner: &str, id: &str) -> Result<Option<AudioFile>, StoreError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        self.read(move |transaction| {
            let file: Option<AudioFile> = tables::read(&transaction.open_table(AUDIO_FILES)?, &id)?;
            Ok(file.filter(|file| file.owner == owner))
        })
        .await
    }

    async fn audio_file_by_object_key(
        &self,
        object_key: &str,
    ) -> Result<Option<AudioFile>, StoreError> {
        let object_key = object_key.to_owned();
        self.read(move |transaction| {
            let keys = transaction.open_table(OBJECT_KEYS)?;
            let Some(id) = keys.get(object_key.as_str())? else {
                return Ok(None);
            };
            tables::read_indexed(&transaction.open_table(AUDIO_FILES)?, id.value()).map(Some)
        })
        .await
    }

    async fn audio_files(
        &self,
        owner: &str,
        filter: &AudioFileFilter,
        request: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        let shelf = filter
            .status
            .map_or_else(|| Ok(EVERYTHING.to_owned()), word)?;
        let (owner, request) = (owner.to_owned(), request.clone());
        self.read(move |transaction| {
            let lists = transaction.open_table(AUDIO_FILE_LISTS)?;
            let records = transaction.open_table(AUDIO_FILES)?;
            tables::page(&lists, &records, (&owner, &shelf), &request, |_| true)
        })
        .await
    }

    async fn delete_audio_file(&self, owner: &str, id: &str) -> Result<bool, StoreError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        self.write(move |transaction| audio_files::delete(transaction, &owner, &id))
            .await
    }

    async fn mark_uploaded(&self, id: &str, size: u64, now: Timestamp) -> Result<(), StoreError> {
        let id = id.to_owned();
        self.write(move |transaction| audio_files::mark_uploaded(transaction, &id, size, now))
            .await
    }

    async fn claim_audio_file(&self, request: &ClaimRequest) -> Result<Claim, StoreError> {
        let request = request.clone();
        self.write(move |transaction| audio_files::claim(transaction, &request))
            .await
    }

    async fn complete_audio_file(
        &self,
        id: &str,
        holder: &str,
        detection: &DetectionSummary,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, holder, detection) = (id.to_owned(), holder.to_owned(), detection.clone());
        self.write(move |transaction| {
            audio_files::leave_processing(transaction, &id, &holder, |file| {
                file.status = AudioFileStatus::Completed;
                file.detection = Some(detection);
                file.finished_at = Some(now);
            })
        })
        .await
    }

    async fn fail_audio_file(
        &self,
        id: &str,
        holder: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, holder, failure) = (id.to_owned(), holder.to_owned(), failure.clone());
        self.write(move |transaction| {
            audio_files::leave_processing(transaction, &id, &holder, |file| {
                file.status = AudioFileStatus::Failed;
                file.failure = Some(failure);
                file.finished_at = Some(now);
            })
        })
        .await
    }

    async fn release_audio_file(&self, id: &str, holder: &str) -> Result<bool, StoreError> {
        let (id, holder) = (id.to_owned(), holder.to_owned());
        self.write(move |transaction| {
            audio_files::leave_processing(transaction, &id, &holder, |file| {
                file.status = AudioFileStatus::Uploaded
            })
        })
        .await
    }

    async fn expire_upload(
        &self,
        id: &str,
        failure: &Failure,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let (id, failure) = (id.to_owned(), failure.clone());
        self.write(move |transaction| audio_files::expire(transaction, &id, failure, now))
            .await
    }

    async fn unfinished_audio_files(
        &self,
        now: Timestamp,
        limit: usize,
    ) -> Result<Vec<AudioFile>, StoreError> {
        self.read(move |transaction| audio_files::unfinished(transaction, now, limit))
            .await
    }

    async fn awaiting_audio_files(
        &self,
        before: Timestamp,
        request: &PageRequest,
    ) -> Result<Page<AudioFile>, StoreError> {
        let request = request.clone();
        self.read(move |transaction| audio_files::awaiting(transaction, before, &request))
            .await
    }

    async fn record_detection(&self, detection: &Detection) -> Result<Recorded, StoreError> {
        refuse_infinite(detection)?;
        let detection = detection.clone();
        self.write(move |transaction| detections::record(transaction, &detection))
            .await
    }

    async fn detection(&self, owner: &str, id: &str) -> Result<Option<Detection>, StoreError> {
        let (owner, id) = (owner.to_owned(), id.to_owned());
        self.read(move |transaction| {
            let detection: Option<Detection> =
                tables::read(&transaction.open_table(DETECTIONS)?, &id)?;
            Ok(detection.filter(|detection| detection.owner == owner))
        })
        .await
    }

    async fn detections(
        &self,
        owner: &str,
        filter: &DetectionFilter,
        request: &PageRequest,
    ) -> Result<Page<Detection>, StoreError> {
        let DetectionFilter {
            audio_file_id,
            classification,
        } = filter.clone();
        // A file has few detections, so of the two filters it is the one to go by.
        let shelf = match (audio_file_id, classification) {
            (Some(file), _) => tables::shelf_of_file(&file),
            (None, Some(classification)) => word(classification)?,
            (None, None) => EVERYTHING.to_owned(),
        };
        let (owner, request) = (owner.to_owned(), request.clone());
        self.read(move |transaction| {
            let lists = transaction.open_table(DETECTION_LISTS)?;
            let records = transaction.open_table(DETECTIONS)?;
            tables::page(
                &lists,
                &records,
                (&owner, &shelf),
                &request,
                |detection: &Detection| {
                    classification.is_none_or(|wanted| detection.summary.classification == wanted)
                },
            )
        })
        .await
    }
}
