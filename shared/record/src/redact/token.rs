//! Secrets that show by their own form what they are.

use super::{Finding, MASK, Rule};

/// What marks a vendor's token, how many characters of a token must follow, and who says so.
#[rustfmt::skip]
const VENDOR_PREFIXES: [(&[u8], usize); 13] = [
    (b"ghp_", 30), (b"gho_", 30), (b"ghu_", 30), (b"ghs_", 30), (b"ghr_", 30), (b"github_pat_", 30), // GitHub
    (b"glpat-", 20),                                                // GitLab
    (b"xoxb-", 10), (b"xoxp-", 10), (b"xoxa-", 10),                 // Slack
    (b"sk_live_", 20), (b"rk_live_", 20),                           // Stripe
    (b"AIza", 35),                                                  // Google
];

/// Characters of a JWT's smallest part that is worth the name.
const MIN_JWT_PART: usize = 8;
/// Characters of a JWT's largest header: a line of nothing but beginnings must
/// not be scanned to its end once for each of them.
const MAX_JWT_HEADER: usize = 1024;
/// Characters of a JWT's largest claims or signature; an HTTP header holds 8 KB.
const MAX_JWT_PART: usize = 8192;
/// Characters of the shortest credential behind `Bearer` or `Basic`.
const MIN_CREDENTIAL: usize = 8;
/// An AWS access key id: a prefix of 4 and 16 characters.
const AWS_KEY_TAIL: usize = 16;

/// Whether a token of any kind may begin with this byte.
pub(super) fn may_begin(byte: u8) -> bool {
    matches!(byte, b'A' | b'e' | b'-' | b'B' | b'b' | b'g' | b'x' | b's' | b'r')
}

/// The secret that begins at `at`, or right behind the word there.
pub(super) fn find(bytes: &[u8], at: usize) -> Option<Finding> {
    let rest = bytes.get(at..)?;
    let found = |rule, start: usize, end: usize| {
        Some(Finding { rule, start: at + start, end: at + end, quote: None })
    };
    match rest {
        [b'A', b'K' | b'S', b'I', b'A', tail @ ..] => {
            let len = run(tail, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let ends = !tail.get(len).is_some_and(u8::is_ascii_alphanumeric);
            if len == AWS_KEY_TAIL && ends {
                return found(Rule::AwsAccessKey, 0, 4 + len);
            }
            None
        }
        [b'e', b'y', b'J', ..] => jwt_len(rest).and_then(|len| found(Rule::Jwt, 0, len)),
        [b'-', ..] => private_key_len(rest).and_then(|len| found(Rule::PrivateKey, 0, len)),
        [b'B' | b'b', ..] => {
            let scheme = ["bearer ", "basic "]
                .iter()
                .find(|s| rest.get(..s.len()).is_some_and(|word| word.eq_ignore_ascii_case(s.as_bytes())))?;
            let tail = rest.get(scheme.len()..)?;
            if tail.starts_with(MASK.as_bytes()) {
                return found(Rule::Credentials, scheme.len(), scheme.len() + MASK.len());
            }
            let len = run(tail, is_token68);
            // "bearer of news" and "basic authentication" are words: no digit, no capital, no sign.
            let is_word = tail.get(..len)?.iter().all(u8::is_ascii_lowercase);
            if len < MIN_CREDENTIAL || is_word {
                return None;
            }
            found(Rule::Credentials, scheme.len(), scheme.len() + len)
        }
        _ => {
            let (prefix, least) = VENDOR_PREFIXES.iter().find(|(prefix, _)| rest.starts_with(prefix))?;
            let len =
                run(rest.get(prefix.len()..)?, |b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
            if len < *least {
                return None;
            }
            found(Rule::VendorToken, 0, prefix.len() + len)
        }
    }
}

/// What makes a Slack webhook's address a secret stands behind this.
const SLACK_WEBHOOK: &[u8] = b"hooks.slack.com/services/";

/// The password of `scheme://user:password@host`, or the secret path of a Slack
/// webhook; `at` is the colon of `://`.
pub(super) fn find_in_url(bytes: &[u8], at: usize) -> Option<Finding> {
    let start = at + 3;
    if let Some(path) = bytes.get(start..)?.strip_prefix(SLACK_WEBHOOK) {
        let start = start + SLACK_WEBHOOK.len();
        let len = run(path, |b| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'*'));
        return (len > 0).then_some(Finding {
            rule: Rule::VendorToken,
            start,
            end: start + len,
            quote: None,
        });
    }
    let authority = bytes.get(start..)?;
    let len = run(authority, |b| {
        !b.is_ascii_whitespace() && !matches!(b, b'/' | b'"' | b'\'' | b'<' | b'>' | b'\\')
    });
    let authority = authority.get(..len)?;
    let user_len = authority.iter().rposition(|b| *b == b'@')?;
    let colon = authority.get(..user_len)?.iter().position(|b| *b == b':')?;
    (colon + 1 < user_len).then_some(Finding {
        rule: Rule::UrlPassword,
        start: start + colon + 1,
        end: start + user_len,
        quote: None,
    })
}

/// Three parts of base64url with dots between them.
fn jwt_len(text: &[u8]) -> Option<usize> {
    let mut len = 0;
    for part in 0..3 {
        let rest = text.get(len..)?;
        let most = if part == 0 { MAX_JWT_HEADER } else { MAX_JWT_PART };
        let bounded = rest.get(..rest.len().min(most + 1))?;
        let part_len = run(bounded, is_base64url);
        if part_len > most {
            // Larger than any that is known: masked to its end, and so scanned once.
            return Some(len + run(rest, |b| is_base64url(b) || b == b'.'));
        }
        if part_len < MIN_JWT_PART {
            return None;
        }
        len += part_len;
        if part < 2 {
            if text.get(len) != Some(&b'.') {
                return None;
            }
            len += 1;
        }
    }
    Some(len)
}

/// From `-----BEGIN … PRIVATE KEY-----` to the end of its `-----END …-----`; to
/// the end of the text where that is missing.
fn private_key_len(text: &[u8]) -> Option<usize> {
    let label = text.strip_prefix(b"-----BEGIN ")?;
    let label_len = run(label, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    if !label.get(..label_len)?.ends_with(b"PRIVATE KEY") {
        return None;
    }
    let end = memchr::memmem::find(label, b"-----END ").and_then(|end| {
        let behind = label.get(end + 9..)?;
        Some(end + 9 + memchr::memmem::find(behind, b"-----")? + 5)
    });
    Some(match end {
        Some(end) => text.len() - label.len() + end,
        // Inside a JSON string, what closes the string may stay.
        None => text.iter().position(|b| *b == b'"').unwrap_or(text.len()),
    })
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_token68(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'+' | b'/' | b'=')
}

fn run(bytes: &[u8], wanted: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| wanted(**b)).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jwt_is_masked_whole_at_and_beyond_the_limits() {
        for (header, claims) in [
            (MAX_JWT_HEADER, MAX_JWT_PART),
            (MAX_JWT_HEADER, MAX_JWT_PART + 1),
            (MAX_JWT_HEADER + 1, MAX_JWT_PART),
        ] {
            let jwt = format!("eyJ{}.{}.{}", "h".repeat(header - 3), "c".repeat(claims), "s".repeat(43));
            assert_eq!(jwt_len(jwt.as_bytes()), Some(jwt.len()), "{header} {claims}");
        }
    }
}
