//! CloudWatch log groups and their subscription filters: the port, the adapter
//! over CloudWatch Logs, and an in-memory twin for tests.
//!
//! Both count on nothing having happened in between: a group that is gone has no
//! filters, and a filter that is gone has been removed.

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
    fn page(
        &self,
        token: Option<String>,
    ) -> impl Future<Output = Result<LogGroupPage, AwsError>> + Send;

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
        let call = self
            .client
            .describe_log_groups()
            .limit(PAGE_SIZE)
            .set_next_token(token);
        let answer = call
            .send()
            .await
            .map_err(|err| classify("listing log groups", err))?;
        let next = answer.next_token().map(str::to_owned);
        let groups = answer
            .log_groups
            .unwrap_or_default()
            .into_iter()
            .filter_map(|group| {
                let takes_filters = group
                    .log_group_class
                    .is_none_or(|class| class == LogGroupClass::Standard);
                group.log_group_name.map(|name| LogGroupInfo {
                    name: LogGroupName(name),
                    takes_filters,
                })
            });
        Ok(LogGroupPage {
            groups: groups.collect(),
            next,
        })
    }

    async fn filters(&self, group: &LogGroupName) -> Result<Vec<SubscriptionFilter>, AwsError> {
        self.describes.turn().await;
        let call = self
            .client
            .describe_subscription_filters()
            .log_group_name(&group.0);
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
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

    async fn put_filter(
        &self,
        group: &LogGroupName,
        filter: &SubscriptionFilter,
    ) -> Result<(), AwsError> {
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
        match call
            .log_group_name(&group.0)
            .filter_name(&name.0)
            .send()
            .await
        {
            Ok(_) => Ok(()),
            Err(err)
                if err
                    .as_service_error()
                    .is_some_and(|e| e.is_resource_not_found_exception()) =>
            {
                Ok(())
            }
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
        Self {
            interval,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Returns when it is the caller's turn.
    async fn turn(&self) {
        let start = {
            let mut next = self
                .next
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            let start = (*next).max(Instant::now());
            *next = start + self.interval;
            start
        };
        sleep_until(start).await;
    }
}

#[cfg(any(test, feature = "test-util"))]
pub use twin::InMemoryLogGroups;

#[cfg(any(test, feature = "test-util"))]
mod twin {
    //! The in-memory twin: CloudWatch's rules without CloudWatch.

    use std::collections::BTreeMap;
    use std::sync::{Mutex, MutexGuard};
    use std::time::Duration;

    use super::*;

    /// Filters that a group takes at most (AWS's quota, not adjustable).
    const FILTERS_A_GROUP: usize = 2;

    #[derive(Debug, Clone, Default)]
    struct Group {
        takes_filters: bool,
        refuses: bool,
        filters: Vec<SubscriptionFilter>,
    }

    /// Log groups in memory.
    #[derive(Debug, Default)]
    pub struct InMemoryLogGroups {
        groups: Mutex<BTreeMap<LogGroupName, Group>>,
        changes: Mutex<u64>,
        latency: Duration,
    }

    impl InMemoryLogGroups {
        /// Groups of these names, of the standard class, with no filters.
        pub fn with(names: &[&str]) -> Self {
            let twin = Self::default();
            for name in names {
                twin.create(name, true);
            }
            twin
        }

        /// Every call takes this long.
        pub fn slow(mut self, latency: Duration) -> Self {
            self.latency = latency;
            self
        }

        /// Creates a group.
        pub fn create(&self, name: &str, takes_filters: bool) {
            let group = Group {
                takes_filters,
                ..Group::default()
            };
            self.lock().insert(LogGroupName(name.to_owned()), group);
        }

        /// From now on every call about this group is denied.
        pub fn deny(&self, name: &str) {
            self.lock()
                .entry(LogGroupName(name.to_owned()))
                .or_default()
                .refuses = true;
        }

        /// Puts a filter on a group as somebody else would.
        pub fn plant(&self, group: &str, filter: &str, destination: &str) {
            let filter = SubscriptionFilter {
                name: FilterName(filter.to_owned()),
                pattern: String::new(),
                destination: DestinationArn(destination.to_owned()),
            };
            self.lock()
                .entry(LogGroupName(group.to_owned()))
                .or_default()
                .filters
                .push(filter);
        }

        /// `filter -> destination` of a group, sorted.
        pub fn filters_of(&self, group: &str) -> Vec<String> {
            let groups = self.lock();
            let filters = groups
                .get(&LogGroupName(group.to_owned()))
                .map(|g| g.filters.clone());
            let mut names: Vec<String> = filters
                .unwrap_or_default()
                .iter()
                .map(|f| format!("{} -> {}", f.name.0, f.destination.0))
                .collect();
            names.sort();
            names
        }

        /// Calls so far that wanted to change something.
        pub fn changes(&self) -> u64 {
            *self
                .changes
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        fn lock(&self) -> MutexGuard<'_, BTreeMap<LogGroupName, Group>> {
            self.groups
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
        }

        async fn call(&self, group: &LogGroupName, action: &str) -> Result<(), AwsError> {
            tokio::time::sleep(self.latency).await;
            match self.lock().get(group) {
                Some(found) if found.refuses => Err(AwsError::unexpected(
                    format!("{action} {}", group.0),
                    "access denied",
                )),
                _ => Ok(()),
            }
        }

        fn count_change(&self) {
            *self
                .changes
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
        }
    }

    impl LogGroups for InMemoryLogGroups {
        /// Pages of two, so that paging is always exercised.
        async fn page(&self, token: Option<String>) -> Result<LogGroupPage, AwsError> {
            tokio::time::sleep(self.latency).await;
            let groups = self.lock();
            let after = token.map(LogGroupName);
            let mut rest = groups
                .iter()
                .filter(|(name, _)| after.as_ref().is_none_or(|a| *name > a));
            let page: Vec<LogGroupInfo> = rest
                .by_ref()
                .take(2)
                .map(|(name, g)| LogGroupInfo {
                    name: name.clone(),
                    takes_filters: g.takes_filters,
                })
                .collect();
            let more = rest.next().is_some();
            let next = page.last().filter(|_| more).map(|info| info.name.0.clone());
            Ok(LogGroupPage { groups: page, next })
        }

        async fn filters(&self, group: &LogGroupName) -> Result<Vec<SubscriptionFilter>, AwsError> {
            self.call(group, "reading the filters of").await?;
            Ok(self
                .lock()
                .get(group)
                .map(|g| g.filters.clone())
                .unwrap_or_default())
        }

        async fn put_filter(
            &self,
            group: &LogGroupName,
            filter: &SubscriptionFilter,
        ) -> Result<(), AwsError> {
            self.count_change();
            self.call(group, "subscribing to").await?;
            let fault = |what| AwsError::unexpected(format!("subscribing to {}", group.0), what);
            let mut groups = self.lock();
            let found = groups
                .get_mut(group)
                .ok_or_else(|| fault("no such log group"))?;
            let mut filters: Vec<_> = found
                .filters
                .iter()
                .filter(|f| f.name != filter.name)
                .cloned()
                .collect();
            if filters.len() >= FILTERS_A_GROUP {
                return Err(fault("limit exceeded"));
            }
            filters.push(filter.clone());
            found.filters = filters;
            Ok(())
        }

        async fn remove_filter(
            &self,
            group: &LogGroupName,
            name: &FilterName,
        ) -> Result<(), AwsError> {
            self.count_change();
            self.call(group, "unsubscribing from").await?;
            if let Some(found) = self.lock().get_mut(group) {
                found.filters.retain(|f| f.name != *name);
            }
            Ok(())
        }
    }
}
