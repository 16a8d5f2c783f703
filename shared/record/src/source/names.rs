//! What the names of a log group and a log stream tell.

/// Who wrote a log stream.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names<'a> {
    pub(super) service: &'a str,
    pub(super) cluster: Option<&'a str>,
    pub(super) workload: Option<&'a str>,
    pub(super) instance: Option<&'a str>,
    pub(super) container: Option<&'a str>,
    /// The version or alias of a Lambda function.
    pub(super) version: Option<&'a str>,
}

/// What the part of a log group's name behind a prefix is, beside the service.
#[derive(Clone, Copy)]
enum Kind {
    Service,
    Workload,
    Cluster,
}

/// Log groups that name their service right behind a prefix; what follows is
/// the kind of log.
const NAMED: [(&str, Kind); 23] = [
    ("/aws/apprunner/", Kind::Workload),
    ("/aws/codebuild/", Kind::Workload),
    ("/aws/elasticbeanstalk/", Kind::Workload),
    ("/aws/vendedlogs/states/", Kind::Workload),
    ("/aws/states/", Kind::Workload),
    ("/aws/sagemaker/Endpoints/", Kind::Workload),
    ("/aws/rds/cluster/", Kind::Cluster),
    ("/aws/docdb/", Kind::Cluster),
    ("/aws/neptune/", Kind::Cluster),
    ("/aws/msk/", Kind::Cluster),
    ("/aws/elasticache/", Kind::Cluster),
    ("/aws/redshift/cluster/", Kind::Cluster),
    ("/aws/OpenSearchService/domains/", Kind::Cluster),
    ("/aws/aes/domains/", Kind::Cluster),
    ("/aws/rds/instance/", Kind::Service),
    ("/aws/amazonmq/broker/", Kind::Service),
    ("API-Gateway-Execution-Logs_", Kind::Service),
    ("/aws/api-gateway/", Kind::Service),
    ("/aws/apigateway/", Kind::Service),
    ("/aws/appsync/apis/", Kind::Service),
    ("/aws/kinesisfirehose/", Kind::Service),
    ("/aws/events/", Kind::Service),
    ("/aws/transfer/", Kind::Service),
];

impl<'a> Names<'a> {
    pub(super) fn of(group: &'a str, stream: &'a str) -> Self {
        let last = last_name(group);
        // What the stream's form says holds in any log group.
        if let Some(pod) = pod(stream) {
            return Self { cluster: container_insights(group).map(|(cluster, _)| cluster), ..pod };
        }
        if let Some((function, version, instance)) = lambda(stream)
            && (group.starts_with("/aws/lambda/") || !function.is_empty())
        {
            let named = group.strip_prefix("/aws/lambda/").unwrap_or(group);
            let function = some(function).unwrap_or(named);
            let version = some(version).filter(|version| *version != "$LATEST");
            let instance = some(instance);
            return Self {
                service: function,
                workload: Some(function),
                version,
                instance,
                ..Self::default()
            };
        }
        if let Some(names) = task(group, stream) {
            return names;
        }
        if let Some(function) = group.strip_prefix("/aws/lambda/") {
            return Self {
                service: function,
                workload: Some(function),
                instance: some(stream),
                ..Self::default()
            };
        }
        if let Some((cluster, kind)) = container_insights(group) {
            let service = system_unit(stream).unwrap_or(kind);
            return Self { service, cluster: Some(cluster), instance: node(stream), ..Self::default() };
        }
        if let Some(rest) = group.strip_prefix("/aws/eks/") {
            let component = stream.rsplit_once('-').map_or(stream, |(name, _)| name);
            let service = some(component).unwrap_or(last);
            return Self {
                service,
                cluster: rest.split('/').next(),
                instance: some(stream),
                ..Self::default()
            };
        }
        for (prefix, kind) in NAMED {
            if let Some(name) = group.strip_prefix(prefix).and_then(|rest| some(rest.split('/').next()?)) {
                let service = name.strip_suffix("-Logs").unwrap_or(name);
                return Self {
                    service,
                    cluster: matches!(kind, Kind::Cluster).then_some(service),
                    workload: matches!(kind, Kind::Workload).then_some(service),
                    instance: stream.rsplit('/').find(|part| !part.is_empty()),
                    ..Self::default()
                };
            }
        }
        if let Some(interface) = network_interface(stream) {
            return Self { service: last, instance: Some(interface), ..Self::default() };
        }
        let workload = group.starts_with("aws-waf-logs-").then(|| web_acl(stream)).flatten();
        Self { service: last, workload, instance: some(stream), ..Self::default() }
    }

    /// The workload; a function's qualified name is `<name>:<version>`, as AWS writes it.
    pub(super) fn qualified_workload(&self) -> Option<String> {
        let workload = self.workload?;
        Some(self.version.map_or_else(|| workload.to_owned(), |version| format!("{workload}:{version}")))
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}

/// The last part of a log group's name that is not an environment's.
fn last_name(group: &str) -> &str {
    let parts = || group.rsplit('/').filter(|part| !part.is_empty());
    parts().find(|part| !is_environment(part)).or_else(|| parts().next()).unwrap_or(group)
}

/// `2026/03/13/[$LATEST]<id>`, and `2026/03/13/<function>[12]<id>` in a log
/// group that functions share: function, version, id.
fn lambda(stream: &str) -> Option<(&str, &str, &str)> {
    let (date, rest) = stream.split_at_checked("2026/03/13/".len())?;
    let is_date = date
        .bytes()
        .enumerate()
        .all(|(i, b)| if matches!(i, 4 | 7 | 10) { b == b'/' } else { b.is_ascii_digit() });
    let (function, rest) = rest.split_once('[').filter(|_| is_date)?;
    let (version, id) = rest.split_once(']')?;
    Some((function, version, id))
}

/// `<prefix>/<container>/<task id>` of awslogs, `<prefix><container>-firelens-<task id>`
/// of FireLens. Of AWS Batch, the prefix is the job definition.
fn task<'a>(group: &'a str, stream: &'a str) -> Option<Names<'a>> {
    let (path, task, container) = match stream.rsplit_once("-firelens-") {
        Some((path, task)) => (path, task, path.rsplit('/').next()?),
        None => {
            let (path, task) = stream.rsplit_once('/')?;
            let (prefix, container) = path.rsplit_once('/')?;
            (prefix, task, container)
        }
    };
    if !is_task_id(task) {
        return None;
    }
    let workload = if group == "/aws/batch/job" { path } else { last_name(group) };
    Some(Names {
        service: workload,
        workload: Some(workload),
        instance: Some(task),
        container: some(container),
        ..Names::default()
    })
}

fn is_task_id(part: &str) -> bool {
    matches!(part.len(), 32 | 36) && part.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
}

/// `/aws/containerinsights/<cluster>/<kind>` of EKS, `/aws/ecs/containerinsights/<cluster>/<kind>`.
fn container_insights(group: &str) -> Option<(&str, &str)> {
    let rest = group
        .strip_prefix("/aws/containerinsights/")
        .or_else(|| group.strip_prefix("/aws/ecs/containerinsights/"))?;
    Some(rest.split_once('/').unwrap_or((rest, rest)))
}

/// The node of `<node>-host.messages` and `<node>-dataplane.systemd.kubelet.service`.
fn node(stream: &str) -> Option<&str> {
    let end = ["-host.", "-dataplane.", "-application."].iter().find_map(|kind| stream.find(kind));
    some(stream.get(..end.unwrap_or(stream.len()))?)
}

/// `kubelet` of `<node>-dataplane.systemd.kubelet.service`.
fn system_unit(stream: &str) -> Option<&str> {
    let (_, unit) = stream.rsplit_once(".systemd.")?;
    some(unit.strip_suffix(".service").unwrap_or(unit))
}

/// Reads `…<pod>_<namespace>_<container>-<64 hex>.log`, as Fluent Bit's tags end.
fn pod(stream: &str) -> Option<Names<'_>> {
    let file = stream.strip_suffix(".log").unwrap_or(stream);
    let (path, id) = file.rsplit_once('-')?;
    if id.len() != 64 || !id.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let path = path.rsplit_once("containers.").map_or(path, |(_, file)| file);
    let mut parts = path.split('_');
    let (pod, _namespace, container) = (parts.next()?, parts.next()?, parts.next()?);
    let workload = workload_of(pod);
    Some(Names {
        service: workload,
        workload: Some(workload),
        instance: Some(pod),
        container: Some(container),
        ..Names::default()
    })
}

/// A Deployment's pod is `<name>-<replica set hash>-<5 characters>`, a
/// StatefulSet's `<name>-<ordinal>`, a DaemonSet's `<name>-<5 characters>`, a
/// CronJob's `<name>-<minutes since the epoch>-<5 characters>`.
pub(crate) fn workload_of(pod: &str) -> &str {
    let is_hash = |part: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&part.len()) && part.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
    };
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    let Some((name, suffix)) = pod.rsplit_once('-') else {
        return pod;
    };
    if is_number(suffix) && suffix.len() <= 3 {
        return name;
    }
    if !is_hash(suffix, 5..=5) {
        return pod;
    }
    match name.rsplit_once('-') {
        Some((deployment, replica_set)) if is_hash(replica_set, 8..=10) => deployment,
        Some((cron_job, minutes)) if minutes.len() == 8 && is_number(minutes) => cron_job,
        _ => name,
    }
}

/// `eni-0a1b2c` of `eni-0a1b2c-all`, as VPC flow logs write.
fn network_interface(stream: &str) -> Option<&str> {
    let (interface, traffic) = stream.rsplit_once('-')?;
    (interface.starts_with("eni-") && matches!(traffic, "all" | "accept" | "reject")).then_some(interface)
}

/// `shop` of `eu-west-1_shop_0`, as WAF writes.
fn web_acl(stream: &str) -> Option<&str> {
    let (_region, rest) = stream.split_once('_')?;
    rest.rsplit_once('_').map(|(acl, _)| acl)
}

fn is_environment(part: &str) -> bool {
    const NAMES: [&str; 18] = [
        "prod",
        "production",
        "prd",
        "preprod",
        "nonprod",
        "staging",
        "stage",
        "stg",
        "dev",
        "development",
        "test",
        "testing",
        "qa",
        "uat",
        "sandbox",
        "demo",
        "preview",
        "integration",
    ];
    NAMES.iter().any(|name| part.eq_ignore_ascii_case(name))
}

/// The environment that a part of the group's name spells out (`/ecs/prod/checkout`,
/// `checkout-staging`, `pre-prod`).
pub(super) fn environment_in(group: &str) -> Option<&str> {
    const SEPARATORS: [char; 4] = ['/', '-', '_', '.'];
    let mut start = 0;
    let mut before = (0, "");
    for part in group.split(SEPARATORS) {
        if is_environment(part) {
            let is_qualified = matches!(before.1, "pre" | "non");
            return group.get(if is_qualified { before.0 } else { start }..start + part.len());
        }
        before = (start, part);
        start += part.len() + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const TASK: &str = "0123456789abcdef0123456789abcdef";

    /// Service, cluster, workload, instance, container; `-` for none.
    fn told(group: &str, stream: &str) -> String {
        let names = Names::of(group, stream);
        let or_none = |name: Option<&str>| name.unwrap_or("-").to_owned();
        let parts = [names.cluster, names.workload, names.instance, names.container].map(or_none);
        format!("{} {}", names.service, parts.join(" "))
    }

    #[test]
    fn names_tell_who_wrote() {
        let hex64 = "0123456789abcdef".repeat(4);
        let pod = format!("var.log.containers.api-7d4b9c6f5d-x2x7k_shop_web-{hex64}.log");
        let in_insights = format!("ip-10-0-1-7.ec2.internal-application.{pod}");
        let plane = format!(
            "ip-10-0-1-7-dataplane.tail.var.log.containers.aws-node-x2x7k_kube-system_aws-node-{hex64}.log"
        );
        let in_fluent = format!("kube.{pod}");
        let ecs = format!("ecs/web/{TASK}");
        let firelens = format!("app-web-firelens-{TASK}");
        let prefixed = format!("shop/web-firelens-{TASK}");
        let batch = format!("nightly/default/{TASK}");
        for (group, stream, expected) in [
            ("/aws/lambda/orders", "2026/03/13/[$LATEST]94fa", "orders - orders 94fa -"),
            ("/aws/lambda/orders", "2026/03/13/[12]94fa", "orders - orders 94fa -"),
            ("/aws/lambda/orders", "custom", "orders - orders custom -"),
            ("/shop/functions", "2026/03/13/orders[$LATEST]94fa", "orders - orders 94fa -"),
            ("/ecs/checkout", &ecs, &format!("checkout - checkout {TASK} web")),
            ("/ecs/checkout/prod", &ecs, &format!("checkout - checkout {TASK} web")),
            ("/ecs/checkout", &firelens, &format!("checkout - checkout {TASK} app-web")),
            ("/ecs/checkout", &prefixed, &format!("checkout - checkout {TASK} web")),
            (
                "/aws/ecs/containerinsights/prod/performance",
                "FargateTelemetry-1",
                "performance prod - FargateTelemetry-1 -",
            ),
            (
                "/aws/containerinsights/prod/application",
                &in_insights,
                "api prod api api-7d4b9c6f5d-x2x7k web",
            ),
            (
                "/aws/containerinsights/prod/dataplane",
                &plane,
                "aws-node prod aws-node aws-node-x2x7k aws-node",
            ),
            (
                "/aws/containerinsights/prod/dataplane",
                "ip-10-0-1-7-dataplane.systemd.kubelet.service",
                "kubelet prod - ip-10-0-1-7 -",
            ),
            ("/aws/containerinsights/prod/host", "ip-10-0-1-7-host.messages", "host prod - ip-10-0-1-7 -"),
            ("/aws/containerinsights/prod/performance", "ip-10-0-1-7", "performance prod - ip-10-0-1-7 -"),
            ("/eks/shop", &in_fluent, "api - api api-7d4b9c6f5d-x2x7k web"),
            (
                "/aws/eks/prod/cluster",
                "kube-apiserver-audit-0a1b",
                "kube-apiserver-audit prod - kube-apiserver-audit-0a1b -",
            ),
            ("/aws/apprunner/shop/0a1b/application", "instance/9f8e", "shop - shop 9f8e -"),
            ("/aws/apprunner/shop/0a1b/service", "events", "shop - shop events -"),
            ("API-Gateway-Execution-Logs_a1b2c3/prod", "0a1b", "a1b2c3 - - 0a1b -"),
            ("/aws/apigateway/shop", "0a1b", "shop - - 0a1b -"),
            ("/aws/api-gateway/shop", "0a1b", "shop - - 0a1b -"),
            ("/aws/rds/instance/orders/postgresql", "orders.0", "orders - - orders.0 -"),
            ("/aws/rds/cluster/orders/slowquery", "orders-1", "orders orders - orders-1 -"),
            ("/aws/codebuild/shop-build", "9f8e-0a1b", "shop-build - shop-build 9f8e-0a1b -"),
            (
                "/aws/vendedlogs/states/checkout-Logs",
                "states/checkout/2026-03-13/0a1b",
                "checkout - checkout 0a1b -",
            ),
            (
                "/aws/elasticbeanstalk/shop-prod/var/log/web.stdout.log",
                "i-0a1b",
                "shop-prod - shop-prod i-0a1b -",
            ),
            ("/aws/OpenSearchService/domains/search/application-logs", "s", "search search - s -"),
            ("/aws/batch/job", &batch, &format!("nightly - nightly {TASK} default")),
            ("vpc-flow-logs", "eni-0a1b2c-all", "vpc-flow-logs - - eni-0a1b2c -"),
            (
                "aws-waf-logs-shop",
                "eu-west-1_shop_acl_0",
                "aws-waf-logs-shop - shop_acl eu-west-1_shop_acl_0 -",
            ),
            ("gremlins-api", "i-1", "gremlins-api - - i-1 -"),
            ("/", "", "/ - - - -"),
            ("/aws/codebuild/", "x", "codebuild - - x -"),
        ] {
            assert_eq!(told(group, stream), expected, "{group} {stream}");
        }
    }

    #[test]
    fn pods_name_their_workload() {
        for (pod, workload) in [
            ("api-7d4b9c6f5d-x2x7k", "api"),
            ("auth-service-7d4b9c6f5d-x2x7k", "auth-service"),
            ("kafka-0", "kafka"),
            ("fluent-bit-x2x7k", "fluent-bit"),
            ("nightly-29394720-x2x7k", "nightly"),
            ("single", "single"),
            ("my-batch", "my-batch"),
        ] {
            assert_eq!(workload_of(pod), workload, "{pod}");
        }
    }

    #[test]
    fn environments_are_whole_parts_of_a_name() {
        for (group, environment) in [
            ("/ecs/prod/checkout", Some("prod")),
            ("/aws/lambda/orders-staging", Some("staging")),
            ("/ecs/checkout_PROD", Some("PROD")),
            ("/ecs/pre-prod/checkout", Some("pre-prod")),
            ("API-Gateway-Execution-Logs_a1b2c3/prod", Some("prod")),
            ("/ecs/product", None),
            ("/ecs/latest", None),
            ("", None),
        ] {
            assert_eq!(environment_in(group), environment, "{group}");
        }
    }
}
