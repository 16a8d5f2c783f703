//! Partials: buckets are `(end - step, end]` by event time, reduced to the
//! groups of an outer sum, bounded, and the same for the same batch.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_alert::versions::{History, LeafStart, LeafStarts};
use catchment_alert::{
    EvaluationError, Labels, MAX_PARTIALS_PER_BATCH, MAX_SAMPLE_CHARS, MAX_SAMPLE_LINES, MAX_SERIES, Partial,
    RuleFile, RuleSet, StoredWindow, WindowBuilder,
};
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

const MINUTE_NANOS: i64 = 60_000_000_000;

fn window<'a>(partials: impl IntoIterator<Item = &'a Partial>) -> StoredWindow {
    let mut window = WindowBuilder::default();
    partials.into_iter().for_each(|partial| window.add(partial.clone()));
    window.finish()
}

#[test]
fn a_window_is_cut_to_the_same_series_however_its_lines_were_split() {
    let lines: Vec<Line> =
        (0..MAX_SERIES + 100).map(|n| Line { path: format!("/{n:04}"), ..line(1) }).collect();
    let set = rules(r#"sum by (path) (count_over_time({service="api"}[5m]))"#);
    let at_once = window(&set.partials(&lines).partials);
    assert_eq!((at_once.window.series.len(), at_once.cut_series), (MAX_SERIES, 100));
    let split: Vec<Partial> =
        lines.chunks(250).rev().flat_map(|batch| set.partials(batch).partials).collect();
    let split = window(&split);
    assert_eq!((split.window, split.cut_series), (at_once.window, 100));
}

#[test]
fn a_rule_is_cut_at_the_limit_of_its_group() {
    let lines: Vec<Line> = (0..6).map(|n| Line { path: format!("/{}", n / 2), ..line(n) }).collect();
    let evaluate = |limit: usize, labels: &str| {
        let text = format!(
            "groups:\n- name: g\n  limit: {limit}\n  rules:\n  - alert: A\n    labels: {labels}\n    expr: 'sum by (path) (count_over_time({{service=\"api\"}}[5m])) > 1'\n"
        );
        let set = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap();
        let stored = window(&set.partials(&lines).partials);
        set.rules().next().unwrap().evaluate(&set.groups()[0], vec![stored])
    };
    let cut = |limit: usize| {
        let evaluated = evaluate(limit, "{}").unwrap();
        (evaluated.values.len(), evaluated.cut_series)
    };
    assert_eq!((cut(0), cut(3), cut(2)), ((3, 0), (3, 0), (2, 1)));
    let evaluated = evaluate(1, "{}").unwrap();
    assert_eq!(evaluated.values, [(Labels::from_iter([("path", "/0")]), 2.0)], "the first by labels");
    assert_eq!(evaluated.samples.len(), MAX_SAMPLE_LINES);
    // The rule's own label takes the place of the one that tells them apart.
    assert!(matches!(evaluate(0, "{path: all}"), Err(EvaluationError::SameLabels { .. })));
}

#[test]
fn a_batch_of_too_many_buckets_leaves_out_the_oldest() {
    let set = rules(r#"count_over_time({service="api"}[5m])"#);
    let minutes =
        |count: usize| -> Vec<Line> { (1..=count).map(|n| line(n as i64 * MINUTE_NANOS)).collect() };
    let all = set.partials(minutes(MAX_PARTIALS_PER_BATCH));
    assert_eq!((all.partials.len(), all.dropped_partials), (MAX_PARTIALS_PER_BATCH, 0));
    let cut = set.partials(minutes(MAX_PARTIALS_PER_BATCH + 2));
    assert_eq!((cut.partials.len(), cut.dropped_partials), (MAX_PARTIALS_PER_BATCH, 2));
    assert_eq!(cut.partials[0].bucket_end_ms, 180_000, "those of the first two minutes are gone");
}

#[test]
fn the_latest_lines_of_a_bucket_are_kept_to_be_shown() {
    let set = rules(r#"count_over_time({service="api"}[5m])"#);
    let times = |lines: &[Line]| {
        let partials = set.partials(lines).partials;
        partials[0].samples.iter().map(|sample| sample.at_nanos).collect::<Vec<_>>()
    };
    assert_eq!(times(&[line(1), line(4), line(3), line(2)]), [4, 3, 2]);
    assert_eq!(times(&[line(5), line(9)]), [9, 5]);

    struct Long(String);
    impl Entry for Long {
        fn timestamp_nanos(&self) -> i64 {
            1
        }
        fn line(&self) -> &str {
            &self.0
        }
        fn label(&self, name: &str) -> Option<Cow<'_, str>> {
            (name == "service").then_some("api".into())
        }
        fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
            visit("service", "api");
        }
    }
    let kept =
        |chars: usize| set.partials([Long("é".repeat(chars))]).partials[0].samples[0].line.chars().count();
    assert_eq!((kept(MAX_SAMPLE_CHARS), kept(MAX_SAMPLE_CHARS + 1)), (MAX_SAMPLE_CHARS, MAX_SAMPLE_CHARS));
}

#[test]
fn equal_leaves_of_rules_are_one_partial_that_lives_for_the_longest() {
    let text = r#"
groups:
  - name: g
    rules:
      - {alert: A, expr: 'count_over_time({service="api"} |= "boom" [5m]) > 1'}
      - {alert: B, expr: 'rate({service="api"} |= "boom" [1h] offset 2h) > 1', for: 30m}
      - {alert: C, expr: 'count_over_time({service="api"}[5m]) > 1'}
  - name: h
    interval: 30s
    rules:
      - {alert: D, expr: 'count_over_time({service="api"} |= "boom" [5m]) > 1'}
"#;
    let set = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text: text.into() }]).unwrap();
    let partials = set.partials([line(1)]).partials;
    let ids: Vec<_> = set.rules().map(|rule| rule.leaves[0].id.clone()).collect();
    assert_eq!(ids[0], ids[1]);
    assert_ne!(ids[0], ids[2], "other lines");
    assert_ne!(ids[0], ids[3], "other buckets");
    assert_eq!(partials.iter().map(|partial| &partial.leaf).collect::<Vec<_>>(), [&ids[0], &ids[2], &ids[3]]);
    // Bucket, range, offset, `for`, and an hour for evaluations that come late.
    assert_eq!(partials[0].expires_at_s, 60 + 3_600 + 7_200 + 1_800 + 3_600);
    assert_eq!(partials[1].expires_at_s, 60 + 300 + 3_600);
}

#[test]
fn a_leaf_counts_what_is_later_than_its_since() {
    let set = rules(r#"count_over_time({service="api"}[5m])"#);
    let id = set.rules().next().unwrap().leaves[0].id.as_str().to_owned();
    let start = LeafStart { since_ms: 2, history: History::Loaded };
    let set = set.starting(&LeafStarts::from([(id, start)]));
    let partials = set.partials([line(1_999_999), line(2_000_000), line(2_000_001)]);
    assert_eq!(partials.partials[0].series[0].1, Accumulator::Count(1));
}

#[test]
fn lines_with_an_error_are_counted_beside_the_series() {
    let set = rules(r#"sum_over_time({service="api"} | label_format n="many" | unwrap n [5m])"#);
    let partials = set.partials([line(1), line(2)]).partials;
    assert_eq!(partials[0].series, []);
    let errors = partials[0].errors.clone().unwrap();
    assert_eq!((errors.lines, errors.error.as_str()), (2, "SampleExtractionErr"));
    let evaluated = set.rules().next().unwrap().evaluate(&set.groups()[0], vec![window(&partials)]);
    let why = evaluated.unwrap_err().to_string();
    assert!(why.contains("SampleExtractionErr") && why.contains("service=\"api\""), "{why}");
}

#[test]
fn two_leaves_of_the_same_lines_both_count() {
    let text = r#"
groups:
- name: g
  rules:
  - alert: A
    expr: count_over_time({service="api"} |= "earlier" [30m]) > 4
  - record: r
    expr: sum by (service) (count_over_time({service="api"} |= "earlier" [30m]))
"#;
    let rules = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text: text.into() }]).unwrap();
    let lines = (1..=5).map(|nanos| Line { line: "earlier", ..line(nanos) });
    let partials = rules.partials(lines);
    assert_eq!((partials.matched_lines, partials.partials.len()), (10, 2), "{:?}", partials.partials);
}
