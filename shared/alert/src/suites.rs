//! What every implementation of the ports must do. The in-memory twins and the
//! AWS adapters run the same functions, on stores of their own.

#![allow(clippy::expect_used)]

use std::collections::BTreeMap;

use catchment_logql::Series;

use crate::group::RuleId;
use crate::message::{AlertMessage, AlertedSeries, Links, Status};
use crate::partial::Partial;
use crate::ports::{AlertStore, PartialStore, Written};
use crate::state::{AlertState, Phase};

const MINUTE_MS: i64 = 60_000;
/// A time with as many digits as today's.
const START_MS: i64 = 1_700_000_040_000;

fn series(service: &str) -> Series {
    Series::new([("service", service)])
}

fn partial(rule: &RuleId, service: &str, minute: i64, value: f64) -> Partial {
    let bucket_end_ms = START_MS + minute * MINUTE_MS;
    Partial {
        rule: rule.clone(),
        series: series(service),
        bucket_end_ms,
        value,
        expires_at_s: i64::from(i32::MAX) * 2,
    }
}

/// Partials: windows are `(from, to]`, batches add up, a replay changes nothing.
/// `salt` keeps runs on one table apart.
pub async fn partial_store<S: PartialStore>(store: &S, salt: &str) {
    let (rule, other) = (RuleId::new(salt, "A", "x"), RuleId::new(salt, "B", "x"));
    let window = async |rule: &RuleId, from: i64, to: i64| {
        let (from, to) = (START_MS + from * MINUTE_MS, START_MS + to * MINUTE_MS);
        store.window(rule, from, to).await.expect("the store answers")
    };
    assert_eq!(window(&rule, 0, 5).await, [], "nothing is recorded yet");

    let first = [
        partial(&rule, "api", 1, 2.0),
        partial(&rule, "api", 2, 3.5),
        partial(&rule, "auth", 2, 1.0),
        partial(&other, "api", 2, 100.0),
    ];
    for batch in ["batch-1", "batch-1", "batch-2"] {
        store.record(batch, &first).await.expect("the store records");
    }
    let expected = [(series("api"), 11.0), (series("auth"), 2.0)];
    assert_eq!(window(&rule, 0, 2).await, expected, "two batches, the replay not counted");
    assert_eq!(window(&rule, 1, 2).await, [(series("api"), 7.0), (series("auth"), 2.0)]);
    assert_eq!(window(&rule, 0, 1).await, [(series("api"), 4.0)], "the end is included");
    assert_eq!(window(&rule, 2, 9).await, [], "the start is not");
    assert_eq!(window(&other, 0, 9).await, [(series("api"), 200.0)], "rules are apart");

    // More than one write request and one page of keys.
    let many: Vec<Partial> = (0..60).map(|n| partial(&rule, &format!("service-{n:02}"), 20, 1.0)).collect();
    store.record("batch-3", &many).await.expect("the store records");
    assert_eq!(window(&rule, 19, 20).await.len(), 60);
    store.record("batch-4", &[]).await.expect("an empty batch is fine");
}

/// Alert states and cursors: every write names the version it replaces.
pub async fn alert_store<S: AlertStore>(store: &S, salt: &str) {
    let rule = RuleId::new(salt, "A", "x");
    let states = async || store.states(&rule).await.expect("the store answers");
    let save = async |state: &AlertState| store.save(state).await.expect("the store answers");
    assert_eq!(states().await, []);

    let first = AlertState {
        rule: rule.clone(),
        series: series("api"),
        phase: Phase::Pending,
        active_at_ms: START_MS,
        fired_at_ms: None,
        quiet_since_ms: None,
        evaluated_ms: START_MS,
        value: 6.25,
        outbox: None,
        version: 1,
    };
    assert_eq!(save(&first).await, Written::Done);
    assert_eq!(save(&first).await, Written::Conflict, "it is there already");
    assert_eq!(states().await, std::slice::from_ref(&first));

    let second = AlertState {
        phase: Phase::Firing,
        fired_at_ms: Some(START_MS + MINUTE_MS),
        quiet_since_ms: Some(START_MS + 2 * MINUTE_MS),
        outbox: Some(message()),
        version: 2,
        ..first.clone()
    };
    assert_eq!(save(&second).await, Written::Done);
    assert_eq!(save(&second).await, Written::Conflict, "two evaluators cannot both write");
    assert_eq!(states().await, std::slice::from_ref(&second), "every field comes back");

    let elsewhere = AlertState { series: series("auth"), ..first.clone() };
    assert_eq!(save(&elsewhere).await, Written::Done);
    assert_eq!(states().await.len(), 2, "series are apart");

    let delete = async |state: &AlertState| store.delete(state).await.expect("the store answers");
    assert_eq!(delete(&first).await, Written::Conflict, "version 1 is not there any more");
    assert_eq!(delete(&second).await, Written::Done);
    assert_eq!(delete(&second).await, Written::Conflict, "it is gone");
    assert_eq!(states().await, [elsewhere]);

    let cursor = async || store.cursor(salt).await.expect("the store answers");
    let advance = async |to| store.advance_cursor(salt, to).await.expect("the store answers");
    assert_eq!(cursor().await, None);
    assert_eq!(advance(START_MS).await, Written::Done);
    assert_eq!(advance(START_MS).await, Written::Conflict, "done already");
    assert_eq!(advance(START_MS - MINUTE_MS).await, Written::Conflict, "it never goes back");
    assert_eq!(advance(START_MS + MINUTE_MS).await, Written::Done);
    assert_eq!(cursor().await, Some(START_MS + MINUTE_MS));
}

fn message() -> AlertMessage {
    AlertMessage {
        id: "0123456789abcdef".to_owned(),
        name: "A".to_owned(),
        group: "g".to_owned(),
        description: "with \"quotes\" and ü".to_owned(),
        summary: String::new(),
        severity: "critical".to_owned(),
        status: Status::Firing,
        condition: "x > 1".to_owned(),
        threshold: None,
        labels: BTreeMap::from([("service".to_owned(), "api".to_owned())]),
        annotations: BTreeMap::new(),
        series: vec![AlertedSeries {
            labels: BTreeMap::from([("service".to_owned(), "api".to_owned())]),
            value: 6.25,
            peak: Some(f64::INFINITY),
            fired_at: "2026-01-01T00:00:00Z".to_owned(),
            resolved_at: None,
        }],
        more: 2,
        since: "2026-01-01T00:00:00Z".to_owned(),
        resolved_at: None,
        samples: vec!["a line".to_owned()],
        links: Links { command: Some("catchment query 'x'".to_owned()), console: None, runbook: None },
        stack: "demo".to_owned(),
    }
}
