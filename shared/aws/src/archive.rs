//! The archive in S3: conditional writes.

use aws_sdk_s3::Client;
use aws_sdk_s3::primitives::ByteStream;
use bytes::Bytes;
use catchment_archive::{ArchiveStore, ObjectKey, Put};

use crate::error::{AwsError, classify};

/// S3's answer to `If-None-Match: *` when the object is there.
const PRECONDITION_FAILED: u16 = 412;
/// S3's answer when another conditional write of the same key is under way.
const CONFLICT: u16 = 409;
/// How often a write that met another one is tried.
const CONFLICT_ATTEMPTS: usize = 5;

/// An [`ArchiveStore`] over one bucket.
#[derive(Debug, Clone)]
pub struct S3Archive {
    client: Client,
    bucket: String,
}

impl S3Archive {
    /// The archive in `bucket`.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }
}

impl ArchiveStore for S3Archive {
    type Error = AwsError;

    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.
    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, AwsError> {
        let mut attempt = 1;
        loop {
            let sent = self
                .client
                .put_object()
                .bucket(&self.bucket)
                .key(key.as_str())
                .if_none_match("*")
                .body(ByteStream::from(body.clone()))
                .send()
                .await;
            let Err(err) = sent else {
                return Ok(Put::Created);
            };
            match err.raw_response().map(|response| response.status().as_u16()) {
                Some(PRECONDITION_FAILED) => return Ok(Put::AlreadyThere),
                Some(CONFLICT) if attempt < CONFLICT_ATTEMPTS => attempt += 1,
                _ => return Err(classify(format!("write s3://{}/{key}", self.bucket), err)),
            }
        }
    }
}
