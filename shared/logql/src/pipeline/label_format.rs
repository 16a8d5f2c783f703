//! `| label_format new=old, text="{{.a}} {{.b}}"`.

use super::LineLabels;
use crate::template::Template;

/// One label that is set.
#[derive(Debug, Clone, PartialEq)]
pub enum LabelFormat {
    /// The label `to` gets the value of `from`, which goes.
    Rename {
        /// The new name.
        to: String,
        /// The old name.
        from: String,
    },
    /// The label `to` gets the text.
    Template {
        /// The label.
        to: String,
        /// Its text.
        template: Template,
    },
}

impl LabelFormat {
    pub(super) fn reads_line(&self) -> bool {
        matches!(self, Self::Template { template, .. } if template.source().contains("__line__"))
    }

    /// The label that is set.
    pub fn target(&self) -> &str {
        match self {
            Self::Rename { to, .. } | Self::Template { to, .. } => to,
        }
    }
}

pub(super) fn process(formats: &[LabelFormat], line: &str, labels: &mut LineLabels<'_>) {
    for format in formats {
        match format {
            LabelFormat::Rename { to, from } => {
                if let Some(value) = labels.get(from).map(|value| value.into_owned()) {
                    labels.set(to, value);
                    labels.remove(from);
                }
            }
            LabelFormat::Template { to, template } => match template.render(line, labels) {
                Ok(text) => labels.set(to, text),
                Err(err) => labels.set_error("TemplateFormatErr", format!("template: label:1: {err}")),
            },
        }
    }
}
