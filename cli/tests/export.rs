//! `catchment export` as a script sees it, over a copy of an archive in a folder.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use catchment_archive::{ArchiveStore, FolderArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};
use serde_json::Value;

/// 2024-12-19T10:30:15.123Z.
const START: i64 = 1_734_604_215_123;
const DAY: [&str; 4] = ["--from", "2024-12-19", "--to", "2024-12-20"];

fn export(folder: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catchment"));
    command.args(["export", "--from-folder"]).arg(folder).args(more).env_clear();
    command
}

fn run(folder: &Path, more: &[&str]) -> Output {
    export(folder, &[&DAY, more].concat()).output().unwrap()
}

/// A folder with one object a service, each with these lines.
async fn archive(name: &str, services: &[&str], lines: &[String]) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::remove_dir_all(&folder).ok();
    let store = FolderArchive::new(&folder);
    for service in services {
        let group = LogGroup::new(format!("/ecs/{service}"));
        let source = Source::new("1", "r", group, LogStream::new("s"), "prod");
        let lines: Vec<_> = lines.iter().map(|line| redact(line)).collect();
        let ids: Vec<String> = (0..lines.len()).map(|n| format!("{service}-{n}")).collect();
        let time = |n: usize| EventTime::Arrived(START + i64::try_from(n).unwrap());
        let parse = |n: usize| LogRecord::parse(&lines[n], &source, &ids[n], time(n));
        let records: Vec<_> = (0..lines.len()).map(parse).collect();
        for (day, part) in split_by_day(&records) {
            let key = ObjectKey::of_batch(
                RetentionClass::Standard,
                day,
                part,
                &BatchId::of_payload(service.as_bytes()),
            );
            store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
        }
    }
    folder
}

fn lines() -> Vec<String> {
    vec![
        r#"{"level":"info","message":"fine","request_id":"r1"}"#.to_owned(),
        r#"{"level":"error","message":"disk \"full\"","request_id":"r2"}"#.to_owned(),
        "plain, with a comma".to_owned(),
    ]
}

fn rows(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let text = std::str::from_utf8(&output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn rows_come_in_order_of_time_with_every_column_as_it_was() {
    let folder = archive("export-order", &["web", "db"], &lines()).await;
    let output = run(&folder, &[]);
    let told = String::from_utf8(output.stderr.clone()).unwrap();
    assert!(
        told.starts_with("exported: 6 rows; 2 of 2 objects opened, ")
            && told.ends_with(" read, 0 left out\n"),
        "{told}"
    );
    let rows = rows(&output);
    let times: Vec<_> = rows.iter().map(|row| row["timestamp"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times[0] == "2024-12-19T10:30:15.123Z", "{times:?}");
    let disk = rows.iter().find(|row| row["event_id"] == "web-1").unwrap();
    assert_eq!(disk["line"], lines()[1]);
    assert_eq!(
        (&disk["message"], &disk["severity_number"]),
        (&Value::from("disk \"full\""), &Value::from(17))
    );
    assert_eq!((&disk["service"], disk.get("trace_id")), (&Value::from("web"), None), "no null");

    let newest = run(&folder, &["--order", "newest", "--limit", "1", "--service", "db"]);
    assert_eq!(self::rows(&newest)[0]["event_id"], "db-2");
}

#[tokio::test]
async fn rows_are_chosen_by_what_they_hold() {
    let folder = archive("export-chosen", &["web", "db"], &lines()).await;
    for (more, ids) in [
        (&["--request-id", "r2"][..], &["db-1", "web-1"][..]),
        (&["--severity", "warn", "--service", "web"], &["web-1"]),
        (&["--contains", "with a", "--contains", "comma"], &["db-2", "web-2"]),
        (&["--contains", "DISK"], &[]),
        (&["--class", "long"], &[]),
    ] {
        let mut found: Vec<_> = rows(&run(&folder, more))
            .iter()
            .map(|row| row["event_id"].as_str().unwrap().to_owned())
            .collect();
        found.sort();
        assert_eq!(found, ids, "{more:?}");
    }
}

#[tokio::test]
async fn csv_has_a_header_and_quotes_what_must_be() {
    let folder = archive("export-csv", &["web"], &lines()).await;
    let output = run(&folder, &["--format", "csv"]);
    let mut reader = csv::Reader::from_reader(output.stdout.as_slice());
    let at = reader.headers().unwrap().iter().position(|name| name == "line").unwrap();
    let found: Vec<_> = reader.records().map(|record| record.unwrap()[at].to_owned()).collect();
    assert_eq!(found, lines());
    let none = run(&folder, &["--format", "csv", "--service", "nobody"]);
    assert!(
        none.stdout.starts_with(b"timestamp,time_unix_nano,")
            && none.stdout.iter().filter(|b| **b == b'\n').count() == 1
    );
}

#[tokio::test]
async fn a_damaged_object_is_left_out_named_and_told_by_the_exit_code() {
    let folder = archive("export-damaged", &["web", "db"], &lines()).await;
    let partition = folder.join("logs/class=standard/dt=2024-12-19");
    std::fs::write(partition.join("notes.txt"), "x").unwrap();
    let output = run(&folder, &[]);
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(7), "{told}");
    assert!(told.contains("left out: logs/class=standard/dt=2024-12-19/notes.txt: "), "{told}");
    assert_eq!(output.stdout.iter().filter(|b| **b == b'\n').count(), 6, "the rest is there");
}

#[tokio::test]
async fn what_cannot_be_is_refused() {
    let folder = archive("export-refused", &["web"], &lines()).await;
    for (folder, more, code, words) in [
        (folder.as_path(), &["--format", "parquet"][..], 2, "--output"),
        (&folder.join("logs"), &[], 4, "has no folder logs"),
        (&folder, &["--class", "weekly"], 2, "only short, standard, long"),
        (&folder, &["--output", "/nowhere/rows"], 6, "/nowhere/rows"),
    ] {
        let output = run(folder, more);
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{told}");
        assert!(told.contains(words), "{told}");
    }
    let untimed = export(&folder, &[]).output().unwrap();
    assert_eq!(untimed.status.code(), Some(2));
    let file = folder.join("rows");
    std::fs::write(&file, "mine").unwrap();
    let taken = run(&folder, &["--output", file.to_str().unwrap()]);
    assert_eq!(taken.status.code(), Some(1));
    assert_eq!(std::fs::read(&file).unwrap(), b"mine");
}

/// A process that ends in the middle leaves a file that another goes on with.
#[tokio::test]
async fn an_export_that_is_killed_goes_on_where_it_was() {
    let lines: Vec<_> = (0..18_000).map(|n| format!("line {n} of many, {}", "x".repeat(n % 2000))).collect();
    let folder = archive("export-killed", &["web"], &lines).await;
    let (whole, file) = (folder.join("whole"), folder.join("killed"));
    let whole_path = whole.to_str().unwrap();
    assert_eq!(run(&folder, &["--output", whole_path]).status.code(), Some(0));
    let state = folder.join("killed.catchment-export");
    let args = [&DAY[..], &["--output", file.to_str().unwrap()]].concat();
    let mut child = export(&folder, &args).stderr(Stdio::null()).spawn().unwrap();
    // Some of it is committed: the state says so.
    while !std::fs::read_to_string(&state)
        .is_ok_and(|text| text.contains("\"rows\":") && !text.contains("\"rows\":0,"))
    {
        assert!(child.try_wait().unwrap().is_none(), "it ended before anything was committed");
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(std::fs::metadata(&file).unwrap().len() < std::fs::metadata(&whole).unwrap().len());
    let output = export(&folder, &args).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(String::from_utf8(output.stderr).unwrap().starts_with("exported: 18,000 rows to "));
    assert!(std::fs::read(&file).unwrap() == std::fs::read(&whole).unwrap(), "the same, byte for byte");
    assert!(!state.exists());
}

#[tokio::test]
async fn a_reader_that_has_seen_enough_is_no_failure() {
    let lines: Vec<_> = (0..20_000).map(|n| format!("line {n} {}", "x".repeat(200))).collect();
    let folder = archive("export-head", &["web"], &lines).await;
    let mut child = export(&folder, &DAY).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = [0; 100];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(0));
}
