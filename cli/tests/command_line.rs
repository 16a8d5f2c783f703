//! The built command as a script sees it: answers, one sentence on standard
//! error, exit codes.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod athena_stand_in;

use std::io::Write;
use std::process::{Command, Output, Stdio};

use athena_stand_in::Athena;
use serde_json::{Value, json};

/// The command, in an environment that knows no AWS account.
fn catchment(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_catchment"));
    command
        .args(args)
        .env_clear()
        .env("HOME", env!("CARGO_TARGET_TMPDIR"))
        .env("AWS_EC2_METADATA_DISABLED", "true")
        .env("AWS_REGION", "eu-west-1");
    command
}

fn with_keys(args: &[&str]) -> Command {
    let mut command = catchment(args);
    command.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", "example");
    command
}

fn query(athena: &Athena, more: &[&str]) -> Output {
    let mut args = vec!["query", "--sql", "SELECT 1;", "--endpoint-url", &athena.url];
    args.extend(more);
    with_keys(&args).output().unwrap()
}

/// The exit code, after seeing that standard error is one sentence with these words.
fn complaint(output: &Output, words: &[&str]) -> i32 {
    let stderr = String::from_utf8(output.stderr.clone()).unwrap();
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert!(stderr.starts_with("catchment: "), "{stderr}");
    for word in words {
        assert!(stderr.contains(word), "{word} in {stderr}");
    }
    output.status.code().unwrap()
}

#[test]
fn the_usage_is_wrong() {
    for args in [
        &["query"][..],
        &["query", "--sql", "x", "--format", "xml"],
        &["query", "--sql", "x", "--from-folder", "x"],
        &["query", "--sql", "x", "--bucket", "x"],
        &["query", "--sql", "x", "--class", "long"],
        &["search"],
    ] {
        assert_eq!(catchment(args).output().unwrap().status.code(), Some(2), "{args:?}");
    }
    let empty = with_keys(&["query", "--sql", ";"]).output().unwrap();
    assert_eq!(complaint(&empty, &["--sql"]), 2);
    let mut nowhere = with_keys(&["query", "--sql", "SELECT 1"]);
    let nowhere = nowhere.env_remove("AWS_REGION").output().unwrap();
    assert_eq!(complaint(&nowhere, &["--region"]), 2);
}

#[test]
fn there_are_no_credentials() {
    let output = catchment(&["query", "--sql", "SELECT 1"]).output().unwrap();
    assert_eq!(complaint(&output, &["no AWS credentials", "aws configure", "--profile"]), 3);
    let args = ["query", "--sql", "SELECT 1", "--profile", "nope"];
    for mut command in [catchment(&args), with_keys(&args)] {
        let output = command.output().unwrap();
        assert_eq!(complaint(&output, &["the profile \"nope\"", "list-profiles"]), 3);
    }
}

#[test]
fn a_profile_goes_before_keys_in_the_environment() {
    let file = format!("{}/profile-credentials", env!("CARGO_TARGET_TMPDIR"));
    let keys = "[other]\naws_access_key_id = AKIDOFPROFILE\naws_secret_access_key = example\n";
    std::fs::write(&file, keys).unwrap();
    for (more, key) in [(&["--profile", "other"][..], "AKIDOFPROFILE"), (&[], "AKIDEXAMPLE")] {
        let refusal = json!({"__type": "AccessDeniedException", "message": "no"});
        let athena = Athena::start(vec![("StartQueryExecution", 400, refusal)]);
        let mut args = vec!["query", "--sql", "SELECT 1", "--endpoint-url", &athena.url];
        args.extend(more);
        let output = with_keys(&args).env("AWS_SHARED_CREDENTIALS_FILE", &file).output().unwrap();
        assert_eq!(complaint(&output, &["AWS refuses"]), 3);
        assert_eq!(athena.signers(), [key]);
    }
}

#[test]
fn aws_is_out_of_reach() {
    let url = "http://127.0.0.1:1";
    let output = with_keys(&["query", "--sql", "SELECT 1", "--endpoint-url", url]).output().unwrap();
    assert_eq!(complaint(&output, &["cannot be reached", "--endpoint-url"]), 5);
}

#[test]
fn athena_refuses() {
    for (kind, message, words, code) in [
        ("InvalidRequestException", "WorkGroup nope is not found.", "--stack", 4),
        ("AccessDeniedException", "not authorized to perform", "athena:StartQueryExecution", 3),
        ("InvalidRequestException", "line 1:1: mismatched input 'x'", "line 1:1", 1),
    ] {
        let refusal = json!({"__type": kind, "Message": message, "message": message});
        let athena = Athena::start(vec![("StartQueryExecution", 400, refusal)]);
        let output = query(&athena, &["--stack", "nope"]);
        assert_eq!(complaint(&output, &[words]), code, "{message}");
        assert_eq!(athena.finish()[0]["WorkGroup"], "nope");
    }
}

fn execution(state: &str, reason: &str) -> Value {
    json!({"QueryExecution": {"QueryExecutionId": "q", "StatementType": "DML",
        "Status": {"State": state, "StateChangeReason": reason},
        "Statistics": {"DataScannedInBytes": 1_500_000, "TotalExecutionTimeInMillis": 1234}}})
}

#[test]
fn a_query_fails() {
    let athena = Athena::start(vec![
        ("StartQueryExecution", 200, json!({"QueryExecutionId": "q"})),
        ("GetQueryExecution", 200, execution("RUNNING", "")),
        ("GetQueryExecution", 200, execution("FAILED", "COLUMN_NOT_FOUND: line 1:8")),
    ]);
    assert_eq!(complaint(&query(&athena, &[]), &["COLUMN_NOT_FOUND: line 1:8"]), 1);
}

#[test]
fn an_interrupted_query_is_stopped() {
    let athena = Athena::start(vec![
        ("StartQueryExecution", 200, json!({"QueryExecutionId": "q"})),
        ("GetQueryExecution", 200, execution("RUNNING", "")),
        ("StopQueryExecution", 200, json!({})),
    ]);
    let child = with_keys(&["query", "--sql", "SELECT 1", "--endpoint-url", &athena.url])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::thread::sleep(std::time::Duration::from_millis(800));
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    assert_eq!(complaint(&output, &["interrupted"]), 130);
    assert_eq!(athena.finish().last().unwrap()["QueryExecutionId"], "q");
}

/// Two pages: a header and a row, then two rows.
fn answered() -> Athena {
    let page = |rows: Value, next: Option<&str>| {
        let columns = json!([{"Name": "service", "Type": "varchar"}, {"Name": "n", "Type": "bigint"}]);
        json!({"NextToken": next,
            "ResultSet": {"Rows": rows, "ResultSetMetadata": {"ColumnInfo": columns}}})
    };
    let row = |name: &str, n: &str| json!({"Data": [{"VarCharValue": name}, {"VarCharValue": n}]});
    let first = json!([row("service", "n"), row("auth", "3")]);
    let second = json!([row("service", "4"), {"Data": [{}, {"VarCharValue": "5"}]}]);
    Athena::start(vec![
        ("StartQueryExecution", 200, json!({"QueryExecutionId": "q"})),
        ("GetQueryExecution", 200, execution("SUCCEEDED", "")),
        ("GetQueryResults", 200, page(first, Some("2"))),
        ("GetQueryResults", 200, page(second, None)),
    ])
}

#[test]
fn a_query_is_answered() {
    let athena = answered();
    let output = query(&athena, &["--format", "json", "--database", "logs"]);
    assert_eq!(output.status.code(), Some(0));
    let rows: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        rows,
        json!([{"service": "auth", "n": 3}, {"service": "service", "n": 4}, {"service": null, "n": 5}])
    );
    let told = String::from_utf8(output.stderr).unwrap();
    assert_eq!(told, "succeeded: 3 rows, 1.5 MB scanned, 1.2 s, query q\n");
    let requests = athena.finish();
    assert_eq!(requests[0]["QueryString"], "SELECT 1");
    assert_eq!(requests[0]["WorkGroup"], "catchment");
    assert_eq!(requests[0]["QueryExecutionContext"]["Database"], "logs");

    let output = query(&answered(), &["--format", "csv", "--limit", "2"]);
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "service,n\nauth,3\nservice,4\n");
    assert!(String::from_utf8(output.stderr).unwrap().contains("the first 2 rows"));
    let table = String::from_utf8(query(&answered(), &[]).stdout).unwrap();
    assert!(table.contains("│ auth"), "{table}");
}

fn parse(args: &[&str], input: &[u8]) -> Output {
    let mut command = catchment(&["parse"]);
    let mut child = command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn records(output: &Output) -> Vec<Value> {
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn lines_become_records() {
    let input = b"{\"level\":\"ERROR\",\"message\":\"login failed\",\"password\":\"hunter2\"}\r\n\n\
        2024-12-19 10:30:15 - personal_assistant.core - INFO - started\nno time here \xff";
    let output = parse(&["-", "--log-group", "/ecs/auth-service"], input);
    assert!(!String::from_utf8_lossy(&output.stdout).contains("hunter2"));
    let records = records(&output);
    assert_eq!(records.len(), 3);
    assert_eq!(
        (&records[0]["service"], &records[0]["severity_text"]),
        (&json!("auth-service"), &json!("ERROR"))
    );
    assert_eq!(records[1]["timestamp"], "2024-12-19T10:30:15.000Z");
    assert_eq!(records[2]["timestamp"], Value::Null);
    let columns: Vec<&String> = records[0].as_object().unwrap().keys().collect();
    assert_eq!(columns.len(), 32, "one key a column of the archive: {columns:?}");
}

#[test]
fn a_payload_becomes_records() {
    let payload = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/payload.json");
    let output = catchment(&["parse", payload]).output().unwrap();
    let from_event = records(&output);
    assert_eq!(from_event.len(), 2);
    assert_eq!(from_event[0]["account_id"], "123456789012");
    assert_eq!(from_event[0]["container"], "web");
    let with_request_id = from_event.iter().find(|r| r["request_id"] == "req_abc123").unwrap();
    assert_eq!(with_request_id["observed_timestamp"], "2025-10-09T08:53:20.123Z");
    assert_eq!(with_request_id["timestamp"], "2025-10-09T08:53:20.100Z");

    let event: Value = serde_json::from_slice(&std::fs::read(payload).unwrap()).unwrap();
    let data = event["awslogs"]["data"].as_str().unwrap();
    assert_eq!(records(&parse(&["-"], data.as_bytes())), from_event);

    let cut = parse(&["-"], &data.as_bytes()[..200]);
    assert_eq!(complaint(&cut, &["quarantine/"]), 1);
}

#[test]
fn a_file_is_not_there() {
    let output = catchment(&["parse", "/nowhere/app.log"]).output().unwrap();
    assert_eq!(complaint(&output, &["/nowhere/app.log cannot be read"]), 6);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let lines = format!("{}/many-lines.log", env!("CARGO_TARGET_TMPDIR"));
    std::fs::write(&lines, "INFO one of many lines\n".repeat(20_000)).unwrap();
    let mut child =
        catchment(&["parse", &lines]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0));
}

#[test]
fn rule_files_are_checked() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/rules/dryad.yaml");
    let output = catchment(&["rules", "check", good]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let told = String::from_utf8(output.stdout).unwrap();
    assert!(told.ends_with("\nno faults: 1 groups, 2 rules\n"), "what they cost comes before: {told}");

    let bad = format!("{}/bad-rules.yaml", env!("CARGO_TARGET_TMPDIR"));
    let text = std::fs::read_to_string(good).unwrap().replace("sum(rate(", "summ(rate(");
    std::fs::write(&bad, text).unwrap();
    let output = catchment(&["rules", "check", &bad]).output().unwrap();
    let words = [bad.as_str(), "dryad_alerts", "HighErrorRate", "line ", "column ", "summ"];
    assert_eq!(complaint(&output, &words), 1);
}

#[test]
fn configuration_files_are_checked() {
    let good = concat!(env!("CARGO_MANIFEST_DIR"), "/../infra/config.yaml");
    let output = catchment(&["config", "check", good]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let expected = "no faults: 0 filters, 0 samplers, 0 rules about retention classes\n";
    assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
    let shown = catchment(&["config", "show"]).output().unwrap();
    assert_eq!(shown.stdout, std::fs::read(good).unwrap(), "what is built in is the file of the repository");
    let schema: Value =
        serde_json::from_slice(&catchment(&["config", "schema"]).output().unwrap().stdout).unwrap();
    assert_eq!(schema["additionalProperties"], false);

    let check = |text: &str| {
        let file = format!("{}/bad-config.yaml", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&file, text).unwrap();
        (catchment(&["config", "check", &file]).output().unwrap(), file)
    };
    let (output, file) = check("version: 1\nroute:\n  filter: []\n");
    assert_eq!(complaint(&output, &[&format!("{file}:3:3: "), "did you mean \"filters\"?"]), 1);

    // Every value that cannot be used is named, a line each.
    let filter = |name: &str| format!("  - {{ name: {name}, when: {{ selector: '{{a=}}' }} }}\n");
    let (output, file) = check(&format!("version: 1\nroute:\n  filters:\n{}{}", filter("a"), filter("b")));
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), stderr.lines().count()), (Some(1), 2), "{stderr}");
    for (line, place) in stderr.lines().zip(["4:34", "5:34"]) {
        assert!(line.starts_with(&format!("catchment: {file}:{place}: the selector: ")), "{line}");
    }

    let absent = catchment(&["config", "check", "/nowhere/config.yaml"]).output().unwrap();
    assert_eq!(complaint(&absent, &["/nowhere/config.yaml cannot be read"]), 6);
}

#[test]
fn a_retention_class_that_no_parameter_names_is_refused_with_its_place() {
    for (text, place) in [
        ("  classes:\n  - class: weekly\n    when: { services: [a] }\n", "4:12"),
        ("  filters:\n  - name: a\n    when: { classes: [short, weekly] }\n", "5:30"),
    ] {
        let file = format!("{}/class-config.yaml", env!("CARGO_TARGET_TMPDIR"));
        std::fs::write(&file, format!("version: 1\nroute:\n{text}")).unwrap();
        let output = catchment(&["config", "check", &file]).output().unwrap();
        let words = ["\"weekly\", only short, standard, long", &format!("{file}:{place}: ")];
        assert_eq!(complaint(&output, &words), 1);
    }
}

fn parsed(text: &str, more: &[&str]) -> String {
    let args = [&["-", "--log-group", "/ecs/prod/checkout"], more].concat();
    let output = parse(&args, text.as_bytes());
    assert_eq!(output.status.code(), Some(0));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn a_trace_is_one_record_wherever_in_a_file_it_stands() {
    let trace = "ERROR no\njava.lang.IllegalStateException: no\n\tat a.B.c(B.java:1)\n\tat a.D.e(D.java:2)\n";
    // The second of them lies across the end of the 10,000 lines that are looked at together.
    let text = [trace, &"INFO fine\n".repeat(9_994), trace, "INFO end\n"].concat();
    let records: Vec<Value> =
        parsed(&text, &[]).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(records.len(), 1 + 9_994 + 1 + 1);
    let ids = |record: &Value| (record["event_id"].clone(), record["more_event_ids"].clone());
    assert_eq!(ids(&records[0]), (json!("1"), json!("2,3,4")));
    assert_eq!(ids(&records[9_995]), (json!("9999"), json!("10000,10001,10002")));
    assert_eq!(ids(&records[9_996]), (json!("10003"), Value::Null));
}

#[test]
fn a_record_is_explained_by_the_configuration_that_is_given() {
    let file = format!("{}/explain-config.yaml", env!("CARGO_TARGET_TMPDIR"));
    let filter = "version: 1\nroute:\n  filters:\n  - { name: health, when: { selector: '{service=~\".+\"} |= \"/health\"' } }\n";
    std::fs::write(&file, filter).unwrap();
    let text = "{\"level\":\"error\",\"msg\":\"disk full\",\"password\":\"hunter2\"}\nINFO GET /health\n";
    let explained = parsed(text, &["--explain", "--config", &file]);
    assert!(!explained.contains("hunter2"), "{explained}");
    for line in [
        "format      json: one JSON object",
        "level       error: severity 17, error",
        "service     checkout, of the log group or the configuration",
        "redacted    named_field:1",
        "kept        in the retention class standard",
        "removed     by \"health\" of the configuration: it is counted, and not archived",
    ] {
        assert_eq!(
            explained.lines().filter(|l| *l == line).count(),
            1 + usize::from(line.starts_with("service")),
            "{line}\n{explained}"
        );
    }
}
