//! What the embedded database's errors mean to the store.

use std::io::ErrorKind;

use crate::store::StoreError;

/// An error inside a transaction: the store's own, or the database's. It lets `?` work on both.
#[derive(Debug)]
pub(super) enum Fault {
    Store(StoreError),
    Database(redb::Error),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

macro_rules! from_database_errors {
    ($($error:ty),*) => {$(
        impl From<$error> for Fault {
            fn from(error: $error) -> Self {
                Self::Database(error.into())
            }
        }
    )*};
}

from_database_errors!(
    redb::CommitError,
    redb::DatabaseError,
    redb::StorageError,
    redb::TableError,
    redb::TransactionError
);

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        Self::Store(StoreError::Malformed(error.to_string()))
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Store(error) => error,
            Fault::Database(
                error @ (redb::Error::Corrupted(_) | redb::Error::UpgradeRequired(_)),
            ) => Self::Malformed(error.to_string()),
            // What the database says of a file that is none of its own.
            Fault::Database(redb::Error::Io(error)) if error.kind() == ErrorKind::InvalidData => {
                Self::Malformed(error.to_string())
            }
            Fault::Database(redb::Error::DatabaseAlreadyOpen) => Self::Unavailable(
                "the file is open in another process; stop that one or choose another file"
                    .to_owned(),
            ),
            Fault::Database(error) => Self::Unavailable(error.to_string()),
        }
    }
}
