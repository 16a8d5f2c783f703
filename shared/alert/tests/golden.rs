//! Every form of every kind of message, as files in `tests/golden/`. After a
//! change that is wanted: `cargo test -p catchment-alert --test golden -- --ignored`,
//! and read what differs.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod messages_of;

use std::collections::BTreeMap;
use std::path::PathBuf;

use catchment_alert::amazon_q::amazon_q_notification;
use catchment_alert::email::{email_subject, email_text};
use catchment_alert::slack::slack_blocks;
use catchment_alert::slack_stand_in::refusal;
use catchment_alert::sms::sms_text;
use catchment_alert::webhook::webhook_body;
use serde_json::Value;

fn directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/golden")
}

fn pretty(json: &Value) -> String {
    serde_json::to_string_pretty(json).unwrap() + "\n"
}

/// File name and content.
fn files() -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for (name, message) in messages_of::golden() {
        let mut file = |kind: &str, text: String| files.insert(format!("{name}.{kind}"), text);
        file("email.txt", format!("Subject: {}\n\n{}", email_subject(&message), email_text(&message)));
        file("sms.txt", sms_text(&message) + "\n");
        file("slack.json", pretty(&slack_blocks(&message)));
        file("amazon_q.json", pretty(&amazon_q_notification(&message)));
        let body = webhook_body(&message, "2026-11-21T05:01:02Z");
        file("webhook.json", pretty(&serde_json::from_str(&body).unwrap()));
    }
    files
}

#[test]
fn every_form_is_as_in_its_file() {
    let files = files();
    for (name, text) in &files {
        let expected = std::fs::read_to_string(directory().join(name)).unwrap_or_default();
        assert!(*text == expected, "{name} is now:\n{text}");
    }
    let there = std::fs::read_dir(directory()).unwrap();
    let there: Vec<String> = there.map(|it| it.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(there.len(), files.len(), "files that no case has: {there:?}");
}

#[test]
#[ignore = "writes the files"]
fn write_the_files() {
    for (name, text) in files() {
        std::fs::write(directory().join(name), text).unwrap();
    }
}

#[test]
fn slack_takes_them_all() {
    for (name, message) in messages_of::golden() {
        assert_eq!(refusal(&slack_blocks(&message)), None, "{name}");
    }
}
