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
    check(
        r#"{"m":"{\"k\":\"-----BEGIN PRIVATE KEY-----\\nMI\",\"n\":1}"}"#,
        r#"{"m":"{\"k\":\"***\",\"n\":1}"}"#,
        Rule::PrivateKey,
    );
    check(
        r#"{"a":"-----BEGIN PRIVATE KEY-----","b":"-----END PRIVATE KEY-----"}"#,
        r#"{"a":"***","b":"-----END PRIVATE KEY-----"}"#,
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
fn the_rest_of_a_private_key_shows_by_its_end() {
    let (body, last) = ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7", "4111111111111111Aw==");
    let end = "-----END PRIVATE KEY-----";
    check(&format!("{body}\n{last}\n{end} ok"), "*** ok", Rule::PrivateKey);
    check(&format!("x: {body}\r\n{end}"), "x: ***", Rule::PrivateKey);
    check(&format!("    {body}\n    {last}\n    {end}"), "    ***", Rule::PrivateKey);
    check(&format!(r#"{{"m":"{body}\n{last}\n{end}\n","n":1}}"#), r#"{"m":"***\n","n":1}"#, Rule::PrivateKey);
    check(&format!(r#"{{"m":"\"{body}\\n{end}\""}}"#), r#"{"m":"\"***\""}"#, Rule::PrivateKey);
    check(&format!("{}\n{end}", "x".repeat(15)), "***", Rule::PrivateKey);
    for line in [
        format!("{}\n{end}", "x".repeat(14)),
        format!("nothing before {end}"),
        format!("{body}\n-----END CERTIFICATE-----"),
        format!("{body} and {end}"),
    ] {
        assert_eq!(redact(&line).text, line);
    }
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
    check("{Authorization=[Bearer abc1], x=1}", "{Authorization=***, x=1}", rule);
    check("Cookie=[a=S1; b=(S2)] x", "Cookie=*** x", rule);
    check(r#"{"m":"Set-Cookie={a=1","x":1}"#, r#"{"m":"Set-Cookie=***","x":1}"#, rule);
    check(r#"{"passwords":["S7"],"n":1}"#, r#"{"passwords":"***","n":1}"#, rule);
    check(r#"{"api_keys":["S"],"tokens":{"a":"S"}}"#, r#"{"api_keys":"***","tokens":"***"}"#, rule);
    check(r#"{"secrets":"S","bearer":"S"}"#, r#"{"secrets":"***","bearer":"***"}"#, rule);
    check(r#"{"b":"{\"tokens\":[\"S\"]}"}"#, r#"{"b":"{\"tokens\":\"***\"}"}"#, rule);
    check("/cb?to=%2Fa%3Faccess_token%3DS%26x%3D1 y", "/cb?to=%2Fa%3Faccess_token%3D***%26x%3D1 y", rule);
    check("ALTER USER bob PASSWORD 'x''y' ok", "ALTER USER bob PASSWORD '***' ok", rule);
    check("create user a identified by  'S';", "create user a identified by  '***';", rule);
    check("Invalid token: abc123", "Invalid token: ***", rule);
    check("Invalid token: abc", "Invalid token: ***", rule);
    check("token=51234 pass=12345", "token=*** pass=***", rule);
    check(r#""password"=>"x""#, r#""password"=>"***""#, rule);
}

#[test]
fn only_what_is_plainly_an_object_passes_for_one() {
    let rule = Rule::NamedField;
    check("password=Abc{123}x", "password=***", rule);
    check("token=Tokens{1}", "token=***}", rule);
    check("token=a.B@4e4c61aab0", "token=***", rule);
    check("token=abc@4e4c", "token=***", rule);
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
        "Invalid token: expected identifier",
        "token=5 of 10, pass=3 fail=2 pass: 9999",
        r#"{"tokens":150,"usage":{"tokens":{"in":5,"out":[7]},"total_tokens":"12"}}"#,
        "rate=5%3 user%20=x tokens: [1]",
        "AKIDS eyJust text, sk_live_short",
        "-----BEGIN CERTIFICATE-----",
        "http://host/path?user=me",
        "Token: Token { kind: NMToken, service: 10.0.0.1:45454 }",
        "wtoken = AppWindowToken{9f4e token=Token{a64f Record{1 u0}}} token=android.os.BinderProxy@4e4c61",
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
        "-----BEGIN PRIVATE KEY-----\"",
        "-----END PRIVATE KEY-----",
        "aaaaaaaaaaaaaaaa-----END PRIVATE KEY-----",
        "aaaa\n -----END PRIVATE KEY",
        "4111 ",
        "DE89 3704 ",
        "</password>",
        "<password>",
        "--password ",
        "password=,",
        "\"name\":\"token\",\"value\":",
        "a@b.",
        "ya29.aaaaaaaaaaaaaaaa.",
        "Private-Lines: ",
        "{\"token\":[",
        "Cookie=[],",
        "\"tokens\":{",
        "token%3D",
        "password '' ",
        "password 'x''",
        "{\"a\":\"password: \\\"***\\\\\",",
        "{\"\\u0026\\\\u0022",
    ] {
        let line = beginning.repeat((1 << 17) / beginning.len());
        assert!(redact(&line).text.len() <= 2 * line.len(), "{beginning}");
        assert!(everything("mask").redact(&line).text.len() <= 2 * line.len(), "{beginning}");
    }
}

#[test]
fn findings_are_counted_by_rule() {
    let redacted = redact("password=a secret=b AKIAIOSFODNN7EXAMPLE");
    assert_eq!(redacted.redactions.to_column().unwrap(), "aws_access_key:1,named_field:2");
    assert_eq!(redact("nothing").redactions.to_column(), None);
}

/// Every rule on, with one treatment, and a field and a pattern of the operator's own.
fn everything(treatment: &str) -> Redactor {
    let rules: Vec<_> = Rule::ALL.iter().map(|rule| format!("{}: {treatment}", rule.as_str())).collect();
    configured(&format!(
        "rules: {{{}}}\nfields: [{{name: '*.pin', treatment: {treatment}}}]\n\
         patterns: [{{name: order, pattern: 'ORD-\\d+', treatment: {treatment}}}]",
        rules.join(", ")
    ))
}

fn configured(yaml: &str) -> Redactor {
    let mut faults = Vec::new();
    let config = serde_saphyr::from_str(yaml).unwrap();
    let redactor = Redactor::new(&config, Some(HashKey::new("key")), &mut faults);
    assert!(faults.is_empty(), "{faults:?}");
    redactor
}

#[test]
fn a_secret_is_masked_dropped_or_hashed() {
    let hunter = HashKey::new("key").hash("hunter2");
    let number = HashKey::new("key").hash("12345");
    for (line, drop, hash) in [
        (
            "password=hunter2 user=bob",
            "password='' user=bob".to_owned(),
            format!("password={hunter} user=bob"),
        ),
        ("?token=hunter2&a=1", "?token=&a=1".to_owned(), format!("?token={hunter}&a=1")),
        (
            r#"{"password":"hunter2"}"#,
            r#"{"password":""}"#.to_owned(),
            format!(r#"{{"password":"{hunter}"}}"#),
        ),
        (r#"{"token":12345}"#, r#"{"token":null}"#.to_owned(), format!(r#"{{"token":"{number}"}}"#)),
        (
            r#"{"b":"{\"token\":12345}"}"#,
            r#"{"b":"{\"token\":null}"}"#.to_owned(),
            format!(r#"{{"b":"{{\"token\":\"{number}\"}}"}}"#),
        ),
        ("redis://u:hunter2@h", "redis://u:@h".to_owned(), format!("redis://u:{hunter}@h")),
    ] {
        let (dropping, hashing) = (everything("drop"), everything("hash"));
        assert_eq!(dropping.redact(line).text, drop);
        assert_eq!(hashing.redact(line).text, hash);
        assert_eq!(everything("off").redact(line).text, line);
        for (redactor, text) in [(dropping, drop), (hashing, hash)] {
            assert_eq!(redactor.redact(&text).text, text);
            assert_eq!(redactor.redact(&text).redactions.total(), 0, "{text}");
        }
    }
}

#[test]
fn without_a_key_a_hash_is_a_mask() {
    let config = serde_saphyr::from_str("rules: {named_field: hash}").unwrap();
    let redactor = Redactor::new(&config, None, &mut Vec::new());
    assert_eq!(redactor.redact("password=hunter2").text, "password=***");
}

#[test]
fn fields_of_the_configuration_are_found_at_any_depth() {
    let redactor = configured(
        "fields: [{name: '*.pin', treatment: drop}, {name: ssn}, {name: 'x_*_code', treatment: hash}, {name: token, treatment: off}]",
    );
    for (line, expected) in [
        (r#"{"a":[{"pin":"1234"}]}"#, r#"{"a":[{"pin":""}]}"#),
        (r#"{"pin":1234,"spin":1}"#, r#"{"pin":null,"spin":1}"#),
        ("user.pin=1234 n=1", "user.pin='' n=1"),
        ("SSN: 123 ok", "SSN: *** ok"),
        ("token=abc password=def", "token=abc password=***"),
    ] {
        assert_eq!(redactor.redact(line).text, expected);
    }
    assert!(redactor.redact("x_door_code=1").text.starts_with("x_door_code=hash:"));
}

#[test]
fn patterns_of_the_configuration_leave_json_json() {
    let redactor = configured(
        "patterns: [{name: order, pattern: 'ORD-\\d+'}, {name: who, pattern: 'by (\\w+)', treatment: drop}]",
    );
    let redacted = redactor.redact("ORD-1 ORD-2 by ann");
    assert_eq!(redacted.text, "*** *** by ");
    assert_eq!(redacted.redactions.to_column().unwrap(), "order:2,who:1");
    assert_eq!(redacted.redactions.count_named("order"), 2);
    let greedy = configured("patterns: [{name: all, pattern: '1.*'}]");
    for (line, expected) in [
        (
            r#"{"a":"x1\u00e9","b":[12,true],"c":{"d":"e"}}"#,
            r#"{"a":"x***","***":["***","***"],"***":{"***":"***"}}"#,
        ),
        (r#"{"a":12.5e3}"#, r#"{"a":"***"}"#),
    ] {
        assert_eq!(greedy.redact(line).text, expected);
        assert_eq!(greedy.redact(expected).redactions.total(), 0);
    }
}

/// A pattern that is dropped may leave what it matches anew.
#[test]
fn a_line_is_scanned_until_nothing_is_left_or_masked_whole_at_the_limit() {
    let redactor = configured("patterns: [{name: pair, pattern: ab, treatment: drop}]");
    let nested = |depth: usize| format!("x{}{}x", "a".repeat(depth), "b".repeat(depth));
    assert_eq!(redactor.redact(&nested(MAX_PASSES - 1)).text, "xx");
    assert_eq!(redactor.redact(&nested(MAX_PASSES)).text, MASK);
    let json = format!("{{\"m\":\"{}\"}}", nested(MAX_PASSES));
    assert_eq!(redactor.redact(&json).text, r#"{"redacted":"***"}"#);
}

#[test]
fn a_number_in_json_becomes_a_string() {
    for (line, expected) in [
        (r#"{"card":4111111111111111,"n":1}"#, r#"{"card":"***","n":1}"#),
        (r#"{"cards":[4111111111111111,5555555555554444]}"#, r#"{"cards":["***","***"]}"#),
        (r#"{"m":"{\"card\":4111111111111111}"}"#, r#"{"m":"{\"card\":\"***\"}"}"#),
        (r#"{"m":"cards [4111111111111111]"}"#, r#"{"m":"cards [***]"}"#),
    ] {
        assert_eq!(redact(line).text, expected);
    }
}

/// A secret is found wherever it lies against the blocks that the scan reads.
#[test]
fn a_secret_is_found_at_every_offset() {
    for offset in 0..200 {
        let before = ". ".repeat(offset / 2) + if offset % 2 == 0 { "" } else { " " };
        for secret in [
            "AKIAIOSFODNN7EXAMPLE",
            "password=x",
            "4111 1111 1111 1111",
            "DE89370400440532013000",
            "Bearer abcdef123456",
        ] {
            let redacted = redact(&format!("{before}{secret}")).redactions.total();
            assert_eq!(redacted, 1, "{secret} at {offset}");
        }
    }
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
