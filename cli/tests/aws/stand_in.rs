//! Stands in for AWS on loopback: every service at one address, each call answered
//! by a function of the test's, and written down.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The stand-in, its address, and what it was asked.
pub struct Aws {
    /// Where it listens.
    pub url: String,
    calls: Arc<Mutex<Vec<Call>>>,
}

/// One call.
#[derive(Debug, Clone)]
pub struct Call {
    /// `ReceiveMessage`, `Invoke` ...
    pub operation: String,
    /// What was sent with it.
    pub body: Value,
}

/// What is answered.
pub struct Answer {
    status: u16,
    header: &'static str,
    body: String,
    delay: Duration,
}

/// The answer of a call that went well.
pub fn ok(body: &Value) -> Answer {
    Answer { status: 200, header: "x-a: b", body: body.to_string(), delay: Duration::ZERO }
}

/// A refusal with its code.
pub fn refusal(status: u16, code: &str, message: &str) -> Answer {
    let body = json!({ "__type": code, "message": message, "Type": "User" });
    Answer { status, ..ok(&body) }
}

impl Answer {
    /// The same, of a function that failed.
    pub fn of_failed_function(self) -> Self {
        Self { header: "x-amz-function-error: Unhandled", ..self }
    }

    /// The same, after a while.
    pub fn after(self, delay: Duration) -> Self {
        Self { delay, ..self }
    }
}

/// What ingest answers when it has taken in a payload.
pub fn taken_in(events: u64) -> Answer {
    ok(&json!({ "received": events, "objects_created": 1, "objects_already_there": 0, "quarantine": null }))
}

impl Aws {
    /// Answers each call by its operation and body; the stack is described by itself.
    pub fn start(answer: impl FnMut(&str, &Value) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let calls = Arc::new(Mutex::new(Vec::new()));
        let (answer, written) = (Arc::new(Mutex::new(answer)), calls.clone());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (answer, written) = (answer.clone(), written.clone());
                std::thread::spawn(move || serve(&stream.unwrap(), &*answer, &written));
            }
        });
        Self { url, calls }
    }

    /// The bodies of the calls of one operation so far.
    pub fn calls(&self, operation: &str) -> Vec<Value> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.operation == operation).map(|call| call.body.clone()).collect()
    }

    /// Waits until an operation was called.
    pub fn wait_for(&self, operation: &str) {
        let start = Instant::now();
        while self.calls(operation).is_empty() {
            assert!(start.elapsed() < Duration::from_secs(30), "no {operation}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The command against this stand-in.
    pub fn catchment(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_catchment"));
        command
            .args(args)
            .args(["--stack", "prod", "--endpoint-url", &self.url])
            .env_clear()
            .env("HOME", env!("CARGO_TARGET_TMPDIR"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", "eu-west-1")
            .env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
            .env("AWS_SECRET_ACCESS_KEY", "example");
        command
    }
}

fn serve<F: FnMut(&str, &Value) -> Answer>(
    mut stream: &TcpStream,
    answer: &Mutex<F>,
    calls: &Mutex<Vec<Call>>,
) {
    let (operation, body) = read(stream);
    let answer = match operation.as_str() {
        "DescribeStacks" => Answer { body: stack(), ..ok(&Value::Null) },
        _ => {
            calls.lock().unwrap().push(Call { operation: operation.clone(), body: body.clone() });
            let mut answer = answer.lock().unwrap();
            (*answer)(&operation, &body)
        }
    };
    std::thread::sleep(answer.delay);
    let Answer { status, header, body, .. } = answer;
    // Whoever asked may be gone by now.
    write!(
        stream,
        "HTTP/1.1 {status} x\r\n{header}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )
    .ok();
}

fn read(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let (mut operation, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if line.contains("/invocations ") {
            operation = "Invoke".to_owned();
        }
        let lower = line.to_ascii_lowercase();
        if lower.starts_with("x-amz-target:") {
            operation = line.trim().rsplit('.').next().unwrap().to_owned();
        }
        if let Some(value) = lower.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    if body.starts_with(b"Action=DescribeStacks") {
        return ("DescribeStacks".to_owned(), Value::Null);
    }
    (operation, serde_json::from_slice(&body).unwrap_or_default())
}

/// A stack as far as these commands look at it.
fn stack() -> String {
    let outputs = [
        ("FailedPayloadQueueUrl", "https://sqs.eu-west-1.amazonaws.com/123456789012/failed"),
        ("ArchiveBucketName", "archive"),
        ("IngestFunctionName", "prod-ingest"),
    ]
    .map(|(key, value)| {
        format!("<member><OutputKey>{key}</OutputKey><OutputValue>{value}</OutputValue></member>")
    })
    .concat();
    format!(
        "<DescribeStacksResponse xmlns=\"http://cloudformation.amazonaws.com/doc/2010-05-15/\"><DescribeStacksResult>\
         <Stacks><member><StackName>prod</StackName><CreationTime>2026-01-01T00:00:00Z</CreationTime>\
         <StackStatus>CREATE_COMPLETE</StackStatus><Parameters><member><ParameterKey>IngestMemory</ParameterKey>\
         <ParameterValue>512</ParameterValue></member></Parameters><Outputs>{outputs}</Outputs></member></Stacks>\
         </DescribeStacksResult></DescribeStacksResponse>"
    )
}
