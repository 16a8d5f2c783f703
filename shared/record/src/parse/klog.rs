//! klog and glog: `E0102 15:04:05.678901    1234 file.go:12] message`.
//!
//! <https://github.com/kubernetes/klog/blob/main/klog.go>: `Lmmdd hh:mm:ss.uuuuuu
//! threadid file:line] msg`; glog of later versions writes the year, too.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::severity::letter_number;
use super::timestamp;
use crate::record::{Format, LogRecord};

/// Room for the attributes of most lines.
const ATTRIBUTES_BYTES: usize = 64;

/// Fills the record and returns true, or leaves it as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    let [b'I' | b'W' | b'E' | b'F' | b'D', b'0'..=b'9', b'0'..=b'9', ..] = text.as_bytes() else {
        return false;
    };
    read(text, record).is_some()
}

fn read<'a>(text: &'a str, record: &mut LogRecord<'a>) -> Option<()> {
    let (level, rest) = text.split_at_checked(1)?;
    let number = letter_number(*level.as_bytes().first()?)?;
    let found = timestamp::month_day(rest).or_else(|| timestamp::leading(rest))?;
    let rest = rest.get(found.len..)?.trim_start();
    let (thread, rest) = rest.split_once(' ')?;
    let (place, message) = rest.split_once(']')?;
    let (file, line) = place.rsplit_once(':')?;
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !is_number(thread) || !is_number(line) || file.contains(' ') {
        return None;
    }
    record.format = Format::Klog;
    record.believe(found.time);
    record.severity_text = Some(Cow::Borrowed(level));
    record.severity_number = Some(number);
    record.message = Cow::Borrowed(message.trim());
    let mut attributes = Attributes::resume(record.attributes.take(), ATTRIBUTES_BYTES);
    attributes.integer("pid", thread);
    attributes.text("file", file);
    attributes.integer("line_number", line);
    record.attributes = attributes.finish();
    Some(())
}

#[cfg(test)]
mod tests {
    use crate::parse::tests_support::parsed;
    use serde_json::json;

    #[test]
    fn klog_and_glog() {
        let record = parsed("E1219 10:30:15.678901    1234 cart.go:12] \"No drawer\" err=\"stuck\"");
        assert_eq!(record["format"], "klog");
        assert_eq!(record["timestamp"], "2024-12-19T10:30:15.678Z");
        assert_eq!((&record["severity_text"], &record["severity_number"]), (&json!("E"), &json!(17)));
        assert_eq!(record["message"], "\"No drawer\" err=\"stuck\"");
        assert_eq!(record["attributes"], json!({"pid": 1234, "file": "cart.go", "line_number": 12}));
        let glog = parsed("W20241219 10:30:15.678901  7 src/cart.cc:9] slow");
        assert_eq!((&glog["format"], &glog["message"]), (&json!("klog"), &json!("slow")));
        assert_eq!(glog["severity_number"], 13);
        for other in
            ["E1219", "I1219 10:30:15.6 x cart.go:12] m", "E1319 10:30:15.678901 1 a:1] m", "W12 of them"]
        {
            assert_ne!(parsed(other)["format"], "klog", "{other}");
        }
    }
}
