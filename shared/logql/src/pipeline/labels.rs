//! The labels of a line on its way through the pipeline: those of the entry,
//! and what the stages changed about them.

use std::borrow::Cow;

use super::PipelineContext;
use crate::entry::{Entry, LabelKind};

/// Names the kind of error that a stage met.
pub const ERROR_LABEL: &str = "__error__";
/// Says more about it.
pub const DETAILS_LABEL: &str = "__error_details__";
/// Says that the query asked for errors, so that they do not fail it.
pub const PRESERVE_LABEL: &str = "__preserve_error__";

/// What an extracted name is given when the entry has it already.
const EXTRACTED_SUFFIX: &str = "_extracted";

/// The labels of a line. Reads fall through to the entry; changes are few.
pub struct LineLabels<'e> {
    entry: &'e dyn Entry,
    context: PipelineContext<'e>,
    changes: Vec<Change>,
    error: Option<&'static str>,
    details: String,
    preserved: bool,
}

struct Change {
    name: String,
    /// None: the label is gone.
    value: Option<String>,
    /// A parser found it: the first one keeps it.
    extracted: bool,
}

impl<'e> LineLabels<'e> {
    /// The labels of an entry, unchanged.
    pub(crate) fn new(entry: &'e dyn Entry, context: PipelineContext<'e>) -> Self {
        Self { entry, context, changes: Vec::new(), error: None, details: String::new(), preserved: false }
    }

    pub(crate) fn context(&self) -> PipelineContext<'e> {
        self.context
    }

    pub(crate) fn timestamp_nanos(&self) -> i64 {
        self.entry.timestamp_nanos()
    }

    fn change(&self, name: &str) -> Option<&Change> {
        self.changes.iter().find(|change| change.name == name)
    }

    /// The label's value, when it is there.
    pub fn get(&self, name: &str) -> Option<Cow<'_, str>> {
        if name.starts_with("__") {
            match name {
                ERROR_LABEL => return self.error.map(Cow::Borrowed),
                DETAILS_LABEL => return self.error.map(|_| Cow::Borrowed(self.details.as_str())),
                _ => {}
            }
        }
        match self.change(name) {
            Some(change) => change.value.as_deref().map(Cow::Borrowed),
            None => self.entry.label(name),
        }
    }

    /// Sets a label, whatever it was.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        match self.changes.iter_mut().find(|change| change.name == name) {
            Some(change) => change.value = Some(value),
            None => self.changes.push(Change { name: name.to_owned(), value: Some(value), extracted: false }),
        }
    }

    /// Sets a label that a parser found. A name that the entry has already
    /// gets a suffix; a name that a parser found before stays as it is.
    pub(crate) fn extract(&mut self, name: &str, value: Cow<'_, str>) {
        if self.entry.label(name).is_some() {
            self.extract_as(format!("{name}{EXTRACTED_SUFFIX}"), value);
        } else if !self.is_wanted(name) {
            // Nobody looks at it.
        } else if let Some(change) = self.changes.iter_mut().find(|change| change.name == name) {
            if !change.extracted {
                change.value = Some(value.into_owned());
                change.extracted = true;
            }
        } else {
            self.changes.push(Change {
                name: name.to_owned(),
                value: Some(value.into_owned()),
                extracted: true,
            });
        }
    }

    /// Whether the label may be asked for.
    fn is_wanted(&self, name: &str) -> bool {
        let required = self.context.required;
        required.is_empty() || required.iter().any(|wanted| wanted == name)
    }

    fn extract_as(&mut self, name: String, value: Cow<'_, str>) {
        match self.changes.iter_mut().find(|change| change.name == name) {
            Some(change) if change.extracted => {}
            Some(change) => {
                change.value = Some(value.into_owned());
                change.extracted = true;
            }
            None => self.changes.push(Change { name, value: Some(value.into_owned()), extracted: true }),
        }
    }

    /// Whether a parser found the label.
    pub(crate) fn was_extracted(&self, name: &str) -> bool {
        self.change(name).is_some_and(|change| change.extracted)
    }

    /// Whether parsers found all labels that are asked for.
    pub(crate) fn are_complete(&self) -> bool {
        let required = self.context.required;
        !required.is_empty() && required.iter().all(|name| self.was_extracted(name))
    }

    /// What `look` sees when there was no error.
    pub(crate) fn without_error<T>(&mut self, look: impl FnOnce(&mut Self) -> T) -> T {
        let (error, details) = (self.error.take(), std::mem::take(&mut self.details));
        let seen = look(self);
        (self.error, self.details) = (error, details);
        seen
    }

    /// Removes a label; removing the error clears it.
    pub(crate) fn remove(&mut self, name: &str) {
        match name {
            ERROR_LABEL => {
                self.error = None;
                self.details.clear();
                self.preserved = false;
                return;
            }
            DETAILS_LABEL => {
                self.details.clear();
                return;
            }
            PRESERVE_LABEL => {
                self.preserved = false;
                return;
            }
            _ => {}
        }
        if let Some(change) = self.changes.iter_mut().find(|change| change.name == name) {
            change.value = None;
        } else if self.entry.label(name).is_some() {
            self.changes.push(Change { name: name.to_owned(), value: None, extracted: false });
        }
    }

    /// Whether a stage met an error that was not cleared.
    pub fn has_error(&self) -> bool {
        self.error.is_some()
    }

    /// The kind of the last error.
    pub fn error(&self) -> Option<&'static str> {
        self.error
    }

    /// Whether the error does not fail a metric query.
    pub fn error_is_preserved(&self) -> bool {
        self.preserved
    }

    pub(crate) fn set_error(&mut self, error: &'static str, details: String) {
        self.error = Some(error);
        self.details = details;
    }

    /// An error of a parser: a query that asks for errors may see it.
    pub(crate) fn set_parser_error(&mut self, error: &'static str, details: String) {
        self.set_error(error, details);
        self.preserved |= self.context.preserves_errors;
    }

    /// Calls `visit` with every label, the error's among them, in any order.
    pub fn visit(&self, visit: &mut dyn FnMut(LabelKind, &str, &str)) {
        self.entry.visit_labels(&mut |name, value| {
            if self.changes.is_empty() || self.change(name).is_none() {
                visit(self.entry.label_kind(name), name, value);
            }
        });
        for change in &self.changes {
            if let Some(value) = &change.value {
                visit(LabelKind::Parsed, &change.name, value);
            }
        }
        if let Some(error) = self.error {
            visit(LabelKind::Parsed, ERROR_LABEL, error);
            if !self.details.is_empty() {
                visit(LabelKind::Parsed, DETAILS_LABEL, &self.details);
            }
            if self.preserved {
                visit(LabelKind::Parsed, PRESERVE_LABEL, "true");
            }
        }
    }
}

/// A key of a line as a label's name: what is not an ASCII letter, a digit or
/// `_` becomes `_`, and a name does not begin with a digit.
pub(super) fn sanitize(key: &str, out: &mut String) {
    let key = key.trim();
    if out.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
}
