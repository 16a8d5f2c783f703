//! The rules that come with Catchment: each has a unit test, and every test holds.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use catchment_alert::{RuleFile, RuleSet, UnitTestFile};
use catchment_record::Pipeline;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../infra/rules")
}

fn yaml_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|it| it == "yaml")).collect();
    files.sort();
    files
}

fn rules(names: &[PathBuf]) -> RuleSet {
    let read = |path: &PathBuf| RuleFile {
        name: path.display().to_string(),
        text: fs::read_to_string(path).unwrap(),
    };
    RuleSet::parse(&names.iter().map(read).collect::<Vec<_>>()).unwrap()
}

/// The rule files that a test names; `../*.yaml` is all of them.
fn named(test: &UnitTestFile) -> Vec<PathBuf> {
    match test.rule_files.as_slice() {
        [all] if all == "../*.yaml" => yaml_in(&folder()),
        names => names.iter().map(|name| folder().join("tests").join(name)).collect(),
    }
}

#[test]
fn every_unit_test_holds() {
    let mut failures = Vec::new();
    for path in yaml_in(&folder().join("tests")) {
        let test = UnitTestFile::parse(&fs::read_to_string(&path).unwrap())
            .unwrap_or_else(|err| panic!("{}: {err}", path.display()));
        for result in test.run(&rules(&named(&test)), &Pipeline::embedded(None)) {
            assert!(result.checks > 0, "{} checks nothing", result.name);
            failures.extend(result.failures.iter().map(|it| format!("{}: {it}", path.display())));
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_rule_is_seen_firing_by_a_test() {
    let tests: String =
        yaml_in(&folder().join("tests")).iter().map(|path| fs::read_to_string(path).unwrap()).collect();
    let lines = tests.lines().map(str::trim).filter(|line| !line.starts_with('#'));
    let flat = lines.collect::<Vec<_>>().join(" ");
    for rule in RuleSet::embedded().rules() {
        let fires = format!("alertname: {} exp_alerts: ", rule.name);
        assert!(flat.contains(&fires), "{} has no test in which it fires", rule.name);
    }
}

#[test]
fn the_files_of_the_folder_are_those_that_are_embedded() {
    let names = |rules: &RuleSet| rules.rules().map(|rule| rule.name.clone()).collect::<BTreeSet<_>>();
    let (all, embedded) = (rules(&yaml_in(&folder())), RuleSet::embedded());
    assert_eq!(names(&all), names(&embedded));
    assert_eq!(all.rules().count(), names(&all).len(), "names are unique");
}

#[test]
fn every_rule_says_how_bad_it_is_and_what_it_saw() {
    for rule in RuleSet::embedded().rules() {
        for annotation in ["summary", "description"] {
            assert!(rule.annotations.contains_key(annotation), "{}: {annotation}", rule.name);
        }
        let severity = rule.labels["severity"].render([("", ""); 0], 0.0);
        assert!(["info", "warning", "critical"].contains(&severity.as_str()), "{}: {severity}", rule.name);
    }
}
