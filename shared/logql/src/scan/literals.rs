//! Texts that a line must have for a pipeline to keep it.
//!
//! They are found before the pipeline runs, so they may be too few, but never
//! wrong: a line without one of the texts of a [`Clause`] is a line that the
//! pipeline drops.

use regex_syntax::hir::{Class, Hir, HirKind};

use crate::ast::{LogExpr, Stage};
use crate::pattern::Pattern;
use crate::pipeline::{LineFilter, LineMatch, PatternPart};

/// The most texts of a clause. More of them would be found in every line.
const MAX_TEXTS: usize = 32;
/// The shortest text that a regular expression is asked for.
const MIN_REGEX_TEXT_BYTES: usize = 2;

/// A text that is looked for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Text {
    pub(super) text: String,
    /// ASCII letters stand for both of their cases.
    pub(super) folds_case: bool,
}

/// What is known about the lines that an expression keeps.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Clause {
    /// They have one of the texts.
    OneOf(Vec<Text>),
    /// They do not have the text, in just this case.
    Without(String),
}

/// The clauses of the filters that see the line as it was written.
pub(super) fn clauses(log: &LogExpr) -> Vec<Clause> {
    let unchanged = log
        .stages
        .iter()
        .take_while(|stage| !matches!(stage, Stage::LineFormat(_) | Stage::Decolorize | Stage::Unpack));
    let mut clauses = Vec::new();
    for stage in unchanged {
        match stage {
            Stage::LineFilter(filter) if filter.negated => without(filter, &mut clauses),
            Stage::LineFilter(filter) => with(filter, &mut clauses),
            _ => {}
        }
    }
    clauses
}

fn without(filter: &LineFilter, clauses: &mut Vec<Clause>) {
    for alternative in &filter.alternatives {
        if let LineMatch::Text(needle) = alternative
            && !needle.text().is_empty()
        {
            clauses.push(Clause::Without(needle.text().to_owned()));
        }
    }
}

fn with(filter: &LineFilter, clauses: &mut Vec<Clause>) {
    if let [LineMatch::Shape(shape)] = filter.alternatives.as_slice() {
        let literals = shape.parts().iter().filter_map(|part| match part {
            PatternPart::Literal(needle) => Some(exact(needle.text())),
            PatternPart::Capture(_) => None,
        });
        clauses.extend(literals.map(|text| Clause::OneOf(vec![text])));
        return;
    }
    if let [LineMatch::Regex(pattern)] = filter.alternatives.as_slice() {
        clauses.extend(of_regex(pattern).into_iter().map(Clause::OneOf));
        return;
    }
    let mut texts = Vec::new();
    for alternative in &filter.alternatives {
        match alternative {
            LineMatch::Text(needle) if !needle.text().is_empty() => texts.push(exact(needle.text())),
            LineMatch::Regex(pattern) => match best(of_regex(pattern)) {
                Some(found) => texts.extend(found),
                None => return,
            },
            // An empty text is in every line; an address may be written in many ways.
            LineMatch::Text(_) | LineMatch::Shape(_) | LineMatch::Ip(_) => return,
        }
    }
    if texts.len() <= MAX_TEXTS {
        clauses.push(Clause::OneOf(texts));
    }
}

fn exact(text: &str) -> Text {
    Text { text: text.to_owned(), folds_case: false }
}

/// Sets of texts; whatever matches has one of each.
fn of_regex(pattern: &Pattern) -> Vec<Vec<Text>> {
    let mut sets = pattern.syntax().map(|hir| required(&hir)).unwrap_or_default();
    sets.retain(|texts| {
        texts.len() <= MAX_TEXTS && texts.iter().all(|text| text.text.len() >= MIN_REGEX_TEXT_BYTES)
    });
    sets
}

/// The set whose shortest text is longest.
fn best(sets: Vec<Vec<Text>>) -> Option<Vec<Text>> {
    sets.into_iter().max_by_key(|texts| texts.iter().map(|text| text.text.len()).min())
}

fn required(hir: &Hir) -> Vec<Vec<Text>> {
    match hir.kind() {
        HirKind::Concat(parts) => {
            let mut sets = Vec::new();
            let mut run = Run::default();
            for part in parts {
                if !run.takes(part) {
                    run.end(&mut sets);
                    sets.extend(required(part));
                }
            }
            run.end(&mut sets);
            sets
        }
        HirKind::Alternation(branches) => {
            let mut all = Vec::new();
            for branch in branches {
                match best(required(branch)) {
                    Some(texts) if all.len() + texts.len() <= MAX_TEXTS => all.extend(texts),
                    _ => return Vec::new(),
                }
            }
            vec![all]
        }
        HirKind::Repetition(repetition) if repetition.min > 0 => required(&repetition.sub),
        HirKind::Capture(capture) => required(&capture.sub),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
        HirKind::Literal(_) | HirKind::Class(_) => {
            let mut sets = Vec::new();
            let mut run = Run::default();
            run.takes(hir);
            run.end(&mut sets);
            sets
        }
    }
}

/// Letters that stand behind each other.
#[derive(Default)]
struct Run {
    text: String,
    folds_case: bool,
}

impl Run {
    /// Whether the part is a text, or a letter in both of its cases.
    fn takes(&mut self, part: &Hir) -> bool {
        match part.kind() {
            HirKind::Literal(literal) => match std::str::from_utf8(&literal.0) {
                Ok(text) => self.text.push_str(text),
                Err(_) => return false,
            },
            HirKind::Class(class) => match folded(class) {
                Some(letter) => {
                    self.text.push(letter);
                    self.folds_case = true;
                }
                None => return false,
            },
            _ => return false,
        }
        true
    }

    fn end(&mut self, sets: &mut Vec<Vec<Text>>) {
        let run = std::mem::take(self);
        if !run.text.is_empty() {
            sets.push(vec![Text { text: run.text, folds_case: run.folds_case }]);
        }
    }
}

/// The letter, when the class is just its two cases. `(?i)k` and `(?i)s` are
/// not: Unicode has a third letter for each.
fn folded(class: &Class) -> Option<char> {
    let mut members = match class {
        Class::Unicode(class) => {
            class.iter().flat_map(|range| range.start()..=range.end()).take(3).collect::<Vec<_>>()
        }
        Class::Bytes(class) => {
            let bytes = class.iter().flat_map(|range| range.start()..=range.end());
            bytes.take(3).map(char::from).collect()
        }
    };
    members.sort_unstable();
    match members.as_slice() {
        [upper, lower] if upper.is_ascii_uppercase() && upper.to_ascii_lowercase() == *lower => Some(*lower),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Expr;

    /// Each clause as `a|b`, texts in either case as `a~`, forbidden ones as `!a`.
    fn written(query: &str) -> String {
        let Ok(Expr::Log(log)) = crate::parse(query) else { panic!("{query}") };
        let words = |texts: Vec<Text>| {
            let words = texts.into_iter().map(|text| text.text + if text.folds_case { "~" } else { "" });
            words.collect::<Vec<_>>().join("|")
        };
        let clauses = clauses(&log).into_iter().map(|clause| match clause {
            Clause::OneOf(texts) => words(texts),
            Clause::Without(text) => format!("!{text}"),
        });
        clauses.collect::<Vec<_>>().join(" & ")
    }

    #[test]
    fn what_a_line_must_have() {
        for (stages, expected) in [
            (r#"|= "a" |= "b" or "c""#, "a & b|c"),
            (r#"!= "a" or "b""#, "!a & !b"),
            (r#"|= """#, ""),
            (r#"|= "a" or ip("10.0.0.0/8")"#, ""),
            (r#"|= ip("10.0.0.0/8") |= "a""#, "a"),
            (r#"|~ "error""#, "error"),
            (r#"!~ "error""#, ""),
            (r#"|~ "failed (login|auth)""#, "failed  & login|auth"),
            (r#"|~ "(OOMKilled|Out of memory)+""#, "OOMKilled|Out of memory"),
            (r#"|~ "time.*out""#, "time & out"),
            (r#"|~ "a?bcd*""#, "bc"),
            (r#"|~ "abc|d*""#, ""),
            // Each letter in two cases; k and s have a third.
            (r#"|~ "(?i)failed""#, "failed~"),
            (r#"|~ "(?i)disk full""#, "di~ &  full~"),
            (r#"|~ "(?i)[0-9]""#, ""),
            (r#"|~ "[eE]rror""#, "error~"),
            (r#"|> "<_>segfault at <_> ip <_>""#, "segfault at  &  ip "),
            (r#"!> "<_>segfault<_>""#, ""),
            // What comes behind a stage that changes the line says nothing about it.
            (r#"|= "a" | json | x="1" |= "b" | line_format "{{.x}}" |= "c""#, "a & b"),
            (r#"|= "a" | decolorize |= "b""#, "a"),
            (r#"|= "a" | unpack |= "b""#, "a"),
        ] {
            assert_eq!(written(&format!(r#"{{a="b"}} {stages}"#)), expected, "{stages}");
        }
    }

    #[test]
    fn a_clause_of_too_many_texts_is_none() {
        let query = |n: usize| {
            let texts: Vec<String> = (0..n).map(|i| format!("\"text{i}\"")).collect();
            format!(r#"{{a="b"}} |= {}"#, texts.join(" or "))
        };
        assert_eq!(written(&query(MAX_TEXTS)).split('|').count(), MAX_TEXTS);
        assert_eq!(written(&query(MAX_TEXTS + 1)), "");
    }
}
