//! A file of unit tests, read.

use std::collections::BTreeMap;

use catchment_logql::{Expr, MatchValue, MetricExpr, parse, parse_duration};
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::UnitTestError;

/// The longest file of unit tests, in bytes.
pub const MAX_TEST_FILE_BYTES: usize = 1024 * 1024;
/// The most lines that one test may write.
pub const MAX_TEST_LINES: u64 = 100_000;
/// The latest time that a test may ask about, in milliseconds: a month.
pub const MAX_TEST_MS: i64 = 31 * 24 * 3_600_000;

/// A file of unit tests.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UnitTestFile {
    /// The rule files under test, relative to this one.
    pub rule_files: Vec<String>,
    /// The interval of groups that state none, in milliseconds.
    #[serde(default = "Millis::minute")]
    pub(crate) evaluation_interval: Millis,
    /// The tests.
    pub(crate) tests: Vec<Spanned<UnitTest>>,
}

/// Lines, and what the rules make of them.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UnitTest {
    #[serde(default)]
    pub(crate) name: String,
    /// The time between the repetitions of a line that do not state it.
    #[serde(default)]
    pub(crate) interval: Option<Millis>,
    #[serde(default)]
    pub(crate) input_lines: Vec<InputLines>,
    #[serde(default)]
    pub(crate) alert_rule_test: Vec<Spanned<AlertTest>>,
    #[serde(default)]
    pub(crate) record_rule_test: Vec<Spanned<RecordTest>>,
    #[serde(default)]
    pub(crate) logql_expr_test: Vec<Spanned<ExprTest>>,
}

/// Lines of one stream.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputLines {
    /// The labels of the lines, those of their stream and those of each line.
    #[serde(default)]
    pub(crate) labels: LabelSet,
    /// The log group; with it, or with a service, lines are read as ingest reads them.
    #[serde(default)]
    pub(crate) log_group: Option<String>,
    #[serde(default)]
    pub(crate) log_stream: Option<String>,
    #[serde(default)]
    pub(crate) service: Option<String>,
    pub(crate) lines: Vec<InputLine>,
}

/// A line, once or again and again.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct InputLine {
    pub(crate) at: Millis,
    /// `{{.i}}` in it stands for the number of the repetition, from 0.
    pub(crate) line: String,
    #[serde(default)]
    pub(crate) repeat: Option<Repeat>,
}

/// How often a line is there.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Repeat {
    #[serde(default)]
    pub(crate) every: Option<Millis>,
    pub(crate) times: u32,
}

/// Which alerts of a name fire at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AlertTest {
    pub(crate) eval_time: Millis,
    /// Left out: all alerts.
    #[serde(default)]
    pub(crate) alertname: Option<String>,
    #[serde(default)]
    pub(crate) exp_alerts: Vec<ExpectedAlert>,
}

/// An alert that fires.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedAlert {
    #[serde(default)]
    pub(crate) exp_labels: BTreeMap<String, String>,
    /// Left out: whatever they are.
    #[serde(default)]
    pub(crate) exp_annotations: Option<BTreeMap<String, String>>,
}

/// Which samples a recording rule gives at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordTest {
    pub(crate) eval_time: Millis,
    pub(crate) record: String,
    #[serde(default)]
    pub(crate) exp_samples: Vec<ExpectedSample>,
}

/// What an expression gives at a time.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExprTest {
    pub(crate) eval_time: Millis,
    pub(crate) expr: MetricText,
    #[serde(default)]
    pub(crate) exp_samples: Vec<ExpectedSample>,
}

/// A value of a series.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExpectedSample {
    #[serde(default)]
    pub(crate) labels: LabelSet,
    pub(crate) value: f64,
}

/// A duration as rules write it, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Millis(pub(crate) i64);

impl Millis {
    fn minute() -> Self {
        Self(60_000)
    }
}

impl TryFrom<String> for Millis {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match parse_duration(&text) {
            Ok(millis) if millis > MAX_TEST_MS => {
                Err(format!("{text} is too long: the most a test may span (MAX_TEST_MS) is 31 days"))
            }
            Ok(millis) => Ok(Self(millis)),
            Err(err) => Err(err.to_string()),
        }
    }
}

/// Labels as a selector writes them: `{service="api", level="error"}`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct LabelSet(pub(crate) BTreeMap<String, String>);

impl TryFrom<String> for LabelSet {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        if text.trim() == "{}" {
            return Ok(Self::default());
        }
        let no_labels =
            || format!("{text:?} are no labels; write them as in a selector: '{{service=\"api\"}}'");
        let expr = match parse(&text) {
            Ok(Expr::Log(expr)) if expr.stages.is_empty() => expr,
            Ok(_) => return Err(no_labels()),
            Err(err) => return Err(format!("{}: {err}", no_labels())),
        };
        let mut labels = BTreeMap::new();
        for matcher in expr.matchers {
            let (false, MatchValue::Text(value)) = (matcher.negated, matcher.value) else {
                return Err(no_labels());
            };
            if labels.insert(matcher.name.clone(), value).is_some() {
                return Err(format!("the label \"{}\" is there twice", matcher.name));
            }
        }
        Ok(Self(labels))
    }
}

/// A metric expression.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct MetricText {
    pub(crate) text: String,
    pub(crate) expr: MetricExpr,
}

impl TryFrom<String> for MetricText {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        match parse(&text) {
            Ok(Expr::Metric(expr)) => Ok(Self { text: text.trim().to_owned(), expr }),
            Ok(Expr::Log(_)) => Err("an expression gives numbers; this one gives lines".to_owned()),
            Err(err) => Err(err.to_string()),
        }
    }
}

impl UnitTestFile {
    /// Reads a file; the first fault is the error.
    pub fn parse(text: &str) -> Result<Self, UnitTestError> {
        let fault = |line, column, message| UnitTestError { line, column, message };
        if text.len() > MAX_TEST_FILE_BYTES {
            let bytes = text.len();
            let message =
                format!("the file has {bytes} bytes; the limit MAX_TEST_FILE_BYTES is {MAX_TEST_FILE_BYTES}");
            return Err(fault(0, 0, message));
        }
        let file: Self = serde_saphyr::from_str(text).map_err(|err| {
            let at = err.location();
            let number = |n: Option<u64>| n.and_then(|n| usize::try_from(n).ok()).unwrap_or_default();
            let text = err.without_snippet().to_string();
            let message = text.lines().next().unwrap_or_default();
            let message = message.rsplit_once(" at line ").map_or(message, |(what, _)| what);
            fault(number(at.map(|at| at.line())), number(at.map(|at| at.column())), message.to_owned())
        })?;
        Ok(file)
    }
}
