//! `| unpack`: the labels and the line that Promtail's `pack` stage put into
//! one JSON object. Without `_entry` the line was not packed and stays.

use std::borrow::Cow;

use super::LineLabels;
use super::labels::sanitize;
use crate::json::{JsonError, Scanner};

const ENTRY: &str = "_entry";

pub(super) fn process(line: &mut Cow<'_, str>, labels: &mut LineLabels<'_>) {
    if line.is_empty() {
        return;
    }
    match unpack(line) {
        Ok((Some(entry), found)) => {
            for (name, value) in found {
                labels.extract(&name, Cow::Owned(value));
            }
            *line = Cow::Owned(entry);
        }
        Ok((None, _)) => {}
        Err(err) => labels.set_parser_error("JSONParserErr", err.to_string()),
    }
}

type Packed = (Option<String>, Vec<(String, String)>);

fn unpack(line: &str) -> Result<Packed, JsonError> {
    if !line.trim_start().starts_with('{') {
        return Err(JsonError::NotAnObject);
    }
    let mut entry = None;
    let mut found = Vec::new();
    let mut scanner = Scanner::new(line);
    scanner.open_object()?;
    while let Some(key) = scanner.next_key()? {
        if scanner.peek() != Some(b'"') {
            scanner.skip_value()?;
            continue;
        }
        let text = scanner.string()?.into_owned();
        if key == ENTRY {
            entry = Some(text);
        } else {
            let mut name = String::new();
            sanitize(&key, &mut name);
            found.push((name, text));
        }
    }
    Ok((entry, found))
}
