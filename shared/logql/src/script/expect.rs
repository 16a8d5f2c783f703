//! What a script expects of a query.

use super::read::{Line, time};
use crate::metric::Labels;
use crate::pattern::Pattern;

/// The expected answer of a query.
#[derive(Debug, Default)]
pub(super) struct Expected {
    pub(super) empty: bool,
    pub(super) ordered: bool,
    pub(super) fails: Option<Failure>,
    pub(super) scalar: Option<f64>,
    pub(super) series: Vec<ExpectedSeries>,
    pub(super) lines: Vec<ExpectedLine>,
    /// A text; no LogQL query gives one.
    pub(super) text: Option<String>,
    /// A warning or another note; this engine gives none.
    pub(super) note: Option<&'static str>,
    /// How far values may lie apart.
    pub(super) tolerance: Tolerance,
}

/// How values are compared.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) enum Tolerance {
    /// As exactly as numbers are summed.
    #[default]
    Exact,
    /// Within this, absolutely or relative to the larger.
    Within(f64),
    /// Not at all: only that there is a value.
    Any,
}

/// The way of execution that this engine stands for, among Loki's.
const STACK: &str = "direct (timestamp-first)";

/// A failure that is expected.
#[derive(Debug)]
pub(super) enum Failure {
    Any,
    Containing(String),
    Matching(Pattern),
}

/// A series; a gap has no value.
#[derive(Debug)]
pub(super) struct ExpectedSeries {
    pub(super) labels: Labels,
    pub(super) values: Vec<Option<f64>>,
}

/// A line of a log query.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ExpectedLine {
    pub(super) stream: Labels,
    pub(super) line: String,
    pub(super) at: i64,
    pub(super) metadata: Labels,
    pub(super) parsed: Labels,
}

/// The most points that one shorthand stands for.
const MAX_EXPANSION: usize = 100_000;

impl Expected {
    /// Takes one line of the block in.
    pub(super) fn read(&mut self, text: &str) -> Result<(), String> {
        let mut line = Line::new(text);
        if line.eat_word("expect") {
            return self.directive(&mut line);
        }
        if line.eat_word("skip") {
            line.expect("values-comparison")?;
            return self.on_stack(&mut line, Tolerance::Any);
        }
        // The words of promqltest before `expect`.
        if line.eat_word("expected_fail_message") {
            self.fails = Some(Failure::Containing(line.rest.to_owned()));
            return Ok(());
        }
        if line.eat_word("expected_fail_regexp") {
            self.fails = Some(Failure::Matching(Pattern::new(line.rest)?));
            return Ok(());
        }
        if !line.rest.starts_with('{') {
            let value = number(line.rest).ok_or_else(|| format!("\"{text}\" is no expected result"))?;
            if self.scalar.replace(value).is_some() {
                return Err("a second scalar is expected".to_owned());
            }
            return Ok(());
        }
        let labels = line.labels()?;
        if line.rest.starts_with(['"', '`']) {
            self.lines.push(log_line(labels, &mut line)?);
            return Ok(());
        }
        let mut values = Vec::new();
        while !line.is_empty() {
            let word = line.word(&[]);
            expand(word, &mut values).ok_or_else(|| format!("\"{word}\" is no value"))?;
        }
        if values.is_empty() {
            return Err(format!("the series {labels} has no value"));
        }
        self.series.push(ExpectedSeries { labels, values });
        Ok(())
    }

    fn directive(&mut self, line: &mut Line<'_>) -> Result<(), String> {
        let word = line.word(&[]);
        match word {
            "empty" => self.empty = true,
            "ordered" => self.ordered = true,
            "no_warn" | "no_info" => {}
            "warn" | "info" => {
                self.note = Some(if word == "warn" { "a warning" } else { "an information" });
                return Ok(());
            }
            "string" => {
                self.text = Some(line.rest.to_owned());
                return Ok(());
            }
            // Only `expect empty` says that there is nothing.
            "range" => line.expect("vector")?,
            "values-toleration" => {
                let word = line.word(&[]);
                let epsilon = word.parse().ok().filter(|epsilon: &f64| epsilon.is_finite() && *epsilon > 0.0);
                let epsilon = epsilon.ok_or_else(|| format!("\"{word}\" is no toleration above 0"))?;
                return self.on_stack(line, Tolerance::Within(epsilon));
            }
            "fail" => {
                self.fails = Some(if line.eat("msg:") {
                    Failure::Containing(line.rest.to_owned())
                } else if line.eat("regex:") {
                    Failure::Matching(Pattern::new(unquoted(line.rest).unwrap_or(line.rest))?)
                } else if line.is_empty() {
                    Failure::Any
                } else {
                    return Err(format!("unexpected \"{}\" behind \"expect fail\"", line.rest));
                });
                return Ok(());
            }
            _ => return Err(format!("unknown expectation \"{word}\"")),
        }
        if line.is_empty() { Ok(()) } else { Err(format!("unexpected \"{}\"", line.rest)) }
    }

    /// `on "stack"`: what is said about one of Loki's ways of execution counts
    /// when it is the one that this engine stands for.
    fn on_stack(&mut self, line: &mut Line<'_>, tolerance: Tolerance) -> Result<(), String> {
        line.expect("on")?;
        let stack = line.quoted()?;
        if !line.is_empty() {
            return Err(format!("unexpected \"{}\"", line.rest));
        }
        if stack == STACK {
            if self.tolerance != Tolerance::Exact {
                return Err(format!("two words about the values on \"{stack}\""));
            }
            self.tolerance = tolerance;
        }
        Ok(())
    }

    /// What is wrong with the block as a whole: it expects exactly one kind of result.
    pub(super) fn fault(&self, instant: bool) -> Option<&'static str> {
        let kinds = [
            self.empty,
            self.fails.is_some(),
            self.scalar.is_some(),
            !self.series.is_empty(),
            !self.lines.is_empty(),
            self.text.is_some(),
        ];
        match kinds.into_iter().filter(|kind| *kind).count() {
            0 => Some("nothing is expected; write \"expect empty\" where that is meant"),
            1 if self.ordered && !instant => Some("\"expect ordered\" is for instant queries"),
            1 if self.ordered && self.series.is_empty() => Some("\"expect ordered\" needs series"),
            1 => None,
            _ => Some("more than one kind of result is expected"),
        }
    }
}

/// What stands in double quotes.
pub(super) fn unquoted(text: &str) -> Option<&str> {
    text.strip_prefix('"')?.strip_suffix('"')
}

fn log_line(stream: Labels, line: &mut Line<'_>) -> Result<ExpectedLine, String> {
    let text = line.quoted()?.to_owned();
    line.expect("@")?;
    let at = time(line.word(&['[']))?;
    let metadata = line.bracketed_labels("metadata")?.unwrap_or_default();
    let parsed = line.bracketed_labels("parsed")?.unwrap_or_default();
    if !line.is_empty() {
        return Err(format!("unexpected \"{}\"", line.rest));
    }
    Ok(ExpectedLine { stream, line: text, at, metadata, parsed })
}

fn number(word: &str) -> Option<f64> {
    match word {
        // As Go reads them: nan, inf and infinity in any case, with a sign.
        _ if word.starts_with(['_', 'x']) => None,
        _ => word.parse().ok(),
    }
}

/// `5`, `_`, `_x3`, `4x3`, `2+3x2`, `1-1x2`: the last ones are a value and so many more.
fn expand(word: &str, values: &mut Vec<Option<f64>>) -> Option<()> {
    // A sample that is stale is none.
    if matches!(word, "_" | "stale") {
        values.push(None);
        return Some(());
    }
    if let Some(value) = number(word) {
        values.push(Some(value));
        return Some(());
    }
    let (start, count) = word.rsplit_once('x')?;
    let count: usize = count.parse().ok().filter(|count| *count <= MAX_EXPANSION)?;
    if start == "_" {
        values.extend(std::iter::repeat_n(None, count));
        return Some(());
    }
    let (base, step) = match number(start) {
        Some(base) => (base, 0.0),
        None => {
            // The sign that is not the first character and no exponent's.
            let signs = start.char_indices().skip(1).filter(|(_, c)| matches!(c, '+' | '-'));
            signs
                .filter_map(|(i, _)| {
                    let (base, step) = start.split_at_checked(i)?;
                    Some((number(base)?, number(step)?))
                })
                .last()?
        }
    };
    values.extend((0..=count).map(|i| Some(base + step * i as f64)));
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthands_stand_for_a_value_and_more() {
        for (word, expected) in [
            ("6", vec![Some(6.0)]),
            ("_", vec![None]),
            ("_x2", vec![None, None]),
            ("2+3x2", vec![Some(2.0), Some(5.0), Some(8.0)]),
            ("1-1x2", vec![Some(1.0), Some(0.0), Some(-1.0)]),
            ("-1.5-0.5x1", vec![Some(-1.5), Some(-2.0)]),
            ("4x3", vec![Some(4.0); 4]),
            ("1e2+1e1x1", vec![Some(100.0), Some(110.0)]),
            ("-Inf", vec![Some(f64::NEG_INFINITY)]),
            ("inf", vec![Some(f64::INFINITY)]),
            ("Infx1", vec![Some(f64::INFINITY), Some(f64::INFINITY)]),
            ("stale", vec![None]),
        ] {
            let mut values = Vec::new();
            assert_eq!(expand(word, &mut values), Some(()), "{word}");
            assert_eq!(values, expected, "{word}");
        }
        assert_eq!(expand("x", &mut Vec::new()), None);
    }
}
