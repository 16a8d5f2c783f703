//! Items of the state table: reading their attributes, or saying which is wrong.

use std::collections::HashMap;
use std::error::Error;
use std::fmt::Display;
use std::str::FromStr;

use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::types::AttributeValue;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use catchment_alert::Written;

use crate::error::{AwsError, classify};

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl Display) -> AttributeValue {
    AttributeValue::N(value.to_string())
}

/// An item as DynamoDB returned it.
pub(crate) struct Item(pub(crate) HashMap<String, AttributeValue>);

impl Item {
    pub(crate) fn optional_text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(|value| value.as_s().ok()).map(String::as_str)
    }

    pub(crate) fn text(&self, name: &str) -> Result<&str, AwsError> {
        self.optional_text(name).ok_or_else(|| wrong(name, "is not there"))
    }

    pub(crate) fn optional<T: FromStr>(&self, name: &str) -> Result<Option<T>, AwsError> {
        let Some(value) = self.0.get(name) else {
            return Ok(None);
        };
        let parsed = value.as_n().ok().and_then(|n| n.parse().ok());
        parsed.map(Some).ok_or_else(|| wrong(name, "is not a number"))
    }

    pub(crate) fn required<T: FromStr>(&self, name: &str) -> Result<T, AwsError> {
        self.optional(name)?.ok_or_else(|| wrong(name, "is not there"))
    }
}

pub(crate) fn wrong(name: &str, what: &str) -> AwsError {
    AwsError::unexpected("read an item of the state table", format!("its attribute {name} {what}"))
}

/// What a conditional write came to: done, or refused by its condition.
pub(crate) fn written<T, E>(
    answer: Result<T, SdkError<E, HttpResponse>>,
    refused: impl Fn(&E) -> bool,
    action: impl FnOnce() -> String,
) -> Result<Written, AwsError>
where
    E: Error + Send + Sync + 'static,
{
    match answer {
        Ok(_) => Ok(Written::Done),
        Err(err) if err.as_service_error().is_some_and(refused) => Ok(Written::Conflict),
        Err(err) => Err(classify(action(), err)),
    }
}
