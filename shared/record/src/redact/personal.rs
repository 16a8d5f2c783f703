//! Personal data that a configuration may ask for: e-mail addresses, telephone
//! and social security numbers, IP addresses. Off by default, and then never run.

use std::net::{Ipv4Addr, Ipv6Addr};

use super::rule::Rule;
use super::{Finding, Scan};

/// Octets of the longest local part, and of the longest domain (RFC 5321, 4.5.3.1).
const MAX_LOCAL_BYTES: usize = 64;
const MAX_DOMAIN_BYTES: usize = 255;
/// Digits of the shortest and longest international number (ITU-T E.164).
const PHONE_DIGITS: std::ops::RangeInclusive<usize> = 8..=15;
/// Bytes of the longest telephone number with its separators.
const MAX_PHONE_BYTES: usize = 24;
/// Bytes of the longest IPv6 address.
const MAX_ADDRESS_BYTES: usize = 45;

/// Adds the findings of the optional rules that are on.
pub(super) fn scan(scan: &Scan<'_>, found: &mut Vec<Finding>) {
    let bytes = scan.bytes;
    if scan.is_on(Rule::Email) {
        let mut resume = 0;
        for at in memchr::memchr2_iter(b'@', b'%', bytes) {
            if let Some((start, end)) = email(bytes, at)
                && start >= resume
            {
                found.push(Finding::new(Rule::Email, start, end));
                resume = end;
            }
        }
    }
    let (ssn, phone, address) = (scan.is_on(Rule::Ssn), scan.is_on(Rule::Phone), scan.is_on(Rule::IpAddress));
    if !(ssn || phone || address) {
        return;
    }
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let starts = matches!(byte, b'0'..=b'9' | b'+' | b'(' | b':' | b'a'..=b'f' | b'A'..=b'F')
            && starts_number(bytes, at);
        let hit = starts.then(|| {
            let try_rule = |on: bool, rule, find: fn(&[u8]) -> Option<usize>| {
                let len = if on { bytes.get(at..).and_then(find) } else { None };
                len.map(|len| Finding::new(rule, at, at + len))
            };
            try_rule(ssn, Rule::Ssn, ssn_len)
                .or_else(|| try_rule(phone, Rule::Phone, phone_len))
                .or_else(|| try_rule(address, Rule::IpAddress, address_len))
        });
        match hit.flatten() {
            Some(finding) => {
                at = finding.end;
                found.push(finding);
            }
            None => at += 1,
        }
    }
}

/// The address around the `@` (or its `%40`) at `at`.
fn email(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let sign = match bytes.get(at..)? {
        [b'@', ..] => 1,
        [b'%', b'4', b'0', ..] => 3,
        _ => return None,
    };
    let is_local =
        |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'_' | b'+' | b'-') || **b >= 0x80;
    let local = bytes.get(..at)?.iter().rev().take(MAX_LOCAL_BYTES).take_while(is_local).count();
    let mut start = at - local;
    // `\n` before an address in a JSON string.
    if start > 0 && bytes.get(start - 1) == Some(&b'\\') {
        start += 1;
    }
    while start < at && matches!(bytes.get(start), Some(b'.' | b'-')) {
        start += 1;
    }
    let rest = bytes.get(at + sign..)?;
    let is_domain = |b: &&u8| b.is_ascii_alphanumeric() || matches!(**b, b'.' | b'-');
    let len = rest.iter().take(MAX_DOMAIN_BYTES).take_while(is_domain).count();
    let domain = rest.get(..len)?;
    let domain = domain.get(..domain.iter().rposition(|b| b.is_ascii_alphanumeric())? + 1)?;
    let dot = domain.iter().rposition(|b| *b == b'.')?;
    let top = domain.get(dot + 1..)?;
    let is_top = top.len() >= 2 && top.iter().all(u8::is_ascii_alphabetic);
    (start < at && dot > 0 && is_top).then_some((start, at + sign + domain.len()))
}

/// `123-45-6789`: no area 000, 666 or 9xx, no group 00, no serial 0000
/// (<https://www.ssa.gov/employer/randomization.html>).
fn ssn_len(text: &[u8]) -> Option<usize> {
    let [a, b, c, b'-', d, e, b'-', f, g, h, i, ..] = text else { return None };
    let area = [*a, *b, *c];
    let all = [*a, *b, *c, *d, *e, *f, *g, *h, *i].iter().all(u8::is_ascii_digit);
    let is_given = area != *b"000"
        && area != *b"666"
        && *a != b'9'
        && [*d, *e] != *b"00"
        && [*f, *g, *h, *i] != *b"0000";
    (all && is_given && ends_number(text, 11)).then_some(11)
}

/// `+` and 8 to 15 digits, or ten digits as North America writes them.
fn phone_len(text: &[u8]) -> Option<usize> {
    let is_part = |b: &&u8| b.is_ascii_digit() || matches!(**b, b' ' | b'-' | b'.' | b'(' | b')' | b'+');
    let len = text.iter().take(MAX_PHONE_BYTES).take_while(is_part).count();
    let part = text.get(..len)?;
    if part.starts_with(b"+") {
        // Between two digits stand at most two separators: `+49 (30) 1234-567`.
        let (mut end, mut gap, mut digits) = (1, 0, 0);
        for (i, b) in part.iter().enumerate().skip(1) {
            if b.is_ascii_digit() {
                (end, gap, digits) = (i + 1, 0, digits + 1);
            } else {
                gap += 1;
                if gap > 2 || *b == b'+' {
                    break;
                }
            }
        }
        let first = part.get(1).is_some_and(|b| matches!(b, b'1'..=b'9'));
        return (first && PHONE_DIGITS.contains(&digits) && ends_number(text, end)).then_some(end);
    }
    let country =
        part.strip_prefix(b"1-").or_else(|| part.strip_prefix(b"1 ")).or_else(|| part.strip_prefix(b"1."));
    let rest = country.unwrap_or(part);
    let (area, rest) = match rest {
        [b'(', a, b, c, b')', rest @ ..] => {
            ([*a, *b, *c], rest.strip_prefix(b" ").or(rest.strip_prefix(b"-")).unwrap_or(rest))
        }
        [a, b, c, b'-' | b'.', rest @ ..] => ([*a, *b, *c], rest),
        _ => return None,
    };
    let [d, e, f, separator @ (b'-' | b'.'), g, h, i, j, rest @ ..] = rest else { return None };
    let all = area.iter().chain([d, e, f, g, h, i, j]).all(u8::is_ascii_digit);
    let begins = area.first().is_some_and(|b| *b >= b'2') && *d >= b'2';
    let len = part.len() - rest.len();
    (all && begins && *separator != 0 && ends_number(text, len)).then_some(len)
}

fn address_len(text: &[u8]) -> Option<usize> {
    let is_part = |b: &&u8| b.is_ascii_hexdigit() || matches!(**b, b'.' | b':');
    let len = text.iter().take(MAX_ADDRESS_BYTES + 1).take_while(is_part).count();
    let part = text.get(..len)?;
    let v4 = part.iter().take_while(|b| b.is_ascii_digit() || **b == b'.').count();
    let v4 = part.get(..v4)?.strip_suffix(b".").map_or(v4, <[u8]>::len);
    let is = |len: usize, parse: fn(&str) -> bool| {
        part.get(..len).and_then(|part| std::str::from_utf8(part).ok()).is_some_and(parse)
    };
    if is(v4, |s| s.parse::<Ipv4Addr>().is_ok()) && ends_number(text, v4) {
        return Some(v4);
    }
    let colons = part.iter().filter(|b| **b == b':').count();
    if colons < 2 || len > MAX_ADDRESS_BYTES {
        return None;
    }
    // The colon or dot of the sentence behind the address.
    let trimmed = part.iter().rposition(|b| b.is_ascii_hexdigit()).map_or(0, |last| last + 1);
    let len = if part.ends_with(b"::") { len } else { trimmed };
    let has_digit = part.get(..len)?.iter().any(u8::is_ascii_digit);
    (has_digit
        && is(len, |s| s.parse::<Ipv6Addr>().is_ok())
        && !text.get(len).is_some_and(u8::is_ascii_alphanumeric))
    .then_some(len)
}

fn starts_number(bytes: &[u8], at: usize) -> bool {
    let before = |back: usize| at.checked_sub(back).and_then(|i| bytes.get(i)).copied().unwrap_or(b' ');
    match before(1) {
        b'n' | b't' | b'r' => before(2) == b'\\',
        b'-' | b'.' | b'_' | b'+' => false,
        b':' => {
            !before(2).is_ascii_hexdigit() && before(2) != b':' || bytes.get(at).is_some_and(|b| *b != b':')
        }
        other => !other.is_ascii_alphanumeric(),
    }
}

fn ends_number(text: &[u8], len: usize) -> bool {
    let at = |i: usize| text.get(i).copied().unwrap_or(b' ');
    match at(len) {
        b'.' | b'-' => !at(len + 1).is_ascii_alphanumeric(),
        b'_' => false,
        other => !other.is_ascii_alphanumeric(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::{RedactConfig, Redactor};

    #[test]
    fn personal_data_is_found_where_it_is_asked_for() {
        let config: RedactConfig = serde_json::from_str(
            r#"{"rules":{"ssn":"mask","email":"mask","phone":"mask","ip_address":"mask"}}"#,
        )
        .unwrap();
        let mut faults = Vec::new();
        let redactor = Redactor::new(&config, None, &mut faults);
        assert!(faults.is_empty(), "{faults:?}");
        for (line, expected) in [
            ("mail ann.b+c@example.co.uk.", "mail ***."),
            ("q=ann%40example.com&x", "q=***&x"),
            ("ssn 123-45-6789,", "ssn ***,"),
            (
                "ids 000-45-6789 666-45-6789 923-45-6789 123-00-6789",
                "ids 000-45-6789 666-45-6789 923-45-6789 123-00-6789",
            ),
            ("call +49 30 1234567 now", "call *** now"),
            ("call (415) 555-2671 or 415-555-2671", "call *** or ***"),
            ("from 10.0.0.1:8080 to 2001:db8::1", "from ***:8080 to ***"),
            ("ip=::1 v=1.2.3.4.5 at 10:30:15", "ip=*** v=1.2.3.4.5 at 10:30:15"),
            ("std::vec a@b react@18.2.0 @user 2024-12-19", "std::vec a@b react@18.2.0 @user 2024-12-19"),
            (
                "0f8fad5b-d9cb-469f-a165-70867728950e 1734604215123",
                "0f8fad5b-d9cb-469f-a165-70867728950e 1734604215123",
            ),
        ] {
            assert_eq!(redactor.redact(line).text, expected, "{line}");
            assert_eq!(Redactor::default().redact(line).text, line);
        }
    }
}
