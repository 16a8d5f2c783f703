//! Options that every command about a deployed stack takes.

use clap::Args;

use crate::aws::Access;

/// Which account and Region to talk to.
#[derive(Debug, Clone, Default, Args)]
pub struct AccessArgs {
    /// The AWS Region, where it is not the profile's or AWS_REGION.
    #[arg(long)]
    pub region: Option<String>,
    /// The profile in ~/.aws/config.
    #[arg(long)]
    pub profile: Option<String>,
    /// Another endpoint than AWS's own (an emulator).
    #[arg(long, value_name = "URL")]
    pub endpoint_url: Option<String>,
}

impl From<AccessArgs> for Access {
    fn from(args: AccessArgs) -> Self {
        Self { profile: args.profile, region: args.region, endpoint_url: args.endpoint_url }
    }
}

/// Which stack.
#[derive(Debug, Clone, Args)]
pub struct StackArgs {
    /// The Catchment stack.
    #[arg(long, env = "CATCHMENT_STACK", default_value = "catchment", value_name = "NAME")]
    pub stack: String,
    /// Which account and Region.
    #[command(flatten)]
    pub access: AccessArgs,
}
