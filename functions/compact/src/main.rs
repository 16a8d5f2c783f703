//! The Lambda function `compact`: settings and store once, then a tick at a time.

use catchment_archive::compact::{CompactLimits, Compactor};
use catchment_aws::archive::S3Archive;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::config::Vars;
use catchment_aws::{clients, logging};
use catchment_compact::config::Config;
use catchment_compact::{handler, report, scratch_folder};
use lambda_runtime::{Error, LambdaEvent, service_fn};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    logging::init();
    let config = Config::from_vars(&Vars::from_process())
        .inspect_err(|faults| tracing::error!(error = %faults, "compact cannot start"))?;
    let archive = S3Archive::new(clients::s3(&clients::sdk_config().await), &config.archive_bucket);
    let scratch = scratch_folder(&std::env::temp_dir(), std::process::id())?;
    let compactor = Compactor::new(&archive, scratch, CompactLimits::default());
    let serve = async |event: LambdaEvent<serde_json::Value>| {
        let deadline = i64::try_from(event.context.deadline)?;
        let report = handler::handle(&compactor, event.payload, &SystemClock, deadline).await?;
        report::to_metrics(&report, &config.metrics_namespace).emit(SystemClock.now_millis())?;
        report::log(&report, &event.context.request_id);
        match report.failures.first() {
            Some(failure) => Err(Error::from(failure.clone())),
            None => Ok(report::answer(&report)),
        }
    };
    lambda_runtime::run(service_fn(serve)).await
}
