//! Asks `evaluate` for a peek: an invocation that nobody waits for.

use aws_sdk_lambda::Client;
use aws_sdk_lambda::types::InvocationType;
use catchment_alert::PeekCaller;
use serde_json::json;

use crate::error::{AwsError, classify};

/// A [`PeekCaller`] over a Lambda function.
#[derive(Debug, Clone)]
pub struct LambdaPeekCaller {
    client: Client,
    function: String,
}

impl LambdaPeekCaller {
    /// Invokes `function`.
    pub fn new(client: Client, function: impl Into<String>) -> Self {
        Self { client, function: function.into() }
    }
}

impl PeekCaller for LambdaPeekCaller {
    type Error = AwsError;

    async fn call(&self, until_ms: i64) -> Result<(), AwsError> {
        let payload = json!({"peek": {"until_ms": until_ms}}).to_string();
        let invoke = self.client.invoke().function_name(&self.function);
        let invoke = invoke.invocation_type(InvocationType::Event).payload(payload.into_bytes().into());
        let answer = invoke.send().await;
        answer.map(|_| ()).map_err(|err| classify(format!("invoke {} for a peek", self.function), err))
    }
}
