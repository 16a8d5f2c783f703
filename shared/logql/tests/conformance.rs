//! The scripts under `conformance/`, each query of which answers as it says.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::path::Path;

use catchment_logql::script::run;

#[test]
fn every_script_passes() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let (mut passed, mut failures) = (0, Vec::new());
    for path in paths {
        let report = run(&std::fs::read_to_string(&path).unwrap());
        passed += report.passed;
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        failures.extend(report.failures.iter().map(|failure| format!("{name}: {failure}")));
    }
    assert!(failures.is_empty(), "{passed} passed, {} failed\n{}", failures.len(), failures.join("\n"));
    assert!(passed >= 300, "{passed} cases");
}

#[test]
fn what_a_script_gets_wrong_is_told() {
    let report = run(
        "load\n  {a=\"b\"} \"x\" @ 1s\n\neval instant at 1m count_over_time({a=\"b\"}[1m])\n  {a=\"b\"} 2\n",
    );
    assert_eq!((report.passed, report.failures.len()), (0, 1));
    let text = report.failures[0].to_string();
    assert!(text.contains("{a=\"b\"} 2") && text.contains("{a=\"b\"} 1"), "{text}");
    for script in [
        "eval instant at 1m vector(1)\n",
        "load\n  {a=\"b\"} x @ 1s\n",
        "eval instant at 1m vector(1)\n  expect fail\n",
        "eval instant at 1m vector(\n  {} 1\n",
        "frobnicate\n",
        "eval range from 0s to 1m vector(1)\n  {} 1\n",
        "eval instant at 0s vector(1)\n  {} 1\n  expect empty\n",
        "eval instant at 0s vector(1)\n  expect nothing\n  {} 1\n",
        "eval range from 0s to 10s step 5s vector(1)\n  expect ordered\n  {} 1 1 1\n",
        "eval instant at 0s vector(1)\n  expect warn\n  {} 1\n",
        "eval instant at 0s vector(1)\n  expect string \"a\"\n",
        "eval instant at noon vector(1)\n  {} 1\n",
        "eval select from 0s to 1s {a=\"b\"}\n  expect empty\n",
        "eval instant at 0s vector(1)\n  expect values-toleration 0 on \"x\"\n  {} 1\n",
        "load\n  {a=\"b\"} \"x\" @ 1s [repeat every 1s]\n",
        "eval select from 0s to 9s forward {a=\"b\"}\n  {a=\"b\"} \"x\" @ 1s [parsed b=\"c\"] [metadata d=\"e\"]\n",
        "clear everything\n",
    ] {
        assert_eq!(run(script).failures.len(), 1, "{script}");
    }
    let report = run("eval instant at 0s vector(1)\n  {} 1\n  expect nothing\n");
    assert_eq!(report.failures[0].line, 3, "the line of the word that is unknown");
}

#[test]
fn every_documented_form_is_read() {
    for (script, passed) in [
        ("eval instant at 1970-01-01T00:01:00Z vector(1)\n{} 1\n", 1),
        ("eval instant at 60 vector(1)\n\t{} 1 # a comment\n", 1),
        ("eval instant at 1m30s vector(1)\n  # a comment\n# another\n  {} 1\n", 1),
        ("eval_fail instant at 0s vector(\n\neval_ordered instant at 0s vector(1)\n  {} 1\n", 2),
        ("eval instant at 0s vector(\nexpect fail\n", 1),
        ("eval instant at 0s vector(\n  expect fail msg: \"unexpected $end\"\n", 1),
        ("eval instant at 0s vector(\n  expect fail regex: unexpected .end\n", 1),
        ("eval_fail instant at 0s vector(\n  expected_fail_message unexpected $end\n", 1),
        ("eval instant at 0s vector(1)\n  expect no_warn\n  expect no_info\n  {} 1\n", 1),
        ("eval range from 0 to 10s step 5s vector(1)\n  expect range vector\n  {} 1x2\n", 1),
        (
            "eval instant at 0s vector(1)\n  expect values-toleration 0.5 on \"direct (timestamp-first)\"\n  {} 1.4\n",
            1,
        ),
        (
            "eval instant at 0s vector(1)\n  skip values-comparison on \"direct (timestamp-first)\"\n  {} 7\n",
            1,
        ),
        (
            "load\n  {a=\"b\"} \"c:\\\" @ 1s # not in the text\n\neval instant at 9s bytes_over_time({a=\"b\"}[9s])\n  {a=\"b\"} 3\n",
            1,
        ),
        (
            "load\n  {a=\"b\"} `x` @ 1s\n  {a=\"b\"} `y` @ 2s\n\neval instant at 9s {a=\"b\"}\n  {a=\"b\"} `x` @ 1s\n  {a=\"b\"} `y` @ 2s\n",
            1,
        ),
        (
            "load\n  {a=\"b\"} `x` @ 1s [metadata \"c d\"=\"e\" f=\"\"] [repeat every 1s for 2]\n\neval select from 0 to 9s backward {a=\"b\"} | logfmt y=\"x\"\n  {a=\"b\"} `x` @ 2s [metadata \"c d\"=\"e\" f=\"\"] [parsed y=\"\"]\n  {a=\"b\"} `x` @ 1s [metadata f=\"\" \"c d\"=\"e\"] [parsed y=\"\"]\n",
            1,
        ),
    ] {
        let report = run(script);
        let failures: Vec<String> = report.failures.iter().map(ToString::to_string).collect();
        assert!(failures.is_empty() && report.passed == passed, "{script}\n{}", failures.join("\n"));
    }
}
