//! The Lambda function `evaluate`: settings and stores once, then a tick each minute.

use catchment_aws::alert_store::{DynamoAlerts, DynamoPartials};
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::config::Vars;
use catchment_aws::notifier::SnsNotifier;
use catchment_aws::parking::S3Parking;
use catchment_aws::rules::{CachedRules, RuleSource};
use catchment_aws::{clients, logging};
use catchment_evaluate::config::Config;
use catchment_evaluate::event::Asked;
use catchment_evaluate::handler::{Evaluator, origin_of};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "evaluate cannot start"))?;
    let sdk = clients::sdk_config().await;
    let dynamodb = clients::dynamodb(&sdk);
    let evaluator = Evaluator::new(
        DynamoPartials::new(dynamodb.clone(), &config.state_table),
        DynamoAlerts::new(dynamodb, &config.state_table),
        SnsNotifier::new(clients::sns(&sdk), &config.alert_topic_arn),
        S3Parking::new(clients::s3(&sdk), &config.archive_bucket),
    );
    let (s3, bucket) = (clients::s3(&sdk), &config.archive_bucket);
    let rules = CachedRules::new(RuleSource::new(s3, bucket, &config.rules_prefix));
    let serve = async |event: LambdaEvent<serde_json::Value>| {
        let rules = rules.current(SystemClock.now_millis()).await?;
        let (asked, arn) = (Asked::from_event(&event.payload), &event.context.invoked_function_arn);
        let mut report = evaluator.run(asked, &rules.set, &SystemClock, &origin_of(arn)).await;
        report.rules_invalid = u64::from(rules.is_stale);
        report.emit(&config.metrics_namespace, SystemClock.now_millis())?;
        report.log(&event.context.request_id);
        Ok::<_, Error>(())
    };
    lambda_runtime::run(service_fn(serve)).await
}
