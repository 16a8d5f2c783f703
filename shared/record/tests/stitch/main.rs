//! Stitching as a user meets it: events in, lines out.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice)]

use catchment_record::{
    CONTINUES_EARLIER, LogEvent, MAX_GAP_MILLIS, MAX_STITCHED_BYTES, MAX_STITCHED_EVENTS, REST_IS_MISSING,
    RUNTIME_CUT_BYTES, StitchConfig, StitchedLine, Stitcher,
};
use proptest::prelude::*;

mod cuts;
mod keys;
mod traces;

use traces::{JAVA, JAVA_UNCAUGHT, LOG_LINES, TRACES};

fn events<'a>(messages: &[&'a str]) -> Vec<LogEvent<'a>> {
    messages.iter().map(|message| event(message, 0)).collect()
}

fn event(message: &str, timestamp: i64) -> LogEvent<'_> {
    LogEvent { id: "1".into(), timestamp, message: message.into() }
}

fn texts(messages: &[&str]) -> Vec<String> {
    let events = events(messages);
    stitched(&events).into_iter().map(|line| line.text.into_owned()).collect()
}

fn stitched<'a>(events: &'a [LogEvent<'a>]) -> Vec<StitchedLine<'a>> {
    let lines = Stitcher::default().stitch("/ecs/shop", events);
    let mut seen: Vec<usize> =
        lines.iter().flat_map(|line| std::iter::once(line.first).chain(line.more.iter().copied())).collect();
    assert!(lines.windows(2).all(|pair| pair[0].first < pair[1].first));
    seen.sort_unstable();
    assert_eq!(seen, (0..events.len()).collect::<Vec<_>>(), "each event in exactly one line");
    lines
}

fn configured(yaml: &str) -> Stitcher {
    let mut faults = Vec::new();
    let stitcher = Stitcher::new(&serde_saphyr::from_str::<StitchConfig>(yaml).unwrap(), &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    stitcher
}

#[test]
fn a_trace_is_one_line_between_any_others() {
    for (name, trace) in TRACES {
        for other in LOG_LINES {
            let mut messages = vec![other];
            messages.extend(trace.lines());
            messages.extend([other, other]);
            assert_eq!(texts(&messages), [other, trace, other, other], "{name}, {other}");
        }
    }
}

#[test]
fn two_traces_are_two_lines() {
    for (first, a) in TRACES {
        for (second, b) in TRACES {
            let messages: Vec<&str> = a.lines().chain(b.lines()).collect();
            assert_eq!(texts(&messages), [a, b], "{first}, {second}");
        }
    }
}

#[test]
fn a_batch_that_ends_inside_a_trace_gives_two_records_and_says_so() {
    for (name, trace) in TRACES {
        let messages: Vec<&str> = trace.lines().collect();
        for cut in 1..messages.len() {
            let (head, tail) = messages.split_at(cut);
            let events = events(head);
            let lines = stitched(&events);
            assert_eq!(lines.len(), 1, "{name}, head of {cut}");
            assert_eq!(lines[0].incomplete, None, "{name}, {cut}: a head looks like a short trace");
            assert_eq!(texts(tail).join("\n"), tail.join("\n"), "{name}, {cut}");
        }
    }
    let java: Vec<&str> = JAVA.lines().collect();
    for cut in 2..java.len() {
        let tail = events(&java[cut..]);
        let lines = stitched(&tail);
        assert_eq!(lines.len(), 1, "{cut}");
        assert_eq!(lines[0].incomplete, Some(CONTINUES_EARLIER), "{cut}");
    }
}

#[test]
fn frames_never_join_a_line_of_json() {
    let json = r#"{"level":"error","msg":"cannot add"}"#;
    let frames = "\tat com.shop.Cart.add(Cart.java:12)\n\tat com.shop.Main.main(Main.java:3)";
    let messages: Vec<&str> = std::iter::once(json).chain(frames.lines()).collect();
    assert_eq!(texts(&messages), [json, frames]);
}

#[test]
fn an_exception_joins_only_a_line_of_trouble() {
    let header = "java.lang.IllegalStateException: closed";
    assert_eq!(texts(&["2026-11-21 07:00:00 WARN retrying", header]).len(), 1);
    assert_eq!(texts(&["2026-11-21 07:00:00 INFO started", header]).len(), 2);
    assert_eq!(texts(&["started", header]).len(), 2);
}

#[test]
fn indented_lines_join_only_where_it_is_safe() {
    for (messages, lines) in [
        (&["2026-11-21 07:00:00 INFO a", "  b"][..], 1),
        (&["usage:", "  b"], 2),
        (&["2026-11-21 07:00:00 INFO a", "  2026-11-21 07:00:00 INFO b"], 2),
        (&["INFO a", "   WARN b"], 2),
        (&["  a", "  b"], 2),
        (&["2026-11-21 07:00:00 INFO a", "", "b"], 3),
    ] {
        assert_eq!(texts(messages).len(), lines, "{messages:?}");
    }
}

#[test]
fn traces_inside_wrappers_come_out_as_one_wrapper() {
    let cri = |text: &str| format!("2026-11-21T07:00:00.1Z stderr F {text}");
    let docker = |text: &str| {
        serde_json::json!({"log": format!("{text}\n"), "stream": "stderr", "time": "t"}).to_string()
    };
    let fluent =
        |text: &str| serde_json::json!({"container_id": "c", "log": text, "source": "stderr"}).to_string();
    for (name, trace) in TRACES {
        for wrap in [&cri as &dyn Fn(&str) -> String, &docker, &fluent] {
            // Without indentation: what a wrapper has is one line of JSON, or text.
            let owned: Vec<String> = trace.lines().map(wrap).collect();
            let messages: Vec<&str> = owned.iter().map(String::as_str).collect();
            assert_eq!(texts(&messages), [wrap(trace)], "{name}");
        }
    }
}

#[test]
fn streams_that_the_wrapper_names_do_not_interrupt_each_other() {
    let of = |stream: &str, text: &str| format!("2026-11-21T07:00:00.1Z {stream} F {text}");
    let owned: Vec<String> = JAVA_UNCAUGHT
        .lines()
        .flat_map(|line| [of("stderr", line), of("stdout", "2026-11-21 07:00:00 INFO ready")])
        .collect();
    let messages: Vec<&str> = owned.iter().map(String::as_str).collect();
    let lines = texts(&messages);
    assert_eq!(lines[0], of("stderr", JAVA_UNCAUGHT));
    assert_eq!(lines.len(), 1 + JAVA_UNCAUGHT.lines().count());
}

#[test]
fn marked_fragments_are_one_line_again() {
    for (fragments, whole) in [
        (
            vec![
                "2026-11-21T07:00:00.1Z stdout P {\"a\":",
                "2026-11-21T07:00:00.1Z stderr F other",
                "2026-11-21T07:00:00.2Z stdout P \"b",
                "2026-11-21T07:00:00.3Z stdout F c\"}",
            ],
            "2026-11-21T07:00:00.1Z stdout F {\"a\":\"bc\"}",
        ),
        (
            vec![
                r#"{"log":"{\"a\":","stream":"stdout","time":"t1"}"#,
                r#"{"log":"other\n","stream":"stderr","time":"t1"}"#,
                r#"{"log":"\"b\"}\n","stream":"stdout","time":"t2"}"#,
            ],
            r#"{"log":"{\"a\":\"b\"}\n","stream":"stdout","time":"t1"}"#,
        ),
        (
            vec![
                r#"{"log":"a","source":"stdout","partial_message":"true","partial_id":"1","partial_ordinal":"1","partial_last":"false"}"#,
                r#"{"log":"other","source":"stderr","container_id":"c"}"#,
                r#"{"log":"b","source":"stdout","partial_message":"true","partial_id":"1","partial_ordinal":"2","partial_last":"true"}"#,
            ],
            r#"{"log":"ab","source":"stdout","partial_message":"true","partial_id":"1","partial_ordinal":"1","partial_last":"false"}"#,
        ),
    ] {
        let lines = texts(&fragments);
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], whole);
    }
}

#[test]
fn fragments_at_a_batchs_edge_say_what_is_missing() {
    let head = [event("2026-11-21T07:00:00.1Z stdout P half", 0)];
    assert_eq!(stitched(&head)[0].incomplete, Some(REST_IS_MISSING));
    let later = [event(
        r#"{"log":"b","source":"stdout","partial_message":"true","partial_id":"1","partial_ordinal":"2","partial_last":"true"}"#,
        0,
    )];
    assert_eq!(stitched(&later)[0].incomplete, Some(CONTINUES_EARLIER));
    let other_id = events(&[
        r#"{"log":"a","source":"stdout","partial_message":"true","partial_id":"1","partial_last":"false"}"#,
        r#"{"log":"b","source":"stdout","partial_message":"true","partial_id":"2","partial_last":"true"}"#,
    ]);
    assert_eq!(stitched(&other_id).len(), 2);
}

#[test]
fn lines_cut_at_16_kb_without_a_mark() {
    let cut = RUNTIME_CUT_BYTES;
    let json = format!(r#"{{"level":"info","msg":"{}"}}"#, "x".repeat(2 * cut));
    let text = format!("2026-11-21 07:00:00 INFO {}", "x".repeat(2 * cut));
    let whole = format!(r#"{{"m":"{}"}}"#, "x".repeat(cut - 8));
    assert_eq!(whole.len(), cut);
    for long in [&json, &text] {
        let pieces: Vec<&str> = (0..3).map(|i| &long[i * cut..long.len().min((i + 1) * cut)]).collect();
        for next in LOG_LINES {
            let messages = [pieces[0], pieces[1], pieces[2], next];
            assert_eq!(texts(&messages), [long.as_str(), next]);
        }
        // Something else in between: pieces that are not adjacent stay apart.
        assert_eq!(texts(&[pieces[0], LOG_LINES[1], pieces[1]]).len(), 3);
    }
    assert_eq!(texts(&[&whole, "and more"]).len(), 2, "a whole object has no rest");
    assert_eq!(texts(&[&text[..cut], LOG_LINES[0]]).len(), 2, "a line that begins anew is no rest");
    assert_eq!(texts(&[&text[..cut - 1], "and more"]).len(), 2, "one byte less is no cut");
    let awslogs = &"{\"m\":\"".chars().chain("x".repeat(300_000).chars()).collect::<String>();
    assert_eq!(texts(&[&awslogs[..262_118], &awslogs[262_118..]]), [awslogs.as_str()]);
}

#[test]
fn the_limits_hold_at_their_edges_and_nothing_is_lost() {
    let head = "java.lang.IllegalStateException: closed";
    let frame = "\tat com.shop.Cart.add(Cart.java:12)";
    let at_gap = |gap: i64| vec![event(head, 0), event(frame, gap), event(frame, 0)];
    let gap = i64::try_from(MAX_GAP_MILLIS).unwrap();
    assert_eq!(stitched(&at_gap(gap)).len(), 1);
    assert_eq!(stitched(&at_gap(-gap)).len(), 1);
    assert_eq!(stitched(&at_gap(gap + 1)).len(), 3);

    let frames = |count: usize| events(&[&[head][..], &vec![frame; count - 1]].concat());
    assert_eq!(stitched(&frames(MAX_STITCHED_EVENTS)).len(), 1);
    let over = frames(MAX_STITCHED_EVENTS + 3);
    let lines = stitched(&over);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[1].more.len(), 2, "what is beyond stays together");
    assert_eq!(lines[1].incomplete, Some(CONTINUES_EARLIER));

    let long = format!("\tat {}.f(F.java:1)", "x".repeat(MAX_STITCHED_BYTES - head.len() - 20));
    for (extra, expected) in [(0, 1), (1, 2)] {
        let padding = MAX_STITCHED_BYTES - head.len() - 1 - long.len() + extra;
        let last = format!("{long}{}", " ".repeat(padding));
        let joined = events(&[head, &last]);
        assert_eq!(stitched(&joined).len(), expected);
    }
}

#[test]
fn colours_do_not_hide_a_trace() {
    let lines = texts(&[
        "\u{1b}[31m2026-11-21 07:00:00 ERROR\u{1b}[0m cannot add",
        "\u{1b}[31mjava.lang.IllegalStateException: closed\u{1b}[0m",
        "\u{1b}[2m\tat com.shop.Cart.add(Cart.java:12)\u{1b}[0m",
    ]);
    assert_eq!(
        lines,
        [
            "2026-11-21 07:00:00 ERROR cannot add\njava.lang.IllegalStateException: closed\n\tat com.shop.Cart.add(Cart.java:12)"
        ]
    );
}

#[test]
fn the_configuration_decides_by_log_group() {
    let stitcher = configured(
        "rules:\n- {log_groups: [/raw], off: true}\n- {log_groups: ['/st*'], starts: '^>'}\n- {log_groups: [/con], continues: '^\\+'}\n- {log_groups: [/go], traces: [go]}\n",
    );
    let messages = events(&[
        "> a",
        "+ b",
        "java.lang.Error: c",
        "\tat d.E.f(E.java:1)",
        "2026-11-21P",
        "panic: x",
        "goroutine 1 [running]:",
    ]);
    for (group, lines) in [("/raw", 7), ("/starts", 1), ("/con", 4), ("/go", 6), ("/other", 5)] {
        assert_eq!(stitcher.stitch(group, &messages).len(), lines, "{group}");
    }
    let tail = events(&["+ b", "> a"]);
    let lines = stitcher.stitch("/starts", &tail);
    assert_eq!((lines.len(), lines[0].incomplete), (2, Some(CONTINUES_EARLIER)));
}

fn any_piece() -> impl Strategy<Value = String> {
    let lines: Vec<String> = TRACES
        .iter()
        .flat_map(|(_, trace)| trace.lines())
        .chain(LOG_LINES)
        .flat_map(|line| {
            [
                line.to_owned(),
                format!("2026-11-21T07:00:00.1Z stderr F {line}"),
                format!("2026-11-21T07:00:00.1Z stdout P {line}"),
                serde_json::json!({"log": line, "stream": "stdout", "time": "t"}).to_string(),
                serde_json::json!({"log": format!("{line}\n"), "stream": "stdout", "time": "t"}).to_string(),
            ]
        })
        .collect();
    prop_oneof![4 => prop::sample::select(lines), 1 => any::<String>(), 1 => "[\u{1b}{}\\[\\]\"\\\\ \tat:.#0-9]{0,20}"]
}

proptest! {
    #[test]
    fn every_event_is_in_one_line_with_its_text(pieces in prop::collection::vec((any_piece(), 0_i64..3000), 0..40)) {
        let mut time = 0;
        let events: Vec<_> = pieces.iter().map(|(text, gap)| { time += gap / 2; event(text, time) }).collect();
        for line in stitched(&events) {
            for index in std::iter::once(line.first).chain(line.more.iter().copied()) {
                let content = catchment_record::strip_ansi(&events[index].message);
                if !content.starts_with('{') && !content.contains(" P ") && !content.contains(" F ") {
                    prop_assert!(line.text.contains(&*content), "{} in {}", content, line.text);
                }
            }
            if line.more.is_empty() {
                prop_assert_eq!(line.text, catchment_record::strip_ansi(&events[line.first].message));
            }
        }
    }

    #[test]
    fn what_is_wrapped_in_json_stays_json(pieces in prop::collection::vec((any_piece(), any::<bool>()), 1..20)) {
        let owned: Vec<String> = pieces
            .iter()
            .map(|(text, ends)| {
                serde_json::json!({"log": format!("{text}{}", if *ends { "\n" } else { "" }), "stream": "stderr"}).to_string()
            })
            .collect();
        let messages: Vec<&str> = owned.iter().map(String::as_str).collect();
        let events = events(&messages);
        for line in stitched(&events) {
            let value: serde_json::Value = serde_json::from_str(&line.text).unwrap();
            prop_assert!(value["log"].is_string());
        }
    }

    #[test]
    fn any_text_in_any_pieces_is_kept(text in "(.|\n){0,400}") {
        let messages: Vec<&str> = text.split('\n').collect();
        let events = events(&messages);
        let lines = stitched(&events);
        let joined: Vec<&str> = lines.iter().map(|line| &*line.text).collect();
        prop_assert_eq!(joined.join("\n"), messages.iter().map(|m| catchment_record::strip_ansi(m)).collect::<Vec<_>>().join("\n"));
    }
}
