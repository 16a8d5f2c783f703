//! Expressions that are put together from sums: their series, and their values.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_logql::{Expr, STREAM_LABELS, Series, SummedExpr, parse};

fn metric(source: &str) -> SummedExpr {
    match parse(source) {
        Ok(Expr::Metric(expr)) => SummedExpr::new(&expr).unwrap(),
        other => panic!("{source}: {other:?}"),
    }
}

#[test]
fn what_is_no_sum_is_refused() {
    for (source, what) in [
        (r#"rate({a="b"}[5m] offset 1h)"#, "\"offset\""),
        (r#"sum_over_time({a="b"} | unwrap c [5m])"#, "the function \"sum_over_time\""),
        (r#"rate({a="b"} | unwrap c [5m])"#, "\"unwrap\""),
        (r#"rate({a="b"} | json [5m])"#, "the stage \"| json\""),
        (r#"rate({a="b"} | c > 5 [5m])"#, "the stage \"| c > 5\""),
        (r#"rate({a="b"}[5m]) > bool 1"#, "\"bool\""),
        (r#"rate({a="b"}[5m]) / rate({a="c"}[5m])"#, "\"/\""),
        (r#"rate({a="b"}[5m]) > rate({a="c"}[5m])"#, "\">\" with a metric on either side"),
        (r#"rate({a="b"}[5m]) > 1 / 0"#, "a constant that is not a finite number"),
        (r#"topk(3, rate({a="b"}[5m]))"#, "the function \"topk\""),
        ("vector(1)", "the function \"vector\""),
        ("1", "a number without a metric"),
    ] {
        let Ok(Expr::Metric(expr)) = parse(source) else { panic!("{source}") };
        assert_eq!(SummedExpr::new(&expr).unwrap_err().what, what, "{source}");
    }
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
        [r#"sum by (path) (rate({a="b"} |= "x" [5m]))"#, r#"sum(rate({a="b"}[5m] |= "x")) by (path)"#]
    {
        let expr = metric(source);
        let range = expr.range_aggregation();
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
