//! The Lambda function `subscribe`: settings, clients, handler.

use catchment_aws::clients;
use catchment_aws::clock::SystemClock;
use catchment_aws::config::Vars;
use catchment_aws::log_groups::CloudWatchLogGroups;
use catchment_aws::logging;
use catchment_aws::webhook::WebhookClient;
use catchment_subscribe::config::Config;
use catchment_subscribe::handler::Handler;
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process());
    if let Err(faults) = &config {
        // The function goes on: CloudFormation waits for an answer that names them.
        tracing::error!(error = %faults, "nothing can be subscribed");
    }
    let handler = &Handler {
        groups: CloudWatchLogGroups::new(&clients::sdk_config().await),
        config,
        client: WebhookClient::default(),
        clock: SystemClock,
    };
    let serve = |event: LambdaEvent<serde_json::Value>| async move {
        let deadline = i64::try_from(event.context.deadline).unwrap_or(i64::MAX);
        Box::pin(handler.handle(event.payload, deadline)).await.map_err(Error::from)
    };
    lambda_runtime::run(service_fn(serve)).await
}
