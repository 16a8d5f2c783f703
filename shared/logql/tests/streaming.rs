//! Expressions whose lines arrive in batches: which are refused, what their
//! leaves share, and which of them can be judged before their window is over.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_logql::{Expr, NotStreamable, StreamedExpr, parse};

fn streamed(source: &str) -> Result<StreamedExpr, NotStreamable> {
    match parse(source) {
        Ok(Expr::Metric(expr)) => StreamedExpr::new(expr),
        other => panic!("{source}: {other:?}"),
    }
}

fn metric(source: &str) -> StreamedExpr {
    streamed(source).unwrap()
}

#[test]
fn what_cannot_be_merged_is_refused_with_the_reason() {
    for (source, what, why) in [
        (r#"rate_counter({a="b"} | unwrap c [5m])"#, "the function \"rate_counter\"", "the one before it"),
        (
            r#"count_over_time({a="b"} | line_format "{{now}}" [5m])"#,
            "the stage \"| line_format \"{{now}}\"\"",
            "another time",
        ),
        (r#"rate({a="b"}[1500us]) > 1"#, "the function \"rate\"", "whole milliseconds"),
        (r#"rate({a="b"}[5m] offset 1us)"#, "the function \"rate\"", "whole milliseconds"),
        (r#"rate({a="b"}[5m] offset -1m)"#, "the function \"rate\"", "yet to come"),
        ("1 + 2", "the number \"1 + 2\"", "no series"),
    ] {
        let refused = streamed(source).map(|_| ()).unwrap_err();
        assert_eq!(refused.what, what, "{source}");
        assert!(refused.why.contains(why), "{source}: {}", refused.why);
    }
}

#[test]
fn a_threshold_is_the_constant_of_the_outermost_comparison() {
    for (source, threshold) in [
        (r#"rate({a="b"}[5m]) > 2 * (3 + 4)"#, Some(14.0)),
        (r#"rate({a="b"}[5m]) > -2 ^ 2 ^ 3"#, Some(256.0)),
        (r#"10 < rate({a="b"}[5m])"#, Some(10.0)),
        (r#"rate({a="b"}[5m]) > rate({a="c"}[5m])"#, None),
        (r#"rate({a="b"}[5m])"#, None),
    ] {
        assert_eq!(metric(source).threshold(), threshold, "{source}");
    }
}

#[test]
fn leaves_are_one_when_a_batch_contributes_the_same_to_both() {
    let identity = |source: &str| metric(source).leaves()[0].identity();
    let same = |a, b| assert_eq!(identity(a), identity(b), "{a} {b}");
    let other = |a, b| assert_ne!(identity(a), identity(b), "{a} {b}");
    let count = r#"count_over_time({a="b"} |= "x" [5m])"#;
    same(count, r#"rate({a="b"} |= "x" [1h] offset 1d) > 3"#);
    same(r#"sum by (p, q) (rate({a="b"}[5m]))"#, r#"sum by (q, p) (count_over_time({a="b"}[1m]))"#);
    same(r#"sum_over_time({a="b"} | unwrap c [5m])"#, r#"rate({a="b"} | unwrap c [5m])"#);
    same(
        r#"quantile_over_time(0.5, {a="b"} | unwrap c [5m])"#,
        r#"quantile_over_time(0.9, {a="b"} | unwrap c [5m])"#,
    );
    same(r#"stddev_over_time({a="b"} | unwrap c [5m])"#, r#"stdvar_over_time({a="b"} | unwrap c [5m])"#);
    other(count, r#"count_over_time({a="b"} |= "y" [5m])"#);
    other(count, r#"bytes_over_time({a="b"} |= "x" [5m])"#);
    other(count, r#"sum(count_over_time({a="b"} |= "x" [5m]))"#);
    other(count, r#"absent_over_time({a="b"} |= "x" [5m])"#);
    other(r#"rate({a="b"} | unwrap c [5m])"#, r#"rate({a="b"} [5m])"#);
    other(r#"rate({a="b"} | unwrap c [5m])"#, r#"rate({a="b"} | unwrap bytes(c) [5m])"#);
    other(r#"max_over_time({a="b"} | unwrap c [5m])"#, r#"min_over_time({a="b"} | unwrap c [5m])"#);

    let expr = metric(r#"rate({a="b"}[5m]) > 3 * rate({a="b"}[10m] offset 1d)"#);
    let windows: Vec<_> = expr.leaves().iter().map(|leaf| (leaf.range_ms(), leaf.offset_ms())).collect();
    assert_eq!(windows, [(300_000, 0), (600_000, 86_400_000)]);
    assert_eq!(expr.leaves()[0].identity(), expr.leaves()[1].identity());
}

#[test]
fn an_expression_grows_when_no_line_can_make_it_false_again() {
    for (source, grows) in [
        (r#"count_over_time({a="b"}[5m]) > 5"#, true),
        (r#"5 <= sum by (p) (rate({a="b"}[5m]))"#, true),
        (r#"5 >= sum by (p) (rate({a="b"}[5m]))"#, false),
        (r#"count_over_time({a="b"}[5m]) == 5"#, false),
        (r#"max(bytes_rate({a="b"}[5m])) * 8 - 3 > 1"#, true),
        (r#"-1 * count_over_time({a="b"}[5m]) > -7"#, false),
        (r#"count(count_over_time({a="b"}[5m]) > 2) > 1"#, true),
        (r#"count(count_over_time({a="b"}[5m]) < 2) > 1"#, false),
        (r#"max_over_time({a="b"} | unwrap c [5m]) > 5"#, true),
        (r#"sum(max_over_time({a="b"} | unwrap c [5m])) > 5"#, false),
        (r#"sum(max_over_time({a="b"} | unwrap bytes(c) [5m])) > 5"#, true),
        (r#"sum_over_time({a="b"} | unwrap c [5m]) > 5"#, false),
        (r#"sum_over_time({a="b"} | unwrap bytes(c) [5m]) > 5"#, true),
        (r#"avg_over_time({a="b"} | unwrap bytes(c) [5m]) > 5"#, false),
        (r#"avg(count_over_time({a="b"}[5m])) > 5"#, false),
        (r#"topk(1, count_over_time({a="b"}[5m])) > 5"#, false),
        (r#"absent_over_time({a="b"}[5m])"#, false),
        (r#"count_over_time({a="b"}[5m]) > 5 and rate({a="c"}[5m]) > 1"#, true),
        (r#"count_over_time({a="b"}[5m]) > 5 or rate({a="c"}[5m]) > 1"#, true),
        (r#"(count_over_time({a="b"}[5m]) or rate({a="c"}[5m])) > 1"#, false),
        (r#"count_over_time({a="b"}[5m]) > 5 unless rate({a="c"}[5m]) > 1"#, false),
        (r#"rate({a="b"}[5m]) > rate({a="c"}[5m])"#, false),
        (r#"rate({a="b"}[5m]) / rate({a="c"}[5m]) > 0.1"#, false),
        (r#"count_over_time({a="b"}[5m]) > bool 5"#, true),
        (r#"label_replace(rate({a="b"}[5m]), "x", "$1", "a", "(.*)") > 1"#, true),
        ("vector(1)", true),
    ] {
        assert_eq!(metric(source).grows(), grows, "{source}");
    }
}
