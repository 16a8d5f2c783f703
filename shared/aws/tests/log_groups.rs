//! The suite of the port `LogGroups`: on the in-memory twin, and on CloudWatch
//! Logs in the emulator at `CATCHMENT_TEST_ENDPOINT`. Without that variable the
//! second says so and ends.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use aws_config::BehaviorVersion;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::log_groups::{CloudWatchLogGroups, InMemoryLogGroups, check_log_groups};

/// One more than fits a page.
fn names(salt: i64) -> Vec<String> {
    (0..51).map(|n| format!("/suite/{salt}/{n:02}")).collect()
}

#[tokio::test]
async fn the_twin_passes_the_suite() {
    let names = names(0);
    let twin = InMemoryLogGroups::with(&names.iter().map(String::as_str).collect::<Vec<_>>());
    check_log_groups(&twin, &names).await;
}

#[tokio::test]
#[allow(clippy::disallowed_methods)]
async fn cloudwatch_logs_passes_the_suite() {
    let Ok(endpoint) = std::env::var("CATCHMENT_TEST_ENDPOINT") else {
        eprintln!("skipped: CATCHMENT_TEST_ENDPOINT is not set; scripts/test sets it");
        return;
    };
    let config = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("us-east-1")
        .test_credentials()
        .http_client(clients::https())
        .load()
        .await;
    let names = names(SystemClock.now_millis());
    let client = aws_sdk_cloudwatchlogs::Client::new(&config);
    for name in &names {
        client.create_log_group().log_group_name(name).send().await.unwrap();
    }
    check_log_groups(&CloudWatchLogGroups::new(&config), &names).await;
    for name in &names {
        client.delete_log_group().log_group_name(name).send().await.unwrap();
    }
}
