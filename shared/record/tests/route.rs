//! The configuration file from its text to what is kept: filters, samplers,
//! retention classes, and the faults of each with their places.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;

use catchment_record::{
    Config, ConfigFault, Envelope, Globs, LogGroup, LogStream, MAX_CLASS_RULES, MAX_CONFIG_BYTES,
    MAX_FILTERS_AND_SAMPLERS, MAX_NAME_CHARS, Pipeline, Routing, Source,
};
use proptest::prelude::*;
use serde_json::json;

fn pipeline(yaml: &str) -> Pipeline {
    Pipeline::new(&Config::parse(yaml).unwrap(), None).unwrap()
}

fn faults(yaml: &str) -> Vec<ConfigFault> {
    match Config::parse(yaml) {
        Ok(config) => Pipeline::new(&config, None).err().unwrap_or_default(),
        Err(fault) => vec![fault],
    }
}

/// What became of the lines of a log group: the messages kept by class, how many
/// records a sampler left out, and the counts by name.
#[derive(Debug, Default, PartialEq)]
struct Outcome {
    kept: BTreeMap<&'static str, Vec<String>>,
    sampled_out: usize,
    filtered: BTreeMap<String, u64>,
}

fn route(pipeline: &Pipeline, group: &str, lines: &[&str]) -> Outcome {
    let now = 1_734_604_215_000_i64;
    let events: Vec<_> = (lines.iter().zip(0_i64..))
        .map(|(line, i)| json!({"id": format!("{i:056}"), "timestamp": now + i, "message": line}))
        .collect();
    let json = json!({"messageType": "DATA_MESSAGE", "owner": "1", "logGroup": group, "logStream": "s",
        "logEvents": events})
    .to_string();
    let envelope = Envelope::parse(json.as_bytes()).unwrap();
    let source = Source::new("1", "r", LogGroup::new(group), LogStream::new("s"), "prod");
    let stitched = pipeline.lines(&envelope);
    let routed = pipeline.route(stitched.parse(&source));
    let kept: u64 = routed.kept.iter().flat_map(|(_, records)| records).map(|r| r.events()).sum();
    assert_eq!(kept + routed.filtered.values().sum::<u64>(), lines.len() as u64, "conservation");
    Outcome {
        kept: (routed.kept.iter())
            .map(|(class, records)| (class.as_str(), records.iter().map(|r| r.message.to_string()).collect()))
            .collect(),
        sampled_out: routed.sampled_out.len(),
        filtered: routed.filtered,
    }
}

fn kept(class: &'static str, messages: &[&str]) -> BTreeMap<&'static str, Vec<String>> {
    BTreeMap::from([(class, messages.iter().map(|m| (*m).to_owned()).collect())])
}

fn counts(names: &[(&str, u64)]) -> BTreeMap<String, u64> {
    names.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
}

const LINES: [&str; 5] = [
    r#"{"level":"debug","message":"GET /health","service":"web"}"#,
    r#"{"level":"WARN","message":"slow","service":"web"}"#,
    r#"{"level":"info","message":"GET /health","service":"billing"}"#,
    r#"{"level":"error","message":"GET /health failed","service":"web"}"#,
    "a line that says nothing of itself",
];

#[test]
fn a_filter_removes_what_all_its_conditions_hold_for() {
    for (when, removed) in [
        (r#"{ selector: '{service="web"} |= "/health"' }"#, 2),
        (r#"{ selector: '{service="web"} |= "/health"', levels: [debug, info] }"#, 1),
        ("{ services: [bill*] }", 1),
        ("{ services: [bill*], levels: [error] }", 0),
        ("{ levels: [unknown] }", 1),
        ("{ levels: [warn, error] }", 2),
        ("{ log_groups: ['/ecs/*'] }", 5),
        ("{ log_groups: ['/eks/*'] }", 0),
        ("{ classes: [standard], services: [web] }", 3),
        ("{ classes: [short, long], services: [web] }", 0),
    ] {
        let yaml = format!("version: 1\nroute:\n  filters:\n  - name: noise\n    when: {when}\n");
        let outcome = route(&pipeline(&yaml), "/ecs/shop", &LINES);
        let expected = if removed > 0 { counts(&[("noise", removed)]) } else { BTreeMap::new() };
        assert_eq!(outcome.filtered, expected, "{when}");
        assert_eq!(outcome.sampled_out, 0, "{when}");
    }
}

#[test]
fn the_first_filter_that_holds_counts_the_record() {
    let yaml = r#"
version: 1
route:
  filters:
  - name: health-checks
    when: { selector: '{service=~".+"} |= "/health"' }
  - name: web
    when: { services: [web] }
"#;
    let outcome = route(&pipeline(yaml), "/ecs/shop", &LINES);
    assert_eq!(outcome.filtered, counts(&[("health-checks", 3), ("web", 1)]));
    assert_eq!(outcome.kept, kept("standard", &["a line that says nothing of itself"]));
}

#[test]
fn a_class_is_chosen_by_the_first_rule_then_by_the_log_group() {
    let yaml = r#"
version: 1
route:
  classes:
  - class: long
    when: { selector: '{event_name=~"user.*"}' }
  - class: short
    when: { levels: [debug, trace] }
  - class: standard
    when: { log_groups: [/ecs/billing] }
  filters:
  - name: old-news
    when: { classes: [short], services: [web] }
"#;
    let long = Globs::new(&["/ecs/*".into()]).unwrap();
    let pipeline = pipeline(yaml).with_routing(Routing { long, ..Routing::default() });
    let lines = [
        r#"{"level":"debug","message":"one","event_type":"user.login"}"#,
        r#"{"level":"debug","message":"two"}"#,
        r#"{"level":"info","message":"three"}"#,
        r#"{"level":"debug","message":"four","service":"web"}"#,
    ];
    for (group, expected, why) in [
        ("/ecs/auth", vec!["long: one,three", "short: two"], "the template's parameter has the rest"),
        ("/ecs/billing", vec!["long: one", "short: two", "standard: three"], "the file goes before it"),
        ("/eks/x", vec!["long: one", "short: two", "standard: three"], "standard without any"),
    ] {
        let outcome = route(&pipeline, group, &lines);
        assert_eq!(outcome.filtered, counts(&[("old-news", 1)]));
        let classes = outcome.kept.into_iter().map(|(class, kept)| format!("{class}: {}", kept.join(",")));
        let mut classes: Vec<String> = classes.collect();
        classes.sort();
        assert_eq!(classes, expected, "{why}");
    }
}

const SAMPLER: &str = "version: 1
route:
  samplers:
  - name: chatty
    when: { services: [chatty] }
    keep_percent: 25
";

fn line(level: &str, fields: &str) -> String {
    format!(r#"{{"level":"{level}","service":"chatty","message":"m",{fields}}}"#)
}

/// Whether a line is kept, alone in its batch.
fn keeps(pipeline: &Pipeline, group: &str, line: &str) -> bool {
    route(pipeline, group, &[line]).filtered.is_empty()
}

#[test]
fn a_request_is_kept_whole_in_every_batch_group_and_service() {
    let quarter = pipeline(SAMPLER);
    let more = pipeline(&SAMPLER.replace("[chatty]", "['*']").replace("25", "60"));
    let mut shares = [0, 0];
    for n in 0..400 {
        let trace = format!(r#""trace_id":"{n:032x}""#);
        let kept = keeps(&quarter, "/ecs/a", &line("info", &trace));
        for (group, level, fields) in [
            ("/ecs/b", "debug", format!(r#"{trace},"request_id":"req-{n}""#)),
            ("/aws/lambda/c", "info", format!(r#"{trace},"n":{n}"#)),
        ] {
            assert_eq!(keeps(&quarter, group, &line(level, &fields)), kept, "{fields}");
        }
        let kept_by_more = keeps(&more, "/ecs/a", &line("info", &trace));
        assert!(kept_by_more || !kept, "what a small share keeps, a larger one keeps too");
        shares[0] += u32::from(kept);
        shares[1] += u32::from(kept_by_more);
    }
    // Four standard deviations around 100 and 240 of 400.
    assert!((66..=134).contains(&shares[0]) && (201..=279).contains(&shares[1]), "{shares:?}");
}

#[test]
fn without_a_trace_id_it_is_the_request_and_without_either_the_event() {
    let sampler = pipeline(SAMPLER);
    let request = |n: u32| line("info", &format!(r#""request_id":"req-{n}""#));
    // By another implementation of the hash: req-1 lies at 0.142, req-7 at 0.120, req-0 at 0.730.
    assert!(keeps(&sampler, "g", &request(1)) && keeps(&sampler, "g", &request(7)));
    assert!(!keeps(&sampler, "g", &request(0)));
    let both = line("info", r#""trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","request_id":"req-1""#);
    assert!(!keeps(&sampler, "g", &both), "the trace lies at 0.900");
    assert!(keeps(&pipeline(&format!("{SAMPLER}    by: request_id\n")), "g", &both));

    let lines: Vec<String> = (0..400).map(|n| line("info", &format!(r#""n":{n}"#))).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let outcome = route(&sampler, "g", &lines);
    let kept = outcome.kept["standard"].len();
    assert!((66..=134).contains(&kept), "lines without an id are sampled one by one: {kept}");
    assert_eq!(outcome.sampled_out, 400 - kept);
    assert_eq!(route(&sampler, "g", &lines), outcome, "the same again");
}

#[test]
fn warn_and_above_are_never_sampled() {
    let nothing = pipeline(&SAMPLER.replace("25", "0").replace("{ services: [chatty] }", "{}"));
    let of = |levels: &[&str]| levels.iter().map(|l| line(l, r#""request_id":"r""#)).collect::<Vec<_>>();
    for severe in of(&["WARN", "warning", "error", "FATAL", "critical"]) {
        assert!(keeps(&nothing, "g", &severe), "{severe}");
    }
    for other in of(&["trace", "debug", "info", "no level"]) {
        assert!(!keeps(&nothing, "g", &other), "{other}");
    }
}

#[test]
fn every_fault_is_told_with_its_place_and_the_way_out() {
    let yaml = r#"version: 1
route:
  filters:
  - name: everything
    when: {}
  - name: no good
    when: { selector: '{service=}', services: [] }
  samplers:
  - name: everything
    when: { levels: [info, warn], log_groups: ['[', ok] }
    keep_percent: 101
  - name: metric
    when: { selector: 'rate({a="b"}[5m])' }
    keep_percent: -1
  classes:
  - class: long
    when: { selector: '{servce="web", module!="x"}' }
"#;
    let faults: Vec<String> = faults(yaml).iter().map(ToString::to_string).collect();
    let expected = [
        ("line 4, column 11", "would remove every record"),
        ("line 6, column 11", "letters, digits, hyphens"),
        ("line 7, column 23", "the selector: "),
        ("line 7, column 47", "the list \"services\" is empty"),
        ("line 9, column 11", "another filter or sampler is called \"everything\""),
        ("line 10, column 21", "never sampled"),
        ("line 10, column 48", "the list \"log_groups\""),
        ("line 11, column 19", "\"keep_percent\" is 101, not 0 to 100"),
        ("line 13, column 23", "the selector is a metric"),
        ("line 14, column 19", "\"keep_percent\" is -1"),
        ("line 17, column 23", "no record has a label \"servce\"; did you mean \"service\"?"),
        ("line 17, column 23", "no record has a label \"module\"; there are account_id, region"),
    ];
    for (place, words) in expected {
        let found = faults.iter().any(|fault| fault.starts_with(place) && fault.contains(words));
        assert!(found, "{place}: {words} in\n{}", faults.join("\n"));
    }
    assert_eq!(faults.len(), expected.len(), "{}", faults.join("\n"));
}

#[test]
fn what_is_not_of_the_files_form_has_a_place_too() {
    let versionless = "line 1, column 1: the file does not state its version; begin it with \"version: 1\"";
    for (yaml, expected) in [
        ("", versionless),
        ("# nothing\n", versionless),
        ("route: {}\n", versionless),
        (
            "version: 2\nfuture: {}\n",
            "line 1, column 10: version 2 is not known here; this Catchment reads version 1",
        ),
        (
            "version: 1\nrout: {}\n",
            "line 2, column 1: there is no field \"rout\", only version, stitch, enrich, redact, route; did you mean \"route\"?",
        ),
        ("version: 1\nroute:\n  filters:\n  - name: a\n", "line 4, column 5: the field \"when\" is missing"),
        (
            "version: 1\nroute:\n  classes:\n  - class: medium\n    when: {}\n",
            "line 4, column 12: there is no value \"medium\", only short, standard, long",
        ),
        ("version: 1\nversion: 1\n", "line 2, column 1: the field \"version\" is there twice"),
    ] {
        let found: Vec<String> = faults(yaml).iter().map(ToString::to_string).collect();
        assert_eq!(found, [expected], "{yaml}");
    }
    for yaml in [
        "version: 1\nroute: [",
        "version: one",
        "version: 1\nroute:\n  filters:\n\t- x",
        "- 1",
        "version: 1\nroute: 5",
    ] {
        let found = faults(yaml);
        assert!(found.len() == 1 && found[0].line > 0 && found[0].column > 0, "{yaml}: {found:?}");
    }
}

#[test]
fn limits_hold_at_their_edge() {
    let filler = |bytes: usize| format!("version: 1\n#{}", "x".repeat(bytes - "version: 1\n#".len()));
    assert!(faults(&filler(MAX_CONFIG_BYTES)).is_empty());
    assert!(faults(&filler(MAX_CONFIG_BYTES + 1))[0].message.contains("more than 262144"));

    let filters = |count: usize| {
        let filter = |n| format!("  - {{ name: f{n}, when: {{ services: [x] }} }}\n");
        let list: String = (0..count).map(filter).collect();
        faults(&format!("version: 1\nroute:\n  filters:\n{list}")).len()
    };
    assert_eq!(filters(MAX_FILTERS_AND_SAMPLERS), 0);
    assert_eq!(filters(MAX_FILTERS_AND_SAMPLERS + 2), 1);

    let classes = |count: usize| {
        let list = "  - { class: long, when: { services: [x] } }\n".repeat(count);
        faults(&format!("version: 1\nroute:\n  classes:\n{list}")).len()
    };
    assert_eq!((classes(MAX_CLASS_RULES), classes(MAX_CLASS_RULES + 1)), (0, 1));

    let name = |chars: usize| {
        let name = "n".repeat(chars);
        faults(&format!(
            "version: 1\nroute:\n  filters:\n  - {{ name: {name}, when: {{ services: [x] }} }}\n"
        ))
        .len()
    };
    assert_eq!((name(MAX_NAME_CHARS), name(MAX_NAME_CHARS + 1)), (0, 1));
}

#[test]
fn the_file_that_comes_with_catchment_has_no_fault_and_removes_nothing() {
    assert_eq!(faults(Config::embedded_text()), []);
    let outcome = route(&Pipeline::embedded(None), "/ecs/x", &["one", "two"]);
    assert_eq!(outcome, Outcome { kept: kept("standard", &["one", "two"]), ..Outcome::default() });
}

/// A section whose options are all commented out is there, and empty.
#[test]
fn a_section_may_be_empty() {
    for section in ["stitch", "enrich", "redact", "route"] {
        assert_eq!(faults(&format!("version: 1\n{section}:\n  # nothing yet\n")), [], "{section}");
    }
}

/// Prose has one space behind its `#`; what has none, or several, is an option.
#[test]
fn every_option_that_the_file_shows_can_be_used_as_it_stands() {
    let uncommented = |line: &str| match line.trim_start().strip_prefix('#') {
        Some(rest) if !rest.starts_with(' ') || rest.starts_with("  ") => line.replacen('#', "", 1),
        _ => line.to_owned(),
    };
    // The header's commands are indented further, as prose.
    let text: String = Config::embedded_text()
        .lines()
        .map(|line| if line.starts_with('#') { String::new() } else { uncommented(line) } + "\n")
        .collect();
    assert_eq!(faults(&text), [], "{text}");
    let config = Config::parse(&text).unwrap();
    assert_eq!(
        (config.route.filters.len(), config.route.samplers.len(), config.route.classes.len()),
        (2, 1, 2)
    );
}

proptest! {
    #[test]
    fn any_text_is_a_configuration_or_has_a_fault(text in "[a-z:\\-{}\\[\\]'\" \n\t#&*!0-9.]{0,200}", any: String) {
        for text in [text.clone(), format!("version: 1\nroute:\n{text}"), any] {
            if let Ok(config) = Config::parse(&text) {
                Pipeline::new(&config, None).ok();
            }
        }
    }

    /// `route` itself asserts that every event is kept or counted.
    #[test]
    fn whatever_the_file_says_every_event_is_kept_or_counted_and_no_warning_is_sampled(
        lines in proptest::collection::vec((0..5_usize, 0..3_u8, 0..20_u8), 0..40),
        filtered in 0..5_usize,
        percent in 0..=100_u8,
        class in 0..3_u8,
    ) {
        let levels = ["debug", "info", "warn", "error", "fatal"];
        let line = |(level, service, request): &(usize, u8, u8)| {
            let level = levels[*level];
            format!(r#"{{"level":"{level}","service":"s{service}","message":"{level}","request_id":"r{request}"}}"#)
        };
        let lines: Vec<String> = lines.iter().map(line).collect();
        let yaml = format!(
            "version: 1\nroute:\n  filters:\n  - {{ name: f, when: {{ levels: [{}], services: [s0] }} }}\n  \
             samplers:\n  - {{ name: s, when: {{}}, keep_percent: {percent} }}\n  \
             classes:\n  - {{ class: long, when: {{ services: [s{class}] }} }}\n",
            levels[filtered]
        );
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let outcome = route(&pipeline(&yaml), "g", &lines);
        let severe = |text: &str| ["warn", "error", "fatal"].contains(&text);
        let written = lines.iter().filter(|l| levels[2..].iter().any(|level| l.contains(&format!(r#""level":"{level}""#))));
        let kept = outcome.kept.values().flatten().filter(|message| severe(message)).count() as u64;
        let by_filter = if filtered >= 2 { outcome.filtered.get("f").copied().unwrap_or_default() } else { 0 };
        prop_assert_eq!(written.count() as u64, kept + by_filter);
    }
}
