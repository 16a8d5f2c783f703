//! Stands in for Athena on loopback: answers a script of calls in their order.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread::JoinHandle;

use serde_json::Value;

/// A stand-in and its address.
pub struct Athena {
    /// Where it listens.
    pub url: String,
    served: JoinHandle<Vec<(String, Value)>>,
}

impl Athena {
    /// Expects these operations, and answers each with its status and body. The
    /// last one answered may be repeated: that is how a query is waited for.
    pub fn start(script: Vec<(&'static str, u16, Value)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let served = std::thread::spawn(move || {
            let mut requests = Vec::new();
            let mut script = script.into_iter().peekable();
            let mut current = ("nothing", 500, Value::Null);
            while script.peek().is_some() {
                let (mut stream, _) = listener.accept().unwrap();
                let (head, body) = read(&stream);
                let asked = |operation: &str| head.contains(&format!("AmazonAthena.{operation}\r"));
                current = script.next_if(|next| asked(next.0)).unwrap_or(current);
                let (operation, status, answer) = &current;
                assert!(asked(operation), "{head}");
                requests.push((head, body));
                let answer = answer.to_string();
                write!(
                    stream,
                    "HTTP/1.1 {status} x\r\ncontent-type: application/x-amz-json-1.1\r\n\
                     content-length: {}\r\nconnection: close\r\n\r\n{answer}",
                    answer.len()
                )
                .unwrap();
            }
            requests
        });
        Self { url, served }
    }

    /// The bodies of the requests, once all were made.
    pub fn finish(self) -> Vec<Value> {
        self.served.join().unwrap().into_iter().map(|(_, body)| body).collect()
    }

    /// The access keys that signed the requests, once all were made.
    pub fn signers(self) -> Vec<String> {
        let signer = |head: &str| {
            let (_, credential) = head.split_once("Credential=").unwrap();
            credential.split('/').next().unwrap().to_owned()
        };
        self.served.join().unwrap().iter().map(|(head, _)| signer(head)).collect()
    }
}

fn read(stream: &TcpStream) -> (String, Value) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    (head, serde_json::from_slice(&body).unwrap())
}
