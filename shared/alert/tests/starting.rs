//! Rules that are new: since when they are counted, what of before, and when they
//! may be evaluated; and rules whose values are recorded.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use catchment_alert::versions::{History, LeafStart, LeafStarts};
use catchment_alert::{Partials, RuleFile, RuleSet};
use catchment_logql::Entry;

const MINUTE_MS: i64 = 60_000;

struct Line(i64);

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        self.0 * 1_000_000
    }
    fn line(&self) -> &str {
        "line"
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "service").then_some(Cow::Borrowed("api"))
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("service", "api");
    }
}

fn rules() -> RuleSet {
    let text = "groups:
- name: g
  query_offset: 1m
  rules:
  - alert: Old
    expr: sum(count_over_time({service=\"api\"}[5m])) > 1
  - alert: New
    expr: sum(count_over_time({service=\"api\"} |= \"line\" [5m] offset 10m)) > 1
  - record: api:lines
    expr: sum by (service) (count_over_time({service=\"api\"} |= \"line\" [1m]))
    labels: {team: a}
";
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text: text.into() }]).unwrap()
}

/// How many lines of a leaf a batch has, by the leaf's identity.
fn counted(partials: &Partials) -> BTreeMap<String, f64> {
    let mut lines = BTreeMap::new();
    for partial in &partials.partials {
        let value: f64 = partial.series.iter().map(|_| 1.0).sum();
        *lines.entry(partial.leaf.as_str().to_owned()).or_default() += value;
    }
    lines
}

fn starts(rules: &RuleSet, since_ms: i64, history: History) -> LeafStarts {
    let new = rules.rules().find(|rule| rule.name == "New").unwrap().leaves[0].id.clone();
    LeafStarts::from([(new.as_str().to_owned(), LeafStart { since_ms, history })])
}

#[test]
fn a_new_leaf_is_counted_from_its_moment_on_and_its_history_up_to_it() {
    let rules = rules();
    let since_ms = 100 * MINUTE_MS;
    let starts = starts(&rules, since_ms, History::Pending);
    let (id, _) = starts.first_key_value().unwrap();
    let begun = format!("{id}-{since_ms}");
    let live = rules.clone().starting(&starts);
    // One bucket each: at the moment itself, just after it, much later.
    let lines = [since_ms, since_ms + 1, since_ms + 5 * MINUTE_MS];
    let arrived = counted(&live.partials(lines.map(Line)));
    assert_eq!(arrived[&begun], 2.0, "what is at the moment itself is history");
    assert!(!arrived.contains_key(id), "nothing is added to what was counted before a gap");
    let old = rules.rules().next().unwrap().leaves[0].id.as_str().to_owned();
    assert_eq!(arrived[&old], 3.0, "a leaf that was there counts all");

    let history = counted(&rules.counting(&starts).partials([since_ms - MINUTE_MS, since_ms].map(Line)));
    assert_eq!(history, BTreeMap::from([(begun.clone(), 2.0)]), "only what is new is counted");
    let asked = live.rules().find(|rule| rule.name == "New").unwrap().leaves[0].id.clone();
    assert_eq!(asked.as_str(), begun, "it is asked for where it is recorded");
}

#[test]
fn a_rule_is_ready_when_its_windows_hold_what_they_should() {
    let since_ms = 100 * MINUTE_MS;
    let ready_from = |history| {
        let rules = rules();
        let starts = starts(&rules, since_ms, history);
        let live = rules.starting(&starts);
        let rule = live.rules().find(|rule| rule.name == "New").unwrap().clone();
        (0..300).find(|minute| rule.is_ready(minute * MINUTE_MS)).unwrap()
    };
    assert_eq!(ready_from(History::Loaded), 0);
    assert_eq!(ready_from(History::Pending), 110, "ten minutes are waited for the history");
    assert_eq!(ready_from(History::Skipped), 116, "range, offset and query_offset");
    let rules = rules();
    let starts = starts(&rules, since_ms, History::Pending);
    assert!(rules.starting(&starts).rules().next().unwrap().is_ready(0), "a rule that is not new");
}

#[test]
fn recording_rules_are_no_alerts_and_have_partials_too() {
    let rules = rules();
    assert_eq!(rules.rules().count(), 2);
    let record = rules.records().next().unwrap();
    assert_eq!(record.name, "api:lines");
    assert_eq!(record.labels.keys().collect::<Vec<_>>(), ["team"]);
    let leaf = record.leaves[0].id.as_str();
    assert_eq!(counted(&rules.partials([Line(MINUTE_MS)]))[leaf], 1.0);
}
