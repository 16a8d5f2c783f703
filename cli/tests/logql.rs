//! `catchment query` and `catchment tail` in LogQL as a script sees them, over a
//! copy of an archive in a folder.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use catchment_archive::{ArchiveStore, FolderArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};
use serde_json::{Value, json};

/// 2024-12-19T10:30:15.123Z.
const START: i64 = 1_734_604_215_123;
const DAY: [&str; 4] = ["--from", "2024-12-19", "--to", "2024-12-20"];

fn catchment(command: &str, folder: &Path, more: &[&str]) -> Command {
    let mut process = Command::new(env!("CARGO_BIN_EXE_catchment"));
    process.arg(command).args(more).arg("--from-folder").arg(folder).env_clear();
    process
}

fn query(folder: &Path, logql: &str, more: &[&str]) -> Output {
    catchment("query", folder, &[&[logql], &DAY[..], more].concat()).output().unwrap()
}

fn told(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn text(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", told(output));
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn objects(output: &Output) -> Vec<Value> {
    text(output).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Puts an object into the archive: lines of a service, a second apart.
fn put(folder: &Path, service: &str, first_millis: i64, lines: &[&str]) {
    let store = FolderArchive::new(folder);
    let group = LogGroup::new(format!("/ecs/{service}"));
    let source = Source::new("1", "r", group, LogStream::new("s"), "prod");
    let lines: Vec<_> = lines.iter().map(|line| redact(line)).collect();
    let ids: Vec<_> = (0..lines.len()).map(|n| format!("{service}-{first_millis}-{n}")).collect();
    let time = |n: usize| EventTime::Arrived(first_millis + 1000 * i64::try_from(n).unwrap());
    let records: Vec<_> =
        (0..lines.len()).map(|n| LogRecord::parse(&lines[n], &source, &ids[n], time(n))).collect();
    for (day, part) in split_by_day(&records) {
        let batch = BatchId::of_payload(ids.concat().as_bytes());
        let key = ObjectKey::of_batch(RetentionClass::Standard, day, part, &batch);
        let written = store.put_if_absent(&key, write_parquet(part).unwrap());
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(written).unwrap();
    }
}

/// A folder of its own for a test, with lines of two services.
fn archive(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    put(
        &folder,
        "web",
        START,
        &[
            r#"{"level":"info","message":"fine","request_id":"r1","path":"/a","took":10}"#,
            r#"{"level":"ERROR","message":"disk \"full\"","request_id":"r2","path":"/b","took":30}"#,
            r#"{"level":"ERROR","message":"disk gone","request_id":"r3","path":"/b","took":20}"#,
        ],
    );
    put(&folder, "db", START + 500, &["slow query", "level=warn msg=\"slow \u{1b}[2Jquery\""]);
    folder
}

#[test]
fn lines_come_newest_first_and_are_counted() {
    let folder = archive("logql-lines");
    let output = query(&folder, r#"{service=~"web|db"} |~ "disk|slow""#, &["--output", "raw"]);
    assert_eq!(
        text(&output),
        "{\"level\":\"ERROR\",\"message\":\"disk gone\",\"request_id\":\"r3\",\"path\":\"/b\",\"took\":20}\n\
         level=warn msg=\"slow \u{1b}[2Jquery\"\n\
         {\"level\":\"ERROR\",\"message\":\"disk \\\"full\\\"\",\"request_id\":\"r2\",\"path\":\"/b\",\"took\":30}\n\
         slow query\n"
    );
    let told = told(&output);
    assert!(
        told.starts_with("4 lines; 2 of 2 objects opened, ") && told.contains(" read, 5 rows looked at, "),
        "{told}"
    );

    let forward = query(&folder, r#"{service="web"}"#, &["--forward", "--limit", "1", "--output", "json"]);
    assert_eq!(objects(&forward)[0]["labels"]["request_id"], "r1");
    let told = self::told(&forward);
    assert!(
        told.contains("1 line, all that --limit allows (--from 2024-12-19T10:30:15.123Z goes on)"),
        "{told}"
    );
}

#[test]
fn a_page_goes_on_where_the_last_one_ended() {
    let folder = archive("logql-pages");
    let mut seen = Vec::new();
    let mut to = "2024-12-20".to_owned();
    for _ in 0..3 {
        let more = ["--from", "2024-12-19", "--to", &to, "--limit", "1", "--output", "json"];
        let page =
            catchment("query", &folder, &[&[r#"{service="web"}"#], &more[..]].concat()).output().unwrap();
        seen.push(objects(&page)[0]["labels"]["request_id"].clone());
        // The end is not in it: what is older than the line that was shown.
        to = objects(&page)[0]["timestamp"].as_str().unwrap().to_owned();
    }
    assert_eq!(seen, ["r3", "r2", "r1"]);
}

#[test]
fn a_table_shows_time_service_level_and_line() {
    let folder = archive("logql-table");
    // What is no JSON has an error, and passes comparisons with numbers.
    let table = text(&query(&folder, r#"{service=~"web|db"} | json | took < 25 or level="warn""#, &[]));
    assert_eq!(
        table,
        "2024-12-19T10:30:17.123Z  web  ERROR  {\"level\":\"ERROR\",\"message\":\"disk gone\",\"request_id\":\"r3\",\"path\":\"/b\",\"took\":20}\n\
         2024-12-19T10:30:16.623Z  db   WARN   level=warn msg=\"slow \\u{1b}[2Jquery\"\n\
         2024-12-19T10:30:15.623Z  db   -      slow query\n\
         2024-12-19T10:30:15.123Z  web  INFO   {\"level\":\"info\",\"message\":\"fine\",\"request_id\":\"r1\",\"path\":\"/a\",\"took\":10}\n"
    );
    let coloured = text(&query(&folder, r#"{service="web"}"#, &["--color", "always"]));
    assert_eq!(coloured.matches("\u{1b}[31mERROR").count(), 2, "{coloured}");
}

#[test]
fn one_request_opens_only_what_can_hold_it() {
    let folder = archive("logql-request");
    let output = query(
        &folder,
        r#"{region="r"} | json | request_id="r2" | line_format "{{.took}}""#,
        &["--output", "raw"],
    );
    assert_eq!(text(&output), "30\n");
    assert!(told(&output).contains(", 1 rows looked at"), "{}", told(&output));
}

#[test]
fn numbers_are_counted_by_label_over_time_and_at_once() {
    let folder = archive("logql-numbers");
    let span = ["--from", "2024-12-19T10:30:00Z", "--to", "2024-12-19T10:31:00Z"];
    let ask = |logql: &str, more: &[&str]| {
        catchment("query", &folder, &[&[logql], &span[..], more].concat()).output().unwrap()
    };
    let count = r#"sum by (path) (count_over_time({service="web", level="ERROR"}[1m]))"#;
    let instant = objects(&ask(count, &["--instant", "--output", "json"]));
    assert_eq!(
        instant,
        [json!({"labels": {"path": "/b"}, "timestamp": "2024-12-19T10:31:00.000Z", "value": 2})]
    );
    let max = r#"max_over_time({service="web"} | json | unwrap took [20s]) by (service)"#;
    let range = objects(&ask(max, &["--step", "20s", "--output", "json"]));
    assert_eq!(range.len(), 1);
    assert_eq!(range[0]["values"], json!([["2024-12-19T10:30:20.000Z", 30]]), "windows are (T - 20 s, T]");
    assert_eq!(range[0]["labels"]["service"], "web");

    let chart =
        text(&ask("sum(count_over_time({region=\"r\"}[10s]))", &["--step", "10s", "--output", "chart"]));
    assert!(chart.contains("10:30:00") && chart.contains(" ━ {}  last 5  max 5"), "{chart}");
    let scalar = ask("1 + 1", &["--instant", "--output", "json"]);
    assert_eq!(objects(&scalar)[0]["value"], 2);
    assert!(told(&scalar).contains("0 of 0 objects"), "a constant reads nothing");
}

#[test]
fn a_wrong_query_is_shown_with_its_place() {
    let folder = archive("logql-wrong");
    let output = query(&folder, r#"sum(rate({service="web"} | jsn [5m]))"#, &[]);
    assert_eq!(output.status.code(), Some(1));
    let told = told(&output);
    let lines: Vec<_> = told.lines().collect();
    assert!(lines[0].starts_with("catchment: ") && lines[1].starts_with("  sum(rate("), "{told}");
    assert_eq!(lines[2].trim(), "^", "{told}");

    let failed = query(&folder, r#"rate({service="web"} | logfmt | unwrap level [24h])"#, &["--instant"]);
    assert_eq!(failed.status.code(), Some(1));
    assert!(self::told(&failed).contains("pipeline error"), "{}", self::told(&failed));
}

#[test]
fn a_query_without_an_answer_says_where_there_would_be_one() {
    let folder = archive("logql-nothing");
    let output = query(&folder, r#"{service="wbe"}"#, &[]);
    assert_eq!(text(&output), "");
    assert!(told(&output).contains("nothing matches: from 2024-12-19T00:00:00Z to 2024-12-20T00:00:00Z there are lines of service \"db\", \"web\""), "{}", told(&output));
    let before = ["--from", "2024-01-01", "--to", "2024-01-02"];
    let output = catchment("query", &folder, &[&[r#"rate({service="web"}[5m])"#], &before[..]].concat())
        .output()
        .unwrap();
    assert!(told(&output).contains("the archive has nothing from 2024-01-01T00:00:00Z"), "{}", told(&output));
}

#[test]
fn tail_shows_what_was_there_and_what_comes_each_once() {
    let folder = archive("logql-tail");
    // The folder's days must be of now.
    let now = i64::try_from(
        std::fs::metadata(&folder)
            .unwrap()
            .modified()
            .unwrap()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_millis(),
    )
    .unwrap();
    put(&folder, "live", now - 60_000, &["error 1", "fine", "error 2"]);
    let mut tail =
        catchment("tail", &folder, &[r#"{service="live"} |= "error""#, "--since", "5m", "--output", "raw"])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
    let mut lines = BufReader::new(tail.stdout.take().unwrap()).lines();
    let mut next = || lines.next().unwrap().unwrap();
    assert_eq!([next(), next()], ["error 1", "error 2"]);
    put(&folder, "live", now + 1000, &["error 3", "error 4"]);
    assert_eq!([next(), next()], ["error 3", "error 4"]);
    // It comes late, as far as its time is concerned.
    put(&folder, "live", now - 30_000, &["error 5"]);
    assert_eq!(next(), "error 5");
    let pid = tail.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    assert_eq!(lines.next().map(Result::unwrap), None, "nothing twice");
    let output = tail.wait_with_output().unwrap();
    assert_eq!((output.status.code(), told(&output)), (Some(0), "ended: 5 lines\n".to_owned()));

    let numbers = catchment("tail", &folder, &["rate({a=\"b\"}[5m])"]).output().unwrap();
    assert_eq!(numbers.status.code(), Some(2));
}
