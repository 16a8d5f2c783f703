//! Secrets out of a line, before anything else looks at it.
//!
//! One scan over the bytes, no regular expression. Two kinds of finding: a
//! token that shows by its own form what it is (`AKIA…`, `eyJ….….…`, a private
//! key), and the value behind a name that says it is a secret (`password=`,
//! `"api_key":`, `Authorization:`), at any depth of JSON, also of JSON inside a
//! JSON string. JSON stays JSON. Where a value's end cannot be told, the rest of
//! the line is masked: redaction fails closed.
//!
//! Redacting twice changes nothing, and counts nothing twice.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;

use crate::config::ConfigFault;

mod named;
mod token;

/// What stands where a secret was.
pub const MASK: &str = "***";

/// What kind of secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// An AWS access key id.
    AwsAccessKey,
    /// A PEM private key.
    PrivateKey,
    /// A JSON web token.
    Jwt,
    /// A token of a vendor who marks them with a prefix.
    VendorToken,
    /// The credentials of an `Authorization` scheme (Bearer, Basic).
    Credentials,
    /// The password of a URL.
    UrlPassword,
    /// The value of a field whose name says that it is a secret.
    NamedField,
}

impl Rule {
    /// The rule's name in the column `redactions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsAccessKey => "aws_access_key",
            Self::PrivateKey => "private_key",
            Self::Jwt => "jwt",
            Self::VendorToken => "vendor_token",
            Self::Credentials => "credentials",
            Self::UrlPassword => "url_password",
            Self::NamedField => "named_field",
        }
    }
}

/// How many secrets were redacted, by rule. No allocation while there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redactions(Vec<(Rule, u32)>);

impl Redactions {
    /// How many secrets of this kind were redacted.
    pub fn count(&self, rule: Rule) -> u32 {
        self.0.iter().find(|(other, _)| *other == rule).map_or(0, |(_, count)| *count)
    }

    /// How many secrets were redacted.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// `jwt:1,named_field:2`, or `None` when nothing was redacted.
    pub fn to_column(&self) -> Option<String> {
        let mut found = self.0.clone();
        found.sort_unstable_by_key(|(rule, _)| rule.as_str());
        let found: Vec<_> = found.iter().map(|(rule, count)| format!("{}:{count}", rule.as_str())).collect();
        (!found.is_empty()).then(|| found.join(","))
    }

    fn add(&mut self, rule: Rule) {
        match self.0.iter_mut().find(|(other, _)| *other == rule) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((rule, 1)),
        }
    }
}

/// A line without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The line; borrowed when there was nothing to mask.
    pub text: Cow<'a, str>,
    /// What was masked.
    pub redactions: Redactions,
}

/// A secret: the bytes `start..end` give way to the mask.
struct Finding {
    rule: Rule,
    start: usize,
    end: usize,
    /// The value is JSON that is no string: the mask needs quotes of its own
    /// (with as many backslashes as the key's), for JSON to stay JSON.
    quote: Option<usize>,
}

/// What the file says about redaction.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RedactConfig {}

/// The key of the keyed hash; it never comes from the configuration file.
#[derive(Clone)]
pub struct HashKey(#[allow(dead_code)] Vec<u8>);

impl HashKey {
    /// Wraps a key.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self(key.into())
    }
}

impl fmt::Debug for HashKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("HashKey(***)")
    }
}

/// Finds secrets and treats them as the configuration says.
#[derive(Debug, Clone, Default)]
pub struct Redactor {}

impl Redactor {
    /// A redactor as the configuration says; what is wrong is added to
    /// `faults`. Without a key, what should be hashed is masked.
    pub fn new(_config: &RedactConfig, _key: Option<HashKey>, _faults: &mut Vec<ConfigFault>) -> Self {
        Self {}
    }

    /// The line without its secrets.
    pub fn redact<'a>(&self, line: &'a str) -> Redacted<'a> {
        redact(line)
    }
}

/// Masks the secrets of a line.
pub fn redact(line: &str) -> Redacted<'_> {
    let bytes = line.as_bytes();
    let mut redactions = Redactions::default();
    let mut out = String::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let finding = match byte {
            b'=' | b':' => named::find(bytes, at),
            byte if token::may_begin(byte) && is_token_start(bytes, at) => token::find(bytes, at),
            _ => None,
        };
        let Some(finding) = finding else {
            at += 1;
            continue;
        };
        at = finding.end.max(at + 1);
        let (Some(before), Some(secret)) =
            (line.get(copied..finding.start), line.get(finding.start..finding.end))
        else {
            // A finding always begins and ends beside ASCII; if ever one did not,
            // nothing after it may pass.
            redactions.add(finding.rule);
            out.push_str(line.get(copied..).map_or("", |_| MASK));
            return Redacted { text: Cow::Owned(out), redactions };
        };
        if secret == MASK {
            continue;
        }
        redactions.add(finding.rule);
        out.push_str(before);
        match finding.quote {
            None => out.push_str(MASK),
            Some(backslashes) => {
                let quote = format!("{}\"", "\\".repeat(backslashes));
                out.extend([&quote, MASK, &quote]);
            }
        }
        copied = finding.end;
    }
    if copied == 0 {
        return Redacted { text: Cow::Borrowed(line), redactions };
    }
    out.push_str(line.get(copied..).unwrap_or_default());
    Redacted { text: Cow::Owned(out), redactions }
}

/// A token begins where no letter or digit stands before it; `\n` and its like
/// inside a JSON string do not count as letters.
fn is_token_start(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| bytes.get(i)).copied();
    match before(1) {
        None => true,
        Some(b'n' | b't' | b'r') if before(2) == Some(b'\\') => true,
        Some(byte) => !byte.is_ascii_alphanumeric() && byte != b'_',
    }
}

#[cfg(test)]
mod tests {
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
        let jwt =
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U";
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
        check(
            &format!("post {webhook}T0/B0/abc done"),
            &format!("post {webhook}*** done"),
            Rule::VendorToken,
        );
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
        check(
            r#"{"body":"{\"api_key\":\"abc\",\"n\":1}"}"#,
            r#"{"body":"{\"api_key\":\"***\",\"n\":1}"}"#,
            rule,
        );
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
}
