//! Whatever is written, it is refused or it runs; nothing panics, nothing goes on
//! without end.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_logql::{AlertSubject, AlertTemplate, parse, script};
use proptest::prelude::*;

/// Pieces that templates are made of, so that many of the made-up ones can be read.
fn template() -> impl Strategy<Value = String> {
    let pieces = [
        "{{ ",
        " }}",
        "{{- ",
        " -}}",
        "$value",
        "$labels",
        "$labels.a",
        ".Labels",
        ".Value.x",
        "$",
        "$x",
        ":=",
        "=",
        "|",
        "(",
        ")",
        "if ",
        "else ",
        "end",
        "range ",
        "with ",
        "define \"t\"",
        "template \"t\" .",
        "break",
        "humanize",
        "humanizeDuration",
        "printf \"%5.2f %v\" ",
        "reReplaceAll \"(a)\" \"$1\" ",
        "index ",
        "len ",
        "eq ",
        "1",
        "1.5",
        "\"a\"",
        "`b`",
        "nil",
        "true",
        "text",
        " ",
        "\n",
        "é",
        "/* c */",
        "slice ",
        "print ",
        "title",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|pieces| pieces.concat())
}

/// Pieces of regular expressions, with what Go and Rust read otherwise.
fn regex() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "[",
        "]",
        "^",
        "-",
        "&&",
        "~~",
        "--",
        "{",
        "}",
        "2",
        ",",
        "(",
        ")",
        "(?P<",
        "1a>",
        "(?i)",
        "|",
        "*",
        "+",
        "?",
        "\\d",
        "\\w",
        "\\b",
        "\\<",
        "\\Q",
        "\\E",
        "\\",
        "[:alpha:]",
        ":",
        "é",
        ".",
        "$",
        "\\]",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn any_template_is_refused_or_rendered(source in template(), value in any::<f64>()) {
        if let Ok(template) = AlertTemplate::new(&source) {
            let labels = [("a".to_owned(), "b".to_owned())].into();
            let subject = AlertSubject { labels, value, ..AlertSubject::default() };
            // It may fail, but with the same words again.
            prop_assert_eq!(template.render(&subject), template.render(&subject));
        }
    }

    #[test]
    fn any_template_of_a_line_is_refused_or_read(source in template()) {
        let query = format!("{{a=\"b\"}} | line_format {source:?}");
        if let Ok(expr) = parse(&query) {
            let written = expr.to_string();
            prop_assert_eq!(parse(&written).unwrap(), expr);
        }
    }

    #[test]
    fn any_regex_is_refused_or_compiled(source in regex()) {
        for query in [format!("{{a=\"b\"}} |~ `{source}`"), format!("{{a=~`{source}`, b=\"c\"}}")] {
            if let Err(error) = parse(&query) {
                prop_assert!(error.to_loki().starts_with("parse error"), "{}", error.to_loki());
            }
        }
    }

    #[test]
    fn any_script_is_read(lines in prop::collection::vec(
        prop::sample::select(vec![
            "load", "  {a=\"b\"} \"x\" @ 1s", "  {a=\"b\"} `x` @ 1 [repeat every 1s for 3]", "  {a=", "", "clear", "flush",
            "eval instant at 9s count_over_time({a=\"b\"}[9s])", "eval range from 0 to 9s step 3s vector(1)",
            "eval select from 0 to 9s forward {a=\"b\"}", "  {} 1x3", "  {a=\"b\"} 3", "  expect fail msg: x",
            "  expect ordered", "expect empty", "  _ 1", "# c", "  {} _x2 stale NaN -Inf+1x2", "eval",
        ]),
        0..12,
    )) {
        let report = script::run(&lines.join("\n"));
        prop_assert!(report.failures.iter().all(|failure| failure.line >= 1 && failure.line <= lines.len()));
    }
}
