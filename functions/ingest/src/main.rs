//! The Lambda function `ingest`: settings and stores once, then one payload at a time.

use catchment_aws::alert_store::DynamoPartials;
use catchment_aws::archive::S3Archive;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::config::Vars;
use catchment_aws::rules::{CachedRules, RuleSource};
use catchment_aws::{clients, logging};
use catchment_ingest::{Ingest, config::Config};
use lambda_runtime::{LambdaEvent, run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "ingest cannot start"))?;
    let sdk = clients::sdk_config().await;
    let (s3, dynamodb) = (clients::s3(&sdk), clients::dynamodb(&sdk));
    let ingest = Ingest::new(
        S3Archive::new(s3.clone(), &config.archive_bucket),
        DynamoAudit::new(dynamodb.clone(), &config.audit_table, config.audit_retention_days),
        DynamoPartials::new(dynamodb, &config.state_table),
        config.settings,
    );
    let rules = CachedRules::new(RuleSource::new(s3, &config.archive_bucket, &config.rules_prefix));
    run(service_fn(async |event: LambdaEvent<serde_json::Value>| {
        let now = SystemClock.now_millis();
        let rules = rules.current(now).await;
        let report = ingest.handle(event.payload, &rules.set).await;
        let mut report =
            report.inspect_err(|error| tracing::error!(%error, "the payload will come again"))?;
        report.rules_invalid = u64::from(rules.is_stale);
        report.to_metrics(&config.metrics_namespace).emit(SystemClock.now_millis())?;
        report.log(&event.context.request_id);
        Ok::<_, lambda_runtime::Error>(())
    }))
    .await
}
