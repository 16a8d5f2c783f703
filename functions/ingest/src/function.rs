//! One invocation: the rules and the configuration as they are now, the payload,
//! and the report of what became of it.

use catchment_alert::PartialStore;
use catchment_archive::ArchiveStore;
use catchment_audit::AuditStore;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::pipeline::CachedPipeline;
use catchment_aws::rules::CachedRules;
use lambda_runtime::{Error, LambdaEvent};
use serde_json::Value;

use crate::handler::Ingest;

/// The function; built once, used for every invocation.
#[derive(Debug)]
pub struct Function<A, D, P> {
    /// What takes a payload in.
    pub ingest: Ingest<A, D, P>,
    /// The alert rules.
    pub rules: CachedRules,
    /// The configuration.
    pub pipeline: CachedPipeline,
    /// The namespace of the metrics.
    pub metrics_namespace: String,
}

impl<A: ArchiveStore, D: AuditStore, P: PartialStore> Function<A, D, P> {
    /// Takes in one payload and emits what became of it, which is the answer too. On an
    /// error Lambda invokes again with the same payload.
    pub async fn serve(&self, event: LambdaEvent<Value>) -> Result<Value, Error> {
        let now = SystemClock.now_millis();
        let namespace = &self.metrics_namespace;
        let current = match self.pipeline.current(now).await {
            Ok(current) => current,
            Err(error) => {
                tracing::error!(%error, "the payload will come again");
                crate::report::config_is_missing(namespace).emit(now)?;
                return Err(error.into());
            }
        };
        let rules = self.rules.current(now).await;
        let report = self.ingest.handle(event.payload, &rules.set, &current.pipeline).await;
        let mut report =
            report.inspect_err(|error| tracing::error!(%error, "the payload will come again"))?;
        report.rules_invalid = u64::from(rules.is_stale);
        report.config_invalid = u64::from(current.is_stale);
        report.emit(namespace, SystemClock.now_millis())?;
        report.log(&event.context.request_id);
        Ok(report.answer())
    }
}
