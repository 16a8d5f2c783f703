//! CloudFormation's custom resource protocol: what it asks, and what it must be
//! told. It waits for the answer (an hour, if nothing is said), so there always
//! is one.
//!
//! Protocol: <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref.html>

use serde::{Deserialize, Serialize};

use crate::reconcile::{Cause, Summary};

/// Characters of a reason: an answer may have 4,096 bytes in all.
const MAX_REASON_CHARS: usize = 600;
/// The resource's identity when it could not be created; deleting it then is a
/// matter of course.
const NOT_CREATED: &str = "catchment-subscriptions-not-created";

/// What happens to the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum RequestType {
    /// The stack is being made.
    Create,
    /// A property changed.
    Update,
    /// The stack is being removed.
    Delete,
}

/// CloudFormation's request.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Request {
    /// What happens to the resource.
    pub request_type: RequestType,
    /// Where the answer goes: a presigned address, so a secret.
    #[serde(rename = "ResponseURL")]
    pub response_url: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
    physical_resource_id: Option<String>,
}

/// Our answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Response {
    status: &'static str,
    reason: String,
    physical_resource_id: String,
    stack_id: String,
    request_id: String,
    logical_resource_id: String,
}

impl Request {
    /// Whether this removes a resource that never came to be.
    pub fn removes_nothing(&self) -> bool {
        self.request_type == RequestType::Delete && self.physical_resource_id.as_deref() == Some(NOT_CREATED)
    }

    /// Yes. The identity stays what it was, else CloudFormation would delete the
    /// old resource after an update, and our filters with it.
    pub fn success(&self, reason: &str) -> Response {
        let stays = || format!("{}-subscriptions", self.logical_resource_id);
        self.answer("SUCCESS", reason, self.physical_resource_id.clone().unwrap_or_else(stays))
    }

    /// No, and why.
    pub fn failure(&self, reason: &str) -> Response {
        let stays = || NOT_CREATED.to_owned();
        self.answer("FAILED", reason, self.physical_resource_id.clone().unwrap_or_else(stays))
    }

    /// The answer to what a run came to.
    ///
    /// One unsubscribable group does not undo a deployment: the summary, the log
    /// and the metrics tell of it. It is undone when nothing at all could be
    /// subscribed. A removal has failed when a group that matches may still carry
    /// our filter; it does not wait for all others of a large account.
    pub fn outcome(&self, summary: &Summary) -> Response {
        let first = summary.failures.first();
        let why = first.map(|f| format!("; {}: {}", f.log_group, f.reason)).unwrap_or_default();
        let Summary { matched, added, repaired, kept, removed, failed, left, matched_left, .. } = summary;
        if self.request_type == RequestType::Delete {
            return if summary.is_complete() {
                let rest = match left {
                    0 => String::new(),
                    _ => format!("; {left} log groups that match no pattern were not looked at"),
                };
                self.success(&format!("{removed} subscription filters removed{rest}"))
            } else {
                self.failure(&format!(
                    "{failed} log groups could not be freed and {matched_left} were not reached; \
                     delete the stack again to go on{why}"
                ))
            };
        }
        let done = added + repaired + kept;
        let told = format!("{done} of {matched} log groups subscribed, {left} left for later{why}");
        let refused = summary.failures.iter().any(|f| f.cause != Cause::NoFreeSlot);
        if done == 0 && refused { self.failure(&told) } else { self.success(&told) }
    }

    fn answer(&self, status: &'static str, reason: &str, physical_id: String) -> Response {
        Response {
            status,
            reason: reason.chars().take(MAX_REASON_CHARS).collect(),
            physical_resource_id: physical_id,
            stack_id: self.stack_id.clone(),
            request_id: self.request_id.clone(),
            logical_resource_id: self.logical_resource_id.clone(),
        }
    }
}
