//! The Lambda function `notify`: settings, clients, handler.

use catchment_aws::clock::SystemClock;
use catchment_aws::config::Vars;
use catchment_aws::secrets::SecretsManagerSecret;
use catchment_aws::webhook::WebhookClient;
use catchment_aws::{clients, logging};
use catchment_notify::config::Config;
use catchment_notify::handler::Handler;
use catchment_notify::slack::Slack;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "notify cannot start"))?;
    let sdk = clients::sdk_config().await;
    let secret = SecretsManagerSecret::new(&sdk, config.webhook_secret_arn);
    let handler = &Handler {
        slack: Slack::new(secret, WebhookClient::default()),
        metrics_namespace: config.metrics_namespace,
        clock: SystemClock,
    };
    let serve = |event: LambdaEvent<serde_json::Value>| async move {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Box::pin(handler.handle(event.payload, deadline)).await.map_err(Error::from)
    };
    lambda_runtime::run(service_fn(serve)).await
}
