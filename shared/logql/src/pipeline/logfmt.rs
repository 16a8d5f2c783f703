//! `| logfmt`: `key=value` pairs as labels.
//!
//! A pair that is not well formed is passed over; with `--strict` it ends the
//! line with an error. Keys without a value make no label but with
//! `--keep-empty`, or when they are asked for by name.

use std::borrow::Cow;

use super::LineLabels;
use super::json_path::JsonPath;
use super::labels::sanitize;
use super::shared_line::{Fields, SharedLine};

/// The parser of logfmt lines.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LogfmtParser {
    /// The first fault ends the line.
    pub strict: bool,
    /// Keys without a value are labels.
    pub keeps_empty: bool,
    /// Labels and the keys they come from; without any, all keys are taken.
    pub labels: Vec<(String, JsonPath)>,
}

impl LogfmtParser {
    pub(super) fn process(&self, line: &str, labels: &mut LineLabels<'_>) {
        if self.labels.is_empty() {
            let found = self.pairs(line, &mut |name, value| {
                if value.is_empty() && !self.keeps_empty {
                    return false;
                }
                labels.extract(name, value);
                labels.are_complete()
            });
            if let Err((error, details)) = found {
                labels.set_parser_error(error, details);
            }
        } else {
            self.take_keys(line, labels);
        }
    }

    /// As [`LogfmtParser::process`], with what others found in the line of this
    /// entry, whose labels are as they were. False: nothing was done.
    pub(super) fn process_shared<'e>(&self, shared: &'e SharedLine, labels: &mut LineLabels<'e>) -> bool {
        let entry = labels.entry();
        let read = || {
            Fields::read(entry, |take| {
                self.pairs(entry.line(), &mut |name, value| {
                    (!value.is_empty() || self.keeps_empty) && take(name, value)
                })
            })
        };
        let fields =
            if self.labels.is_empty() { shared.logfmt(self.strict, self.keeps_empty, read) } else { None };
        fields.is_some_and(|fields| labels.take_over(fields))
    }

    fn take_keys(&self, line: &str, labels: &mut LineLabels<'_>) {
        let mut wanted: Vec<Option<String>> = vec![None; self.labels.len()];
        let found = self.pairs(line, &mut |name, value| {
            for ((_, path), slot) in self.labels.iter().zip(&mut wanted) {
                if slot.is_none() && path.single_key().is_some_and(|wanted| wanted == name) {
                    *slot = Some(value.clone().into_owned());
                }
            }
            false
        });
        if let Err((error, details)) = found {
            labels.set_parser_error(error, details);
        }
        for ((label, _), value) in self.labels.iter().zip(wanted) {
            match value {
                Some(value) => labels.extract(label, Cow::Owned(value)),
                None if labels.get(label).is_none() => labels.set(label, String::new()),
                None => {}
            }
        }
    }

    /// Gives the pairs of the line to `take`, until it says that it has enough.
    fn pairs(
        &self,
        line: &str,
        take: &mut dyn FnMut(&str, Cow<'_, str>) -> bool,
    ) -> Result<(), (&'static str, String)> {
        let mut name = String::new();
        let mut decoder = Decoder { line, at: 0 };
        while let Some(pair) = decoder.next_pair() {
            match pair {
                Ok((key, value)) => {
                    name.clear();
                    sanitize(key, &mut name);
                    if !name.is_empty() && take(&name, value) {
                        break;
                    }
                }
                Err((at, what)) if self.strict => {
                    let details = format!("logfmt syntax error at pos {} : {what}", at + 1);
                    return Err(("LogfmtParserErr", details));
                }
                Err(_) => {}
            }
        }
        Ok(())
    }
}

struct Decoder<'a> {
    line: &'a str,
    at: usize,
}

type Pair<'a> = Result<(&'a str, Cow<'a, str>), (usize, String)>;

impl<'a> Decoder<'a> {
    fn rest(&self) -> &'a str {
        self.line.get(self.at..).unwrap_or_default()
    }

    /// Up to the first character that `ends`.
    fn take(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(ends).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn next_char(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next_pair(&mut self) -> Option<Pair<'a>> {
        self.take(|c| c > ' ');
        self.next_char()?;
        let key = self.take(|c| c <= ' ' || c == '=' || c == '"');
        match self.next_char() {
            Some('=') if key.is_empty() => Some(self.fault("unexpected '='")),
            Some('"') => Some(self.fault("unexpected '\"'")),
            Some('=') => {
                self.at += 1;
                Some(self.value().map(|value| (key, value)))
            }
            _ => Some(Ok((key, Cow::Borrowed("")))),
        }
    }

    fn value(&mut self) -> Result<Cow<'a, str>, (usize, String)> {
        if self.next_char() == Some('"') {
            return self.quoted();
        }
        let value = self.take(|c| c <= ' ' || c == '=' || c == '"');
        match self.next_char() {
            Some(c @ ('=' | '"')) => Err(self.fault_at(&format!("unexpected '{c}'"))),
            // What is not text in the line is not text in a label.
            _ if value.contains('\u{fffd}') => Ok(Cow::Borrowed("")),
            _ => Ok(Cow::Borrowed(value)),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, str>, (usize, String)> {
        let start = self.at;
        self.at += 1;
        let rest = self.rest();
        let mut escaped = false;
        let mut chars = rest.char_indices();
        while let Some((i, c)) = chars.next() {
            match c {
                '\\' => {
                    escaped = true;
                    chars.next();
                }
                '"' => {
                    self.at += i + 1;
                    let raw = rest.get(..i).unwrap_or_default();
                    return Ok(if escaped { Cow::Owned(unquote(raw)) } else { Cow::Borrowed(raw) });
                }
                _ => {}
            }
        }
        self.at = self.line.len();
        Err((start, "unterminated quoted value".to_owned()))
    }

    fn fault(&mut self, what: &str) -> Pair<'a> {
        Err(self.fault_at(what))
    }

    /// A fault here; what belongs to the pair is passed over.
    fn fault_at(&mut self, what: &str) -> (usize, String) {
        let at = self.at;
        self.take(|c| c <= ' ');
        (at, what.to_owned())
    }
}

fn unquote(raw: &str) -> String {
    let mut out = String::with_capacity(raw.len());
    let mut chars = raw.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('t') => out.push('\t'),
            Some('r') => out.push('\r'),
            Some('b') => out.push('\u{8}'),
            Some('f') => out.push('\u{c}'),
            Some('u') => {
                let code = chars.as_str().get(..4).and_then(|digits| u32::from_str_radix(digits, 16).ok());
                out.extend(code.and_then(char::from_u32));
                if code.is_some() {
                    chars.nth(3);
                }
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}
