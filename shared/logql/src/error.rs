//! What is wrong with an expression, and where.

/// An expression that is not LogQL.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} at {line}:{column}{}", hint(suggestion.as_deref()))]
pub struct ParseError {
    /// What is wrong, without the position.
    pub message: String,
    /// The line in the expression, from 1.
    pub line: usize,
    /// The column in the line, in characters, from 1.
    pub column: usize,
    /// The word that was probably meant.
    pub suggestion: Option<String>,
    /// What Loki says about the place.
    pub(crate) told: Told,
}

/// What Loki says about the place of an error. Its scanner forgets the line of a
/// token that it reads by characters; and what is wrong with an expression that
/// can be read has no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Told {
    Place,
    Column,
    Nothing,
}

impl ParseError {
    /// What is wrong with an expression that can be read.
    pub(crate) fn new(at: Position, message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            line: at.line,
            column: at.column,
            suggestion: None,
            told: Told::Nothing,
        }
    }

    /// A token that cannot stand there, or is none.
    pub(crate) fn syntax(at: Position, message: impl Into<String>) -> Self {
        let told = if at.by_characters { Told::Column } else { Told::Place };
        Self { told, ..Self::new(at, message) }
    }

    /// The error as Loki's API words it: `parse error at line 1, col 5: …`, or
    /// `parse error : …` for what has no place there.
    pub fn to_loki(&self) -> String {
        let message = match self.message.strip_prefix("unknown aggregation") {
            Some(_) => "syntax error: unexpected IDENTIFIER",
            None => self.message.as_str(),
        };
        match self.told {
            Told::Place => format!("parse error at line {}, col {}: {message}", self.line, self.column),
            Told::Column => format!("parse error at line 0, col {}: {message}", self.column),
            Told::Nothing => format!("parse error : {message}"),
        }
    }

    /// Adds the nearest of `words` to `typed`, when one is near.
    pub(crate) fn suggest<'a>(mut self, typed: &str, words: impl IntoIterator<Item = &'a str>) -> Self {
        self.suggestion = nearest(typed, words).map(str::to_owned);
        self
    }
}

/// The word that was probably meant by what was typed, when one is near enough.
pub fn nearest<'a>(typed: &str, words: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    words
        .into_iter()
        .map(|word| (edit_distance(typed, word), word))
        .filter(|(distance, word)| *distance <= 1 + word.len() / 5)
        .min()
        .map(|(_, word)| word)
}

/// A place in an expression: line and column from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    pub(crate) line: usize,
    pub(crate) column: usize,
    /// Loki's scanner reads the token there character by character.
    pub(crate) by_characters: bool,
}

impl Position {
    pub(crate) const START: Self = Self { line: 1, column: 1, by_characters: false };
}

fn hint(suggestion: Option<&str>) -> String {
    suggestion.map(|word| format!("; did you mean \"{word}\"?")).unwrap_or_default()
}

/// Levenshtein's distance, one row at a time.
fn edit_distance(a: &str, b: &str) -> usize {
    let mut row: Vec<usize> = (0..=b.chars().count()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, cb) in row.iter_mut().skip(1).zip(b.chars()) {
            let best = (diagonal + usize::from(ca != cb)).min(left + 1).min(*cell + 1);
            diagonal = *cell;
            *cell = best;
            left = best;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_are_levenshtein() {
        for (a, b, expected) in
            [("", "", 0), ("summ", "sum", 1), ("sum", "summ", 1), ("kitten", "sitting", 3), ("rate", "", 4)]
        {
            assert_eq!(edit_distance(a, b), expected, "{a} {b}");
        }
    }
}
