//! A deployed stack as CloudFormation describes it: its outputs say where
//! everything is, its parameters what was asked for.

use std::collections::BTreeMap;

use aws_config::SdkConfig;
use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clients;

use crate::access::StackArgs;
use crate::aws::connect;
use crate::failure::{Failure, of_sdk, one_line};

/// A stack of Catchment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Stack {
    name: String,
    outputs: BTreeMap<String, String>,
    parameters: BTreeMap<String, String>,
}

/// A stack, and how AWS is reached.
#[derive(Debug)]
pub struct Deployed {
    /// How AWS is reached.
    pub config: SdkConfig,
    /// The stack.
    pub stack: Stack,
}

impl Deployed {
    /// The stack of these arguments.
    pub async fn find(args: &StackArgs) -> Result<Self, Failure> {
        let config = connect(args.access.clone().into()).await?;
        let stack = Stack::describe(&config, &args.stack).await?;
        Ok(Self { config, stack })
    }

    /// On whose word: as typed, or who AWS says that these credentials are.
    pub async fn by(&self, typed: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = typed {
            return Ok(name.to_owned());
        }
        let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let identity = identity.map_err(|err| of_sdk("say whose credentials these are", err))?;
        identity.arn.ok_or_else(|| {
            Failure::Credentials(
                "AWS does not say whose credentials these are; name yourself with --by".to_owned(),
            )
        })
    }

    /// Its audit trail.
    pub fn audit(&self) -> Result<DynamoAudit, Failure> {
        let days = self.stack.parameter("AuditRetentionDays")?;
        let days = days.parse().map_err(|err| {
            Failure::Rejected(format!("the parameter AuditRetentionDays is \"{days}\": {err}"))
        })?;
        Ok(DynamoAudit::new(clients::dynamodb(&self.config), self.stack.output("AuditTableName")?, days))
    }
}

impl Stack {
    /// Asks CloudFormation for the stack called `name`.
    pub async fn describe(config: &SdkConfig, name: &str) -> Result<Self, Failure> {
        let answer = Client::new(config).describe_stacks().stack_name(name).send().await.map_err(|err| {
            match err.as_service_error().and_then(ProvideErrorMetadata::message) {
                Some(message) if message.contains("does not exist") => missing(name),
                _ => of_sdk(&format!("describe the stack {name}"), err),
            }
        })?;
        let stack = answer.stacks.unwrap_or_default().into_iter().next().ok_or_else(|| missing(name))?;
        let outputs = stack.outputs.unwrap_or_default();
        let parameters = stack.parameters.unwrap_or_default();
        Ok(Self {
            name: name.to_owned(),
            outputs: outputs.into_iter().filter_map(|it| Some((it.output_key?, it.output_value?))).collect(),
            parameters: parameters
                .into_iter()
                .filter_map(|it| Some((it.parameter_key?, it.parameter_value?)))
                .collect(),
        })
    }

    /// The value of an output (`ArchiveBucketName`).
    pub fn output(&self, name: &str) -> Result<&str, Failure> {
        self.outputs.get(name).map(String::as_str).ok_or_else(|| self.lacks("output", name))
    }

    /// The value of a parameter (`ShortRetentionDays`).
    pub fn parameter(&self, name: &str) -> Result<&str, Failure> {
        self.parameters.get(name).map(String::as_str).ok_or_else(|| self.lacks("parameter", name))
    }

    fn lacks(&self, what: &str, name: &str) -> Failure {
        Failure::NotFound(format!(
            "the stack {} has no {what} {name}: it is not Catchment's, or of a version before this command's; \
             name another with --stack, or deploy this version",
            self.name
        ))
    }
}

fn missing(name: &str) -> Failure {
    Failure::NotFound(one_line(&format!(
        "there is no stack {name} here; name it with --stack, and check --region and --profile"
    )))
}
