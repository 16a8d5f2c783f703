//! `| regexp "(?P<method>\\w+) .."`: a label for each named group.

use std::borrow::Cow;

use regex_syntax::hir::{Hir, HirKind};

use super::LineLabels;
use super::labels::sanitize;
use crate::pattern::Pattern;

/// A parser by a regular expression.
#[derive(Debug, Clone, PartialEq)]
pub struct RegexpParser {
    /// The expression.
    pub pattern: Pattern,
    /// The named groups: their numbers and labels.
    groups: Vec<(usize, String)>,
}

impl RegexpParser {
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        if let Some(name) = doubled_group(source) {
            return Err(format!("duplicate extracted label name '{name}'"));
        }
        let pattern = Pattern::new(source)?;
        let mut groups: Vec<(usize, String)> = Vec::new();
        let mut captures = Vec::new();
        if let Some(hir) = pattern.syntax() {
            named_captures(&hir, &mut captures);
        }
        for (number, name) in captures {
            let mut label = String::new();
            sanitize(&name, &mut label);
            if groups.iter().any(|(_, other)| *other == label) {
                return Err(format!("duplicate extracted label name '{label}'"));
            }
            groups.push((number, label));
        }
        if groups.is_empty() {
            return Err("at least one named capture must be supplied".to_owned());
        }
        Ok(Self { pattern, groups })
    }

    pub(super) fn process(&self, line: &str, labels: &mut LineLabels<'_>) {
        let Some(found) = self.pattern.regex().and_then(|regex| regex.captures(line)) else {
            return;
        };
        for (number, label) in &self.groups {
            let text = found.get(*number).map_or("", |group| group.as_str());
            labels.extract(label, Cow::Borrowed(text));
        }
    }
}

/// The numbers and the names of the groups that have one.
fn named_captures(hir: &Hir, found: &mut Vec<(usize, String)>) {
    match hir.kind() {
        HirKind::Capture(capture) => {
            if let Some(name) = &capture.name {
                found.push((capture.index as usize, name.to_string()));
            }
            named_captures(&capture.sub, found);
        }
        HirKind::Repetition(repetition) => named_captures(&repetition.sub, found),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => {
            parts.iter().for_each(|part| named_captures(part, found));
        }
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => {}
    }
}

/// A name that two groups have, which the library's error would not tell.
fn doubled_group(source: &str) -> Option<&str> {
    let mut names = Vec::new();
    for part in source.split("(?").skip(1) {
        let part = part.strip_prefix('P').unwrap_or(part);
        let name = part.strip_prefix('<').and_then(|part| part.split_once('>')).map(|(name, _)| name);
        match name {
            Some(name) if names.contains(&name) => return Some(name),
            Some(name) => names.push(name),
            None => {}
        }
    }
    None
}
