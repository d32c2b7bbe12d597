//! What the driver's errors mean to the store, and how long it waits for an answer.

use std::time::Duration;

use mongodb::bson::RawDocumentBuf;
use mongodb::error::{Error, ErrorKind, WriteFailure};

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
        Err(_) => Err(StoreError::Unavailable(format!("no answer within {} s", CALL_LIMIT.as_secs()))),
    }
}

fn store_error(error: &Error) -> StoreError {
    match error.kind.as_ref() {
        ErrorKind::Write(WriteFailure::WriteError(write)) if write.code == DUPLICATE_KEY => {
            StoreError::Taken(taken_field(error.server_response()))
        }
        ErrorKind::BsonDeserialization(_) | ErrorKind::BsonSerialization(_) | ErrorKind::Bson(_) => {
            StoreError::Malformed(error.to_string())
        }
        _ => StoreError::Unavailable(error.to_string()),
    }
}

/// Which field the server found taken. It is read from `keyPattern`, never from the message: that quotes the value,
/// which the user chose.
fn taken_field(response: Option<&RawDocumentBuf>) -> UniqueField {
    let first_field = || -> Option<String> {
        let failure = response?.get_array("writeErrors").ok()?.into_iter().next()?.ok()?;
        let (field, _) = failure.as_document()?.get_document("keyPattern").ok()?.into_iter().next()?.ok()?;
        Some(field.as_str().to_owned())
    };
    match first_field().as_deref() {
        Some("username_lower") => UniqueField::Username,
        Some("email_lower") => UniqueField::Email,
        _ => UniqueField::Id,
    }
}
