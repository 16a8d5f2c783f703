//! What is accepted, what is refused and where, and that nothing panics.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

use std::borrow::Cow;

use catchment_logql::{Entry, Expr, parse};
use proptest::prelude::*;

struct Line(&'static str, &'static [(&'static str, &'static str)]);

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        0
    }
    fn line(&self) -> &str {
        self.0
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.1.iter().find(|(label, _)| *label == name).map(|(_, value)| Cow::Borrowed(*value))
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.1.iter().for_each(|(name, value)| visit(name, value));
    }
}

#[test]
fn lines_are_matched_as_loki_matches_them() {
    let line = Line("POST login failed for bob", &[("service", "auth"), ("level", "WARN")]);
    for (source, expected) in [
        (r#"{service="auth"}"#, true),
        (r#"{service="auth", level="warn"}"#, false),
        (r#"{service=~"auth|backend"}"#, true),
        (r#"{service=~"aut"}"#, false),
        (r#"{service="auth", cluster=""}"#, true),
        (r#"{service="auth", cluster!="x"}"#, true),
        (r#"{service!~"b.*", level=~"(?i)warn"}"#, true),
        (r#"{service="auth"} |= "failed" |= "login""#, true),
        (r#"{service="auth"} |= "nope" or "bob""#, true),
        (r#"{service="auth"} != "nope" or "bob""#, false),
        (r#"{service="auth"} |~ `login\s+fail` !~ "^GET""#, true),
        ("{service=\"auth\"} # a comment\n |= \"bob\"", true),
        (r#"{service="auth"} |= """#, true),
    ] {
        let Ok(Expr::Log(log)) = parse(source) else { panic!("{source}") };
        assert_eq!(log.matches(&line), expected, "{source}");
    }
}

#[test]
fn faults_are_named_with_their_place() {
    for (source, expected) in [
        ("summ(1)", "unknown aggregation \"summ\" at 1:1; did you mean \"sum\"?"),
        ("", "syntax error: unexpected $end at 1:1"),
        ("sum(\n  rat({a=\"b\"}[5m])\n)", "unknown aggregation \"rat\" at 2:3; did you mean \"rate\"?"),
        (r#"rate({a="b"})"#, "syntax error: unexpected ) at 1:13"),
        (r#"rate({a="b"}[5x])"#, "unknown unit \"x\" in duration \"5x\" at 1:13"),
        (r#"rate({a="b"}[0s])"#, "a range is a duration longer than zero, such as 5m at 1:13"),
        (r#"rate({a="b"}[5m"#, "missing closing ']' in duration at 1:13"),
        (r#"rate({a="b"}[5m]) by (a)"#, "grouping not allowed for rate aggregation at 1:1"),
        (r#"sum({a="b"})"#, "syntax error: unexpected { at 1:5"),
        (r#"{a="b"}[5m]"#, "syntax error: unexpected RANGE at 1:8"),
        (
            r#"{a=""}"#,
            "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will at 1:1",
        ),
        ("{a=b}", "syntax error: unexpected IDENTIFIER, expecting STRING at 1:4"),
        ("{a==\"b\"}", "syntax error: unexpected ==, expecting = or =~ or !~ or != at 1:3"),
        ("{by=\"b\"}", "syntax error: unexpected by, expecting IDENTIFIER or } at 1:2"),
        ("{a=~\"(\"}", "error parsing regexp: missing closing ): `^(?s:()$` at 1:5"),
        ("{a=\"b", "literal not terminated at 1:4"),
        (
            r#"{a="\d"}"#,
            "invalid char escape \"\\d\"; write \"\\\\d\", or put the string in backticks at 1:5",
        ),
        ("{a=\"b\"} ä", "syntax error: unexpected character 'ä' at 1:9"),
        (r#"{a="b"} | jsn"#, "syntax error: unexpected $end at 1:11; did you mean \"json\"?"),
        (r#"{a="b"} | unwrap c"#, "syntax error: unexpected unwrap at 1:11"),
        (
            r#"{a="b"} | label_format c=d,c="e""#,
            "stage '| label_format c=d,c=\"e\"' : multiple label name 'c' not allowed in a single format operation at 1:28",
        ),
        (
            r#"{a="b"} | regexp "x""#,
            "invalid regexp parser: at least one named capture must be supplied at 1:18",
        ),
        (
            r#"{a="b"} | line_format "{{.x""#,
            "stage '| line_format \"{{.x\"' : invalid line template: template: line:1: unclosed action at 1:23",
        ),
        (r#"{a="b"} |~ ip("1.1.1.1")"#, "ip: invalid operation: |~ at 1:12"),
        (
            r#"{a="b"} | logfmt --nope"#,
            "unknown parser flag \"--nope\"; there are --strict and --keep-empty at 1:18",
        ),
        (r#"{a="b"} | json c="d["#, "literal not terminated at 1:18"),
        (r#"sum_over_time({a="b"}[5m])"#, "invalid aggregation sum_over_time without unwrap at 1:1"),
        ("1 and 2", "unexpected literal for left leg of logical/set binary operation (and): 1.000000 at 1:3"),
    ] {
        assert_eq!(parse(source).unwrap_err().to_string(), expected, "{source}");
    }
    let loki = |source| parse(source).unwrap_err().to_loki();
    assert_eq!(loki("summ(1)"), "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER");
    assert_eq!(
        loki("{a=b}"),
        "parse error at line 1, col 4: syntax error: unexpected IDENTIFIER, expecting STRING"
    );
}

#[test]
fn sizes_are_bounded() {
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert!(parse(&deep).unwrap_err().message.contains("deeper than 64"));
    let chain = |operators: usize| parse(&format!("1{}", "+1".repeat(operators)));
    assert!(chain(127).is_ok());
    assert!(chain(128).unwrap_err().message.contains("deeper than 128"));
    let filters = |count: usize| parse(&format!("{{a=\"b\"}} | {}", vec!["a=\"b\""; count].join(" and ")));
    assert!(filters(1000).is_ok(), "a chain of filters is flat");
    let regexes = |count: usize| parse(&format!("{{a=\"b\"}}{}", " |~ \"c\"".repeat(count)));
    assert!(regexes(catchment_logql::MAX_REGEXES).is_ok());
    let refused = regexes(catchment_logql::MAX_REGEXES + 1).unwrap_err();
    assert!(refused.message.contains("more than 256 regular expressions"), "{refused}");
    let long = format!("{{a=\"{}\"}}", "x".repeat(catchment_logql::MAX_EXPRESSION_BYTES));
    assert!(parse(&long).unwrap_err().message.contains("input size too long (131078 > 131072)"));
}

/// Queries with every construct, for the property tests to take apart.
const QUERIES: [&str; 24] = [
    r#"{a="b", c!="d", e=~"f.+", g!~"h"} |= "x" or "y" != `z"` |~ "a\\d" !~ "b" |> "<_> x" !> "y<_>""#,
    r#"{a="b"} |= ip("1.2.3.0/24") or "x" != ip("::1")"#,
    r#"{a="b"} | json | json c, d="e.f[0]" | logfmt | logfmt --strict --keep-empty g="h""#,
    r#"{a="b"} | regexp "(?P<x>.)" | pattern "<a> <_>" | unpack | decolorize"#,
    r#"{a="b"} | line_format "{{.x | upper}}" | label_format c=d, e="{{.f}}""#,
    r#"{a="b"} | drop c, d="e" | keep f, g=~"h""#,
    r#"{a="b"} | c > 5 and d <= 5m or e = 5KB, f != "g" h == 1.5 | i = ip("1.1.1.1")"#,
    r#"{a="b"} | (c > 5 or d = "x") and (e < -1 or (f >= 1h30m and g != 20MiB))"#,
    r#"count_over_time({a="b"} |= "x" [5m] offset 1h)"#,
    r#"quantile_over_time(0.99, {a="b"} | json | unwrap duration(c) | __error__="" [1h30m]) by (d, e)"#,
    r#"sum by (a) (rate({a="b"}[1m] | logfmt | unwrap bytes(c)))"#,
    r#"topk(5, sum without (c) (bytes_rate({a="b"}[1d])))"#,
    r#"sort_desc(approx_topk(3, count_over_time({a="b"}[1s])))"#,
    r#"sum(rate({a="b"}[1m])) / on (c) group_left (d) sum by (c) (rate({a="b"}[1m])) > bool 0.5"#,
    r#"vector(1) * 2 ^ 3 ^ 2 - (1 - (2 - 3)) % 4"#,
    r#"(vector(1) or vector(2)) and ignoring (a) vector(3) unless vector(4)"#,
    r#"label_replace(rate({a="b"}[5m]), "d", "$1-x", "s", "(.*)")"#,
    r#"rate({a="b"}[5m]) != 3 and -1 < rate({a="b"}[5m])"#,
    r#"absent_over_time({a="b"}[5m]) or vector(1.5e-7)"#,
    r#"(((count_over_time(({a="b"} | json)[5m]))))"#,
    r#"1 == bool 2"#,
    r#"rate_counter({a="b"} | unwrap c [1m]) * ignoring () group_right vector(1)"#,
    r#"max_over_time({a="b"} | unwrap c | d > 1 | e = "f" [1500ms]) without ()"#,
    "sum(count_over_time({a=\"\\n\\t\\\"\"}[5m])) # comment",
];

#[test]
fn every_construct_is_written_as_it_is_read() {
    for source in QUERIES {
        let expr = parse(source).unwrap_or_else(|err| panic!("{source}: {err}"));
        let text = expr.to_string();
        let again = parse(&text).unwrap_or_else(|err| panic!("{text}: {err}"));
        assert_eq!(again, expr, "{source}\n{text}");
        assert_eq!(again.to_string(), text, "{source}");
    }
}

#[test]
fn the_canonical_form_is_the_one_way_to_write_it() {
    for (source, canonical) in [
        ("sum(rate({a='b'}[5m])) by(c)".replace('\'', "\""), "sum by (c) (rate({a=\"b\"} [5m]))"),
        ("{a=`b`}|json|(x>1,y=2)".to_owned(), "{a=\"b\"} | json | x > 1 and y == 2"),
        (
            "rate({a=`b`}[90s]|logfmt|unwrap duration_seconds(c))".to_owned(),
            "rate({a=\"b\"} | logfmt | unwrap duration(c) [1m30s])",
        ),
        ("((1))+((2)*3)".to_owned(), "1 + 2 * 3"),
        ("(1+2)*3".to_owned(), "(1 + 2) * 3"),
    ] {
        assert_eq!(parse(&source).unwrap().to_string(), canonical);
    }
}

fn round_trip(source: &str) -> Result<(), TestCaseError> {
    if let Ok(expr) = parse(source) {
        let text = expr.to_string();
        let again = parse(&text);
        prop_assert!(again.is_ok(), "{} -> {}: {:?}", source, text, again);
        prop_assert_eq!(again.unwrap(), expr, "{}", text);
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn arbitrary_text_never_panics(source in ".{0,200}") {
        round_trip(&source)?;
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        round_trip(&String::from_utf8_lossy(&bytes))?;
    }

    #[test]
    fn arbitrary_tokens_never_panic(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "a", "=", "=~", "\"x\"", "(", ")", "[", "5m", "]", "rate", "sum", "by", ",", "10KB", "!=",
        "|=", "|", "or", "and", ">", "-", "1", "^", "json", "\n", "`", "unwrap", "ip", "vector", "on", "offset",
        "logfmt", "--strict", "topk", "group_left", "line_format", "`{{.a}}`", "label_format", "drop", "[5m]",
    ]), 0..30)) {
        round_trip(&words.join(" "))?;
    }

    #[test]
    fn queries_taken_apart_read_back_as_they_are_written(
        query in prop::sample::select(QUERIES.to_vec()),
        other in prop::sample::select(QUERIES.to_vec()),
        cut in 0usize..200,
        from in 0usize..200,
    ) {
        let cut = query.floor_char_boundary(cut.min(query.len()));
        let from = other.floor_char_boundary(from.min(other.len()));
        round_trip(&format!("{}{}", &query[..cut], &other[from..]))?;
        round_trip(&format!("({query}) + ({other})"))?;
    }
}
