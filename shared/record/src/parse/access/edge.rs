//! Access logs of AWS's edge: S3 server access logs and CloudFront.

use std::borrow::Cow;

use crate::parse::http::{self, Exchange};
use crate::parse::scan::{Scanner, given};
use crate::parse::timestamp::{self, LineTime};
use crate::record::{Format, LogRecord};

/// Length of a canonical user id, which every S3 line begins with, in bytes.
const OWNER_ID_BYTES: usize = 64;

/// Where a CloudFront line ends its date and its time, in bytes.
const CLOUDFRONT_TABS: [usize; 2] = [10, 19];

/// `owner bucket [time] ip requester request-id operation key "request" status
/// error bytes object-bytes total-ms turnaround-ms "referer" "user agent" …`;
/// what follows the time comes as `line`.
///
/// <https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html>
pub(super) fn s3<'a>(
    before: &'a str,
    time: LineTime,
    mut line: Scanner<'a>,
    record: &mut LogRecord<'a>,
) -> Option<()> {
    let (owner, bucket) = before.trim_end().split_once(' ')?;
    if owner.len() != OWNER_ID_BYTES || !owner.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let (client, user, request_id) = (line.word()?, line.word()?, line.word()?);
    let (operation, key) = (line.word()?, line.word()?);
    let request = if line.peek() == Some(b'"') { line.quoted()? } else { line.word()? };
    let status = http::status(line.word()?);
    let (error, bytes, _object_bytes) = (line.word()?, line.word()?, line.word()?);
    let (took, _turnaround) = (line.word()?, line.word()?);
    let exchange = Exchange {
        time: Some(time),
        client,
        user,
        request,
        status,
        bytes,
        referer: line.quoted().unwrap_or_default(),
        user_agent: line.quoted().unwrap_or_default(),
        duration_ms: given(took).and_then(|ms| ms.parse().ok()),
        ..Exchange::default()
    };
    let mut attributes = exchange.fill(record, Format::Access);
    attributes.text("bucket", bucket);
    attributes.given_text("key", key);
    attributes.given_text("error", error);
    record.attributes = attributes.finish();
    record.event_name = given(operation).map(Cow::Borrowed);
    if given(request).is_none() {
        // A lifecycle action or a batch delete: no request, but an operation.
        record.message = Cow::Borrowed(operation);
    }
    if let Some(id) = given(request_id) {
        record.request_id = Cow::Borrowed(id);
    }
    Some(())
}

/// A standard log entry of CloudFront: 33 fields between tabs, of which newer
/// entries have more and older ones fewer.
///
/// <https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/standard-logs-reference.html>
pub(super) fn cloudfront<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    if CLOUDFRONT_TABS.iter().any(|at| text.as_bytes().get(*at) != Some(&b'\t')) {
        return None;
    }
    let mut fields = text.split('\t');
    let mut field = || fields.next();
    let (date, time, location) = (field()?, field()?, field()?);
    let (bytes, client, method, domain) = (field()?, field()?, field()?, field()?);
    let (path, status, referer, user_agent) = (field()?, field()?, field()?, field()?);
    let (_query, _cookie, result, request_id) = (field()?, field()?, field()?, field()?);
    let (host, _scheme, request_bytes, took) = (field()?, field()?, field()?, field()?);
    let (forwarded_for, _tls, _cipher, _response_result) = (field()?, field()?, field()?, field()?);
    let protocol = field()?;
    let instant = timestamp::from_field(&[date, "T", time, "Z"].concat())?;
    if !http::is_common_method(method) || !protocol.starts_with("HTTP/") {
        return None;
    }
    let seconds = took.parse::<f64>().ok().filter(|seconds| seconds.is_finite());
    // CloudFront writes these texts as a URL would; spaces (which it encodes
    // twice in some fields) are what makes them hard to read.
    let user_agent = user_agent.replace("%2520", " ").replace("%20", " ");
    let exchange = Exchange {
        time: Some(instant),
        client,
        status: http::status(status),
        bytes,
        request_bytes,
        referer,
        server_name: if given(host).is_some() { host } else { domain },
        duration_ms: seconds.map(|seconds| seconds * 1e3),
        ..Exchange::default()
    };
    let mut attributes = exchange.fill(record, Format::Access);
    attributes.given_text("user_agent", &user_agent);
    attributes.given_text("protocol", protocol);
    attributes.given_text("forwarded_for", forwarded_for);
    attributes.given_text("edge_location", location);
    attributes.given_text("cache_result", result);
    record.attributes = attributes.finish();
    record.message = Cow::Owned([method, path, protocol].join(" "));
    record.http_method = Some(Cow::Borrowed(method));
    record.path = Some(Cow::Borrowed(path));
    if let Some(id) = given(request_id) {
        record.request_id = Cow::Borrowed(id);
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::parse::testing::check;
    use crate::record::Format;

    #[test]
    fn s3_server_access_lines() {
        let owner = "0f".repeat(32);
        check(
            &format!(
                r#"{owner} invoices [19/Dec/2024:10:30:15 +0000] 192.0.2.3 arn:aws:iam::111122223333:user/ann 3E57427F3A REST.GET.OBJECT 2024/a.pdf "GET /2024/a.pdf?versionId=1 HTTP/1.1" 404 NoSuchKey 297 - 38 20 "-" "aws-cli/2" - id= SigV4 ECDHE AuthHeader invoices.s3.eu-west-1.amazonaws.com TLSv1.3 - -"#
            ),
            Format::Access,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","http_method":"GET","path":"/2024/a.pdf","status_code":404,"severity_number":13,
                "duration_ms":38.0,"user_id":"arn:aws:iam::111122223333:user/ann","request_id":"3E57427F3A","event_name":"REST.GET.OBJECT",
                "attributes":{"client_ip":"192.0.2.3","protocol":"HTTP/1.1","bytes":297,"user_agent":"aws-cli/2",
                    "bucket":"invoices","key":"2024/a.pdf","error":"NoSuchKey"}}"#,
        );
        check(
            &format!(
                "{owner} invoices [19/Dec/2024:10:30:15 +0000] - AmazonS3 E1 S3.EXPIRE.OBJECT a.pdf \"-\" - - - 12 - - \"-\" \"-\" - id= - - - - - - -"
            ),
            Format::Access,
            r#"{"message":"S3.EXPIRE.OBJECT","status_code":null,"severity_number":9,"attributes":{"bucket":"invoices","key":"a.pdf"}}"#,
        );
    }

    #[test]
    fn cloudfront_lines() {
        let line = [
            "2024-12-19",
            "10:30:15",
            "FRA56-P1",
            "392",
            "192.0.2.100",
            "GET",
            "d1.cloudfront.net",
            "/index.html",
            "502",
            "-",
            "Mozilla/5.0%20(X11)",
            "a=b",
            "-",
            "Error",
            "q1==",
            "www.shop.example",
            "https",
            "23",
            "0.125",
            "-",
            "TLSv1.3",
            "TLS_AES_128",
            "Error",
            "HTTP/2.0",
            "-",
            "-",
            "11040",
            "0.125",
            "Error",
            "text/html",
            "78",
            "-",
            "-",
        ]
        .join("\t");
        check(
            &line,
            Format::Access,
            r#"{"timestamp":"2024-12-19T10:30:15.000Z","http_method":"GET","path":"/index.html","status_code":502,"duration_ms":125.0,
                "request_id":"q1==","message":"GET /index.html HTTP/2.0","severity_number":17,
                "attributes":{"client_ip":"192.0.2.100","bytes":392,"request_bytes":23,"server_name":"www.shop.example",
                    "user_agent":"Mozilla/5.0 (X11)","protocol":"HTTP/2.0","edge_location":"FRA56-P1","cache_result":"Error"}}"#,
        );
    }
}
