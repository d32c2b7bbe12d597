//! A bucket and what is done with its objects.

use std::fmt;

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::HeaderValue;
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, GetResultPayload, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload,
};
use url::Url;

use super::cloud::{GcsBucket, S3Bucket};
use super::local::{LocalFolder, LocalSigning};
use super::{ObjectError, ObjectInfo, check_key, object_version};

/// One bucket, whatever its home. Cheap to clone.
#[derive(Clone)]
pub struct Bucket {
    pub(super) name: String,
    /// The bases under which an object's URL may lie, each with a trailing slash.
    pub(super) addresses: Vec<Url>,
    pub(super) backend: Backend,
}

/// A bucket's home.
#[derive(Clone)]
pub(super) enum Backend {
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

    pub(super) fn gcs(bucket: GcsBucket) -> Self {
        Self {
            name: bucket.name.clone(),
            addresses: bucket.addresses.clone(),
            backend: Backend::Gcs(bucket),
        }
    }

    pub(super) fn s3(bucket: S3Bucket) -> Self {
        Self {
            name: bucket.name.clone(),
            addresses: bucket.addresses.clone(),
            backend: Backend::S3(bucket),
        }
    }

    pub(super) fn local(folder: LocalFolder) -> Self {
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

    fn store(&self) -> &dyn ObjectStore {
        match &self.backend {
            Backend::Gcs(bucket) => &bucket.store,
            Backend::S3(bucket) => &bucket.store,
            Backend::Local(folder) => &folder.store,
        }
    }
}

pub(super) fn path_of(key: &str) -> Result<Path, ObjectError> {
    check_key(key)?;
    Path::parse(key).map_err(|_| ObjectError::InvalidKey(key.to_owned()))
}

pub(super) fn content_type_header(content_type: &str) -> Result<HeaderValue, ObjectError> {
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

fn version_of(version: Option<String>, e_tag: Option<String>) -> Result<String, ObjectError> {
    object_version(version.as_deref(), e_tag.as_deref()).ok_or_else(|| {
        ObjectError::Unavailable("the storage names neither a version nor an ETag".to_owned())
    })
}
