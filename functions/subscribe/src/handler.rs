//! One invocation: CloudFormation's request, or a plain reconciliation (the
//! schedule's event, `{}` by hand, or anything else).

use std::time::Duration;

use catchment_aws::AwsError;
use catchment_aws::clock::Clock;
use catchment_aws::config::ConfigErrors;
use catchment_aws::log_groups::LogGroups;
use catchment_aws::webhook::{UrlError, WebhookClient, WebhookUrl};
use serde_json::{Value, json};

use crate::config::Config;
use crate::custom_resource::{Request, RequestType, Response};
use crate::reconcile::{Cause, Goal, Summary, reconcile};

/// Kept back of an invocation's time, so that the answer can be given twice.
const ANSWER_RESERVE: Duration = Duration::from_secs(25);
/// Between the two attempts to answer.
const ANSWER_PAUSE: Duration = Duration::from_secs(1);

/// Why an invocation fails: only where a retry can help, or nothing else could tell.
#[derive(Debug, thiserror::Error)]
pub enum HandlerError {
    /// The settings cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// The log groups could not be listed.
    #[error("log groups could not be listed: {0}")]
    Listing(String),
    /// A request from CloudFormation that is not one.
    #[error("the request of CloudFormation cannot be read: {0}")]
    Request(#[from] serde_json::Error),
    /// CloudFormation's address cannot be used.
    #[error("the ResponseURL {0}")]
    Url(#[from] UrlError),
    /// CloudFormation did not take the answer.
    #[error("CloudFormation did not take the answer: {0}")]
    Answer(String),
}

/// What an invocation works with. Settings that cannot be used are kept: also
/// then CloudFormation must be answered.
pub struct Handler<G, C> {
    /// CloudWatch's log groups.
    pub groups: G,
    /// The settings.
    pub config: Result<Config, ConfigErrors>,
    /// Carries answers to CloudFormation.
    pub client: WebhookClient,
    /// The time.
    pub clock: C,
}

impl<G: LogGroups, C: Clock> Handler<G, C> {
    /// Handles an event that must be done with at `deadline_millis`.
    pub async fn handle(&self, event: Value, deadline_millis: i64) -> Result<Value, HandlerError> {
        if event.get("ResponseURL").is_some() {
            let request: Request = serde_json::from_value(event)?;
            let response = self.fulfil(&request, deadline_millis).await;
            self.answer(&request, &response).await?;
            return Ok(json!(response));
        }
        let config = self.config.as_ref().map_err(Clone::clone)?;
        let summary = self.run(config, Goal::Subscribed, deadline_millis).await;
        match summary.failures.first() {
            Some(failure) if failure.log_group == "*" && failure.cause == Cause::Transient => {
                Err(HandlerError::Listing(failure.reason.clone()))
            }
            _ => Ok(json!(summary)),
        }
    }

    async fn fulfil(&self, request: &Request, deadline_millis: i64) -> Response {
        if request.removes_nothing() {
            return request.success("there was nothing to remove");
        }
        match &self.config {
            Err(faults) => request.failure(&faults.to_string()),
            Ok(config) => {
                let goal = match request.request_type {
                    RequestType::Create | RequestType::Update => Goal::Subscribed,
                    RequestType::Delete => Goal::Removed,
                };
                request.outcome(&self.run(config, goal, deadline_millis).await)
            }
        }
    }

    async fn run(&self, config: &Config, goal: Goal, deadline_millis: i64) -> Summary {
        let now = self.clock.now_millis();
        let remaining = u64::try_from(deadline_millis.saturating_sub(now)).unwrap_or(0);
        let budget = Duration::from_millis(remaining).saturating_sub(ANSWER_RESERVE);
        let turn = usize::try_from(now / 1000).unwrap_or(0);
        let run = reconcile(&self.groups, goal, &config.wanted, &config.filter, budget, turn);
        let summary = Box::pin(run).await;
        report(&summary);
        if let Err(err) = summary.metrics(&config.metrics_namespace).emit(now) {
            tracing::warn!(error = %err, "metrics could not be written");
        }
        summary
    }

    async fn answer(&self, request: &Request, response: &Response) -> Result<(), HandlerError> {
        let url = WebhookUrl::parse(&request.response_url)?;
        let body = json!(response).to_string();
        let mut outcome = self.put(&url, &body).await;
        if outcome.is_err() {
            tokio::time::sleep(ANSWER_PAUSE).await;
            outcome = self.put(&url, &body).await;
        }
        outcome
    }

    async fn put(&self, url: &WebhookUrl, body: &str) -> Result<(), HandlerError> {
        let told = |err: AwsError| HandlerError::Answer(err.to_string());
        let answer = self.client.put(url, body.to_owned()).await.map_err(told)?;
        if answer.is_success() {
            Ok(())
        } else {
            Err(HandlerError::Answer(format!("HTTP status {}", answer.status)))
        }
    }
}

fn report(summary: &Summary) {
    for failure in &summary.failures {
        tracing::error!(log_group = failure.log_group, reason = failure.reason, "not subscribed");
    }
    for log_group in &summary.unsupported {
        tracing::warn!(log_group, "its log class takes no subscription filters");
    }
    tracing::info!(
        seen = summary.seen,
        matched = summary.matched,
        added = summary.added,
        repaired = summary.repaired,
        kept = summary.kept,
        removed = summary.removed,
        failed = summary.failed,
        left = summary.left,
        matched_left = summary.matched_left,
        "log groups reconciled"
    );
}
