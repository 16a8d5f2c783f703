//! Access to AWS as the AWS CLI has it: environment, profiles, SSO,
//! `credential_process`, container and instance roles.

use aws_config::profile::ProfileFileCredentialsProvider;
use aws_config::provider_config::ProviderConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_athena::config::timeout::TimeoutConfig;
use aws_sdk_athena::config::{ProvideCredentials, SharedCredentialsProvider};
use catchment_aws::clients;
use std::time::Duration;

use crate::failure::{Failure, innermost};

/// A connection that is not there after this long is tried again.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// A call without an answer after this long, retries included, has failed.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Which account and Region to talk to.
#[derive(Debug, Default)]
pub struct Access {
    /// A profile's name: it goes before keys in the environment, as `--profile`
    /// does with the AWS CLI.
    pub profile: Option<String>,
    /// A Region that goes before all others.
    pub region: Option<String>,
    /// Another endpoint than AWS's.
    pub endpoint_url: Option<String>,
}

/// Finds credentials and Region, or says what is missing.
pub async fn connect(access: Access) -> Result<SdkConfig, Failure> {
    let mut loader =
        aws_config::defaults(BehaviorVersion::latest()).http_client(clients::https()).timeout_config(
            TimeoutConfig::builder().connect_timeout(CONNECT_TIMEOUT).operation_timeout(CALL_TIMEOUT).build(),
        );
    if let Some(profile) = &access.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(region) = access.region {
        loader = loader.region(Region::new(region));
    }
    if let Some(url) = access.endpoint_url {
        if !url.starts_with("http://") && !url.starts_with("https://") {
            return Err(Failure::Usage(format!(
                "--endpoint-url \"{url}\" is not a URL; it begins with http:// or https://"
            )));
        }
        loader = loader.endpoint_url(url);
    }
    let mut config = loader.load().await;
    let profile = access.profile.as_deref();
    if let Some(name) = profile {
        config = with_profile(config, name);
    }
    let Some(provider) = config.credentials_provider() else {
        return Err(no_credentials("none are configured", profile));
    };
    if let Err(err) = provider.provide_credentials().await {
        return Err(no_credentials(&innermost(&err), profile));
    }
    if config.region().is_none() {
        return Err(Failure::Usage(
            "no AWS Region is set; give --region, or set AWS_REGION or the profile's region".into(),
        ));
    }
    Ok(config)
}

/// The profile alone gives the credentials: the default chain would take keys
/// from the environment first, and so perhaps another account.
fn with_profile(config: SdkConfig, name: &str) -> SdkConfig {
    let access = ProviderConfig::without_region()
        .with_http_client(clients::https())
        .with_region(config.region().cloned());
    let provider = ProfileFileCredentialsProvider::builder().configure(&access).profile_name(name).build();
    config.into_builder().credentials_provider(SharedCredentialsProvider::new(provider)).build()
}

fn no_credentials(why: &str, profile: Option<&str>) -> Failure {
    Failure::Credentials(match profile {
        Some(name) => format!(
            "the profile \"{name}\" gives no AWS credentials ({why}); `aws configure \
             list-profiles` lists those there are, and `aws sso login --profile {name}` renews one of SSO"
        ),
        None => format!(
            "there are no AWS credentials ({why}); run `aws configure` or `aws sso login`, or \
             choose a profile with --profile"
        ),
    })
}
