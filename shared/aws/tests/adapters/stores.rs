//! The archive in S3 and the audit trail in DynamoDB.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;

use aws_config::BehaviorVersion;
use aws_sdk_s3::types::{BucketVersioningStatus, VersioningConfiguration};
use catchment_archive::{Deleted, MAX_KEYS, ObjectKey, ObjectReader, ObjectWriter};
use catchment_aws::archive::S3Archive;
use catchment_aws::clients;

use crate::emulator::{bucket, emulator, table};

#[tokio::test]
async fn s3_passes_the_archive_suite() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "archive").await;
    // Versions as in the deployed bucket: what is deleted leaves a marker.
    let versions = VersioningConfiguration::builder().status(BucketVersioningStatus::Enabled).build();
    let versioning = client.put_bucket_versioning().bucket(&bucket).versioning_configuration(versions);
    versioning.send().await.unwrap();
    let store = S3Archive::new(client, &bucket);
    catchment_archive::check_archive_store(&store, &bucket).await;
    let scratch = tempfile::tempdir().unwrap();
    catchment_archive::check_object_writer(&store, scratch.path(), None).await;
}

/// The emulator deletes whatever it is asked to; S3 does not always.
#[tokio::test]
async fn what_s3_did_not_delete_is_named() {
    let answer = "<DeleteResult><Deleted><Key>logs/a</Key></Deleted>\
        <Error><Key>logs/b</Key><Code>AccessDenied</Code><Message>no</Message></Error></DeleteResult>";
    let store = S3Archive::new(answering(200, answer).await, "bucket");
    let keys = ["logs/a", "logs/b", "logs/c"].map(ObjectKey::new);
    let Deleted { deleted, failed } = store.delete(&keys).await.unwrap();
    let [a, b, c] = keys;
    assert_eq!(deleted, [a]);
    let reasons = ["AccessDenied: no", "S3 did not answer for it"].map(str::to_owned);
    assert_eq!(failed, [b, c].into_iter().zip(reasons).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_missing_bucket_is_no_missing_object() {
    let answer = "<Error><Code>NoSuchBucket</Code><Message>none</Message></Error>";
    let store = S3Archive::new(answering(404, answer).await, "bucket");
    assert!(store.get(&ObjectKey::new("logs/a")).await.is_err());
    let answer = "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>";
    let store = S3Archive::new(answering(404, answer).await, "bucket");
    assert_eq!(store.get(&ObjectKey::new("logs/a")).await.unwrap(), None);
}

#[tokio::test]
async fn more_keys_than_s3_takes_are_refused() {
    let store = S3Archive::new(answering(500, "").await, "bucket");
    let keys = vec![ObjectKey::new("logs/a"); MAX_KEYS + 1];
    let error = store.delete(&keys).await.unwrap_err();
    assert!(!error.is_transient() && error.to_string().contains("at most 1000"), "{error}");
}

/// An S3 that gives every call the same answer.
async fn answering(status: u16, body: &'static str) -> aws_sdk_s3::Client {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let head =
                BufReader::new(&stream).lines().map(Result::unwrap).take_while(|line| !line.is_empty());
            assert!(head.count() > 1, "an HTTP request");
            let length = body.len();
            let head =
                format!("HTTP/1.1 {status} x\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n");
            stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).unwrap();
        }
    });
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("us-east-1")
        .test_credentials()
        .http_client(clients::https());
    clients::s3(&config.load().await)
}

#[tokio::test]
async fn dynamodb_passes_the_audit_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "audit").await;
    let store = catchment_aws::audit::DynamoAudit::new(client, &table, 30);
    catchment_audit::check_audit_store(&store, &table).await;
}
