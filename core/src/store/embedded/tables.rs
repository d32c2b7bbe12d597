//! The tables of the file, and how records get in and out of them. Records are JSON; every other table is an index that
//! the same transaction keeps.

use redb::{ReadableTable, TableDefinition, WriteTransaction};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::errors::Fault;
use crate::audio_files::AudioFile;
use crate::detections::Detection;
use crate::store::{Cursor, Listed, Page, PageRequest, StoreError, word};

/// What is known of the file itself: `layout` is the version of everything in this module.
pub(super) const FILE: TableDefinition<'_, &str, u32> = TableDefinition::new("file");
/// The layout that this code reads and writes.
pub(super) const LAYOUT: u32 = 2;
/// The layout in which [`UNFINISHED`] held what [`AWAITING`] holds now.
pub(super) const ONE_UNFINISHED_LIST: u32 = 1;

/// A table of records: id to JSON.
pub(super) type Records<'a> = TableDefinition<'a, &'static str, &'static [u8]>;
/// A table of unique values: value to the id of its only record.
pub(super) type Unique<'a> = TableDefinition<'a, &'static str, &'static str>;
/// A key of a list: owner, shelf, creation time in milliseconds, id. A shelf is what one filter selects; each record
/// stands on every shelf whose filter it passes, so a filtered page is a range of keys as well.
pub(super) type ListKey = (&'static str, &'static str, i64, &'static str);
/// A table of lists.
pub(super) type Lists<'a> = TableDefinition<'a, ListKey, ()>;
/// A table of files of all owners by age: creation time in milliseconds and id.
pub(super) type ByAge<'a> = TableDefinition<'a, (i64, &'static str), ()>;

pub(super) const USERS: Records<'_> = TableDefinition::new("users");
pub(super) const USERNAMES: Unique<'_> = TableDefinition::new("usernames");
pub(super) const EMAILS: Unique<'_> = TableDefinition::new("emails");

pub(super) const AUDIO_FILES: Records<'_> = TableDefinition::new("audio_files");
pub(super) const OBJECT_KEYS: Unique<'_> = TableDefinition::new("object_keys");
pub(super) const AUDIO_FILE_LISTS: Lists<'_> = TableDefinition::new("audio_file_lists");
/// Files that are `uploaded` or `processing`.
pub(super) const UNFINISHED: ByAge<'_> = TableDefinition::new("unfinished_audio_files");
/// Files that are `awaiting_upload`.
pub(super) const AWAITING: ByAge<'_> = TableDefinition::new("awaiting_audio_files");

pub(super) const DETECTIONS: Records<'_> = TableDefinition::new("detections");
pub(super) const DETECTION_LISTS: Lists<'_> = TableDefinition::new("detection_lists");

/// The shelf of everything that an owner has.
pub(super) const EVERYTHING: &str = "";

/// Makes the tables that are missing: a reader cannot open what no writer has made.
pub(super) fn make(transaction: &WriteTransaction) -> Result<(), Fault> {
    for records in [USERS, AUDIO_FILES, DETECTIONS] {
        transaction.open_table(records)?;
    }
    for unique in [USERNAMES, EMAILS, OBJECT_KEYS] {
        transaction.open_table(unique)?;
    }
    for lists in [AUDIO_FILE_LISTS, DETECTION_LISTS] {
        transaction.open_table(lists)?;
    }
    for by_age in [UNFINISHED, AWAITING] {
        transaction.open_table(by_age)?;
    }
    Ok(())
}

/// The record with this id.
pub(super) fn read<T: DeserializeOwned>(
    records: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> Result<Option<T>, Fault> {
    match records.get(id)? {
        Some(json) => Ok(Some(serde_json::from_slice(json.value())?)),
        None => Ok(None),
    }
}

/// The record to which an index points.
pub(super) fn read_indexed<T: DeserializeOwned>(
    records: &impl ReadableTable<&'static str, &'static [u8]>,
    id: &str,
) -> Result<T, Fault> {
    read(records, id)?.ok_or_else(|| {
        StoreError::Malformed(format!("an index names {id}, which is not there")).into()
    })
}

/// Writes a record in place of the one with its id, if any.
pub(super) fn write(
    transaction: &WriteTransaction,
    table: Records<'_>,
    id: &str,
    record: &impl Serialize,
) -> Result<(), Fault> {
    let json = serde_json::to_vec(record)?;
    transaction.open_table(table)?.insert(id, json.as_slice())?;
    Ok(())
}

/// The shelves on which a file stands.
pub(super) fn audio_file_shelves(file: &AudioFile) -> Result<[String; 2], Fault> {
    Ok([EVERYTHING.to_owned(), word(file.status)?])
}

/// The shelf of one file's detections.
pub(super) fn shelf_of_file(audio_file_id: &str) -> String {
    format!("file/{audio_file_id}")
}

/// The shelves on which a detection stands.
pub(super) fn detection_shelves(detection: &Detection) -> Result<[String; 3], Fault> {
    Ok([
        EVERYTHING.to_owned(),
        word(detection.summary.classification)?,
        shelf_of_file(&detection.audio_file_id),
    ])
}

/// Puts a record on its shelves.
pub(super) fn shelve(
    transaction: &WriteTransaction,
    lists: Lists<'_>,
    owner: &str,
    shelves: &[String],
    position: &Cursor,
) -> Result<(), Fault> {
    let mut lists = transaction.open_table(lists)?;
    for shelf in shelves {
        lists.insert(
            (
                owner,
                shelf.as_str(),
                position.created_at.timestamp_millis(),
                position.id.as_str(),
            ),
            (),
        )?;
    }
    Ok(())
}

/// Takes a record off its shelves.
pub(super) fn unshelve(
    transaction: &WriteTransaction,
    lists: Lists<'_>,
    owner: &str,
    shelves: &[String],
    position: &Cursor,
) -> Result<(), Fault> {
    let mut lists = transaction.open_table(lists)?;
    for shelf in shelves {
        lists.remove((
            owner,
            shelf.as_str(),
            position.created_at.timestamp_millis(),
            position.id.as_str(),
        ))?;
    }
    Ok(())
}

/// One page of a shelf, newest first, of the records that `keep` wants.
pub(super) fn page<T: Listed + DeserializeOwned>(
    lists: &impl ReadableTable<ListKey, ()>,
    records: &impl ReadableTable<&'static str, &'static [u8]>,
    (owner, shelf): (&str, &str),
    request: &PageRequest,
    keep: impl Fn(&T) -> bool,
) -> Result<Page<T>, Fault> {
    // No record is as late as the end, so the end itself need not be included.
    let (end, end_id) = match &request.after {
        Some(cursor) => (cursor.created_at.timestamp_millis(), cursor.id.as_str()),
        None => (i64::MAX, ""),
    };
    let mut items = Vec::new();
    for entry in lists
        .range((owner, shelf, i64::MIN, "")..(owner, shelf, end, end_id))?
        .rev()
    {
        let (key, _) = entry?;
        let record = read_indexed(records, key.value().3)?;
        if keep(&record) {
            items.push(record);
        }
        if items.len() > request.room() {
            break;
        }
    }
    Ok(Page::cut(items, request))
}
