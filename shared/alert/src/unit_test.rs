//! Unit tests of rules: lines with times, and which alerts fire when. The form
//! is that of `promtool test rules`, with lines in the place of samples:
//!
//! ```yaml
//! rule_files: [../errors.yaml]       # relative to this file
//! evaluation_interval: 1m            # of groups that state none
//! tests:
//!   - name: errors fire
//!     interval: 10s                  # between repetitions that do not say
//!     input_lines:
//!       - labels: '{service="api", level="error"}'
//!         lines:
//!           - {at: 1m, line: "boom {{.i}}", repeat: {every: 1s, times: 100}}
//!       - service: web               # or log_group, log_stream: read as ingest does
//!         lines:
//!           - {at: 1m, line: '{"level":"info","message":"all is well"}'}
//!     alert_rule_test:
//!       - eval_time: 5m
//!         alertname: ErrorRate
//!         exp_alerts:                # none: it does not fire
//!           - exp_labels: {service: api, severity: warning}
//!             exp_annotations: {summary: "api logs many errors"}
//!     record_rule_test:
//!       - {eval_time: 5m, record: "errors:rate5m", exp_samples: [{labels: '{service="api"}', value: 1}]}
//!     logql_expr_test:
//!       - {expr: 'sum(count_over_time({service="api"}[5m]))', eval_time: 5m, exp_samples: [{value: 100}]}
//! ```
//!
//! Times count from the Unix epoch. As with promtool only alerts that fire are
//! compared. Other than there annotations that are not expected are not compared, and
//! `alertname` may be left out: all alerts, whose `exp_labels` then name theirs.
//! promtool: <https://prometheus.io/docs/prometheus/latest/configuration/unit_testing_rules/>.

mod file;
mod lines;

use std::collections::BTreeMap;
use std::fmt::{self, Write};

use catchment_logql::{Labels, MetricQuery, QueryTimes, QueryValue, format_duration};
use catchment_record::Pipeline;

use crate::rules::RuleSet;
use crate::simulate::{ActiveAlert, OwnedEntry, Simulation};
use crate::state::NAME_LABEL;
use file::{AlertTest, ExpectedSample, ExprTest, Millis, RecordTest, UnitTest};
pub use file::{MAX_TEST_FILE_BYTES, MAX_TEST_LINES, MAX_TEST_MS, UnitTestFile};
use lines::lines_of;

/// What is wrong with a file of unit tests.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{message}", if *.line > 0 { format!("line {line}, column {column}: ") } else { String::new() })]
pub struct UnitTestError {
    /// The line, from 1; 0 where it is the whole file.
    pub line: usize,
    /// The column, from 1.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

/// What came of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTestResult {
    /// Its name, or its number.
    pub name: String,
    /// How many expectations it has.
    pub checks: usize,
    /// Those that were not met.
    pub failures: Vec<UnitTestFailure>,
}

/// An expectation that was not met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitTestFailure {
    /// The line of the file where it stands.
    pub line: usize,
    /// What was looked at (`alertname: ErrorRate, time: 5m`).
    pub what: String,
    /// What should be.
    pub want: String,
    /// What is.
    pub got: String,
}

impl fmt::Display for UnitTestFailure {
    /// As promtool shows it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, what, want, got } = self;
        write!(f, "line {line}: {what},\n    exp:{want},\n    got:{got}")
    }
}

impl UnitTestFile {
    /// Runs every test. `rules` are those of the rule files; lines that are to be
    /// read as ingest reads them go through `pipeline`.
    pub fn run(&self, rules: &RuleSet, pipeline: &Pipeline) -> Vec<UnitTestResult> {
        let tests = self.tests.iter().enumerate();
        tests
            .map(|(number, test)| {
                let line = usize::try_from(test.referenced.line()).unwrap_or_default();
                let test = &test.value;
                let name =
                    if test.name.is_empty() { format!("test {}", number + 1) } else { test.name.clone() };
                let checks =
                    test.alert_rule_test.len() + test.record_rule_test.len() + test.logql_expr_test.len();
                let failures = match lines_of(test, self.evaluation_interval, pipeline) {
                    Ok(lines) => Run::new(rules, &lines).test(test, line),
                    Err(reason) => vec![UnitTestFailure {
                        line,
                        what: "the lines of the test".to_owned(),
                        want: "lines that can be taken in".to_owned(),
                        got: reason,
                    }],
                };
                UnitTestResult { name, checks, failures }
            })
            .collect()
    }

    /// The interval of groups that state none, in milliseconds.
    pub fn evaluation_interval_ms(&self) -> i64 {
        self.evaluation_interval.0
    }
}

/// One test on its way.
struct Run<'r, 'l> {
    simulation: Simulation<'r>,
    lines: &'l [OwnedEntry],
    failures: Vec<UnitTestFailure>,
}

impl<'r, 'l> Run<'r, 'l> {
    fn new(rules: &'r RuleSet, lines: &'l [OwnedEntry]) -> Self {
        let mut simulation = Simulation::new(rules, 0);
        simulation.add(lines);
        Self { simulation, lines, failures: Vec::new() }
    }

    fn test(mut self, test: &UnitTest, line: usize) -> Vec<UnitTestFailure> {
        let mut alerts: Vec<_> = test.alert_rule_test.iter().collect();
        alerts.sort_by_key(|check| check.value.eval_time);
        for check in alerts {
            self.simulation.run_to(check.value.eval_time.0);
            self.alerts(&check.value, line_of(check));
        }
        let last = test.record_rule_test.iter().map(|check| check.value.eval_time).max();
        self.simulation.run_to(last.unwrap_or(Millis(0)).0);
        for check in &test.record_rule_test {
            self.recorded(&check.value, line_of(check));
        }
        for check in &test.logql_expr_test {
            self.expression(&check.value, line_of(check));
        }
        let failed = self.simulation.so_far().failures.first().cloned();
        if let Some(failed) = failed {
            let what = format!("rule: {}, time: {}", failed.rule, format_duration(failed.at_ms));
            self.check(line, what, "an evaluation without an error".to_owned(), failed.reason);
        }
        self.failures
    }

    fn check(&mut self, line: usize, what: String, want: String, got: String) {
        if want != got {
            self.failures.push(UnitTestFailure { line, what, want, got });
        }
    }

    fn alerts(&mut self, test: &AlertTest, line: usize) {
        let active = self.simulation.active();
        let is_asked = |it: &&ActiveAlert| test.alertname.as_ref().is_none_or(|name| *name == it.alert);
        let mut firing: Vec<&ActiveAlert> =
            active.iter().filter(|it| it.is_firing).filter(is_asked).collect();
        firing.sort_by(|a, b| a.labels.cmp(&b.labels));
        let mut want: Vec<ShownAlert> = test
            .exp_alerts
            .iter()
            .map(|alert| {
                let mut labels = alert.exp_labels.clone();
                if let Some(name) = &test.alertname {
                    labels.insert(NAME_LABEL.to_owned(), name.clone());
                }
                (Labels::new(labels.into_iter().collect()), alert.exp_annotations.clone())
            })
            .collect();
        want.sort_by(|a, b| a.0.cmp(&b.0));
        // Annotations that nobody expects are shown nowhere, so that the texts are equal.
        let shown = |alert: &ActiveAlert| {
            let expected = want.iter().find(|(labels, _)| *labels == alert.labels);
            let is_compared = expected.is_none_or(|(_, annotations)| annotations.is_some());
            (alert.labels.clone(), is_compared.then(|| alert.annotations.clone()))
        };
        let got: Vec<ShownAlert> = firing.into_iter().map(shown).collect();
        let name = test.alertname.as_deref().unwrap_or("(all)");
        let what = format!("alertname: {name}, time: {}", format_duration(test.eval_time.0));
        let (want, got) = (alerts_text(&want), alerts_text(&got));
        self.check(line, what, want, got);
    }

    fn recorded(&mut self, test: &RecordTest, line: usize) {
        let recorded = self.simulation.recorded(&test.record, test.eval_time.0);
        let got = samples_text(recorded.into_iter().map(|it| (it.labels.clone(), it.value)).collect());
        let what = format!("record: {}, time: {}", test.record, format_duration(test.eval_time.0));
        self.check(line, what, expected_text(&test.exp_samples), got);
    }

    fn expression(&mut self, test: &ExprTest, line: usize) {
        let got = self.answer(test).map_or_else(|err| err, samples_text);
        let what = format!("expr: {:?}, time: {}", test.expr.text, format_duration(test.eval_time.0));
        self.check(line, what, expected_text(&test.exp_samples), got);
    }

    fn answer(&self, test: &ExprTest) -> Result<Vec<(Labels, f64)>, String> {
        let times = QueryTimes::Instant(test.eval_time.0.saturating_mul(1_000_000));
        let mut query = MetricQuery::new(&test.expr.expr, times, None).map_err(|err| err.to_string())?;
        for line in self.lines {
            query.add(line).map_err(|err| err.to_string())?;
        }
        Ok(match query.finish().map_err(|err| err.to_string())? {
            QueryValue::Scalar(value) => vec![(Labels::default(), value)],
            QueryValue::Vector(samples) => {
                samples.into_iter().map(|sample| ((*sample.labels).clone(), sample.value)).collect()
            }
            QueryValue::Matrix(_) => Vec::new(),
        })
    }
}

fn line_of<T>(spanned: &serde_saphyr::Spanned<T>) -> usize {
    usize::try_from(spanned.referenced.line()).unwrap_or_default()
}

fn expected_text(samples: &[ExpectedSample]) -> String {
    let labels = |it: &ExpectedSample| Labels::new(it.labels.0.clone().into_iter().collect());
    samples_text(samples.iter().map(|it| (labels(it), it.value)).collect())
}

/// Samples a line each, ordered by labels. Sums of other orders differ in the
/// last digits: twelve are compared.
fn samples_text(mut samples: Vec<(Labels, f64)>) -> String {
    samples.sort_by(|a, b| a.0.cmp(&b.0));
    let rounded = |value: f64| format!("{value:.11e}").parse().unwrap_or(value);
    let lines = samples.into_iter().map(|(labels, value)| format!("\n        {labels} {}", rounded(value)));
    listed(&lines.collect::<String>())
}

/// Its labels, and its annotations where they are compared.
type ShownAlert = (Labels, Option<BTreeMap<String, String>>);

fn alerts_text(alerts: &[ShownAlert]) -> String {
    let mut text = String::new();
    for (number, (labels, annotations)) in alerts.iter().enumerate() {
        // Writing to a String does not fail.
        write!(text, "\n        {number}:\n          Labels:{labels}").unwrap_or_default();
        if let Some(annotations) = annotations {
            let annotations = annotations.iter().map(|(name, text)| (name.clone(), text.clone()));
            let annotations = Labels::new(annotations.collect());
            write!(text, "\n          Annotations:{annotations}").unwrap_or_default();
        }
    }
    listed(&text)
}

fn listed(lines: &str) -> String {
    if lines.is_empty() { "[]".to_owned() } else { format!("[{lines}\n      ]") }
}
