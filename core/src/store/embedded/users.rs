//! How a user and everything that must be unique about her come into the store together.

use redb::WriteTransaction;

use super::Change;
use super::errors::Fault;
use super::tables::{self, EMAILS, USERNAMES, USERS};
use crate::accounts::User;
use crate::store::{StoreError, UniqueField, folded};

/// Adds a user. What was written before a refusal goes with the transaction.
pub(super) fn create(transaction: &WriteTransaction, user: &User) -> Result<Change<()>, Fault> {
    if tables::read::<User>(&transaction.open_table(USERS)?, &user.id)?.is_some() {
        return Err(StoreError::Taken(UniqueField::Id).into());
    }
    for (table, value, field) in [
        (USERNAMES, &user.username, UniqueField::Username),
        (EMAILS, &user.email, UniqueField::Email),
    ] {
        if transaction
            .open_table(table)?
            .insert(folded(value).as_str(), user.id.as_str())?
            .is_some()
        {
            return Err(StoreError::Taken(field).into());
        }
    }
    tables::write(transaction, USERS, &user.id, user)?;
    Ok(Change::Made(()))
}
