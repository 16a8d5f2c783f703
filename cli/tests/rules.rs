//! `catchment rules check`, `test` and `dry-run` as a script sees them; offline.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use catchment_archive::{ArchiveStore, FolderArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};
use serde_json::Value;

/// 2024-12-19T10:00:00Z.
const START: i64 = 1_734_602_400_000;

fn rules(args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catchment"));
    command.arg("rules").args(args).env_clear().output().unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// A folder of files, empty before.
fn folder(name: &str, files: &[(&str, &str)]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    for (name, text) in files {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    folder
}

fn starter_set() -> String {
    format!("{}/../infra/rules", env!("CARGO_MANIFEST_DIR"))
}

const GOOD: &str = r#"groups:
- name: shop
  rules:
  - alert: Errors
    expr: sum by (service) (count_over_time({service="cart"} |= "error" [5m])) > 2
    for: 1m
    labels: {severity: warning}
    annotations: {summary: "{{ $labels.service }}: {{ $value }} errors"}
"#;

#[test]
fn every_fault_of_a_folder_has_its_place() {
    let folder = folder(
        "rules-faults",
        &[
            ("a/good.yaml", GOOD),
            ("a/bad.yml", "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: summ(1)\n    fro: 1m\n"),
            ("tests/bad.yaml", "rule_files: [x]\ntests:\n- name: t\n  input_series: []\n"),
            ("notes.txt", "no rules"),
        ],
    );
    let output = rules(&["check", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let told = stderr(&output);
    for part in [
        "bad.yml, group \"g\", rule 1 (A), line 5, column 11: ",
        "bad.yml, group \"g\", rule 1 (A), line 6, column 5: a rule has no field \"fro\"",
        "tests/bad.yaml, line 4, column 3: ",
    ] {
        assert!(told.contains(part), "{part} in {told}");
    }
    assert_eq!(told.lines().count(), 3, "{told}");
    assert!(told.lines().all(|line| line.starts_with("catchment: ")), "{told}");

    let output = rules(&["check", folder.to_str().unwrap(), "--output", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let faults = told["faults"].as_array().unwrap();
    assert_eq!(faults.len(), 3);
    let fault = faults.iter().find(|fault| fault["line"] == 6).unwrap();
    assert_eq!((&fault["group"], &fault["name"], &fault["column"]), (&"g".into(), &"A".into(), &5.into()));
}

#[test]
fn the_starter_set_has_no_fault_and_its_tests_hold() {
    let output = rules(&["check", &starter_set()]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stdout(&output);
    let row = |rule: &str| told.lines().find(|line| line.contains(rule)).unwrap().to_owned();
    for (rule, words) in [
        ("HighErrorRate", ["dryad_alerts", "one", "count 5m", "at once"]),
        ("DatabaseConnectionErrors", ["dryad_alerts", "stream", "count 5m", "at once"]),
        ("SlowRequests", ["requests", "service, path", "quantile_over_time 5m, count 5m", "at the tick"]),
        ("ErrorBurst", ["errors_compared", "service", "count 1h, count 1h offset 24h", "at the tick"]),
    ] {
        for word in words {
            assert!(row(rule).contains(word), "{word} in {}", row(rule));
        }
    }
    assert!(told.contains("no faults: 8 groups, 20 rules, and in 8 files of unit tests"), "{told}");

    let output = rules(&["test", &format!("{}/tests/logins.yaml", starter_set())]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
    assert!(stdout(&output).ends_with("  SUCCESS (3 tests, 8 checks)\n\n"), "{}", stdout(&output));
}

#[test]
fn what_may_be_a_mistake_is_said() {
    let rule = |group: &str, expr: &str, more: &str| {
        format!("groups:\n- name: g\n  {group}\n  rules:\n  - alert: A\n    expr: '{expr}'\n{more}")
    };
    let severity = "    labels: {severity: info}\n";
    for (number, (text, said)) in [
        (
            rule("interval: 5m", r#"count_over_time({service="a"}[5m]) > 1"#, severity),
            Some("comes late counts nowhere"),
        ),
        (
            rule("interval: 5m", r#"count_over_time({service="a"}[1m]) > 1"#, severity),
            Some("between two windows"),
        ),
        (
            rule("limit: 1", r#"count_over_time({service=~".+"}[5m]) > 1"#, severity),
            Some("every line of every service"),
        ),
        (rule("limit: 1", r#"count_over_time({service="a"}[5m]) > 1"#, ""), Some("severity is missing")),
        (rule("query_offset: 1m", r#"count_over_time({service="a"}[1m]) > 1"#, severity), None),
        (rule("limit: 1", r#"count_over_time({service=~".+"} |= "x" [5m]) > 1"#, severity), None),
        (rule("limit: 1", r#"count_over_time({service=~".+", status_code=~".+"}[5m]) > 1"#, severity), None),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = folder(&format!("rules-warnings-{number}"), &[("a.yaml", &text)]);
        let output = rules(&["check", folder.to_str().unwrap(), "--output", "json"]);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        let told: Value = serde_json::from_slice(&output.stdout).unwrap();
        let warnings = told["rules"][0]["warnings"].as_array().unwrap();
        assert_eq!(warnings.len(), usize::from(said.is_some()), "{text}: {warnings:?}");
        if let Some(said) = said {
            assert!(warnings[0].as_str().unwrap().contains(said), "{warnings:?}");
        }
    }
}

#[test]
fn a_test_that_fails_shows_want_and_got() {
    let test = r#"rule_files: [../*.yaml]
tests:
- name: three errors
  input_lines:
  - labels: '{service="cart"}'
    lines:
    - {at: 10s, line: "error {{.i}}", repeat: {every: 10s, times: 3}}
  alert_rule_test:
  - {eval_time: 1m, alertname: Errors}
  - eval_time: 2m
    alertname: Errors
    exp_alerts:
    - exp_labels: {service: cart, severity: warning}
      exp_annotations: {summary: "cart: 4 errors"}
  logql_expr_test:
  - {expr: 'count_over_time({service="cart"}[1m])', eval_time: 1m, exp_samples: [{labels: '{service="cart"}', value: 2}]}
"#;
    let folder = folder("rules-test", &[("rules.yaml", GOOD), ("tests/errors.yaml", test)]);
    let file = folder.join("tests/errors.yaml");
    let output = rules(&["test", file.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    let expected = format!(
        r#"Unit Testing:  {}
  FAILED:
    name: three errors,
    line 10: alertname: Errors, time: 2m,
        exp:[
            0:
              Labels:{{alertname="Errors", service="cart", severity="warning"}}
              Annotations:{{summary="cart: 4 errors"}}
          ],
        got:[
            0:
              Labels:{{alertname="Errors", service="cart", severity="warning"}}
              Annotations:{{summary="cart: 3 errors"}}
          ]
    line 16: expr: "count_over_time({{service=\"cart\"}}[1m])", time: 1m,
        exp:[
            {{service="cart"}} 2
          ],
        got:[
            {{service="cart"}} 3
          ]

"#,
        file.display()
    );
    assert_eq!(stdout(&output), expected);
    assert_eq!(stderr(&output), "catchment: 1 of 1 files of unit tests failed\n");
}

#[test]
fn a_test_that_cannot_run_says_why() {
    for (number, (text, said)) in [
        ("rule_files: [../rules.yaml]\ntests:\n- alert_rule_tests: []\n", "line 3, column 3: "),
        ("rule_files: [../nope.yaml]\ntests: []\n", "nope.yaml"),
        ("rule_files: [../rules.yaml]\ntests:\n- alert_rule_test:\n  - {eval_time: 5 m}\n", "is not a duration"),
        (
            "rule_files: [../rules.yaml]\ntests:\n- input_lines:\n  - {labels: '{a=~\"b\"}', lines: []}\n",
            "write them as in a selector",
        ),
        (
            "rule_files: [../rules.yaml]\ntests:\n- input_lines:\n  - lines: [{at: 1s, line: x, repeat: {times: 100001}}]\n",
            "MAX_TEST_LINES is 100000",
        ),
        (
            "rule_files: [../rules.yaml]\ntests:\n- alert_rule_test:\n  - {eval_time: 32d}\n",
            "MAX_TEST_MS",
        ),
    ]
    .into_iter()
    .enumerate()
    {
        let folder = folder(&format!("rules-test-{number}"), &[("rules.yaml", GOOD), ("tests/t.yaml", text)]);
        let output = rules(&["test", folder.join("tests").to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(stdout(&output).contains(said), "{said} in {}", stdout(&output));
    }
    let folder = folder("rules-test-none", &[("rules.yaml", GOOD)]);
    let output = rules(&["test", folder.join("rules.yaml").to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let output = rules(&["test", folder.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
}

/// An archive of two services, lines at times in seconds after the start.
async fn archive(name: &str, lines: &[(&str, i64, &str)]) -> PathBuf {
    let folder = folder(name, &[]);
    let store = FolderArchive::new(&folder);
    for service in ["cart", "pay"] {
        let group = LogGroup::new(format!("/ecs/{service}"));
        let source = Source::new("1", "r", group, LogStream::new("s"), "prod");
        let lines: Vec<_> = lines.iter().filter(|(of, ..)| *of == service).collect();
        let redacted: Vec<_> = lines.iter().map(|(_, _, line)| redact(line)).collect();
        let ids: Vec<String> = (0..lines.len()).map(|n| format!("{service}-{n}")).collect();
        let parse = |n: usize| {
            let time = EventTime::Arrived(START + lines[n].1 * 1000);
            LogRecord::parse(&redacted[n], &source, &ids[n], time)
        };
        let records: Vec<_> = (0..lines.len()).map(parse).collect();
        for (day, part) in split_by_day(&records) {
            let batch = BatchId::of_payload(service.as_bytes());
            let key = ObjectKey::of_batch(RetentionClass::Standard, day, part, &batch);
            store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
        }
    }
    folder
}

const HOUR: [&str; 4] = ["--from", "2024-12-19T10:00:00Z", "--to", "2024-12-19T11:00:00Z"];

#[tokio::test]
async fn a_dry_run_shows_what_would_have_fired() {
    // Three errors within the window from 10:02 on, the last at 10:04.
    let folder = archive(
        "rules-dry-run",
        &[
            ("cart", 61, "error one"),
            ("cart", 62, "error two"),
            ("cart", 63, "error three"),
            ("cart", 240, "error four"),
            ("cart", 241, "fine"),
            ("pay", 61, "error of another"),
        ],
    )
    .await;
    let rule = self::folder("rules-dry-run-rule", &[("rules.yaml", GOOD)]).join("rules.yaml");
    let run = |more: &[&str]| {
        let mut args = vec!["dry-run", rule.to_str().unwrap(), "--from-folder", folder.to_str().unwrap()];
        args.extend(HOUR);
        args.extend(more);
        rules(&args)
    };
    let output = run(&[]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    // (9:57, 10:02] has three: pending at 10:02, firing at 10:03. (10:01, 10:06] has
    // all, (10:02, 10:07] has one.
    let row = format!("··░████{}", "·".repeat(53));
    let labels = r#"{service="cart", severity="warning"}"#;
    let told = stdout(&output);
    let expected = format!(
        "rules: 1, from 2024-12-19T10:00:00Z to 2024-12-19T11:00:00Z: 61 evaluations over 4 rows with 4 matches\n\n\
         Errors\n  {labels}  {row}\n\n  {:36}  2024-12-19T10:00:00Z{}2024-12-19T11:00:00Z\n",
        "",
        " ".repeat(20)
    );
    assert!(told.starts_with(&expected), "{told}\n{expected}");
    assert!(told.contains("░ pending, █ firing; 1m a character"), "{told}");
    for cell in ["2024-12-19T10:03:00Z", "2024-12-19T10:07:00Z", " 4m ", " 4 "] {
        assert!(told.contains(cell), "{cell} in {told}");
    }

    let output = run(&["--output", "json", "--rule", "Errors"]);
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let alert = &told["alerts"][0];
    for (field, expected) in [
        ("pending_at", "2024-12-19T10:02:00Z"),
        ("firing_at", "2024-12-19T10:03:00Z"),
        ("resolved_at", "2024-12-19T10:07:00Z"),
    ] {
        assert_eq!(alert[field], expected);
    }
    assert_eq!((&alert["peak"], &alert["labels"]["service"]), (&4.0.into(), &"cart".into()));
    assert_eq!(run(&["--rule", "Nope"]).status.code(), Some(4));
}

#[tokio::test]
async fn a_dry_run_takes_an_expression_or_a_rule_of_the_starter_set() {
    let oom = "java.lang.OutOfMemoryError: Java heap space";
    let folder = archive("rules-dry-run-expr", &[("pay", 30, oom), ("cart", 30, "fine")]).await;
    let run = |rule: &str| {
        let mut args = vec!["dry-run", rule, "--from-folder", folder.to_str().unwrap(), "--output", "json"];
        args.extend(HOUR);
        rules(&args)
    };
    let alerts = |rule: &str| -> Vec<Value> {
        let told: Value = serde_json::from_slice(&run(rule).stdout).unwrap();
        told["alerts"].as_array().unwrap().clone()
    };
    let found = alerts("OutOfMemory");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0]["firing_at"], "2024-12-19T10:01:00Z");
    // (10:00:30 is in the windows up to 10:05.)
    assert_eq!(found[0]["resolved_at"], "2024-12-19T10:06:00Z");
    assert_eq!(alerts(r#"sum(count_over_time({service=~"cart|pay"}[5m])) > 1"#).len(), 1);
    assert!(alerts(r#"sum(count_over_time({service=~"cart|pay"}[5m])) > 2"#).is_empty());
    for (rule, code) in [("NoSuchRule", 4), (r#"{service="cart"}"#, 1), ("sum(", 1)] {
        assert_eq!(run(rule).status.code(), Some(code), "{}", stderr(&run(rule)));
    }
    let quiet = rules(&[
        "dry-run",
        "DiskFull",
        "--from-folder",
        folder.to_str().unwrap(),
        HOUR[0],
        HOUR[1],
        HOUR[2],
        HOUR[3],
    ]);
    assert!(stdout(&quiet).contains("no alert would have been pending or firing"), "{}", stdout(&quiet));
}

const RECORDS: &str = r#"groups:
- name: metrics
  rules:
  - record: shop:errors
    expr: sum by (service) (count_over_time({service=~"cart|pay"} |= "error" [5m]))
    labels: {team: shop}
"#;

#[tokio::test]
async fn recording_rules_are_checked_tested_and_tried_out() {
    let test = r#"rule_files: [../rules.yaml]
evaluation_interval: 30s
tests:
- input_lines:
  - labels: '{service="cart"}'
    lines: [{at: 10s, line: error, repeat: {every: 10s, times: 3}}]
  record_rule_test:
  - {eval_time: 30s, record: "shop:errors", exp_samples: [{labels: '{service="cart", team="shop"}', value: 3}]}
  - {eval_time: 6m, record: "shop:errors"}
"#;
    let rule = self::folder("rules-records", &[("rules.yaml", RECORDS), ("tests/t.yaml", test)]);
    let output = rules(&["check", rule.to_str().unwrap()]);
    assert!(stdout(&output).contains("shop:errors ┆ record"), "{}", stdout(&output));
    let output = rules(&["test", rule.to_str().unwrap()]);
    assert!(stdout(&output).contains("SUCCESS (1 tests, 2 checks)"), "{}", stdout(&output));

    let folder = archive("rules-records-run", &[("cart", 61, "error one"), ("pay", 61, "fine")]).await;
    let (rule, folder) = (rule.join("rules.yaml"), folder.to_str().unwrap());
    let run = |more: &[&str]| {
        let args = ["dry-run", rule.to_str().unwrap(), "--from-folder", folder];
        rules(&[&args, &HOUR[..], more].concat())
    };
    let told: Value = serde_json::from_slice(&run(&["--output", "json"]).stdout).unwrap();
    let samples = told["samples"].as_array().unwrap();
    // 10:01:01 is in the windows that end from 10:02 to 10:06.
    assert_eq!(samples.len(), 5);
    assert_eq!((&samples[0]["at"], &samples[0]["value"]), (&"2024-12-19T10:02:00Z".into(), &1.0.into()));
    assert!(stdout(&run(&[])).contains("shop:errors"), "{}", stdout(&run(&[])));
}
