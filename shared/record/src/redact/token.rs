//! Secrets that show by their own form what they are.

use super::rule::Rule;
use super::vendor;
use super::{Finding, MASK, Scan};

/// Characters of a JWT's smallest part that is worth the name.
const MIN_JWT_PART: usize = 8;
/// Characters of a JWT's largest header: a line of nothing but beginnings must
/// not be scanned to its end once for each of them.
const MAX_JWT_HEADER: usize = 1024;
/// Characters of a JWT's largest claims or signature; an HTTP header holds 8 KB.
const MAX_JWT_PART: usize = 8192;
/// Parts of an encrypted token (RFC 7516); a signed one has three.
const MAX_JWT_PARTS: usize = 5;
/// Characters of the shortest credential behind `Bearer` or `Basic`.
const MIN_CREDENTIAL: usize = 6;
/// An AWS access key id: a prefix of 4 and 16 characters.
const AWS_KEY_TAIL: usize = 16;
/// Characters of an AWS secret access key.
const AWS_SECRET: usize = 40;
/// Characters of the shortest rest of a private key that is taken for one.
const MIN_KEY_REST: usize = 16;

/// The token that the long word at `start` is or ends.
pub(super) fn find(scan: &mut Scan<'_>, start: usize) -> Option<Finding> {
    let bytes = scan.bytes;
    let rest = bytes.get(start..)?;
    let found = |rule, start: usize, len: usize| Some(Finding::new(rule, start, start + len));
    match rest {
        [b'A', b'K' | b'S', b'I', b'A', tail @ ..] if scan.is_on(Rule::AwsAccessKey) => {
            let len = run(tail, |b| b.is_ascii_uppercase() || b.is_ascii_digit());
            let ends = !tail.get(len).is_some_and(u8::is_ascii_alphanumeric);
            if len == AWS_KEY_TAIL && ends {
                scan.has_aws_key = true;
                return found(Rule::AwsAccessKey, start, 4 + len);
            }
        }
        [b'e', b'y', b'J' | b'A', ..] if scan.is_on(Rule::Jwt) => {
            if let Some(len) = jwt_len(rest) {
                return found(Rule::Jwt, start, len);
            }
        }
        _ => {}
    }
    if !scan.is_on(Rule::VendorToken) {
        return None;
    }
    vendor::token_len(rest).and_then(|len| found(Rule::VendorToken, start, len))
}

/// The token that begins before the long word at `start`: its prefix ends with a
/// dot or colon, or it is the second half, or a scheme stands before it.
pub(super) fn find_before(scan: &Scan<'_>, start: usize) -> Option<Finding> {
    let bytes = scan.bytes;
    let before = bytes.get(..start)?;
    match before {
        // SG. hvs. ya29. xoxe. dp.pt.
        [.., b'.'] if scan.is_on(Rule::VendorToken) => {
            let prefix = before.iter().rev().take(6).take_while(|b| b.is_ascii_alphanumeric() || **b == b'.');
            let mut from = start - prefix.count();
            // The `n` of `\nya29.` in a JSON string is no part of it.
            from += usize::from(from > 0 && bytes.get(from - 1) == Some(&b'\\'));
            if !starts_token(bytes, from) {
                return None;
            }
            let len = vendor::token_len(bytes.get(from..)?)?;
            Some(Finding::new(Rule::VendorToken, from, from + len))
        }
        // A Telegram bot: its number, a colon, `AA` and 33 characters.
        [.., b'0'..=b'9', b':'] if scan.is_on(Rule::VendorToken) => {
            let tail = bytes.get(start..)?;
            let digits = before.iter().rev().skip(1).take(12).take_while(|b| b.is_ascii_digit()).count();
            let is_bot = tail.starts_with(b"AA") && run(tail, is_base64url) == 35 && digits >= 8;
            is_bot.then(|| Finding::new(Rule::VendorToken, start, start + 35))
        }
        [.., b' '] if scan.is_on(Rule::Credentials) => {
            let scheme = before.split_last()?.1;
            let word = scheme.get(scheme.len().saturating_sub(7)..)?.to_ascii_lowercase();
            let is_scheme =
                [b"token".as_slice(), b"apikey", b"api-key", b"api_key"].iter().any(|s| word.ends_with(s));
            let len = run(bytes.get(start..)?, is_token68);
            let text = bytes.get(start..start + len)?;
            let is_random = text.iter().any(u8::is_ascii_digit) && text.iter().any(u8::is_ascii_alphabetic);
            (is_scheme && is_random && !is_uuid(text))
                .then(|| Finding::new(Rule::Credentials, start, start + len))
        }
        _ => None,
    }
}

/// `Bearer x` or `Basic x`, where `at` is the `b`.
pub(super) fn find_scheme(scan: &Scan<'_>, at: usize) -> Option<Finding> {
    if !scan.is_on(Rule::Credentials) || !starts_token(scan.bytes, at) {
        return None;
    }
    let rest = scan.bytes.get(at..)?;
    let scheme = ["bearer", "basic"]
        .iter()
        .find(|s| rest.get(..s.len()).is_some_and(|word| word.eq_ignore_ascii_case(s.as_bytes())))?;
    let behind = rest.get(scheme.len()..)?;
    let blanks =
        if behind.starts_with(b"%20") { 3 } else { run(behind, |b| b == b' ' || b == b':' || b == b'+') };
    let tail = behind.get(blanks..)?;
    if blanks == 0 || tail.starts_with(MASK.as_bytes()) {
        return None;
    }
    let len = run(tail, is_token68);
    // "bearer of news" and "Basic authentication" are words: no digit, no sign, no capital inside.
    let text = tail.get(..len)?;
    let text = text.get(..text.iter().rposition(|b| *b != b'.').map_or(0, |i| i + 1))?;
    let is_word = text.iter().skip(1).all(|b| b.is_ascii_lowercase() || matches!(b, b'-' | b'_'))
        || text.iter().all(|b| b.is_ascii_uppercase());
    let start = at + scheme.len() + blanks;
    (text.len() >= MIN_CREDENTIAL && !is_word)
        .then(|| Finding::new(Rule::Credentials, start, start + text.len()))
}

/// What stands before the secret part of a webhook's address, and whether a
/// path of several parts follows.
const WEBHOOKS: [&[u8]; 6] = [
    b"hooks.slack.com/services/",
    b"hooks.slack.com/workflows/",
    b"discord.com/api/webhooks/",
    b"discordapp.com/api/webhooks/",
    b"outlook.office.com/webhook/",
    b"hooks.zapier.com/hooks/catch/",
];

/// The password of `scheme://user:password@host`, or the secret path of a
/// webhook; `at` is the colon of `://`.
pub(super) fn find_in_url(scan: &mut Scan<'_>, at: usize) -> Option<Finding> {
    let start = at + 3;
    let text = scan.bytes.get(start..)?;
    if let Some(prefix) = WEBHOOKS.iter().find(|prefix| text.starts_with(prefix))
        && scan.is_on(Rule::VendorToken)
    {
        let path = text.get(prefix.len()..)?;
        let len = run(path, |b| is_base64url(b) || matches!(b, b'/' | b'@'));
        let start = start + prefix.len();
        return (len > 0).then(|| Finding::new(Rule::VendorToken, start, start + len));
    }
    if !scan.is_on(Rule::UrlPassword) {
        return None;
    }
    // A password may hold anything but what ends a URL; a `/` in it shows only by
    // an `@` that follows before the next blank, and host and port come before a path.
    let len =
        run(text, |b| !b.is_ascii_whitespace() && !matches!(b, b'/' | b'"' | b'\'' | b'<' | b'>' | b'\\'));
    let authority = text.get(..len)?;
    let user_len = authority.iter().rposition(|b| *b == b'@')?;
    let authority = authority.get(..user_len)?;
    if let Some(colon) = authority.iter().position(|b| *b == b':') {
        return (colon + 1 < user_len)
            .then(|| Finding::new(Rule::UrlPassword, start + colon + 1, start + user_len));
    }
    // A token for a user: `https://x0f3…@github.com`; a name is no secret.
    let is_token = user_len >= 20
        && authority.iter().any(u8::is_ascii_digit)
        && authority.iter().all(|b| is_base64url(*b));
    is_token.then(|| Finding::new(Rule::UrlPassword, start, start + user_len))
}

/// Three parts of base64url with dots between them, or five; the claims of an
/// unsigned token have no signature behind them.
fn jwt_len(text: &[u8]) -> Option<usize> {
    let mut len = 0;
    let mut parts = 0;
    let mut is_unsigned = false;
    while parts < MAX_JWT_PARTS {
        let rest = text.get(len..)?;
        let most = if parts == 0 { MAX_JWT_HEADER } else { MAX_JWT_PART };
        let bounded = rest.get(..rest.len().min(most + 1))?;
        let part_len = run(bounded, is_base64url);
        if part_len > most {
            // Larger than any that is known: masked to its end, and so scanned once.
            return Some(len + run(rest, |b| is_base64url(b) || b == b'.'));
        }
        if parts == 1 {
            is_unsigned = rest.starts_with(b"eyJ");
        }
        // The key part of an encrypted token may be empty.
        if part_len < MIN_JWT_PART && !(parts == 1 && part_len == 0) {
            break;
        }
        len += part_len;
        parts += 1;
        if text.get(len) != Some(&b'.') || parts == MAX_JWT_PARTS {
            break;
        }
        len += 1;
    }
    if parts < 3 && !(parts == 2 && is_unsigned) {
        return None;
    }
    // The dot behind the token is the sentence's.
    Some(if text.get(len - 1) == Some(&b'.') { len - 1 } else { len })
}

/// A private key whose `BEGIN` ends the dashes before `at`: to the end of its
/// `END …-----`; to the end of the text where that is missing.
pub(super) fn find_private_key(scan: &mut Scan<'_>, at: usize) -> Option<Finding> {
    let bytes = scan.bytes;
    let rest = bytes.get(at..)?;
    let label = rest.strip_prefix(b"BEGIN ").or_else(|| rest.strip_prefix(b" BEGIN "))?;
    let label_len = run(label, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    if label_len > 64 || memchr::memmem::find(label.get(..label_len)?, b"PRIVATE KEY").is_none() {
        return None;
    }
    if !scan.is_on(Rule::PrivateKey) {
        return None;
    }
    let dashes = bytes.get(..at)?.iter().rev().take_while(|b| **b == b'-').count();
    let body = bytes.len() - label.len();
    // No key has a quote in it: in JSON it ends where the string does that it stands in.
    let string = label.get(..string_len(label))?;
    let area = if scan.is_json { string } else { label };
    // Looked for once: what is not there for this key is there for no later one.
    let end = if scan.no_key_end { None } else { key_end(area) };
    let end = end.and_then(|end| {
        let closing = body + end;
        Some(closing + memchr::memmem::find(bytes.get(closing..body + area.len())?, b"----")? + 4)
    });
    scan.no_key_end |= end.is_none() && !scan.is_json;
    let end = match end {
        Some(end) => end + run(bytes.get(end..)?, |b| b == b'-'),
        None => body + string.len(),
    };
    Some(Finding::new(Rule::PrivateKey, at - dashes, end))
}

/// Where a key's `-----END ` is passed; SSH2 has a blank behind its dashes.
fn key_end(text: &[u8]) -> Option<usize> {
    [b"-END ".as_slice(), b"- END "]
        .iter()
        .find_map(|end| memchr::memmem::find(text, end).map(|at| at + end.len()))
}

/// The rest of a private key whose beginning is elsewhere, in an earlier batch:
/// the base64 directly before the `END …-----` whose dashes end before `at`.
pub(super) fn find_private_key_rest(scan: &mut Scan<'_>, at: usize) -> Option<Finding> {
    let label = scan.bytes.get(at..)?;
    let label = label.strip_prefix(b"END ").or_else(|| label.strip_prefix(b" END "))?;
    let label_len = run(label, |b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b' ');
    let closing = label.get(label_len..)?;
    if label_len > 64
        || memchr::memmem::find(label.get(..label_len)?, b"PRIVATE KEY").is_none()
        || !closing.starts_with(b"--")
        || !scan.is_on(Rule::PrivateKey)
    {
        return None;
    }
    let run_before = |end: usize, wanted: fn(u8) -> bool| {
        scan.bytes.get(..end).map_or(0, |before| before.iter().rev().take_while(|b| wanted(**b)).count())
    };
    let dashes = at - run_before(at, |b| b == b'-');
    // No dash is passed: what is before another marker is not looked at again.
    let mut start = dashes;
    loop {
        // Line ends as they are, and as JSON writes them, at any depth.
        start -= run_before(start, |b| is_base64(b) || matches!(b, b'\n' | b'\r' | b'\\'));
        let indent = start - run_before(start, |b| matches!(b, b' ' | b'\t'));
        let before = scan.bytes.get(..indent)?;
        if indent == start || !(before.ends_with(b"\n") || before.ends_with(b"\\n")) {
            break;
        }
        start = indent;
    }
    if dashes - start < MIN_KEY_REST {
        return None;
    }
    // What looked like a secret of another kind was a part of this one.
    while scan.found.last().is_some_and(|found| found.start >= start) {
        scan.found.pop();
    }
    scan.resume = scan.found.last().map_or(0, |found| found.end);
    let end = scan.bytes.len() - closing.len() + run(closing, |b| b == b'-');
    Some(Finding::new(Rule::PrivateKey, start.max(scan.resume), end))
}

/// The length of a text up to a quote, without the backslashes before that.
fn string_len(text: &[u8]) -> usize {
    let len = memchr::memchr(b'"', text).unwrap_or(text.len());
    let backslashes =
        text.get(..len).map_or(0, |text| text.iter().rev().take_while(|b| **b == b'\\').count());
    if len < text.len() { len - backslashes } else { len }
}

/// The body of a PuTTY key; `at` is the colon of `Private-Lines:`.
pub(super) fn find_putty_key(scan: &Scan<'_>, at: usize) -> Option<Finding> {
    let before = scan.bytes.get(..at)?;
    if !before.ends_with(b"Private-Lines") || !scan.is_on(Rule::PrivateKey) {
        return None;
    }
    let rest = scan.bytes.get(at + 1..)?;
    let start = run(rest, |b| b == b' ');
    let len = string_len(rest.get(start..)?);
    let text = rest.get(start..start + len)?;
    (len > 0 && !text.starts_with(MASK.as_bytes()) && !text.starts_with(super::HASH_PREFIX))
        .then(|| Finding::new(Rule::PrivateKey, at + 1 + start, at + 1 + start + len))
}

/// The words of 40 characters that a secret access key may be, in a line with a key id.
pub(super) fn find_aws_secrets(bytes: &[u8], found: &mut Vec<Finding>) {
    let is_key = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'/');
    let mut at = 0;
    while at < bytes.len() {
        let len = run(bytes.get(at..).unwrap_or_default(), is_key);
        let word = bytes.get(at..at + len).unwrap_or_default();
        let has = |class: fn(&u8) -> bool| word.iter().any(class);
        if len == AWS_SECRET
            && has(u8::is_ascii_uppercase)
            && has(u8::is_ascii_lowercase)
            && has(|b| b.is_ascii_digit() || matches!(b, b'+' | b'/'))
        {
            found.push(Finding::new(Rule::AwsSecretKey, at, at + len));
        }
        at += len + 1;
    }
}

/// A token begins where no letter or digit stands before it; `\n` and its like
/// inside a JSON string do not count as letters.
pub(super) fn starts_token(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| bytes.get(i)).copied();
    match before(1) {
        None => true,
        Some(b'n' | b't' | b'r') if before(2) == Some(b'\\') => true,
        Some(byte) => !byte.is_ascii_alphanumeric() && byte != b'_',
    }
}

fn is_uuid(text: &[u8]) -> bool {
    text.len() == 36 && text.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
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
