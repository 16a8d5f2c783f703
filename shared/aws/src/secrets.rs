//! Secrets: the port and the adapter over Secrets Manager.

use std::future::Future;

use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;

use crate::config::Secret;
use crate::error::{AwsError, classify};

/// Gives the value of one secret, as it is now.
pub trait SecretSource: Send + Sync {
    /// Reads it.
    fn read(&self) -> impl Future<Output = Result<Secret, AwsError>> + Send;
}

/// A secret in Secrets Manager.
pub struct SecretsManagerSecret {
    client: Client,
    arn: String,
}

impl SecretsManagerSecret {
    /// The secret of this ARN.
    pub fn new(config: &SdkConfig, arn: impl Into<String>) -> Self {
        Self { client: Client::new(config), arn: arn.into() }
    }
}

impl SecretSource for SecretsManagerSecret {
    async fn read(&self) -> Result<Secret, AwsError> {
        let action = || format!("reading the secret {}", self.arn);
        let call = self.client.get_secret_value().secret_id(&self.arn).send();
        let answer = call.await.map_err(|err| classify(action(), err))?;
        match answer.secret_string {
            Some(value) => Ok(Secret::new(value)),
            None => Err(AwsError::unexpected(action(), "it is binary, not a string")),
        }
    }
}
