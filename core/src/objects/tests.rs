//! The local folder for real; the clouds as far as they go without a network: signed URLs and addresses.

use std::sync::Arc;
use std::time::Duration;

use ::http::Method;
use bytes::Bytes;
use object_store::StaticCredentialProvider;
use object_store::aws::AmazonS3Builder;
use object_store::gcp::{
    GcpCredential, GcpSigningCredential, GoogleCloudStorageBuilder, ServiceAccountKey,
};
use sha2::{Digest, Sha256};
use tempfile::TempDir;
use url::Url;

use super::cloud::{GcsBucket, S3Bucket};
use super::*;

const KEY: &str = "audio/0198-user/0198-file";
const MINUTE: Duration = Duration::from_secs(60);

fn signing() -> LocalSigning {
    LocalSigning {
        public_url: "http://127.0.0.1:8000/".to_owned(),
        secret: "a secret".into(),
    }
}

fn local() -> (TempDir, Bucket) {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path().join("recordings")).unwrap();
    let bucket = Bucket::open(url.as_str(), signing()).unwrap();
    (folder, bucket)
}

fn query_of(url: &str) -> SignedQuery {
    serde_urlencoded(Url::parse(url).unwrap().query().unwrap())
}

/// As the server's query extractor reads it.
fn serde_urlencoded(query: &str) -> SignedQuery {
    let uri: ::http::Uri = format!("/?{query}").parse().unwrap();
    axum::extract::Query::try_from_uri(&uri).unwrap().0
}

#[tokio::test]
async fn a_stored_object_is_read_back_with_the_same_version() {
    let (_folder, bucket) = local();
    let bytes = Bytes::from_static(b"ID3 recording");
    let put = bucket.put(KEY, "audio/mpeg", bytes.clone()).await.unwrap();
    assert_eq!(put.size, 13);
    assert!(!put.version.contains('"'));
    assert_eq!(bucket.head(KEY).await.unwrap(), Some(put.clone()));
    assert_eq!(bucket.get(KEY, 13).await.unwrap(), (bytes, put));
}

#[tokio::test]
async fn a_replaced_object_has_another_version() {
    let (_folder, bucket) = local();
    let first = bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"one"))
        .await
        .unwrap();
    let second = bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"other"))
        .await
        .unwrap();
    assert_ne!(first.version, second.version);
}

#[tokio::test]
async fn an_object_larger_than_the_caller_accepts_is_not_read() {
    let (_folder, bucket) = local();
    bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"12345"))
        .await
        .unwrap();
    assert!(matches!(
        bucket.get(KEY, 4).await,
        Err(ObjectError::TooLarge { limit: 4 })
    ));
}

#[tokio::test]
async fn an_empty_object_is_an_object() {
    let (_folder, bucket) = local();
    bucket.put(KEY, "audio/mpeg", Bytes::new()).await.unwrap();
    let (bytes, info) = bucket.get(KEY, 0).await.unwrap();
    assert!(bytes.is_empty());
    assert_eq!(info.size, 0);
}

#[tokio::test]
async fn a_missing_object_is_not_found_and_may_be_deleted() {
    let (_folder, bucket) = local();
    assert!(matches!(
        bucket.get(KEY, 10).await,
        Err(ObjectError::NotFound)
    ));
    assert_eq!(bucket.head(KEY).await.unwrap(), None);
    bucket.delete(KEY).await.unwrap();
    bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"x"))
        .await
        .unwrap();
    bucket.delete(KEY).await.unwrap();
    assert_eq!(bucket.head(KEY).await.unwrap(), None);
    // The emptied folders are gone, the bucket itself still works.
    bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"x"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_folder_of_the_bucket_is_no_object() {
    let (_folder, bucket) = local();
    bucket
        .put(KEY, "audio/mpeg", Bytes::from_static(b"x"))
        .await
        .unwrap();
    assert_eq!(bucket.head("audio/0198-user").await.unwrap(), None);
    assert!(matches!(
        bucket.get("audio/0198-user", 10).await,
        Err(ObjectError::NotFound)
    ));
}

#[tokio::test]
async fn a_new_object_is_never_replaced() {
    let (_folder, bucket) = local();
    bucket
        .put_new(KEY, "audio/mpeg", Bytes::from_static(b"first"))
        .await
        .unwrap();
    let second = bucket
        .put_new(KEY, "audio/mpeg", Bytes::from_static(b"second"))
        .await;
    assert!(matches!(second, Err(ObjectError::Exists)));
    assert_eq!(bucket.get(KEY, 10).await.unwrap().0, "first");
}

#[tokio::test]
async fn of_racing_writers_of_a_new_object_one_wins_and_its_bytes_are_whole() {
    let (_folder, bucket) = local();
    let writers = (0..16_u8).map(|writer| {
        let bucket = bucket.clone();
        tokio::spawn(async move {
            let bytes = Bytes::from(vec![writer; 100_000]);
            bucket
                .put_new(KEY, "audio/mpeg", bytes)
                .await
                .map(|_| writer)
        })
    });
    let outcomes = futures::future::join_all(writers).await;
    let winners: Vec<u8> = outcomes
        .into_iter()
        .filter_map(|outcome| outcome.unwrap().ok())
        .collect();
    assert_eq!(winners.len(), 1);
    assert_eq!(
        bucket.get(KEY, 100_000).await.unwrap().0,
        vec![winners[0]; 100_000]
    );
}

#[tokio::test]
async fn keys_that_this_house_does_not_make_are_refused_before_the_storage_sees_them() {
    let (folder, bucket) = local();
    std::fs::write(folder.path().join("outside"), "secret").unwrap();
    let long = format!("audio/{}", "a".repeat(201));
    let longer = vec!["a".repeat(100); 6].join("/");
    for key in [
        "",
        "/",
        ".",
        "..",
        "../outside",
        "audio/../../outside",
        "audio/./file",
        "audio//file",
        "/audio/file",
        "audio/",
        "audio/%2e%2e/outside",
        "audio/file name",
        "audio\\file",
        "audio/\u{e9}",
        "audio/file#1",
        "audio/file\0",
        "a\nb",
        &long,
        &longer,
    ] {
        let invalid = |error: ObjectError| {
            assert!(
                matches!(error, ObjectError::InvalidKey(_)),
                "{key:?}: {error}"
            )
        };
        invalid(bucket.get(key, 100).await.unwrap_err());
        invalid(bucket.head(key).await.unwrap_err());
        invalid(
            bucket
                .put(key, "audio/mpeg", Bytes::new())
                .await
                .unwrap_err(),
        );
        invalid(
            bucket
                .put_new(key, "audio/mpeg", Bytes::new())
                .await
                .unwrap_err(),
        );
        invalid(bucket.delete(key).await.unwrap_err());
        invalid(
            bucket
                .sign_upload(key, "audio/mpeg", 1, MINUTE)
                .await
                .unwrap_err(),
        );
        invalid(bucket.sign_download(key, MINUTE).await.unwrap_err());
    }
    for key in ["a", "audio/a-b_c.d", "audio/.hidden", "audio/...", KEY] {
        check_key(key).unwrap();
    }
}

#[tokio::test]
async fn content_types_that_are_no_header_value_are_refused() {
    let (_folder, bucket) = local();
    for content_type in ["", " audio/mpeg", "audio/mpeg\r\nx: y", "audio/\u{e9}"] {
        let put = bucket.put(KEY, content_type, Bytes::new()).await;
        assert!(
            matches!(put, Err(ObjectError::InvalidContentType(_))),
            "{content_type:?}"
        );
        let signed = bucket.sign_upload(KEY, content_type, 1, MINUTE).await;
        assert!(
            matches!(signed, Err(ObjectError::InvalidContentType(_))),
            "{content_type:?}"
        );
    }
}

#[tokio::test]
async fn a_signed_local_upload_grants_exactly_what_was_signed() {
    let (_folder, bucket) = local();
    let upload = bucket
        .sign_upload(KEY, "audio/mp4; codecs=\"mp4a.40.2\"", 1000, MINUTE)
        .await
        .unwrap();
    assert_eq!(upload.method, "PUT");
    assert_eq!(
        upload.headers["content-type"],
        "audio/mp4; codecs=\"mp4a.40.2\""
    );
    let url = Url::parse(&upload.url).unwrap();
    assert_eq!(url.path(), format!("/api/v1/objects/{KEY}"));
    assert_eq!(url.port(), Some(8000));

    let query = query_of(&upload.url);
    let grant = bucket.verify_local("PUT", KEY, &query).unwrap();
    assert_eq!(
        grant,
        LocalGrant {
            key: KEY.to_owned(),
            max_bytes: 1000,
            content_type: "audio/mp4; codecs=\"mp4a.40.2\"".to_owned(),
            expires_at: upload.expires_at,
        }
    );
}

#[tokio::test]
async fn a_tampered_local_upload_is_refused() {
    let (_folder, bucket) = local();
    let signed = query_of(
        &bucket
            .sign_upload(KEY, "audio/mpeg", 1000, MINUTE)
            .await
            .unwrap()
            .url,
    );
    let flipped = {
        let last = if signed.signature.ends_with('0') {
            "1"
        } else {
            "0"
        };
        format!("{}{last}", &signed.signature[..63])
    };
    let later = (signed.expires.parse::<i64>().unwrap() + 1).to_string();
    let refused = |method: &str, key: &str, query: &SignedQuery| {
        assert_eq!(
            bucket.verify_local(method, key, query),
            Err(SignatureError::Invalid),
            "{method} {key} {query:?}"
        );
    };
    refused("GET", KEY, &signed);
    refused("DELETE", KEY, &signed);
    refused("PUT", "audio/0198-user/0198-other", &signed);
    refused("PUT", "../outside", &signed);
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            max_bytes: "1001".to_owned(),
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            max_bytes: String::new(),
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            content_type: "text/html".to_owned(),
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            expires: later,
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            expires: "soon".to_owned(),
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            signature: flipped,
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            signature: signed.signature[..62].to_owned(),
            ..signed.clone()
        },
    );
    refused(
        "PUT",
        KEY,
        &SignedQuery {
            signature: String::new(),
            ..signed.clone()
        },
    );
    refused("PUT", KEY, &serde_urlencoded(""));
    bucket.verify_local("PUT", KEY, &signed).unwrap();
}

#[tokio::test]
async fn a_local_signature_of_another_secret_is_refused() {
    let (folder, bucket) = local();
    let url = Url::from_directory_path(folder.path().join("recordings")).unwrap();
    let other = LocalSigning {
        secret: "another secret".into(),
        ..signing()
    };
    let other = Bucket::open(url.as_str(), other).unwrap();
    let signed = query_of(
        &other
            .sign_upload(KEY, "audio/mpeg", 1000, MINUTE)
            .await
            .unwrap()
            .url,
    );
    assert_eq!(
        bucket.verify_local("PUT", KEY, &signed),
        Err(SignatureError::Invalid)
    );
}

#[tokio::test]
async fn an_expired_local_url_is_refused_as_expired_only_with_a_right_signature() {
    let (_folder, bucket) = local();
    let mut signed = query_of(
        &bucket
            .sign_upload(KEY, "audio/mpeg", 1000, Duration::ZERO)
            .await
            .unwrap()
            .url,
    );
    assert_eq!(
        bucket.verify_local("PUT", KEY, &signed),
        Err(SignatureError::Expired)
    );
    signed.expires = "1".to_owned();
    assert_eq!(
        bucket.verify_local("PUT", KEY, &signed),
        Err(SignatureError::Invalid)
    );
}

#[tokio::test]
async fn a_signed_local_download_may_be_read_but_not_written() {
    let (_folder, bucket) = local();
    let url = bucket.sign_download(KEY, MINUTE).await.unwrap();
    let query = query_of(url.as_str());
    assert_eq!(bucket.verify_local("GET", KEY, &query).unwrap().key, KEY);
    assert_eq!(bucket.verify_local("HEAD", KEY, &query).unwrap().key, KEY);
    assert_eq!(
        bucket.verify_local("PUT", KEY, &query),
        Err(SignatureError::Invalid)
    );
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

fn key_of(bucket: &Bucket, url: &str) -> Option<String> {
    bucket.key_of_url(&Url::parse(url).unwrap())
}

#[tokio::test]
async fn the_key_is_read_out_of_a_local_signed_url() {
    let (_folder, bucket) = local();
    let url = bucket.sign_download(KEY, MINUTE).await.unwrap();
    assert_eq!(bucket.key_of_url(&url).as_deref(), Some(KEY));
    for elsewhere in [
        "http://127.0.0.1:8001/api/v1/objects/audio/a",
        "https://127.0.0.1:8000/api/v1/objects/audio/a",
        "http://127.0.0.1.example.com:8000/api/v1/objects/audio/a",
        "http://user@127.0.0.1:8000/api/v1/objects/audio/a",
        "http://127.0.0.1:8000/api/v1/audio-files/a",
        "http://127.0.0.1:8000/api/v1/objects/",
        "http://127.0.0.1:8000/api/v1/objects//a",
        "http://127.0.0.1:8000/api/v1/objects/a/",
        "http://127.0.0.1:8000/api/v1/objects/..%2fa",
        "http://127.0.0.1:8000/api/v1/objects/%2e%2e/a",
    ] {
        assert_eq!(key_of(&bucket, elsewhere), None, "{elsewhere}");
    }
}

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
    let builder =
        AmazonS3Builder::new().with_conditional_put(object_store::aws::S3ConditionalPut::Disabled);
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
