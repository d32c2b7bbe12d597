//! Signed URLs of the local folder.

use super::*;

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
