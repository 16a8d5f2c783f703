//! Pattern in, message out, resolution out; and what happens when a part fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::Mutex;

use catchment_alert::message::Status;
use catchment_alert::{
    Accumulator, AlertMessage, AlertState, AlertStore, Labels, LeafId, MemoryAlerts, MemoryNotifier,
    MemoryPartials, Notifier, Partial, PartialStore, RuleFile, RuleId, RuleSet, StoredWindow, Written,
};
use catchment_evaluate::handler::{Evaluator, MAX_DUE_TIMES, stack_of};
use catchment_evaluate::report::Report;

const MINUTE_MS: i64 = 60_000;
const START: i64 = 1_000_000;

fn rules(fields: &str) -> RuleSet {
    let text = format!(
        "groups:\n- name: g\n{fields}  rules:\n  - alert: A\n    expr: sum by (service) (count_over_time({{a=\"b\"}}[5m])) > 5\n    annotations: {{summary: '{{{{ $value }}}} at {{{{ $labels.service }}}}'}}\n"
    );
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

#[derive(Default)]
struct World {
    partials: MemoryPartials,
    alerts: MemoryAlerts,
    notifier: MemoryNotifier,
}

impl World {
    async fn lines(&self, rules: &RuleSet, service: &str, minute: i64, count: u64) {
        let partial = Partial {
            leaf: rules.rules().next().unwrap().leaves[0].id.clone(),
            bucket_end_ms: (START + minute) * MINUTE_MS,
            series: vec![(Labels::from_iter([("service", service)]), Accumulator::Count(count))],
            errors: None,
            cut_series: 0,
            samples: Vec::new(),
            expires_at_s: i64::MAX,
        };
        self.partials.record(service, &[partial]).await.unwrap();
    }

    async fn tick(&self, rules: &RuleSet, minute: i64) -> Report {
        let now_ms = (START + minute) * MINUTE_MS + 1_500;
        Evaluator::new(Borrowed(&self.partials), Borrowed(&self.alerts), Borrowed(&self.notifier))
            .run(rules, now_ms, "demo")
            .await
    }

    fn told(&self) -> Vec<(Status, String)> {
        self.notifier.published().into_iter().map(|m| (m.status, m.summary)).collect()
    }
}

/// The ports by reference, so that each tick is an invocation of its own, and
/// giving way at each call, so that two ticks at once interleave.
struct Borrowed<'a, T>(&'a T);

impl<T: PartialStore> PartialStore for Borrowed<'_, T> {
    type Error = T::Error;
    async fn record(&self, batch_id: &str, partials: &[Partial]) -> Result<(), T::Error> {
        tokio::task::yield_now().await;
        self.0.record(batch_id, partials).await
    }
    async fn window(&self, leaf: &LeafId, from_ms: i64, to_ms: i64) -> Result<StoredWindow, T::Error> {
        tokio::task::yield_now().await;
        self.0.window(leaf, from_ms, to_ms).await
    }
}

impl<T: AlertStore> AlertStore for Borrowed<'_, T> {
    type Error = T::Error;
    async fn states(&self, rule: &RuleId) -> Result<Vec<AlertState>, T::Error> {
        tokio::task::yield_now().await;
        self.0.states(rule).await
    }
    async fn save(&self, state: &AlertState) -> Result<Written, T::Error> {
        tokio::task::yield_now().await;
        self.0.save(state).await
    }
    async fn delete(&self, state: &AlertState) -> Result<Written, T::Error> {
        tokio::task::yield_now().await;
        self.0.delete(state).await
    }
    async fn cursor(&self, group: &str) -> Result<Option<i64>, T::Error> {
        tokio::task::yield_now().await;
        self.0.cursor(group).await
    }
    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, T::Error> {
        tokio::task::yield_now().await;
        self.0.advance_cursor(group, to_ms).await
    }
}

impl<T: Notifier> Notifier for Borrowed<'_, T> {
    type Error = T::Error;
    async fn publish(&self, message: &AlertMessage) -> Result<(), T::Error> {
        tokio::task::yield_now().await;
        self.0.publish(message).await
    }
}

#[tokio::test]
async fn an_alert_fires_once_and_is_told_when_it_is_over() {
    let (world, rules) = (World::default(), rules(""));
    world.lines(&rules, "api", 0, 5).await;
    world.lines(&rules, "auth", 0, 6).await;
    let report = world.tick(&rules, 0).await;
    assert_eq!((report.rules_evaluated, report.alerts_firing, report.notifications_sent), (1, 1, 1));
    assert_eq!(world.tick(&rules, 0).await, Report::default(), "the same time again does nothing");
    for minute in 1..5 {
        assert_eq!(world.tick(&rules, minute).await.notifications_sent, 0, "{minute}");
    }
    let over = world.tick(&rules, 5).await;
    assert_eq!(
        (over.alerts_resolved, over.notifications_sent),
        (1, 1),
        "the window (T-5m, T] is past the lines"
    );
    let text = "6 at auth".to_owned();
    assert_eq!(world.told(), [(Status::Firing, text.clone()), (Status::Resolved, text)]);
}

#[tokio::test]
async fn a_notification_that_fails_is_published_at_the_next_tick() {
    let (world, rules) = (World::default(), rules(""));
    world.lines(&rules, "api", 0, 6).await;
    world.notifier.fail_next(2);
    let report = world.tick(&rules, 0).await;
    assert_eq!((report.alerts_firing, report.notifications_failed), (1, 1));
    assert_eq!(world.tick(&rules, 1).await.notifications_failed, 1);
    // The condition no longer holds by now: first the alert is told, then that it is over.
    assert_eq!(world.tick(&rules, 6).await.notifications_sent, 2);
    assert_eq!(
        world.told().iter().map(|(status, _)| *status).collect::<Vec<_>>(),
        [Status::Firing, Status::Resolved]
    );
}

#[tokio::test]
async fn missed_ticks_are_caught_up_on_within_a_bound() {
    let (world, rules) = (World::default(), rules(""));
    world.tick(&rules, 0).await;
    world.lines(&rules, "api", 1, 6).await;
    let report = world.tick(&rules, 10).await;
    assert_eq!((report.rules_evaluated, report.alerts_firing, report.alerts_resolved), (10, 1, 1));
    let report = world.tick(&rules, 110).await;
    assert_eq!(report.rules_evaluated, MAX_DUE_TIMES as u64);
    assert_eq!(report.evaluations_skipped, 100 - MAX_DUE_TIMES as u64);
}

#[tokio::test]
async fn a_rule_over_its_limit_is_cut_at_it_and_counted() {
    let (world, rules) = (World::default(), rules("  limit: 1\n"));
    world.lines(&rules, "api", 0, 6).await;
    world.lines(&rules, "auth", 0, 6).await;
    let report = world.tick(&rules, 0).await;
    assert_eq!((report.rules_failed, report.alerts_firing), (1, 1));
    assert_eq!(world.told(), [(Status::Firing, "6 at api".to_owned())], "the one whose labels come first");
    assert_eq!(world.tick(&rules, 0).await, Report::default(), "trying again would not help");
}

#[tokio::test]
async fn a_window_ends_before_the_clock_by_the_query_offset() {
    let (world, rules) = (World::default(), rules("  query_offset: 1m\n"));
    world.lines(&rules, "api", 1, 6).await;
    assert_eq!(world.tick(&rules, 1).await.alerts_firing, 0);
    assert_eq!(world.tick(&rules, 2).await.alerts_firing, 1);
}

/// Alert states whose reads can be made to fail.
#[derive(Default)]
struct Flaky {
    alerts: MemoryAlerts,
    broken: Mutex<bool>,
}

#[derive(Debug)]
struct Broken;
impl std::fmt::Display for Broken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("broken")
    }
}
impl std::error::Error for Broken {}

impl AlertStore for Flaky {
    type Error = Broken;
    async fn states(&self, rule: &RuleId) -> Result<Vec<AlertState>, Broken> {
        if *self.broken.lock().unwrap() {
            return Err(Broken);
        }
        self.alerts.states(rule).await.map_err(|_| Broken)
    }
    async fn save(&self, state: &AlertState) -> Result<Written, Broken> {
        self.alerts.save(state).await.map_err(|_| Broken)
    }
    async fn delete(&self, state: &AlertState) -> Result<Written, Broken> {
        self.alerts.delete(state).await.map_err(|_| Broken)
    }
    async fn cursor(&self, group: &str) -> Result<Option<i64>, Broken> {
        self.alerts.cursor(group).await.map_err(|_| Broken)
    }
    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, Broken> {
        self.alerts.advance_cursor(group, to_ms).await.map_err(|_| Broken)
    }
}

#[tokio::test]
async fn a_time_at_which_the_store_failed_is_evaluated_later() {
    let (world, flaky, rules) = (World::default(), Flaky::default(), rules(""));
    world.lines(&rules, "api", 1, 6).await;
    let tick = async |minute: i64| {
        let now_ms = (START + minute) * MINUTE_MS;
        let ports = (Borrowed(&world.partials), Borrowed(&flaky), Borrowed(&world.notifier));
        Evaluator::new(ports.0, ports.1, ports.2).run(&rules, now_ms, "demo").await
    };
    tick(0).await;
    *flaky.broken.lock().unwrap() = true;
    assert_eq!(tick(1).await.rules_failed, 1);
    *flaky.broken.lock().unwrap() = false;
    let report = tick(7).await;
    assert_eq!((report.rules_evaluated, report.alerts_firing, report.alerts_resolved), (7, 1, 1));
}

#[tokio::test]
async fn two_evaluators_at_one_time_tell_it_once() {
    let (world, rules) = (World::default(), rules(""));
    world.lines(&rules, "api", 0, 6).await;
    tokio::join!(world.tick(&rules, 0), world.tick(&rules, 0));
    assert_eq!(world.told().len(), 1);
}

#[test]
fn the_stack_is_in_the_functions_name() {
    assert_eq!(stack_of("arn:aws:lambda:eu-west-1:123456789012:function:logs-prod-evaluate"), "logs-prod");
    assert_eq!(stack_of("evaluate"), "evaluate");
}
