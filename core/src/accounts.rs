//! Accounts: who may sign in, and how passwords are kept.

use std::sync::LazyLock;

use argon2::Argon2;
use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Semaphore;
use uuid::Uuid;

use crate::time::Timestamp;

/// A registered user.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// UUID version 7.
    pub id: String,
    /// Unique without case.
    pub username: String,
    /// Unique without case.
    pub email: String,
    /// Argon2id in PHC string format.
    pub password_hash: String,
    /// When the user signed up.
    pub created_at: Timestamp,
}

impl User {
    /// A new user.
    pub fn new(username: &str, email: &str, password_hash: String, created_at: Timestamp) -> Self {
        Self {
            id: Uuid::now_v7().to_string(),
            username: username.to_owned(),
            email: email.to_owned(),
            password_hash,
            created_at,
        }
    }
}

/// A password could not be hashed.
#[derive(Debug, thiserror::Error)]
#[error("password hashing failed: {0}")]
pub struct PasswordError(String);

/// As many hashes at once as there are cores: each takes 19 MiB, and a crowd at the door must not take all memory.
static CORES: LazyLock<Semaphore> =
    LazyLock::new(|| Semaphore::new(std::thread::available_parallelism().map_or(1, usize::from)));

/// Runs a hash off the async threads, when a core is free for it.
async fn when_a_core_is_free<T: Send + 'static>(
    hash: impl FnOnce() -> T + Send + 'static,
) -> Result<T, PasswordError> {
    let failed = |error: &dyn std::fmt::Display| PasswordError(error.to_string());
    let core = CORES.acquire().await.map_err(|error| failed(&error))?;
    tokio::task::spawn_blocking(move || {
        let _held = core;
        hash()
    })
    .await
    .map_err(|error| failed(&error))
}

/// Hashes a password by Argon2id (19 MiB, 2 passes: the parameters of the OWASP password storage cheat sheet), off the
/// async threads.
pub async fn hash_password(password: SecretString) -> Result<String, PasswordError> {
    when_a_core_is_free(move || {
        Argon2::default()
            .hash_password(password.expose_secret().as_bytes())
            .map(|hash| hash.to_string())
            .map_err(|error| PasswordError(error.to_string()))
    })
    .await?
}

/// Whether `password` is the one that `user` signed up with, off the async threads.
///
/// Without a user it verifies against a hash that no password has, so that the time taken does not tell whether the
/// account exists.
pub async fn verify_password(user: Option<&User>, password: SecretString) -> bool {
    const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let hash = user.map_or_else(|| NOBODY.to_owned(), |user| user.password_hash.clone());
    let matches = when_a_core_is_free(move || {
        PasswordHash::new(&hash).is_ok_and(|hash| {
            Argon2::default()
                .verify_password(password.expose_secret().as_bytes(), &hash)
                .is_ok()
        })
    });
    matches.await.unwrap_or(false) && user.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::now;

    #[tokio::test]
    async fn only_the_right_password_of_an_existing_user_is_accepted() {
        let hash = hash_password("correct horse".into()).await.unwrap();
        assert!(hash.starts_with("$argon2id$"), "{hash}");
        let user = User::new("ada", "ada@example.org", hash, now());
        assert!(verify_password(Some(&user), "correct horse".into()).await);
        assert!(!verify_password(Some(&user), "correct horsf".into()).await);
        assert!(!verify_password(None, "correct horse".into()).await);
    }
}
