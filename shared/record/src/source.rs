//! Where a batch comes from, and what the names of its log group and log
//! stream tell about it.

use std::fmt;

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
/// that ECS, EKS and Lambda write into the names.
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
    /// The ECS or EKS cluster.
    pub cluster: Option<String>,
    /// The task definition, deployment or function.
    pub workload: Option<String>,
    /// The task id, pod or execution environment.
    pub instance: Option<String>,
    /// The container.
    pub container: Option<String>,
    /// The correlation id of lines that have none: `derived-` and a hash of the stream.
    pub derived_request_id: String,
}

impl Source {
    /// Reads the names. `environment` is what stands where no name tells.
    ///
    /// | names | as |
    /// |---|---|
    /// | `/aws/lambda/<function>`, `2026/03/13/[$LATEST]<id>` | Lambda |
    /// | `/ecs/<family>`, `<prefix>/<container>/<task id>` | ECS awslogs |
    /// | `/aws/containerinsights/<cluster>/application`, `…<pod>_<namespace>_<container>-<64 hex>.log` | EKS Fluent Bit |
    /// | `/aws/eks/<cluster>/cluster`, `<component>-<hex>` | EKS control plane |
    /// | anything else | the service is the last part of the group's name |
    pub fn new(
        account_id: &str,
        region: &str,
        log_group: LogGroup,
        log_stream: LogStream,
        environment: &str,
    ) -> Self {
        let names = Names::of(log_group.as_str(), log_stream.as_str());
        Self {
            account_id: account_id.to_owned(),
            region: region.to_owned(),
            service: names.service.to_owned(),
            environment: environment_in(log_group.as_str()).unwrap_or(environment).to_owned(),
            cluster: names.cluster.map(str::to_owned),
            workload: names.workload.map(str::to_owned),
            instance: names.instance.map(str::to_owned),
            container: names.container.map(str::to_owned),
            derived_request_id: format!("derived-{:016x}", stream_hash(&log_group, &log_stream)),
            log_group,
            log_stream,
        }
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Names<'a> {
    service: &'a str,
    cluster: Option<&'a str>,
    workload: Option<&'a str>,
    instance: Option<&'a str>,
    container: Option<&'a str>,
}

impl<'a> Names<'a> {
    fn of(group: &'a str, stream: &'a str) -> Self {
        let last = group.rsplit('/').find(|part| !part.is_empty()).unwrap_or(group);
        if let Some(function) = group.strip_prefix("/aws/lambda/") {
            let instance = stream.split_once(']').map(|(_, id)| id).filter(|id| !id.is_empty());
            return Self { service: function, workload: Some(function), instance, ..Self::default() };
        }
        if let Some(rest) = group.strip_prefix("/aws/containerinsights/") {
            let cluster = rest.split('/').next();
            return Self { cluster, ..pod(stream).unwrap_or(Self { service: last, ..Self::default() }) };
        }
        if let Some(rest) = group.strip_prefix("/aws/eks/") {
            let component = stream.rsplit_once('-').map_or(stream, |(name, _)| name);
            let service = if component.is_empty() { last } else { component };
            return Self {
                service,
                cluster: rest.split('/').next(),
                instance: Some(stream),
                ..Self::default()
            };
        }
        match stream.rsplit('/').collect::<Vec<_>>().as_slice() {
            [task, container, _, ..] if is_task_id(task) => Self {
                service: last,
                workload: Some(last),
                instance: Some(task),
                container: Some(container),
                cluster: None,
            },
            _ => Self { service: last, instance: Some(stream).filter(|s| !s.is_empty()), ..Self::default() },
        }
    }
}

/// Reads `…<pod>_<namespace>_<container>-<64 hex>.log`, as Fluent Bit's tags end.
fn pod(stream: &str) -> Option<Names<'_>> {
    let file = stream.rsplit_once("containers.").map_or(stream, |(_, file)| file);
    let file = file.strip_suffix(".log").unwrap_or(file);
    let (path, _container_id) = file.rsplit_once('-').filter(|(_, id)| id.len() == 64)?;
    let mut parts = path.split('_');
    let (pod, _namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
    let workload = workload_of(pod);
    Some(Names {
        service: workload,
        workload: Some(workload),
        instance: Some(pod),
        container: Some(container),
        cluster: None,
    })
}

/// A Deployment's pod is `<name>-<replica set hash>-<5 characters>`, a
/// StatefulSet's `<name>-<ordinal>`, a DaemonSet's `<name>-<5 characters>`.
pub(crate) fn workload_of(pod: &str) -> &str {
    let is_hash = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
    };
    let Some((name, suffix)) = pod.rsplit_once('-') else {
        return pod;
    };
    if suffix.bytes().all(|b| b.is_ascii_digit()) && suffix.len() <= 3 {
        return name;
    }
    if !is_hash(suffix, 5..=5) {
        return pod;
    }
    match name.rsplit_once('-') {
        Some((deployment, replica_set)) if is_hash(replica_set, 8..=10) => deployment,
        _ => name,
    }
}

fn is_task_id(part: &str) -> bool {
    matches!(part.len(), 32 | 36) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// The environment that a part of the group's name spells out (`/ecs/prod/checkout`, `checkout-staging`).
fn environment_in(group: &str) -> Option<&str> {
    group.split(['/', '-', '_', '.']).find(|part| {
        matches!(
            *part,
            "prod"
                | "production"
                | "staging"
                | "stage"
                | "dev"
                | "development"
                | "test"
                | "qa"
                | "uat"
                | "sandbox"
        )
    })
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

    fn names<'a>(
        service: &'a str,
        cluster: Option<&'a str>,
        workload: Option<&'a str>,
        instance: Option<&'a str>,
        container: Option<&'a str>,
    ) -> Names<'a> {
        Names { service, cluster, workload, instance, container }
    }

    #[test]
    fn names_tell_who_wrote() {
        let hex64 = "0123456789abcdef".repeat(4);
        let pod = format!(
            "ip-10-0-1-7.ec2.internal-application.var.log.containers.api-7d4b9c6f5d-x2x7k_shop_web-{hex64}.log"
        );
        let task = "0123456789abcdef0123456789abcdef";
        let ecs = format!("ecs/web/{task}");
        for (group, stream, expected) in [
            (
                "/aws/lambda/orders",
                "2026/03/13/[$LATEST]94fa",
                names("orders", None, Some("orders"), Some("94fa"), None),
            ),
            ("/ecs/checkout", &ecs, names("checkout", None, Some("checkout"), Some(task), Some("web"))),
            (
                "/aws/containerinsights/prod/application",
                &pod,
                names("api", Some("prod"), Some("api"), Some("api-7d4b9c6f5d-x2x7k"), Some("web")),
            ),
            (
                "/aws/containerinsights/prod/host",
                "ip-10-0-1-7",
                names("host", Some("prod"), None, None, None),
            ),
            (
                "/aws/eks/prod/cluster",
                "kube-apiserver-audit-0a1b",
                names("kube-apiserver-audit", Some("prod"), None, Some("kube-apiserver-audit-0a1b"), None),
            ),
            ("gremlins-api", "i-1", names("gremlins-api", None, None, Some("i-1"), None)),
            ("/", "", names("/", None, None, None, None)),
        ] {
            assert_eq!(Names::of(group, stream), expected, "{group} {stream}");
        }
    }

    #[test]
    fn pods_name_their_workload() {
        for (pod, workload) in [
            ("api-7d4b9c6f5d-x2x7k", "api"),
            ("auth-service-7d4b9c6f5d-x2x7k", "auth-service"),
            ("kafka-0", "kafka"),
            ("fluent-bit-x2x7k", "fluent-bit"),
            ("single", "single"),
            ("my-batch", "my-batch"),
        ] {
            assert_eq!(workload_of(pod), workload, "{pod}");
        }
    }

    #[test]
    fn the_environment_is_the_names_then_the_settings() {
        let source = |group: &str| {
            Source::new("1", "eu-west-1", LogGroup::new(group), LogStream::new("s"), "default").environment
        };
        assert_eq!(source("/ecs/prod/checkout"), "prod");
        assert_eq!(source("/aws/lambda/orders-staging"), "staging");
        assert_eq!(source("/ecs/product"), "default");
    }
}
