//! `<ip> - <_> "<method> <path>"`: literals with captures between them.

use std::borrow::Cow;

use super::LineLabels;
use crate::pattern::Needle;

/// A line's shape.
#[derive(Debug, Clone, PartialEq)]
pub struct LinePattern {
    source: String,
    parts: Vec<PatternPart>,
}

/// A part of a line's shape.
#[derive(Debug, Clone, PartialEq)]
pub enum PatternPart {
    /// This text.
    Literal(Needle),
    /// Any text, up to the next literal; without a name for `<_>`.
    Capture(Option<String>),
}

impl LinePattern {
    /// A shape that captures labels.
    pub(crate) fn parser(source: &str) -> Result<Self, String> {
        if source.is_empty() {
            let why = "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL";
            return Err(why.to_owned());
        }
        let pattern = Self::read(source);
        let mut names: Vec<&str> = pattern.names().collect();
        if names.is_empty() {
            return Err("at least one capture is required".to_owned());
        }
        pattern.check()?;
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[a, b]| a == b) {
            return Err(format!("duplicate capture name ({name}): invalid expression"));
        }
        Ok(pattern)
    }

    /// A shape that lines are filtered by.
    pub(crate) fn filter(source: &str) -> Result<Self, String> {
        let pattern = Self::read(source);
        if pattern.names().next().is_some() {
            return Err("named captures are not allowed".to_owned());
        }
        pattern.check()?;
        Ok(pattern)
    }

    /// Two captures with nothing between them could not tell where one ends.
    fn check(&self) -> Result<(), String> {
        for pair in self.parts.array_windows() {
            if let [PatternPart::Capture(first), PatternPart::Capture(second)] = pair {
                let name = |capture: &Option<String>| capture.clone().unwrap_or_else(|| "_".to_owned());
                let (first, second) = (name(first), name(second));
                return Err(format!("found consecutive capture '<{first}><{second}>': invalid expression"));
            }
        }
        Ok(())
    }

    fn read(source: &str) -> Self {
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut rest = source;
        while let Some(c) = rest.chars().next() {
            if let Some((name, after)) = capture(rest) {
                if !literal.is_empty() {
                    parts.push(PatternPart::Literal(Needle::new(&std::mem::take(&mut literal))));
                }
                parts.push(PatternPart::Capture((name != "_").then(|| name.to_owned())));
                rest = after;
            } else {
                literal.push(c);
                rest = rest.get(c.len_utf8()..).unwrap_or_default();
            }
        }
        if !literal.is_empty() {
            parts.push(PatternPart::Literal(Needle::new(&literal)));
        }
        Self { source: source.to_owned(), parts }
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(|part| match part {
            PatternPart::Capture(name) => name.as_deref(),
            PatternPart::Literal(_) => None,
        })
    }

    /// The pattern as it was written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Its parts, in order.
    pub(crate) fn parts(&self) -> &[PatternPart] {
        &self.parts
    }

    /// Whether the whole line has this shape. Every capture needs text.
    pub(super) fn matches(&self, line: &str) -> bool {
        let mut rest = line;
        for (i, part) in self.parts.iter().enumerate() {
            let PatternPart::Literal(needle) = part else {
                continue;
            };
            match needle.find(rest) {
                Some(at) if (i == 0) == (at == 0) => {
                    rest = rest.get(at + needle.text().len()..).unwrap_or_default();
                }
                _ => return false,
            }
        }
        match self.parts.last() {
            Some(PatternPart::Capture(_)) => !rest.is_empty(),
            _ => rest.is_empty(),
        }
    }

    /// Extracts the captures. Where a literal is missing, the capture before it
    /// takes the rest of the line, and no other follows.
    pub(super) fn process(&self, line: &str, labels: &mut LineLabels<'_>) {
        if line.is_empty() {
            return;
        }
        let mut rest = line;
        let mut open: Option<&Option<String>> = None;
        for (i, part) in self.parts.iter().enumerate() {
            match part {
                PatternPart::Capture(name) => open = Some(name),
                PatternPart::Literal(needle) => {
                    let found = needle.find(rest);
                    match (open.take(), found) {
                        (None, Some(0)) if i == 0 => {}
                        (None, _) => return,
                        (Some(name), found) => {
                            let (text, _) =
                                rest.split_at_checked(found.unwrap_or(rest.len())).unwrap_or((rest, ""));
                            capture_into(name, text, labels);
                            if found.is_none() {
                                return;
                            }
                        }
                    }
                    rest = rest.get(found.unwrap_or_default() + needle.text().len()..).unwrap_or_default();
                }
            }
        }
        if let Some(name) = open {
            capture_into(name, rest, labels);
        }
    }
}

fn capture_into(name: &Option<String>, text: &str, labels: &mut LineLabels<'_>) {
    if let Some(name) = name {
        labels.extract(name, Cow::Borrowed(text));
    }
}

/// `<name>` at the beginning: the name, and what follows.
fn capture(text: &str) -> Option<(&str, &str)> {
    let (name, after) = text.strip_prefix('<')?.split_once('>')?;
    let valid = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    valid.then_some((name, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_of_the_whole_line() {
        for (pattern, line, expected) in [
            ("a <_> c", "a b c", true),
            ("a <_> c", "a  c", false),
            ("a <_> c", "a b c d", false),
            ("a <_> c", "x a b c", false),
            ("<_>b<_>", "abc", true),
            ("<_>b<_>", "ab", false),
            ("<_> done", "all done", true),
            ("", "", true),
            ("a", "", false),
        ] {
            assert_eq!(LinePattern::filter(pattern).unwrap().matches(line), expected, "{pattern} {line}");
        }
    }

    #[test]
    fn faults_are_named() {
        assert!(LinePattern::parser("<_> x").unwrap_err().contains("at least one capture"));
        assert!(LinePattern::parser("<a><b>").unwrap_err().contains("consecutive"));
        assert!(LinePattern::parser("<a> <a>").unwrap_err().contains("duplicate"));
        assert!(LinePattern::filter("<a> x").unwrap_err().contains("named captures"));
    }
}
