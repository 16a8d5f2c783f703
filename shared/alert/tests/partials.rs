//! Partials: buckets are `(end - step, end]` by event time, reduced to the
//! groups of an outer sum, bounded, and the same for the same batch.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_alert::{Labels, MAX_SERIES, RuleFile, RuleSet};
use catchment_logql::{Accumulator, Entry};

struct Line {
    nanos: i64,
    path: String,
    line: &'static str,
}

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        self.nanos
    }
    fn line(&self) -> &str {
        self.line
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "service" => Some("api".into()),
            "path" => Some(self.path.as_str().into()),
            _ => None,
        }
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("service", "api");
    }
}

fn line(nanos: i64) -> Line {
    Line { nanos, path: "/".into(), line: "boom é" }
}

fn rules(expr: &str) -> RuleSet {
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: '{expr} > 1'\n");
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

#[test]
fn bucket_edges_are_exact() {
    let rules = rules(r#"count_over_time({service="api"}[5m])"#);
    for (nanos, end_ms) in [
        (0, 0),
        (1, 60_000),
        (60_000_000_000, 60_000),
        (60_000_000_001, 120_000),
        (119_999_999_999, 120_000),
        (-1, 0),
    ] {
        let partials = rules.partials([line(nanos)]);
        assert_eq!(partials.partials[0].bucket_end_ms, end_ms, "{nanos}");
    }
    let rule = rules.rules().next().unwrap();
    assert_eq!(rule.windows(&rules.groups()[0], 600_000), [(300_000, 600_000)]);
}

#[test]
fn sums_are_by_the_series_the_rule_needs() {
    let sums = |expr| {
        let partials = rules(expr).partials([line(1), line(2)]);
        assert_eq!(partials.partials.len(), 1);
        partials.partials[0].series.clone()
    };
    let series = |name: &str, value: &str| Labels::from_iter([(name, value)]);
    let two = Accumulator::Count(2);
    assert_eq!(sums(r#"count_over_time({service="api"}[5m])"#), [(series("service", "api"), two.clone())]);
    assert_eq!(sums(r#"sum by (path) (rate({service="api"}[5m]))"#), [(series("path", "/"), two)]);
    assert_eq!(
        sums(r#"sum(bytes_over_time({service="api"} |= "boom" [5m]))"#),
        [(Labels::default(), Accumulator::Sum(14.0))]
    );
}

#[test]
fn what_does_not_match_leaves_nothing_and_series_are_bounded() {
    let none = rules(r#"count_over_time({service="other"}[5m])"#).partials([line(1)]);
    assert_eq!((none.partials.len(), none.matched_lines), (0, 0));

    let lines = (0..MAX_SERIES + 2).map(|n| Line { path: format!("/{n}"), ..line(1) });
    let lines: Vec<Line> = lines.chain([Line { path: "/0".into(), ..line(1) }]).collect();
    let rules = rules(r#"sum by (path) (count_over_time({service="api"}[5m]))"#);
    let partials = rules.partials(&lines);
    assert_eq!(partials.partials.len(), 1, "all series are one partial");
    let partial = &partials.partials[0];
    assert_eq!(partial.series.len(), MAX_SERIES);
    assert_eq!((partial.cut_series, partials.cut_series), (2, 2));
    assert_eq!(partials.matched_lines, MAX_SERIES as u64 + 3);
    assert_eq!(partial.series[0].1, Accumulator::Count(2), "a series that is kept goes on counting");
    let backwards = rules.partials(lines.iter().rev());
    assert_eq!(backwards.partials[0].series, partial.series, "whatever the order");
}
