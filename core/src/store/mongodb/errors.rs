//! What the driver's errors mean to the store, and how long it waits for an answer.

use std::time::Duration;

use mongodb::error::{Error, ErrorKind, WriteFailure};

use super::indexes::{EMAIL, USERNAME};
use crate::store::{StoreError, UniqueField};

/// The longest a call may take. The driver sets no limit of its own once a server is chosen, so a connection that a
/// network swallowed would hold a request for ever.
const CALL_LIMIT: Duration = Duration::from_secs(15);

/// MongoDB's code for a value that a unique index has already.
const DUPLICATE_KEY: i32 = 11_000;

/// Waits for one call of the driver and says in the store's words what went wrong.
pub(super) async fn within_time<T>(
    call: impl IntoFuture<Output = Result<T, Error>>,
) -> Result<T, StoreError> {
    match tokio::time::timeout(CALL_LIMIT, call.into_future()).await {
        Ok(answer) => answer.map_err(|error| store_error(&error)),
        Err(_) => Err(StoreError::Unavailable(format!(
            "no answer within {} s",
            CALL_LIMIT.as_secs()
        ))),
    }
}

fn store_error(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => {
            StoreError::Taken(taken_field(&write.message))
        }
        ErrorKind::BsonDeserialization(_)
        | ErrorKind::BsonSerialization(_)
        | ErrorKind::Bson(_) => StoreError::Malformed(error.to_string()),
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Which field the server found taken: `E11000 duplicate key error collection: bonafide.users index: email_lower dup key:
/// { email_lower: "..." }`. The driver keeps no more of the server's answer than this message. The name of the index
/// comes before the value, which the user chose, so that no value passes for a name.
fn taken_field(message: &str) -> UniqueField {
    let index = message
        .split_once(" index: ")
        .and_then(|(_, rest)| rest.split_whitespace().next());
    match index {
        Some(USERNAME) => UniqueField::Username,
        Some(EMAIL) => UniqueField::Email,
        _ => UniqueField::Id,
    }
}
