//! One invocation: the rules and the configuration as they are now, the payload,
//! and the report of what became of it.

use catchment_alert::PartialStore;
use catchment_archive::ArchiveStore;
use catchment_audit::AuditStore;
use catchment_aws::AwsError;
use catchment_aws::alert_store::{DynamoAlerts, DynamoPartials};
use catchment_aws::archive::S3Archive;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clients::{self, SdkConfig};
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::peek_caller::LambdaPeekCaller;
use catchment_aws::pipeline::{CachedPipeline, ConfigSource, PipelineError, hash_key};
use catchment_aws::rules::{CachedRules, RuleSource};
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::config::Config;
use crate::handler::Ingest;
use crate::peek::{Asked, Peeks};
use crate::report::Report;

/// The function; built once, used for every invocation.
#[derive(Debug)]
pub struct Function<A, D, P> {
    /// What takes a payload in.
    pub ingest: Ingest<A, D, P>,
    /// The alert rules.
    pub rules: CachedRules,
    /// The configuration.
    pub pipeline: CachedPipeline,
    /// Who looks at rules before their time.
    pub peeks: Option<Peeks<DynamoAlerts, LambdaPeekCaller>>,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl Function<S3Archive, DynamoAudit, DynamoPartials> {
    /// The function over AWS. It does not start without the key of the keyed hash
    /// where there is to be one.
    pub async fn start(config: Config, sdk: &SdkConfig) -> Result<Self, AwsError> {
        let key = hash_key(sdk, config.hash_key_secret_arn.as_deref()).await?;
        let (s3, dynamodb) = (clients::s3(sdk), clients::dynamodb(sdk));
        let bucket = &config.archive_bucket;
        let file = ConfigSource::new(s3.clone(), bucket, &config.config_key);
        let board = DynamoAlerts::new(dynamodb.clone(), &config.state_table);
        let caller = |function| LambdaPeekCaller::new(clients::lambda(sdk), function);
        Ok(Self {
            peeks: config.evaluate_function.map(caller).map(|caller| Peeks::new(board, caller)),
            rules: CachedRules::new(RuleSource::new(s3.clone(), bucket, &config.rules_prefix)),
            pipeline: CachedPipeline::new(file, key, config.routing),
            ingest: Ingest::new(
                S3Archive::new(s3, bucket),
                DynamoAudit::new(dynamodb.clone(), &config.audit_table, config.audit_retention_days),
                DynamoPartials::new(dynamodb, &config.state_table),
                config.settings,
            ),
            metrics_namespace: config.metrics_namespace,
        })
    }
}

impl<A: ArchiveStore, D: AuditStore, P: PartialStore> Function<A, D, P> {
    /// Takes in one payload and emits what became of it, which is the answer too. On an
    /// error Lambda invokes again with the same payload.
    pub async fn serve(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let namespace = &self.metrics_namespace;
        let report = match self.take_in(event.payload).await {
            Ok(report) => report,
            Err(error) => {
                tracing::error!(%error, "the payload will come again");
                if error.is::<PipelineError>() {
                    crate::report::config_is_missing(namespace).emit(SystemClock.now_millis())?;
                }
                return Err(error);
            }
        };
        report.emit(namespace, SystemClock.now_millis())?;
        report.log(&event.context.request_id);
        Ok(report.answer())
    }

    /// Takes in one payload under the configuration and the rules as they are now.
    /// Without them nothing is taken in: what they would have redacted must not be
    /// stored, and what they would have counted would never be.
    pub async fn take_in(&self, payload: Value) -> Result<Report, Error> {
        let now = SystemClock.now_millis();
        let current = self.pipeline.current(now).await?;
        let rules = self.rules.current(now).await?;
        let mut report = self.ingest.handle(payload, &rules.set, &current.pipeline).await?;
        if let Some(peeks) = self.peeks.as_ref().filter(|_| !report.rules_grown.is_empty()) {
            match peeks.ask(&report.rules_grown, SystemClock.now_millis()).await {
                Asked::Called => report.peeks_called = 1,
                Asked::Failed => report.peeks_failed = 1,
                Asked::Joined => {}
            }
        }
        report.rules_invalid = u64::from(rules.is_stale);
        report.config_invalid = u64::from(current.is_stale);
        Ok(report)
    }
}
