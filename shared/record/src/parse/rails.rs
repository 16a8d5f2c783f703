//! Ruby on Rails: the lines about requests, with Ruby's frame and tags before them or without.
//!
//! <https://guides.rubyonrails.org/debugging_rails_applications.html>

use std::borrow::Cow;

use super::attributes::Attributes;
use super::convert::milliseconds;
use super::http;
use super::text::frame;
use super::timestamp;

use crate::record::{Format, LogRecord};

/// Room for the attributes of most lines.
const ATTRIBUTES_BYTES: usize = 80;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    let body = match text.as_bytes() {
        // Tags (`[request id] `), or Ruby's frame (`I, [2024-…#1]  INFO -- : `).
        [b'S' | b'C' | b'P' | b'[', ..] => text,
        [b'D' | b'I' | b'W' | b'E' | b'F', b',', b' ', b'[', ..] => {
            let after = text.find(" -- ").and_then(|at| text.get(at..)?.split_once(": "));
            after.map_or(text, |(_, body)| body)
        }
        _ => return false,
    };
    let (tag, body) = tagged(body);
    let is_request = started(body, record) || completed(body, record) || processing(body, record);
    if !is_request {
        return false;
    }
    record.format = Format::Rails;
    if let Some(tag) = tag.filter(|tag| tag.len() >= 16) {
        record.request_id = Cow::Borrowed(tag);
    }
    if text.as_bytes().get(1) == Some(&b',') {
        let frame = frame::read(text);
        if let Some(time) = frame.time {
            record.believe(time);
        }
        if let Some((level, number)) = frame.level {
            record.severity_text = Some(Cow::Borrowed(level));
            record.severity_number = Some(number);
        }
        if let Some(pid) = frame.pid {
            let mut attributes = Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES);
            attributes.integer("pid", pid);
            record.attributes = attributes.finish();
        }
    }
    record.message = Cow::Borrowed(body);
    true
}

/// A line without its tags, and the first of them.
fn tagged(text: &str) -> (Option<&str>, &str) {
    let (mut first, mut rest) = (None, text);
    while let Some((tag, after)) = rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        let Some(after) = after.strip_prefix(' ') else { break };
        first = first.or(Some(tag));
        rest = after;
    }
    (first, rest)
}

/// `Started GET "/path" for 127.0.0.1 at 2024-12-19 10:30:15 +0000`
fn started<'a>(body: &'a str, record: &mut LogRecord<'a>) -> bool {
    let mut read = || {
        let (method, rest) = body.strip_prefix("Started ")?.split_once(" \"")?;
        let (path, rest) = rest.split_once("\" for ")?;
        let (client, time) = rest.split_once(" at ")?;
        let found = timestamp::leading(time)?;
        record.believe(found.time);
        record.severity_number = Some(9);
        record.http_method = Some(Cow::Borrowed(method));
        record.path = Some(Cow::Borrowed(http::path_of(path)));
        let mut attributes = Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES);
        attributes.text("client_ip", client);
        record.attributes = attributes.finish();
        Some(())
    };
    read().is_some()
}

/// `Completed 200 OK in 12ms (Views: 5.1ms | ActiveRecord: 1.2ms)`
fn completed<'a>(body: &'a str, record: &mut LogRecord<'a>) -> bool {
    let mut read = || {
        let rest = body.strip_prefix("Completed ")?;
        let status: i32 = rest.split(' ').next().filter(|status| status.len() == 3)?.parse().ok()?;
        let (_, took) = rest.split_once(" in ")?;
        let duration_ms = milliseconds(took.split(' ').next()?)?;
        record.status_code = Some(status);
        record.duration_ms = Some(duration_ms);
        record.severity_number = Some(match status {
            500.. => 17,
            400.. => 13,
            _ => 9,
        });
        Some(())
    };
    read().is_some()
}

/// `Processing by CartController#show as HTML`
fn processing<'a>(body: &'a str, record: &mut LogRecord<'a>) -> bool {
    let mut read = || {
        let (action, _format) = body.strip_prefix("Processing by ")?.split_once(" as ")?;
        let (controller, _method) = action.split_once('#')?;
        if controller.contains(' ') {
            return None;
        }
        record.severity_number = Some(9);
        let mut attributes = Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES);
        attributes.text("logger", action);
        record.attributes = attributes.finish();
        Some(())
    };
    read().is_some()
}

#[cfg(test)]
mod tests {
    use crate::parse::tests_support::parsed;
    use serde_json::json;

    #[test]
    fn a_request_from_start_to_end() {
        let line = "Started GET \"/carts/7?token=x\" for 10.0.0.1 at 2024-12-19 11:30:15 +0100";
        let record = parsed(line);
        assert_eq!(record["format"], "rails");
        assert_eq!(record["timestamp"], "2024-12-19T10:30:15.000Z");
        assert_eq!((&record["http_method"], &record["path"]), (&json!("GET"), &json!("/carts/7")));
        assert_eq!(record["attributes"], json!({"client_ip": "10.0.0.1"}));

        let record = parsed("Processing by CartsController#show as HTML");
        assert_eq!(record["attributes"], json!({"logger": "CartsController#show"}));

        let record = parsed("Completed 500 Internal Server Error in 12ms (ActiveRecord: 1.2ms)");
        assert_eq!((&record["status_code"], &record["duration_ms"]), (&json!(500), &json!(12.0)));
        assert_eq!(record["severity_number"], 17);
    }

    #[test]
    fn with_ruby_s_frame_and_tags() {
        let id = "0f8fad5b-d9cb-469f-a165-70867728950e";
        let record = parsed(&format!(
            "I, [2024-12-19T10:30:15.123456 #42]  INFO -- : [{id}] Completed 200 OK in 3ms (Views: 1ms)"
        ));
        assert_eq!((&record["format"], &record["request_id"]), (&json!("rails"), &json!(id)));
        assert_eq!((&record["severity_text"], &record["attributes"]), (&json!("INFO"), &json!({"pid": 42})));
        assert_eq!(record["timestamp"], "2024-12-19T10:30:15.123Z");
        assert_eq!(record["message"], "Completed 200 OK in 3ms (Views: 1ms)");
        for other in [
            "Started the shop",
            "Completed 3 of 4",
            "Processing by hand",
            "[a] [b] c",
            "Completed 200 OK in a while",
        ] {
            assert_eq!(parsed(other)["format"], "text", "{other}");
        }
    }
}
