//! The clouds' buckets: how they are opened, and under which addresses their objects are known.

use std::time::Duration;

use object_store::RetryConfig;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::gcp::{GoogleCloudStorage, GoogleCloudStorageBuilder, GoogleConfigKey};
use url::Url;

use super::ObjectError;

/// The defaults (ten tries in three minutes) outlive every request that waits for them.
fn retries() -> RetryConfig {
    RetryConfig {
        max_retries: 3,
        retry_timeout: Duration::from_secs(20),
        ..RetryConfig::default()
    }
}

/// A bucket of Google Cloud Storage.
#[derive(Clone)]
pub(super) struct GcsBucket {
    pub(super) name: String,
    pub(super) addresses: Vec<Url>,
    pub(super) store: GoogleCloudStorage,
}

impl GcsBucket {
    pub(super) fn environment() -> GoogleCloudStorageBuilder {
        GoogleCloudStorageBuilder::from_env()
    }

    pub(super) fn open(
        builder: GoogleCloudStorageBuilder,
        name: &str,
    ) -> Result<Self, ObjectError> {
        let mut addresses = vec![format!("gs://{name}/")];
        // Behind another base URL lies another storage: the public one's addresses are then not ours.
        match builder.get_config_value(&GoogleConfigKey::BaseUrl) {
            Some(base) => addresses.push(format!("{}/{name}/", base.trim_end_matches('/'))),
            None => addresses.extend([
                format!("https://storage.googleapis.com/{name}/"),
                format!("https://{name}.storage.googleapis.com/"),
                format!("https://storage.cloud.google.com/{name}/"),
            ]),
        }
        let store = builder
            .with_bucket_name(name)
            .with_retry(retries())
            .build()?;
        Ok(Self {
            name: name.to_owned(),
            addresses: parse_all(&addresses),
            store,
        })
    }
}

/// A bucket of S3, or of a storage that speaks its protocol.
#[derive(Clone)]
pub(super) struct S3Bucket {
    pub(super) name: String,
    pub(super) addresses: Vec<Url>,
    pub(super) store: AmazonS3,
    /// Whether the storage understands `If-None-Match` on a PUT.
    pub(super) conditional_put: bool,
}

impl S3Bucket {
    pub(super) fn environment() -> AmazonS3Builder {
        AmazonS3Builder::from_env()
    }

    pub(super) fn open(builder: AmazonS3Builder, name: &str) -> Result<Self, ObjectError> {
        let value = |key| builder.get_config_value(&key);
        let endpoint =
            value(AmazonS3ConfigKey::S3Endpoint).or_else(|| value(AmazonS3ConfigKey::Endpoint));
        let virtual_hosted = value(AmazonS3ConfigKey::VirtualHostedStyleRequest)
            .is_some_and(|value| value == "true");
        let region = value(AmazonS3ConfigKey::Region).unwrap_or_else(|| "us-east-1".to_owned());
        let conditional_put =
            value(AmazonS3ConfigKey::ConditionalPut).is_none_or(|value| value.trim() != "disabled");

        let mut addresses = vec![format!("s3://{name}/")];
        // Behind an own endpoint, a bucket of the same name at Amazon is somebody else's.
        match endpoint
            .as_deref()
            .map(|endpoint| endpoint.trim_end_matches('/'))
        {
            Some(endpoint) if virtual_hosted => addresses.push(format!("{endpoint}/")),
            Some(endpoint) => addresses.push(format!("{endpoint}/{name}/")),
            None => {
                for host in [
                    format!("s3.{region}.amazonaws.com"),
                    format!("s3.dualstack.{region}.amazonaws.com"),
                    "s3.amazonaws.com".to_owned(),
                ] {
                    addresses.extend([
                        format!("https://{host}/{name}/"),
                        format!("https://{name}.{host}/"),
                    ]);
                }
            }
        }
        let store = builder
            .with_bucket_name(name)
            .with_retry(retries())
            .build()?;
        Ok(Self {
            name: name.to_owned(),
            addresses: parse_all(&addresses),
            store,
            conditional_put,
        })
    }
}

/// An address that is no URL (a bucket name that cannot be a host name) is one under which no object is reached.
fn parse_all(addresses: &[String]) -> Vec<Url> {
    addresses
        .iter()
        .filter_map(|address| Url::parse(address).ok())
        .collect()
}
