//! What redaction does to a line.

use super::*;
use proptest::prelude::*;
use serde_json::Value;

fn check(line: &str, expected: &str, rule: Rule) {
    let redacted = redact(line);
    assert_eq!(redacted.text, expected, "{line}");
    assert!(redacted.redactions.count(rule) > 0, "{line}: {:?}", redacted.redactions);
}

#[test]
fn secrets_by_their_own_form() {
    let jwt = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
    check("key AKIAIOSFODNN7EXAMPLE used", "key *** used", Rule::AwsAccessKey);
    check("\"ASIAIOSFODNN7EXAMPLE\"", "\"***\"", Rule::AwsAccessKey);
    check(&format!("got {jwt}, ok"), "got ***, ok", Rule::Jwt);
    check(&format!("{{\"m\":\"line\\n{jwt}\"}}"), "{\"m\":\"line\\n***\"}", Rule::Jwt);
    check(
        "x -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- y",
        "x *** y",
        Rule::PrivateKey,
    );
    check("-----BEGIN PRIVATE KEY-----\nMIIE and no end", "***", Rule::PrivateKey);
    check("curl -H 'Bearer abcdef123456'", "curl -H 'Bearer ***'", Rule::Credentials);
    check("basic dXNlcjpwYXNzd29yZA== ok", "basic *** ok", Rule::Credentials);
    check("postgres://app:s3cr3t@db:5432/x", "postgres://app:***@db:5432/x", Rule::UrlPassword);
    check("redis://:p@ss@cache", "redis://:***@cache", Rule::UrlPassword);
    check("ghp_0123456789abcdefghijABCDEFGHIJ012345", "***", Rule::VendorToken);
    check("xoxb-123456789012-abcdefghijkl", "***", Rule::VendorToken);
    check("sk_live_0123456789abcdefghijABCD", "***", Rule::VendorToken);
    let webhook = "https://hooks.slack.com/services/";
    check(&format!("post {webhook}T0/B0/abc done"), &format!("post {webhook}*** done"), Rule::VendorToken);
}

#[test]
fn secrets_by_the_name_of_their_field() {
    let rule = Rule::NamedField;
    check("password=hunter2 user=bob", "password=*** user=bob", rule);
    check("db_password: hunter2, next", "db_password: ***, next", rule);
    check("PASSWORD='with space' x", "PASSWORD='***' x", rule);
    check(r#"{"password":"hunter2","user":"bob"}"#, r#"{"password":"***","user":"bob"}"#, rule);
    check(r#"{"a":{"clientSecret" : "x\"y\\"}}"#, r#"{"a":{"clientSecret" : "***"}}"#, rule);
    check(r#"{"pin_token":12345,"n":1}"#, r#"{"pin_token":"***","n":1}"#, rule);
    check(r#"{"password":{"old":"a","new":["b}"]},"n":1}"#, r#"{"password":"***","n":1}"#, rule);
    check(r#"{"body":"{\"api_key\":\"abc\",\"n\":1}"}"#, r#"{"body":"{\"api_key\":\"***\",\"n\":1}"}"#, rule);
    check(r#"{"body":"{\"secret\":7}"}"#, r#"{"body":"{\"secret\":\"***\"}"}"#, rule);
    check(r#"{"m":"login password=hunter2\nnext"}"#, r#"{"m":"login password=***\nnext"}"#, rule);
    check("Authorization: Bearer abc.def x\nHost: y", "Authorization: ***\nHost: y", rule);
    check(r#"{"authorization":"Basic abc"}"#, r#"{"authorization":"***"}"#, rule);
    check("GET /a?access_token=abc&x=1", "GET /a?access_token=***&x=1", rule);
    check(r#"{"password":"cut of"#, r#"{"password":"***"#, rule);
    check("password = hunter2", "password = ***", rule);
    check("{'password': 'hunter2', 'n': 1}", "{'password': '***', 'n': 1}", rule);
    check(r#"{"m":"{'api_key': 'abc'}"}"#, r#"{"m":"{'api_key': '***'}"}"#, rule);
    check("{\"password\":\t\"x\"}", "{\"password\":\t\"***\"}", rule);
    check("{\"password\" :\n \"x\"}", "{\"password\" :\n \"***\"}", rule);
    check("password\t=\tx y", "password\t=\t*** y", rule);
    check("DB_PASS=x pass: y", "DB_PASS=*** pass: ***", rule);
    check(r#""password"=>"x""#, r#""password"=>"***""#, rule);
}

#[test]
fn look_alikes_stay_whole() {
    for line in [
        "tokens=150 max_tokens: 20 bypass=1 compass: north",
        r#"{"token_count":5,"password":null,"secret":true,"passwordless":"x","api_key":""}"#,
        "0f8fad5b-d9cb-469f-a165-70867728950e 2024-12-19T10:30:15Z 1734604215123",
        "da39a3ee5e6b4b0d3255bfef95601890afd80709 order 4111-22",
        "see https://example.com:8080/a@b and mailto:x@y.z",
        "basic auth failed, bearer of news",
        "AKIDS eyJust text, sk_live_short",
        "-----BEGIN CERTIFICATE-----",
        "http://host/path?user=me",
    ] {
        let redacted = redact(line);
        assert_eq!(redacted.text, line);
        assert_eq!(redacted.redactions.total(), 0, "{line}");
    }
}

/// Whatever a line repeats, the work is bounded by a multiple of its length:
/// the largest event of nothing but beginnings is done in the time of the test.
#[test]
fn hostile_lines_are_scanned_in_bounded_work() {
    for beginning in [
        "-eyJ",
        "eyJaaaaaaaa.",
        "password=",
        "'password':",
        "-----BEGIN ",
        "://a:",
        "bearer ",
        "\\\"token\":",
    ] {
        let line = beginning.repeat((1 << 20) / beginning.len());
        assert!(redact(&line).text.len() <= 2 * line.len(), "{beginning}");
    }
}

#[test]
fn findings_are_counted_by_rule() {
    let redacted = redact("password=a secret=b AKIAIOSFODNN7EXAMPLE");
    assert_eq!(redacted.redactions.to_column().unwrap(), "aws_access_key:1,named_field:2");
    assert_eq!(redact("nothing").redactions.to_column(), None);
}

/// Any JSON value, with secrets under names that say so.
fn json_with_secrets() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~é\n]{0,12}".prop_map(Value::from),
        Just(Value::Null),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        let key = prop_oneof!["[a-z]{1,6}", Just("password".to_owned()), Just("api_key".to_owned())];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn redaction_is_idempotent_and_never_panics(line: String, words in "[ -~\"\\\\:=]{0,60}") {
        for line in [line, words] {
            let once = redact(&line);
            let twice = redact(&once.text);
            prop_assert_eq!(&twice.text, &once.text);
            prop_assert_eq!(twice.redactions.total(), 0);
        }
    }

    #[test]
    fn no_secret_is_left_whatever_surrounds_it(prefix in "[a-z ]{0,10}", secret in "[A-Za-z0-9!#%^*+/_.-]{6,20}", depth in 0..3_usize) {
        prop_assume!(!secret.contains(MASK));
        let mut json = serde_json::json!({ "text": prefix, "password": secret, "list": [1] });
        for _ in 0..depth {
            json = serde_json::json!({ "inner": json.to_string(), "n": 1 });
        }
        let redacted = redact(&json.to_string()).text.into_owned();
        prop_assert!(!redacted.contains(&secret), "{}", redacted);
        prop_assert!(serde_json::from_str::<Value>(&redacted).is_ok(), "{}", redacted);
    }

    #[test]
    fn json_stays_json(value in json_with_secrets()) {
        let line = value.to_string();
        let redacted = redact(&line).text.into_owned();
        prop_assert!(serde_json::from_str::<Value>(&redacted).is_ok(), "{} -> {}", line, redacted);
    }
}
