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
        let steps = read(source).map_err(|why| format!("cannot parse expression [{source}]: {why}"))?;
        Ok(Self { source: source.to_owned(), steps })
    }

    /// A key of a logfmt line: a name, or any text in quotes.
    pub(crate) fn logfmt_key(source: &str) -> Result<Self, String> {
        let fail = |why: String| format!("cannot parse expression [{source}]: {why}");
        let key = |piece: &str| piece.replace("FIELD", "KEY");
        let (first, rest) = piece(source).map_err(fail)?;
        let name = match first {
            Piece::Field(name) | Piece::Text(name) => name,
            Piece::End => return Err(fail(first.unexpected(&["STRING", "KEY"]))),
            Piece::Dot | Piece::Open | Piece::Close | Piece::Index(_) => {
                return Err(fail(format!("unexpected char {}", source.trim().chars().next().unwrap_or(' '))));
            }
        };
        match piece(rest).map_err(fail)? {
            (Piece::End, _) => Ok(Self { source: source.to_owned(), steps: vec![PathStep::Key(name)] }),
            (Piece::Dot, _) => Err(fail("unexpected char .".to_owned())),
            (Piece::Open, _) => Err(fail("unexpected char [".to_owned())),
            (Piece::Close, _) => Err(fail("unexpected char ]".to_owned())),
            (other, _) => Err(fail(key(&other.unexpected(&[])))),
        }
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

/// A piece of a path, and what Loki calls it.
enum Piece {
    Dot,
    Open,
    Close,
    Text(String),
    Field(String),
    Index(usize),
    End,
}

impl Piece {
    fn name(&self) -> &'static str {
        match self {
            Self::Dot => "DOT",
            Self::Open => "LSB",
            Self::Close => "RSB",
            Self::Text(_) => "STRING",
            Self::Field(_) => "FIELD",
            Self::Index(_) => "INDEX",
            Self::End => "$end",
        }
    }

    /// The error of this piece where one of the others was expected.
    fn unexpected(&self, expected: &[&str]) -> String {
        let expecting = match expected {
            [] => String::new(),
            names => format!(", expecting {}", names.join(" or ")),
        };
        format!("syntax error: unexpected {}{expecting}", self.name())
    }
}

/// The next piece, and what follows it.
fn piece(source: &str) -> Result<(Piece, &str), String> {
    let source = source.trim_start();
    let Some(c) = source.chars().next() else {
        return Ok((Piece::End, source));
    };
    let after = source.get(c.len_utf8()..).unwrap_or_default();
    let run = |accept: fn(char) -> bool| source.split_at(source.find(|c| !accept(c)).unwrap_or(source.len()));
    Ok(match c {
        '.' => (Piece::Dot, after),
        '[' => (Piece::Open, after),
        ']' => (Piece::Close, after),
        '"' => {
            let (text, after) = after.split_once('"').ok_or("literal not terminated")?;
            (Piece::Text(text.to_owned()), after)
        }
        c if c.is_ascii_digit() => {
            let (digits, after) = run(|c| c.is_ascii_digit());
            (Piece::Index(digits.parse().map_err(|_| format!("the index {digits} is too large"))?), after)
        }
        c if c.is_alphabetic() || c == '_' => {
            let (field, after) = run(|c| c.is_alphanumeric() || c == '_');
            (Piece::Field(field.to_owned()), after)
        }
        c => return Err(format!("unexpected char {c}")),
    })
}

fn read(source: &str) -> Result<Vec<PathStep>, String> {
    let mut steps = Vec::new();
    let (mut next, mut rest) = piece(source)?;
    loop {
        match next {
            Piece::Field(name) if steps.is_empty() => steps.push(PathStep::Key(name)),
            Piece::Open => {
                let (inner, after) = piece(rest)?;
                steps.push(match inner {
                    Piece::Text(key) => PathStep::Key(key),
                    Piece::Index(index) => PathStep::Index(index),
                    other => return Err(other.unexpected(&["STRING", "INDEX"])),
                });
                match piece(after)? {
                    (Piece::Close, after) => rest = after,
                    (other, _) => return Err(other.unexpected(&["RSB"])),
                }
            }
            Piece::Dot if !steps.is_empty() => match piece(rest)? {
                (Piece::Field(name), after) => {
                    steps.push(PathStep::Key(name));
                    rest = after;
                }
                (other, _) => return Err(other.unexpected(&["FIELD"])),
            },
            Piece::End if !steps.is_empty() => return Ok(steps),
            other if steps.is_empty() => return Err(other.unexpected(&["LSB", "FIELD"])),
            other => return Err(other.unexpected(&[])),
        }
        (next, rest) = piece(rest)?;
    }
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
