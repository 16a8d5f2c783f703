//! `| drop a, b="x"` and `| keep a, b="x"`.

use std::borrow::Cow;

use super::{DETAILS_LABEL, ERROR_LABEL, LineLabels, PRESERVE_LABEL};
use crate::ast::LabelSelection;

impl LabelSelection {
    /// The label's name.
    pub fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Matching(matcher) => &matcher.name,
        }
    }

    fn accepts(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Name(wanted) => wanted == name,
            Self::Matching(matcher) => matcher.name == name && matcher.accepts(value),
        }
    }
}

pub(super) fn drop_labels(selections: &[LabelSelection], labels: &mut LineLabels<'_>) {
    for selection in selections {
        let name = selection.name();
        let drops = labels.get(name).is_some_and(|value| selection.accepts(name, &value));
        if drops {
            labels.remove(name);
        }
    }
}

/// The labels of an error stay. Metadata that is found by name alone and is kept here
/// tells series apart from here on.
pub(super) fn keep_labels(selections: &[LabelSelection], labels: &mut LineLabels<'_>) {
    let mut gone = Vec::new();
    let mut by_name: Vec<&LabelSelection> = selections.iter().collect();
    labels.visit(&mut |_, name, value| {
        by_name.retain(|selection| selection.name() != name);
        let special = [ERROR_LABEL, DETAILS_LABEL, PRESERVE_LABEL].contains(&name);
        if !special && !selections.iter().any(|selection| selection.accepts(name, value)) {
            gone.push(name.to_owned());
        }
    });
    gone.iter().for_each(|name| labels.remove(name));
    for selection in by_name {
        let name = selection.name();
        let value = labels.get(name).filter(|value| selection.accepts(name, value)).map(Cow::into_owned);
        if let Some(value) = value {
            labels.set(name, value);
        }
    }
}
