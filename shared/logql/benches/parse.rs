//! What it costs to parse a query: `cargo bench -p catchment-logql --bench parse`.
//!
//! Microseconds, the fastest of many short rounds: of the queries that users
//! asked for, of rules, and of larger ones.
//! Patterns and templates are compiled when a query is parsed, and so counted.

#![allow(missing_docs, clippy::unwrap_used, clippy::print_stdout)]

use std::hint::black_box;
use std::time::Instant;

const ROUNDS: u32 = 300;
const PARSES_A_ROUND: u32 = 10;

const QUERIES: [&str; 25] = [
    r#"{service="auth-service"} |= "failed" |= "login""#,
    r#"{service="auth-service"} |= "session" |= "expired""#,
    r#"{service=~"auth-service|backend"} |= "user_id=123""#,
    r#"{service="auth-service"} |= "POST /api/auth/login" | logfmt | line_format "{{.timestamp}} {{.user}}""#,
    r#"{service="backend"} |= "slow query""#,
    r#"{service="frontend"} |= "error" |= "timeout""#,
    r#"{service="gremlins-api"} |= "ERROR" | json"#,
    r#"{service="gremlins-api"} | json | request_id="req_abc123""#,
    r#"sum by (path) (count_over_time({service="gremlins-api", level="ERROR"} [1h]))"#,
    r#"{service="gremlins-api"} | json | duration > 2000"#,
    r#"sum(rate({service="gremlins-api", level="ERROR"}[5m])) > 10"#,
    r#"count_over_time({service="gremlins-api"} |= "database connection" |= "error" [5m]) > 5"#,
    r#"sum by (service) (count_over_time({service=~".+"} |~ "(?i)login failed|failed login|authentication failed|invalid credentials" [5m])) > 5"#,
    r#"sum by (service) (count_over_time({service=~".+", detected_level=~"error|fatal"}[5m])) > 50"#,
    r#"sum by (service) (count_over_time({service=~".+"} |~ "OutOfMemoryError|OOMKilled|Out of memory|Runtime exited with error: signal: killed" [5m])) > 0"#,
    r#"quantile_over_time(0.95, {service="checkout"} | json | unwrap duration_ms [5m]) by (service) > 800"#,
    r#"sum by (service) (count_over_time({service=~".+"} |~ "(?i)\\b(exception|traceback|panic(ked)?)\\b" [5m])) > 20"#,
    r#"sum by (op) (count_over_time({service=~".+"} |= "charge" | regexp "by .{1,2}(?P<op>gateway-[0-9]+)" | op="gateway-1" [5m])) > 10"#,
    r#"{service="nginx"} | pattern "<ip> - <_> [<_>] \"<method> <path> <_>\" <status> <size>" | status >= 500"#,
    r#"{service=~"api|web"} |~ "\\d{3}-\\d{4}" |~ "(?i)user=\\w+@\\w+\\.com""#,
    r#"{service="api"} | regexp "^(?P<ip>\\S+) \\S+ (?P<user>\\S+) \\[(?P<time>[^\\]]+)\\] \"(?P<method>\\S+) (?P<path>\\S+)[^\"]*\" (?P<status>\\d+) (?P<size>\\d+)""#,
    r#"sum(count_over_time({service="a", level=~"error|fatal"}[5m])) / sum(count_over_time({service="a"}[5m])) > 0.05 and sum(rate({service="a"}[5m])) > 1"#,
    r#"topk(10, sum by (path, method) (rate({service="a"} | json | status >= 500 and (method="GET" or method="POST") [5m]))) / on (path) group_left (owner) sum by (path, owner) (rate({service="owners"} | logfmt [5m]))"#,
    r#"{service="a"} | json a="b.c[0]", d="e[\"f g\"]" | label_format x="{{.a | ToUpper}}-{{ regexReplaceAll \"(.*)-(.*)\" .d \"${2}\" }}", y=z | line_format "{{ if eq .x \"1\" }}{{.y}}{{ else }}{{ .z | trunc 10 }}{{ end }}" | drop trace_id, span_id="1""#,
    r#"label_replace(sum by (instance) (rate({service="a"} != "b" or "c" !~ "d.+e" | logfmt --strict | __error__="" [1m])), "host", "$1", "instance", "(.*):.*")"#,
];

fn main() {
    println!("µs a parse, µs of parse(format(..)), query");
    let mut slowest: f64 = 0.0;
    for query in QUERIES {
        let written = catchment_logql::parse(query).unwrap().to_string();
        let (parse, again) = (micros(query), micros(&written));
        slowest = slowest.max(parse);
        println!("{parse:7.1} {again:7.1}  {query}");
    }
    println!("slowest: {slowest:.1} µs");
}

/// Of the fastest round: nothing else ran on the core in it.
fn micros(query: &str) -> f64 {
    let times = (0..ROUNDS).map(|_| {
        let start = Instant::now();
        for _ in 0..PARSES_A_ROUND {
            drop(black_box(catchment_logql::parse(black_box(query))));
        }
        start.elapsed() / PARSES_A_ROUND
    });
    times.min().unwrap().as_secs_f64() * 1e6
}
