//! Files of unit tests: the limits, and the corners of the form.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_alert::{MAX_TEST_FILE_BYTES, MAX_TEST_LINES, RuleFile, RuleSet, UnitTestFile};
use catchment_record::Pipeline;

const RULES: &str = r#"groups:
- name: g
  rules:
  - alert: A
    expr: sum by (service, level, detected_level) (count_over_time({service="a"}[5m])) > 0
"#;

/// What the failures of a file say; none where it holds.
fn failures(tests: &str) -> Vec<String> {
    let file = UnitTestFile::parse(&format!("rule_files: []\ntests:\n{tests}")).unwrap();
    let rules = RuleSet::parse(&[RuleFile { name: "a".into(), text: RULES.into() }]).unwrap();
    let results = file.run(&rules, &Pipeline::embedded(None));
    results.iter().flat_map(|result| &result.failures).map(ToString::to_string).collect()
}

fn refused(text: &str) -> Option<String> {
    UnitTestFile::parse(text).err().map(|err| err.to_string())
}

#[test]
fn limits_hold_at_their_edges() {
    let file = |bytes: usize| {
        let text = "rule_files: []\ntests: []\n#";
        format!("{text}{}", "x".repeat(bytes - text.len()))
    };
    assert_eq!(refused(&file(MAX_TEST_FILE_BYTES)), None);
    assert!(refused(&file(MAX_TEST_FILE_BYTES + 1)).unwrap().contains("MAX_TEST_FILE_BYTES"));

    let at = |time: &str| {
        format!("rule_files: []\ntests:\n- alert_rule_test: [{{eval_time: {time}, alertname: A}}]\n")
    };
    assert_eq!(refused(&at("31d")), None);
    assert!(refused(&at("31d1ms")).unwrap().contains("MAX_TEST_MS"));

    let lines = |times: u64| {
        failures(&format!(
            "- input_lines: [{{labels: '{{service=\"b\"}}', lines: [{{at: 0, line: x, repeat: {{every: 1ms, times: {times}}}}}]}}]\n"
        ))
    };
    assert_eq!(lines(MAX_TEST_LINES), [""; 0]);
    assert!(lines(MAX_TEST_LINES + 1)[0].contains("MAX_TEST_LINES"));
}

#[test]
fn labels_that_are_given_have_those_that_catchment_makes_of_them() {
    let test = |labels: &str, expected: &str| {
        failures(&format!(
            "- input_lines: [{{labels: '{labels}', lines: [{{at: 1m, line: x}}]}}]\n  alert_rule_test: [{{eval_time: 1m, alertname: A, exp_alerts: [{{exp_labels: {expected}}}]}}]\n"
        ))
    };
    let none: [&str; 0] = [];
    assert_eq!(test(r#"{service="a"}"#, "{service: a}"), none);
    assert_eq!(
        test(r#"{service="a", level="WARNING"}"#, "{service: a, level: WARNING, detected_level: warn}"),
        none
    );
    assert_eq!(
        test(r#"{service="a", level="x", detected_level="y"}"#, "{service: a, level: x, detected_level: y}"),
        none
    );
    assert_eq!(test(r#"{service="a"}"#, "{service: b}").len(), 1);
}

#[test]
fn lines_of_a_service_are_stitched_and_parsed_as_ingest_does() {
    let test = r#"- input_lines:
  - service: a
    lines:
    - {at: 1m, line: '{"level":"ERROR","message":"one {{.i}}","password":"hunter2"}', repeat: {every: 1s, times: 2}}
  alert_rule_test:
  - {eval_time: 1m, exp_alerts: [{exp_labels: {alertname: A, service: a, level: ERROR, detected_level: error}}]}
  - {eval_time: 59s}
  logql_expr_test:
  - {expr: 'sum by (line) (count_over_time({service="a"} | label_format line="{{ __line__ }}" [5m]))', eval_time: 1m1s, exp_samples: [{labels: '{line="{\"level\":\"ERROR\",\"message\":\"one 0\",\"password\":\"***\"}"}', value: 1}, {labels: '{line="{\"level\":\"ERROR\",\"message\":\"one 1\",\"password\":\"***\"}"}', value: 1}]}
"#;
    assert_eq!(failures(test), [""; 0]);
}
