//! A line that its runtime cut at 16 KB without a mark, at any place of it.

use catchment_record::{RUNTIME_CUT_BYTES, redact};

use crate::{events, stitched, texts};

const NEXT: &str = "2026-11-21 07:00:01 INFO next";

/// Cuts `shift` characters further into the same text, for each of a whole period.
fn check(name: &str, head: &str, unit: &str) {
    for shift in 0..unit.len() {
        let body = unit.repeat(2 * RUNTIME_CUT_BYTES / unit.len());
        let line = format!("{head}{}{body}", unit.get(unit.len() - shift..).unwrap());
        let line = &line[..RUNTIME_CUT_BYTES + 2_000];
        let (cut, rest) = line.split_at(RUNTIME_CUT_BYTES);
        assert_eq!(texts(&[cut, rest, NEXT]), [line, NEXT], "{name}: {}", &rest[..60]);
    }
}

#[test]
fn the_rest_is_joined_wherever_the_line_was_cut() {
    check(
        "logfmt",
        "level=info ts=2026-11-21T07:00:00Z msg=a ",
        "user=bob dur=12 level=WARN path=/a/b?x=1 caller=x.go:12 at=2026-11-20 e=\"info: x\" ",
    );
    check("sql", "2026-11-21 07:00:00 INFO insert into t values ", "('user7', 42, '2026-11-20 06:05:04'),");
    check(
        "text",
        "2026-11-21 07:00:00 INFO ",
        "user status GET x WARN error 12 caller /a/b info 2026-11-20 at 10:20 ",
    );
    check("plain", "", "some words and error was 12 at 2026-11-20 of Nov 21 key=value 10.0.0.1 1763708400 ");
}

#[test]
fn a_secret_on_the_cut_is_joined_and_masked() {
    let head = format!("{}pass", "a".repeat(RUNTIME_CUT_BYTES - 5) + " ");
    let events = events(&[&head, "word=hunter2 y"]);
    let lines = stitched(&events);
    assert_eq!(lines.len(), 1);
    assert!(redact(&lines[0].text).text.ends_with("password=*** y"), "{}", lines.len());
}
