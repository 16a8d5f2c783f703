//! `servers[0].name` and `request["User-Agent"]`: one place in a JSON line.

use std::borrow::Cow;

use crate::json::{JsonError, Scanner};

/// A place in a JSON document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JsonPath {
    source: String,
    steps: Vec<PathStep>,
}

/// One step into a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PathStep {
    /// The member of an object.
    Key(String),
    /// The element of an array, from 0.
    Index(usize),
}

impl JsonPath {
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let steps = read(source.trim()).ok_or_else(|| {
            format!("cannot parse expression [{source}]: syntax error: a path is written like a.b[0][\"c\"]")
        })?;
        Ok(Self { source: source.to_owned(), steps })
    }

    /// The path as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The name, when the path is a single one.
    pub(crate) fn single_key(&self) -> Option<&str> {
        match self.steps.as_slice() {
            [PathStep::Key(key)] => Some(key),
            _ => None,
        }
    }

    /// What stands there: a text without its quotes, anything else as it is
    /// written, null as nothing.
    pub(super) fn find<'a>(&self, line: &'a str) -> Option<Cow<'a, str>> {
        find(line, &self.steps).ok().flatten()
    }
}

fn find<'a>(line: &'a str, steps: &[PathStep]) -> Result<Option<Cow<'a, str>>, JsonError> {
    let mut scanner = Scanner::new(line);
    for step in steps {
        let found = match step {
            PathStep::Key(wanted) => scanner.enter_key(wanted)?,
            PathStep::Index(wanted) => scanner.enter_index(*wanted)?,
        };
        if !found {
            return Ok(None);
        }
    }
    Ok(Some(match scanner.peek() {
        Some(b'"') => scanner.string()?,
        Some(b'n') => Cow::Borrowed(""),
        _ => Cow::Borrowed(scanner.skip_value()?),
    }))
}

fn read(source: &str) -> Option<Vec<PathStep>> {
    let mut steps = Vec::new();
    let mut rest = source;
    while !rest.is_empty() {
        if let Some(inner) = rest.strip_prefix('[') {
            if let Some(quoted) = inner.strip_prefix('"') {
                let (key, after) = quoted.split_once('"')?;
                steps.push(PathStep::Key(key.to_owned()));
                rest = after.strip_prefix(']')?;
            } else {
                let (index, after) = inner.split_once(']')?;
                steps.push(PathStep::Index(index.parse().ok()?));
                rest = after;
            }
        } else {
            rest = match rest.strip_prefix('.') {
                Some(after) if !steps.is_empty() => after,
                None if steps.is_empty() => rest,
                _ => return None,
            };
            let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
            let (key, after) = rest.split_at(end);
            if key.is_empty() || key.starts_with(|c: char| c.is_ascii_digit()) {
                return None;
            }
            steps.push(PathStep::Key(key.to_owned()));
            rest = after;
        }
    }
    (!steps.is_empty()).then_some(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_to_values() {
        let line = r#"{"a":{"b":[1,{"c":"x\"y"}],"User-Agent":"curl"},"n":null,"o":{"k": true}, "b": false}"#;
        for (path, expected) in [
            ("a.b[0]", Some("1")),
            ("a.b[1].c", Some("x\"y")),
            ("a[\"User-Agent\"]", Some("curl")),
            ("a[\"b\"][1][\"c\"]", Some("x\"y")),
            ("n", Some("")),
            ("o", Some(r#"{"k": true}"#)),
            ("b", Some("false")),
            ("a.b[2]", None),
            ("a.x", None),
            ("n.x", None),
        ] {
            assert_eq!(JsonPath::new(path).unwrap().find(line).as_deref(), expected, "{path}");
        }
        for path in ["", ".a", "a..b", "a[", "a[x]", "a.", "1a", "a b"] {
            assert!(JsonPath::new(path).is_err(), "{path}");
        }
    }
}
