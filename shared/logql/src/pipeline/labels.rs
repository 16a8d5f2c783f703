//! The labels of a line on its way through the pipeline: those of the entry,
//! and what the stages changed about them.

use std::borrow::Cow;

use super::PipelineContext;
use super::shared_line::Fields;
use crate::entry::{Entry, LabelKind};

/// Names the kind of error that a stage met.
pub const ERROR_LABEL: &str = "__error__";
/// Says more about it.
pub const DETAILS_LABEL: &str = "__error_details__";
/// Says that the query asked for errors, so that they do not fail it.
pub const PRESERVE_LABEL: &str = "__preserve_error__";

/// What an extracted name is given when the entry has it already.
pub(super) const EXTRACTED_SUFFIX: &str = "_extracted";

/// The labels of a line. Reads fall through to what parsers found, then to the
/// entry; changes are few.
#[derive(Clone)]
pub struct LineLabels<'e> {
    entry: &'e dyn Entry,
    context: PipelineContext<'e>,
    changes: Vec<Change>,
    /// The labels of the entry, and of those found, that are still there;
    /// without it all are that did not change.
    kept: Option<Vec<String>>,
    /// What the first parser found, shared with other pipelines.
    found: Option<Found<'e>>,
    error: Option<&'static str>,
    details: String,
    preserved: bool,
}

#[derive(Clone, Copy)]
struct Found<'e> {
    fields: &'e Fields,
    /// The parser needed no more than so many of them.
    taken: usize,
}

#[derive(Clone)]
struct Change {
    name: String,
    /// None: the label is gone.
    value: Option<String>,
    kind: LabelKind,
    /// A parser found it: the first one keeps it.
    extracted: bool,
}

impl<'e> LineLabels<'e> {
    /// The labels of an entry, unchanged.
    pub(crate) fn new(entry: &'e dyn Entry, context: PipelineContext<'e>) -> Self {
        Self {
            entry,
            context,
            changes: Vec::new(),
            kept: None,
            found: None,
            error: None,
            details: String::new(),
            preserved: false,
        }
    }

    pub(crate) fn context(&self) -> PipelineContext<'e> {
        self.context
    }

    pub(super) fn entry(&self) -> &'e dyn Entry {
        self.entry
    }

    /// Whether the labels are those of the entry.
    pub(super) fn are_unchanged(&self) -> bool {
        self.changes.is_empty() && self.kept.is_none() && self.found.is_none()
    }

    /// Whether a label that did not change is there no more.
    fn is_gone(&self, name: &str) -> bool {
        self.kept.as_ref().is_some_and(|kept| !kept.iter().any(|kept| kept == name))
    }

    /// Takes over what a parser found in the line of the entry, as if each
    /// field was extracted one after the other until all that is asked for is
    /// there. Refused when the labels were changed before.
    pub(super) fn take_over(&mut self, fields: &'e Fields) -> bool {
        if !self.are_unchanged() {
            return false;
        }
        let required = self.context.required;
        let last = match required {
            [] => None,
            names => {
                names.iter().map(|name| fields.find(name, true)).try_fold(0, |last, at| Some(at?.max(last)))
            }
        };
        let taken = last.map_or(fields.len(), |last| last + 1);
        self.found = Some(Found { fields, taken });
        if let (None, Some((error, details))) = (last, &fields.error) {
            self.set_parser_error(error, details.clone());
        }
        true
    }

    /// The value that the shared parser found.
    fn found(&self, name: &str) -> Option<&str> {
        let Found { fields, taken } = self.found?;
        let number = fields.find(name, self.is_wanted(name)).filter(|number| *number < taken)?;
        Some(fields.value(number, self.entry.line()))
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
            None if self.is_gone(name) => None,
            None => match self.found(name) {
                Some(value) => Some(Cow::Borrowed(value)),
                None => self.entry.label(name),
            },
        }
    }

    /// Sets a label, whatever it was.
    pub(crate) fn set(&mut self, name: &str, value: String) {
        self.set_as(LabelKind::Parsed, name, value);
    }

    fn set_as(&mut self, kind: LabelKind, name: &str, value: String) {
        match self.changes.iter_mut().find(|change| change.name == name) {
            Some(change) => (change.value, change.kind) = (Some(value), kind),
            None => {
                let extracted = self.found(name).is_some();
                self.changes.push(Change { name: name.to_owned(), value: Some(value), kind, extracted });
            }
        }
    }

    /// Gives a label another name; it stays what kind of label it is.
    pub(crate) fn rename(&mut self, from: &str, to: &str) {
        let Some(value) = self.get(from).map(Cow::into_owned) else { return };
        let kind = match self.change(from) {
            Some(change) => change.kind,
            None if self.found(from).is_some() || from.starts_with("__error") => LabelKind::Parsed,
            None => self.entry.label_kind(from),
        };
        self.set_as(kind, to, value);
        self.remove(from);
    }

    /// Sets a label that a parser found. A name that the entry has already
    /// gets a suffix; a name that a parser found before stays as it is.
    pub(crate) fn extract(&mut self, name: &str, value: Cow<'_, str>) {
        if self.entry.has_label(name) {
            self.extract_as(&format!("{name}{EXTRACTED_SUFFIX}"), value);
        } else if self.is_wanted(name) {
            self.extract_as(name, value);
        }
    }

    /// Whether the label may be asked for.
    fn is_wanted(&self, name: &str) -> bool {
        let required = self.context.required;
        required.is_empty() || required.iter().any(|wanted| wanted == name)
    }

    fn extract_as(&mut self, name: &str, value: Cow<'_, str>) {
        let is_found = self.found(name).is_some();
        match self.changes.iter_mut().find(|change| change.name == name) {
            Some(change) if change.extracted => {}
            Some(change) => {
                (change.value, change.kind) = (Some(value.into_owned()), LabelKind::Parsed);
                change.extracted = true;
            }
            None if is_found => {}
            None => self.changes.push(Change {
                name: name.to_owned(),
                value: Some(value.into_owned()),
                kind: LabelKind::Parsed,
                extracted: true,
            }),
        }
    }

    /// Whether a parser found the label.
    pub(crate) fn was_extracted(&self, name: &str) -> bool {
        match self.change(name) {
            Some(change) => change.extracted,
            None => self.found(name).is_some(),
        }
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
        } else {
            let extracted = self.found(name).is_some();
            if extracted || self.entry.has_label(name) {
                let kind = LabelKind::Parsed;
                self.changes.push(Change { name: name.to_owned(), value: None, kind, extracted });
            }
        }
    }

    /// Removes all labels but those of these names whose value is accepted, and
    /// those of an error. Metadata that is found by name alone and is kept
    /// tells series apart from here on.
    pub(crate) fn keep(&mut self, names: &[&str], accepts: impl Fn(&str, &str) -> bool) {
        let is_of_error = |name: &str| [ERROR_LABEL, DETAILS_LABEL, PRESERVE_LABEL].contains(&name);
        let unchanged =
            names.iter().copied().filter(|name| !is_of_error(name) && self.change(name).is_none());
        let accepted = unchanged.filter(|name| self.get(name).is_some_and(|value| accepts(name, &value)));
        let (mut kept, mut by_name): (Vec<_>, Vec<_>) = accepted.partition(|name| self.found(name).is_some());
        if !by_name.is_empty() {
            self.entry.visit_labels(&mut |name, _| {
                kept.extend(by_name.extract_if(.., |by_name| *by_name == name));
            });
        }
        let kept: Vec<String> = kept.into_iter().map(str::to_owned).collect();
        let values = by_name.into_iter().filter_map(|name| Some((name, self.get(name)?.into_owned())));
        let values: Vec<(&str, String)> = values.collect();
        for change in &mut self.changes {
            let is_kept = |value: &String| is_of_error(&change.name) || accepts(&change.name, value);
            change.value = change.value.take().filter(is_kept);
        }
        self.kept = Some(kept);
        values.into_iter().for_each(|(name, value)| self.set(name, value));
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
            let is_as_it_was =
                || self.change(name).is_none() && self.found(name).is_none() && !self.is_gone(name);
            if self.are_unchanged() || is_as_it_was() {
                visit(self.entry.label_kind(name), name, value);
            }
        });
        if let Some(Found { fields, taken }) = self.found {
            for number in 0..taken {
                let name = fields.name(number);
                let is_label = fields.find(name, self.is_wanted(name)) == Some(number);
                if is_label && self.change(name).is_none() && !self.is_gone(name) {
                    visit(LabelKind::Parsed, name, fields.value(number, self.entry.line()));
                }
            }
        }
        for change in &self.changes {
            if let Some(value) = &change.value {
                visit(change.kind, &change.name, value);
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
    let is_name = key.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    let key = if is_name { key } else { key.trim() };
    if out.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    if is_name {
        out.push_str(key);
    } else {
        out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' }));
    }
}
