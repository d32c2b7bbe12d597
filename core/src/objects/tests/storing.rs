//! What is stored is what is read, and only under sound keys.

use bytes::Bytes;

use super::*;

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
