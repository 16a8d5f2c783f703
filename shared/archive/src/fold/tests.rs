//! Whatever is folded comes back byte for byte.

use proptest::prelude::*;
use proptest::sample::Index;

use super::*;

/// The row, folded after others and put together again.
fn check(rows: &[StoredRow<'_>]) {
    let mut folder = Folder::new();
    for row in rows {
        let stored = folder.fold_row(row);
        let line = row.line.unwrap_or_default();
        assert_eq!(stored.line(), row.line(), "{stored:?}");
        assert_eq!(stored.message(), row.message(), "{stored:?}");
        assert_eq!(stored.event_id().as_deref(), row.event_id, "{stored:?}");
        assert_eq!(stored.more_event_ids().as_deref(), row.more_event_ids, "{stored:?}");
        assert_eq!(stored.time_unix_nano(), row.time_unix_nano(), "{stored:?}");
        assert_eq!(stored.observed_millis(), row.observed_millis(), "{stored:?}");
        // A placeholder is two bytes, for one at least.
        assert!(stored.line.unwrap_or_default().len() <= 2 * line.len(), "{stored:?}");
        let again = Folder::new().fold_row(&stored).line().into_owned();
        assert_eq!(again, row.line(), "folded twice");
    }
}

fn bare(line: &str, message: &str) -> String {
    without_message(line, message, &mut "what was there before".to_owned()).to_owned()
}

fn fold_line(row: &StoredRow<'_>) -> String {
    Folder::new().fold_row(row).line.unwrap_or_default().replace('\u{1a}', "^")
}

#[test]
fn a_json_line_keeps_what_no_column_says() {
    let row = StoredRow {
        timestamp: Some(1_773_397_815_045),
        message: Some("paid \"in full\""),
        trace_id: Some("0af7651916cd43dd8448eb211c80319c"),
        user_id: Some("u-12"),
        status_code: Some(200),
        severity_text: Some("info"),
        line: Some(concat!(
            r#"{"time":"2026-03-13T10:30:15.045Z","level":"info","msg":"paid \"in full\"","user":"u-12","#,
            r#""users":"u-123","trace":"0af7651916cd43dd8448eb211c80319c","status":200,"items":2001}"#
        )),
        ..StoredRow::default()
    };
    check(&[row.clone(), row.clone()]);
    assert_eq!(
        fold_line(&row),
        r#"{"time":"2026-03-13T^i.^fZ","level":"^l","msg":"^j","user":"^u","users":"u-123","trace":"^t","status":^c,"items":2001}"#
    );
}

#[test]
fn an_access_line_is_nothing_but_placeholders() {
    let row = StoredRow {
        timestamp: Some(1_773_397_815_000),
        message: Some("GET /a/b 200"),
        http_method: Some("GET"),
        path: Some("/a/b"),
        status_code: Some(200),
        attributes: Some(r#"{"client_ip":"10.1.2.3","bytes":5123,"agent":"okhttp"}"#),
        line: Some(r#"10.1.2.3 - - [13/Mar/2026:10:30:15 +0000] "GET /a/b HTTP/1.1" 200 5123 "okhttp""#),
        ..StoredRow::default()
    };
    check(std::slice::from_ref(&row));
    assert_eq!(fold_line(&row), r#"^D - - [13/Mar/2026:^i +0000] "^h ^p HTTP/1.1" ^c ^G "^J""#);
    assert_eq!(Folder::new().fold_row(&row).message.unwrap(), "\u{1a}h \u{1a}p \u{1a}c");
}

#[test]
fn a_line_without_its_message_loses_the_rest() {
    let line = "2026-03-13 10:30:15.045 INFO [main-1] paid in full by u-12 main-1";
    let message = line.get(38..58).unwrap();
    let stored = bare(line, message);
    assert_eq!(stored, "2026-03-13 10:30:15.045 INFO [main-1] \u{1a}m main-1");
    let row = StoredRow {
        timestamp: Some(1_773_397_815_045),
        message: Some(message),
        user_id: Some("u-12"),
        severity_text: Some("INFO"),
        attributes: Some(r#"{"thread":"main-1"}"#),
        line: Some(&stored),
        ..StoredRow::default()
    };
    check(&[row.clone(), row.clone()]);
    assert_eq!(fold_line(&row), "2026-03-13 ^i.^f ^l [^D] ^m main-1");
    assert_eq!(bare(line, "paid in full by u-12"), line, "of elsewhere");
    let short = "ab";
    assert_eq!(bare(short, short), "ab");
}

#[test]
fn no_text_is_found_over_the_placeholder_of_the_message() {
    let line = "a paid mb mb";
    let message = line.get(2..6).unwrap();
    let stored = bare(line, message);
    assert_eq!(stored, "a \u{1a}m mb mb");
    for text in ["m mb", "a \u{1a}", " \u{1a}m", "\u{1a}m mb", "mb mb"] {
        let row = StoredRow {
            message: Some("paid"),
            path: Some(text),
            line: Some(&stored),
            ..StoredRow::default()
        };
        check(&[row.clone(), row.clone()]);
        assert!(fold_line(&row).starts_with("a ^m "), "{text}");
    }
}

#[test]
fn texts_are_found_in_lines_of_any_length() {
    for length in [encode::MAX_SHORT, encode::MAX_SHORT + 1] {
        let line = format!("{:>length$}", "id=rreq-1 req-12345678");
        let row = StoredRow { request_id: Some("req-12345678"), line: Some(&line), ..StoredRow::default() };
        check(std::slice::from_ref(&row));
        assert!(fold_line(&row).ends_with(" id=rreq-1 ^r"), "{length}");
    }
}

#[test]
fn a_distinctive_text_is_left_out_wherever_it_stands() {
    let line = |order: [&str; 3]| order.join(" ");
    let lines = [line(["id=req-12345678", "x", "y"]), line(["x", "id=req-12345678", "req-12345678"])];
    let rows = lines.each_ref().map(|line| StoredRow {
        request_id: Some("req-12345678"),
        line: Some(line),
        ..StoredRow::default()
    });
    check(&rows);
    let mut folder = Folder::new();
    for row in &rows {
        assert!(!folder.fold_row(row).line.unwrap().contains("req-"), "{row:?}");
    }
}

#[test]
fn a_marker_of_the_lines_own_is_no_placeholder() {
    for (line, message) in [("\u{1a}0", "\u{1a}0"), ("\u{1a}0m of m", "m"), ("a m", "m\u{1a}0")] {
        let row = StoredRow { line: Some(line), message: Some(message), ..StoredRow::default() };
        check(&[row]);
    }
    let row = StoredRow { line: Some("\u{1a}0m"), ..StoredRow::default() };
    assert_eq!(row.line(), "\u{1a}m");
    // What no version has written is nothing.
    let row = StoredRow { line: Some("a\u{1a}q\u{1a}éb\u{1a}"), ..StoredRow::default() };
    assert_eq!(row.line(), "ab");
}

#[test]
fn ids_of_a_batch_come_back() {
    // AWS's example plus 5, plus 7 and plus 2^64.
    let id = |low: &str| format!("319531066069669833788090250798042{low}");
    let (first, second, other) =
        (id("11143289615424298221573"), id("11143289615424298221575"), id("11161736359498007773184"));
    let more = format!("{second},{other},x");
    for observed in [Some(1_432_826_855_000), Some(1), None] {
        let row = StoredRow {
            observed_timestamp: observed,
            event_id: Some(&first),
            more_event_ids: Some(&more),
            ..StoredRow::default()
        };
        check(std::slice::from_ref(&row));
        let mut folder = Folder::new();
        let stored = folder.fold_row(&row);
        let is_known = observed == Some(1_432_826_855_000);
        assert_eq!(stored.event_index, is_known.then_some(5));
        assert_eq!(stored.event_batch, is_known.then_some("1732181997039426805772632275426541568"));
        let expected = if is_known { format!("+2,{other},x") } else { more.clone() };
        assert_eq!(stored.more_event_ids, Some(expected.as_str()));
    }
}

/// Texts that are empty, equal, nested in each other and repeated, more often than not.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[abm]{0,3}",
        "[a0:\"\\\\,{}\u{1a}é]{0,12}",
        Just("0af7651916cd43dd".to_owned()),
        Just("x0af7651916cd43dd".to_owned()),
        Just("10:30:15".to_owned()),
        Just("10:30:15.045".to_owned()),
        Just("200".to_owned()),
        ".{0,20}",
    ]
}

type Texts = (Vec<Option<String>>, Vec<String>, Option<i64>, Option<i32>, Option<(Index, Index)>);

fn texts() -> impl Strategy<Value = Texts> {
    (
        proptest::collection::vec(proptest::option::of(text()), 9),
        proptest::collection::vec(text(), 0..6),
        proptest::option::of(prop_oneof![Just(1_773_397_815_045), any::<i64>()]),
        proptest::option::of(prop_oneof![Just(200), any::<i32>()]),
        proptest::option::of(any::<(Index, Index)>()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]
    #[test]
    fn any_row_comes_back(all in proptest::collection::vec(texts(), 1..12)) {
        let made: Vec<_> = all
            .iter()
            .map(|(columns, pieces, time, status, piece)| {
                // The line is made of the columns, with something between.
                let mut line = String::new();
                for (i, piece) in pieces.iter().enumerate() {
                    line.push_str(piece);
                    line.push_str(columns[i % 9].as_deref().unwrap_or(" "));
                }
                let attributes = format!("{{\"a\":\"{}\",\"b\":200,\"c\":\"{}\"}}", pieces.concat(), line);
                (columns, line, attributes, time, status, piece)
            })
            .collect();
        let escaped: Vec<_> = made
            .iter()
            .map(|(columns, line, .., piece)| {
                // The message is a column, or a piece of the line.
                let Some((start, end)) = piece else {
                    return (escape_line(line), escape_line(columns[0].as_deref().unwrap_or_default()));
                };
                let ends: Vec<_> = line.char_indices().map(|(at, _)| at).chain([line.len()]).collect();
                let (start, end) = (*start.get(&ends), *end.get(&ends));
                let message = line.get(start.min(end)..start.max(end)).unwrap();
                (bare(line, message).into(), escape_line(message))
            })
            .collect();
        let rows: Vec<_> = made
            .iter()
            .zip(&escaped)
            .map(|((columns, _, attributes, time, status, _), (line, message))| StoredRow {
                timestamp: **time,
                time_unix_nano: time.map(|time| time.wrapping_mul(1_000_000)),
                observed_timestamp: time.map(|time| time / 2),
                message: Some(message),
                trace_id: columns[1].as_deref(),
                span_id: columns[2].as_deref(),
                request_id: columns[3].as_deref(),
                user_id: columns[4].as_deref(),
                path: columns[5].as_deref(),
                severity_text: columns[6].as_deref(),
                http_method: columns[7].as_deref(),
                event_name: columns[8].as_deref(),
                status_code: **status,
                attributes: Some(attributes),
                line: Some(line),
                ..StoredRow::default()
            })
            .collect();
        for (row, (_, line, ..)) in rows.iter().zip(&made) {
            assert_eq!(row.line(), line.as_str());
        }
        check(&rows);
    }
}
