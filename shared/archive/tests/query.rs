//! LogQL over the archive: what is read never changes the answer.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use std::sync::LazyLock;

use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{
    ArchiveReader, ArchiveStore, Column, ColumnSet, Filter, Lookup, MemoryArchive, MergedWriter, ObjectKey,
    Order, ReadCounts, StoredRow, TimeRange, split_by_day, write_parquet,
};
use catchment_logql::{Entry, Expr, MetricQuery, PipelineContext, QueryTimes, QueryValue, parse};
use catchment_record::{
    BatchId, EventTime, LABELS, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact,
};
use proptest::prelude::*;

/// 2024-12-19T10:30:15.123Z.
const START: i64 = 1_734_604_215_123;
const CLASS: RetentionClass = RetentionClass::Standard;
const SERVICES: [&str; 3] = ["cart", "pay", "ship"];

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let source = |service| {
        let group = LogGroup::new(format!("/ecs/{service}"));
        Source::new("123456789012", "eu-west-1", group, LogStream::new("ecs/app/0123"), "prod")
    };
    SERVICES.into_iter().map(source).collect()
});

fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

/// A line of a service, so many milliseconds after the start.
type Line = (usize, i64, String);

/// An archive of one object a service, or of one merged object.
fn archive(lines: &[Line], merged: bool) -> MemoryArchive {
    let store = MemoryArchive::default();
    let mut lines = lines.to_vec();
    lines.sort_by_key(|(_, after, _)| *after);
    let redacted: Vec<_> = lines.iter().map(|(_, _, line)| redact(line)).collect();
    let ids: Vec<_> = (0..lines.len()).map(|number| format!("e{number}")).collect();
    let records: Vec<_> = (0..lines.len())
        .map(|at| {
            let time = EventTime::Arrived(START + lines[at].1);
            (lines[at].0, LogRecord::parse(&redacted[at], &SOURCES[lines[at].0], &ids[at], time))
        })
        .collect();
    for (service, name) in SERVICES.iter().enumerate() {
        let mut of_service: Vec<_> =
            records.iter().filter(|(of, _)| *of == service).map(|(_, record)| record.clone()).collect();
        of_service.sort_by_key(|record| record.time_unix_nano);
        for (day, part) in split_by_day(&of_service) {
            let batch = BatchId::of_payload(name.as_bytes());
            let key = ObjectKey::of_batch(CLASS, day, part, &batch);
            block_on(store.put_if_absent(&key, write_parquet(part).unwrap())).unwrap();
        }
    }
    if merged { merge(&store) } else { store }
}

/// The same rows, folded, in one object.
fn merge(small: &MemoryArchive) -> MemoryArchive {
    block_on(async {
        let store = MemoryArchive::default();
        let reader = ArchiveReader::new(small);
        let mut rows =
            reader.read(TimeRange::ALL, &[CLASS], Filter::default(), Order::OldestFirst).await.unwrap();
        let mut file = Vec::new();
        let mut writer = MergedWriter::new(&mut file).unwrap();
        while let Some(row) = rows.next().await.unwrap() {
            writer.push(&row).unwrap();
        }
        let written = writer.finish(&[]).unwrap();
        let day = jiff::civil::date(2024, 12, 19);
        let (first, last) = (written.first_millis, written.last_millis);
        let key = ObjectKey::of_merged(CLASS, day, first, last, &written.id_hex);
        store.put_if_absent(&key, file.into()).await.unwrap();
        store
    })
}

/// Every row of a plan, shown to `each` as the engine sees it.
fn read(store: &MemoryArchive, plan: Plan, mut each: impl FnMut(&RowEntry<'_>)) -> ReadCounts {
    block_on(async {
        let reader = ArchiveReader::new(store).columns(plan.columns);
        let mut rows = reader.read(plan.range, &[CLASS], plan.filter, Order::OldestFirst).await.unwrap();
        while let Some(row) = rows.next().await.unwrap() {
            each(&RowEntry::new(row));
        }
        rows.counts()
    })
}

fn everything() -> Plan {
    Plan { range: TimeRange::ALL, filter: Filter::default(), columns: ColumnSet::ALL }
}

/// Line and labels of every line of the answer.
fn lines_of(store: &MemoryArchive, query: &str, plan: Option<Plan>) -> (Vec<String>, ReadCounts) {
    let Ok(Expr::Log(expr)) = parse(query) else { panic!("{query}") };
    let (start, end) = span();
    let plan = plan.unwrap_or_else(|| Plan::of_log(&expr, start, end));
    let mut lines = Vec::new();
    let counts = read(store, plan, |entry| {
        if !(start..end).contains(&entry.timestamp_nanos()) {
            return;
        }
        if let Some(found) = expr.process(entry, PipelineContext::default()) {
            let mut labels: Vec<_> =
                LABELS.iter().map(|name| format!("{name}={:?}", found.labels.get(name))).collect();
            found.labels.visit(&mut |_, name, value| labels.push(format!("{name}={value}")));
            labels.sort();
            lines.push(format!("{} {} {labels:?}", entry.timestamp_nanos(), found.line));
        }
    });
    (lines, counts)
}

/// From the third millisecond to the middle of one.
fn span() -> (i64, i64) {
    (START * 1_000_000 + 2_000_001, (START + 50) * 1_000_000 + 500_000)
}

fn metric_of(store: &MemoryArchive, query: &str, is_planned: bool) -> String {
    let Ok(Expr::Metric(expr)) = parse(query) else { panic!("{query}") };
    let (start, end) = span();
    let times = QueryTimes::Range { start, end, step: 7_000_000 };
    let mut metric = MetricQuery::new(&expr, times, None).unwrap();
    let plan = if is_planned { Plan::of_metric(&expr, metric.span().unwrap()) } else { everything() };
    let mut failed = None;
    let _counts = read(store, plan, |entry| {
        if failed.is_none() {
            failed = metric.add(entry).err();
        }
    });
    match failed.map_or_else(|| metric.finish(), Err) {
        Ok(QueryValue::Matrix(series)) => format!("{series:?}"),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_row_has_the_labels_that_its_record_had() {
    let line = r#"{"level":"ERROR","message":"m","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7",
        "request_id":"r","user_id":"u","event_type":"user.login","http_method":"GET","path":"/a","status_code":200,"duration_ms":1.5}"#;
    for merged in [false, true] {
        let lines = [(0, 0, line.to_owned()), (1, 1, "no level".to_owned())];
        let store = archive(&lines, merged);
        let mut seen = 0;
        let _counts = read(&store, everything(), |entry| {
            let (service, after, line) = &lines[seen];
            let redacted = redact(line);
            let arrived = EventTime::Arrived(START + after);
            let record = LogRecord::parse(&redacted, &SOURCES[*service], "e", arrived);
            for name in LABELS.iter().chain(&["no_such_label"]) {
                assert_eq!(entry.label(name), Entry::label(&record, name), "{name}");
                assert_eq!(entry.label_kind(name), Entry::label_kind(&record, name), "{name}");
            }
            assert_eq!((entry.line(), entry.timestamp_nanos()), (record.line(), record.timestamp_nanos()));
            seen += 1;
        });
        assert_eq!(seen, 2);
    }
}

#[test]
fn what_is_certain_is_left_to_the_reader() {
    let severe = |first, last| Some(first..=last);
    let services = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let request = |id: &str| vec![Lookup::RequestId(id.to_owned())];
    for (query, expected) in [
        (r#"{service="a"}"#, Filter { services: services(&["a"]), ..Filter::default() }),
        (r#"{service=~"b|a-1"}"#, Filter { services: services(&["a-1", "b"]), ..Filter::default() }),
        // A pattern, and matchers that hold for other services.
        (r#"{service=~"a.*"}"#, Filter::default()),
        (r#"{service=~"(?i)a"}"#, Filter::default()),
        (r#"{region="r", service!="a"}"#, Filter::default()),
        (
            r#"{region="r"} | service="a" or service="b""#,
            Filter { services: services(&["a", "b"]), ..Filter::default() },
        ),
        (r#"{region="r", detected_level="error"}"#, Filter { severity: severe(17, 20), ..Filter::default() }),
        (
            r#"{region="r"} | detected_level=~"info|fatal""#,
            Filter { severity: severe(9, 255), ..Filter::default() },
        ),
        // A line without a level may have one in its JSON.
        (r#"{region="r"} | json | detected_level="error""#, Filter::default()),
        // Also holds without a level.
        (r#"{region="r"} | detected_level!="debug""#, Filter::default()),
        (r#"{region="r"} | json | request_id="x""#, Filter { lookups: request("x"), ..Filter::default() }),
        (r#"{region="r", request_id="x"}"#, Filter { lookups: request("x"), ..Filter::default() }),
        (r#"{region="r"} | request_id="""#, Filter::default()),
        (r#"{region="r"} | json | trace_id="x""#, Filter::default()),
        (r#"{region="r"} | label_format request_id=user_id | request_id="x""#, Filter::default()),
        (r#"{region="r"} | drop request_id | request_id="x""#, Filter::default()),
        (
            r#"{region="r"} | drop __error__ | request_id="x""#,
            Filter { lookups: request("x"), ..Filter::default() },
        ),
        (r#"{region="r"} | keep service | request_id="x""#, Filter::default()),
        (r#"{region="r"} | request_id="x" or path="/""#, Filter::default()),
        (
            r#"{region="r"} |= "a" |= "b" != "c" |~ "d" |= "e" or "f" |= """#,
            Filter { contains: vec!["a".into(), "b".into()], ..Filter::default() },
        ),
        (
            r#"{region="r"} |= "a" | line_format "x" |= "b""#,
            Filter { contains: vec!["a".into()], ..Filter::default() },
        ),
        (r#"{region="r"} | unpack |= "b""#, Filter::default()),
        (r#"{region="r"} | decolorize |= "b""#, Filter::default()),
        (
            r#"{region="r"} | json | logfmt |= "b""#,
            Filter { contains: vec!["b".into()], ..Filter::default() },
        ),
    ] {
        let Ok(Expr::Log(expr)) = parse(query) else { panic!("{query}") };
        assert_eq!(Plan::of_log(&expr, 0, 1).filter, expected, "{query}");
    }
}

#[test]
fn of_several_functions_only_what_holds_for_all_is_left_to_the_reader() {
    let plan = |query: &str| {
        let Ok(Expr::Metric(expr)) = parse(query) else { panic!("{query}") };
        Plan::of_metric(&expr, (1_000_000, 5_000_000))
    };
    let both = plan(
        r#"count_over_time({service="a", detected_level="warn"} |= "x" |= "y" [1m])
           / count_over_time({service="b", detected_level="error"} |= "x" [1m])"#,
    );
    assert_eq!(both.filter.services, ["a", "b"]);
    assert_eq!((both.filter.severity, both.filter.contains), (Some(13..=20), vec!["x".to_owned()]));
    // What is after the first nanosecond: its millisecond has more of them.
    assert_eq!(both.range, TimeRange { first_millis: 1, last_millis: 5 });
    let any = plan(r#"count_over_time({service="a"}[1m]) / count_over_time({region="r"}[1m])"#);
    assert!(any.filter.services.is_empty());
    let none = plan(r#"count_over_time({service="a", service="b"}[1m])"#);
    assert!(none.filter.severity.unwrap().is_empty(), "no row is of both");

    let counted = plan(r#"sum by (path) (count_over_time({service="a", level="ERROR"}[1m]))"#).columns;
    assert!(counted.has(Column::Path) && counted.has(Column::SeverityText));
    assert!(!counted.has(Column::Line) && !counted.has(Column::UserId), "nobody looks at them");
    assert!(plan(r#"bytes_rate({service="a"}[1m])"#).columns.has(Column::Line));
    let unwrapped =
        plan(r#"max_over_time({service="a"} | unwrap duration_ms | status_code > 1 [1m])"#).columns;
    assert!(unwrapped.has(Column::DurationMs) && unwrapped.has(Column::StatusCode));
    assert!(plan(r#"count_over_time({service="a"} | json [1m])"#).columns.has(Column::UserId));
}

#[test]
fn a_request_is_found_in_few_bytes() {
    // Lines that take room whatever compresses them, in several row groups of one object.
    let mut state = 1_u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{:016x}", state ^ state >> 31)
    };
    let store = MemoryArchive::default();
    let mut file = Vec::new();
    let mut writer = MergedWriter::new(&mut file).unwrap();
    for number in 0..300 {
        let request_id = format!("req-{number}");
        let line: String = std::iter::repeat_with(&mut noise).take(16_000).collect();
        let row = StoredRow {
            timestamp: Some(START + number / 10),
            service: Some("cart"),
            region: Some("eu-west-1"),
            request_id: Some(&request_id),
            line: Some(&line),
            ..StoredRow::default()
        };
        writer.push(&row).unwrap();
    }
    let written = writer.finish(&[]).unwrap();
    let (first, last) = (written.first_millis, written.last_millis);
    let day = jiff::civil::date(2024, 12, 19);
    let key = ObjectKey::of_merged(CLASS, day, first, last, &written.id_hex);
    block_on(store.put_if_absent(&key, file.into())).unwrap();

    let query = r#"{region="eu-west-1"} | json | request_id="req-137""#;
    let (all, counts) = lines_of(&store, query, Some(everything()));
    let (found, fewer) = lines_of(&store, query, None);
    assert_eq!((found.len(), &found), (1, &all));
    assert_eq!((fewer.rows, counts.rows), (1, 300));
    assert!(fewer.bytes_read * 2 < counts.bytes_read, "{} of {}", fewer.bytes_read, counts.bytes_read);
}

fn any_line() -> impl Strategy<Value = Line> {
    let json = (0..4_usize, 0..4_usize, 0..3_usize, 0..3_usize).prop_map(|(level, request, user, text)| {
        let level = [r#""level":"ERROR","#, r#""level":"info","#, r#""detected_level":"error","#, ""][level];
        let request =
            [r#""request_id":"r1","#, r#""request_id":"r2","#, r#""correlation_id":"r1","#, ""][request];
        let user = [r#""user_id":"u1","trace_id":"t1","#, r#""trace_id":["t1"],"#, ""][user];
        let text = ["timed out", "needle é", "\\u001a"][text];
        format!(r#"{{{level}{request}{user}"service":"pay","duration":1500,"message":"{text}"}}"#)
    });
    let other = prop::sample::select(vec![
        "level=error request_id=r1 msg=\"needle\"",
        "\u{1b}[31mneedle\u{1b}[0m",
        r#"{"_entry":"needle","request_id":"r1","level":"error"}"#,
        "GET /needle 500",
        "",
    ]);
    (0..3_usize, 0..60_i64, prop_oneof![3 => json, 1 => other.prop_map(str::to_owned)])
}

fn any_log_query() -> impl Strategy<Value = String> {
    let selector = prop::sample::select(vec![
        r#"{service="cart"}"#,
        r#"{service=~"cart|pay"}"#,
        r#"{service!="cart", region="eu-west-1"}"#,
        r#"{region="eu-west-1", level="ERROR"}"#,
        r#"{region="eu-west-1", request_id="r1"}"#,
        r#"{region="eu-west-1", detected_level=~"error|info"}"#,
        r#"{region="eu-west-1"}"#,
    ]);
    let stage = prop::sample::select(vec![
        r#"|= "needle""#,
        r#"|= "needle" or "timed""#,
        r#"!= "needle""#,
        r#"|~ "need.e""#,
        "| json",
        "| logfmt",
        "| unpack",
        "| decolorize",
        r#"| pattern "<request_id> <_>""#,
        r#"| line_format "needle {{.request_id}}""#,
        r#"| label_format user_id=request_id"#,
        r#"| label_format request_id="r1""#,
        "| drop request_id",
        "| drop level, __error__",
        "| keep service, level",
        r#"| request_id="r1""#,
        r#"| request_id="r1", trace_id="t1""#,
        r#"| request_id!="r1""#,
        r#"| user_id="u1" or request_id="r2""#,
        r#"| trace_id="t1""#,
        r#"| user_id="u1""#,
        r#"| detected_level="error""#,
        r#"| detected_level!="info""#,
        r#"| detected_level="error" or detected_level=~"fatal|warn""#,
        r#"| service="pay""#,
        r#"| service="pay" or service="ship""#,
        "| duration > 1000",
    ]);
    (selector, prop::collection::vec(stage, 0..4))
        .prop_map(|(selector, stages)| format!("{selector} {}", stages.join(" ")))
}

fn any_metric_query() -> impl Strategy<Value = String> {
    let around = prop::sample::select(vec![
        "count_over_time(@[20ms])",
        "sum by (service) (rate(@[20ms]))",
        "sum by (path, request_id) (count_over_time(@[20ms]))",
        "sum without (service) (bytes_over_time(@[20ms]))",
        "max by (user_id) (count_over_time(@[20ms] offset 5ms))",
        "max_over_time(@ | unwrap duration [20ms]) by (level)",
        "absent_over_time(@[20ms])",
        "count_over_time(@[20ms]) / ignoring(level) count_over_time({service=\"cart\"} |= \"needle\" [10ms])",
        "count_over_time(@[20ms]) or sum(count_over_time({request_id=\"r2\"}[10ms]))",
        "label_replace(sum(count_over_time(@[20ms])), \"a\", \"$1\", \"service\", \"(.*)\")",
    ]);
    (around, any_log_query()).prop_map(|(around, log)| around.replace('@', &log))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 128 } else { 2000 }))]

    #[test]
    fn a_plan_never_changes_the_lines(
        lines in prop::collection::vec(any_line(), 1..40),
        queries in prop::collection::vec(any_log_query(), 6),
        merged in any::<bool>(),
    ) {
        let store = archive(&lines, merged);
        for query in queries {
            prop_assert_eq!(
                lines_of(&store, &query, None).0, lines_of(&store, &query, Some(everything())).0, "{}", query
            );
        }
    }

    #[test]
    fn a_plan_never_changes_the_numbers(
        lines in prop::collection::vec(any_line(), 1..40),
        queries in prop::collection::vec(any_metric_query(), 6),
        merged in any::<bool>(),
    ) {
        let store = archive(&lines, merged);
        for query in queries {
            prop_assert_eq!(metric_of(&store, &query, true), metric_of(&store, &query, false), "{}", query);
        }
    }
}
