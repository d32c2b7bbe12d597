//! The indexes that the guarantees and the lists rest on. Making one that is there already changes nothing, so every
//! process makes sure of them when it connects.

use mongodb::bson::{Document, doc};
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use super::errors::within_time;
use super::{AUDIO_FILES, DETECTIONS, UNFINISHED, USERS};
use crate::audio_files::AudioFileStatus;
use crate::store::{StoreError, word};

/// The unique index of usernames, by the name of its field.
pub(super) const USERNAME: &str = "username_lower";
/// The unique index of e-mail addresses, by the name of its field.
pub(super) const EMAIL: &str = "email_lower";

/// Makes every index that is missing.
pub(super) async fn ensure(database: &Database) -> Result<(), StoreError> {
    let unfinished = UNFINISHED
        .into_iter()
        .map(word)
        .collect::<Result<Vec<_>, _>>()?;
    tokio::try_join!(
        make(database, USERS, vec![unique(USERNAME), unique(EMAIL)]),
        make(
            database,
            AUDIO_FILES,
            vec![
                unique("object_key"),
                index("listed", doc! { "owner": 1, "created_at": -1, "_id": -1 }),
                index(
                    "listed_by_status",
                    doc! { "owner": 1, "status": 1, "created_at": -1, "_id": -1 }
                ),
                // In the order that a reconcile run wants, with all that it asks for, so that only the files that it
                // takes are fetched. Finished files, nearly all of them, are in neither, and files that await their
                // upload, of which anybody makes any number, are not in the way of the others.
                partial(
                    "unfinished_since",
                    doc! { "created_at": 1, "_id": 1, "status": 1, "lease.expires_at": 1 },
                    doc! { "status": { "$in": unfinished } },
                ),
                partial(
                    "awaiting_since",
                    doc! { "created_at": 1, "_id": 1 },
                    doc! { "status": word(AudioFileStatus::AwaitingUpload)? },
                ),
            ],
        ),
        make(
            database,
            DETECTIONS,
            vec![
                index("listed", doc! { "owner": 1, "created_at": -1, "_id": -1 }),
                index(
                    "listed_by_file",
                    doc! { "owner": 1, "audio_file_id": 1, "created_at": -1, "_id": -1 }
                ),
                index(
                    "listed_by_classification",
                    doc! { "owner": 1, "classification": 1, "created_at": -1, "_id": -1 },
                ),
            ],
        ),
    )?;
    Ok(())
}

async fn make(
    database: &Database,
    collection: &str,
    indexes: Vec<IndexModel>,
) -> Result<(), StoreError> {
    within_time(
        database
            .collection::<Document>(collection)
            .create_indexes(indexes),
    )
    .await?;
    Ok(())
}

fn index(name: &str, keys: Document) -> IndexModel {
    IndexModel::builder()
        .keys(keys)
        .options(IndexOptions::builder().name(name.to_owned()).build())
        .build()
}

fn unique(field: &str) -> IndexModel {
    IndexModel::builder()
        .keys(doc! { field: 1 })
        .options(
            IndexOptions::builder()
                .name(field.to_owned())
                .unique(true)
                .build(),
        )
        .build()
}

fn partial(name: &str, keys: Document, filter: Document) -> IndexModel {
    IndexModel::builder()
        .keys(keys)
        .options(
            IndexOptions::builder()
                .name(name.to_owned())
                .partial_filter_expression(filter)
                .build(),
        )
        .build()
}
