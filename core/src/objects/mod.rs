//! Object storage: where the recordings' bytes lie. One [`Bucket`] over Google Cloud Storage, S3 (and whatever speaks its
//! protocol) and a local folder.
//!
//! Keys are plain ASCII (see [`check_key`]), so that no cloud encodes them in a signed URL, in an event or in a path.

mod cloud;
mod key;
mod local;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use ::http::{HeaderMap, HeaderName, HeaderValue, Method};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use object_store::{
    Attribute, Attributes, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload,
};
use serde::Serialize;
use url::Url;
use utoipa::ToSchema;

pub use key::{MAX_KEY_BYTES, check_key};
pub use local::{LOCAL_OBJECTS_PATH, LocalGrant, LocalSigning, SignatureError, SignedQuery};

use crate::time::Timestamp;
use cloud::{GcsBucket, S3Bucket};
use local::LocalFolder;

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

/// One bucket, whatever its home. Cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    name: String,
    /// The bases under which an object's URL may lie, each with a trailing slash.
    addresses: Vec<Url>,
    backend: Backend,
}

#[derive(Clone)]
enum Backend {
    Gcs(GcsBucket),
    S3(S3Bucket),
    Local(LocalFolder),
}

impl fmt::Debug for Bucket {
    /// Without the backend, whose own output may show credentials.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Bucket")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Bucket {
    /// Opens `gs://bucket`, `s3://bucket` or `file:///folder` (made if missing).
    ///
    /// Credentials of the clouds come from their usual environment: for Google `GOOGLE_SERVICE_ACCOUNT`,
    /// `GOOGLE_APPLICATION_CREDENTIALS` or the metadata server; for S3 `AWS_ACCESS_KEY_ID` and its kin, a web identity or
    /// the function's role. `AWS_ENDPOINT_URL`, `AWS_ALLOW_HTTP` and `AWS_CONDITIONAL_PUT=disabled` serve self-hosted
    /// buckets, `GOOGLE_BASE_URL` an emulator. Nothing is sent yet: wrong credentials show at the first use.
    ///
    /// `signing` is used by the local folder only.
    ///
    /// # Errors
    /// [`ObjectError::InvalidUrl`] for any other URL, [`ObjectError::Unavailable`] where the folder cannot be made or the
    /// cloud's environment is contradictory.
    pub fn open(url: &str, signing: LocalSigning) -> Result<Self, ObjectError> {
        let parsed =
            Url::parse(url).map_err(|error| ObjectError::InvalidUrl(format!("{url}: {error}")))?;
        match parsed.scheme() {
            "file" => LocalFolder::open(&parsed, signing).map(Self::local),
            "gs" => GcsBucket::open(GcsBucket::environment(), bucket_name(&parsed)?).map(Self::gcs),
            "s3" => S3Bucket::open(S3Bucket::environment(), bucket_name(&parsed)?).map(Self::s3),
            _ => Err(ObjectError::InvalidUrl(format!(
                "{url}: expected gs://bucket, s3://bucket or file:///folder"
            ))),
        }
    }

    fn gcs(bucket: GcsBucket) -> Self {
        Self {
            name: bucket.name.clone(),
            addresses: bucket.addresses.clone(),
            backend: Backend::Gcs(bucket),
        }
    }

    fn s3(bucket: S3Bucket) -> Self {
        Self {
            name: bucket.name.clone(),
            addresses: bucket.addresses.clone(),
            backend: Backend::S3(bucket),
        }
    }

    fn local(folder: LocalFolder) -> Self {
        Self {
            name: folder.name.clone(),
            addresses: vec![folder.address.clone()],
            backend: Backend::Local(folder),
        }
    }

    /// The bucket's name as storage events carry it; for a local folder the last component of its path.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether this is a local folder: it sends no events by itself and its signed URLs lead to our own routes.
    pub fn is_local(&self) -> bool {
        matches!(self.backend, Backend::Local(_))
    }

    /// Stores an object, replacing one of the same key.
    ///
    /// # Errors
    /// [`ObjectError::InvalidKey`], [`ObjectError::InvalidContentType`] or [`ObjectError::Unavailable`].
    pub async fn put(
        &self,
        key: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<ObjectInfo, ObjectError> {
        self.put_with(PutMode::Overwrite, key, content_type, bytes)
            .await
    }

    /// Like [`put`](Self::put), but refuses where the object exists; of racing writers exactly one succeeds.
    ///
    /// # Errors
    /// [`ObjectError::Exists`], and those of [`put`](Self::put).
    pub async fn put_new(
        &self,
        key: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<ObjectInfo, ObjectError> {
        self.put_with(PutMode::Create, key, content_type, bytes)
            .await
    }

    async fn put_with(
        &self,
        mode: PutMode,
        key: &str,
        content_type: &str,
        bytes: Bytes,
    ) -> Result<ObjectInfo, ObjectError> {
        let path = path_of(key)?;
        content_type_header(content_type)?;
        let size = bytes.len() as u64;
        // A plain folder has no place for a content type and refuses attributes.
        let attributes = if self.is_local() {
            Attributes::new()
        } else {
            Attributes::from_iter([(Attribute::ContentType, content_type.to_owned())])
        };
        let options = PutOptions {
            mode,
            attributes,
            ..PutOptions::default()
        };
        let result = self
            .store()
            .put_opts(&path, PutPayload::from(bytes), options)
            .await?;
        Ok(ObjectInfo {
            size,
            version: version_of(result.version, result.e_tag)?,
        })
    }

    /// Reads a whole object, but never more than `max_bytes` of it.
    ///
    /// # Errors
    /// [`ObjectError::NotFound`], [`ObjectError::TooLarge`], [`ObjectError::InvalidKey`] or [`ObjectError::Unavailable`].
    pub async fn get(&self, key: &str, max_bytes: u64) -> Result<(Bytes, ObjectInfo), ObjectError> {
        let result = self.store().get(&path_of(key)?).await?;
        let info = info_of(&result.meta)?;
        let too_large = ObjectError::TooLarge { limit: max_bytes };
        if info.size > max_bytes {
            return Err(too_large);
        }
        let bytes = match &result.payload {
            // Reads the range measured above, even if the file grows meanwhile.
            GetResultPayload::File(..) => result.bytes().await?,
            GetResultPayload::Stream(_) => {
                let mut collected = BytesMut::new();
                let mut chunks = result.into_stream();
                while let Some(chunk) = chunks.try_next().await? {
                    // The announced size is the server's word; the limit holds whatever it sends.
                    if (collected.len() + chunk.len()) as u64 > max_bytes {
                        return Err(too_large);
                    }
                    collected.extend_from_slice(&chunk);
                }
                collected.freeze()
            }
        };
        Ok((bytes, info))
    }

    /// Size and version of an object, `None` where there is none.
    ///
    /// S3 tells a missing object from a forbidden one only to callers that may list the bucket.
    ///
    /// # Errors
    /// [`ObjectError::InvalidKey`] or [`ObjectError::Unavailable`].
    pub async fn head(&self, key: &str) -> Result<Option<ObjectInfo>, ObjectError> {
        match self.store().head(&path_of(key)?).await {
            Ok(meta) => info_of(&meta).map(Some),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes an object; one that is not there is fine.
    ///
    /// # Errors
    /// [`ObjectError::InvalidKey`] or [`ObjectError::Unavailable`].
    pub async fn delete(&self, key: &str) -> Result<(), ObjectError> {
        match self.store().delete(&path_of(key)?).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Signs an upload of at most `max_bytes` of `content_type` to a key that has no object yet.
    ///
    /// Google Cloud Storage and the local folder refuse more bytes by themselves. S3 cannot bind a size in a presigned
    /// PUT: there, [`head`](Self::head) or [`get`](Self::get) tells when the event arrives.
    ///
    /// # Errors
    /// [`ObjectError::InvalidKey`], [`ObjectError::InvalidContentType`] or [`ObjectError::Unavailable`] (no credentials).
    pub async fn sign_upload(
        &self,
        key: &str,
        content_type: &str,
        max_bytes: u64,
        ttl: Duration,
    ) -> Result<SignedUpload, ObjectError> {
        let path = path_of(key)?;
        let expires_at = local::expiry(ttl)?;
        let mut headers = HeaderMap::new();
        headers.insert(
            ::http::header::CONTENT_TYPE,
            content_type_header(content_type)?,
        );
        let url = match &self.backend {
            Backend::Local(folder) => folder.upload_url(key, content_type, max_bytes, expires_at),
            Backend::Gcs(bucket) => {
                // At least one byte: an empty recording is of no use to anyone.
                let range =
                    HeaderValue::from_str(&format!("1,{max_bytes}")).map_err(unavailable)?;
                headers.insert(
                    HeaderName::from_static("x-goog-content-length-range"),
                    range,
                );
                // Generation 0 means "no object": the URL works once.
                headers.insert(
                    HeaderName::from_static("x-goog-if-generation-match"),
                    HeaderValue::from_static("0"),
                );
                sign(&bucket.store, Method::PUT, &path, ttl, &headers).await?
            }
            Backend::S3(bucket) => {
                if bucket.conditional_put {
                    headers.insert(::http::header::IF_NONE_MATCH, HeaderValue::from_static("*"));
                }
                sign(&bucket.store, Method::PUT, &path, ttl, &headers).await?
            }
        };
        let headers = headers
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        Ok(SignedUpload {
            method: "PUT",
            url: url.into(),
            headers,
            expires_at,
        })
    }

    /// Signs a `GET` of one object. Whether the object exists is not checked.
    ///
    /// # Errors
    /// [`ObjectError::InvalidKey`] or [`ObjectError::Unavailable`] (no credentials).
    pub async fn sign_download(&self, key: &str, ttl: Duration) -> Result<Url, ObjectError> {
        let path = path_of(key)?;
        match &self.backend {
            Backend::Local(folder) => Ok(folder.download_url(key, local::expiry(ttl)?)),
            Backend::Gcs(bucket) => {
                sign(&bucket.store, Method::GET, &path, ttl, &HeaderMap::new()).await
            }
            Backend::S3(bucket) => {
                sign(&bucket.store, Method::GET, &path, ttl, &HeaderMap::new()).await
            }
        }
    }

    /// Checks a request to one of the local folder's own signed URLs: method (`HEAD` counts as `GET`), key, expiry, size
    /// limit and content type are all bound by the signature.
    ///
    /// # Errors
    /// [`SignatureError`]; to the client all of them are 403.
    pub fn verify_local(
        &self,
        method: &str,
        key: &str,
        query: &SignedQuery,
    ) -> Result<LocalGrant, SignatureError> {
        match &self.backend {
            Backend::Local(folder) => folder.verify(method, key, query, crate::time::now()),
            Backend::Gcs(_) | Backend::S3(_) => Err(SignatureError::NotLocal),
        }
    }

    /// The key of the object that a URL names, if the URL points into this bucket: `gs://` and `s3://`, the clouds'
    /// path-style and virtual-host addresses, a self-hosted endpoint, the local folder's signed routes.
    ///
    /// A signature in the URL is not looked at: the caller reads the object with this server's own rights, so ask only
    /// for callers who may read any object.
    pub fn key_of_url(&self, url: &Url) -> Option<String> {
        self.addresses
            .iter()
            .find_map(|address| key::under(address, url))
    }

    fn store(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::Gcs(bucket) => &bucket.store,
            Backend::S3(bucket) => &bucket.store,
            Backend::Local(folder) => &folder.store,
        }
    }
}

async fn sign(
    signer: &dyn Signer,
    method: Method,
    path: &Path,
    ttl: Duration,
    headers: &HeaderMap,
) -> Result<Url, ObjectError> {
    let mut options = SignedUrlOptions::default();
    options.signed_headers = headers.clone();
    Ok(signer.signed_url_opts(method, path, ttl, &options).await?)
}

fn path_of(key: &str) -> Result<Path, ObjectError> {
    check_key(key)?;
    Path::parse(key).map_err(|_| ObjectError::InvalidKey(key.to_owned()))
}

fn content_type_header(content_type: &str) -> Result<HeaderValue, ObjectError> {
    // Visible ASCII and inner spaces: what every signer canonicalises alike.
    let plain = content_type.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if content_type.is_empty() || content_type.trim() != content_type || !plain {
        return Err(ObjectError::InvalidContentType(content_type.to_owned()));
    }
    HeaderValue::from_str(content_type)
        .map_err(|_| ObjectError::InvalidContentType(content_type.to_owned()))
}

fn bucket_name(url: &Url) -> Result<&str, ObjectError> {
    let whole_bucket =
        matches!(url.path(), "" | "/") && url.query().is_none() && url.fragment().is_none();
    match url.host_str() {
        Some(name) if whole_bucket && !name.is_empty() => Ok(name),
        _ => Err(ObjectError::InvalidUrl(format!(
            "{url}: expected a bucket and nothing else"
        ))),
    }
}

fn info_of(meta: &ObjectMeta) -> Result<ObjectInfo, ObjectError> {
    Ok(ObjectInfo {
        size: meta.size,
        version: version_of(meta.version.clone(), meta.e_tag.clone())?,
    })
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

fn version_of(version: Option<String>, e_tag: Option<String>) -> Result<String, ObjectError> {
    object_version(version.as_deref(), e_tag.as_deref()).ok_or_else(|| {
        ObjectError::Unavailable("the storage names neither a version nor an ETag".to_owned())
    })
}

fn unavailable(error: impl fmt::Display) -> ObjectError {
    ObjectError::Unavailable(error.to_string())
}
