//! The port `LogGroups`: on the in-memory twin, and on CloudWatch Logs.

use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::log_groups::{CloudWatchLogGroups, InMemoryLogGroups, check_log_groups};

use crate::emulator::emulator;

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
async fn cloudwatch_logs_passes_the_suite() {
    let Some(config) = emulator().await else { return };
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
