//! The Lambda function `notify`: settings, clients, handler.

use catchment_aws::clock::SystemClock;
use catchment_aws::config::Vars;
use catchment_aws::deliveries::DynamoDeliveries;
use catchment_aws::notifier::TextTopic;
use catchment_aws::secrets::SecretsManagerSecret;
use catchment_aws::webhook::WebhookClient;
use catchment_aws::{clients, logging};
use catchment_notify::config::Config;
use catchment_notify::handler::Handler;
use catchment_notify::slack::Slack;
use catchment_notify::webhook::Webhook;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "notify cannot start"))?;
    let sdk = &clients::sdk_config().await;
    let client = WebhookClient::default();
    let secret = |arn: String| SecretsManagerSecret::new(sdk, arn);
    let webhook = config.webhook.map(|it| (it.url, secret(it.secret_arn)));
    let handler = &Handler {
        slack: config.slack_secret_arn.map(|arn| Slack::new(secret(arn), client.clone())),
        webhook: webhook.map(|(url, secret)| Webhook { url, secret, client: client.clone() }),
        amazon_q: config.amazon_q_topic_arn.map(|arn| TextTopic::new(clients::sns(sdk), arn)),
        store: DynamoDeliveries::new(clients::dynamodb(sdk), config.state_table),
        metrics_namespace: config.metrics_namespace,
        clock: SystemClock,
    };
    let serve = |event: LambdaEvent<serde_json::Value>| async move {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Box::pin(handler.handle(event.payload, deadline)).await.map_err(Error::from)
    };
    lambda_runtime::run(service_fn(serve)).await
}
