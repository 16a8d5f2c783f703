//! What a bucket shows of its retention: lifecycle rules, and every version of its objects.

use std::collections::BTreeMap;
use std::ops::Range;

use aws_sdk_s3::Client;
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{ExpirationStatus, LifecycleRule as S3Rule, LifecycleRuleFilter, Tag, Transition};
use bytes::Bytes;
use catchment_archive::retention::{LifecycleRule, Move, Version};
use catchment_archive::{Listed, ObjectKey, ObjectReader};

use crate::error::{AwsError, classify};

/// A bucket, to be held against its policy.
#[derive(Debug, Clone)]
pub struct RetainedBucket {
    client: Client,
    bucket: String,
}

/// Where a listing of versions goes on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionMarker {
    key: String,
    version: Option<String>,
}

/// Some versions, by key, of each key the newest first; a key's may go on in the next page.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VersionPage {
    /// Keys and versions.
    pub versions: Vec<(ObjectKey, Version)>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<VersionMarker>,
}

impl RetainedBucket {
    /// The bucket called `bucket`.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    /// The bucket's lifecycle rules; none where it has no such configuration.
    pub async fn lifecycle(&self) -> Result<Vec<LifecycleRule>, AwsError> {
        let action = || format!("read the lifecycle rules of s3://{}", self.bucket);
        match self.client.get_bucket_lifecycle_configuration().bucket(&self.bucket).send().await {
            Ok(output) => Ok(output.rules.unwrap_or_default().into_iter().map(rule).collect()),
            Err(err) if err.code() == Some("NoSuchLifecycleConfiguration") => Ok(Vec::new()),
            Err(err) => Err(classify(action(), err)),
        }
    }

    /// A page of the versions of objects whose keys begin with `prefix`.
    pub async fn versions(&self, prefix: &str, from: Option<VersionMarker>) -> Result<VersionPage, AwsError> {
        let (key, version) = from.map(|it| (Some(it.key), it.version)).unwrap_or_default();
        let request = self.client.list_object_versions().bucket(&self.bucket).prefix(prefix);
        let page =
            request.set_key_marker(key).set_version_id_marker(version).send().await.map_err(|err| {
                classify(format!("list the versions of s3://{}/{prefix}", self.bucket), err)
            })?;
        let millis = |time: Option<aws_sdk_s3::primitives::DateTime>| {
            time.and_then(|time| time.to_millis().ok()).unwrap_or_default()
        };
        let contents = page.versions.unwrap_or_default().into_iter().filter_map(|it| {
            let version = Version {
                id: it.version_id.unwrap_or_default(),
                modified_millis: millis(it.last_modified),
                bytes: it.size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default(),
                is_marker: false,
            };
            Some((ObjectKey::new(it.key?), it.is_latest.unwrap_or_default(), version))
        });
        let markers = page.delete_markers.unwrap_or_default().into_iter().filter_map(|it| {
            let version = Version {
                id: it.version_id.unwrap_or_default(),
                modified_millis: millis(it.last_modified),
                bytes: 0,
                is_marker: true,
            };
            Some((ObjectKey::new(it.key?), it.is_latest.unwrap_or_default(), version))
        });
        // S3 lists contents and markers apart, each in the order that both have together.
        let mut all: Vec<_> = contents.chain(markers).collect();
        all.sort_by(|(a, a_latest, a_version), (b, b_latest, b_version)| {
            a.cmp(b)
                .then(b_latest.cmp(a_latest))
                .then(b_version.modified_millis.cmp(&a_version.modified_millis))
        });
        let next = page.next_key_marker.filter(|_| page.is_truncated == Some(true));
        Ok(VersionPage {
            versions: all.into_iter().map(|(key, _, version)| (key, version)).collect(),
            next: next.map(|key| VersionMarker { key, version: page.next_version_id_marker }),
        })
    }

    /// A reader of some versions of objects, deleted ones too: of each key the one
    /// that is named here.
    pub fn at_versions(&self, versions: BTreeMap<ObjectKey, String>) -> VersionReader<'_> {
        VersionReader { bucket: self, versions }
    }
}

fn rule(rule: S3Rule) -> LifecycleRule {
    let mut ours = LifecycleRule {
        id: rule.id.unwrap_or_default(),
        enabled: rule.status == ExpirationStatus::Enabled,
        noncurrent_days: rule.noncurrent_version_expiration.and_then(|it| it.noncurrent_days).and_then(days),
        moves: rule.transitions.unwrap_or_default().into_iter().map(moved).collect(),
        ..LifecycleRule::default()
    };
    ours.moves.sort();
    if let Some(expiration) = rule.expiration {
        // 0 stands for "not set" where only delete markers are removed.
        ours.expiration_days = expiration.days.filter(|days| *days > 0).and_then(days);
        ours.expiration_date = expiration.date.map(|date| date.to_string());
    }
    // The element Prefix is the old form of the filter.
    #[allow(deprecated)]
    let old_prefix = rule.prefix;
    let filter = rule.filter.unwrap_or_else(|| LifecycleRuleFilter::builder().build());
    let and = filter.and;
    let mut prefixes =
        [filter.prefix, and.as_ref().and_then(|and| and.prefix.clone()), old_prefix].into_iter().flatten();
    ours.prefix = prefixes.find(|prefix| !prefix.is_empty()).unwrap_or_default();
    let is_size = |size: Option<i64>| size.is_some_and(|size| size > 0);
    ours.by_size = is_size(filter.object_size_greater_than) || is_size(filter.object_size_less_than);
    let mut tags: Vec<Tag> = filter.tag.into_iter().collect();
    if let Some(and) = and {
        ours.by_size |= is_size(and.object_size_greater_than) || is_size(and.object_size_less_than);
        tags.extend(and.tags.unwrap_or_default());
    }
    ours.tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    ours
}

fn days(days: i32) -> Option<u32> {
    u32::try_from(days).ok()
}

fn moved(transition: Transition) -> Move {
    Move {
        days: transition.days.and_then(days).unwrap_or_default(),
        storage_class: transition.storage_class.map(|it| it.as_str().to_owned()).unwrap_or_default(),
    }
}

/// Reads versions that may not be current.
#[derive(Debug)]
pub struct VersionReader<'b> {
    bucket: &'b RetainedBucket,
    versions: BTreeMap<ObjectKey, String>,
}

impl VersionReader<'_> {
    async fn read(&self, key: &ObjectKey, range: Option<String>) -> Result<Option<Bytes>, AwsError> {
        let RetainedBucket { client, bucket } = self.bucket;
        let Some(version) = self.versions.get(key) else { return Ok(None) };
        let action = || format!("read version {version} of s3://{bucket}/{key}");
        let request = client.get_object().bucket(bucket).key(key.as_str()).version_id(version);
        let output = match request.set_range(range).send().await {
            Ok(output) => output,
            Err(err) if matches!(err.code(), Some("NoSuchKey" | "NoSuchVersion")) => return Ok(None),
            Err(err) => return Err(classify(action(), err)),
        };
        let body = output.body.collect().await;
        body.map(|body| Some(body.into_bytes()))
            .map_err(|err| AwsError::Transient { action: action(), source: Box::new(err) })
    }
}

impl ObjectReader for VersionReader<'_> {
    type Error = AwsError;

    /// There is nothing to list: versions are asked for by name.
    async fn list(&self, _: &str, _: Option<&str>) -> Result<Vec<Listed>, AwsError> {
        Ok(Vec::new())
    }

    async fn folders(&self, _: &str) -> Result<Vec<String>, AwsError> {
        Ok(Vec::new())
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, AwsError> {
        self.read(key, None).await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, AwsError> {
        let last = range.end.saturating_sub(1);
        self.read(key, Some(format!("bytes={}-{last}", range.start))).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_s3::types::{LifecycleExpiration, LifecycleRuleAndOperator};

    #[test]
    fn a_rule_is_read_in_every_form_that_s3_gives_it() {
        let tag = || Tag::builder().key("k").value("v").build().unwrap();
        let expiration = LifecycleExpiration::builder().days(30).build();
        let base =
            || S3Rule::builder().id("r").status(ExpirationStatus::Enabled).expiration(expiration.clone());
        let expected = LifecycleRule {
            id: "r".to_owned(),
            enabled: true,
            prefix: "logs/".to_owned(),
            expiration_days: Some(30),
            ..LifecycleRule::default()
        };
        let simple = LifecycleRuleFilter::builder().prefix("logs/").build();
        assert_eq!(rule(base().filter(simple).build().unwrap()), expected);
        #[allow(deprecated)]
        let old = base().prefix("logs/").build().unwrap();
        assert_eq!(rule(old), expected);
        let and = LifecycleRuleAndOperator::builder()
            .prefix("logs/")
            .tags(tag())
            .object_size_greater_than(0)
            .build();
        let both = LifecycleRuleFilter::builder().and(and).build();
        let tags = vec![("k".to_owned(), "v".to_owned())];
        assert_eq!(
            rule(base().filter(both).build().unwrap()),
            LifecycleRule { tags: tags.clone(), ..expected.clone() }
        );
        let sized = LifecycleRuleFilter::builder().tag(tag()).object_size_less_than(9).build();
        let sized = rule(base().filter(sized).build().unwrap());
        assert_eq!(sized, LifecycleRule { tags, by_size: true, prefix: String::new(), ..expected });
    }
}
