#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::print_stderr)]
//! The labelled corpus: generated secrets of every kind in every surrounding,
//! and what only looks like one. No secret here was ever one: each is made from
//! a fixed seed, and prefixes are split so that nobody's scanner takes them for real.

use std::collections::BTreeMap;

use catchment_record::{MASK, RedactionRule as Rule, redact};

/// Least share of the secrets that must be gone.
const MIN_RECALL: f64 = 0.995;
/// Generated values of each kind in each surrounding.
const ROUNDS: usize = 6;

/// xorshift64: the same corpus on every machine.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % end
    }

    fn text(&mut self, alphabet: &str, len: usize) -> String {
        (0..len).map(|_| char::from(alphabet.as_bytes()[self.below(alphabet.len())])).collect()
    }

    fn pick<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const LOWER_HEX: &str = "0123456789abcdef";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
const ALNUM: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const WORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-";
const BASE64: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const PASSWORD: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#%^*+_.~@$?";

/// Tokens by their own form: prefix in two parts, alphabet, length of the rest.
const TOKENS: &[(&str, &str, &str, usize)] = &[
    ("gh", "p_", ALNUM, 36),
    ("gh", "o_", ALNUM, 36),
    ("gh", "s_", ALNUM, 36),
    ("github", "_pat_", ALNUM, 82),
    ("gl", "pat-", WORD, 20),
    ("xo", "xb-", ALNUM, 40),
    ("xo", "xp-", ALNUM, 60),
    ("sk_", "live_", ALNUM, 24),
    ("rk_", "live_", ALNUM, 24),
    ("wh", "sec_", ALNUM, 32),
    ("AI", "za", WORD, 35),
    ("GOC", "SPX-", WORD, 28),
    ("ya", "29.", WORD, 120),
    ("sk-", "ant-api03-", WORD, 93),
    ("sk-", "proj-", WORD, 64),
    ("sk", "-", ALNUM, 48),
    ("np", "m_", ALNUM, 36),
    ("py", "pi-", WORD, 85),
    ("dck", "r_pat_", WORD, 27),
    ("h", "f_", ALNUM, 34),
    ("dop", "_v1_", LOWER_HEX, 64),
    ("shp", "at_", LOWER_HEX, 32),
    ("key", "-", LOWER_HEX, 32),
    ("S", "K", LOWER_HEX, 32),
    ("NR", "AK-", UPPER, 27),
    ("hv", "s.", WORD, 90),
    ("da", "pi", LOWER_HEX, 32),
    ("ATA", "TT3", WORD, 180),
    ("lin", "_api_", ALNUM, 40),
    ("gl", "sa_", ALNUM, 41),
    ("HR", "KU-", WORD, 60),
    ("sq0", "atp-", WORD, 22),
];

fn luhn_completed(mut digits: String) -> String {
    let sum: usize = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(i, b)| {
            let d = usize::from(b - b'0') * if i % 2 == 0 { 2 } else { 1 };
            d / 10 + d % 10
        })
        .sum();
    digits.push_str(&((10 - sum % 10) % 10).to_string());
    digits
}

fn card(random: &mut Random) -> String {
    let (prefix, len) =
        [("4", 16), ("51", 16), ("55", 16), ("2221", 16), ("37", 15), ("6011", 16), ("3530", 16), ("36", 14)]
            [random.below(8)];
    let rest = random.text("0123456789", len - 1 - prefix.len());
    let number = luhn_completed(format!("{prefix}{rest}"));
    match (len, random.below(3)) {
        (16, 1) => [&number[..4], &number[4..8], &number[8..12], &number[12..]].join(" "),
        (16, 2) => [&number[..4], &number[4..8], &number[8..12], &number[12..]].join("-"),
        (15, 1) => [&number[..4], &number[4..10], &number[10..]].join(" "),
        _ => number,
    }
}

fn iban(random: &mut Random) -> String {
    let (country, account) = match random.below(4) {
        0 => ("DE", random.text("0123456789", 18)),
        1 => ("FR", random.text("0123456789", 23)),
        2 => ("GB", format!("NWBK{}", random.text("0123456789", 14))),
        _ => ("NL", format!("ABNA{}", random.text("0123456789", 10))),
    };
    let rest = format!("{account}{country}00").bytes().fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    let plain = format!("{country}{:02}{account}", 98 - rest);
    if random.below(2) == 0 {
        return plain;
    }
    let groups: Vec<_> =
        plain.as_bytes().chunks(4).map(|group| String::from_utf8_lossy(group).into_owned()).collect();
    groups.join(" ")
}

fn jwt(random: &mut Random) -> String {
    let part = |random: &mut Random, len| format!("{}J{}", "ey", random.text(WORD, len));
    format!("{}.{}.{}", part(random, 33), part(random, 70), random.text(WORD, 43))
}

/// A secret that shows by itself, and the rule that finds it.
fn token(random: &mut Random) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    for (a, b, alphabet, len) in TOKENS {
        // It ends with a letter: a dash at the end would be the sentence's.
        all.push((
            "vendor_token",
            format!("{a}{b}{}{}", random.text(alphabet, len - 1), random.text(LOWER_HEX, 1)),
        ));
    }
    all.push(("aws_access_key", format!("{}{}", random.pick(&["AKIA", "ASIA"]), random.text(UPPER, 16))));
    all.push(("jwt", jwt(random)));
    all.push(("credit_card", card(random)));
    all.push(("iban", iban(random)));
    let body: Vec<_> = (0..4).map(|_| random.text(BASE64, 64)).collect();
    let kind = random.pick(&["RSA ", "EC ", "", "OPENSSH ", "ENCRYPTED "]);
    let (dashes, label) = ("-----", format!("{kind}PRIVATE {}", "KEY"));
    all.push((
        "private_key",
        format!("{dashes}BEGIN {label}{dashes}\n{}\n{dashes}END {label}{dashes}", body.join("\n")),
    ));
    all
}

/// Lines around a secret that shows by itself; `{}` is the secret, `{j}` the secret inside JSON.
const AROUND_TOKENS: &[&str] = &[
    "{}",
    "got {} from the store",
    "2024-12-19 10:30:15,123 ERROR client - rejected ({})",
    "level=info msg=\"used {}\" n=1",
    "value={} next=1",
    r#"{"message":"used {j}","n":1}"#,
    r#"{"a":{"b":["x","{j}"]},"n":1}"#,
    r#"{"message":"first\n{j}\nlast"}"#,
    "java.lang.IllegalStateException: bad value '{}'\n\tat com.example.Client.call(Client.java:42)",
    "curl https://api.example.com/v1/items -H 'X-Custom: {}'",
    "<entry>{}</entry>",
    "- item: {}",
    "{'item': '{}', 'n': 1}",
    "INSERT INTO t (a, b) VALUES ('{}', 2)",
    "args: [--value, {}]",
];

/// Lines around a secret that its name shows; `{}` is the secret.
const AROUND_PASSWORDS: &[&str] = &[
    "password={} user=bob",
    "DB_PASSWORD={}",
    "level=error msg=denied db_password=\"{}\" n=1",
    "password: {}",
    "  client_secret: '{}'",
    "apiKey : {}",
    r#"{"user":"bob","password":"{}","n":1}"#,
    r#"{"a":{"b":[{"clientSecret":"{}"}]},"n":1}"#,
    r#"{"pass\u0077ord":"{}"}"#,
    r#"{"passwor\u0064":"{}"}"#,
    r#"{"body":"{\"api_key\":\"{}\",\"n\":1}"}"#,
    r#"{"body":"{\"inner\":\"{\\\"access_token\\\":\\\"{}\\\"}\"}"}"#,
    r#"{"name":"DB_PASSWORD","value":"{}"}"#,
    r#"{"message":"login with password={}\nthen more"}"#,
    "{'password': '{}', 'n': 1}",
    "{\"password\"=>\"{}\", \"n\"=>1}",
    "<user><password>{}</password></user>",
    r#"<Password type="text">{}</Password>"#,
    "postgres://app:{}@db.example.com:5432/orders",
    "Error connecting to redis://:{}@cache:6379",
    "Server=tcp:db;Database=x;User Id=app;Password={};Encrypt=true",
    "DefaultEndpointsProtocol=https;AccountName=x;AccountKey={};EndpointSuffix=core.windows.net",
    "GET /cb?access_token={}&state=1 HTTP/1.1",
    "Authorization: Bearer {}",
    "Authorization: Digest username=\"bob\", realm=\"x\", response=\"{}\"",
    "> x-api-key: {}",
    "Cookie: a=1; sid={}; b=2",
    "Set-Cookie: sid={}; Path=/; HttpOnly",
    r#"{"headers":{"Authorization":"Basic {}","Accept":"*/*"}}"#,
    "curl -H 'Authorization: Bearer {}' https://example.com",
    "app --password {} --verbose",
    "app --api-key={} --verbose",
    r#"["app","--password","{}","--verbose"]"#,
    "mysql: [Warning] PGPASSWORD={} psql -h db",
    "aws_secret_access_key = {}",
    "config Config { user: \"bob\", password: Some(\"{}\") }",
    "Credentials(user='bob', secret='{}')",
    "export GITHUB_TOKEN={}",
];

fn in_json(secret: &str) -> String {
    let quoted = serde_json::to_string(secret).unwrap();
    quoted[1..quoted.len() - 1].to_owned()
}

/// Whether enough of the secret to be of use is left.
fn leaks(text: &str, secret: &str) -> bool {
    let part = &secret[secret.len() / 3..];
    text.contains(part) || text.contains(&in_json(part))
}

#[test]
fn nearly_every_secret_is_gone() {
    let mut random = Random(0x5EED_CA7C_11AE_4721);
    let (mut all, mut missed) = (0_u32, 0_u32);
    let mut by_kind: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    let mut look = |kind: &'static str, line: &str, secret: &str| {
        let redacted = redact(line);
        let miss = leaks(&redacted.text, secret) || redacted.redactions.total() == 0;
        let counts = by_kind.entry(kind).or_default();
        all += 1;
        counts.0 += 1;
        if miss {
            missed += 1;
            counts.1 += 1;
            eprintln!("missed {kind}: {line}\n     -> {}", redacted.text);
        }
        if line.starts_with('{') && serde_json::from_str::<serde_json::Value>(line).is_ok() {
            assert!(
                serde_json::from_str::<serde_json::Value>(&redacted.text).is_ok(),
                "{line} -> {}",
                redacted.text
            );
        }
        let twice = redact(&redacted.text);
        assert_eq!((&twice.text, twice.redactions.total()), (&redacted.text, 0), "{line}");
    };
    for _ in 0..ROUNDS {
        for around in AROUND_TOKENS {
            for (kind, secret) in token(&mut random) {
                let line = around.replace("{j}", &in_json(&secret)).replace("{}", &secret);
                look(kind, &line, &secret);
            }
        }
        for around in AROUND_PASSWORDS {
            for len in [8, 12, 24] {
                let secret = format!("{}{}", random.text("abcdefgh", 1), random.text(PASSWORD, len));
                look("named_field", &around.replacen("{}", &secret, 1), &secret);
            }
        }
        for scheme in ["Bearer", "bearer", "Basic", "BASIC"] {
            for around in ["sent '{}' to x", "got {} here", r#"{"m":"sent {}"}"#, r#"{"m":"a\n{}\nb"}"#] {
                let secret = random.text(ALNUM, 16) + "1a";
                look("credentials", &around.replace("{}", &format!("{scheme} {secret}")), &secret);
            }
        }
    }
    let recall = 1.0 - f64::from(missed) / f64::from(all);
    eprintln!("{all} secrets, {missed} missed, recall {recall:.4}: {by_kind:?}");
    assert!(all > 4000 && recall >= MIN_RECALL, "{missed} of {all} missed");
}

/// What looks like a secret and is none; `{h32}` and the like are generated.
fn look_alike(random: &mut Random, kind: usize) -> (&'static str, String) {
    let digits =
        |random: &mut Random, len: usize| random.text("123456789", 1) + &random.text("0123456789", len - 1);
    let hex = |random: &mut Random, len: usize| random.text(LOWER_HEX, len);
    match kind {
        0 => (
            "uuid",
            format!(
                "{}-{}-4{}-a{}-{}",
                hex(random, 8),
                hex(random, 4),
                hex(random, 3),
                hex(random, 3),
                hex(random, 12)
            ),
        ),
        1 => ("git hash", hex(random, 40)),
        2 => ("trace id", hex(random, 32)),
        3 => ("span id", hex(random, 16)),
        4 => ("epoch s", format!("17{}", digits(random, 8))),
        5 => ("epoch ms", format!("17{}", digits(random, 11))),
        6 => ("epoch us", format!("17{}", digits(random, 14))),
        7 => ("epoch ns", format!("17{}", digits(random, 17))),
        8 => ("order number", format!("9{}", digits(random, 15))),
        9 => ("order number", luhn_completed(format!("1{}", digits(random, 14)))),
        10 => ("failing card", {
            let card = luhn_completed(format!("4{}", digits(random, 14)));
            let last = (card.as_bytes()[15] - b'0' + 1 + u8::try_from(random.below(9)).unwrap()) % 10;
            format!("{}{last}", &card[..15])
        }),
        11 => ("version", format!("v{}.{}.{}", random.below(30), random.below(30), random.below(900))),
        12 => ("decimal", format!("0.{}", luhn_completed(format!("4{}", digits(random, 14))))),
        13 => (
            "longer run",
            format!("{}{}", digits(random, 8), luhn_completed(format!("4{}", digits(random, 14)))),
        ),
        14 => ("X-Ray id", format!("1-{}-{}", hex(random, 8), hex(random, 24))),
        15 => ("sha256", format!("sha256:{}", hex(random, 64))),
        16 => ("image", format!("data:image/png;base64,iVBORw0KGgo{}", random.text(BASE64, 200))),
        17 => ("id in groups", format!("{}-{}-{}", digits(random, 3), digits(random, 4), digits(random, 4))),
        18 => ("account id", digits(random, 12)),
        19 => ("arn", format!("arn:aws:iam::{}:role/service-role", digits(random, 12))),
        20 => ("failing IBAN", format!("DE00{}", digits(random, 18))),
        21 => ("pod", format!("checkout-{}-{}", hex(random, 10), random.text("bcdfghjklmnpqrstvwxz", 5))),
        22 => (
            "timestamp",
            format!(
                "2024-12-19T10:{:02}:{:02}.{:06}Z",
                random.below(60),
                random.below(60),
                random.below(999_999)
            ),
        ),
        _ => ("hex with letters", format!("{}a{}", digits(random, 16), hex(random, 7))),
    }
}

const AROUND_LOOK_ALIKES: &[&str] = &[
    "{}",
    "handled {} in 15 ms",
    "request_id={} status=200",
    "id: {}, next: 2",
    r#"{"trace_id":"{}","status":200}"#,
    r#"{"message":"handled {}","list":["{}"]}"#,
    "GET /v1/items/{} HTTP/1.1",
    "[{}] INFO started",
];

#[test]
fn what_only_looks_like_a_secret_stays_whole() {
    let mut random = Random(0x0DDB_A115_EED5_0001);
    for _ in 0..ROUNDS * 4 {
        for kind in 0..24 {
            for around in AROUND_LOOK_ALIKES {
                let (name, value) = look_alike(&mut random, kind);
                let line = around.replace("{}", &value);
                assert_eq!(redact(&line).text, line, "{name}");
            }
        }
    }
    for line in [
        "token_count=5 max_tokens: 20 tokens=150",
        "password reset requested for bob",
        "basic auth failed; bearer of bad news",
        "Basic authentication is required",
        "bypass=1 compass: north author=ann",
        "SyntaxError: Unexpected token: }",
        "accepted publickey for root from 10.0.0.1 port 22",
        r#"{"password":null,"secret":false,"api_key":"","token":"***"}"#,
        r#"{"message":"enter password:","next":"x"}"#,
        r#"{"message":"password=","n":1}"#,
        r#"{"session_timeout":30,"cookie_banner":true,"authorized":true}"#,
        r#"Parameters: {"user"=>{"password"=>"[FILTERED]"}}"#,
        "nextToken=abcdef page_token=ghijkl",
        "sk-learn task-force-runner-with-long-name desk-checking-procedure",
        "ssh-keygen: generated public key fingerprint SHA256:abc",
        "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----",
        "-----BEGIN PUBLIC KEY-----\nMIIB\n-----END PUBLIC KEY-----",
        "https://example.com:8443/a@b?c=d:e",
        "git@github.com:owner/repository.git",
        "a == b && token == c",
    ] {
        assert_eq!(redact(line).text, line);
    }
}

#[test]
fn a_secret_key_is_recognised_beside_its_key_id() {
    let mut random = Random(7);
    let (id, key) = (format!("{}{}", "AKIA", random.text(UPPER, 16)), random.text(BASE64, 39) + "a");
    let redacted = redact(&format!("keys {id} {key} ok")).redactions;
    assert_eq!((redacted.count(Rule::AwsAccessKey), redacted.count(Rule::AwsSecretKey)), (1, 1));
    assert_eq!(redact(&format!("object {key}")).redactions.total(), 0);
    assert_eq!(redact(&format!("keys {id} {key} ok")).text, format!("keys {MASK} {MASK} ok"));
}
