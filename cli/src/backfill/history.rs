//! CloudWatch Logs, asked for what it holds, no faster than was allowed.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::{FilteredLogEvent, LogGroup};
use catchment_aws::pacer::Pacer;

use super::estimate::Sample;
use crate::failure::{Failure, of_sdk};

/// Attempts of one call: others use the same quota, and patience is cheap.
const MAX_ATTEMPTS: u32 = 12;
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(20);
/// One call that has no answer after this long is tried again.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(60);
/// The longest that one page is tried.
const CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Between two calls that describe: AWS allows 10 a second.
const DESCRIBE_INTERVAL: Duration = Duration::from_millis(125);
/// Log groups that one page holds at most.
const LOG_GROUPS_PAGE: i32 = 50;
/// Pages that are looked at for a sample, where the first ones are empty.
const SAMPLE_PAGES: usize = 3;

/// The log groups of one account and Region.
pub struct History {
    client: Client,
    requests: Pacer,
    describes: Pacer,
}

/// One answer.
pub struct Page {
    /// The events, sorted by time over all streams.
    pub events: Vec<FilteredLogEvent>,
    /// What to ask for next; `None` at the end.
    pub next: Option<String>,
}

impl History {
    /// Asks at most `rate` times a second.
    pub fn new(config: &SdkConfig, rate: f64) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
        let retries = retries.with_initial_backoff(FIRST_BACKOFF).with_max_backoff(LAST_BACKOFF);
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = Builder::from(config).retry_config(retries).timeout_config(timeouts).build();
        Self {
            client: Client::from_conf(config),
            requests: Pacer::new(Duration::from_secs_f64(1.0 / rate)),
            describes: Pacer::new(DESCRIBE_INTERVAL),
        }
    }

    /// Every log group, or those whose names begin so.
    pub async fn log_groups(&self, prefix: Option<&str>) -> Result<Vec<LogGroup>, Failure> {
        let mut all = Vec::new();
        let mut token = None;
        loop {
            self.describes.turn().await;
            let call = self.client.describe_log_groups().limit(LOG_GROUPS_PAGE);
            let call = call.set_log_group_name_prefix(prefix.map(str::to_owned)).set_next_token(token);
            let answer = call.send().await.map_err(|err| of_sdk("list log groups", err))?;
            all.extend(answer.log_groups.unwrap_or_default());
            // Sorted by name: the group of that very name is the first.
            if prefix.is_some() || answer.next_token.is_none() {
                return Ok(all);
            }
            token = answer.next_token;
        }
    }

    /// A page of the events from `from` up to, and not including, `to`.
    pub async fn page(
        &self,
        log_group: &str,
        from: i64,
        to: i64,
        token: Option<String>,
    ) -> Result<Page, Failure> {
        self.requests.turn().await;
        let call = self.client.filter_log_events().log_group_name(log_group);
        // CloudWatch's end is the last millisecond that is asked for.
        let call = call.start_time(from).end_time(to - 1).set_next_token(token);
        let answer = call.send().await;
        let answer = answer.map_err(|err| of_sdk(&format!("read the events of {log_group}"), err))?;
        Ok(Page { events: answer.events.unwrap_or_default(), next: answer.next_token })
    }

    /// The first page that has events.
    pub async fn sample(&self, log_group: &str, from: i64, to: i64) -> Result<Sample, Failure> {
        let mut token = None;
        for _ in 0..SAMPLE_PAGES {
            let page = self.page(log_group, from, to, token).await?;
            if !page.events.is_empty() || page.next.is_none() {
                return Ok(sample(&page.events));
            }
            token = page.next;
        }
        Ok(Sample::default())
    }
}

fn sample(events: &[FilteredLogEvent]) -> Sample {
    let mut streams: Vec<_> = events.iter().filter_map(FilteredLogEvent::log_stream_name).collect();
    streams.sort_unstable();
    streams.dedup();
    Sample {
        events: events.len() as u64,
        bytes: events.iter().filter_map(FilteredLogEvent::message).map(|line| line.len() as u64).sum(),
        streams: streams.len() as u64,
    }
}
