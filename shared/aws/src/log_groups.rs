//! CloudWatch log groups and their subscription filters: the port, the adapter
//! over CloudWatch Logs, and an in-memory twin for tests.
//!
//! Both count on nothing having happened in between: a group that is gone has no
//! filters, and a filter that is gone has been removed.

#[cfg(feature = "test-util")]
mod suite;
#[cfg(feature = "test-util")]
mod twin;

#[cfg(feature = "test-util")]
pub use suite::check_log_groups;
#[cfg(feature = "test-util")]
pub use twin::InMemoryLogGroups;

use std::future::Future;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::types::LogGroupClass;
use tokio::time::{Instant, sleep_until};

use crate::error::{AwsError, classify};

/// Log groups that one page holds at most (a limit of `DescribeLogGroups`).
const PAGE_SIZE: i32 = 50;
/// Between two describing calls: AWS allows 10 a second for an account and
/// Region, and others want some.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html>
const DESCRIBE_INTERVAL: Duration = Duration::from_millis(125);
/// Between two changing calls: AWS allows 5 a second.
const CHANGE_INTERVAL: Duration = Duration::from_millis(250);
/// Attempts of one call: throttles are expected here, and patience is cheap.
const MAX_ATTEMPTS: u32 = 6;

/// The name of a log group.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogGroupName(pub String);

/// The name of a subscription filter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FilterName(pub String);

/// The ARN a subscription filter delivers to.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DestinationArn(pub String);

/// A log group as far as subscribing to it goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroupInfo {
    /// Its name.
    pub name: LogGroupName,
    /// Whether its class allows subscription filters: only `STANDARD` does.
    pub takes_filters: bool,
}

/// A subscription filter on a log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionFilter {
    /// Its name, unique in the group.
    pub name: FilterName,
    /// Which events pass; empty means all.
    pub pattern: String,
    /// Where they go.
    pub destination: DestinationArn,
}

/// One page of log groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogGroupPage {
    /// The groups on it.
    pub groups: Vec<LogGroupInfo>,
    /// What to ask for next; `None` on the last page.
    pub next: Option<String>,
}

/// What subscribing needs of CloudWatch Logs.
pub trait LogGroups: Send + Sync {
    /// A page of all log groups of the account and Region.
    fn page(&self, token: Option<String>) -> impl Future<Output = Result<LogGroupPage, AwsError>> + Send;

    /// The filters of a group: at most two. A group that is gone has none.
    fn filters(
        &self,
        group: &LogGroupName,
    ) -> impl Future<Output = Result<Vec<SubscriptionFilter>, AwsError>> + Send;

    /// Puts a filter on a group, over one of the same name.
    fn put_filter(
        &self,
        group: &LogGroupName,
        filter: &SubscriptionFilter,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;

    /// Removes a filter; one that is gone is a success.
    fn remove_filter(
        &self,
        group: &LogGroupName,
        name: &FilterName,
    ) -> impl Future<Output = Result<(), AwsError>> + Send;
}

/// CloudWatch Logs, called no faster than its quotas allow.
pub struct CloudWatchLogGroups {
    client: Client,
    describes: Pacer,
    changes: Pacer,
}

impl CloudWatchLogGroups {
    /// The log groups of the account and Region of `config`.
    pub fn new(config: &SdkConfig) -> Self {
        let retries = RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS);
        let config = Builder::from(config).retry_config(retries).build();
        Self {
            client: Client::from_conf(config),
            describes: Pacer::new(DESCRIBE_INTERVAL),
            changes: Pacer::new(CHANGE_INTERVAL),
        }
    }
}

impl LogGroups for CloudWatchLogGroups {
    async fn page(&self, token: Option<String>) -> Result<LogGroupPage, AwsError> {
        self.describes.turn().await;
        let call = self.client.describe_log_groups().limit(PAGE_SIZE).set_next_token(token);
        let answer = call.send().await.map_err(|err| classify("listing log groups", err))?;
        let next = answer.next_token().map(str::to_owned);
        let groups = answer.log_groups.unwrap_or_default().into_iter().filter_map(|group| {
            let takes_filters = group.log_group_class.is_none_or(|class| class == LogGroupClass::Standard);
            group.log_group_name.map(|name| LogGroupInfo { name: LogGroupName(name), takes_filters })
        });
        Ok(LogGroupPage { groups: groups.collect(), next })
    }

    async fn filters(&self, group: &LogGroupName) -> Result<Vec<SubscriptionFilter>, AwsError> {
        self.describes.turn().await;
        let call = self.client.describe_subscription_filters().log_group_name(&group.0);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(err) if err.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                return Ok(Vec::new());
            }
            Err(err) => return Err(classify(format!("reading the filters of {}", group.0), err)),
        };
        let filters = answer.subscription_filters.unwrap_or_default().into_iter();
        Ok(filters
            .map(|filter| SubscriptionFilter {
                name: FilterName(filter.filter_name.unwrap_or_default()),
                pattern: filter.filter_pattern.unwrap_or_default(),
                destination: DestinationArn(filter.destination_arn.unwrap_or_default()),
            })
            .collect())
    }

    async fn put_filter(&self, group: &LogGroupName, filter: &SubscriptionFilter) -> Result<(), AwsError> {
        self.changes.turn().await;
        self.client
            .put_subscription_filter()
            .log_group_name(&group.0)
            .filter_name(&filter.name.0)
            .filter_pattern(&filter.pattern)
            .destination_arn(&filter.destination.0)
            .send()
            .await
            .map(drop)
            .map_err(|err| classify(format!("subscribing to {}", group.0), err))
    }

    async fn remove_filter(&self, group: &LogGroupName, name: &FilterName) -> Result<(), AwsError> {
        self.changes.turn().await;
        let call = self.client.delete_subscription_filter();
        match call.log_group_name(&group.0).filter_name(&name.0).send().await {
            Ok(_) => Ok(()),
            Err(err) if err.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => Ok(()),
            Err(err) => Err(classify(format!("unsubscribing from {}", group.0), err)),
        }
    }
}

/// Spaces calls so that no two begin within one interval.
struct Pacer {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pacer {
    fn new(interval: Duration) -> Self {
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Returns when it is the caller's turn.
    async fn turn(&self) {
        let start = {
            let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let start = (*next).max(Instant::now());
            *next = start + self.interval;
            start
        };
        sleep_until(start).await;
    }
}
