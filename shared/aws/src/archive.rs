//! The archive in S3: conditional writes, listings, ranges, deletion, and the
//! tag that lifecycle expiry asks for.

use std::ops::Range;
use std::path::Path;
use std::time::Duration;

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::config::timeout::TimeoutConfig;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{Delete, Object, ObjectIdentifier, Tag, Tagging};
use bytes::Bytes;
use catchment_archive::retention::EXPIRY_TAG;
use catchment_archive::{
    ArchiveStore, Deleted, Expiry, Listed, MAX_KEYS, ObjectKey, ObjectReader, ObjectWriter, Put,
};

use crate::error::{AwsError, classify};

/// S3's answer to `If-None-Match: *` when the object is there.
const PRECONDITION_FAILED: u16 = 412;
/// S3's answer when another conditional write of the same key is under way.
const CONFLICT: u16 = 409;
/// How often a write that met another one is tried.
const CONFLICT_ATTEMPTS: usize = 5;
/// How often a body is asked for that breaks off: the SDK repeats calls, not bodies.
const BODY_ATTEMPTS: usize = 3;
/// An upload may be this slow before it is tried again; the SDK ends one that
/// stands still much sooner.
const SLOWEST_UPLOAD_BYTES_PER_SECOND: u64 = 4_000_000;
/// What every upload is given on top of that.
const LEAST_UPLOAD_TIMEOUT: Duration = Duration::from_secs(10);
/// A file is read and sent in pieces of this size.
const UPLOAD_BUFFER_BYTES: usize = 256 << 10;
/// Only what stands here is subject to the expiry of a retention class.
const LOGS_PREFIX: &str = "logs/";

/// The archive's ports over one bucket.
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

    fn action(&self, verb: &str, key: &ObjectKey) -> String {
        format!("{verb} s3://{}/{key}", self.bucket)
    }

    /// Sends what `request` makes until it does not meet another write.
    ///
    /// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html>.
    async fn put(&self, key: &ObjectKey, expiry: Expiry, body: Body<'_>) -> Result<Put, AwsError> {
        let timeout = upload_timeout(body.bytes()?);
        let expires = expiry == Expiry::On && key.as_str().starts_with(LOGS_PREFIX);
        let tagging = expires.then(|| format!("{}={}", EXPIRY_TAG.0, EXPIRY_TAG.1));
        let mut attempt = 1;
        loop {
            let request = self.client.put_object().bucket(&self.bucket).key(key.as_str()).if_none_match("*");
            let request = request.set_tagging(tagging.clone()).body(body.stream().await?);
            let Err(err) = send_within(request, timeout).await else {
                return Ok(Put::Created);
            };
            match err.raw_response().map(|response| response.status().as_u16()) {
                Some(PRECONDITION_FAILED) => return Ok(Put::AlreadyThere),
                Some(CONFLICT) if attempt < CONFLICT_ATTEMPTS => attempt += 1,
                _ => return Err(classify(self.action("write", key), err)),
            }
        }
    }

    /// A body, or `None` where there is no object. `range` as HTTP writes it.
    async fn read(&self, key: &ObjectKey, range: Option<String>) -> Result<Option<Bytes>, AwsError> {
        let mut attempt = 1;
        loop {
            let request = self.client.get_object().bucket(&self.bucket).key(key.as_str());
            let output = match request.set_range(range.clone()).send().await {
                Ok(output) => output,
                Err(err) => return absent(err, &["NoSuchKey"], || self.action("read", key)),
            };
            match output.body.collect().await {
                Ok(body) => return Ok(Some(body.into_bytes())),
                Err(_) if attempt < BODY_ATTEMPTS => attempt += 1,
                Err(err) => {
                    return Err(AwsError::Transient {
                        action: self.action("read", key),
                        source: Box::new(err),
                    });
                }
            }
        }
    }

    /// An object's tags; `None` where there is no object.
    async fn tags(&self, key: &ObjectKey) -> Result<Option<Vec<Tag>>, AwsError> {
        match self.client.get_object_tagging().bucket(&self.bucket).key(key.as_str()).send().await {
            Ok(output) => Ok(Some(output.tag_set)),
            // A deleted object of a bucket with versions answers that its marker has no tags.
            Err(err) => {
                absent(err, &["NoSuchKey", "MethodNotAllowed"], || self.action("read the tags of", key))
            }
        }
    }
}

/// What is uploaded, by each attempt anew.
enum Body<'a> {
    Bytes(Bytes),
    File(&'a Path),
}

impl Body<'_> {
    fn bytes(&self) -> Result<u64, AwsError> {
        match self {
            Self::Bytes(bytes) => Ok(bytes.len() as u64),
            Self::File(path) => {
                std::fs::metadata(path).map(|found| found.len()).map_err(|err| unreadable(path, err))
            }
        }
    }

    async fn stream(&self) -> Result<ByteStream, AwsError> {
        match self {
            Self::Bytes(bytes) => Ok(ByteStream::from(bytes.clone())),
            Self::File(path) => {
                let file = ByteStream::read_from().path(path).buffer_size(UPLOAD_BUFFER_BYTES);
                file.build().await.map_err(|err| unreadable(path, err))
            }
        }
    }
}

fn unreadable(path: &Path, err: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> AwsError {
    AwsError::Permanent { action: format!("read {}", path.display()), source: err.into() }
}

async fn send_within(
    request: PutObjectFluentBuilder,
    timeout: Duration,
) -> Result<(), SdkError<aws_sdk_s3::operation::put_object::PutObjectError, HttpResponse>> {
    let timeouts = TimeoutConfig::builder().operation_attempt_timeout(timeout).build();
    let config = aws_sdk_s3::config::Builder::new().timeout_config(timeouts);
    request.customize().config_override(config).send().await.map(|_| ())
}

/// How long one attempt to upload so many bytes may take.
fn upload_timeout(bytes: u64) -> Duration {
    LEAST_UPLOAD_TIMEOUT + Duration::from_secs(bytes / SLOWEST_UPLOAD_BYTES_PER_SECOND)
}

/// `None` where the error has one of the codes by which S3 says that there is no object.
fn absent<T, E>(
    err: SdkError<E, HttpResponse>,
    codes: &[&str],
    action: impl FnOnce() -> String,
) -> Result<Option<T>, AwsError>
where
    E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
{
    let code = err.as_service_error().and_then(ProvideErrorMetadata::code);
    if code.is_some_and(|code| codes.contains(&code)) {
        return Ok(None);
    }
    Err(classify(action(), err))
}

fn is_expiry(tag: &Tag) -> bool {
    tag.key() == EXPIRY_TAG.0
}

fn expiry_of(tags: &[Tag]) -> Expiry {
    let expires = tags.iter().any(|tag| is_expiry(tag) && tag.value() == EXPIRY_TAG.1);
    if expires { Expiry::On } else { Expiry::Held }
}

fn listed(object: Object) -> Option<Listed> {
    Some(Listed {
        key: ObjectKey::new(object.key?),
        bytes: object.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
        modified_millis: object.last_modified.and_then(|time| time.to_millis().ok()).unwrap_or_default(),
    })
}

impl ArchiveStore for S3Archive {
    type Error = AwsError;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, AwsError> {
        self.put(key, Expiry::On, Body::Bytes(body)).await
    }
}

impl ObjectReader for S3Archive {
    type Error = AwsError;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, AwsError> {
        let mut token = None;
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix);
            let request = request.set_start_after(after.map(str::to_owned)).set_continuation_token(token);
            let page = request
                .send()
                .await
                .map_err(|err| classify(format!("list s3://{}/{prefix}", self.bucket), err))?;
            let objects: Vec<Listed> =
                page.contents.unwrap_or_default().into_iter().filter_map(listed).collect();
            // A page may be empty and not the last.
            match page.next_continuation_token {
                Some(next) if objects.is_empty() && page.is_truncated == Some(true) => token = Some(next),
                _ => return Ok(objects),
            }
        }
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, AwsError> {
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(prefix).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut folders = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|err| classify(format!("list s3://{}/{prefix}", self.bucket), err))?;
            folders.extend(page.common_prefixes.unwrap_or_default().into_iter().filter_map(|f| f.prefix));
        }
        Ok(folders)
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, AwsError> {
        self.read(key, None).await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, AwsError> {
        let last = range.end.saturating_sub(1);
        self.read(key, Some(format!("bytes={}-{last}", range.start))).await
    }
}

impl ObjectWriter for S3Archive {
    async fn put_file_if_absent(
        &self,
        key: &ObjectKey,
        file: &Path,
        expiry: Expiry,
    ) -> Result<Put, AwsError> {
        self.put(key, expiry, Body::File(file)).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Deleted, AwsError> {
        if keys.is_empty() {
            return Ok(Deleted::default());
        }
        let action = || format!("delete {} objects of s3://{}", keys.len(), self.bucket);
        if keys.len() > MAX_KEYS {
            return Err(AwsError::unexpected(action(), format!("at most {MAX_KEYS} at a time")));
        }
        let objects = keys
            .iter()
            .map(|key| ObjectIdentifier::builder().key(key.as_str()).build())
            .collect::<Result<Vec<_>, _>>()
            .and_then(|objects| Delete::builder().set_objects(Some(objects)).build())
            .map_err(|err| AwsError::unexpected(action(), err.to_string()))?;
        let request = self.client.delete_objects().bucket(&self.bucket).delete(objects);
        let output = request.send().await.map_err(|err| classify(action(), err))?;

        let mut answer = Deleted::default();
        for key in keys {
            let is_key = |named: Option<&str>| named == Some(key.as_str());
            if let Some(error) = output.errors().iter().find(|error| is_key(error.key())) {
                let why = [error.code(), error.message()].into_iter().flatten().collect::<Vec<_>>();
                answer.failed.push((key.clone(), why.join(": ")));
            } else if output.deleted().iter().any(|deleted| is_key(deleted.key())) {
                answer.deleted.push(key.clone());
            } else {
                answer.failed.push((key.clone(), "S3 did not answer for it".to_owned()));
            }
        }
        Ok(answer)
    }

    async fn set_expiry(&self, key: &ObjectKey, expiry: Expiry) -> Result<bool, AwsError> {
        let Some(mut tags) = self.tags(key).await? else { return Ok(false) };
        if expiry_of(&tags) == expiry {
            return Ok(true);
        }
        // What else an operator tagged the object with stays.
        tags.retain(|tag| !is_expiry(tag));
        let tag = |(key, value): (&str, &str)| Tag::builder().key(key).value(value).build();
        let tagging = match expiry {
            Expiry::On => tag(EXPIRY_TAG).map(|tag| tags.push(tag)),
            Expiry::Held => Ok(()),
        }
        .and_then(|()| Tagging::builder().set_tag_set(Some(tags)).build())
        .map_err(|err| AwsError::unexpected(self.action("tag", key), err.to_string()))?;
        let request = self.client.put_object_tagging().bucket(&self.bucket).key(key.as_str());
        match request.tagging(tagging).send().await {
            Ok(_) => Ok(true),
            Err(err) => absent::<(), _>(err, &["NoSuchKey", "MethodNotAllowed"], || self.action("tag", key))
                .map(|_| false),
        }
    }

    async fn expiry(&self, key: &ObjectKey) -> Result<Option<Expiry>, AwsError> {
        Ok(self.tags(key).await?.map(|tags| expiry_of(&tags)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_has_time_by_its_size() {
        assert_eq!(upload_timeout(0), Duration::from_secs(10));
        assert_eq!(upload_timeout(512_000_000), Duration::from_secs(138));
    }
}
