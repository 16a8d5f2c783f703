//! The Lambda function `ingest`: settings and stores once, then one payload at a time.

use catchment_aws::alert_store::DynamoPartials;
use catchment_aws::archive::S3Archive;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::config::Vars;
use catchment_aws::pipeline::{CachedPipeline, ConfigSource, hash_key};
use catchment_aws::rules::{CachedRules, RuleSource};
use catchment_aws::{clients, logging};
use catchment_ingest::{Function, Ingest, config::Config};
use lambda_runtime::{run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "ingest cannot start"))?;
    let sdk = clients::sdk_config().await;
    let key = hash_key(&sdk, config.hash_key_secret_arn.as_deref())
        .await
        .inspect_err(|error| tracing::error!(%error, "ingest cannot start"))?;
    let (s3, dynamodb) = (clients::s3(&sdk), clients::dynamodb(&sdk));
    let bucket = &config.archive_bucket;
    let file = ConfigSource::new(s3.clone(), bucket, &config.config_key);
    let function = &Function {
        rules: CachedRules::new(RuleSource::new(s3.clone(), bucket, &config.rules_prefix)),
        pipeline: CachedPipeline::new(file, key, config.routing),
        ingest: Ingest::new(
            S3Archive::new(s3, bucket),
            DynamoAudit::new(dynamodb.clone(), &config.audit_table, config.audit_retention_days),
            DynamoPartials::new(dynamodb, &config.state_table),
            config.settings,
        ),
        metrics_namespace: config.metrics_namespace,
    };
    run(service_fn(|event| function.serve(event))).await
}
