//! LogQL that was typed: read, or shown with the place where it is wrong.

use std::io::{self, Read};

use catchment_logql::{Expr, ParseError, parse};

use crate::failure::Failure;
use crate::output::printable;

/// What is shown of a long line of a query, on each side of the fault.
const SHOWN_CHARS: usize = 60;

/// The expression that was typed; `-` is on standard input.
pub fn read(typed: &str) -> Result<Expr, Failure> {
    let mut text = typed.to_owned();
    if typed == "-" {
        text.clear();
        io::stdin()
            .read_to_string(&mut text)
            .map_err(|err| Failure::reading("standard input".as_ref(), err))?;
    }
    parse(&text).map_err(|err| Failure::Rejected(with_caret(&text, &err)))
}

/// The error, the line of the query that it is in, and a caret below its place.
fn with_caret(query: &str, err: &ParseError) -> String {
    let line = query.lines().nth(err.line.saturating_sub(1)).unwrap_or_default();
    let before = err.column.saturating_sub(1);
    let skipped = before.saturating_sub(SHOWN_CHARS);
    let shown: String = line.chars().skip(skipped).take(before - skipped + SHOWN_CHARS).collect();
    let lead: String = shown.chars().take(before - skipped).collect();
    let (first, last) = (
        if skipped > 0 { "…" } else { "" },
        if line.chars().count() > skipped + shown.chars().count() { "…" } else { "" },
    );
    let indent = console::measure_text_width(&format!("{first}{}", printable(&lead)));
    format!("{err}\n  {first}{}{last}\n  {}^", printable(&shown), " ".repeat(indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(query: &str) -> String {
        with_caret(query, &parse(query).unwrap_err())
    }

    #[test]
    fn the_place_of_a_fault_has_a_caret_below_it() {
        let told = told(r#"{service="a"} | jsn | x = y"#);
        let lines: Vec<_> = told.lines().collect();
        assert_eq!(lines[1], r#"  {service="a"} | jsn | x = y"#, "{told}");
        let column = lines[2].len() - 3 + 1;
        assert!(lines[2].trim_start() == "^" && lines[0].contains(&format!("1:{column}")), "{told}");
    }

    #[test]
    fn of_a_long_query_the_part_around_the_fault_is_shown() {
        let query = format!("{{service=\"a\"}} |= \"{}\" |||| |= \"{}\"", "é".repeat(300), "x".repeat(300));
        let told = told(&query);
        let lines: Vec<_> = told.lines().collect();
        assert!(lines[1].starts_with("  …é") && lines[1].ends_with("x…"), "{told}");
        assert!(lines[1].chars().count() < 130);
        assert_eq!(lines[1].chars().nth(lines[2].len() - 1), Some('|'), "{told}");
    }

    #[test]
    fn of_several_lines_the_one_with_the_fault_is_shown() {
        let told = told("sum(\n  count_over_time({a=\"b\"}[5m])\n) >> 1");
        assert!(told.contains("\n  ) >> 1\n"), "{told}");
    }
}
