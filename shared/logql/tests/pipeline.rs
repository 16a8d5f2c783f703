//! The pipeline and metric queries on lines of any bytes, and at their limits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_logql::{
    Entry, EvalError, Expr, LogExpr, MAX_JSON_DEPTH, MAX_POINTS, MAX_RESULT_SERIES, MAX_TEMPLATE_BYTES,
    MAX_TEMPLATE_STEPS, MetricQuery, PipelineContext, QueryTimes, QueryValue, parse,
};
use proptest::prelude::*;

struct Line {
    at: i64,
    text: String,
}

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        self.at
    }
    fn line(&self) -> &str {
        &self.text
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        (name == "app").then_some(Cow::Borrowed("a"))
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("app", "a");
    }
}

fn log(stages: &str) -> LogExpr {
    match parse(&format!("{{app=\"a\"}} {stages}")) {
        Ok(Expr::Log(log)) => log,
        other => panic!("{stages}: {other:?}"),
    }
}

/// The line after the pipeline, and the error that it met.
fn process(stages: &str, text: &str) -> Option<(String, Option<&'static str>)> {
    let line = Line { at: 0, text: text.to_owned() };
    let processed = log(stages).process(&line, PipelineContext::default())?;
    let error = processed.labels.error();
    Some((processed.line.into_owned(), error))
}

fn evaluate(query: &str, times: QueryTimes, lines: &[Line]) -> Result<QueryValue, EvalError> {
    let Ok(Expr::Metric(expr)) = parse(query) else { panic!("{query}") };
    let mut metric = MetricQuery::new(&expr, times, None)?;
    for line in lines {
        metric.add(line)?;
    }
    metric.finish()
}

#[test]
fn json_is_read_to_its_limit_of_depth() {
    let nested = |depth: usize| format!("{}1{}", "{\"a\":".repeat(depth), "}".repeat(depth));
    assert_eq!(process("| json", &nested(MAX_JSON_DEPTH)).unwrap().1, None);
    assert_eq!(process("| json", &nested(MAX_JSON_DEPTH + 1)).unwrap().1, Some("JSONParserErr"));
    let array = |depth: usize| format!("{{\"a\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(process("| json", &array(MAX_JSON_DEPTH)).unwrap().1, None);
    assert_eq!(process("| json", &array(MAX_JSON_DEPTH + 1)).unwrap().1, Some("JSONParserErr"));
    assert_eq!(process("| line_format `{{fromJson __line__}}`", &nested(100_000)).unwrap().1, None);
}

#[test]
fn templates_end_at_their_limits() {
    let format = |template: &str| process(&format!("| line_format `{template}`"), "x").unwrap();
    let repeat = |count: usize| format(&format!("{{{{ repeat {count} \"x\" }}}}"));
    assert_eq!(repeat(MAX_TEMPLATE_BYTES).0.len(), MAX_TEMPLATE_BYTES);
    assert_eq!(repeat(MAX_TEMPLATE_BYTES + 1).1, Some("TemplateFormatErr"));
    let double = format!("{{{{ $x := \"x\" }}}}{}", "{{ $x = printf \"%s%s\" $x $x }}".repeat(40));
    assert_eq!(format(&double).1, Some("TemplateFormatErr"));
    let steps = format!("{{{{ range $i := {} }}}}{{{{ end }}}}", MAX_TEMPLATE_STEPS);
    assert_eq!(format(&steps).1, Some("TemplateFormatErr"));
    for bomb in
        ["{{ printf \"%999999999d\" 1 }}", "{{ indent 999999999 \"x\" }}", "{{ alignLeft 999999999 \"x\" }}"]
    {
        assert!(format(bomb).0.len() <= MAX_TEMPLATE_BYTES, "{bomb}");
    }
}

#[test]
fn answers_end_at_their_limits() {
    let second = 1_000_000_000;
    let range = |steps: i64| QueryTimes::Range { start: 0, end: steps * second, step: second };
    assert!(evaluate("vector(1)", range(MAX_POINTS), &[]).is_ok());
    assert_eq!(
        evaluate("vector(1)", range(MAX_POINTS + 1), &[]),
        Err(EvalError::TooManyPoints { most: MAX_POINTS })
    );
    let series =
        |count: usize| -> Vec<Line> { (0..count).map(|n| Line { at: 1, text: format!("n={n}") }).collect() };
    let ask = |count| {
        evaluate(r#"count_over_time({app="a"} | logfmt [1m])"#, QueryTimes::Instant(second), &series(count))
    };
    assert!(ask(MAX_RESULT_SERIES).is_ok());
    assert_eq!(ask(MAX_RESULT_SERIES + 1), Err(EvalError::TooManySeries { most: MAX_RESULT_SERIES }));
}

#[test]
fn entries_may_come_in_any_order() {
    let minute = 60_000_000_000;
    let lines = |order: &[i64]| -> Vec<Line> {
        order.iter().map(|n| Line { at: n * 1_000_000_000, text: format!("v={n}") }).collect()
    };
    let last = r#"last_over_time({app="a"} | logfmt | unwrap v [1m])"#;
    let ask = |order: &[i64]| evaluate(last, QueryTimes::Instant(minute), &lines(order)).unwrap();
    assert_eq!(ask(&[3, 50, 7, 20]), ask(&[3, 7, 20, 50]));
}

#[test]
fn a_query_says_what_time_it_needs() {
    let span = |query: &str| {
        let Ok(Expr::Metric(expr)) = parse(query) else { panic!("{query}") };
        let times = QueryTimes::Range { start: 100, end: 200, step: 10 };
        MetricQuery::new(&expr, times, None).unwrap().span()
    };
    assert_eq!(span("vector(1)"), None);
    assert_eq!(span(r#"rate({app="a"}[50ns])"#), Some((50, 200)));
    assert_eq!(span(r#"rate({app="a"}[50ns] offset 10ns) / rate({app="a"}[1ns])"#), Some((40, 200)));
}

#[test]
fn the_clock_is_what_is_passed_in() {
    assert_eq!(process("| line_format `{{ now | unixEpoch }}`", "x").unwrap().1, Some("TemplateFormatErr"));
    let line = Line { at: 0, text: "x".to_owned() };
    let context = PipelineContext { now_nanos: Some(5_000_000_000), ..PipelineContext::default() };
    let expr = log("| line_format `{{ now | unixEpoch }}`");
    assert_eq!(expr.process(&line, context).unwrap().line, "5");
}

const PIPELINES: [&str; 14] = [
    "| json",
    "| json a=\"b[0].c\", d",
    "| logfmt",
    "| logfmt --strict --keep-empty",
    "| logfmt a, b=\"c\"",
    "| unpack",
    "| regexp \"(?P<a>\\\\w+) (?P<b>.*)\"",
    "| pattern \"<a> <b>:<_>\"",
    "| decolorize",
    "|> \"<_>a<_>\"",
    "|= ip(\"::/0\") or ip(\"1.0.0.0/8\")",
    "| json | logfmt | a > 1 or b < 5m or c >= 1KB or d = ip(\"1.2.3.4\")",
    "| json | label_format a=b, c=`{{.a | title | urlencode | trunc 5}}` | keep a, c, app",
    "| logfmt | line_format `{{ range $k, $v := fromJson __line__ }}{{ $k }}{{ $v | printf \"%q\" }}{{ end }}{{ __line__ | urldecode }}`",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_line_makes_a_stage_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), text in "[a-c{}\\[\\]\":,= \\\\.0-9é\u{1b}m<>]{0,80}") {
        for text in [String::from_utf8_lossy(&bytes).into_owned(), text] {
            for stages in PIPELINES {
                drop(process(stages, &text));
            }
        }
    }

    #[test]
    fn no_template_panics(template in "(\\{\\{[ -]?(if|end|range|else|with|\\.a|\\$x|:=|\\||printf|\"%s\"|1|add|\\(|\\)|now|trunc|-3|__line__| ){0,8} ?\\}\\}|x| ){0,6}") {
        if let Ok(Expr::Log(log)) = parse(&format!("{{app=\"a\"}} | line_format `{template}`")) {
            let line = Line { at: 0, text: "x".to_owned() };
            drop(log.process(&line, PipelineContext::default()));
        }
    }

    #[test]
    fn a_count_is_the_number_of_lines_in_the_window(times in prop::collection::vec(0i64..200, 0..50), at in 0i64..300, range in 1i64..100) {
        let lines: Vec<Line> = times.iter().map(|at| Line { at: *at, text: "x".to_owned() }).collect();
        let expected = times.iter().filter(|time| at - range < **time && **time <= at).count();
        let query = format!("count_over_time({{app=\"a\"}}[{range}ns])");
        let QueryValue::Vector(samples) = evaluate(&query, QueryTimes::Instant(at), &lines).unwrap() else { panic!() };
        prop_assert_eq!(samples.first().map_or(0.0, |sample| sample.value), expected as f64);
    }
}
