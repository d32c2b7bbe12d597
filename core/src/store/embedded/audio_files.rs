//! How a file moves through its life. Write transactions come one after the other, so what one looks at first is still
//! so when it writes.

use std::ops::Bound;

use redb::{ReadTransaction, ReadableTable, WriteTransaction};

use super::Change;
use super::errors::Fault;
use super::tables::{
    self, AUDIO_FILE_LISTS, AUDIO_FILES, AWAITING, ByAge, OBJECT_KEYS, UNFINISHED,
};
use crate::audio_files::{AudioFile, AudioFileStatus, Failure, Lease};
use crate::store::{Claim, ClaimRequest, Listed, Page, PageRequest, StoreError, UniqueField};
use crate::time::Timestamp;

fn found(transaction: &WriteTransaction, id: &str) -> Result<Option<AudioFile>, Fault> {
    tables::read(&transaction.open_table(AUDIO_FILES)?, id)
}

fn found_by_object_key(
    transaction: &WriteTransaction,
    object_key: &str,
) -> Result<Option<AudioFile>, Fault> {
    let keys = transaction.open_table(OBJECT_KEYS)?;
    let Some(id) = keys.get(object_key)? else {
        return Ok(None);
    };
    tables::read_indexed(&transaction.open_table(AUDIO_FILES)?, id.value()).map(Some)
}

/// Adds a file and everything that points to it.
pub(super) fn create(
    transaction: &WriteTransaction,
    file: &AudioFile,
) -> Result<Change<()>, Fault> {
    {
        let mut keys = transaction.open_table(OBJECT_KEYS)?;
        if keys.get(file.object_key.as_str())?.is_some() || found(transaction, &file.id)?.is_some()
        {
            return Err(StoreError::Taken(UniqueField::Id).into());
        }
        keys.insert(file.object_key.as_str(), file.id.as_str())?;
    }
    put(transaction, file)?;
    Ok(Change::Made(()))
}

/// Removes the owner's file and everything that points to it.
pub(super) fn delete(
    transaction: &WriteTransaction,
    owner: &str,
    id: &str,
) -> Result<Change<bool>, Fault> {
    let Some(file) = found(transaction, id)?.filter(|file| file.owner == owner) else {
        return Ok(Change::None(false));
    };
    unlist(transaction, &file)?;
    transaction
        .open_table(OBJECT_KEYS)?
        .remove(file.object_key.as_str())?;
    transaction.open_table(AUDIO_FILES)?.remove(id)?;
    Ok(Change::Made(true))
}

/// The list by age on which a file stands, if any.
fn list_by_age(status: AudioFileStatus) -> Option<ByAge<'static>> {
    match status {
        AudioFileStatus::AwaitingUpload => Some(AWAITING),
        AudioFileStatus::Uploaded | AudioFileStatus::Processing => Some(UNFINISHED),
        AudioFileStatus::Completed | AudioFileStatus::Failed => None,
    }
}

/// A file's key on a list by age.
fn age(file: &AudioFile) -> (i64, &str) {
    (file.created_at.timestamp_millis(), &file.id)
}

/// Writes a file and lists it where it now belongs.
fn put(transaction: &WriteTransaction, file: &AudioFile) -> Result<(), Fault> {
    tables::write(transaction, AUDIO_FILES, &file.id, file)?;
    let position = file.cursor();
    tables::shelve(
        transaction,
        AUDIO_FILE_LISTS,
        &file.owner,
        &tables::audio_file_shelves(file)?,
        &position,
    )?;
    if let Some(list) = list_by_age(file.status) {
        transaction.open_table(list)?.insert(age(file), ())?;
    }
    Ok(())
}

/// Takes a file off every list on which it stands.
fn unlist(transaction: &WriteTransaction, file: &AudioFile) -> Result<(), Fault> {
    let position = file.cursor();
    tables::unshelve(
        transaction,
        AUDIO_FILE_LISTS,
        &file.owner,
        &tables::audio_file_shelves(file)?,
        &position,
    )?;
    if let Some(list) = list_by_age(file.status) {
        transaction.open_table(list)?.remove(age(file))?;
    }
    Ok(())
}

/// Replaces a file by what `change` makes of it.
fn replace(
    transaction: &WriteTransaction,
    mut file: AudioFile,
    change: impl FnOnce(&mut AudioFile),
) -> Result<AudioFile, Fault> {
    unlist(transaction, &file)?;
    change(&mut file);
    put(transaction, &file)?;
    Ok(file)
}

pub(super) fn mark_uploaded(
    transaction: &WriteTransaction,
    id: &str,
    size: u64,
    now: Timestamp,
) -> Result<Change<()>, Fault> {
    match found(transaction, id)? {
        Some(file) if file.status == AudioFileStatus::AwaitingUpload => {
            replace(transaction, file, |file| {
                file.status = AudioFileStatus::Uploaded;
                file.size = Some(size);
                file.uploaded_at = Some(now);
            })?;
            Ok(Change::Made(()))
        }
        _ => Ok(Change::None(())),
    }
}

pub(super) fn claim(
    transaction: &WriteTransaction,
    request: &ClaimRequest,
) -> Result<Change<Claim>, Fault> {
    let Some(file) = found_by_object_key(transaction, &request.object_key)? else {
        return Ok(Change::None(Claim::Unknown));
    };
    if file.status.is_final() {
        return Ok(Change::None(Claim::Finished(Box::new(file))));
    }
    if let Some(lease) = &file.lease
        && lease.expires_at > request.now
    {
        return Ok(Change::None(Claim::Busy {
            until: lease.expires_at,
        }));
    }
    let file = replace(transaction, file, |file| {
        file.status = AudioFileStatus::Processing;
        file.size = Some(request.size);
        file.object_version = Some(request.object_version.clone());
        file.lease = Some(Lease {
            holder: request.holder.clone(),
            expires_at: request.now + request.lease,
        });
        file.attempts += 1;
        file.uploaded_at.get_or_insert(request.now);
        file.processing_at = Some(request.now);
    })?;
    Ok(Change::Made(Claim::Granted(Box::new(file))))
}

/// Ends the holder's claim, if the claim is still the holder's; `change` says what becomes of the file.
pub(super) fn leave_processing(
    transaction: &WriteTransaction,
    id: &str,
    holder: &str,
    change: impl FnOnce(&mut AudioFile),
) -> Result<Change<bool>, Fault> {
    let held = |file: &AudioFile| {
        file.status == AudioFileStatus::Processing
            && file
                .lease
                .as_ref()
                .is_some_and(|lease| lease.holder == holder)
    };
    match found(transaction, id)?.filter(held) {
        Some(file) => {
            replace(transaction, file, |file| {
                file.lease = None;
                change(file);
            })?;
            Ok(Change::Made(true))
        }
        None => Ok(Change::None(false)),
    }
}

pub(super) fn expire(
    transaction: &WriteTransaction,
    id: &str,
    failure: Failure,
    now: Timestamp,
) -> Result<Change<bool>, Fault> {
    match found(transaction, id)? {
        Some(file) if file.status == AudioFileStatus::AwaitingUpload => {
            replace(transaction, file, |file| {
                file.status = AudioFileStatus::Failed;
                file.failure = Some(failure);
                file.finished_at = Some(now);
            })?;
            Ok(Change::Made(true))
        }
        _ => Ok(Change::None(false)),
    }
}

pub(super) fn unfinished(
    transaction: &ReadTransaction,
    now: Timestamp,
    limit: usize,
) -> Result<Vec<AudioFile>, Fault> {
    let records = transaction.open_table(AUDIO_FILES)?;
    // Only a file at work has a lease.
    let due = |file: &AudioFile| {
        file.lease
            .as_ref()
            .is_none_or(|lease| lease.expires_at <= now)
    };
    let mut files = Vec::new();
    for entry in transaction.open_table(UNFINISHED)?.iter()? {
        if files.len() >= limit {
            break;
        }
        let file = tables::read_indexed(&records, entry?.0.value().1)?;
        if due(&file) {
            files.push(file);
        }
    }
    Ok(files)
}

pub(super) fn awaiting(
    transaction: &ReadTransaction,
    before: Timestamp,
    request: &PageRequest,
) -> Result<Page<AudioFile>, Fault> {
    let records = transaction.open_table(AUDIO_FILES)?;
    let start = match &request.after {
        Some(cursor) => Bound::Excluded((cursor.created_at.timestamp_millis(), cursor.id.as_str())),
        None => Bound::Unbounded,
    };
    let end = Bound::Excluded((before.timestamp_millis(), ""));
    let mut files = Vec::new();
    // A range that begins after its end is one that nothing is in.
    let empty =
        matches!((&start, &end), (Bound::Excluded(start), Bound::Excluded(end)) if start >= end);
    if !empty {
        for entry in transaction
            .open_table(AWAITING)?
            .range::<(i64, &str)>((start, end))?
        {
            files.push(tables::read_indexed(&records, entry?.0.value().1)?);
            if files.len() > request.room() {
                break;
            }
        }
    }
    Ok(Page::cut(files, request))
}

/// Brings [`tables::ONE_UNFINISHED_LIST`] up to date: puts the files that await their upload on the list of their own.
pub(super) fn relist_awaiting(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut awaiting = transaction.open_table(AWAITING)?;
    let records = transaction.open_table(AUDIO_FILES)?;
    let mut unfinished = transaction.open_table(UNFINISHED)?;
    let mut stays: Result<(), Fault> = Ok(());
    unfinished.retain(|key, ()| {
        let moved = tables::read_indexed(&records, key.1).and_then(|file: AudioFile| {
            let moves = file.status == AudioFileStatus::AwaitingUpload;
            if moves {
                awaiting.insert(key, ())?;
            }
            Ok(moves)
        });
        match moved {
            Ok(moved) => !moved,
            Err(fault) => {
                stays = Err(fault);
                true
            }
        }
    })?;
    stays
}

/// Gives back every claim. At the opening of the store nobody can be at work on a file: whoever was has died with the
/// process that held the store.
pub(super) fn release_all(transaction: &WriteTransaction) -> Result<(), Fault> {
    let mut claimed = Vec::new();
    {
        let records = transaction.open_table(AUDIO_FILES)?;
        for entry in transaction.open_table(UNFINISHED)?.iter()? {
            let file: AudioFile = tables::read_indexed(&records, entry?.0.value().1)?;
            if file.status == AudioFileStatus::Processing {
                claimed.push(file);
            }
        }
    }
    for file in claimed {
        replace(transaction, file, |file| {
            file.status = AudioFileStatus::Uploaded;
            file.lease = None;
        })?;
    }
    Ok(())
}
