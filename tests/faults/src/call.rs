//! What a request asks of AWS, by name.

use std::fmt;

use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use serde_json::Value;

/// One call: the operation, and what it is on. A retry of a call is the same call.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Call {
    /// The operation, as AWS names it.
    pub operation: String,
    /// The key, the prefix or the first item, without the names of bucket and table.
    pub on: String,
}

impl Call {
    /// What the request asks.
    pub fn of(request: &HttpRequest) -> Self {
        match request.headers().get("x-amz-target") {
            Some(target) => Self::of_json(target, request),
            None if request.uri().ends_with("/invocations") => {
                Self { operation: "Invoke".to_owned(), on: "evaluate".to_owned() }
            }
            None => Self::of_s3(request),
        }
    }

    /// Whether it is one of S3's.
    pub fn is_s3(&self) -> bool {
        self.operation.contains("Object")
    }

    /// The operation and what kind of thing it is on: the same for every object of
    /// the archive, for every rule file, for every item of a table.
    pub fn kind(&self) -> String {
        let on = match self.on.split_once(['/', ' ']) {
            Some(("config", _)) => &self.on,
            Some((folder, _)) => folder,
            None => &self.on,
        };
        format!("{} {on}", self.operation).trim().to_owned()
    }

    fn of_json(target: &str, request: &HttpRequest) -> Self {
        let operation = target.rsplit('.').next().unwrap_or(target).to_owned();
        let body: Value =
            request.body().bytes().and_then(|b| serde_json::from_slice(b).ok()).unwrap_or_default();
        let sort_key =
            |item: &Value| item.pointer("/sk/S").and_then(Value::as_str).unwrap_or_default().to_owned();
        let on = match operation.as_str() {
            "PutItem" => format!("audit {}", sort_key(&body["Item"])),
            "BatchWriteItem" => {
                let first = body["RequestItems"].as_object().and_then(|tables| tables.values().next());
                let put = first.and_then(|requests| requests.pointer("/0/PutRequest/Item"));
                format!("state {}", put.map(sort_key).unwrap_or_default())
            }
            "UpdateItem" => "state".to_owned(),
            _ => String::new(),
        };
        Self { operation, on }
    }

    fn of_s3(request: &HttpRequest) -> Self {
        let uri = request.uri();
        let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
        // scheme, empty, host, bucket, key
        let key = path.splitn(5, '/').nth(4).unwrap_or_default();
        let parameter = |name: &str| {
            query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).find(|(n, _)| *n == name)
        };
        let value = |name| parameter(name).map_or("", |(_, value)| value);
        let tagging = parameter("tagging").is_some();
        let (operation, on) = match request.method() {
            "GET" if parameter("list-type").is_some() => ("ListObjectsV2", value("prefix")),
            "GET" if tagging => ("GetObjectTagging", key),
            "GET" => ("GetObject", key),
            "PUT" if tagging => ("PutObjectTagging", key),
            "PUT" => ("PutObject", key),
            "POST" if parameter("delete").is_some() => ("DeleteObjects", ""),
            "DELETE" => ("DeleteObject", key),
            "HEAD" => ("HeadObject", key),
            other => (other, key),
        };
        let range = request.headers().get("range").map(|range| format!(" {range}")).unwrap_or_default();
        let page = parameter("start-after").or(parameter("continuation-token"));
        let page = page.map(|(_, after)| format!(" behind {}", decoded(after))).unwrap_or_default();
        Self { operation: operation.to_owned(), on: format!("{}{page}{range}", decoded(on)) }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.operation, self.on)
    }
}

/// Percent-decoding of what S3 keys of ours need.
fn decoded(text: &str) -> String {
    text.replace("%2F", "/").replace("%3D", "=")
}
