//! Messages for tests: any at all, and those of the golden files, which come
//! from rules as in production.

#![allow(dead_code)]

use std::collections::BTreeMap;

use catchment_alert::message::{AlertedSeries, Links, Status};
use catchment_alert::{AlertMessage, Labels, News, Origin, RuleFile, RuleSet, SeriesNews};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Texts as an attacker or a broken program would write them.
fn text() -> impl Strategy<Value = String> {
    let nasty = prop::sample::select(vec![
        "<!channel>",
        "<@U1>",
        "&amp;",
        "```",
        "`id`",
        "$(id)",
        "'; id #",
        "\u{1b}[31m",
        "\u{202e}",
        "\r\n",
        "\u{0}",
        "🔥",
        "👩\u{200d}👩",
        "مرحبا",
        "é",
        "\"",
        "\\",
        "|",
        "~",
        "]",
        "",
    ]);
    let piece = prop_oneof![nasty.prop_map(str::to_owned), ".{0,20}", "[a-z ]{0,40}"];
    prop_oneof![
        8 => vec(piece, 0..6).prop_map(|pieces| pieces.concat()),
        1 => ("[<>&x🔥`]", 0..4000_usize).prop_map(|(one, times)| one.repeat(times)),
    ]
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map(text(), text(), 0..30)
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![any::<f64>(), Just(0.0), Just(f64::NAN), Just(f64::INFINITY), (-1e6..1e6)]
}

fn at() -> impl Strategy<Value = String> {
    prop_oneof![4 => Just("2026-11-21T05:01:00Z".to_owned()), 1 => Just("2026-11-21T06:31:00Z".to_owned()), 1 => text()]
}

fn series() -> impl Strategy<Value = AlertedSeries> {
    (labels(), number(), prop::option::of(number()), at(), prop::option::of(at())).prop_map(
        |(labels, value, peak, fired_at, resolved_at)| AlertedSeries {
            labels,
            value,
            peak,
            fired_at,
            resolved_at,
        },
    )
}

/// Any message that can be had from JSON.
pub fn anything() -> impl Strategy<Value = AlertMessage> {
    let status =
        prop::sample::select(vec![Status::Firing, Status::Resolved, Status::Repeated, Status::Flapping]);
    let links = (prop::option::of(text()), prop::option::of(text()), prop::option::of(text()));
    let texts = (text(), text(), text(), text(), text(), text(), text(), text());
    let rest = (prop::option::of(number()), labels(), labels(), vec(series(), 0..13), any::<u64>());
    (texts, status, rest, at(), prop::option::of(at()), vec(text(), 0..6), links).prop_map(
        |(texts, status, rest, since, resolved_at, samples, links)| AlertMessage {
            id: texts.0,
            name: texts.1,
            group: texts.2,
            summary: texts.3,
            description: texts.4,
            severity: texts.5,
            status,
            condition: texts.6,
            threshold: rest.0,
            labels: rest.1,
            annotations: rest.2,
            series: rest.3,
            more: rest.4,
            since,
            resolved_at,
            samples,
            links: Links { command: links.0, console: links.1, runbook: links.2 },
            stack: texts.7,
        },
    )
}

/// 2026-11-21T05:01:00Z
const FIRED_MS: i64 = 1_795_237_260_000;
const MINUTE_MS: i64 = 60_000;

const RULES: &str = r#"
groups:
  - name: logins
    rules:
      - alert: LoginFailureBurst
        expr: sum by (service, log_group) (count_over_time({environment="prod"} |= "login failed" != "test" [5m])) > 5
        labels: { severity: critical, team: identity }
        annotations:
          summary: Many failed logins at {{ $labels.service }}
          description: "{{ $value }} failed logins within 5 minutes.\nSomebody may be guessing passwords."
          runbook_url: https://wiki.example.com/runbooks/logins?team=identity&part=2
          dashboard: Identity
      - alert: Trend
        expr: sum by (service) (rate({a="b"} |= "error" [5m])) > 3 * sum by (service) (rate({a="b"} |= "error" [5m] offset 1h))
        annotations: { summary: More than before }
      - alert: Quiet
        expr: sum(count_over_time({service="cron"}[15m])) < 3
        labels: { severity: warning }
"#;

fn rules() -> RuleSet {
    RuleSet::parse(&[RuleFile { name: "golden.yaml".into(), text: RULES.into() }]).unwrap()
}

struct Case {
    alert: &'static str,
    status: Status,
    series: Vec<(Labels, f64, Option<f64>)>,
    resolved_after_ms: Option<i64>,
    samples: Vec<String>,
    origin: Origin,
}

fn message(case: Case) -> AlertMessage {
    let rules = rules();
    let group = &rules.groups()[0];
    let rule = group.rules.iter().find(|rule| rule.name == case.alert).unwrap();
    let over = case.resolved_after_ms.map(|after| FIRED_MS + after);
    let series = case.series.iter().map(|(series, value, peak)| SeriesNews {
        series,
        value: *value,
        peak: *peak,
        fired_at_ms: FIRED_MS,
        resolved_at_ms: over,
    });
    let news = News {
        group,
        rule,
        id: "0123456789abcdef".into(),
        status: case.status,
        series: series.collect(),
        samples: case.samples,
        log_groups: Vec::new(),
        at_ms: over.unwrap_or(FIRED_MS),
        origin: &case.origin,
    };
    news.message()
}

fn login(service: &str) -> Labels {
    Labels::new(vec![("service".into(), service.into()), ("log_group".into(), format!("/ecs/{service}"))])
}

/// The messages of the golden files, by name.
pub fn golden() -> Vec<(&'static str, AlertMessage)> {
    let origin = Origin { stack: "logs-prod".into(), region: "eu-west-1".into() };
    let samples: Vec<String> = (1..=4)
        .map(|n| {
            format!(r#"{{"level":"WARN","message":"login failed","user":"[REDACTED:email]","attempt":{n}}}"#)
        })
        .collect();
    let one = || Case {
        alert: "LoginFailureBurst",
        status: Status::Firing,
        series: vec![(login("auth"), 14.0, None)],
        resolved_after_ms: None,
        samples: samples.clone(),
        origin: origin.clone(),
    };
    let hostile = "<!channel> $(id) `id` '; rm -rf / #\u{1b}[31m\u{202e}🔥 مرحبا\r\n*bold*";
    vec![
        ("firing_one", message(one())),
        (
            "firing_many",
            message(Case {
                series: (1..=12).map(|n| (login(&format!("auth-{n}")), 5.0 + f64::from(n), None)).collect(),
                ..one()
            }),
        ),
        (
            "resolved",
            message(Case {
                status: Status::Resolved,
                series: vec![(login("auth"), 6.0, Some(14.0))],
                resolved_after_ms: Some(90 * MINUTE_MS),
                ..one()
            }),
        ),
        ("repeated", message(Case { status: Status::Repeated, ..one() })),
        ("flapping", message(Case { status: Status::Flapping, ..one() })),
        (
            "hostile",
            message(Case {
                series: vec![(login(&format!("{hostile}{}", "x".repeat(150))), 1e9, None)],
                samples: vec![hostile.into(), "```".into(), "y".repeat(9_000)],
                origin: Origin { stack: "$(id)".into(), region: "eu-west-1/?".into() },
                ..one()
            }),
        ),
        (
            "no_threshold",
            message(Case {
                alert: "Trend",
                series: vec![(Labels::new(vec![("service".into(), "api".into())]), 10.0 / 3.0, None)],
                ..one()
            }),
        ),
        (
            "too_little",
            message(Case {
                alert: "Quiet",
                series: vec![(Labels::default(), 1.0, None)],
                samples: vec![],
                ..one()
            }),
        ),
    ]
}
