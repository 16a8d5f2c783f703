//! Recording rules beside alerts, and rules that wait for their history.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use catchment_alert::versions::{History, LeafStart, LeafStarts};
use catchment_alert::{RuleFile, RuleSet};
use world::{MINUTE_MS, START, World};

/// The alert and the record count the same lines, so they share a leaf.
fn rules() -> RuleSet {
    let text = "groups:
- name: g
  rules:
  - alert: A
    expr: sum by (service) (count_over_time({a=\"b\"}[5m])) > 5
  - record: lines:5m
    expr: sum by (service) (count_over_time({a=\"b\"}[5m]))
    labels: {team: a}
  - record: none
    expr: sum by (service) (count_over_time({a=\"b\"}[5m])) / 0 * 0
";
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text: text.into() }]).unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_time_is_recorded_once_with_its_own_timestamp() {
    let (world, rules) = (World::default(), rules());
    world.lines(&rules, "api", 0, 3).await;
    let report = world.tick(&rules, 0).await;
    let [sample] = &report.recorded[..] else { panic!("{:?}", report.recorded) };
    assert_eq!((sample.name.as_str(), sample.value, sample.at_ms), ("lines:5m", 3.0, START * MINUTE_MS));
    let dimensions: Vec<_> = sample.dimensions.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    assert_eq!(dimensions, [("service", "api"), ("team", "a")]);
    assert_eq!(report.records_left_out, 1, "a NaN is no metric");
    assert!(world.tick(&rules, 0).await.recorded.is_empty(), "the same time again");

    let late = world.tick(&rules, 3).await;
    let times: Vec<_> = late.recorded.iter().map(|sample| sample.at_ms / MINUTE_MS - START).collect();
    assert_eq!(times, [1, 2, 3], "what was missed has the time that it was missed at");
}

#[tokio::test(start_paused = true)]
async fn two_invocations_at_once_record_a_time_once() {
    let (world, rules) = (World::default(), rules());
    world.lines(&rules, "api", 0, 3).await;
    let (one, other) = tokio::join!(world.tick(&rules, 0), world.tick(&rules, 0));
    assert_eq!(one.recorded.len() + other.recorded.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_new_rule_is_left_alone_until_its_history_is_there() {
    let world = World::default();
    let leaf = rules().rules().next().unwrap().leaves[0].id.as_str().to_owned();
    let with = |history| {
        let start = LeafStart { since_ms: START * MINUTE_MS, history };
        rules().starting(&LeafStarts::from([(leaf.clone(), start)]))
    };
    let waiting = with(History::Pending);
    world.lines(&waiting, "api", 0, 6).await;
    let report = world.tick(&waiting, 0).await;
    assert_eq!((report.alerts_firing, report.recorded.len()), (0, 0));
    let report = world.tick(&with(History::Loaded), 1).await;
    assert_eq!((report.alerts_firing, report.recorded.len()), (1, 1));
}
