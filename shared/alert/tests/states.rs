//! The state machine against Loki's semantics, one character an evaluation:
//! `x` the condition holds, `.` it does not; expected: `-` inactive, `p`
//! pending, `F` firing (notified), `f` firing, `R` resolved (notified).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_alert::message::Status;
use catchment_alert::{AlertState, Labels, Phase, RuleFile, RuleSet, Step, next_states};

const MINUTE_MS: i64 = 60_000;

fn rules(fields: &str) -> RuleSet {
    let text = format!(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: count_over_time({{a=\"b\"}}[5m]) > 5\n{fields}"
    );
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

fn series() -> Labels {
    Labels::from_iter([("service", "api")])
}

fn run(fields: &str, input: &str) -> String {
    let rules = rules(fields);
    let (group, rule) = (&rules.groups()[0], &rules.groups()[0].rules[0]);
    let mut state: Option<AlertState> = None;
    let mut seen = String::new();
    for (n, c) in (1..).zip(input.chars()) {
        let values = if c == 'x' { vec![(series(), 7.0)] } else { Vec::new() };
        let steps = next_states(group, rule, state.iter().cloned().collect(), values, n * MINUTE_MS, "demo");
        let mut told = None;
        match steps.into_iter().next() {
            Some(Step::Save(next)) => {
                told = next.outbox.as_ref().map(|message| message.status);
                state = if told.is_some() { next.told() } else { Some(next) };
            }
            Some(Step::Forget(_)) => state = None,
            None => {}
        }
        seen.push(match (told, state.as_ref().map(|state| state.phase)) {
            (Some(Status::Firing), _) => 'F',
            (Some(Status::Resolved), None) => 'R',
            (None, None) => '-',
            (None, Some(Phase::Pending)) => 'p',
            (None, Some(Phase::Firing)) => 'f',
            other => panic!("{other:?}"),
        });
    }
    seen
}

#[test]
fn series_go_through_their_phases_as_in_loki() {
    for (fields, input, expected) in [
        ("", "x.x", "FRF"),
        ("    for: 0m\n", "xx.", "FfR"),
        // `for: 5m` at 1m: the sixth true evaluation in a row.
        ("    for: 5m\n", "xxxxxxx.", "pppppFfR"),
        ("    for: 5m\n", "xxxxx.xxxxxx", "ppppp-pppppF"),
        ("    for: 90s\n", "xxx", "ppF"),
        ("    keep_firing_for: 2m\n", "x..x...", "FfffffR"),
        ("    keep_firing_for: 2m\n", "x....", "FffR-"),
        ("    for: 1m\n", "..", "--"),
    ] {
        assert_eq!(run(fields, input), expected, "{fields}{input}");
    }
}

#[test]
fn the_same_time_twice_and_an_unsent_notification_change_nothing() {
    let rules = rules("");
    let (group, rule) = (&rules.groups()[0], &rules.groups()[0].rules[0]);
    let step = |states, values, at| next_states(group, rule, states, values, at, "demo");
    let Step::Save(firing) = step(vec![], vec![(series(), 7.0)], MINUTE_MS).remove(0) else { panic!() };
    assert_eq!((firing.phase, firing.version), (Phase::Firing, 1));
    assert_eq!(step(vec![firing.clone()], vec![], 2 * MINUTE_MS), [], "it owes a notification");
    let told = firing.told().unwrap();
    assert_eq!((told.version, &told.outbox), (2, &None));
    assert_eq!(step(vec![told.clone()], vec![], MINUTE_MS), [], "this time is done");
    let Step::Save(resolved) = step(vec![told], vec![], 2 * MINUTE_MS).remove(0) else { panic!() };
    assert_eq!(resolved.told(), None);
    let (on, over) = (firing.outbox.unwrap(), resolved.outbox.unwrap());
    assert_eq!(on.id, over.id, "both are about one alert");
    assert_eq!(on.since, "1970-01-01T00:01:00Z");
    assert_eq!(over.resolved_at.as_deref(), Some("1970-01-01T00:02:00Z"));
    assert_eq!((over.series[0].value, over.threshold), (7.0, Some(5.0)));
}

#[test]
fn due_times_are_multiples_of_the_interval_after_the_last_one() {
    let rules = rules("");
    let due = |done, now| rules.groups()[0].due(done, now, 3);
    assert_eq!(due(None, 150_000), (vec![120_000], 0), "a new group starts with the latest");
    assert_eq!(due(Some(120_000), 179_999), (vec![], 0));
    assert_eq!(due(Some(120_000), 180_000), (vec![180_000], 0));
    assert_eq!(due(Some(120_000), 240_001), (vec![180_000, 240_000], 0));
    assert_eq!(due(Some(0), 360_000), (vec![240_000, 300_000, 360_000], 3), "older ones are counted");
    assert_eq!(due(Some(360_000), 120_000), (vec![], 0), "a clock that went back");
}
