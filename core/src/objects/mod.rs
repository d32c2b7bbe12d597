//! Object storage: where the recordings' bytes lie. One [`Bucket`] over Google Cloud Storage, S3 (and whatever speaks its
//! protocol) and a local folder.
//!
//! Keys are plain ASCII (see [`check_key`]), so that no cloud encodes them in a signed URL, in an event or in a path.

mod bucket;
mod cloud;
mod key;
mod local;
mod signing;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use serde::Serialize;
use utoipa::ToSchema;

pub use bucket::Bucket;
pub use key::{MAX_KEY_BYTES, check_key};
pub use local::{LOCAL_OBJECTS_PATH, LocalGrant, LocalSigning, SignatureError, SignedQuery};

use crate::time::Timestamp;

/// Why an object could not be stored, read or signed. Messages are for logs, never for clients.
#[derive(Debug, thiserror::Error)]
pub enum ObjectError {
    /// No object has this key.
    #[error("no such object")]
    NotFound,
    /// An object with this key exists and must not be replaced.
    #[error("the object exists already")]
    Exists,
    /// The object has more bytes than the caller accepts.
    #[error("the object has more than {limit} bytes")]
    TooLarge {
        /// The most bytes that the caller accepts.
        limit: u64,
    },
    /// The key is not one that this house makes; see [`check_key`].
    #[error("not an object key of ours: {0:?}")]
    InvalidKey(String),
    /// The content type cannot be an HTTP header value.
    #[error("not a content type: {0:?}")]
    InvalidContentType(String),
    /// The bucket's or the server's own URL is unusable: wrong configuration.
    #[error("unusable storage URL: {0}")]
    InvalidUrl(String),
    /// The storage did not do it: network, credentials, permissions or a fault of its own. Worth another try.
    #[error("object storage is unavailable: {0}")]
    Unavailable(String),
}

impl From<object_store::Error> for ObjectError {
    fn from(error: object_store::Error) -> Self {
        match error {
            object_store::Error::NotFound { .. } => Self::NotFound,
            object_store::Error::AlreadyExists { .. }
            | object_store::Error::Precondition { .. } => Self::Exists,
            other => Self::Unavailable(other.to_string()),
        }
    }
}

/// What the bucket knows of one stored object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Bytes.
    pub size: u64,
    /// Changes whenever the object's bytes are written: generation (Google Cloud Storage), version id or else unquoted
    /// ETag (S3), unquoted ETag (local folder). The same value as in the bucket's storage events.
    pub version: String,
}

/// A request that a client may send once, without credentials, to put the bytes of one object.
///
/// The headers are bound by the signature and must be sent exactly as given. Where the storage supports it they also
/// refuse to replace an object, so a client that repeats an upload that did succeed gets 409 or 412.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SignedUpload {
    /// HTTP method of the request, always `PUT`.
    #[schema(value_type = String, example = "PUT")]
    pub method: &'static str,
    /// Where to send the bytes.
    pub url: String,
    /// Headers to send with the bytes.
    pub headers: BTreeMap<String, String>,
    /// When the URL stops working.
    #[schema(value_type = String, format = DateTime)]
    pub expires_at: Timestamp,
}

/// The version under which an object is known to us: its version id, else its ETag without quotes.
///
/// S3 reports the version id `null` for objects written while versioning is off, which tells nothing apart.
pub(crate) fn object_version(version: Option<&str>, e_tag: Option<&str>) -> Option<String> {
    let present = |text: &&str| !text.is_empty();
    let version = version.filter(present).filter(|version| *version != "null");
    let e_tag = e_tag
        .map(|e_tag| e_tag.strip_prefix("W/").unwrap_or(e_tag).trim_matches('"'))
        .filter(present);
    version.or(e_tag).map(str::to_owned)
}
