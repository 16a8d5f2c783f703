//! The state machine against Loki's semantics, one character an evaluation:
//! `x` the condition holds, `.` it does not; expected: `-` inactive, `p`
//! pending, `F` firing (told), `f` firing, `R` resolved (told).

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_alert::message::Status;
use catchment_alert::{
    Evaluated, Flapping, Group, Look, MAX_SERIES, MAX_STATE_BYTES, Matchers, Muted, Mutes, Notice,
    NotifySettings, Phase, RuleFile, RuleSet, RuleState, Silence,
};
use catchment_logql::Labels;

const MINUTE_MS: i64 = 60_000;

fn rules(fields: &str) -> RuleSet {
    rules_of("", fields)
}

fn rules_of(group: &str, fields: &str) -> RuleSet {
    let text = format!(
        "groups:\n- name: g\n{group}  rules:\n  - alert: A\n    expr: count_over_time({{a=\"b\"}}[5m]) > 5\n{fields}"
    );
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

fn labels(pairs: &[(&str, &str)]) -> Labels {
    Labels::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
}

fn api() -> Labels {
    labels(&[("service", "api")])
}

fn values(samples: &[(Labels, f64)]) -> Evaluated {
    Evaluated { values: samples.to_vec(), ..Evaluated::default() }
}

/// A rule's state as evaluations move it on.
struct Machine {
    rules: RuleSet,
    state: RuleState,
    settings: NotifySettings,
    silences: Vec<Silence>,
}

impl Machine {
    fn new(rules: RuleSet) -> Self {
        let state = RuleState::new(&rules.groups()[0], &rules.groups()[0].rules[0]);
        Self { rules, state, settings: NotifySettings::default(), silences: Vec::new() }
    }

    fn group(&self) -> Group {
        self.rules.groups()[0].clone()
    }

    fn look(&mut self, samples: &[(Labels, f64)], at_ms: i64, look: Look) -> Vec<Notice> {
        let group = self.group();
        let advanced = self.state.advance(&group.rules[0], &values(samples), at_ms, look);
        assert_eq!(advanced.cut, 0);
        let mutes = Mutes::new(&self.silences, [&self.state], at_ms);
        self.state.settle(&mutes, &self.settings, at_ms).0
    }

    fn tick(&mut self, services: &[&str], minute: i64) -> Vec<(Status, Vec<String>)> {
        let samples: Vec<_> = services.iter().map(|name| (labels(&[("service", name)]), 7.0)).collect();
        told(&self.look(&samples, minute * MINUTE_MS, Look::Tick))
    }

    fn silence(&mut self, from_minute: i64, to_minute: i64) {
        let matchers = Matchers::parse("service=\"api\"").unwrap();
        let (from, to) = (from_minute * MINUTE_MS, to_minute * MINUTE_MS);
        self.silences.push(Silence::new(matchers, from, to, "ada", ""));
    }
}

fn told(notices: &[Notice]) -> Vec<(Status, Vec<String>)> {
    let service = |labels: &Labels| labels.get("service").unwrap_or_default().to_owned();
    let services = |notice: &Notice| notice.series.iter().map(|state| service(&state.labels)).collect();
    notices.iter().map(|notice| (notice.status, services(notice))).collect()
}

fn about(status: Status, services: &[&str]) -> (Status, Vec<String>) {
    (status, services.iter().map(|name| (*name).to_owned()).collect())
}

fn run(fields: &str, input: &str) -> String {
    let mut machine = Machine::new(rules(fields));
    let mut seen = String::new();
    for (minute, c) in (1..).zip(input.chars()) {
        let samples: &[&str] = if c == 'x' { &["api"] } else { &[] };
        let told = machine.tick(samples, minute);
        let phase = machine.state.series.first().map(|state| state.phase);
        seen.push(match (told.first().map(|(status, _)| *status), phase) {
            (Some(Status::Firing), _) => 'F',
            (Some(Status::Resolved), _) => 'R',
            (None, None | Some(Phase::Resolved)) => '-',
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
        // What was pending and is gone is not told.
        ("    for: 2m\n", "xx.xx.", "pp-pp-"),
    ] {
        assert_eq!(run(fields, input), expected, "{fields}{input}");
    }
}

#[test]
fn series_that_change_together_are_one_message_and_one_thread() {
    let mut machine = Machine::new(rules(""));
    assert_eq!(machine.tick(&["api", "auth"], 1), [about(Status::Firing, &["api", "auth"])]);
    let thread = machine.state.thread.clone().unwrap();
    // One more, and one that is over: what is over is told last, in the same thread.
    let samples = [(labels(&[("service", "auth")]), 7.0), (labels(&[("service", "web")]), 7.0)];
    let notices = machine.look(&samples, 2 * MINUTE_MS, Look::Tick);
    assert_eq!(told(&notices), [about(Status::Firing, &["web"]), about(Status::Resolved, &["api"])]);
    assert!(notices.iter().all(|notice| notice.thread == thread));
    assert_eq!(machine.tick(&[], 3), [about(Status::Resolved, &["auth", "web"])]);
    assert_eq!(machine.state.thread, None);
    machine.tick(&["api"], 40);
    assert_ne!(machine.state.thread.unwrap(), thread, "another time is another thread");
}

#[test]
fn a_time_that_is_done_changes_nothing() {
    let mut machine = Machine::new(rules(""));
    machine.tick(&["api"], 2);
    let before = machine.state.clone();
    assert_eq!(machine.tick(&[], 2), []);
    assert_eq!(machine.tick(&["auth"], 1), [], "late news is no news");
    assert_eq!(machine.state, before);
}

#[test]
fn a_message_says_since_when_how_bad_and_for_how_long() {
    let mut machine = Machine::new(rules("    for: 1m\n    labels: {severity: critical}\n"));
    machine.look(&[(api(), 7.0)], MINUTE_MS, Look::Tick);
    machine.look(&[(api(), 9.0)], 2 * MINUTE_MS, Look::Tick);
    machine.look(&[(api(), 6.0)], 3 * MINUTE_MS, Look::Tick);
    let notices = machine.look(&[], 4 * MINUTE_MS, Look::Tick);
    let group = machine.group();
    let message = notices[0].message(&group, &group.rules[0], &[], &Default::default());
    assert_eq!((message.status, message.severity.as_str()), (Status::Resolved, "critical"));
    assert_eq!(message.since, "1970-01-01T00:02:00Z");
    assert_eq!(message.resolved_at.as_deref(), Some("1970-01-01T00:04:00Z"));
    assert_eq!((message.series[0].value, message.series[0].peak), (6.0, Some(9.0)));
}

#[test]
fn more_series_than_are_kept_are_cut_and_those_that_are_known_stay() {
    let mut machine = Machine::new(rules(""));
    machine.tick(&["zzz"], 1);
    let group = machine.group();
    let many: Vec<_> = (0..MAX_SERIES)
        .map(|n| (labels(&[("service", &format!("s{n:04}"))]), 7.0))
        .chain([(labels(&[("service", "zzz")]), 7.0)])
        .collect();
    let advanced = machine.state.advance(&group.rules[0], &values(&many), 2 * MINUTE_MS, Look::Tick);
    assert_eq!((advanced.cut, machine.state.series.len()), (1, MAX_SERIES));
    assert_eq!(machine.state.series.last().unwrap().labels.get("service"), Some("zzz"));
    assert_eq!(machine.state.series.last().unwrap().phase, Phase::Firing);

    let mut machine = Machine::new(rules(""));
    let long = "x".repeat(MAX_STATE_BYTES / 4);
    let wide: Vec<_> = (0..3).map(|n| (labels(&[("service", &format!("{n}{long}"))]), 7.0)).collect();
    let advanced = machine.state.advance(&group.rules[0], &values(&wide), MINUTE_MS, Look::Tick);
    assert_eq!((advanced.cut, machine.state.series.len()), (2, 1), "labels are kept twice");
    assert!(serde_json::to_string(&machine.state).unwrap().len() < MAX_STATE_BYTES);
}

#[test]
fn while_series_are_cut_what_is_not_there_is_not_over() {
    let mut machine = Machine::new(rules(""));
    machine.tick(&["api"], 1);
    let rule = machine.group().rules[0].clone();
    let cut = Evaluated { cut_series: 1, ..Evaluated::default() };
    assert_eq!(machine.state.advance(&rule, &cut, 2 * MINUTE_MS, Look::Tick).changes, []);
    assert_eq!(machine.state.series[0].phase, Phase::Firing);
    assert_eq!(machine.tick(&[], 3), [about(Status::Resolved, &["api"])]);
}

#[test]
fn a_peek_begins_an_alert_and_never_ends_one() {
    let mut machine = Machine::new(rules("    for: 1m\n"));
    let at = MINUTE_MS + 10_000;
    assert_eq!(machine.look(&[(api(), 7.0)], at, Look::Peek), []);
    assert_eq!((machine.state.series[0].phase, machine.state.evaluated_ms), (Phase::Pending, i64::MIN));
    assert_eq!(machine.look(&[], at + 1_000, Look::Peek), []);
    assert_eq!(machine.state.series.len(), 1, "what a peek does not see may be there in a moment");
    // An evaluation of a time before that knows less.
    assert_eq!(machine.look(&[], MINUTE_MS, Look::Tick), []);
    assert_eq!(machine.state.series[0].phase, Phase::Pending);
    let rule = machine.group().rules[0].clone();
    assert_eq!(machine.state.next_due(&rule, 2 * MINUTE_MS), Some(at + MINUTE_MS));
    assert_eq!(machine.state.next_due(&rule, at + MINUTE_MS), None);
    machine.look(&[(api(), 7.0)], 2 * MINUTE_MS, Look::Tick);
    assert_eq!(machine.state.series[0].phase, Phase::Pending, "50 s are no minute");
    let notices = machine.look(&[(api(), 7.0)], at + MINUTE_MS, Look::Peek);
    assert_eq!(told(&notices), [about(Status::Firing, &["api"])]);
    assert_eq!(machine.tick(&["api"], 3), []);
    assert_eq!(machine.tick(&[], 4), [about(Status::Resolved, &["api"])]);
}

#[test]
fn what_stays_is_told_again_after_the_repeat_interval() {
    let mut machine = Machine::new(rules(""));
    machine.tick(&["api"], 1);
    assert_eq!(machine.tick(&["api", "auth"], 10), [about(Status::Firing, &["auth"])]);
    assert_eq!(machine.tick(&["api", "auth"], 240), []);
    // One message about all of them, so that they do not repeat one by one.
    assert_eq!(machine.tick(&["api", "auth"], 241), [about(Status::Repeated, &["api", "auth"])]);
    assert_eq!(machine.tick(&["api", "auth"], 480), []);
    machine.settings.repeat_interval_ms = 0;
    assert_eq!(machine.tick(&["api", "auth"], 1_000), [], "0 repeats nothing");
}

#[test]
fn while_silenced_nothing_is_told_and_then_what_is_still_so() {
    let mut machine = Machine::new(rules(""));
    machine.silence(1, 5);
    assert_eq!(machine.tick(&["api", "auth"], 1), [about(Status::Firing, &["auth"])]);
    assert!(matches!(machine.state.series[0].muted, Some(Muted::Silenced(_))));
    assert_eq!(machine.state.series[0].phase, Phase::Firing, "the state goes on");
    assert_eq!(machine.tick(&["api", "auth"], 4), []);
    let notices =
        machine.look(&[(api(), 7.0), (labels(&[("service", "auth")]), 7.0)], 5 * MINUTE_MS, Look::Tick);
    assert_eq!(told(&notices), [about(Status::Firing, &["api"])]);
    assert_eq!(notices[0].series[0].since_ms(), MINUTE_MS, "since it began, not since the silence ended");

    // What came and went in silence is not told at all.
    let mut machine = Machine::new(rules(""));
    machine.silence(1, 5);
    assert!(machine.tick(&["api"], 1).is_empty() && machine.tick(&[], 2).is_empty());
    assert_eq!(machine.tick(&[], 6), []);

    // Who was told that it is on is told that it is over.
    let mut machine = Machine::new(rules(""));
    machine.silence(2, 5);
    machine.tick(&["api"], 1);
    assert_eq!(machine.tick(&[], 2), []);
    assert_eq!(machine.tick(&[], 5), [about(Status::Resolved, &["api"])]);
}

#[test]
fn the_lesser_is_muted_by_the_greater_and_told_when_that_is_over() {
    let mut machine = Machine::new(rules(""));
    let severity = |severity| labels(&[("service", "api"), ("severity", severity)]);
    let elsewhere = labels(&[("service", "auth"), ("severity", "warning")]);
    let all = [(severity("critical"), 7.0), (severity("warning"), 7.0), (elsewhere.clone(), 7.0)];
    let notices = machine.look(&all, MINUTE_MS, Look::Tick);
    assert_eq!(told(&notices), [about(Status::Firing, &["api", "auth"])], "only the same service is muted");
    assert_eq!(notices[0].series[0].labels.get("severity"), Some("critical"));
    assert_eq!(machine.state.series[1].muted, Some(Muted::Inhibited("A (critical, api)".into())));
    let notices = machine.look(&all[1..], 2 * MINUTE_MS, Look::Tick);
    assert_eq!(
        told(&notices),
        [about(Status::Firing, &["api"]), about(Status::Resolved, &["api"])],
        "the warning, and the end of the critical one"
    );
    machine.settings.inhibit_lesser = false;
    assert_eq!(machine.look(&all, 3 * MINUTE_MS, Look::Tick).len(), 1, "the critical one");
}

#[test]
fn alertmanagers_inhibit_rules_mute_too() {
    let text = "inhibit_lesser: false\ninhibit_rules:\n- source_matchers: ['kind=\"down\"']\n  target_matchers: ['kind=~\".+\"']\n  equal: [service]\n";
    let file = RuleFile { name: "notify.yaml".into(), text: text.into() };
    let mut machine = Machine::new(rules(""));
    machine.settings = NotifySettings::parse(&file).unwrap();
    let kind = |kind| (labels(&[("service", "api"), ("kind", kind)]), 7.0);
    let notices = machine.look(&[kind("down"), kind("slow")], MINUTE_MS, Look::Tick);
    // What is on both sides cannot mute what is on both sides: "down" is told.
    assert_eq!(notices[0].series.len(), 1);
    assert_eq!(notices[0].series[0].labels.get("kind"), Some("down"));
}

#[test]
fn what_comes_and_goes_is_told_once_and_held_until_it_stays() {
    let mut machine = Machine::new(rules(""));
    let mut statuses = Vec::new();
    for minute in 2..10 {
        let services: &[&str] = if minute % 2 == 0 { &["api"] } else { &[] };
        statuses.extend(machine.tick(services, minute).into_iter().map(|(status, _)| status));
    }
    let (on, over) = (Status::Firing, Status::Resolved);
    assert_eq!(
        statuses,
        [on, over, on, over, on, over, on, Status::Flapping],
        "the fourth end is one too many"
    );
    assert_eq!(machine.state.series[0].muted, Some(Muted::Flapping));
    for minute in 10..22 {
        let services: &[&str] = if minute % 2 == 0 && minute < 14 { &["api"] } else { &[] };
        assert_eq!(machine.tick(services, minute), [], "{minute}");
    }
    // Its last change was at minute 13.
    assert_eq!(machine.tick(&[], 23), [about(over, &["api"])]);
    assert_eq!(machine.tick(&["api"], 24), [about(on, &["api"])], "counting began anew");
}

#[test]
fn what_stays_on_after_flapping_is_told_as_on() {
    let mut machine = Machine::new(rules(""));
    machine.settings.flapping = Flapping { more_than: 1, ..Flapping::default() };
    for (minute, on) in [(1, true), (2, false), (3, true), (4, false)] {
        machine.tick(if on { &["api"] } else { &[] }, minute);
    }
    for minute in 5..15 {
        assert_eq!(machine.tick(&["api"], minute), [], "{minute}");
    }
    assert_eq!(machine.tick(&["api"], 15), [about(Status::Firing, &["api"])]);
    assert_eq!(machine.tick(&[], 16), [about(Status::Resolved, &["api"])]);
}

#[test]
fn a_rule_that_is_gone_ends_what_it_began() {
    let mut machine = Machine::new(rules("    labels: {severity: critical}\n"));
    machine.tick(&["api"], 1);
    let changes = machine.state.retire(30 * MINUTE_MS);
    assert_eq!(changes.len(), 1);
    let (notices, _) = machine.state.settle(&Mutes::default(), &machine.settings, 30 * MINUTE_MS);
    assert_eq!(told(&notices), [about(Status::Resolved, &["api"])]);
    let (group, rule) = machine.state.facts.stand_in().unwrap();
    let message = notices[0].message(&group, &rule, &[], &Default::default());
    assert_eq!((message.name.as_str(), message.severity.as_str()), ("A", "critical"));
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
