//! The local folder for real; the clouds as far as they go without a network: signed URLs and addresses.

mod clouds;
mod local_signatures;
mod storing;

use std::time::Duration;

use tempfile::TempDir;
use url::Url;

use super::*;

pub(super) const KEY: &str = "audio/0198-user/0198-file";
pub(super) const MINUTE: Duration = Duration::from_secs(60);

pub(super) fn signing() -> LocalSigning {
    LocalSigning {
        public_url: "http://127.0.0.1:8000/".to_owned(),
        secret: "a secret".into(),
    }
}

pub(super) fn local() -> (TempDir, Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path().join("recordings")).unwrap();
    let bucket = Bucket::open(url.as_str(), signing()).unwrap();
    (folder, bucket)
}

pub(super) fn query_of(url: &str) -> SignedQuery {
    serde_urlencoded(Url::parse(url).unwrap().query().unwrap())
}

/// As the server's query extractor reads it.
pub(super) fn serde_urlencoded(query: &str) -> SignedQuery {
    let uri: ::http::Uri = format!("/?{query}").parse().unwrap();
    axum::extract::Query::try_from_uri(&uri).unwrap().0
}

pub(super) fn key_of(bucket: &Bucket, url: &str) -> Option<String> {
    bucket.key_of_url(&Url::parse(url).unwrap())
}

#[test]
fn unusable_storage_urls_are_refused() {
    for url in [
        "",
        "recordings",
        "/recordings",
        "ftp://bucket",
        "s3://",
        "s3://bucket/folder",
        "gs://bucket?x=y",
        "file://host/x",
    ] {
        assert!(
            matches!(
                Bucket::open(url, signing()),
                Err(ObjectError::InvalidUrl(_))
            ),
            "{url}"
        );
    }
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path()).unwrap();
    for public_url in ["", "localhost", "ftp://host", "http://host/?x="] {
        let signing = LocalSigning {
            public_url: public_url.to_owned(),
            ..signing()
        };
        assert!(
            matches!(
                Bucket::open(url.as_str(), signing),
                Err(ObjectError::InvalidUrl(_))
            ),
            "{public_url}"
        );
    }
    let unsigned = LocalSigning {
        secret: String::new().into(),
        ..signing()
    };
    assert!(Bucket::open(url.as_str(), unsigned).is_err());
}

#[test]
fn a_local_bucket_is_named_by_its_folder() {
    let (_folder, bucket) = local();
    assert_eq!(bucket.name(), "recordings");
    assert!(bucket.is_local());
}

#[test]
fn the_version_is_the_version_id_or_else_the_bare_etag() {
    let version = |version, e_tag| object_version(version, e_tag);
    assert_eq!(version(Some("v1"), Some("\"e\"")).as_deref(), Some("v1"));
    assert_eq!(version(None, Some("\"e\"")).as_deref(), Some("e"));
    assert_eq!(version(None, Some("W/\"e\"")).as_deref(), Some("e"));
    assert_eq!(version(Some("null"), Some("e")).as_deref(), Some("e"));
    assert_eq!(version(Some(""), Some("\"\"")), None);
}

#[test]
fn nothing_secret_is_printed() {
    let (_folder, bucket) = local();
    assert_eq!(format!("{bucket:?}"), "Bucket { name: \"recordings\", .. }");
    assert!(!format!("{:?}", signing()).contains("a secret"));
}
