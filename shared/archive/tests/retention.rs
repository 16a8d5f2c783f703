//! Buckets as they should be and as they should not, and what is found in them.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;

use catchment_archive::retention::{
    EXPIRY_TAG, Fault, FaultKind, Holds, LifecycleRule, MAX_FAULTS, Move, Policy, Report, Unexplained,
    Verifier, Version, Versions, check_lifecycle,
};
use catchment_archive::{Expiry, ObjectKey};
use catchment_record::RetentionClass;

const DAY: i64 = 86_400_000;
/// 2026-11-21T00:00:00Z.
const NOW: i64 = 1_795_219_200_000;

/// The template's defaults.
fn policy() -> Policy {
    let parameters = [
        ("ShortRetentionDays", "30"),
        ("ShortInfrequentAccessDays", "0"),
        ("ShortGlacierDays", "0"),
        ("StandardRetentionDays", "90"),
        ("StandardInfrequentAccessDays", "30"),
        ("StandardGlacierDays", "0"),
        ("LongRetentionDays", "2555"),
        ("LongInfrequentAccessDays", "30"),
        ("LongGlacierDays", "90"),
        ("QuarantineRetentionDays", "90"),
    ];
    Policy::from_parameters(|name| {
        parameters.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    })
    .unwrap()
}

fn expires(id: &str, prefix: &str, tagged: bool, days: u32) -> LifecycleRule {
    let (key, value) = EXPIRY_TAG;
    LifecycleRule {
        id: id.to_owned(),
        enabled: true,
        prefix: prefix.to_owned(),
        tags: tagged.then(|| (key.to_owned(), value.to_owned())).into_iter().collect(),
        expiration_days: Some(days),
        ..LifecycleRule::default()
    }
}

fn moves(id: &str, prefix: &str, moves: &[(&str, u32)]) -> LifecycleRule {
    let moves = moves.iter().map(|(class, days)| Move { storage_class: (*class).to_owned(), days: *days });
    LifecycleRule {
        id: id.to_owned(),
        enabled: true,
        prefix: prefix.to_owned(),
        moves: moves.collect(),
        ..LifecycleRule::default()
    }
}

/// The rules of the template.
fn rules() -> Vec<LifecycleRule> {
    vec![
        expires("short", "logs/class=short/", true, 30),
        expires("standard", "logs/class=standard/", true, 90),
        moves("standard-moves", "logs/class=standard/", &[("STANDARD_IA", 30)]),
        expires("long", "logs/class=long/", true, 2555),
        moves("long-moves", "logs/class=long/", &[("STANDARD_IA", 30), ("GLACIER_IR", 90)]),
        expires("quarantine", "quarantine/", false, 90),
        LifecycleRule {
            id: "leftovers".into(),
            enabled: true,
            noncurrent_days: Some(7),
            ..LifecycleRule::default()
        },
    ]
}

#[test]
fn the_rules_of_the_template_are_without_fault() {
    assert_eq!(check_lifecycle(&policy(), &rules()), []);
}

#[test]
fn every_way_in_which_rules_are_not_what_the_parameters_say_is_found() {
    type Change = fn(&mut Vec<LifecycleRule>);
    let cases: [(&str, Change, &[&str]); 11] = [
        (
            "no rules",
            |rules| rules.clear(),
            &[
                "short/: no rule expires",
                "standard/: no rule expires",
                "long/: no rule expires",
                "moves",
                "moves",
                "moves",
                "quarantine/: no rule",
                "no rule removes deleted versions",
            ],
        ),
        (
            "switched off",
            |rules| rules[0].enabled = false,
            &["short/: no rule expires objects with the tag after 30 days"],
        ),
        (
            "another time",
            |rules| rules[0].expiration_days = Some(31),
            &["after 30 days", "the rule \"short\" expires objects after 31 days"],
        ),
        (
            "without the tag",
            |rules| rules[0].tags.clear(),
            &["with the tag after 30 days", "after 30 days, held ones too"],
        ),
        (
            "a rule for all",
            |rules| rules.push(expires("mine", "", false, 400)),
            &[
                "short/: the rule \"mine\"",
                "standard/",
                "long/",
                "quarantine/",
                "expires holds after 400 days",
            ],
        ),
        (
            "a rule for one day",
            |rules| rules.push(expires("mine", "logs/class=long/dt=2026-01-01/", false, 1)),
            &["long/: the rule \"mine\" expires objects after 1 days, held ones too"],
        ),
        (
            "by a date",
            |rules| {
                rules.push(LifecycleRule {
                    expiration_days: None,
                    expiration_date: Some("2027-01-01".into()),
                    ..expires("end", "quarantine/", false, 0)
                })
            },
            &["quarantine/: the rule \"end\" expires objects on 2027-01-01"],
        ),
        (
            "no move",
            |rules| drop(rules.remove(2)),
            &["standard/: no rule moves objects to STANDARD_IA after 30 days"],
        ),
        (
            "a move too many",
            |rules| rules[4].moves.push(Move { days: 180, storage_class: "DEEP_ARCHIVE".into() }),
            &["long/: a rule moves objects to DEEP_ARCHIVE after 180 days, which no parameter asks for"],
        ),
        (
            "a move of tagged ones",
            |rules| rules[2].tags.push(("catchment-expiry".into(), "on".into())),
            &["no rule moves", "which no parameter asks for"],
        ),
        (
            "versions",
            |rules| rules[6].noncurrent_days = Some(30),
            &["deleted versions are removed after 30 days, not 7"],
        ),
    ];
    for (name, change, words) in cases {
        let mut rules = rules();
        change(&mut rules);
        let faults = check_lifecycle(&policy(), &rules);
        let told: Vec<_> = faults.iter().map(|it| format!("{}: {}", it.place, it.message)).collect();
        assert_eq!(told.len(), words.len(), "{name}: {told:#?}");
        for word in words {
            assert!(told.iter().any(|it| it.contains(word)), "{name}: {word} in {told:#?}");
        }
    }
    // The parameters themselves: what moves must have been in STANDARD_IA, and must still be there.
    let mut policy = policy();
    policy.classes[2].moves[1].days = 59;
    policy.classes[1].days = 30;
    let mut rules = rules();
    rules[4].moves[1].days = 59;
    rules[1].expiration_days = Some(30);
    let told: Vec<_> = check_lifecycle(&policy, &rules).into_iter().map(|it| it.message).collect();
    assert_eq!(
        told,
        [
            "STANDARD_IA after 30 days never happens: objects expire after 30 days",
            "GLACIER_IR after 59 days comes less than 30 days after STANDARD_IA after 30 days",
        ]
    );
}

#[test]
fn parameters_that_are_missing_or_no_numbers_are_all_named() {
    let faults = Policy::from_parameters(|name| match name {
        "ShortRetentionDays" => Some("many"),
        "LongGlacierDays" => None,
        _ => Some("1"),
    });
    let faults = faults.unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults[0].contains("ShortRetentionDays is \"many\"")
            && faults[1].contains("no parameter LongGlacierDays")
    );
}

/// A key of an hour of the day `days` before now.
fn key(class: RetentionClass, days: i64) -> ObjectKey {
    let first = NOW - days * DAY;
    let day = jiff::Timestamp::from_millisecond(first).unwrap().to_zoned(jiff::tz::TimeZone::UTC).date();
    ObjectKey::of_merged(class, day, first, first + 1000, &"a".repeat(32))
}

fn written(days: i64) -> Version {
    Version { id: "v".into(), modified_millis: NOW - days * DAY, bytes: 10, is_marker: false }
}

fn marker(days: i64) -> Version {
    Version { is_marker: true, bytes: 0, id: "m".into(), ..written(days) }
}

/// What is said of one object of the class short (30 days): `row_days` ago its rows
/// happened, and its versions are these.
fn seen(holds: &Holds, row_days: i64, versions: &[Version], expiry: Expiry) -> (Report, Option<Unexplained>) {
    let policy = policy();
    let mut verifier = Verifier::new(&policy, holds, NOW);
    let object = Versions { key: key(RetentionClass::Short, row_days), versions: versions.to_vec() };
    let unexplained = verifier.see_log(&object, Some(expiry));
    (verifier.finish(), unexplained)
}

fn kinds(report: &Report) -> Vec<FaultKind> {
    report.faults.iter().map(|fault| fault.kind).collect()
}

fn hold() -> Holds {
    let body = r#"{"class":"short","reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#;
    Holds::parse([("holds/h.json", body.as_bytes())])
}

#[test]
fn what_should_be_gone_is_overdue_two_days_after_the_midnight_when_it_expires() {
    let none = Holds::default();
    // Written at midnight 30 days before the midnight at which it is due: rounded up to
    // the next, due 31 days after it was written; late from the 33rd on.
    for (age, expected) in [(30, vec![]), (33, vec![]), (34, vec![FaultKind::Overdue])] {
        let (report, _) = seen(&none, age, &[written(age)], Expiry::On);
        assert_eq!(kinds(&report), expected, "{age}");
        let totals = &report.classes[&RetentionClass::Short];
        assert_eq!((totals.objects, totals.bytes, totals.held, totals.days.len()), (1, 10, 0, 1));
    }
    assert_eq!(kinds(&seen(&hold(), 400, &[written(400)], Expiry::Held).0), [], "held");
    // History that was brought in late is kept from then on.
    let (report, _) = seen(&none, 400, &[written(1)], Expiry::On);
    assert_eq!((kinds(&report), report.classes[&RetentionClass::Short].written_late), (vec![], 1));
}

#[test]
fn tags_are_what_the_holds_say() {
    let none = Holds::default();
    let now = [written(1)];
    assert_eq!(kinds(&seen(&none, 1, &now, Expiry::Held).0), [FaultKind::Untagged]);
    assert_eq!(kinds(&seen(&hold(), 1, &now, Expiry::On).0), [FaultKind::HeldWithTag]);
    let (report, _) = seen(&hold(), 1, &now, Expiry::Held);
    assert_eq!((kinds(&report), report.classes[&RetentionClass::Short].held), (vec![], 1));
}

#[test]
fn a_deletion_is_explained_by_expiry_or_asked_about() {
    let none = Holds::default();
    let (report, unexplained) = seen(&none, 33, &[marker(1), written(33)], Expiry::On);
    assert_eq!((kinds(&report), unexplained), (vec![], None), "expired after 32 days");
    assert_eq!(report.classes[&RetentionClass::Short].deleted, 1);
    let (_, unexplained) = seen(&none, 5, &[marker(1), written(5)], Expiry::On);
    assert_eq!(unexplained.unwrap().deleted_millis, NOW - DAY);
    let (_, unexplained) = seen(&hold(), 33, &[marker(1), written(33)], Expiry::On);
    assert!(unexplained.is_some(), "what is held does not expire");
    // A marker alone: what it stood for is removed for good.
    assert_eq!(
        seen(&none, 60, &[marker(20)], Expiry::On),
        (Report::default().also(RetentionClass::Short, false), None)
    );
    // A version that stays behind for good.
    let (report, _) = seen(&none, 60, &[marker(20), written(60)], Expiry::On);
    assert_eq!(kinds(&report), [FaultKind::Overdue]);

    let policy = policy();
    let mut verifier = Verifier::new(&policy, &none, NOW);
    verifier.deleted_early(&Unexplained { key: key(RetentionClass::Short, 5), deleted_millis: NOW - DAY });
    let fault = &verifier.finish().faults[0];
    assert_eq!(fault.kind, FaultKind::DeletedEarly);
    assert!(
        fault.message.contains("at 2026-11-20T00:00:00Z")
            && fault.message.contains("before 2026-11-27T00:00:00Z")
    );
}

trait Also {
    fn also(self, class: RetentionClass, deleted: bool) -> Report;
}

impl Also for Report {
    /// The report with a class that was seen, and nothing of it.
    fn also(mut self, class: RetentionClass, deleted: bool) -> Report {
        self.classes.entry(class).or_default().deleted = u64::from(deleted);
        self
    }
}

#[test]
fn gaps_in_days_are_named() {
    let (policy, none) = (policy(), Holds::default());
    let mut verifier = Verifier::new(&policy, &none, NOW);
    for days in [1, 2, 5, 7] {
        let object = Versions { key: key(RetentionClass::Short, days), versions: vec![written(days)] };
        verifier.see_log(&object, Some(Expiry::On));
    }
    let report = verifier.finish();
    let gaps: Vec<_> =
        report.classes[&RetentionClass::Short].gaps().iter().map(|(a, b)| format!("{a}..{b}")).collect();
    assert_eq!(gaps, ["2026-11-15..2026-11-15", "2026-11-17..2026-11-18"]);
}

#[test]
fn foreign_objects_and_broken_holds_are_faults() {
    let body = r#"{"class":"short","reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#;
    let release = r#"{"by":"b","released":"2026-01-02T00:00:00Z"}"#;
    let holds = Holds::parse([
        ("holds/a.json", body.as_bytes()),
        ("holds/a.released.json", release.as_bytes()),
        ("holds/b.json", b"{}"),
    ]);
    let policy = policy();
    let mut verifier = Verifier::new(&policy, &holds, NOW);
    let foreign = Versions { key: ObjectKey::new("logs/class=weekly/x.parquet"), versions: vec![written(1)] };
    assert_eq!(verifier.see_log(&foreign, None), None);
    let gone = Versions { key: ObjectKey::new("logs/notes.txt"), versions: vec![marker(1), written(2)] };
    assert_eq!(verifier.see_log(&gone, None), None);
    for (name, released) in [("holds/c.json", false), ("holds/d.json", true)] {
        let object = Versions { key: ObjectKey::new(name), versions: vec![marker(1), written(2)] };
        let released: BTreeSet<_> = released.then(|| "d".parse().unwrap()).into_iter().collect();
        verifier.see_hold(&object, &released);
    }
    let report = verifier.finish();
    assert_eq!(kinds(&report), [FaultKind::Hold, FaultKind::Hold, FaultKind::Foreign, FaultKind::Hold]);
    assert!(report.faults[1].message.contains("catchment retention release a"));
    assert_eq!(report.faults[3].place, "holds/c.json");
}

#[test]
fn the_quarantine_has_days_of_its_own() {
    let (policy, none) = (policy(), Holds::default());
    let mut verifier = Verifier::new(&policy, &none, NOW);
    for (name, age) in [("quarantine/a.payload", 93), ("quarantine/b.payload", 94)] {
        verifier.see_quarantined(&Versions { key: ObjectKey::new(name), versions: vec![written(age)] });
    }
    let report = verifier.finish();
    assert_eq!((report.quarantined, kinds(&report)), (2, vec![FaultKind::Overdue]));
    assert_eq!(report.faults[0].place, "quarantine/b.payload");
}

#[test]
fn faults_beyond_the_most_are_counted() {
    let (policy, none) = (policy(), Holds::default());
    let mut verifier = Verifier::new(&policy, &none, NOW);
    let fault = Fault { kind: FaultKind::Foreign, place: "x".into(), message: "y".into() };
    verifier.add(std::iter::repeat_n(fault, MAX_FAULTS + 1));
    let report = verifier.finish();
    assert_eq!((report.faults.len(), report.more_faults), (MAX_FAULTS, 1));
    assert_eq!(report.fault_count(), MAX_FAULTS as u64 + 1);
}
