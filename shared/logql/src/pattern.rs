//! Compiled regular expressions and substrings, compared by their source.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use memchr::memmem::Finder;
use regex::{Regex, RegexBuilder, Replacer};
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::{MAX_REGEX_BYTES, dialect};

/// The size of a pattern, as [`states`] counts it, up to which it surely fits
/// into [`MAX_REGEX_BYTES`]: a state takes some fifty bytes.
const MAX_LATE_STATES: u64 = 4_000;

/// A regular expression in Go's syntax. It is known to be valid and bounded; an
/// automaton is built when it is first needed, which takes far longer than to
/// read a query. Clones share it.
#[derive(Clone)]
pub struct Pattern {
    source: String,
    compiled: Arc<Compiled>,
}

struct Compiled {
    /// As Rust's library writes it.
    pattern: String,
    regex: OnceLock<Option<Regex>>,
}

impl Pattern {
    /// A pattern that may be found anywhere.
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        Self::checked(source, source, dialect::in_rust(source))
    }

    /// A pattern that must match the whole text.
    pub(crate) fn anchored(source: &str) -> Result<Self, String> {
        let whole = format!("^(?s:{source})$");
        let pattern = dialect::in_rust(source).map(|pattern| format!("^(?s:{pattern})$"));
        Self::checked(source, &whole, pattern)
    }

    /// `in_go` is what errors show, `pattern` the same for Rust's library.
    fn checked(source: &str, in_go: &str, pattern: Result<String, String>) -> Result<Self, String> {
        let pattern = pattern.map_err(|why| format!("error parsing regexp: {why}"))?;
        let is_small = regex_syntax::parse(&pattern).is_ok_and(|hir| states(&hir) <= MAX_LATE_STATES);
        let regex = OnceLock::new();
        if !is_small {
            // It is refused, or worth its time.
            let built = compile(&pattern).map_err(|err| explain(in_go, &err))?;
            regex.get_or_init(|| Some(built));
        }
        Ok(Self { source: source.to_owned(), compiled: Arc::new(Compiled { pattern, regex }) })
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The automaton. There is one: what is valid and small does not fail.
    pub(crate) fn regex(&self) -> Option<&Regex> {
        self.compiled.regex.get_or_init(|| compile(&self.compiled.pattern).ok()).as_ref()
    }

    /// Whether it is found in the text.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex().is_some_and(|regex| regex.is_match(text))
    }

    /// How often it is found in the text.
    pub(crate) fn count(&self, text: &str) -> usize {
        self.regex().map_or(0, |regex| regex.find_iter(text).count())
    }

    /// The text with each match replaced.
    pub(crate) fn replace_all<'t>(&self, text: &'t str, by: impl Replacer) -> Cow<'t, str> {
        self.regex().map_or(Cow::Borrowed(text), |regex| regex.replace_all(text, by))
    }

    /// What it is made of.
    pub(crate) fn syntax(&self) -> Option<Hir> {
        regex_syntax::parse(&self.compiled.pattern).ok()
    }
}

/// How many states an automaton of this has at most, roughly.
fn states(hir: &Hir) -> u64 {
    let sum = |parts: &[Hir]| parts.iter().map(states).fold(2, u64::saturating_add);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => 1,
        HirKind::Literal(literal) => literal.0.len() as u64,
        // A range of characters is a few ranges of up to four bytes.
        HirKind::Class(Class::Unicode(class)) => 1 + 32 * class.ranges().len() as u64,
        HirKind::Class(Class::Bytes(class)) => 1 + class.ranges().len() as u64,
        HirKind::Repetition(repetition) => {
            let times = u64::from(repetition.max.unwrap_or(repetition.min).max(repetition.min).max(1));
            states(&repetition.sub).saturating_add(2).saturating_mul(times.saturating_add(1))
        }
        HirKind::Capture(capture) => states(&capture.sub).saturating_add(2),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => sum(parts),
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

fn compile(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(MAX_REGEX_BYTES).build()
}

/// The error in the words of Go's library.
fn explain(source: &str, err: &regex::Error) -> String {
    match err {
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
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_ascii_as_in_go_and_the_dot_is_not() {
        let line = |pattern, line| Pattern::new(pattern).unwrap().is_match(line);
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
    fn a_small_pattern_is_compiled_when_it_is_needed_and_fits() {
        let is_late = |pattern: &str| Pattern::new(pattern).unwrap().compiled.regex.get().is_none();
        assert!(is_late(r"(?i)error|[^a-z]+\d{3}"));
        assert!(!is_late("(abcd){1000}"));
        // The largest that are late: letters, and the widest classes.
        for (pattern, counted) in [("(aaaa){499}", 4_000), ("[^b]{59}", 4_020), ("[^b]{58}", 3_953)] {
            let hir = regex_syntax::parse(pattern).unwrap();
            assert_eq!(states(&hir), counted, "{pattern}");
            assert!(compile(pattern).is_ok(), "{pattern}");
            assert_eq!(is_late(pattern), counted <= MAX_LATE_STATES, "{pattern}");
        }
        let shared = Pattern::new("a").unwrap();
        assert!(shared.clone().is_match("a") && shared.compiled.regex.get().is_some());
    }

    #[test]
    fn anchored_patterns_span_lines() {
        let whole = |pattern, text| Pattern::anchored(pattern).unwrap().is_match(text);
        assert!(whole("auth|backend", "backend"));
        assert!(!whole("auth|backend", "my-backend"));
        assert!(whole("a.b", "a\nb"));
        assert!(whole("(?i)warn|error", "ERROR"));
    }
}
