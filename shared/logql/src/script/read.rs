//! Pieces of script lines: quoted texts, label sets, durations, brackets.

use crate::duration::parse_duration;
use crate::metric::Labels;
use crate::units::go_duration;

/// What is left of a line while it is read.
pub(super) struct Line<'a> {
    pub(super) rest: &'a str,
}

impl<'a> Line<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { rest: text.trim() }
    }

    fn set(&mut self, rest: &'a str) {
        self.rest = rest.trim_start();
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The text, when the line goes on with it.
    pub(super) fn eat(&mut self, text: &str) -> bool {
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.set(rest);
                true
            }
            None => false,
        }
    }

    /// The word, when the line goes on with it and a blank or nothing follows.
    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        let ends = |rest: &str| rest.is_empty() || rest.starts_with(char::is_whitespace);
        let found = self.rest.strip_prefix(word).is_some_and(ends);
        found && self.eat(word)
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<(), String> {
        if self.eat(text) { Ok(()) } else { Err(format!("expected \"{text}\" before \"{}\"", self.rest)) }
    }

    /// Up to the next blank or one of the characters.
    pub(super) fn word(&mut self, ends: &[char]) -> &'a str {
        let end = self.rest.find(|c: char| c.is_whitespace() || ends.contains(&c)).unwrap_or(self.rest.len());
        let (word, rest) = self.rest.split_at(end);
        self.set(rest);
        word
    }

    /// A text in double quotes or backticks. Neither has escapes.
    pub(super) fn quoted(&mut self) -> Result<&'a str, String> {
        let quote = self.rest.chars().next().filter(|c| matches!(c, '"' | '`'));
        let quote = quote.ok_or_else(|| format!("expected a quoted text before \"{}\"", self.rest))?;
        let inner = self.rest.get(1..).unwrap_or_default();
        let (text, rest) = inner.split_once(quote).ok_or_else(|| format!("a text has no closing {quote}"))?;
        self.set(rest);
        Ok(text)
    }

    /// A time since the script's beginning, or a length of time.
    pub(super) fn time(&mut self) -> Result<i64, String> {
        let word = self.word(&[']', ',']);
        time(word)
    }

    /// `{a="b", "c d"="e"}`
    pub(super) fn labels(&mut self) -> Result<Labels, String> {
        self.expect("{")?;
        let mut labels = Vec::new();
        while !self.eat("}") {
            labels.push(self.label()?);
            self.eat(",");
        }
        Ok(Labels::new(labels))
    }

    /// `name="value"`
    fn label(&mut self) -> Result<(String, String), String> {
        let name = match self.rest.chars().next() {
            Some('"' | '`') => self.quoted()?,
            _ => self.word(&['=', '}', ']', ',']),
        };
        self.expect("=")?;
        Ok((name.to_owned(), self.value()?))
    }

    /// A value of a label: in double quotes it has escapes.
    fn value(&mut self) -> Result<String, String> {
        if !self.rest.starts_with('"') {
            return self.quoted().map(str::to_owned);
        }
        let mut out = String::new();
        let mut chars = self.rest.get(1..).unwrap_or_default().chars();
        loop {
            match chars.next() {
                Some('"') => break,
                Some('\\') => match chars.next() {
                    Some('n') => out.push('\n'),
                    Some('t') => out.push('\t'),
                    Some('r') => out.push('\r'),
                    Some(c @ ('"' | '\\')) => out.push(c),
                    Some(c) => out.extend(['\\', c]),
                    None => return Err("a text has no closing \"".to_owned()),
                },
                Some(c) => out.push(c),
                None => return Err("a text has no closing \"".to_owned()),
            }
        }
        self.set(chars.as_str());
        Ok(out)
    }

    /// `[word key="value" ..]`, when the line goes on with it.
    pub(super) fn bracketed_labels(&mut self, word: &str) -> Result<Option<Labels>, String> {
        let Some(inner) = self.rest.strip_prefix('[').map(str::trim_start) else {
            return Ok(None);
        };
        let Some(rest) = inner.strip_prefix(word) else {
            return Ok(None);
        };
        self.set(rest);
        let mut labels = Vec::new();
        while !self.eat("]") {
            labels.push(self.label()?);
            self.eat(",");
        }
        Ok(Some(Labels::new(labels)))
    }
}

/// A duration of Go or of Prometheus, a number of seconds, or a time of the
/// calendar; in nanoseconds.
pub(super) fn time(word: &str) -> Result<i64, String> {
    if let Ok(nanos) = go_duration(word) {
        return Ok(nanos);
    }
    if let Some(nanos) = parse_duration(word).ok().and_then(|millis| millis.checked_mul(1_000_000)) {
        return Ok(nanos);
    }
    if let Some(seconds) = word.parse().ok().filter(|seconds: &f64| seconds.abs() < MAX_SECONDS) {
        return Ok((seconds * 1e9) as i64);
    }
    let at: Option<jiff::Timestamp> = word.parse().ok();
    let nanos = at.and_then(|at| i64::try_from(at.as_nanosecond()).ok());
    nanos.ok_or_else(|| format!("\"{word}\" is no time; write 90s, 1m30s, 90 or 2026-01-02T03:04:05Z"))
}

/// The most seconds whose nanoseconds are 64 bits.
const MAX_SECONDS: f64 = 9.2e9;

/// The line without its comment: `#` outside of quotes and backticks. In a
/// query, a quote behind a backslash does not end the text; in a log line it does.
pub(super) fn without_comment(line: &str, escapes: bool) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in line.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' && escapes => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' => return line.get(..i).unwrap_or_default(),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {}
        }
    }
    line
}
