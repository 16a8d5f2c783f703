//! The configuration file beside the archive, read again now and then, and the
//! key of the keyed hash.
//!
//! Without a file the configuration that comes with Catchment applies. A file
//! with a fault does not replace one that had none: the last good one stays. A
//! process that never had a good one takes nothing in, because what the file
//! would have redacted must not be stored: ADR 0012.

use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use catchment_record::{Config, ConfigFault, HashKey, MAX_CONFIG_BYTES, Pipeline, Routing};

use crate::error::{AwsError, classify};
use crate::secrets::{SecretSource, SecretsManagerSecret};

/// How long a configuration is used before S3 is asked for a newer one.
pub const RECHECK_MS: i64 = 30_000;
/// The shortest key of the keyed hash, in bytes: 128 bits cannot be guessed.
pub const MIN_HASH_KEY_BYTES: usize = 16;

/// Reads the key of the keyed hash, where there is a secret for it. A key that is
/// there and cannot be used is an error: values hashed under another would not join.
pub async fn hash_key(sdk: &SdkConfig, secret_arn: Option<&str>) -> Result<Option<HashKey>, AwsError> {
    let Some(arn) = secret_arn else {
        return Ok(None);
    };
    let secret = SecretsManagerSecret::new(sdk, arn).read().await?;
    checked_key(arn, secret.expose()).map(Some)
}

fn checked_key(arn: &str, key: &str) -> Result<HashKey, AwsError> {
    let key = key.trim();
    if key.len() < MIN_HASH_KEY_BYTES {
        return Err(AwsError::unexpected(
            format!("using the secret {arn} as the key of the keyed hash"),
            format!(
                "it has {} bytes, fewer than {MIN_HASH_KEY_BYTES}; `openssl rand -hex 32` makes a good one",
                key.len()
            ),
        ));
    }
    Ok(HashKey::new(key))
}

/// Why there is no configuration to work with.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The file has faults, and no good one was seen before.
    #[error(
        "the configuration file {file} cannot be used, and nothing is taken in until it is mended: {}",
        listed(faults)
    )]
    Faulty {
        /// The file's address.
        file: String,
        /// Every fault, with its place.
        faults: Vec<ConfigFault>,
    },
    /// The file cannot be read, and none was read before.
    #[error("no configuration was read yet: {0}")]
    Unread(#[source] AwsError),
}

fn listed(faults: &[ConfigFault]) -> String {
    faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// One object of a bucket that is or is not there.
#[derive(Debug, Clone)]
pub struct ConfigSource {
    client: Client,
    bucket: String,
    key: String,
}

/// What the bucket has: the object's ETag and size.
type Listed = Option<(String, i64)>;

impl ConfigSource {
    /// The file `key`.
    pub fn new(client: Client, bucket: impl Into<String>, key: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into(), key: key.into() }
    }

    fn address(&self) -> String {
        format!("s3://{}/{}", self.bucket, self.key)
    }

    /// Listing says for certain whether there is a file: reading a key that is
    /// not there is refused like one that may not be read.
    async fn list(&self) -> Result<Listed, AwsError> {
        let action = || format!("look for the configuration file {}", self.address());
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&self.key).max_keys(1);
        let page = list.send().await.map_err(|err| classify(action(), err))?;
        // Keys come in order, and a key is before all that it is the beginning of.
        let found = page.contents().iter().find(|object| object.key() == Some(&self.key));
        Ok(found
            .map(|object| (object.e_tag().unwrap_or_default().to_owned(), object.size().unwrap_or_default())))
    }

    async fn read(&self) -> Result<Vec<u8>, AwsError> {
        let action = || format!("read the configuration file {}", self.address());
        let object = self.client.get_object().bucket(&self.bucket).key(&self.key).send().await;
        let body = object.map_err(|err| classify(action(), err))?.body.collect().await;
        let bytes = body.map_err(|err| AwsError::Transient { action: action(), source: err.into() })?;
        Ok(bytes.into_bytes().into())
    }
}

/// The configuration to use now.
#[derive(Debug, Clone)]
pub struct CurrentPipeline {
    /// Every stage, compiled.
    pub pipeline: Arc<Pipeline>,
    /// Whether the file could not be used as it is now: an operator is needed.
    pub is_stale: bool,
}

/// What was seen last, and when.
#[derive(Debug, Clone)]
struct Cached {
    read_ms: i64,
    /// `None` when the file must be read again whatever its ETag.
    seen: Option<Listed>,
    current: CurrentPipeline,
}

/// A configuration that is read again after [`RECHECK_MS`], when its file has changed.
#[derive(Debug)]
pub struct CachedPipeline {
    source: ConfigSource,
    key: Option<HashKey>,
    routing: Routing,
    cached: Mutex<Option<Cached>>,
}

impl CachedPipeline {
    /// Nothing is read yet. `routing` has the classes of log groups about which
    /// the file says nothing.
    pub fn new(source: ConfigSource, key: Option<HashKey>, routing: Routing) -> Self {
        Self { source, key, routing, cached: Mutex::new(None) }
    }

    /// The configuration at `now_ms`. Faults are logged, with line and column.
    pub async fn current(&self, now_ms: i64) -> Result<CurrentPipeline, PipelineError> {
        let previous = self.cached.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(cached) = &previous
            && now_ms - cached.read_ms < RECHECK_MS
        {
            return Ok(cached.current.clone());
        }
        let (seen, current) = match self.look(previous.as_ref()).await {
            Ok((listed, current)) => (Some(listed), current),
            Err(error) => match previous {
                Some(cached) => {
                    tracing::error!(%error, "the configuration file cannot be read; the last one stays");
                    (None, CurrentPipeline { is_stale: true, ..cached.current })
                }
                None => return Err(error),
            },
        };
        let mut cached = self.cached.lock().unwrap_or_else(PoisonError::into_inner);
        *cached = Some(Cached { read_ms: now_ms, seen, current: current.clone() });
        Ok(current)
    }

    /// What the bucket has, and what is to be used because of it.
    async fn look(&self, previous: Option<&Cached>) -> Result<(Listed, CurrentPipeline), PipelineError> {
        let listed = self.source.list().await.map_err(PipelineError::Unread)?;
        if let Some(previous) = previous
            && previous.seen.as_ref() == Some(&listed)
        {
            return Ok((listed, previous.current.clone()));
        }
        let compiled = match &listed {
            None => Ok(Pipeline::embedded(self.key.clone())),
            Some((_, size)) if usize::try_from(*size).is_ok_and(|size| size > MAX_CONFIG_BYTES) => {
                let message = format!("the file has {size} bytes, more than {MAX_CONFIG_BYTES}");
                Err(vec![ConfigFault { line: 0, column: 0, message }])
            }
            Some(_) => {
                let bytes = self.source.read().await.map_err(PipelineError::Unread)?;
                compile(&bytes, self.key.clone())
            }
        };
        let compiled = compiled.map(|pipeline| Arc::new(pipeline.with_routing(self.routing.clone())));
        let current = adopt(compiled, previous.map(|cached| &cached.current), &self.source.address())?;
        Ok((listed, current))
    }
}

fn compile(bytes: &[u8], key: Option<HashKey>) -> Result<Pipeline, Vec<ConfigFault>> {
    let config = Config::parse_bytes(bytes).map_err(|fault| vec![fault])?;
    Pipeline::new(&config, key)
}

/// A good file is used at once; for a faulty one the previous stands in.
fn adopt(
    compiled: Result<Arc<Pipeline>, Vec<ConfigFault>>,
    previous: Option<&CurrentPipeline>,
    file: &str,
) -> Result<CurrentPipeline, PipelineError> {
    match (compiled, previous) {
        (Ok(pipeline), _) => Ok(CurrentPipeline { pipeline, is_stale: false }),
        (Err(faults), Some(previous)) => {
            for fault in faults {
                tracing::error!(file, %fault, "the configuration file cannot be used; the last good one stays");
            }
            Ok(CurrentPipeline { is_stale: true, ..previous.clone() })
        }
        (Err(faults), None) => Err(PipelineError::Faulty { file: file.to_owned(), faults }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "s3://archive/config/catchment.yaml";

    fn current(text: &str, previous: Option<&CurrentPipeline>) -> Result<CurrentPipeline, PipelineError> {
        adopt(compile(text.as_bytes(), None).map(Arc::new), previous, FILE)
    }

    #[test]
    fn a_faulty_file_leaves_the_last_good_one_in_place() {
        let good = current("version: 1", None).unwrap();
        assert!(!good.is_stale);
        let kept = current("version: 1\nrout: {}", Some(&good)).unwrap();
        assert!(kept.is_stale && Arc::ptr_eq(&kept.pipeline, &good.pipeline));
        let mended = current("version: 1\nroute: {}", Some(&kept)).unwrap();
        assert!(!mended.is_stale && !Arc::ptr_eq(&mended.pipeline, &good.pipeline));
    }

    #[test]
    fn a_process_that_never_had_a_good_file_takes_nothing_in() {
        let message = current("version: 1\nrout: {}", None).unwrap_err().to_string();
        for part in [FILE, "nothing is taken in", "line 2, column 1", "did you mean \"route\"?"] {
            assert!(message.contains(part), "{part}: {message}");
        }
        let message = adopt(compile(b"version: 1 # \xff", None).map(Arc::new), None, FILE).unwrap_err();
        assert!(message.to_string().contains("not UTF-8"), "{message}");
    }

    #[test]
    fn a_short_key_is_refused_and_never_shown() {
        for (key, good) in
            [("0123456789abcde", false), ("  0123456789abcde\n", false), ("0123456789abcdef", true)]
        {
            let checked = checked_key("arn:aws:secretsmanager:x", key);
            assert_eq!(checked.is_ok(), good, "{key}");
            assert!(!format!("{checked:?}").contains("0123456789"), "{checked:?}");
        }
    }
}
