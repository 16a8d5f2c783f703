//! Compiled regular expressions and substrings, compared by their source.

use std::fmt;

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder};
use regex_syntax::hir::Hir;

use crate::{MAX_REGEX_BYTES, dialect};

/// A regular expression in Go's syntax.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    pub(crate) regex: Regex,
}

impl Pattern {
    /// A pattern that may be found anywhere.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let regex = compile(source, &dialect::in_rust(source))?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// A pattern that must match the whole text.
    pub(crate) fn anchored(source: &str) -> Result<Self, String> {
        let regex = compile(&format!("^(?s:{source})$"), &format!("^(?s:{})$", dialect::in_rust(source)))?;
        Ok(Self { source: source.to_owned(), regex })
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// What it is made of, without the anchors of an anchored one.
    pub(crate) fn syntax(&self) -> Option<Hir> {
        regex_syntax::parse(&dialect::in_rust(&self.source)).ok()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.source == other.source
    }
}

impl fmt::Debug for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

/// A text that is searched for.
#[derive(Clone)]
pub struct Needle(Box<Finder<'static>>);

impl Needle {
    pub(crate) fn new(text: &str) -> Self {
        Self(Box::new(Finder::new(text.as_bytes()).into_owned()))
    }

    /// The text.
    pub fn text(&self) -> &str {
        // It was made from a string.
        std::str::from_utf8(self.0.needle()).unwrap_or_default()
    }

    pub(crate) fn find(&self, text: &str) -> Option<usize> {
        self.0.find(text.as_bytes())
    }
}

impl PartialEq for Needle {
    fn eq(&self, other: &Self) -> bool {
        self.0.needle() == other.0.needle()
    }
}

impl fmt::Debug for Needle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.text())
    }
}

/// Compiles the pattern; errors show `source`, which was asked for.
fn compile(source: &str, pattern: &str) -> Result<Regex, String> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build().map_err(|err| match err {
        regex::Error::CompiledTooBig(limit) => {
            format!("the regular expression needs more than {limit} bytes")
        }
        // The library draws the pattern with a caret over several lines; its last says why.
        other => {
            let text = other.to_string();
            let why = text.lines().last().unwrap_or_default();
            format!(
                "error parsing regexp: {}",
                dialect::in_go_words(source, why.trim_start_matches("error: "))
            )
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_as_in_go_and_the_dot_is_not() {
        let line = |pattern, line| Pattern::new(pattern).unwrap().regex.is_match(line);
        assert!(line(r"user_id=\d+", "user_id=123"));
        assert!(!line(r"^\d$", "٣"));
        assert!(!line(r"^\w$", "é"));
        assert!(!line(r"^\s$", "\u{a0}"));
        assert!(!line(r"^\s$", "\u{b}"), "Go's \\s has no vertical tab");
        assert!(line("^.$", "é"));
        assert!(line(r"\bfail\b", "éfailé"));
        assert!(line(r"[\w.]+@x", "a.b@x"));
        assert!(line(r"^\\d$", r"\d"), "an escaped backslash is no class");
        assert!(line(r"^\Qa.b\E.$", "a.bc"));
        assert!(!line(r"^\Qa.b\E.$", "axbc"));
    }

    #[test]
    fn a_regex_that_grows_too_large_is_refused() {
        let message = Pattern::new("(a{1000}){1000}").unwrap_err();
        assert!(message.contains("more than 1048576 bytes"), "{message}");
        let message = Pattern::new("(a").unwrap_err();
        assert_eq!(message, "error parsing regexp: missing closing ): `(a`");
        let message = Pattern::new("x([a").unwrap_err();
        assert_eq!(message, "error parsing regexp: missing closing ]: `[a`");
        assert!(Pattern::new("(?P<1a>x)").is_ok(), "a name may begin with a digit");
    }

    #[test]
    fn anchored_patterns_span_lines() {
        let whole = |pattern, text| Pattern::anchored(pattern).unwrap().regex.is_match(text);
        assert!(whole("auth|backend", "backend"));
        assert!(!whole("auth|backend", "my-backend"));
        assert!(whole("a.b", "a\nb"));
        assert!(whole("(?i)warn|error", "ERROR"));
    }
}
