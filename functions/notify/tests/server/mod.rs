//! HTTP on loopback: answers with these in turn, and gives back what it was sent.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use serde_json::Value;

/// One request.
pub struct Request {
    /// Lower-case names.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub text: String,
}

impl Request {
    /// The value of a header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(it, _)| it == name).map_or("", |(_, value)| value)
    }

    /// The body as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap()
    }
}

/// Answers: the status line with headers of their own, and the body.
pub fn serve(answers: Vec<(String, String)>) -> (String, JoinHandle<Vec<Request>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/services/T0/B0/topsecret", listener.local_addr().unwrap());
    let served = std::thread::spawn(move || {
        answers
            .into_iter()
            .map(|(status, body)| {
                let (mut stream, _) = listener.accept().unwrap();
                let mut reader = BufReader::new(stream.try_clone().unwrap());
                let mut headers = Vec::new();
                loop {
                    let mut line = String::new();
                    reader.read_line(&mut line).unwrap();
                    match line.trim().split_once(": ") {
                        Some((name, value)) => headers.push((name.to_ascii_lowercase(), value.to_owned())),
                        None if line.trim().is_empty() => break,
                        None => {}
                    }
                }
                let mut request = Request { headers, text: String::new() };
                let mut bytes = vec![0; request.header("content-length").parse().unwrap()];
                reader.read_exact(&mut bytes).unwrap();
                request.text = String::from_utf8(bytes).unwrap();
                let rest = format!("content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
                write!(stream, "HTTP/1.1 {status}\r\n{rest}").unwrap();
                request
            })
            .collect()
    });
    (url, served)
}

/// Answers of a webhook of Slack's: status lines, with a word that says nothing.
pub fn webhook(answers: &[&str]) -> (String, JoinHandle<Vec<Request>>) {
    serve(answers.iter().map(|it| ((*it).to_owned(), "no_service".to_owned())).collect())
}

/// Answers of Slack's Web API.
pub fn web_api(answers: Vec<Value>) -> (String, JoinHandle<Vec<Request>>) {
    serve(answers.into_iter().map(|it| ("200 OK".to_owned(), it.to_string())).collect())
}
