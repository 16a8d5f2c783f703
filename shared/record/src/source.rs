//! Where a batch comes from, and what the names of its log group and log
//! stream tell about it.

use std::fmt;

mod names;

pub(crate) use names::workload_of;
use names::{Names, environment_in};

/// Every log group of Catchment's own functions, of whatever stack, begins with
/// this, and none that does is ever taken in: two stacks in one account would
/// feed each other without end.
pub const OWN_LOG_GROUP_PREFIX: &str = "/catchment/";

/// A log group's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogGroup(String);

/// A log stream's name.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogStream(String);

macro_rules! name {
    ($type:ident) => {
        impl $type {
            /// Wraps a name as CloudWatch gives it.
            pub fn new(name: impl Into<String>) -> Self {
                Self(name.into())
            }

            /// The name.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}
name!(LogGroup);

impl LogGroup {
    /// Whether a function of Catchment's writes to it.
    pub fn is_own(&self) -> bool {
        self.0.starts_with(OWN_LOG_GROUP_PREFIX)
    }
}

name!(LogStream);

/// What every record of a batch shares: the stream's address, and the identity
/// that AWS's services write into the names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The account that owns the log group, 12 digits.
    pub account_id: String,
    /// The AWS Region.
    pub region: String,
    /// The log group.
    pub log_group: LogGroup,
    /// The log stream.
    pub log_stream: LogStream,
    /// The service, where a line does not name its own.
    pub service: String,
    /// The environment, where a line does not name its own.
    pub environment: String,
    /// The cluster: of ECS, EKS, RDS and other databases.
    pub cluster: Option<String>,
    /// The task definition, deployment or function; a function's numbered
    /// version or alias stands behind a colon.
    pub workload: Option<String>,
    /// The task id, pod, host or execution environment.
    pub instance: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// The correlation id of lines that have none: `derived-` and a hash of the stream.
    pub derived_request_id: String,
    /// What the configuration has set: no line says otherwise.
    pub fixed: FixedFields,
}

/// Which fields of a [`Source`] the configuration has set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FixedFields {
    /// [`Source::service`].
    pub service: bool,
    /// [`Source::environment`].
    pub environment: bool,
    /// [`Source::cluster`].
    pub cluster: bool,
    /// [`Source::workload`].
    pub workload: bool,
    /// [`Source::instance`].
    pub instance: bool,
    /// [`Source::container`].
    pub container: bool,
}

impl Source {
    /// Reads the names. `environment` is what stands where no name tells.
    ///
    /// | log group | log stream | service | beside it |
    /// |---|---|---|---|
    /// | `/aws/lambda/<function>` | `2026/03/13/[$LATEST]<id>` | function | workload, instance |
    /// | any, shared by functions | `2026/03/13/<function>[12]<id>` | function | workload `<function>:12`, instance |
    /// | any | `<prefix>/<container>/<task id>` (ECS awslogs) | last name of the group | workload, instance, container |
    /// | any | `<prefix><container>-firelens-<task id>` | last name of the group | workload, instance, container |
    /// | `/aws/batch/job` | `<job definition>/<container>/<task id>` | job definition | workload, instance, container |
    /// | any | `…<pod>_<namespace>_<container>-<64 hex>.log` (Fluent Bit) | workload of the pod | workload, instance, container |
    /// | `/aws/containerinsights/<cluster>/<kind>` | `<node>-dataplane.systemd.<unit>.service`, `<node>` | unit, else kind | cluster, instance |
    /// | `/aws/eks/<cluster>/cluster` | `<component>-<hex>` | component | cluster, instance |
    /// | `/aws/apprunner/<service>/<id>/application` | `instance/<id>` | service | workload, instance |
    /// | `API-Gateway-Execution-Logs_<api>/<stage>`, `/aws/apigateway/<name>` | | API | environment (stage), instance |
    /// | `/aws/rds/cluster/<cluster>/<kind>` | `<instance>` | cluster | cluster, instance |
    /// | `/aws/rds/instance/<database>/<kind>` | `<instance>` | database | instance |
    /// | `/aws/codebuild/<project>` | `<build id>` | project | workload, instance |
    /// | `/aws/elasticbeanstalk/<environment>/…` | `i-<id>` | environment | workload, instance |
    /// | `/aws/vendedlogs/states/<state machine>-Logs` | | state machine | workload, instance |
    /// | any | `eni-<id>-all` (VPC flow) | last name of the group | instance |
    /// | `aws-waf-logs-<name>` | `<region>_<web ACL>_<n>` | group | workload, instance |
    /// | anything else | | last name of the group | instance (the stream) |
    ///
    /// The last name of a group is its last part that is not an environment.
    /// The environment is a part of the group's name (`/ecs/prod/web`, `web-staging`).
    pub fn new(
        account_id: &str,
        region: &str,
        log_group: LogGroup,
        log_stream: LogStream,
        environment: &str,
    ) -> Self {
        let names = Names::of(log_group.as_str(), log_stream.as_str());
        let environment = environment_in(log_group.as_str()).unwrap_or(environment);
        Self {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            service: names.service.to_owned(),
            environment: environment.to_owned(),
            cluster: names.cluster.map(str::to_owned),
            workload: names.qualified_workload(),
            instance: names.instance.map(str::to_owned),
            container: names.container.map(str::to_owned),
            derived_request_id: format!("derived-{:016x}", stream_hash(&log_group, &log_stream)),
            fixed: FixedFields::default(),
            log_group,
            log_stream,
        }
    }

    /// Whether the name of the log group tells the environment.
    pub(crate) fn has_own_environment(&self) -> bool {
        environment_in(self.log_group.as_str()).is_some()
    }
}

/// FNV-1a, 64 bits: <http://www.isthe.com/chongo/tech/comp/fnv/>. Only a name, not a seal.
fn stream_hash(group: &LogGroup, stream: &LogStream) -> u64 {
    group
        .0
        .bytes()
        .chain([0])
        .chain(stream.0.bytes())
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(group: &str, stream: &str) -> Source {
        Source::new("1", "eu-west-1", LogGroup::new(group), LogStream::new(stream), "default")
    }

    #[test]
    fn the_environment_is_the_names_then_the_settings() {
        assert_eq!(source("/ecs/prod/checkout", "s").environment, "prod");
        assert_eq!(source("/aws/lambda/orders-staging", "s").environment, "staging");
        assert_eq!(source("/ecs/product", "s").environment, "default");
    }

    #[test]
    fn a_functions_version_stands_with_its_name() {
        let workload = |stream: &str| source("/aws/lambda/orders", stream).workload.unwrap();
        assert_eq!(workload("2026/03/13/[$LATEST]94fa"), "orders");
        assert_eq!(workload("2026/03/13/[12]94fa"), "orders:12");
        assert_eq!(workload("2026/03/13/[live]94fa"), "orders:live");
    }
}
