//! What a bucket has of rule files, read as cheaply as can be: one conditional
//! request while a version is active and nothing changed.

use aws_sdk_s3::Client;
use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::get_object::GetObjectOutput;
use catchment_alert::Offered;
use catchment_alert::versions::{Kept, MAX_RULE_FILE_BYTES, MAX_RULE_FILES, Manifest, is_text_of};

use crate::error::{AwsError, classify};

/// The manifest, below the prefix of the rules.
pub const ACTIVE_KEY: &str = "active.json";
/// How often a body is asked for that breaks off: the SDK repeats calls, not bodies.
const BODY_ATTEMPTS: usize = 3;
const NOT_MODIFIED: u16 = 304;

/// The rule files under a prefix of a bucket.
#[derive(Debug, Clone)]
pub struct RuleSource {
    pub(super) client: Client,
    pub(super) bucket: String,
    pub(super) prefix: String,
}

/// By what it is known that nothing changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The ETag of the manifest.
    Manifest(String),
    /// Keys and ETags of the files that lie there without a version.
    Files(Vec<(String, String)>),
}

/// What there is.
#[derive(Debug, Clone)]
pub struct Found {
    /// By what it is known again.
    pub seen: Seen,
    /// The files, ordered by name.
    pub files: Vec<Offered>,
    /// What makes them active, unless they lie there without a version.
    pub manifest: Option<Manifest>,
}

/// What a conditional request for the manifest found.
enum Active {
    Unchanged,
    /// There is none, or it may not be read: S3 does not tell these apart to who may
    /// not list everything.
    Absent(AwsError),
    Is(Manifest, String),
}

impl RuleSource {
    /// The files of the version that `<prefix>active.json` names, or without one
    /// `<prefix>*.yaml` and `*.yml`.
    pub fn new(client: Client, bucket: impl Into<String>, prefix: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), prefix: prefix.into() }
    }

    /// What is there now; `None` where that is what was `seen`. A listing costs as much
    /// as a dozen requests for an object: while there is no version, and `may_list` is
    /// not so, what was seen is taken to be there still.
    pub async fn look(&self, seen: Option<&Seen>, may_list: bool) -> Result<Option<Found>, AwsError> {
        let etag = match seen {
            Some(Seen::Manifest(etag)) => Some(etag.clone()),
            _ => None,
        };
        let refusal = match self.active(etag).await? {
            Active::Unchanged => return Ok(None),
            Active::Is(manifest, etag) => {
                let files = self.version_files(&manifest).await?;
                return Ok(Some(Found { seen: Seen::Manifest(etag), files, manifest: Some(manifest) }));
            }
            Active::Absent(refusal) => refusal,
        };
        if !may_list && matches!(seen, Some(Seen::Files(_))) {
            return Ok(None);
        }
        let listed = self.list().await?;
        if listed.iter().any(|(key, _)| *key == self.key(ACTIVE_KEY)) {
            return Err(refusal);
        }
        let listed: Vec<_> = listed.into_iter().filter(|(key, _)| is_rule_file(key)).collect();
        let now = Seen::Files(listed);
        if seen == Some(&now) {
            return Ok(None);
        }
        let files = self.plain_files(&now).await?;
        Ok(Some(Found { seen: now, files, manifest: None }))
    }

    /// The manifest and its ETag; `None` where there is none.
    pub async fn manifest(&self) -> Result<Option<(Manifest, String)>, AwsError> {
        match self.active(None).await? {
            Active::Is(manifest, etag) => Ok(Some((manifest, etag))),
            Active::Unchanged => Ok(None),
            Active::Absent(refusal) => match self.list().await? {
                listed if listed.iter().any(|(key, _)| *key == self.key(ACTIVE_KEY)) => Err(refusal),
                _ => Ok(None),
            },
        }
    }

    /// A text that is kept; why not, where it is gone or another.
    pub async fn kept(&self, kept: &Kept) -> Result<Result<String, String>, AwsError> {
        let key = self.key(&kept.key);
        let Some(text) = self.text(&key).await? else {
            return Ok(Err(format!("{} is gone", self.address(&key))));
        };
        if is_text_of(&text, &kept.sha256) {
            return Ok(Ok(text));
        }
        Ok(Err(format!(
            "{} is not what was pushed; push a file again with `catchment rules push` instead of editing it there",
            self.address(&key)
        )))
    }

    pub(super) fn key(&self, below: &str) -> String {
        format!("{}{below}", self.prefix)
    }

    pub(super) fn address(&self, key: &str) -> String {
        format!("s3://{}/{key}", self.bucket)
    }

    async fn active(&self, etag: Option<String>) -> Result<Active, AwsError> {
        let key = self.key(ACTIVE_KEY);
        let action = || format!("read the manifest of the rules {}", self.address(&key));
        let output = match self.get(&key, etag).await {
            Ok(output) => output,
            Err(err) => match status(&err) {
                Some(NOT_MODIFIED) => return Ok(Active::Unchanged),
                Some(403 | 404) => return Ok(Active::Absent(classify(action(), err))),
                _ => return Err(classify(action(), err)),
            },
        };
        let etag = output.e_tag.clone().unwrap_or_default();
        let body = output.body.collect().await;
        let bytes = body.map_err(|err| AwsError::Transient { action: action(), source: err.into() })?;
        let manifest = Manifest::read(&bytes.into_bytes())
            .map_err(|err| AwsError::Permanent { action: action(), source: err.into() })?;
        Ok(Active::Is(manifest, etag))
    }

    async fn version_files(&self, manifest: &Manifest) -> Result<Vec<Offered>, AwsError> {
        let mut files = Vec::new();
        for file in &manifest.version.files {
            let text = self.kept(&file.kept()).await?;
            files.push(Offered { name: file.name.clone(), text, stand_ins: Vec::new() });
        }
        Ok(files)
    }

    async fn plain_files(&self, seen: &Seen) -> Result<Vec<Offered>, AwsError> {
        let mut files = Vec::new();
        let Seen::Files(listed) = seen else { return Ok(files) };
        for (key, _) in listed {
            // A file that went away since it was listed is none.
            let Some(text) = self.text(key).await? else { continue };
            let name = key.strip_prefix(&self.prefix).unwrap_or(key).to_owned();
            let text = match text.len() {
                bytes if bytes > MAX_RULE_FILE_BYTES => {
                    Err(format!("the file has {bytes} bytes, more than {MAX_RULE_FILE_BYTES}; split it"))
                }
                _ => Ok(text),
            };
            files.push(Offered { name, text, stand_ins: Vec::new() });
        }
        Ok(files)
    }

    /// What lies directly below the prefix: keys and ETags, ordered by key.
    async fn list(&self) -> Result<Vec<(String, String)>, AwsError> {
        let action = || format!("list the rule files in {}", self.address(&self.prefix));
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.prefix).delimiter("/");
        let mut pages = list.into_paginator().send();
        let mut listed = Vec::new();
        while let Some(page) = pages.next().await {
            for object in page.map_err(|err| classify(action(), err))?.contents.unwrap_or_default() {
                listed.extend(object.key.map(|key| (key, object.e_tag.unwrap_or_default())));
            }
        }
        let files = listed.iter().filter(|(key, _)| is_rule_file(key)).count();
        if files > MAX_RULE_FILES {
            let what = format!("there are {files}, more than {MAX_RULE_FILES}; join some");
            return Err(AwsError::unexpected(action(), what));
        }
        Ok(listed)
    }

    /// An object's text; `None` where there is none.
    pub(super) async fn text(&self, key: &str) -> Result<Option<String>, AwsError> {
        let action = || format!("read {}", self.address(key));
        let mut attempt = 1;
        loop {
            let output = match self.get(key, None).await {
                Ok(output) => output,
                Err(err) if status(&err) == Some(404) => return Ok(None),
                Err(err) => return Err(classify(action(), err)),
            };
            match output.body.collect().await {
                Ok(body) => return Ok(Some(String::from_utf8_lossy(&body.into_bytes()).into_owned())),
                Err(_) if attempt < BODY_ATTEMPTS => attempt += 1,
                Err(err) => return Err(AwsError::Transient { action: action(), source: err.into() }),
            }
        }
    }

    async fn get(
        &self,
        key: &str,
        etag: Option<String>,
    ) -> Result<GetObjectOutput, SdkError<aws_sdk_s3::operation::get_object::GetObjectError, HttpResponse>>
    {
        self.client.get_object().bucket(&self.bucket).key(key).set_if_none_match(etag).send().await
    }
}

fn is_rule_file(key: &str) -> bool {
    key.ends_with(".yaml") || key.ends_with(".yml")
}

pub(super) fn status<E>(err: &SdkError<E, HttpResponse>) -> Option<u16> {
    err.raw_response().map(|response| response.status().as_u16())
}
