//! Signed URLs: how a client moves bytes to and from a bucket without credentials of its own.

use std::time::Duration;

use http::header::{CONTENT_TYPE, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use object_store::path::Path;
use object_store::signer::{SignedUrlOptions, Signer};
use url::Url;

use super::bucket::{Backend, Bucket, content_type_header, path_of};
use super::local::{LocalGrant, SignatureError, SignedQuery, expiry};
use super::{ObjectError, SignedUpload, key};

impl Bucket {
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
        let expires_at = expiry(ttl)?;
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type_header(content_type)?);
        let url = match &self.backend {
            Backend::Local(folder) => folder.upload_url(key, content_type, max_bytes, expires_at),
            Backend::Gcs(bucket) => {
                // At least one byte: an empty recording is of no use to anyone.
                let range = HeaderValue::try_from(format!("1,{max_bytes}"))
                    .map_err(|error| ObjectError::Unavailable(error.to_string()))?;
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
                    headers.insert(IF_NONE_MATCH, HeaderValue::from_static("*"));
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
            Backend::Local(folder) => Ok(folder.download_url(key, expiry(ttl)?)),
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
    /// A signature in the URL is not looked at, so the key alone entitles nobody to the object: whoever reads it for
    /// somebody else first checks the URL's signature ([`verify_local`](Self::verify_local)), or fetches the URL as it is
    /// and lets the cloud check it.
    pub fn key_of_url(&self, url: &Url) -> Option<String> {
        self.addresses
            .iter()
            .find_map(|address| key::under(address, url))
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
