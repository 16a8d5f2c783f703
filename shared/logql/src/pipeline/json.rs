//! `| json`: every member of the line's object as a label, nested names joined
//! by `_`; or only the members that are asked for.
//!
//! Arrays and nulls make no label. What stands before a fault is extracted.

use std::borrow::Cow;

use super::LineLabels;
use super::json_path::JsonPath;
use super::labels::sanitize;
use crate::json::{JsonError, Scanner};

/// The parser of JSON lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct JsonParser {
    /// Labels and where in the line they are; without any, all members are taken.
    pub labels: Vec<(String, JsonPath)>,
}

impl JsonParser {
    pub(super) fn process(&self, line: &str, labels: &mut LineLabels<'_>) {
        if self.labels.is_empty() {
            let mut scanner = Scanner::new(line);
            let mut name = String::new();
            if let Err(err) = flatten(&mut scanner, &mut name, labels) {
                labels.set_parser_error("JSONParserErr", err.to_string());
            }
        } else {
            self.take_paths(line, labels);
        }
    }

    fn take_paths(&self, line: &str, labels: &mut LineLabels<'_>) {
        if !line.trim_start().starts_with(['{', '[']) {
            labels.set_parser_error("JSONParserErr", String::new());
            return;
        }
        for (name, path) in &self.labels {
            match path.find(line) {
                Some(value) => labels.extract(name, value),
                None if labels.get(name).is_none() => labels.set(name, String::new()),
                None => {}
            }
        }
    }
}

/// Adds the members of the object at the scanner's place, their names behind `name`.
fn flatten(
    scanner: &mut Scanner<'_>,
    name: &mut String,
    labels: &mut LineLabels<'_>,
) -> Result<(), JsonError> {
    scanner.open_object()?;
    let outer = name.len();
    while let Some(key) = scanner.next_key()? {
        name.truncate(outer);
        if outer > 0 {
            name.push('_');
        }
        sanitize(&key, name);
        match scanner.peek() {
            Some(b'{') => flatten(scanner, name, labels)?,
            Some(b'[' | b'n') => {
                scanner.skip_value()?;
            }
            Some(b'"') => {
                let value = scanner.string()?;
                add(name, value, labels);
            }
            _ => {
                let value = scanner.skip_value()?;
                add(name, Cow::Borrowed(value), labels);
            }
        }
        if labels.are_complete() {
            return Ok(());
        }
    }
    name.truncate(outer);
    Ok(())
}

fn add(name: &str, value: Cow<'_, str>, labels: &mut LineLabels<'_>) {
    if name.is_empty() {
        return;
    }
    // What is not text in the line is not text in a label.
    if value.contains('\u{fffd}') {
        labels.extract(name, Cow::Owned(value.replace('\u{fffd}', "")));
    } else {
        labels.extract(name, value);
    }
}
