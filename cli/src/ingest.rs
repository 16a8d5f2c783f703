//! `functions/ingest`, invoked and waited for: its answer says what became of a
//! payload, so that nothing is deleted that is not in the archive.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_sdk_lambda::Client;
use aws_sdk_lambda::config::{Builder, StalledStreamProtectionConfig};
use aws_sdk_lambda::error::ProvideErrorMetadata;
use aws_sdk_lambda::primitives::Blob;
use serde::Deserialize;

use crate::failure::{Failure, of_sdk};

/// The largest event of a synchronous invocation, in bytes. (Asynchronous ones, as the
/// subscription's, have 1 MB: none that failed there is too large here.)
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
pub const MAX_EVENT_BYTES: usize = 6_291_456;
/// How many invocations are under way at once: an account may have no more than 10 in
/// all, and the subscriptions need some.
pub const PARALLEL: usize = 4;
/// Longer than an answer of ingest can take: its own time-out is 120 s.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(140);
/// The longest that one payload is tried, throttles and pauses included.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(600);
/// Attempts of one call: a throttled one changes nothing, and patience is cheap.
const MAX_ATTEMPTS: u32 = 8;
/// The longest text of a reason that is shown.
const MAX_REASON_CHARS: usize = 200;

/// The function of one stack.
#[derive(Debug, Clone)]
pub struct Ingest {
    client: Client,
    function: String,
}

/// What became of a payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Taken {
    /// It is durable: archived, or filtered by name.
    In(Counts),
    /// It was set aside (again): ingest cannot decode it. The reason.
    Aside(String),
    /// It is not taken in. The reason.
    Failed(String),
}

/// What ingest counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
pub struct Counts {
    /// Log events in the payload.
    pub received: u64,
    /// Objects that are new in the archive.
    pub objects_created: u64,
    /// Objects that an earlier delivery of the same events had written.
    pub objects_already_there: u64,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    counts: Counts,
    quarantine: Option<Quarantine>,
}

#[derive(Deserialize)]
struct Quarantine {
    reason: String,
}

impl Ingest {
    /// The function called `function`.
    pub fn new(config: &SdkConfig, function: &str) -> Self {
        let timeouts = TimeoutConfig::builder()
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT)
            .build();
        let config = Builder::from(config)
            .timeout_config(timeouts)
            .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
            // Nothing comes while the function runs, and that is well.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Self { client: Client::from_conf(config), function: function.to_owned() }
    }

    /// Hands it one event, JSON. An error concerns every other event too: no
    /// permission, no such function, no way to AWS.
    pub async fn take(&self, event: Vec<u8>) -> Result<Taken, Failure> {
        if event.len() > MAX_EVENT_BYTES {
            return Ok(Taken::Failed(format!(
                "it has {} bytes; Lambda takes {MAX_EVENT_BYTES} (bring its span in from the log group with \
                 catchment backfill)",
                event.len()
            )));
        }
        let call = self.client.invoke().function_name(&self.function).payload(Blob::new(event));
        let answer = match call.send().await {
            Ok(answer) => answer,
            Err(err) => return self.refused(err),
        };
        let body = answer.payload.map(Blob::into_inner).unwrap_or_default();
        if answer.function_error.is_some() {
            return Ok(Taken::Failed(reason(&function_error(&body))));
        }
        read(&body).ok_or_else(|| {
            Failure::Rejected(format!(
                "{} does not say what became of a payload: it is of a version before this command's; deploy \
                 this version, then try again (nothing was deleted)",
                self.function
            ))
        })
    }

    fn refused(
        &self,
        err: aws_sdk_lambda::error::SdkError<aws_sdk_lambda::operation::invoke::InvokeError>,
    ) -> Result<Taken, Failure> {
        let code = err.code().unwrap_or_default().to_owned();
        match code.as_str() {
            // These are of this payload or of this moment; the next may go through.
            "TooManyRequestsException"
            | "ServiceException"
            | "RequestTooLargeException"
            | "InvalidRequestContentException"
            | "EC2ThrottledException"
            | "ResourceConflictException"
            | "ResourceNotReadyException" => {
                Ok(Taken::Failed(reason(&format!("Lambda: {code}: {}", err.message().unwrap_or_default()))))
            }
            "ResourceNotFoundException" => Err(Failure::NotFound(format!(
                "there is no function {}; check --stack, --region and --profile",
                self.function
            ))),
            _ => Err(of_sdk(&format!("invoke {}", self.function), err)),
        }
    }
}

/// The answer, where it is one.
fn read(body: &[u8]) -> Option<Taken> {
    let answer: Answer = serde_json::from_slice(body).ok()?;
    Some(match answer.quarantine {
        Some(aside) => Taken::Aside(reason(&aside.reason)),
        None => Taken::In(answer.counts),
    })
}

/// The message of a function that failed: `{"errorType": .., "errorMessage": ..}`.
pub fn function_error(body: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Error {
        error_message: Option<String>,
        error_type: Option<String>,
    }
    let error = serde_json::from_slice::<Error>(body).ok();
    let message = error.and_then(|it| it.error_message.filter(|text| !text.is_empty()).or(it.error_type));
    message.unwrap_or_else(|| "ingest failed and does not say why; its log does".to_owned())
}

/// One line, no longer than people read, and without what is new each time (Lambda
/// writes the time and the id of the request into some of its messages): equal causes
/// read equal.
pub fn reason(text: &str) -> String {
    let is_time = |word: &str| word.parse::<jiff::Timestamp>().is_ok();
    let words = text.split_whitespace();
    let words = words.filter(|word| !is_time(word) && !is_request_id(word) && *word != "RequestId:");
    let text = words.collect::<Vec<_>>().join(" ");
    match text.char_indices().nth(MAX_REASON_CHARS) {
        Some((end, _)) => format!("{} ...", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// `4b6a0e2c-7d1f-4d0a-9a53-0d6f1c2b3a4e`.
fn is_request_id(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_answer_with_counts_is_a_success() {
        let taken = br#"{"received":3,"archived":2,"filtered":1,"quarantined":0,"objects_created":1,"objects_already_there":0,"quarantine":null}"#;
        assert_eq!(
            read(taken),
            Some(Taken::In(Counts { received: 3, objects_created: 1, objects_already_there: 0 }))
        );
        let aside = br#"{"received":1,"objects_created":0,"objects_already_there":0,
            "quarantine":{"key":"quarantine/x.payload","reason":"the payload is not base64"}}"#;
        assert_eq!(read(aside), Some(Taken::Aside("the payload is not base64".into())));
        for older in [&b"null"[..], b"", b"{}", b"\"ok\""] {
            assert_eq!(read(older), None, "{older:?}");
        }
    }

    #[test]
    fn a_function_error_is_told_by_its_message() {
        assert_eq!(
            function_error(br#"{"errorType":"Error","errorMessage":"the archive was not written"}"#),
            "the archive was not written"
        );
        assert_eq!(function_error(br#"{"errorType":"Runtime.ExitError"}"#), "Runtime.ExitError");
        assert!(function_error(b"null").contains("its log does"));
    }

    #[test]
    fn a_reason_is_one_line_of_bounded_length() {
        assert_eq!(reason("a\n  b\tc"), "a b c");
        let id = "4b6a0e2c-7d1f-4d0a-9a53-0d6f1c2b3a4e";
        let timed_out = format!("2026-11-21T14:35:35.165Z {id} Task timed out after 120.00 seconds");
        assert_eq!(reason(&timed_out), "Task timed out after 120.00 seconds");
        let exited = format!("RequestId: {id} Error: Runtime exited with error: exit status 1");
        assert_eq!(reason(&exited), "Error: Runtime exited with error: exit status 1");
        let whole = "é".repeat(MAX_REASON_CHARS);
        assert_eq!(reason(&whole), whole);
        assert_eq!(reason(&format!("{whole}é")), format!("{whole} ..."));
    }
}
