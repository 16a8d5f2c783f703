//! The words of a notification, and their limits.

use std::collections::BTreeMap;

use catchment_alert::AlertMessage;
use catchment_alert::message::{
    MAX_BLOCKS, MAX_HEADER_CHARS, MAX_SECTION_CHARS, MAX_SMS_CHARS, MAX_SUBJECT_CHARS, Status, email_subject,
    email_text, slack_blocks, sms_text,
};

fn message() -> AlertMessage {
    AlertMessage {
        id: "0123456789abcdef".into(),
        name: "LoginFailureBurst".into(),
        description: "9 failed logins within 5 minutes".into(),
        summary: "Many failed logins at auth-service".into(),
        severity: "warning".into(),
        status: Status::Firing,
        condition: "sum(x) > 5 & <y>".into(),
        threshold: Some(5.0),
        current_value: 9.0,
        labels: BTreeMap::from([("service".into(), "auth-service".into())]),
        annotations: BTreeMap::from([("runbook".into(), "https://example.com/login".into())]),
        triggered_at: "2026-11-21T05:01:00Z".into(),
        resolved_at: None,
        stack: "demo".into(),
    }
}

#[test]
fn the_email_says_what_since_when_how_much_and_what_to_do() {
    assert_eq!(email_subject(&message()), "[FIRING] warning: Many failed logins at auth-service");
    let text = email_text(&message());
    for part in [
        "9 failed logins within 5 minutes",
        "Since:     2026-11-21T05:01:00Z",
        "9 (threshold 5)",
        "service: auth-service",
        "runbook: https://example.com/login",
        "catchment query --stack demo --sql \"SELECT",
        "service = 'auth-service'",
        "TIMESTAMP '2026-11-21 04:01:00'",
        "stack demo",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
    let over = AlertMessage {
        status: Status::Resolved,
        resolved_at: Some("2026-11-21T06:31:00Z".into()),
        ..message()
    };
    assert!(email_text(&over).contains("Over at:   2026-11-21T06:31:00Z (after 1h30m)"));
    assert!(email_subject(&over).starts_with("[RESOLVED]"));
}

#[test]
fn the_command_to_paste_carries_no_text_that_a_shell_or_sql_would_run() {
    for service in ["$(id)", "`id`", "a\"; id #", "a\\", "a' OR '1'='1", "a\nid", "!!", "a b", "é", ""] {
        let labels = BTreeMap::from([("service".into(), service.into())]);
        let command = AlertMessage { labels, ..message() }.query_command();
        let none = AlertMessage { labels: BTreeMap::new(), ..message() }.query_command();
        assert_eq!(command, none, "{service}");
    }
    let labels = BTreeMap::from([("service".into(), "team-1/auth_service.v2".into())]);
    let command = AlertMessage { labels, ..message() }.query_command();
    assert!(command.contains(" AND service = 'team-1/auth_service.v2' AND "), "{command}");
    assert!(!AlertMessage { stack: "$(id)".into(), ..message() }.query_command().contains("id)"));
}

#[test]
fn lines_stay_lines_and_limits_are_kept() {
    let long = AlertMessage { summary: "line\nbreak ".repeat(60), ..message() };
    for (text, limit) in [(email_subject(&long), MAX_SUBJECT_CHARS), (sms_text(&long), MAX_SMS_CHARS)] {
        assert_eq!(text.chars().count(), limit);
        assert!(text.ends_with('…') && !text.contains('\n'));
    }
    assert_eq!(sms_text(&message()), "FIRING warning: Many failed logins at auth-service - 9 (threshold 5)");
}

#[test]
fn slack_gets_blocks_within_its_limits() {
    let body = slack_blocks(&message());
    assert_eq!(body["attachments"][0]["color"], "#ecb22e");
    assert!(body.to_string().contains("```sum(x) &gt; 5 &amp; &lt;y&gt;```"));
    let pinging = AlertMessage { summary: "<!channel> & <@U1>".into(), ..message() };
    assert_eq!(slack_blocks(&pinging)["text"], "FIRING: &lt;!channel&gt; &amp; &lt;@U1&gt;");

    let huge = AlertMessage {
        summary: "s".repeat(2_000),
        description: "&".repeat(2_000),
        condition: "<".repeat(2_000),
        labels: (0..20).map(|n| (format!("l{n}"), "é".repeat(2_000))).collect(),
        ..message()
    };
    let body = slack_blocks(&huge);
    let blocks = body["attachments"][0]["blocks"].as_array().unwrap();
    assert!(blocks.len() <= MAX_BLOCKS);
    let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"]["text"].as_str()).collect();
    assert_eq!(texts[0].chars().count(), MAX_HEADER_CHARS);
    assert!(texts.iter().all(|text| text.chars().count() <= MAX_SECTION_CHARS));
    for text in texts.iter().filter(|text| text.starts_with("```")) {
        assert!(text.ends_with("```"), "a code block is closed");
    }
}
