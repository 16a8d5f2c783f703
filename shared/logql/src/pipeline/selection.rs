//! `| drop a, b="x"` and `| keep a, b="x"`.

use super::LineLabels;
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

/// The labels of an error stay.
pub(super) fn keep_labels(selections: &[LabelSelection], labels: &mut LineLabels<'_>) {
    let mut names: Vec<&str> = selections.iter().map(LabelSelection::name).collect();
    names.sort_unstable();
    names.dedup();
    labels.keep(&names, |name, value| selections.iter().any(|selection| selection.accepts(name, value)));
}
