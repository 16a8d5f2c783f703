//! Many pipelines at once give what each gives by itself.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_logql::{Entry, Expr, LabelKind, LogExpr, PipelineContext, ProcessedLine, Scan, SharedLine};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

#[derive(Debug, Clone)]
struct Line {
    service: &'static str,
    level: &'static str,
    line: String,
}

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        0
    }
    fn line(&self) -> &str {
        &self.line
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "service" => Some(Cow::Borrowed(self.service)),
            "level" if !self.level.is_empty() => Some(Cow::Borrowed(self.level)),
            _ => None,
        }
    }
    fn label_kind(&self, name: &str) -> LabelKind {
        if name == "level" { LabelKind::Metadata } else { LabelKind::Stream }
    }
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        ["service", "level"].into_iter().for_each(|name| {
            if let Some(value) = self.label(name) {
                visit(name, &value);
            }
        });
    }
}

const SELECTORS: [&str; 7] = [
    r#"{service="web"}"#,
    r#"{service=~"web|api"}"#,
    r#"{service=~".+", level="error"}"#,
    r#"{service!="web", level=~".+"}"#,
    r#"{service=~"w.*", level!~"info|error"}"#,
    r#"{service="web", level=""}"#,
    r#"{level=~"(?i)ERROR"}"#,
];

const STAGES: [&str; 46] = [
    r#"|= "error""#,
    r#"|= "err" |= "rror""#,
    r#"|= "a" or "b""#,
    r#"|= "" or "zz""#,
    r#"!= "b""#,
    r#"!= "error" or "a""#,
    r#"!= """#,
    r#"|= "ERROR""#,
    r#"|= ip("10.0.0.0/8") or "a""#,
    r#"|= ip("10.0.0.0/8")"#,
    r#"|~ "err(or)?""#,
    r#"|~ "(?i)error|failed""#,
    r#"|~ "(?i)disk|skill""#,
    r#"|~ "(?i)K\\b" or "ba+""#,
    r#"|~ "x{2,}y|[eE]rr""#,
    r#"!~ "err|a+""#,
    r#"|~ "\\w+=.*error""#,
    r#"|> "<_>error<_>""#,
    r#"!> "<_>a<_>""#,
    r#"|> "{<_>}""#,
    "| json",
    "| json",
    r#"| json a="b.c", level="d""#,
    "| logfmt",
    "| logfmt --strict",
    "| logfmt --keep-empty",
    "| logfmt a, x=\"b\"",
    r#"| regexp "(?P<a>[a-z]+)=(?P<level>\\w+)""#,
    r#"| pattern "<a>=<b> <_>""#,
    "| unpack",
    r#"| line_format "{{.a}} {{.level}} error""#,
    r#"| line_format "{\"a\":\"{{.b}}\",\"level_extracted\":1}""#,
    "| decolorize",
    r#"| label_format a=b, n="{{.a}}!""#,
    r#"| drop level, a, x="b""#,
    r#"| drop __error__, b="1""#,
    r#"| keep a, level, b_c="1""#,
    r#"| a="error""#,
    r#"| a=~".+" or b="1""#,
    r#"| level="error""#,
    r#"| level_extracted="info""#,
    "| b > 0.5",
    "| b_c >= 1 and a != \"\"",
    r#"| __error__="""#,
    r#"| __error__=~".+""#,
    r#"| a=ip("10.0.0.0/8")"#,
];

const NAMES: [&str; 8] = ["a", "b", "b_c", "level", "level_extracted", "service_extracted", "x", "__error__"];

/// Members and pairs that meet the stages' names, some of them twice or broken.
const MEMBERS: [&str; 16] = [
    r#""a":"error""#,
    r#""a":"10.0.0.1""#,
    r#""a":1"#,
    r#""b":{"c":1,"d":"e"}"#,
    r#""b":"0.7""#,
    r#""b.c":"2""#,
    r#""level":"info""#,
    r#""level_extracted":"error""#,
    r#""service":"api""#,
    r#""a":"\u0065rror\n\"x\"""#,
    r#""x":[1,{"a":"b"}]"#,
    r#""x":null"#,
    r#""":"empty""#,
    r#""_entry":"level=error a=b""#,
    r#""a":"ſK�""#,
    r#""a" "broken""#,
];
const WORDS: [&str; 16] = [
    "a=error",
    "a=\"x y\"",
    "b=1",
    "b=",
    "b",
    "level=info",
    "level=error",
    "service=x",
    "a=\"open",
    "=x",
    "error",
    "ERROR",
    "disK",
    "10.1.2.3",
    "\u{1b}[31ma\u{1b}[0m",
    "Failed",
];

fn lines() -> impl Strategy<Value = Line> {
    let json = subsequence(MEMBERS.to_vec(), 0..8).prop_shuffle().prop_map(|members| {
        let whole = format!("{{{}}}", members.join(","));
        // A broken member ends its line early, wherever it stands.
        whole
    });
    let cut = (json.clone(), 0..40_usize).prop_map(|(mut json, at)| {
        if json.is_char_boundary(at.min(json.len())) {
            json.truncate(at.min(json.len()));
        }
        json
    });
    let words = prop::collection::vec(select(WORDS.to_vec()), 0..8).prop_map(|words| words.join(" "));
    let text = prop_oneof![4 => json, 1 => cut, 3 => words, 1 => ".{0,30}"];
    (select(vec!["web", "api", "db"]), select(vec!["", "info", "error", "ERROR"]), text)
        .prop_map(|(service, level, line)| Line { service, level, line })
}

fn queries() -> impl Strategy<Value = LogExpr> {
    let stages = prop::collection::vec(select(STAGES.to_vec()), 0..5);
    (select(SELECTORS.to_vec()), stages).prop_map(|(selector, stages)| {
        let query = format!("{selector} {}", stages.join(" "));
        match catchment_logql::parse(&query) {
            Ok(Expr::Log(log)) => log,
            other => panic!("{query}: {other:?}"),
        }
    })
}

/// Everything that can be seen of what is left of a line.
fn seen(processed: Option<ProcessedLine<'_>>) -> Option<(String, Vec<(String, String)>)> {
    let processed = processed?;
    let mut labels = Vec::new();
    processed.labels.visit(&mut |kind, name, value| {
        labels.push((name.to_owned(), format!("{kind:?} {value}")));
        assert_eq!(processed.labels.get(name).as_deref(), Some(value), "{name}");
    });
    labels.sort();
    Some((processed.line.into_owned(), labels))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn candidates_give_what_each_query_gives_alone(
        queries in prop::collection::vec(queries(), 1..70),
        lines in prop::collection::vec(lines(), 1..12),
        required in subsequence(NAMES.to_vec(), 0..3),
        early in any::<bool>(),
    ) {
        let required: Vec<String> = required.into_iter().map(str::to_owned).collect();
        let context = PipelineContext {
            required: &required,
            drops_early: early,
            ignores_last_line: early,
            ..PipelineContext::default()
        };
        let scan = Scan::new(&queries);
        let mut scanning = scan.start();
        for line in &lines {
            scanning.look_at(line);
            let candidates: Vec<usize> = scanning.candidates().collect();
            prop_assert_eq!(candidates.is_empty(), scanning.is_empty());
            for (number, query) in queries.iter().enumerate() {
                let alone = seen(query.process(line, context));
                if candidates.contains(&number) {
                    let shared = PipelineContext { shared: Some(scanning.line()), ..context };
                    prop_assert_eq!(seen(query.process_selected(line, shared)), alone, "{:?} {:?}", query, line);
                } else {
                    prop_assert_eq!(alone, None, "{:?} {:?}", query, line);
                }
            }
        }
    }
}

fn scan(queries: &[&str]) -> Vec<LogExpr> {
    let logs = queries.iter().map(|query| match catchment_logql::parse(query) {
        Ok(Expr::Log(log)) => log,
        other => panic!("{query}: {other:?}"),
    });
    logs.collect()
}

#[test]
fn only_queries_whose_texts_are_there_are_candidates() {
    let logs = scan(&[
        r#"{service="web"} |= "failed" |= "login""#,
        r#"{service="web"} |~ "(?i)FAILED|refused""#,
        r#"{service="web"} != "login""#,
        r#"{service="api"} |= "login""#,
        r#"{service="web"} |= "error" or "login""#,
        r#"{service="web"}"#,
    ]);
    let scan = Scan::new(&logs);
    let mut scanning = scan.start();
    let mut candidates = |service, line: &str| {
        scanning.look_at(&Line { service, level: "", line: line.to_owned() });
        scanning.candidates().collect::<Vec<_>>()
    };
    assert_eq!(candidates("web", "login failed"), [0, 1, 4, 5]);
    assert_eq!(candidates("web", "Login Failed"), [1, 2, 5]);
    assert_eq!(candidates("api", "login failed"), [3]);
    assert_eq!(candidates("db", "login failed"), [0_usize; 0]);
    assert_eq!(candidates("web", ""), [2, 5]);
}

#[test]
fn a_label_of_many_values_is_matched_all_the_same() {
    let logs = scan(&[r#"{service="web", level!="error"}"#]);
    let scan = Scan::new(&logs);
    let mut scanning = scan.start();
    let mut line = Line { service: "web", level: "", line: String::new() };
    for round in 0..2_500_usize {
        line.level = Box::leak(round.to_string().into_boxed_str());
        scanning.look_at(&line);
        assert!(!scanning.is_empty(), "{round}");
    }
    line.level = "error";
    scanning.look_at(&line);
    assert!(scanning.is_empty());
}

/// The members beyond the limit of what is shared are found all the same.
#[test]
fn lines_of_many_members_are_parsed_by_each_query() {
    let logs = scan(&[r#"{service="web"} | json | last="x""#]);
    for members in [999, 1_000, 1_001] {
        let mut json: String = (1..members).map(|i| format!("\"m{i}\":{i},")).collect();
        json.insert(0, '{');
        json.push_str(r#""last":"x"}"#);
        let line = Line { service: "web", level: "", line: json };
        let shared = SharedLine::default();
        let context = PipelineContext { shared: Some(&shared), ..PipelineContext::default() };
        assert_eq!(
            seen(logs[0].process(&line, context)),
            seen(logs[0].process(&line, PipelineContext::default()))
        );
        assert!(logs[0].process(&line, context).is_some(), "{members}");
    }
}

/// Names of nested members repeat those around them: what is kept of them is bounded.
#[test]
fn lines_of_long_names_are_parsed_by_each_query() {
    let logs = scan(&[r#"{service="web"} | json | keep last | last="x""#]);
    let long = "n".repeat(2_000);
    let inner: String = (0..800).map(|i| format!("\"m{i}\":1,")).collect();
    let json = format!(r#"{{"{long}":{{{inner}"m":1}},"last":"x"}}"#);
    let line = Line { service: "web", level: "", line: json };
    let shared = SharedLine::default();
    let context = PipelineContext { shared: Some(&shared), ..PipelineContext::default() };
    assert!(logs[0].process(&line, context).is_some());
}
