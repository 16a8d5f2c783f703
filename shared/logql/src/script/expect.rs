//! What a script expects of a query.

use super::read::{Line, duration};
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
}

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
        if line.eat("expect ") {
            return self.directive(&mut line);
        }
        // How one of Loki's own ways of execution may differ is not for us.
        if line.eat("skip ") {
            return Ok(());
        }
        if !line.rest.starts_with('{') {
            let value = number(line.rest).ok_or_else(|| format!("\"{text}\" is no expected result"))?;
            self.scalar = Some(value);
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
        self.series.push(ExpectedSeries { labels, values });
        Ok(())
    }

    fn directive(&mut self, line: &mut Line<'_>) -> Result<(), String> {
        if line.eat("empty") {
            self.empty = true;
        } else if line.eat("ordered") {
            self.ordered = true;
        } else if line.eat("values-toleration") {
            return Ok(());
        } else if line.eat("fail") {
            self.fails = Some(if line.eat("msg:") {
                Failure::Containing(line.rest.to_owned())
            } else if line.eat("regex:") {
                Failure::Matching(Pattern::new(line.rest)?)
            } else {
                Failure::Any
            });
            return Ok(());
        } else {
            return Err(format!("unknown expectation \"{}\"", line.rest));
        }
        if line.is_empty() { Ok(()) } else { Err(format!("unexpected \"{}\"", line.rest)) }
    }

    /// Whether nothing is expected, which is a slip.
    pub(super) fn is_missing(&self) -> bool {
        !self.empty
            && self.fails.is_none()
            && self.scalar.is_none()
            && self.series.is_empty()
            && self.lines.is_empty()
    }
}

fn log_line(stream: Labels, line: &mut Line<'_>) -> Result<ExpectedLine, String> {
    let text = line.quoted()?.to_owned();
    line.expect("@")?;
    let at = duration(line.word(&['[']))?;
    let metadata = line.bracketed_labels("metadata")?.unwrap_or_default();
    let parsed = line.bracketed_labels("parsed")?.unwrap_or_default();
    if !line.is_empty() {
        return Err(format!("unexpected \"{}\"", line.rest));
    }
    Ok(ExpectedLine { stream, line: text, at, metadata, parsed })
}

fn number(word: &str) -> Option<f64> {
    match word {
        "NaN" => Some(f64::NAN),
        "Inf" | "+Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => word.parse().ok(),
    }
}

/// `5`, `_`, `_x3`, `4x3`, `2+3x2`, `1-1x2`: the last ones are a value and so many more.
fn expand(word: &str, values: &mut Vec<Option<f64>>) -> Option<()> {
    if word == "_" {
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
        ] {
            let mut values = Vec::new();
            assert_eq!(expand(word, &mut values), Some(()), "{word}");
            assert_eq!(values, expected, "{word}");
        }
        assert_eq!(expand("x", &mut Vec::new()), None);
    }
}
