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
    ] {
        assert_eq!(run(script).failures.len(), 1, "{script}");
    }
}
