//! Versions as they are written: by an operator's command, never by a function.

use std::collections::BTreeMap;

use aws_sdk_s3::operation::put_object::builders::PutObjectFluentBuilder;
use aws_sdk_s3::primitives::ByteStream;
use catchment_alert::versions::{Manifest, Version};
use catchment_alert::{RuleFile, Written};

use super::source::{ACTIVE_KEY, RuleSource, status};
use crate::error::{AwsError, classify};

/// The most versions that are listed, the newest ones.
pub const MAX_VERSIONS: usize = 100;
/// What S3 answers when the object is another than the one that the write names, and
/// when another conditional write is under way or the object is gone.
const LOST: [u16; 3] = [412, 409, 404];

impl RuleSource {
    /// Writes the files of a version. Doing it again changes nothing.
    pub async fn write_files(&self, version: &Version, files: &[RuleFile]) -> Result<(), AwsError> {
        for file in &version.files {
            let text = files.iter().find(|it| it.name == file.name).map(|it| it.text.clone());
            let text = text.ok_or_else(|| {
                AwsError::unexpected(format!("write the rule file {}", file.name), "it has no text")
            })?;
            let key = self.key(&file.key);
            let sent = self.put(&key, text).send().await;
            sent.map_err(|err| classify(format!("write the rule file {}", self.address(&key)), err))?;
        }
        Ok(())
    }

    /// Makes a manifest the one that functions read, in the place of the one with this
    /// ETag, or where there is none.
    pub async fn activate(&self, manifest: &Manifest, replaces: Option<&str>) -> Result<Written, AwsError> {
        let key = self.key(ACTIVE_KEY);
        let request = self.put(&key, manifest.to_json());
        let request = match replaces {
            Some(etag) => request.if_match(etag),
            None => request.if_none_match("*"),
        };
        match request.send().await {
            Ok(_) => Ok(Written::Done),
            Err(err) if status(&err).is_some_and(|status| LOST.contains(&status)) => {
                // An attempt whose answer was lost may have been the write that won.
                match self.manifest().await? {
                    Some((now, _)) if now == *manifest => Ok(Written::Done),
                    _ => Ok(Written::Conflict),
                }
            }
            Err(err) => Err(classify(format!("write {}", self.address(&key)), err)),
        }
    }

    /// Writes the record by which a version is listed, where it is not there yet.
    ///
    /// It is written once its version is active, and again before another takes its
    /// place: what was ever active has one, and what never was has none.
    pub async fn record(&self, version: &Version) -> Result<(), AwsError> {
        let key = self.key(&version.record_key());
        match self.put(&key, version.to_json()).if_none_match("*").send().await {
            Ok(_) => Ok(()),
            Err(err) if status(&err) == Some(412) => Ok(()),
            Err(err) => Err(classify(format!("write {}", self.address(&key)), err)),
        }
    }

    /// The versions that were active once, the newest first, at most [`MAX_VERSIONS`].
    pub async fn versions(&self) -> Result<Vec<Version>, AwsError> {
        let mut versions = Vec::new();
        for folders in self.folders().await?.into_values().rev() {
            for folder in folders {
                versions.extend(self.version_in(&folder).await?);
            }
            if versions.len() >= MAX_VERSIONS {
                versions.truncate(MAX_VERSIONS);
                break;
            }
        }
        Ok(versions)
    }

    /// The version of this number, if it was active once.
    pub async fn version(&self, number: u64) -> Result<Option<Version>, AwsError> {
        for folder in self.folders().await?.remove(&number).unwrap_or_default() {
            if let Some(version) = self.version_in(&folder).await? {
                return Ok(Some(version));
            }
        }
        Ok(None)
    }

    async fn version_in(&self, folder: &str) -> Result<Option<Version>, AwsError> {
        let key = format!("{folder}version.json");
        let Some(text) = self.text(&key).await? else { return Ok(None) };
        let version = Version::read(text.as_bytes()).map_err(|err| AwsError::Permanent {
            action: format!("read {}", self.address(&key)),
            source: err.into(),
        })?;
        Ok(Some(version))
    }

    /// The folders of versions by number; of an interrupted push there may be one more
    /// of the same number.
    async fn folders(&self) -> Result<BTreeMap<u64, Vec<String>>, AwsError> {
        let prefix = self.key("versions/");
        let request = self.client.list_objects_v2().bucket(&self.bucket).prefix(&prefix).delimiter("/");
        let mut pages = request.into_paginator().send();
        let mut folders: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        while let Some(page) = pages.next().await {
            let page =
                page.map_err(|err| classify(format!("list the versions in {}", self.address(&prefix)), err))?;
            for folder in page.common_prefixes.unwrap_or_default().into_iter().filter_map(|it| it.prefix) {
                let name = folder.strip_prefix(&prefix).and_then(|name| name.split_once('-'));
                if let Some(number) = name.and_then(|(number, _)| number.parse().ok()) {
                    folders.entry(number).or_default().push(folder);
                }
            }
        }
        Ok(folders)
    }

    fn put(&self, key: &str, text: String) -> PutObjectFluentBuilder {
        let body = ByteStream::from(text.into_bytes());
        self.client.put_object().bucket(&self.bucket).key(key).body(body)
    }
}
