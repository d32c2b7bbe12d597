//! The local folder as a bucket, and its own signed URLs.
//!
//! The signature is HMAC-SHA256 over everything that the URL allows: method, key, expiry, size limit, content type.

use std::time::Duration;

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use hmac::{Hmac, KeyInit, Mac};
use object_store::local::LocalFileSystem;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use sha2::Sha256;
use url::Url;
use utoipa::IntoParams;

use super::{ObjectError, check_key};
use crate::time::{Timestamp, now};

/// The route below which the local folder's signed URLs lie, with its trailing slash.
pub const LOCAL_OBJECTS_PATH: &str = "/api/v1/objects/";

/// Separates these signatures from whatever else is signed with the same secret.
const PURPOSE: &str = "bonafide-object-v1";

/// What the local folder needs to sign URLs of its own.
#[derive(Clone, Debug)]
pub struct LocalSigning {
    /// Where clients reach this server, for example `http://127.0.0.1:8000`.
    pub public_url: String,
    /// The key of the signatures.
    pub secret: SecretString,
}

/// The query of a signed URL of the local folder, unverified. Absent fields are empty, so that a request without a
/// signature is refused by [`verify_local`](super::Bucket::verify_local) like one with a wrong signature.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
pub struct SignedQuery {
    /// When the URL stops working, in seconds since 1970.
    pub expires: String,
    /// Most bytes of an upload; absent for a download.
    pub max_bytes: String,
    /// Content type of an upload; absent for a download.
    pub content_type: String,
    /// HMAC-SHA256, lower-case hexadecimal.
    pub signature: String,
}

/// What a verified request to a signed URL may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LocalGrant {
    /// The one object that it may read or create.
    pub key: String,
    /// Most bytes that it may upload; 0 for a download.
    pub max_bytes: u64,
    /// The content type with which it must upload; empty for a download.
    pub content_type: String,
    /// When the grant ends.
    pub expires_at: Timestamp,
}

/// Why a request to a signed URL is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// The bucket is not a local folder: it has no signed routes here.
    #[error("the bucket has no signed routes on this server")]
    NotLocal,
    /// The signature is missing, or is not ours for this method, key and query.
    #[error("the signature does not match the request")]
    Invalid,
    /// The signature was ours, but its time is over.
    #[error("the signed URL has expired")]
    Expired,
}

/// A folder that plays the bucket.
#[derive(Clone)]
pub(super) struct LocalFolder {
    pub(super) name: String,
    pub(super) address: Url,
    pub(super) store: LocalFileSystem,
    secret: SecretString,
}

impl LocalFolder {
    pub(super) fn open(url: &Url, signing: LocalSigning) -> Result<Self, ObjectError> {
        let folder = url
            .to_file_path()
            .map_err(|()| ObjectError::InvalidUrl(format!("{url}: not a local folder")))?;
        let address = Url::parse(&format!(
            "{}{LOCAL_OBJECTS_PATH}",
            signing.public_url.trim_end_matches('/')
        ))
        .map_err(|error| ObjectError::InvalidUrl(format!("{}: {error}", signing.public_url)))?;
        if !matches!(address.scheme(), "http" | "https")
            || address.query().is_some()
            || address.fragment().is_some()
        {
            return Err(ObjectError::InvalidUrl(format!(
                "{}: not the address of a server",
                signing.public_url
            )));
        }
        if signing.secret.expose_secret().is_empty() {
            return Err(ObjectError::Unavailable(
                "signed URLs need a secret, and it is empty".to_owned(),
            ));
        }
        std::fs::create_dir_all(&folder)
            .map_err(|error| ObjectError::Unavailable(format!("{}: {error}", folder.display())))?;
        let name = folder
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("local")
            .to_owned();
        // Durable like a cloud's put: an accepted recording survives a power cut. Deleting the last recording of a user
        // leaves no folder with the user's id behind.
        let store = LocalFileSystem::new_with_prefix(&folder)?
            .with_fsync(true)
            .with_automatic_cleanup(true);
        Ok(Self {
            name,
            address,
            store,
            secret: signing.secret,
        })
    }

    pub(super) fn upload_url(
        &self,
        key: &str,
        content_type: &str,
        max_bytes: u64,
        expires_at: Timestamp,
    ) -> Url {
        let expires = expires_at.timestamp();
        let signature = self
            .mac("PUT", key, expires, max_bytes, content_type)
            .finalize()
            .into_bytes();
        let mut url = self.object_url(key);
        url.query_pairs_mut()
            .append_pair("expires", &expires.to_string())
            .append_pair("max_bytes", &max_bytes.to_string())
            .append_pair("content_type", content_type)
            .append_pair("signature", &hex::encode(signature));
        url
    }

    pub(super) fn download_url(&self, key: &str, expires_at: Timestamp) -> Url {
        let expires = expires_at.timestamp();
        let signature = self.mac("GET", key, expires, 0, "").finalize().into_bytes();
        let mut url = self.object_url(key);
        url.query_pairs_mut()
            .append_pair("expires", &expires.to_string())
            .append_pair("signature", &hex::encode(signature));
        url
    }

    pub(super) fn verify(
        &self,
        method: &str,
        key: &str,
        query: &SignedQuery,
        now: Timestamp,
    ) -> Result<LocalGrant, SignatureError> {
        let method = match method {
            "HEAD" => "GET",
            other => other,
        };
        check_key(key).map_err(|_| SignatureError::Invalid)?;
        let expires: i64 = query.expires.parse().map_err(|_| SignatureError::Invalid)?;
        let max_bytes: u64 = match query.max_bytes.as_str() {
            "" => 0,
            digits => digits.parse().map_err(|_| SignatureError::Invalid)?,
        };
        let signature = hex::decode(&query.signature).map_err(|_| SignatureError::Invalid)?;
        // Compares in constant time.
        self.mac(method, key, expires, max_bytes, &query.content_type)
            .verify_slice(&signature)
            .map_err(|_| SignatureError::Invalid)?;
        let expires_at =
            DateTime::<Utc>::from_timestamp(expires, 0).ok_or(SignatureError::Invalid)?;
        if now >= expires_at {
            return Err(SignatureError::Expired);
        }
        Ok(LocalGrant {
            key: key.to_owned(),
            max_bytes,
            content_type: query.content_type.clone(),
            expires_at,
        })
    }

    /// No field but the last can hold a line break, so two different grants never have the same text.
    fn mac(
        &self,
        method: &str,
        key: &str,
        expires: i64,
        max_bytes: u64,
        content_type: &str,
    ) -> Hmac<Sha256> {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of every length")]
        let mut mac = Hmac::<Sha256>::new_from_slice(self.secret.expose_secret().as_bytes())
            .expect("any key length");
        mac.update(
            format!("{PURPOSE}\n{method}\n{key}\n{expires}\n{max_bytes}\n{content_type}")
                .as_bytes(),
        );
        mac
    }

    /// Keys hold no character that a URL would encode.
    fn object_url(&self, key: &str) -> Url {
        let mut url = self.address.clone();
        let path = format!("{}{key}", self.address.path());
        url.set_path(&path);
        url
    }
}

/// The moment `ttl` from now in whole seconds, as signatures carry it.
pub(super) fn expiry(ttl: Duration) -> Result<Timestamp, ObjectError> {
    TimeDelta::from_std(ttl)
        .ok()
        .and_then(|ttl| now().trunc_subsecs(0).checked_add_signed(ttl))
        .map(|moment| moment.trunc_subsecs(0))
        .ok_or_else(|| ObjectError::Unavailable("a signed URL cannot live that long".to_owned()))
}
