//! Go's `text/template`: actions, pipelines, variables, `if`, `range`, `with`,
//! `define`; for lines (`line_format`, `label_format`) with the functions that
//! Loki documents, for alerts with those of Prometheus. Nothing is read but what
//! the template is given, and a template that runs on and on is stopped.
//!
//! Language: <https://pkg.go.dev/text/template>; functions:
//! <https://grafana.com/docs/loki/latest/query/template_functions/> and
//! <https://prometheus.io/docs/prometheus/latest/configuration/template_reference/>.

mod alert;
mod eval;
mod functions;
mod layout;
mod number;
mod parse;
mod printf;
mod token;
mod value;

use std::fmt;
use std::sync::Arc;

pub use alert::{AlertSubject, AlertTemplate};

use crate::pipeline::LineLabels;
use eval::Scope;
use parse::Parsed;
use value::Value;

/// Whose functions a template has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Dialect {
    /// Loki's, for lines.
    Line,
    /// Prometheus', for alerts.
    Alert,
}

/// A template of a line or a label, ready to run.
#[derive(Clone)]
pub struct Template {
    source: String,
    parsed: Arc<Parsed>,
}

/// Why a template is not one, or could not be run for a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// What is wrong.
    pub message: String,
}

impl TemplateError {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl Template {
    /// Reads a template.
    pub(crate) fn new(source: &str) -> Result<Self, TemplateError> {
        let parsed = parse::parse(source, Dialect::Line, &[])?;
        Ok(Self { source: source.to_owned(), parsed: Arc::new(parsed) })
    }

    /// Stands for a template that could not be read, until the parser has decided
    /// whether anything needs it. Its text is empty.
    pub(crate) fn unread(source: &str) -> Self {
        Self { source: source.to_owned(), parsed: Arc::default() }
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The labels that it names.
    pub fn fields(&self) -> &[String] {
        &self.parsed.fields
    }

    /// Whether its text depends on when it is asked for.
    pub fn reads_clock(&self) -> bool {
        self.parsed.reads_clock
    }

    /// The text for a line.
    pub fn render(&self, line: &str, labels: &LineLabels<'_>) -> Result<String, TemplateError> {
        eval::render(&self.parsed, Scope::Line(line, labels), Value::Labels, Vec::new())
    }
}

impl PartialEq for Template {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}
