//! Templates of alerts: the labels and annotations of rules.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use super::eval::{self, Scope};
use super::parse::{self, Parsed};
use super::value::Value;
use super::{Dialect, TemplateError};

/// The variables that Prometheus sets before the template begins.
const VARIABLES: [&str; 4] = ["labels", "externalLabels", "externalURL", "value"];

/// A template of an alert, ready to run.
#[derive(Clone)]
pub struct AlertTemplate {
    source: String,
    parsed: Arc<Parsed>,
}

/// What a template of an alert sees: `.Labels`, `.Value`, `.ExternalLabels`,
/// `.ExternalURL`, and the variables of these names.
#[derive(Debug, Clone, Default)]
pub struct AlertSubject {
    /// The labels of the series.
    pub labels: BTreeMap<String, String>,
    /// Its value.
    pub value: f64,
    /// Labels of the installation.
    pub external_labels: BTreeMap<String, String>,
    /// Where the installation is reached.
    pub external_url: String,
}

impl AlertTemplate {
    /// Reads a template. Functions that need a query engine or Prometheus' own
    /// pages are refused with the reason.
    pub fn new(source: &str) -> Result<Self, TemplateError> {
        let parsed = parse::parse(source, Dialect::Alert, &VARIABLES)?;
        Ok(Self { source: source.to_owned(), parsed: Arc::new(parsed) })
    }

    /// The template as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The text for an alert.
    pub fn render(&self, subject: &AlertSubject) -> Result<String, TemplateError> {
        let labels = Value::Texts(Arc::new(subject.labels.clone()));
        let external_labels = Value::Texts(Arc::new(subject.external_labels.clone()));
        let external_url = Value::Text(subject.external_url.clone());
        let value = Value::Float(subject.value);
        let variables = [labels.clone(), external_labels.clone(), external_url.clone(), value.clone()];
        let variables = VARIABLES.iter().map(|name| (*name).to_owned()).zip(variables).collect();
        let dot = [
            ("Labels", labels),
            ("ExternalLabels", external_labels),
            ("ExternalURL", external_url),
            ("Value", value),
        ];
        let dot = Value::Map(dot.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let scope = Scope::Alert { external_url: &subject.external_url };
        eval::render(&self.parsed, scope, dot, variables)
    }
}

impl PartialEq for AlertTemplate {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for AlertTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.source)
    }
}
