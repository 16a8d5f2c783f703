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
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_sdk_cloudwatchlogs::Client;
use aws_sdk_cloudwatchlogs::config::Builder;
use aws_sdk_cloudwatchlogs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudwatchlogs::operation::put_subscription_filter::PutSubscriptionFilterError;
use aws_sdk_cloudwatchlogs::types::LogGroupClass;
use tokio::time::{Instant, sleep};

use crate::error::{AwsError, classify};
use crate::pacer::Pacer;

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
/// How long a refusal that ends by itself is waited for. A Lambda permission made
/// just now takes seconds, at times a minute, until CloudWatch Logs sees it.
const SETTLING_LIMIT: Duration = Duration::from_secs(120);
/// Between two attempts meanwhile.
const SETTLING_INTERVAL: Duration = Duration::from_secs(5);

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
    settling: Settling,
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
            settling: Settling::default(),
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
        let call = self
            .client
            .put_subscription_filter()
            .log_group_name(&group.0)
            .filter_name(&filter.name.0)
            .filter_pattern(&filter.pattern)
            .destination_arn(&filter.destination.0);
        let put = || async {
            self.changes.turn().await;
            call.clone().send().await
        };
        let ends = |err: &SdkError<_, _>| err.as_service_error().is_some_and(ends_by_itself);
        self.settling.wait_out(put, ends).await.map(drop).map_err(|err| {
            let action = format!("subscribing to {}", group.0);
            if ends(&err) {
                AwsError::Transient { action, source: Box::new(err) }
            } else {
                classify(action, err)
            }
        })
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

/// Whether CloudWatch Logs refuses only for now: somebody else is changing the
/// group, or it does not know yet that it may call the function.
/// <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutSubscriptionFilter.html>
fn ends_by_itself(err: &PutSubscriptionFilterError) -> bool {
    let no_permission_yet = |message: &str| message.contains("Could not execute the lambda function");
    err.is_operation_aborted_exception()
        || (err.is_invalid_parameter_exception() && err.message().is_some_and(no_permission_yet))
}

/// Waits for refusals to end, [`SETTLING_LIMIT`] in all until a call succeeds: a
/// permission that is missing for good is not waited for once a group.
#[derive(Default)]
struct Settling {
    since: Mutex<Option<Instant>>,
}

impl Settling {
    /// Calls until the outcome is no refusal that `ends` by itself, or the time is up.
    async fn wait_out<T, E, F>(&self, mut call: impl FnMut() -> F, ends: impl Fn(&E) -> bool) -> Result<T, E>
    where
        F: Future<Output = Result<T, E>>,
    {
        loop {
            let outcome = call().await;
            match &outcome {
                Ok(_) => *self.lock() = None,
                Err(err) if ends(err) && self.is_within_limit() => {
                    sleep(SETTLING_INTERVAL).await;
                    continue;
                }
                Err(_) => {}
            }
            return outcome;
        }
    }

    fn is_within_limit(&self) -> bool {
        self.lock().get_or_insert_with(Instant::now).elapsed() < SETTLING_LIMIT
    }

    fn lock(&self) -> MutexGuard<'_, Option<Instant>> {
        self.since.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_sdk_cloudwatchlogs::error::ErrorMetadata;
    use aws_sdk_cloudwatchlogs::types::error::{
        InvalidParameterException, OperationAbortedException, ResourceNotFoundException,
    };

    #[test]
    fn a_permission_that_is_on_its_way_and_a_concurrent_change_end_by_themselves() {
        let invalid = |message: &str| {
            let meta = ErrorMetadata::builder().code("InvalidParameterException").message(message).build();
            let err = InvalidParameterException::builder().message(message).meta(meta).build();
            PutSubscriptionFilterError::InvalidParameterException(err)
        };
        let aborted = OperationAbortedException::builder().build();
        let gone = ResourceNotFoundException::builder().build();
        for (err, ends) in [
            (
                invalid(
                    "Could not execute the lambda function. Make sure you have given CloudWatch Logs \
                     permission to execute your function.",
                ),
                true,
            ),
            (PutSubscriptionFilterError::OperationAbortedException(aborted), true),
            (invalid("Invalid filter pattern"), false),
            (PutSubscriptionFilterError::ResourceNotFoundException(gone), false),
        ] {
            assert_eq!(ends_by_itself(&err), ends, "{err:?}");
        }
    }

    /// How often a call was made that is refused until `until` has passed, and what came of it.
    async fn outcome_of(settling: &Settling, until: Duration) -> (u32, Result<(), &'static str>) {
        let (start, mut calls) = (Instant::now(), 0);
        let call = || {
            calls += 1;
            let over = start.elapsed() >= until;
            async move { if over { Ok(()) } else { Err("not yet") } }
        };
        let outcome = settling.wait_out(call, |err| *err == "not yet").await;
        (calls, outcome)
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_waited_out_up_to_the_limit() {
        let settling = Settling::default();
        for _ in 0..2 {
            let minute = Duration::from_secs(60);
            assert_eq!(outcome_of(&settling, minute).await, (13, Ok(())), "each success begins anew");
        }
        assert_eq!(outcome_of(&settling, Duration::MAX).await, (25, Err("not yet")));
        assert_eq!(outcome_of(&settling, Duration::MAX).await, (1, Err("not yet")), "not once a group");
        assert_eq!(outcome_of(&settling, Duration::ZERO).await, (1, Ok(())));
        let refused = settling.wait_out(|| async { Err::<(), _>("denied") }, |err| *err == "not yet").await;
        assert_eq!(refused, Err("denied"), "other refusals are not waited for");
    }
}
