//! A private key in lines of their own, from the events to what is stored.

use catchment_record::{CONTINUES_EARLIER, MAX_GAP_MILLIS, REST_IS_MISSING, redact};

use crate::{configured, event, events, stitched, texts};

const BODY: [&str; 4] = [
    "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj",
    "MzEfYyjiWA4R4/M2bS1GB4t7NXp98C3SC6dVMvDuictGeurT8jNbvJZHtCSuYEvu",
    "NMoSfm76oqFvAp8Gy0iz5sxjZmSnXyCdPEovGhLa0VzMaQ8s+CLOyS56YyCFGeJZ",
    "qgtzJ6GR3eqoYSW9b9UMvkBpZODSctWSNGj3P7jRFDO5VoTwCQAWbFnOjDfH5Ulg",
];
const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

fn key() -> Vec<&'static str> {
    [&[BEGIN][..], &BODY, &["p2PKSQnSJP3AJLQNFNe7br1XbrhV", END]].concat()
}

/// The events as lines, then each without its secrets.
fn stored(yaml: &str, messages: &[&str]) -> Vec<String> {
    let events = events(messages);
    let lines = configured(yaml).stitch("/ecs/shop", &events);
    lines.iter().map(|line| redact(&line.text).text.into_owned()).collect()
}

#[test]
fn a_key_is_one_line_and_masked_whole_in_every_mode() {
    let ready = "2026-11-21 07:00:00 INFO ready";
    for yaml in
        ["rules: []", "rules:\n- off: true\n", "rules:\n- starts: '^[-M2]'\n", "rules:\n- traces: [go]\n"]
    {
        let messages = [&[ready][..], &key(), &[ready]].concat();
        assert_eq!(stored(yaml, &messages), [ready, "***", ready], "{yaml}");
    }
    let rsa = ["-----BEGIN RSA PRIVATE KEY-----", "Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A", ""];
    let messages = [&rsa[..], &BODY, &["-----END RSA PRIVATE KEY-----", "done"]].concat();
    assert_eq!(stored("rules: []", &messages), ["***", "done"]);
    let pgp = ["-----BEGIN PGP PRIVATE KEY BLOCK-----", "Version: GnuPG v2", ""];
    let messages = [&pgp[..], &BODY, &["=aB3d", "-----END PGP PRIVATE KEY BLOCK-----", ready]].concat();
    assert_eq!(stored("rules: []", &messages), ["***", ready]);
    let prefixed = "2026-11-21 07:00:00 INFO key: -----BEGIN PRIVATE KEY-----";
    let messages = [&[prefixed][..], &BODY, &[END]].concat();
    assert_eq!(stored("rules: []", &messages), ["2026-11-21 07:00:00 INFO key: ***"]);
}

#[test]
fn a_key_in_a_wrapper_is_masked_whole() {
    let cri = |line: &str, stream: &str| format!("2026-11-21T07:00:00Z {stream} F {line}");
    let docker = |line: &str, stream: &str| format!(r#"{{"log":"{line}\n","stream":"{stream}","time":"t"}}"#);
    for wrap in [&cri as &dyn Fn(&str, &str) -> String, &docker] {
        for from in 0..BODY.len() {
            let mut messages = Vec::new();
            for line in key().iter().skip(from) {
                messages.push(wrap(line, "stdout"));
                messages.push(wrap("2026-11-21 07:00:00 INFO ready", "stderr"));
            }
            let messages: Vec<&str> = messages.iter().map(String::as_str).collect();
            for yaml in ["rules: []", "rules:\n- off: true\n"] {
                let lines = stored(yaml, &messages);
                assert_eq!(lines[0], wrap("***", "stdout"), "{from}");
                assert_eq!(lines.len(), 1 + messages.len() / 2, "{from}");
            }
        }
    }
}

#[test]
fn the_rest_of_a_key_is_masked_wherever_a_batch_or_another_line_cut_it() {
    let lines = key();
    for cut in 1..lines.len() - 1 {
        let (head, tail) = lines.split_at(cut);
        assert_eq!(stored("rules: []", head), ["***"], "head of {cut}");
        assert_eq!(stored("rules: []", tail), ["***"], "tail from {cut}");
        let tail = events(tail);
        assert_eq!(stitched(&tail)[0].incomplete, Some(CONTINUES_EARLIER), "{cut}");
        let torn = [head, &["2026-11-21 07:00:00 INFO between"], &lines[cut..]].concat();
        assert_eq!(
            stored("rules:\n- off: true\n", &torn),
            ["***", "2026-11-21 07:00:00 INFO between", "***"]
        );
    }
    let head = events(&lines[..3]);
    assert_eq!(stitched(&head)[0].incomplete, Some(REST_IS_MISSING));
    let body = events(&BODY[..3]);
    assert_eq!(stitched(&body)[0].incomplete, Some(CONTINUES_EARLIER));
    assert_eq!(stitched(&body).len(), 1);
}

#[test]
fn what_is_no_private_key_is_not_joined() {
    let certificate = [&["-----BEGIN CERTIFICATE-----"][..], &BODY, &["-----END CERTIFICATE-----"]].concat();
    assert_eq!(texts(&certificate), certificate);
    assert_eq!(texts(&BODY[..2]), BODY[..2]);
    let digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
    assert_eq!(texts(&[digest; 4]), [digest; 4]);
    let later = [&["ready to go"][..], &BODY].concat();
    assert_eq!(texts(&later), later);
    let late = [event(BEGIN, 0), event("ready", MAX_GAP_MILLIS as i64 + 1)];
    assert_eq!(stitched(&late).len(), 2);
}
