//! Go's `text/template` as far as `line_format` and `label_format` need it:
//! actions, pipelines, variables, `if`, `range`, `with`, and the functions that
//! Loki documents. Nothing is read but the line, its labels and the time.
//!
//! Language: <https://pkg.go.dev/text/template>; functions:
//! <https://grafana.com/docs/loki/latest/query/template_functions/>.

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

use crate::pipeline::LineLabels;
use parse::Node;

/// A template, ready to run.
#[derive(Clone)]
pub struct Template {
    source: String,
    nodes: Arc<Vec<Node>>,
    fields: Arc<Vec<String>>,
    reads_clock: bool,
}

/// Why a template is not one, or could not be run for a line.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("template: line:1: {message}")]
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
        let parsed = parse::parse(source)?;
        Ok(Self {
            source: source.to_owned(),
            nodes: Arc::new(parsed.nodes),
            fields: Arc::new(parsed.fields),
            reads_clock: parsed.reads_clock,
        })
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The labels that it names.
    pub fn fields(&self) -> &[String] {
        &self.fields
    }

    /// Whether its text depends on when it is asked for.
    pub fn reads_clock(&self) -> bool {
        self.reads_clock
    }

    /// The text for a line.
    pub fn render(&self, line: &str, labels: &LineLabels<'_>) -> Result<String, TemplateError> {
        eval::render(&self.nodes, line, labels)
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
