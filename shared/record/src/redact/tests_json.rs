//! JSON stays JSON, whatever stands in its strings.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[test]
fn a_finding_ends_with_the_string_that_it_begins_in() {
    for (line, expected) in [
        (r#"{"msg":"usage: app --password ","x":1}"#, r#"{"msg":"usage: app --password ","x":1}"#),
        (r#"{"msg":"--token \\","x":"v"}"#, r#"{"msg":"--token \\","x":"v"}"#),
        (r#"{"msg":"--token","x":"v"}"#, r#"{"msg":"--token","x":"v"}"#),
        (r#"{"msg":"set Cookie: a\\","x":1}"#, r#"{"msg":"set Cookie: ***","x":1}"#),
        (r#"{"msg":"Cookie: a\\","secret":"b","x":1}"#, r#"{"msg":"Cookie: ***","secret":"***","x":1}"#),
        (r#"{"msg":"password: \"abc\\","x":"v"}"#, r#"{"msg":"password: \"***","x":"v"}"#),
        (r#"{"m":":4111111111111111","x":1}"#, r#"{"m":":***","x":1}"#),
        (r#"{"k\\":4111111111111111}"#, r#"{"k\\":"***"}"#),
        (r#"{"n":"<password>{\""}"#, r#"{"n":"<password>***"}"#),
        (r#"{"m":"-----BEGIN PRIVATE KEY-----\nMII BACKEND x ---- tail","x":1}"#, r#"{"m":"***","x":1}"#),
    ] {
        assert_eq!(redact(line).text, expected);
        assert_eq!(redact(expected).redactions.total(), 0, "{expected}");
    }
}

const FRAGMENTS: &[&str] = &[
    "password=",
    "hunter2 ",
    "\"",
    "\\",
    "\n",
    "{",
    "}",
    "[",
    "]",
    ":",
    ",",
    "'",
    "token: ",
    "Cookie: ",
    "Authorization: Bearer abcdefgh",
    "-----BEGIN PRIVATE KEY-----",
    "-----END PRIVATE KEY-----",
    "https://u:p@h/",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJlc2ln",
    "4111111111111111",
    "AKIAIOSFODNN7EXAMPLE",
    " ",
    "=",
    "&",
    "secret",
    "api_key",
    "é",
    "\t",
    "x",
    "1",
    "-----",
    "<password>",
    "</password>",
    "--password ",
    "=> ",
    "(",
    ")",
    "%3D",
    "PASSWORD '",
    "tokens",
    "\u{0}",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn hostile_strings_leave_the_object_an_object(
        parts in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 1..9),
        more in proptest::collection::vec(proptest::sample::select(FRAGMENTS), 1..9),
        depth in 0..3_usize,
    ) {
        let mut inner = Value::from(parts.concat());
        for _ in 0..depth {
            inner = Value::from(serde_json::json!({ "log": inner, "k": 1 }).to_string());
        }
        let line = serde_json::json!({ "m": inner, "n": more.concat(), "z": 1 });
        let text = line.to_string();
        let redacted = redact(&text).text.into_owned();
        let parsed: Result<Value, _> = serde_json::from_str(&redacted);
        prop_assert!(parsed.as_ref().is_ok_and(|v| keys(v) == keys(&line)), "{} -> {}", text, redacted);
        prop_assert_eq!(redact(&redacted).redactions.total(), 0, "{} -> {}", text, redacted);
    }
}

#[test]
fn an_escape_hides_no_sign() {
    for (line, expected) in [
        (r#"{"msg":"{\u0022password\u0022:\u0022SECRET\u0022}"}"#, r#"{"msg":"{\"password\":\"***\"}"}"#),
        (r#"{"url":"/x?user\u003da\u0026password\u003dSECRET"}"#, r#"{"url":"/x?user=a&password=***"}"#),
        (r#"{"x":"\u003cpassword\u003eSECRET\u003c/password\u003e"}"#, r#"{"x":"<password>***</password>"}"#),
        (
            r#"{"log":"{\"u\":\"?a=1\\u0026password\\u003dSECRET\\u0026b=2\"}"}"#,
            r#"{"log":"{\"u\":\"?a=1&password=***&b=2\"}"}"#,
        ),
    ] {
        assert_eq!(redact(line).text, expected);
        let value = |text: &str| serde_json::from_str::<Value>(&text.replace("SECRET", MASK)).unwrap();
        assert!(line.contains("\\\\u") || value(line) == value(expected), "{line}");
    }
    let clean = r#"{"url":"/x?user\u003da\u0026b\u003d1"}"#;
    assert!(matches!(redact(clean).text, Cow::Borrowed(text) if text == clean));
}
