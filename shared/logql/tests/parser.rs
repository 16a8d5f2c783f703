//! What is accepted, what is refused and where, and that nothing panics.

use std::borrow::Cow;

use catchment_logql::{Entry, Expr, MetricExpr, STREAM_LABELS, Series, parse};
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
}

fn metric(source: &str) -> MetricExpr {
    match parse(source) {
        Ok(Expr::Metric(expr)) => expr,
        other => panic!("{source}: {other:?}"),
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
        ("", "expected a metric expression, found the end of the expression at 1:1"),
        ("sum(\n  rat({a=\"b\"}[5m])\n)", "unknown aggregation \"rat\" at 2:3; did you mean \"rate\"?"),
        (r#"rate({a="b"})"#, "expected a range such as \"[5m]\", found \")\" at 1:13"),
        (
            r#"rate({a="b"}[5x])"#,
            "\"5x\" is not a duration; write it like 30s, 5m or 1h30m (units: y w d h m s ms) at 1:14",
        ),
        (r#"rate({a="b"}[0s])"#, "a range is a duration longer than zero, such as 5m at 1:14"),
        (
            r#"rate({a="b"}[5m]) by (a)"#,
            "\"by\" belongs to an aggregation such as sum, not to a range function at 1:19",
        ),
        (
            r#"{a=""}"#,
            "the selector needs at least one matcher that an empty value does not satisfy, such as service=\"api\" or service=~\".+\" at 1:1",
        ),
        ("{a=~\"(\"}", "the regular expression is wrong: unclosed group at 1:5"),
        ("{a=\"b", "this string has no closing \" at 1:4"),
        (
            r#"{a="\d"}"#,
            "\"\\d\" is not an escape of a string; write \"\\\\d\", or put the string in backticks at 1:5",
        ),
        ("{a=\"b\"} ä", "the character 'ä' is not expected at 1:9"),
        ("1 / 0", "this constant is not a finite number at 1:3"),
        (r#"{a="b"} | josn"#, "unknown stage \"josn\" at 1:11"),
        // LogQL that this version does not evaluate.
        (r#"{a="b"} | json"#, "the stage \"json\" is not supported yet at 1:11"),
        (r#"{a="b"} | status >= 500"#, "a filter on the label \"status\" is not supported yet at 1:11"),
        (r#"{a="b"} |> "<_>""#, "the filter \"|>\" is not supported yet at 1:9"),
        (r#"rate({a="b"}[5m] offset 1h)"#, "\"offset\" is not supported yet at 1:18"),
        (r#"sum_over_time({a="b"}[5m])"#, "the function \"sum_over_time\" is not supported yet at 1:1"),
        (r#"rate({a="b"}[5m]) > bool 1"#, "\"bool\" is not supported yet at 1:21"),
        (
            r#"rate({a="b"}[5m]) / rate({a="c"}[5m])"#,
            "\"/\" with a metric on either side is not supported yet at 1:19",
        ),
    ] {
        assert_eq!(parse(source).unwrap_err().to_string(), expected, "{source}");
    }
}

#[test]
fn sizes_are_bounded() {
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert!(parse(&deep).unwrap_err().message.contains("deeper than 64"));
    let long = format!("{{a=\"{}\"}}", "x".repeat(catchment_logql::MAX_EXPRESSION_BYTES));
    assert!(parse(&long).unwrap_err().message.contains("longer than 16384"));
}

#[test]
fn constants_are_folded_and_comparisons_turned() {
    for (source, threshold) in [
        (r#"rate({a="b"}[5m]) > 2 * (3 + 4)"#, 14.0),
        (r#"rate({a="b"}[5m]) > -2 ^ 2 ^ 3"#, 256.0),
        (r#"10 < rate({a="b"}[5m])"#, 10.0),
    ] {
        assert_eq!(metric(source).threshold(), Some(threshold), "{source}");
    }
    let window = [(Series::new([("service", "x")]), 11.0)];
    let count = |source| metric(source).finish(&window).len();
    assert_eq!(count(r#"10 < count_over_time({a="b"}[5m])"#), 1);
    assert_eq!(count(r#"12 < count_over_time({a="b"}[5m])"#), 0);
}

#[test]
fn both_places_of_range_and_grouping_mean_the_same() {
    for source in
        [r#"sum by (path) (rate({a="b"} |= "x" [5m]))"#, r#"sum(rate({a="b"}[5m] |= "x")) by (path,)"#]
    {
        let expr = metric(source);
        let range = expr.range_aggregation().unwrap();
        assert_eq!((range.range_ms, range.log.stages.len()), (300_000, 1), "{source}");
        assert_eq!(expr.series_labels(), ["path"], "{source}");
    }
}

#[test]
fn series_are_kept_as_finely_as_the_expression_needs() {
    let labels = |source| metric(source).series_labels();
    assert_eq!(labels(r#"count_over_time({a="b"}[5m]) > 5"#), STREAM_LABELS);
    assert_eq!(labels(r#"sum(rate({a="b"}[5m])) > 1"#), [""; 0]);
    let max = labels(r#"max by (path) (count_over_time({a="b"}[5m]))"#);
    assert!(max.contains(&"path".to_owned()) && max.contains(&"service".to_owned()));
    let without = labels(r#"sum without (service) (count_over_time({a="b"}[5m]))"#);
    assert_eq!(without.len(), STREAM_LABELS.len() - 1);
}

#[test]
fn aggregations_finish_from_the_sums_of_the_window() {
    let series = |service, cluster| Series::new([("service", service), ("cluster", cluster)]);
    let window = [(series("a", "1"), 300.0), (series("a", "2"), 600.0), (series("b", "1"), 30.0)];
    for (source, a, b) in [
        (r#"sum by (service) (rate({x="y"}[5m]))"#, 3.0, 0.1),
        (r#"min by (service) (count_over_time({x="y"}[5m]))"#, 300.0, 30.0),
        (r#"max by (service) (count_over_time({x="y"}[5m]))"#, 600.0, 30.0),
        (r#"avg by (service) (count_over_time({x="y"}[5m]))"#, 450.0, 30.0),
        (r#"count by (service) (count_over_time({x="y"}[5m]))"#, 2.0, 1.0),
        (r#"sum without (cluster) (bytes_rate({x="y"}[1m]))"#, 15.0, 0.5),
    ] {
        let of = |service| Series::new([("service", service)]);
        assert_eq!(metric(source).finish(&window), [(of("a"), a), (of("b"), b)], "{source}");
    }
    assert_eq!(metric(r#"sum(rate({x="y"}[5m])) > 0"#).finish(&[]), [], "no lines, no series");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn arbitrary_text_never_panics(source in ".{0,200}") {
        drop(parse(&source));
    }

    #[test]
    fn arbitrary_tokens_never_panic(words in prop::collection::vec(prop::sample::select(vec![
        "{", "}", "a", "=", "=~", "\"x\"", "(", ")", "[", "5m", "]", "rate", "sum", "by", ",",
        "|=", "|", "or", ">", "-", "1", "^", "json", "\n", "`",
    ]), 0..30)) {
        drop(parse(&words.join(" ")));
    }
}
