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

/// All templates see the labels as the first one did, as in Loki; renaming does not.
pub(super) fn process(formats: &[LabelFormat], line: &str, labels: &mut LineLabels<'_>) {
    let mut seen = None;
    for format in formats {
        match format {
            LabelFormat::Rename { to, from } => labels.rename(from, to),
            LabelFormat::Template { to, template } => {
                let text = match formats {
                    [_] => template.render(line, labels),
                    _ => template.render(line, seen.get_or_insert_with(|| labels.clone())),
                };
                match text {
                    Ok(text) => labels.set(to, text),
                    Err(err) => labels.set_error("TemplateFormatErr", format!("template: label:1: {err}")),
                }
            }
        }
    }
}
