//! The matchers of selectors and line filters, compiled.

use std::borrow::Cow;

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};

use crate::MAX_REGEX_BYTES;

/// A log line as the engine sees it.
pub trait Entry {
    /// Event time, in nanoseconds since the Unix epoch.
    fn timestamp_nanos(&self) -> i64;
    /// The line as it was written.
    fn line(&self) -> &str;
    /// The value of a label, when the entry has it.
    fn label(&self, name: &str) -> Option<Cow<'_, str>>;
}

impl<E: Entry + ?Sized> Entry for &E {
    fn timestamp_nanos(&self) -> i64 {
        (**self).timestamp_nanos()
    }
    fn line(&self) -> &str {
        (**self).line()
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        (**self).label(name)
    }
}

/// `name="value"` and its like. A label that is absent counts as empty.
#[derive(Debug, Clone)]
pub struct LabelMatcher {
    /// The label's name.
    pub name: String,
    negated: bool,
    pattern: LabelPattern,
}

#[derive(Debug, Clone)]
enum LabelPattern {
    Text(String),
    Regex(Regex),
}

impl LabelMatcher {
    /// `=`, or `!=` when negated.
    pub(crate) fn text(name: String, negated: bool, value: String) -> Self {
        let pattern = LabelPattern::Text(value);
        Self { name, negated, pattern }
    }

    /// `=~`, or `!~` when negated: the pattern must match the whole value.
    pub(crate) fn regex(name: String, negated: bool, pattern: &str) -> Result<Self, String> {
        let regex = compile(&format!("^(?s:{})$", ascii_classes(pattern)))?;
        let pattern = LabelPattern::Regex(regex);
        Ok(Self { name, negated, pattern })
    }

    /// Whether the entry's label satisfies the matcher.
    pub fn matches<E: Entry + ?Sized>(&self, entry: &E) -> bool {
        self.accepts(entry.label(&self.name).as_deref().unwrap_or_default())
    }

    /// Whether a label of this value satisfies the matcher.
    pub fn accepts(&self, value: &str) -> bool {
        let found = match &self.pattern {
            LabelPattern::Text(text) => text == value,
            LabelPattern::Regex(regex) => regex.is_match(value),
        };
        found != self.negated
    }
}

/// `|= "a" or "b"` and its like: whether one of the patterns is in the line.
#[derive(Debug, Clone)]
pub struct LineFilter {
    negated: bool,
    patterns: Vec<LinePattern>,
}

#[derive(Debug, Clone)]
pub(crate) enum LinePattern {
    Text(Box<Finder<'static>>),
    Regex(Regex),
}

impl LinePattern {
    pub(crate) fn text(needle: &str) -> Self {
        Self::Text(Box::new(Finder::new(needle.as_bytes()).into_owned()))
    }

    pub(crate) fn regex(pattern: &str) -> Result<Self, String> {
        compile(&ascii_classes(pattern)).map(Self::Regex)
    }

    fn is_in(&self, line: &str) -> bool {
        match self {
            Self::Text(finder) => finder.find(line.as_bytes()).is_some(),
            Self::Regex(regex) => regex.is_match(line),
        }
    }
}

impl LineFilter {
    pub(crate) fn new(negated: bool, patterns: Vec<LinePattern>) -> Self {
        Self { negated, patterns }
    }

    /// Whether the line passes. A negated filter passes a line that has none of
    /// the patterns.
    pub fn matches(&self, line: &str) -> bool {
        self.patterns.iter().any(|pattern| pattern.is_in(line)) != self.negated
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build().map_err(|err| match err {
        regex::Error::CompiledTooBig(limit) => {
            format!("the regular expression needs more than {limit} bytes")
        }
        // The library draws the pattern with a caret over several lines; its last says why.
        other => {
            let text = other.to_string();
            let why = text.lines().last().unwrap_or_default();
            format!("the regular expression is wrong: {}", why.trim_start_matches("error: "))
        }
    })
}

/// Go's `\d \w \s \b` know ASCII alone, Rust's all of Unicode; everything else
/// (`.`, `(?i)`, literals) is the same in both. Each such class is written out.
fn ascii_classes(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('d') => out.push_str("[0-9]"),
            Some('D') => out.push_str("[^0-9]"),
            Some('w') => out.push_str("[0-9A-Za-z_]"),
            Some('W') => out.push_str("[^0-9A-Za-z_]"),
            Some('s') => out.push_str(r"[\t\n\f\r ]"),
            Some('S') => out.push_str(r"[^\t\n\f\r ]"),
            Some('b') => out.push_str(r"(?-u:\b)"),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
            None => out.push('\\'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_regexes_are_anchored_and_span_lines() {
        let matcher = |pattern| LabelMatcher::regex("x".into(), false, pattern).unwrap();
        assert!(matcher("auth|backend").accepts("backend"));
        assert!(!matcher("auth|backend").accepts("auth-service"));
        assert!(!matcher("auth|backend").accepts("my-backend"));
        assert!(matcher("a.b").accepts("a\nb"));
        assert!(matcher("(?i)warn|error").accepts("ERROR"));
    }

    #[test]
    fn classes_are_ascii_as_in_go_and_the_dot_is_not() {
        let line = |pattern, line| LinePattern::regex(pattern).unwrap().is_in(line);
        assert!(line(r"user_id=\d+", "user_id=123"));
        assert!(!line(r"^\d$", "٣"));
        assert!(!line(r"^\w$", "é"));
        assert!(!line(r"^\s$", "\u{a0}"));
        assert!(!line(r"^\s$", "\u{b}"), "Go's \\s has no vertical tab");
        assert!(line("^.$", "é"));
        assert!(line(r"\bfail\b", "éfailé"));
        assert!(line(r"[\w.]+@x", "a.b@x"));
        assert!(line(r"^\\d$", r"\d"), "an escaped backslash is no class");
    }

    #[test]
    fn a_regex_that_grows_too_large_is_refused() {
        let message = LinePattern::regex("(a{1000}){1000}").unwrap_err();
        assert!(message.contains("more than 1048576 bytes"), "{message}");
        let message = LinePattern::regex("(a").unwrap_err();
        assert_eq!(message, "the regular expression is wrong: unclosed group");
    }
}
