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

    pub(super) fn duration(&mut self) -> Result<i64, String> {
        let word = self.word(&[']', ',']);
        duration(word)
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

/// A duration of Go or of Prometheus, in nanoseconds; `0` needs no unit.
pub(super) fn duration(word: &str) -> Result<i64, String> {
    go_duration(word)
        .or_else(|why| parse_duration(word).ok().and_then(|millis| millis.checked_mul(1_000_000)).ok_or(why))
}

/// The line without its comment: `#` outside of quotes and backticks.
pub(super) fn without_comment(line: &str) -> &str {
    let mut quote = None;
    let mut escaped = false;
    for (i, c) in line.char_indices() {
        match quote {
            Some('"') if escaped => escaped = false,
            Some('"') if c == '\\' => escaped = true,
            Some(open) if c == open => quote = None,
            Some(_) => {}
            None if c == '#' => return line.get(..i).unwrap_or_default(),
            None if matches!(c, '"' | '`') => quote = Some(c),
            None => {}
        }
    }
    line
}
