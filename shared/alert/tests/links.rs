//! What is told to be pasted into a shell or clicked on, though parts of it come
//! from log lines.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

use std::process::Command;

use catchment_alert::message::Status;
use catchment_alert::{AlertMessage, Labels, News, Origin, RuleFile, RuleSet, SeriesNews};

fn labels(name: &str, value: &str) -> Labels {
    Labels::new(vec![(name.into(), value.into())])
}

fn told(expr: &str, series: &Labels) -> AlertMessage {
    let text = format!("groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      {expr}\n");
    let rules = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap();
    let group = &rules.groups()[0];
    let news = News {
        group,
        rule: &group.rules[0],
        id: "id".into(),
        status: Status::Firing,
        series: vec![SeriesNews { series, value: 6.0, peak: None, fired_at_ms: 0, resolved_at_ms: None }],
        samples: Vec::new(),
        log_groups: Vec::new(),
        at_ms: 0,
        origin: &Origin { stack: "demo".into(), region: "eu-west-1".into() },
    };
    news.message()
}

/// The words a shell makes of the command.
fn words(command: &str) -> Vec<String> {
    let script = command.replacen("catchment", "printf '%s\\0'", 1);
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    assert!(output.stderr.is_empty(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.trim_end_matches('\0').split('\0').map(str::to_owned).collect()
}

#[test]
fn a_shell_sees_one_word_whatever_the_label_is() {
    let expr = r#"sum by (service) (count_over_time({env="prod"} |= "it's" [5m])) > 5"#;
    for service in [
        "auth",
        "a b",
        "$(id)",
        "`id`",
        "'; touch /tmp/x; '",
        "a\"; id #",
        "a\\",
        "!!",
        "a\nb",
        "\u{1b}[31m",
        "é🔥",
        "\u{202e}x",
        "{}",
        "|",
    ] {
        let message = told(expr, &labels("service", service));
        let command = message.links.command.unwrap();
        assert!(!command.contains(|c: char| c.is_control() || c == '\u{202e}'), "{command:?}");
        let words = words(&command);
        assert_eq!(words[..3], ["query", "--stack", "demo"], "{command}");
        assert_eq!(words[4..], ["--from", "1969-12-31T23:54:00Z", "--to", "1970-01-01T00:01:00Z"]);
        let wanted = format!(r#"{{env="prod"}} |= "it's" | service={}"#, serde_json::json!(service));
        let parsed = catchment_logql::parse(&words[3]).unwrap();
        assert_eq!(parsed, catchment_logql::parse(&wanted).unwrap(), "{command}");
    }
}

#[test]
fn a_label_that_the_selector_asks_for_is_not_asked_for_twice() {
    let message = told(r#"count_over_time({service="api"}[5m]) > 5"#, &labels("service", "api"));
    assert_eq!(words(&message.links.command.unwrap())[3], r#"{service="api"}"#);
}

/// The console's own reading: `$` is `%`, decoded twice, then JSURL.
fn decoded(url: &str) -> String {
    let (_, detail) = url.split_once("$3FqueryDetail$3D").unwrap();
    let detail = detail.replace("$25", "%");
    let mut out = String::new();
    let mut units = Vec::new();
    let mut rest = detail.as_str();
    let hex = |text: &str, from: usize, to: usize| u16::from_str_radix(&text[from..to], 16).unwrap();
    while let Some(c) = rest.chars().next() {
        let (unit, taken) = match c {
            '%' => (hex(rest, 1, 3), 3),
            '*' if rest.starts_with("**") => (hex(rest, 2, 6), 6),
            '*' => (hex(rest, 1, 3), 3),
            c => (u16::try_from(u32::from(c)).unwrap(), 1),
        };
        units.push(unit);
        rest = &rest[taken..];
    }
    out.push_str(&String::from_utf16(&units).unwrap());
    out
}

#[test]
fn the_console_opens_with_the_query() {
    let expr =
        r#"sum by (log_group) (count_over_time({env="prod"} |= "a \"b\"" != "ü🔥" |~ "x/y|z" [5m])) > 5"#;
    let message = told(expr, &labels("log_group", "/ecs/a'b"));
    let url = message.links.console.unwrap();
    assert!(
        url.starts_with("https://eu-west-1.console.aws.amazon.com/cloudwatch/home?region=eu-west-1#logsV2:")
    );
    assert!(url.chars().all(|c| c.is_ascii_alphanumeric() || ":/.?=#-$*_".contains(c)), "{url}");
    let query = "fields @timestamp, @message, @logStream\n| filter @message like \"a \\\"b\\\"\"\n| filter not (@message like \"ü🔥\")\n| filter @message like /x\\/y|z/\n| sort @timestamp desc\n| limit 1000";
    let expected = format!(
        "~(end~'1970-01-01T00:01:00.000Z~start~'1969-12-31T23:54:00.000Z~timeType~'ABSOLUTE~tz~'UTC~editorString~'{query}~source~(~'/ecs/a'b))"
    );
    assert_eq!(decoded(&url), expected);
}

#[test]
fn without_a_log_group_or_a_region_there_is_no_console() {
    let count = |selector: &str| format!("sum(count_over_time({{{selector}}}[5m])) > 5");
    assert_eq!(told(&count("a=\"b\""), &Labels::default()).links.console, None);
    let known = told(&count("log_group=\"/ecs/x\""), &Labels::default()).links.console.unwrap();
    assert!(decoded(&known).ends_with("source~(~'/ecs/x))"));
}
