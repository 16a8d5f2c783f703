//! Slack's stand-in refuses what Slack refuses, and nothing that we send.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod messages_of;

use catchment_alert::amazon_q::{MAX_DESCRIPTION_CHARS, amazon_q_notification};
use catchment_alert::email::{MAX_SUBJECT_CHARS, email_subject, email_text};
use catchment_alert::slack::slack_blocks;
use catchment_alert::slack_stand_in::refusal;
use catchment_alert::sms::{MAX_UCS2_UNITS, sms_text};
use proptest::prelude::*;
use serde_json::{Value, json};

/// `{"repeat": [what, times]}`, written out.
fn written_out(value: &Value) -> Value {
    if let Some([what, times]) = value.get("repeat").and_then(Value::as_array).map(Vec::as_slice) {
        let times = usize::try_from(times.as_u64().unwrap()).unwrap();
        return match written_out(what) {
            Value::String(text) => json!(text.repeat(times)),
            what => json!(vec![what; times]),
        };
    }
    match value {
        Value::Object(fields) => fields.iter().map(|(name, it)| (name.clone(), written_out(it))).collect(),
        Value::Array(items) => items.iter().map(written_out).collect(),
        other => other.clone(),
    }
}

#[test]
fn the_stand_in_has_slacks_limits() {
    let file: Value = serde_json::from_str(include_str!("slack_limits.json")).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 40);
    for case in cases {
        assert_eq!(refusal(&written_out(&case["body"])), case["refusal"].as_str(), "{}", case["is"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn no_message_makes_a_body_that_its_reader_refuses(message in messages_of::anything()) {
        let body = slack_blocks(&message);
        prop_assert_eq!(refusal(&body), None, "{}", body);

        let subject = email_subject(&message);
        prop_assert!(subject.chars().count() <= MAX_SUBJECT_CHARS, "{}", subject);
        prop_assert!(subject.starts_with('[') && !subject.contains(char::is_control), "{}", subject);
        let text = email_text(&message);
        prop_assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{:?}", text);

        let sms = sms_text(&message);
        prop_assert!(sms.chars().count() <= 160, "{}", sms);
        prop_assert!(sms.is_ascii() || sms.chars().count() <= 160, "{}", sms);
        if sms.chars().any(|c| c > '\u{3a9}' && c != '€') {
            prop_assert!(sms.encode_utf16().count() <= MAX_UCS2_UNITS, "{}", sms);
        }

        let notification = amazon_q_notification(&message);
        prop_assert_eq!(&notification["version"], "1.0");
        let description = notification["content"]["description"].as_str().unwrap();
        prop_assert!(description.chars().count() <= MAX_DESCRIPTION_CHARS, "{}", description.len());
        prop_assert!(!notification.to_string().contains("<!"), "{}", notification);
    }

    #[test]
    fn json_reads_back(message in messages_of::anything()) {
        let written = json!(message);
        let read: catchment_alert::AlertMessage = serde_json::from_value(written.clone()).unwrap();
        prop_assert_eq!(json!(read), written);
    }
}
