//! What can go wrong between us and AWS, and whether trying again can help.

use std::error::Error;

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;

type Source = Box<dyn Error + Send + Sync + 'static>;

/// A failed call to AWS.
#[derive(Debug, thiserror::Error)]
pub enum AwsError {
    /// A throttle, a time-out, a 5xx, a broken connection: a retry can help.
    #[error("{action}: {}", root_message(source))]
    Transient {
        /// What was being done, with the name of the thing.
        action: String,
        /// The SDK's error.
        #[source]
        source: Source,
    },
    /// Access denied, no such resource, a malformed request: a retry cannot help.
    #[error("{action}: {}", root_message(source))]
    Permanent {
        /// What was being done, with the name of the thing.
        action: String,
        /// The SDK's error.
        #[source]
        source: Source,
    },
}

impl AwsError {
    /// Whether a later, identical call may succeed.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Transient { .. })
    }

    /// An answer that AWS should not have given (a field that must be there is not).
    pub fn unexpected(action: impl Into<String>, what: impl Into<String>) -> Self {
        let source: Source = what.into().into();
        Self::Permanent { action: action.into(), source }
    }
}

/// Sorts an SDK error by whether a retry can help: everything that did not get
/// an answer, 429, 5xx and the throttling codes are transient.
pub fn classify<E>(action: impl Into<String>, err: SdkError<E, HttpResponse>) -> AwsError
where
    E: Error + Send + Sync + 'static,
{
    let transient = match &err {
        SdkError::TimeoutError(_) | SdkError::DispatchFailure(_) | SdkError::ResponseError(_) => true,
        SdkError::ServiceError(context) => {
            let status = context.raw().status().as_u16();
            status == 429 || status >= 500 || is_throttle(&context.err().to_string())
        }
        _ => false,
    };
    let action = action.into();
    let source: Source = Box::new(err);
    if transient { AwsError::Transient { action, source } } else { AwsError::Permanent { action, source } }
}

/// AWS answers some throttles with status 400 and a code of this kind.
fn is_throttle(message: &str) -> bool {
    ["Throttl", "ProvisionedThroughputExceeded", "TooManyRequests", "LimitExceeded"]
        .iter()
        .any(|code| message.contains(code))
}

/// The SDK's outer errors say "service error"; the sentence a reader needs is the innermost one.
fn root_message(source: &Source) -> String {
    let mut current: &(dyn Error + 'static) = source.as_ref();
    while let Some(inner) = current.source() {
        current = inner;
    }
    current.to_string()
}
