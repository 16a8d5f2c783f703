//! Rules over entries in memory: whatever the portions in which entries come, and
//! what happens to a rule that has no answer.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use catchment_alert::{OwnedEntry, RuleFile, RuleSet, Simulated, Simulation};

const MINUTE: i64 = 60_000;

fn rules(expr: &str, more: &str) -> RuleSet {
    let expr = serde_json::Value::from(expr);
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: {expr}\n{more}");
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

fn entry(ms: i64, service: &str, line: &str) -> OwnedEntry {
    let labels = BTreeMap::from([("service".to_owned(), service.to_owned())]);
    OwnedEntry::new(ms * 1_000_000, line.to_owned(), labels)
}

/// Everything at once.
fn simulated(rules: &RuleSet, entries: &[OwnedEntry], to_ms: i64) -> Simulated {
    let mut simulation = Simulation::new(rules, 0);
    simulation.add(entries);
    simulation.run_to(to_ms);
    simulation.finish()
}

/// When alerts were pending, firing and over, in minutes.
fn episodes(simulated: &Simulated) -> Vec<(i64, Option<i64>, Option<i64>, f64)> {
    let minutes = |ms: i64| ms / MINUTE;
    let of = simulated.episodes.iter();
    of.map(|it| (minutes(it.active_at_ms), it.fired_at_ms.map(minutes), it.ended_at_ms.map(minutes), it.peak))
        .collect()
}

#[test]
fn an_alert_goes_from_pending_to_firing_to_its_end() {
    let rules =
        rules(r#"sum(count_over_time({service="a"}[5m])) > 1"#, "    for: 2m\n    keep_firing_for: 1m\n");
    let entries = [entry(30_000, "a", "x"), entry(90_000, "a", "y"), entry(90_000, "b", "z")];
    // Two lines in the windows that end at 2m, 3m, 4m and 5m; at 6m one.
    let seen = simulated(&rules, &entries, 20 * MINUTE);
    assert_eq!(episodes(&seen), [(2, Some(4), Some(7), 2.0)]);
    assert_eq!((seen.evaluations, seen.matched_lines, seen.failed), (21, 2, 0));
    let cut_short = simulated(&rules, &entries, 3 * MINUTE);
    assert_eq!(episodes(&cut_short), [(2, None, None, 2.0)], "what is still on is among them");
}

#[test]
fn portions_of_entries_change_nothing() {
    let rules = rules(
        r#"sum by (service) (count_over_time({service=~".+"}[5m])) > sum by (service) (count_over_time({service=~".+"}[10m] offset 5m))"#,
        "    for: 1m\n",
    );
    let services = ["a", "b", "c"];
    let entries: Vec<_> = (0..3000)
        .map(|n: i64| entry(n * n / 3, services[usize::try_from(n % 7 % 3).unwrap()], "x"))
        .collect();
    let to_ms = 60 * MINUTE;
    let at_once = simulated(&rules, &entries, to_ms);
    assert!(!at_once.episodes.is_empty());
    for size in [1, 7, 1000] {
        let mut simulation = Simulation::new(&rules, 0);
        for portion in entries.chunks(size) {
            simulation.add(portion);
            simulation.run_to(portion.last().unwrap().millis() - 1);
        }
        simulation.run_to(to_ms);
        assert_eq!(simulation.finish(), at_once, "portions of {size}");
    }
}

#[test]
fn an_evaluation_that_fails_leaves_the_alert_as_it_is() {
    let rules = rules(r#"count_over_time({service="a"} | json [2m]) > 0"#, "");
    let entries = [entry(30_000, "a", "{}"), entry(90_000, "a", "no json")];
    let seen = simulated(&rules, &entries, 10 * MINUTE);
    // At 2m and 3m the window has a line with an error; from 4m on it is empty.
    assert_eq!(episodes(&seen), [(1, Some(1), Some(4), 1.0)]);
    assert_eq!(seen.failed, 2);
    assert_eq!((seen.failures[0].at_ms, seen.failures[0].rule.as_str()), (2 * MINUTE, "A"));
    assert!(seen.failures[0].reason.contains("JSONParserErr"), "{}", seen.failures[0].reason);
}

#[test]
fn the_first_evaluation_is_the_first_that_is_not_before_the_start() {
    let rules = rules(r#"sum(count_over_time({service="a"}[5m])) > 0"#, "");
    let mut simulation = Simulation::new(&rules, MINUTE + 1);
    simulation.add([entry(1, "a", "x")]);
    simulation.run_to(2 * MINUTE - 1);
    assert_eq!(simulation.so_far().evaluations, 0);
    simulation.run_to(2 * MINUTE);
    assert_eq!(simulation.so_far().evaluations, 1);
    assert_eq!(simulation.active().len(), 1);
    assert_eq!(Simulation::span(&rules, MINUTE, 2 * MINUTE), Some((-4 * MINUTE, 2 * MINUTE)));
}
