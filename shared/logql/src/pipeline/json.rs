//! `| json`: every member of the line's object as a label, nested names joined
//! by `_`; or only the members that are asked for.
//!
//! Arrays and nulls make no label. What stands before a fault is extracted.

use std::borrow::Cow;

use super::LineLabels;
use super::json_path::JsonPath;
use super::labels::sanitize;
use super::shared_line::{Fields, SharedLine};
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
            let found = members(line, &mut |name, value| {
                labels.extract(name, value);
                labels.are_complete()
            });
            if let Err((error, details)) = found {
                labels.set_parser_error(error, details);
            }
        } else {
            self.take_paths(line, labels);
        }
    }

    /// As [`JsonParser::process`], with what others found in the line of this
    /// entry, whose labels are as they were. False: nothing was done.
    pub(super) fn process_shared<'e>(&self, shared: &'e SharedLine, labels: &mut LineLabels<'e>) -> bool {
        let entry = labels.entry();
        let read = || Fields::read(entry, |take| members(entry.line(), take));
        let fields = if self.labels.is_empty() { shared.json(read) } else { None };
        fields.is_some_and(|fields| labels.take_over(fields))
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

/// Gives the members of the line's object to `take`, the names of nested ones
/// joined, until it says that it has enough.
fn members(
    line: &str,
    take: &mut dyn FnMut(&str, Cow<'_, str>) -> bool,
) -> Result<(), (&'static str, String)> {
    // Of an object that has no end, nothing is taken: only a line that was cut has one.
    let is_cut = !line.trim_ascii_end().ends_with('}');
    // What is not text in the line is not text in a label.
    let is_text = !line.contains(char::REPLACEMENT_CHARACTER);
    let mut give = |name: &str, value: Cow<'_, str>| {
        if (is_text && matches!(value, Cow::Borrowed(_))) || !value.contains(char::REPLACEMENT_CHARACTER) {
            take(name, value)
        } else {
            take(name, Cow::Owned(value.replace(char::REPLACEMENT_CHARACTER, "")))
        }
    };
    let ended = flatten(&mut Scanner::new(line), is_cut, &mut String::new(), &mut give);
    ended.map(|_| ()).map_err(|err| ("JSONParserErr", err.to_string()))
}

/// The members of the object at the scanner's place, their names behind
/// `name`; true when `take` has enough.
fn flatten(
    scanner: &mut Scanner<'_>,
    is_cut: bool,
    name: &mut String,
    take: &mut dyn FnMut(&str, Cow<'_, str>) -> bool,
) -> Result<bool, JsonError> {
    scanner.open_object()?;
    let outer = name.len();
    while let Some(key) = scanner.next_key()? {
        name.truncate(outer);
        if outer > 0 {
            name.push('_');
        }
        sanitize(&key, name);
        let has_enough = match scanner.peek() {
            Some(b'{') if is_cut && !scanner.closes() => return Err(JsonError::Malformed),
            Some(b'{') => flatten(scanner, is_cut, name, take)?,
            Some(b'[' | b'n') => {
                scanner.skip_value()?;
                false
            }
            Some(b'"') => {
                let value = scanner.string()?;
                give(name, value, take)
            }
            _ => {
                let value = scanner.skip_value()?;
                give(name, Cow::Borrowed(value), take)
            }
        };
        if has_enough {
            return Ok(true);
        }
    }
    name.truncate(outer);
    Ok(false)
}

fn give(name: &str, value: Cow<'_, str>, take: &mut dyn FnMut(&str, Cow<'_, str>) -> bool) -> bool {
    !name.is_empty() && take(name, value)
}
