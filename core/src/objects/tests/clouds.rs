//! Addresses and signed URLs of the clouds' buckets.

use std::sync::Arc;

use http::Method;
use object_store::StaticCredentialProvider;
use object_store::aws::{AmazonS3Builder, S3ConditionalPut};
use object_store::gcp::{
    GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder, ServiceAccountKey,
};
use sha2::{Digest, Sha256};

use super::super::cloud::{GcsBucket, S3Bucket};
use super::*;

fn s3(builder: AmazonS3Builder) -> Bucket {
    let builder = builder
        .with_access_key_id("AKIAEXAMPLE")
        .with_secret_access_key("secret")
        .with_region("eu-west-1");
    Bucket::s3(S3Bucket::open(builder, "recordings").unwrap())
}

#[test]
fn an_s3_bucket_knows_its_own_addresses_only() {
    let bucket = s3(AmazonS3Builder::new());
    assert_eq!(bucket.name(), "recordings");
    assert!(!bucket.is_local());
    for url in [
        "s3://recordings/audio/a",
        "https://recordings.s3.eu-west-1.amazonaws.com/audio/a?X-Amz-Signature=0",
        "https://recordings.s3.amazonaws.com/audio/a",
        "https://s3.eu-west-1.amazonaws.com/recordings/audio/a",
        "https://s3.amazonaws.com/recordings/audio%2Fa",
    ] {
        assert_eq!(key_of(&bucket, url).as_deref(), Some("audio/a"), "{url}");
    }
    for url in [
        "s3://others/audio/a",
        "http://recordings.s3.amazonaws.com/audio/a",
        "https://s3.amazonaws.com/others/audio/a",
        "https://recordings.s3.amazonaws.com.example.com/audio/a",
        "https://example.com/recordings/audio/a",
    ] {
        assert_eq!(key_of(&bucket, url), None, "{url}");
    }

    let hosted = s3(AmazonS3Builder::new()
        .with_endpoint("http://minio:9000/")
        .with_allow_http(true));
    assert_eq!(
        key_of(&hosted, "http://minio:9000/recordings/audio/a").as_deref(),
        Some("audio/a")
    );
    assert_eq!(
        key_of(&hosted, "https://recordings.s3.amazonaws.com/audio/a"),
        None
    );
}

#[tokio::test]
async fn an_s3_upload_binds_its_content_type_and_works_once() {
    let upload = s3(AmazonS3Builder::new())
        .sign_upload(KEY, "audio/mpeg", 1000, MINUTE)
        .await
        .unwrap();
    assert_eq!(upload.headers["content-type"], "audio/mpeg");
    assert_eq!(upload.headers["if-none-match"], "*");
    assert_eq!(upload.headers.len(), 2);
    let url = Url::parse(&upload.url).unwrap();
    assert!(url.path().ends_with(KEY));
    let signed = url
        .query_pairs()
        .find(|(name, _)| name == "X-Amz-SignedHeaders")
        .unwrap()
        .1;
    assert_eq!(signed, "content-type;host;if-none-match");
}

#[tokio::test]
async fn a_storage_without_conditional_puts_gets_uploads_without_them() {
    let builder = AmazonS3Builder::new().with_conditional_put(S3ConditionalPut::Disabled);
    let upload = s3(builder)
        .sign_upload(KEY, "audio/mpeg", 1000, MINUTE)
        .await
        .unwrap();
    assert_eq!(upload.headers.keys().collect::<Vec<_>>(), ["content-type"]);
}

/// "Signs" by handing out what it was asked to sign.
struct Transparent;

impl object_store::client::Signer for Transparent {
    fn sign(&self, string_to_sign: &[u8]) -> object_store::Result<Vec<u8>> {
        Ok(string_to_sign.to_vec())
    }
}

fn gcs() -> Bucket {
    let signer = GcpSigningCredential {
        email: "functions@example.iam.gserviceaccount.com".to_owned(),
        private_key: Some(ServiceAccountKey::new(Box::new(Transparent))),
    };
    let builder = GoogleCloudStorageBuilder::new()
        .with_credentials(Arc::new(StaticCredentialProvider::new(GcpCredential {
            bearer: "bearer".to_owned(),
        })))
        .with_signing_credentials(Arc::new(StaticCredentialProvider::new(signer)));
    Bucket::gcs(GcsBucket::open(builder, "recordings").unwrap())
}

/// The string to sign of a V4 signed URL, as <https://cloud.google.com/storage/docs/authentication/signatures> has it.
fn string_to_sign(method: Method, url: &Url, headers: &[(&str, &str)]) -> String {
    let (query, _) = url
        .query()
        .unwrap()
        .split_once("&X-Goog-Signature=")
        .unwrap();
    let value = |name: &str| {
        url.query_pairs()
            .find(|(key, _)| key == name)
            .unwrap()
            .1
            .into_owned()
    };
    let mut canonical = format!("{method}\n{}\n{query}\n", url.path());
    for (name, value) in headers {
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    let names: Vec<&str> = headers.iter().map(|(name, _)| *name).collect();
    canonical.push_str(&format!("\n{}\nUNSIGNED-PAYLOAD", names.join(";")));
    let date = value("X-Goog-Date");
    let digest = hex::encode(Sha256::digest(canonical));
    format!(
        "GOOG4-RSA-SHA256\n{date}\n{}/auto/storage/goog4_request\n{digest}",
        &date[..8]
    )
}

#[tokio::test]
async fn a_google_upload_binds_content_type_size_and_that_it_works_once() {
    let upload = gcs()
        .sign_upload(KEY, "audio/mpeg", 1000, MINUTE)
        .await
        .unwrap();
    let mut headers: Vec<(&str, &str)> = upload
        .headers
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect();
    assert_eq!(
        headers,
        [
            ("content-type", "audio/mpeg"),
            ("x-goog-content-length-range", "1,1000"),
            ("x-goog-if-generation-match", "0")
        ]
    );
    headers.insert(1, ("host", "storage.googleapis.com"));
    let url = Url::parse(&upload.url).unwrap();
    assert_eq!(url.host_str(), Some("storage.googleapis.com"));
    assert_eq!(url.path(), format!("/recordings/{KEY}"));
    let signature = url
        .query_pairs()
        .find(|(name, _)| name == "X-Goog-Signature")
        .unwrap()
        .1;
    let signed = String::from_utf8(hex::decode(&*signature).unwrap()).unwrap();
    assert_eq!(signed, string_to_sign(Method::PUT, &url, &headers));
}

#[test]
fn a_google_bucket_knows_its_own_addresses_only() {
    let bucket = gcs();
    for url in [
        "gs://recordings/audio/a",
        "https://storage.googleapis.com/recordings/audio/a?X-Goog-Signature=0",
        "https://recordings.storage.googleapis.com/audio/a",
    ] {
        assert_eq!(key_of(&bucket, url).as_deref(), Some("audio/a"), "{url}");
    }
    for url in [
        "gs://others/audio/a",
        "https://storage.googleapis.com/others/audio/a",
        "https://storage.googleapis.com/",
    ] {
        assert_eq!(key_of(&bucket, url), None, "{url}");
    }
}

#[test]
fn a_cloud_bucket_has_no_signed_routes_here() {
    assert_eq!(
        gcs().verify_local("PUT", KEY, &SignedQuery::default()),
        Err(SignatureError::NotLocal)
    );
}
