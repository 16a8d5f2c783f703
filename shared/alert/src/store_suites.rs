//! What every implementation of the stores of the state machine must do. The
//! in-memory twins and the AWS adapters run the same functions, each on a store
//! of its own.

#![allow(clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use catchment_logql::Labels;

use crate::group::RuleId;
use crate::health::{Ailment, Health};
use crate::history::{HistoryEntry, SeriesChange, Transition};
use crate::inhibit::Muted;
use crate::message::{AlertMessage, AlertedSeries, Links, Status};
use crate::outbox::Owed;
use crate::silence::{Matchers, Silence};
use crate::state::{Phase, RuleFacts, RuleState, SeriesState, Told};
use crate::store::{AlertStore, Parking, PeekBoard, SilenceStore, Written};

/// A time with as many digits as today's.
const START_MS: i64 = 1_700_000_040_000;
const DAY_MS: i64 = 24 * 3_600_000;

fn labels(service: &str) -> Labels {
    Labels::new(vec![("service".to_owned(), service.to_owned())])
}

/// A state in which every field is set, and numbers are those that JSON has not.
fn state(rule: &RuleId, version: u64) -> RuleState {
    let series = SeriesState {
        labels: labels("a\"pi, ü"),
        sample: labels(""),
        phase: Phase::Firing,
        active_at_ms: START_MS,
        seen_ms: START_MS + 1,
        fired_at_ms: Some(START_MS + 2),
        quiet_since_ms: Some(START_MS + 3),
        resolved_at_ms: Some(START_MS + 4),
        value: f64::NEG_INFINITY,
        peak: f64::INFINITY,
        told: Some(Told { at_ms: START_MS + 5, since_ms: START_MS + 6, flapping: true }),
        ends_ms: vec![START_MS, START_MS + 7],
        muted: Some(Muted::Silenced("0123456789ab".to_owned())),
    };
    RuleState {
        rule: rule.clone(),
        facts: RuleFacts {
            group: "g".to_owned(),
            name: "A".to_owned(),
            expr: "x > 1".to_owned(),
            threshold: Some(f64::INFINITY),
        },
        series: vec![series],
        evaluated_ms: START_MS,
        thread: Some("0123456789abcdef".to_owned()),
        health: Health { ailment: Some(Ailment::Cut("501 series".to_owned())), since_ms: START_MS },
        version,
    }
}

fn entry(state: &RuleState, at_ms: i64) -> HistoryEntry {
    let change = SeriesChange { labels: labels("api"), to: Transition::Firing, at_ms, value: 6.25 };
    HistoryEntry {
        rule: state.rule.clone(),
        group: "g".to_owned(),
        name: "A".to_owned(),
        at_ms,
        version: state.version,
        changes: vec![change],
        more: 3,
        reason: Some("because".to_owned()),
    }
}

/// States, outbox, history and cursors: what belongs together is written together,
/// and every write names the version that it replaces.
pub async fn alert_store<S: AlertStore>(store: &S, salt: &str) {
    let (rule, other) = (RuleId::new(salt, "A", "x"), RuleId::new(salt, "B", "x"));
    let states = async || store.states().await.expect("the store answers");
    let owed = async || store.owed().await.expect("the store answers");
    let history = async |from, to| store.history(from, to).await.expect("the store answers");
    assert_eq!(states().await, []);
    assert_eq!(store.state(&rule).await.expect("the store answers"), None);

    let first = state(&rule, 1);
    let save = async |state: &RuleState, owed: &[Owed], entry: Option<&HistoryEntry>| {
        store.save(state, owed, entry).await.expect("the store answers")
    };
    assert_eq!(save(&first, &[], None).await, Written::Done);
    assert_eq!(save(&first, &[], None).await, Written::Conflict, "it is there already");
    assert_eq!(states().await, std::slice::from_ref(&first), "every field comes back");
    assert_eq!(store.state(&rule).await.expect("the store answers"), Some(first));

    let second = state(&rule, 2);
    let messages = Owed::of(&second, vec![message("one"), message("two")], START_MS);
    let told = entry(&second, START_MS);
    assert_eq!(save(&second, &messages, Some(&told)).await, Written::Done);
    assert_eq!(owed().await, messages, "in the order in which they came about");
    assert_eq!(history(START_MS, START_MS).await, std::slice::from_ref(&told));

    let stale = Owed::of(&state(&rule, 3), vec![message("stale")], START_MS);
    let stale = (stale, entry(&second, START_MS + 1));
    assert_eq!(save(&second, &stale.0, Some(&stale.1)).await, Written::Conflict);
    assert_eq!(owed().await, messages, "all of it or nothing");
    assert_eq!(history(START_MS, START_MS).await.len(), 1);

    let elsewhere = state(&other, 1);
    let later = entry(&elsewhere, START_MS + DAY_MS);
    assert_eq!(save(&elsewhere, &[], Some(&later)).await, Written::Done);
    let mut both = vec![second, elsewhere];
    both.sort_by(|a, b| a.rule.cmp(&b.rule));
    assert_eq!(states().await, both);
    assert_eq!(history(START_MS, START_MS).await, std::slice::from_ref(&told), "a day is a day");
    assert_eq!(history(START_MS, START_MS + DAY_MS).await, [told, later], "the oldest first");

    outbox(store, &messages).await;
    cursors(store).await;
}

async fn outbox<S: AlertStore>(store: &S, messages: &[Owed]) {
    let [one, two] = messages else { panic!("two messages") };
    let lease = async |owed: &Owed, until| store.lease(owed, until).await.expect("the store answers");
    assert_eq!(lease(one, START_MS + 9).await, Written::Done);
    assert_eq!(lease(one, START_MS + 10).await, Written::Conflict, "it is leased by another");
    let leased = Owed { leased_until_ms: START_MS + 9, ..one.clone() };
    let there = store.owed().await.expect("the store answers");
    assert_eq!(there, [leased.clone(), two.clone()]);
    assert_eq!(lease(&leased, START_MS + 11).await, Written::Done);
    for _ in 0..2 {
        store.settled(one).await.expect("it may be gone already");
    }
    assert_eq!(lease(&leased, START_MS).await, Written::Conflict, "it is gone");
    assert_eq!(store.owed().await.expect("the store answers"), std::slice::from_ref(two));
}

async fn cursors<S: AlertStore>(store: &S) {
    let all = async || store.cursors().await.expect("the store answers");
    let advance = async |group, to| store.advance_cursor(group, to).await.expect("the store answers");
    assert_eq!(all().await, []);
    assert_eq!(advance("a group", START_MS).await, Written::Done);
    assert_eq!(advance("a group", START_MS).await, Written::Conflict, "done already");
    assert_eq!(advance("a group", START_MS - 1).await, Written::Conflict, "it never goes back");
    assert_eq!(advance("a group", START_MS + 1).await, Written::Done);
    assert_eq!(advance("another", START_MS).await, Written::Done);
    assert_eq!(all().await, [("a group".to_owned(), START_MS + 1), ("another".to_owned(), START_MS)]);
}

/// Silences: one of the same id replaces the other.
pub async fn silence_store<S: SilenceStore>(store: &S) {
    let silences = async || store.silences().await.expect("the store answers");
    assert_eq!(silences().await, []);
    let matchers = Matchers::parse("service=\"a\\\"pi\"").expect("they are matchers");
    let silence = Silence::new(matchers, START_MS, START_MS + 1, "ada", "deploy \"2\"");
    store.put_silence(&silence).await.expect("the store answers");
    assert_eq!(silences().await, std::slice::from_ref(&silence));
    let ended = Silence { ends_ms: START_MS, ..silence };
    store.put_silence(&ended).await.expect("the store answers");
    assert_eq!(silences().await, [ended]);
}

/// Notices: many write on one, and who takes it down gets all of it.
pub async fn peek_board<S: PeekBoard>(store: &S) {
    let [a, b, c] = ["a", "b", "c"].map(|name| RuleId::new("g", name, "x"));
    let set = |rules: &[&RuleId]| rules.iter().map(|rule| (*rule).clone()).collect::<BTreeSet<_>>();
    let announce = async |until, rules| store.announce(until, &rules).await.expect("the store answers");
    let take = async |until| store.take(until).await.expect("the store answers");
    assert_eq!(take(START_MS).await, BTreeSet::new());
    assert!(announce(START_MS, set(&[&a, &b])).await, "the first");
    assert!(!announce(START_MS, set(&[&b, &c])).await);
    assert!(announce(START_MS + 1, set(&[&c])).await, "moments are apart");
    assert_eq!(take(START_MS).await, set(&[&a, &b, &c]));
    assert_eq!(take(START_MS).await, BTreeSet::new(), "it is down");
    assert!(announce(START_MS, set(&[&a])).await, "who comes late is the first again");
}

/// Parking: what is parked comes back as it was.
pub async fn parking<S: Parking>(store: &S) {
    let parked = async || store.parked().await.expect("the store answers");
    assert_eq!(parked().await, []);
    let rule = RuleId::new("g", "A", "x");
    let messages = Owed::of(&state(&rule, 7), vec![message("one"), message("two")], START_MS);
    for owed in messages.iter().chain(&messages) {
        store.park(owed).await.expect("it may be there already");
    }
    assert_eq!(parked().await, messages);
    let [one, two] = messages.as_slice() else { panic!("two messages") };
    for _ in 0..2 {
        store.unpark(one).await.expect("it may be gone already");
    }
    assert_eq!(parked().await, std::slice::from_ref(two));
}

fn message(summary: &str) -> AlertMessage {
    AlertMessage {
        id: "0123456789abcdef".to_owned(),
        name: "A".to_owned(),
        group: "g".to_owned(),
        description: "with \"quotes\" and ü".to_owned(),
        summary: summary.to_owned(),
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
