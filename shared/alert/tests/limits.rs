//! The limits of what is told, each at its edge.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod messages_of;

use catchment_alert::amazon_q::{MAX_CONTEXT, MAX_TITLE_CHARS, amazon_q_notification};
use catchment_alert::email::{MAX_SUBJECT_CHARS, email_subject};
use catchment_alert::message::{
    MAX_FIELDS, MAX_LABEL_CHARS, MAX_SAMPLE_CHARS, MAX_SAMPLES, MAX_SERIES, Status,
};
use catchment_alert::slack::{MAX_HEADER_CHARS, slack_blocks};
use catchment_alert::sms::{MAX_GSM_UNITS, MAX_UCS2_UNITS, sms_text};
use catchment_alert::{AlertMessage, Labels, News, Origin, RuleFile, RuleSet, SeriesNews};

fn one() -> AlertMessage {
    messages_of::golden().remove(0).1
}

fn about(summary: String) -> AlertMessage {
    AlertMessage { summary, series: Vec::new(), ..one() }
}

/// The message about these series of `sum by (..) (..)`.
fn told(selector: &str, series: &[Labels], samples: Vec<String>) -> AlertMessage {
    let text = format!(
        "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: |\n      count_over_time({{{selector}}}[5m]) > 5\n"
    );
    let rules = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap();
    let group = &rules.groups()[0];
    let series = series.iter().map(|series| SeriesNews {
        series,
        value: 6.0,
        peak: None,
        fired_at_ms: 0,
        resolved_at_ms: None,
    });
    let news = News {
        group,
        rule: &group.rules[0],
        id: "id".into(),
        status: Status::Firing,
        series: series.collect(),
        samples,
        log_groups: Vec::new(),
        at_ms: 0,
        origin: &Origin { stack: "demo".into(), region: "eu-west-1".into() },
    };
    news.message()
}

fn label(name: &str, value: String) -> Labels {
    Labels::new(vec![(name.to_owned(), value)])
}

#[test]
fn the_subject_of_an_email() {
    let room = MAX_SUBJECT_CHARS - "[FIRING] critical: ".len();
    assert_eq!(email_subject(&about("é".repeat(room))).chars().count(), MAX_SUBJECT_CHARS);
    assert!(!email_subject(&about("é".repeat(room))).ends_with('…'));
    let cut = email_subject(&about("é".repeat(room + 1)));
    assert!(cut.ends_with("é…") && cut.chars().count() == MAX_SUBJECT_CHARS, "{cut}");
}

#[test]
fn one_sms_in_either_alphabet() {
    let before = "FIRING critical: ".len();
    let gsm = |units: usize| sms_text(&about("a".repeat(units - before)));
    assert_eq!(gsm(MAX_GSM_UNITS), format!("FIRING critical: {}", "a".repeat(MAX_GSM_UNITS - before)));
    let cut = gsm(MAX_GSM_UNITS + 1);
    assert!(cut.len() == MAX_GSM_UNITS && cut.ends_with("a..."), "{cut}");
    // Two units each: the extension of the alphabet.
    let euros = sms_text(&about("€".repeat(80)));
    assert_eq!(euros.chars().count(), before + (MAX_GSM_UNITS - before - 3) / 2 + 3);

    let ucs2 = |units: usize| sms_text(&about("ж".repeat(units - before)));
    assert_eq!(ucs2(MAX_UCS2_UNITS).chars().count(), MAX_UCS2_UNITS);
    assert!(!ucs2(MAX_UCS2_UNITS).ends_with('…'));
    let cut = ucs2(MAX_UCS2_UNITS + 1);
    assert!(cut.chars().count() == MAX_UCS2_UNITS && cut.ends_with("ж…"), "{cut}");
    // What is told last is how bad it is: the words in the middle give way.
    let long = AlertMessage { summary: "word ".repeat(60), ..one() };
    assert!(sms_text(&long).ends_with("... - 14, 2.8 times the threshold of 5"), "{}", sms_text(&long));
}

#[test]
fn the_header_of_slack_and_the_title_of_amazon_q() {
    let header = |chars: usize| {
        let body = slack_blocks(&about("x".repeat(chars - "FIRING: ".len())));
        body["blocks"][0]["text"]["text"].as_str().unwrap().to_owned()
    };
    assert!(!header(MAX_HEADER_CHARS).ends_with('…'));
    let cut = header(MAX_HEADER_CHARS + 1);
    assert!(cut.ends_with("x…") && cut.chars().count() == MAX_HEADER_CHARS, "{cut}");

    let notification = amazon_q_notification(&about("x".repeat(500)));
    assert!(notification["content"]["title"].as_str().unwrap().chars().count() <= MAX_TITLE_CHARS);
    let labels = |count: usize| {
        let labels = (0..count).map(|n| (format!("l{n}"), "x".to_owned())).collect();
        amazon_q_notification(&AlertMessage { labels, ..one() })["metadata"]["additionalContext"].clone()
    };
    assert_eq!(labels(MAX_CONTEXT + 1).as_object().unwrap().len(), MAX_CONTEXT);
}

#[test]
fn series_labels_and_samples_of_a_message() {
    let many = |count: usize| (0..count).map(|n| label("service", format!("s{n}"))).collect::<Vec<_>>();
    let told_of = |count| told("a=\"b\"", &many(count), Vec::new());
    assert_eq!((told_of(MAX_SERIES).series.len(), told_of(MAX_SERIES).more), (MAX_SERIES, 0));
    assert_eq!((told_of(MAX_SERIES + 1).series.len(), told_of(MAX_SERIES + 1).more), (MAX_SERIES, 1));

    let value = |chars: usize| {
        let message = told("a=\"b\"", &[label("service", "x".repeat(chars))], Vec::new());
        message.labels["service"].clone()
    };
    assert_eq!(value(MAX_LABEL_CHARS), "x".repeat(MAX_LABEL_CHARS));
    assert_eq!(value(MAX_LABEL_CHARS + 1), "x".repeat(MAX_LABEL_CHARS - 1) + "…");

    let wide = |count: usize| {
        let labels = Labels::new((0..count).map(|n| (format!("l{n:02}"), "x".to_owned())).collect());
        told("a=\"b\"", &[labels], Vec::new()).labels.len()
    };
    assert_eq!((wide(MAX_FIELDS), wide(MAX_FIELDS + 1)), (MAX_FIELDS, MAX_FIELDS));

    let samples = |count: usize, chars| told("a=\"b\"", &[], vec!["y".repeat(chars); count]).samples;
    assert_eq!(samples(MAX_SAMPLES + 1, 1).len(), MAX_SAMPLES);
    assert_eq!(samples(1, MAX_SAMPLE_CHARS)[0], "y".repeat(MAX_SAMPLE_CHARS));
    assert!(samples(1, MAX_SAMPLE_CHARS + 1)[0].ends_with("y…"));
}

#[test]
fn a_link_that_would_be_too_long_is_left_out() {
    // 50 log groups is what a query of Logs Insights takes.
    let groups = |count: usize| {
        let series: Vec<Labels> = (0..count).map(|n| label("log_group", format!("g{n}"))).collect();
        told("a=\"b\"", &series, Vec::new()).links.console.is_some()
    };
    assert!(groups(50) && !groups(51));
    let command =
        |chars: usize| told("a=\"b\"", &[label("service", "x".repeat(chars))], Vec::new()).links.command;
    assert!(command(1_000).unwrap().contains("service"));
    let without = command(3_000).unwrap();
    assert!(without.contains("'{a=\"b\"}'"), "the labels are left out first: {without}");
    assert_eq!(told(&format!("a=\"{}\"", "x".repeat(3_000)), &[], Vec::new()).links.command, None);
}
