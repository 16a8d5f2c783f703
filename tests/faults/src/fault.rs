//! What can happen to a call.

use std::pin::Pin;
use std::task::{Context, Poll};

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::http::StatusCode;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use http_body::{Body, Frame};

use crate::call::Call;

/// A fault of one attempt of one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Fault {
    /// Refused for its rate: S3's `503 SlowDown`, DynamoDB's
    /// `ProvisionedThroughputExceededException`, Lambda's `429`, others' `ThrottlingException`.
    Throttle,
    /// `500 InternalError`.
    Internal,
    /// No answer in time, and nothing happened.
    TimeoutBefore,
    /// No answer in time, and it happened.
    TimeoutAfter,
    /// The connection was reset before the request was sent.
    Reset,
    /// The connection was reset within the answer's body.
    Cut,
    /// The answer's body ends early, and seems whole.
    Short,
    /// Some of what was asked for was not done, in an answer that is no error:
    /// `UnprocessedItems`, or `Error` for some keys.
    Partial,
    /// A listing gives one key a page.
    Page,
    /// S3's `409 ConditionalRequestConflict`: another write of the key is under way.
    Conflict,
    /// The process dies before the call.
    DieBefore,
    /// The process dies when the call is done, before it sees the answer.
    DieAfter,
}

impl Fault {
    /// Every fault, as the columns of the matrix.
    pub const ALL: [Self; 12] = [
        Self::Throttle,
        Self::Internal,
        Self::TimeoutBefore,
        Self::TimeoutAfter,
        Self::Reset,
        Self::Cut,
        Self::Short,
        Self::Partial,
        Self::Page,
        Self::Conflict,
        Self::DieBefore,
        Self::DieAfter,
    ];

    /// Its name as the head of a column.
    pub fn name(self) -> &'static str {
        match self {
            Self::Throttle => "throttle",
            Self::Internal => "5xx",
            Self::TimeoutBefore => "time-out before",
            Self::TimeoutAfter => "time-out after",
            Self::Reset => "reset",
            Self::Cut => "answer cut",
            Self::Short => "short read",
            Self::Partial => "partial",
            Self::Page => "short page",
            Self::Conflict => "conflict",
            Self::DieBefore => "death before",
            Self::DieAfter => "death after",
        }
    }

    /// Whether the process dies of it.
    pub fn is_death(self) -> bool {
        matches!(self, Self::DieBefore | Self::DieAfter)
    }

    /// Whether AWS can do this to the call.
    pub fn applies_to(self, call: &Call) -> bool {
        let operation = call.operation.as_str();
        match self {
            // Answers to the others have no body, or one that nobody reads.
            Self::Cut => !matches!(operation, "PutObject" | "PutObjectTagging" | "HeadObject" | "Invoke"),
            Self::Short => operation == "GetObject",
            Self::Partial => matches!(operation, "BatchWriteItem" | "DeleteObjects"),
            Self::Page => operation == "ListObjectsV2",
            Self::Conflict => operation == "PutObject",
            _ => true,
        }
    }
}

/// The error answer of a service that refuses.
pub(crate) fn refusal(call: &Call, fault: Fault) -> HttpResponse {
    let (status, code) = match (fault, call.is_s3()) {
        (Fault::Throttle, true) => (503, "SlowDown"),
        (Fault::Throttle, false) if call.operation == "GetSecretValue" => (400, "ThrottlingException"),
        (Fault::Throttle, false) if call.operation == "Invoke" => (429, "TooManyRequestsException"),
        (Fault::Throttle, false) => {
            (400, "com.amazonaws.dynamodb.v20120810#ProvisionedThroughputExceededException")
        }
        (Fault::Conflict, _) => (409, "ConditionalRequestConflict"),
        (_, true) => (500, "InternalError"),
        (_, false) => (500, "com.amazonaws.dynamodb.v20120810#InternalServerError"),
    };
    let body = if call.is_s3() {
        format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>injected</Message></Error>")
    } else {
        format!("{{\"__type\":\"{code}\",\"message\":\"injected\"}}")
    };
    let content_type = if call.is_s3() { "application/xml" } else { "application/x-amz-json-1.0" };
    let mut answer = answer(status, body);
    answer.headers_mut().insert("content-type", content_type);
    answer
}

/// An answer of our own.
pub(crate) fn answer(status: u16, body: impl Into<SdkBody>) -> HttpResponse {
    HttpResponse::new(StatusCode::try_from(status).unwrap(), body.into())
}

/// What the SDK sees of a time-out.
pub(crate) fn timeout() -> ConnectorError {
    ConnectorError::timeout("injected time-out".into())
}

/// What the SDK sees of a broken connection.
pub(crate) fn reset() -> ConnectorError {
    ConnectorError::io(std::io::Error::from(std::io::ErrorKind::ConnectionReset).into())
}

/// The answer with half of its body and then the end, or an error.
pub(crate) async fn halved(mut whole: HttpResponse, and_error: bool) -> Result<HttpResponse, ConnectorError> {
    let bytes = collected(whole.take_body()).await?;
    let half = bytes.slice(..bytes.len() / 2);
    *whole.body_mut() = SdkBody::from_body_1_x(Pieces { data: Some(half), and_error });
    Ok(whole)
}

/// The whole body.
pub(crate) async fn collected(body: SdkBody) -> Result<Bytes, ConnectorError> {
    let whole = aws_smithy_types::byte_stream::ByteStream::new(body).collect().await;
    Ok(whole.map_err(|err| ConnectorError::io(err.into()))?.into_bytes())
}

struct Pieces {
    data: Option<Bytes>,
    and_error: bool,
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        if let Some(data) = self.data.take() {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        let error =
            std::mem::take(&mut self.and_error).then(|| Err(std::io::ErrorKind::ConnectionReset.into()));
        Poll::Ready(error)
    }
}
