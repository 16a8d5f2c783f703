//! The Lambda function `ingest`: settings and stores once, then one payload at a time.

use catchment_aws::config::Vars;
use catchment_aws::{clients, logging};
use catchment_ingest::{Function, config::Config};
use lambda_runtime::{run, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "ingest cannot start"))?;
    let function = &Function::start(config, &clients::sdk_config().await)
        .await
        .inspect_err(|error| tracing::error!(%error, "ingest cannot start"))?;
    run(service_fn(|event| function.serve(event))).await
}
