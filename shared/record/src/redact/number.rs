//! Numbers that prove themselves: payment cards (issuer, length, Luhn digit) and
//! bank accounts (country, length, ISO 7064 checksum). A number that is part of
//! something longer (an id, a decimal, a run of digits) is neither.

/// Digits of the longest card number (ISO/IEC 7812-1).
const MAX_CARD_DIGITS: usize = 19;
/// Digits of the shortest card number.
const MIN_CARD_DIGITS: usize = 13;
/// Bytes of the longest card number with a blank or dash between its groups.
const MAX_CARD_BYTES: usize = MAX_CARD_DIGITS + 4;
/// Bytes of the longest IBAN (ISO 13616: 34) with its blanks.
const MAX_IBAN_BYTES: usize = 34 + 8;

/// Issuers: the first and last number of the range that the leading digits fall
/// into, how many digits that is, and the lengths that the issuer gives out.
/// <https://en.wikipedia.org/wiki/Payment_card_number#Issuer_identification_number_(IIN)>
#[rustfmt::skip]
const ISSUERS: [(u32, u32, usize, &[usize]); 25] = [
    (4, 4, 1, &[13, 16, 19]),                   // Visa
    (51, 55, 2, &[16]), (2221, 2720, 4, &[16]), // Mastercard
    (34, 34, 2, &[15]), (37, 37, 2, &[15]),     // American Express
    (300, 305, 3, &[14, 16]), (3095, 3095, 4, &[14, 16]), (36, 36, 2, &[14, 16]), (38, 39, 2, &[14, 16]), // Diners Club
    (6011, 6011, 4, &[16, 17, 18, 19]), (644, 649, 3, &[16, 17, 18, 19]), (65, 65, 2, &[16, 17, 18, 19]), // Discover, RuPay
    (3528, 3589, 4, &[16, 17, 18, 19]),         // JCB
    (62, 62, 2, &[16, 17, 18, 19]),             // UnionPay
    (5018, 5018, 4, &[13, 14, 15, 16, 17, 18, 19]), (5020, 5020, 4, &[13, 14, 15, 16, 17, 18, 19]), // Maestro
    (5038, 5038, 4, &[13, 14, 15, 16, 17, 18, 19]), (5893, 5893, 4, &[13, 14, 15, 16, 17, 18, 19]),
    (6304, 6304, 4, &[13, 14, 15, 16, 17, 18, 19]), (6759, 6759, 4, &[13, 14, 15, 16, 17, 18, 19]),
    (6761, 6763, 4, &[13, 14, 15, 16, 17, 18, 19]),
    (2200, 2204, 4, &[16, 17, 18, 19]),         // Mir
    (9792, 9792, 4, &[16]),                     // Troy
    (60, 60, 2, &[16]),                         // RuPay
    (506099, 506198, 6, &[16, 18, 19]),         // Verve
];

/// How a card number is written in groups.
const GROUPINGS: [&[usize]; 4] = [&[4, 4, 4, 4], &[4, 4, 4, 4, 3], &[4, 6, 5], &[4, 6, 4]];

/// Characters of an IBAN, by country.
/// <https://www.swift.com/standards/data-standards/iban-international-bank-account-number>
#[rustfmt::skip]
const IBAN_LENGTHS: [(&[u8; 2], usize); 86] = [
    (b"AD", 24), (b"AE", 23), (b"AL", 28), (b"AT", 20), (b"AZ", 28), (b"BA", 20), (b"BE", 16), (b"BG", 22),
    (b"BH", 22), (b"BI", 27), (b"BR", 29), (b"BY", 28), (b"CH", 21), (b"CR", 22), (b"CY", 28), (b"CZ", 24),
    (b"DE", 22), (b"DJ", 27), (b"DK", 18), (b"DO", 28), (b"EE", 20), (b"EG", 29), (b"ES", 24), (b"FI", 18),
    (b"FK", 18), (b"FO", 18), (b"FR", 27), (b"GB", 22), (b"GE", 22), (b"GI", 23), (b"GL", 18), (b"GR", 27),
    (b"GT", 28), (b"HR", 21), (b"HU", 28), (b"IE", 22), (b"IL", 23), (b"IQ", 23), (b"IS", 26), (b"IT", 27),
    (b"JO", 30), (b"KW", 30), (b"KZ", 20), (b"LB", 28), (b"LC", 32), (b"LI", 21), (b"LT", 20), (b"LU", 20),
    (b"LV", 21), (b"LY", 25), (b"MC", 27), (b"MD", 24), (b"ME", 22), (b"MK", 19), (b"MN", 20), (b"MR", 27),
    (b"MT", 31), (b"MU", 30), (b"NI", 28), (b"NL", 18), (b"NO", 15), (b"OM", 23), (b"PK", 24), (b"PL", 28),
    (b"PS", 29), (b"PT", 25), (b"QA", 29), (b"RO", 24), (b"RS", 22), (b"RU", 33), (b"SA", 24), (b"SC", 31),
    (b"SD", 18), (b"SE", 24), (b"SI", 19), (b"SK", 24), (b"SM", 27), (b"SO", 23), (b"ST", 25), (b"SV", 28),
    (b"TL", 23), (b"TN", 24), (b"TR", 26), (b"UA", 29), (b"VA", 22), (b"VG", 24),
];

/// The card number whose ninth byte or an earlier one is at `at`, where the scan
/// saw eight digits in one or two groups: from where to where.
pub(super) fn card(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let window = at.saturating_sub(8);
    let start = (window..at).rev().take_while(|i| is_card_byte(byte(bytes, *i))).last().unwrap_or(at);
    let len = bytes.get(start..)?.iter().take(MAX_CARD_BYTES + 9).take_while(|b| is_card_byte(**b)).count();
    let end = start + len;
    let mut from = start;
    while from <= at {
        let group = digits(bytes, from, end);
        if group > 0
            && let Some(len) = card_from(bytes, from, end)
            && stands_alone(bytes, from, from + len)
        {
            return Some((from, from + len));
        }
        from += group + 1;
    }
    None
}

/// The length of the card number that begins at `from`, in one group or several.
fn card_from(bytes: &[u8], from: usize, end: usize) -> Option<usize> {
    let first = digits(bytes, from, end);
    if (MIN_CARD_DIGITS..=MAX_CARD_DIGITS).contains(&first) {
        return is_card(bytes.get(from..from + first)?).then_some(first);
    }
    let separator = byte(bytes, from + first);
    GROUPINGS.iter().rev().find_map(|grouping| {
        let mut at = from;
        for (i, wanted) in grouping.iter().enumerate() {
            if i > 0 {
                if byte(bytes, at) != separator {
                    return None;
                }
                at += 1;
            }
            if digits(bytes, at, end) != *wanted {
                return None;
            }
            at += wanted;
        }
        is_card(bytes.get(from..at)?).then_some(at - from)
    })
}

/// Whether what surrounds a number leaves it a number of its own.
fn stands_alone(bytes: &[u8], start: usize, end: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map_or(0, |i| byte(bytes, i));
    let grouped = bytes.get(start..end).and_then(|text| text.iter().find(|b| !b.is_ascii_digit()));
    let starts = match before(1) {
        // `\n` and its like in a JSON string are no letters.
        b'n' | b't' | b'r' => before(2) == b'\\',
        b'.' | b'+' => false,
        b'-' | b'_' => !before(2).is_ascii_alphanumeric() && before(2) != b'_',
        other => !other.is_ascii_alphanumeric() && other < 0x80,
    };
    let ends = match byte(bytes, end) {
        b'.' => !byte(bytes, end + 1).is_ascii_digit(),
        b'-' => !byte(bytes, end + 1).is_ascii_alphanumeric(),
        // A fifth group of four is an id in groups.
        b' ' if grouped == Some(&b' ') => digits(bytes, end + 1, end + 6) != 4,
        other => !other.is_ascii_alphanumeric() && other != b'_' && other < 0x80,
    };
    starts && ends && !is_named_id(bytes, start)
}

/// Whether the name before the number says that it is an id: `"span_id":`,
/// `orderId=`. Ids of 64 bits fall into an issuer's range, and one in ten passes
/// the checksum; an id of a card is still one.
fn is_named_id(bytes: &[u8], start: usize) -> bool {
    let before = bytes.get(start.saturating_sub(48)..start).unwrap_or_default();
    let trimmed = before.iter().rposition(|b| !matches!(b, b'"' | b'\'' | b'\\' | b' ' | b':' | b'=' | b'['));
    let Some(name) = trimmed.and_then(|last| before.get(..=last)) else { return false };
    if name.len() == before.len() {
        return false;
    }
    let start = name.iter().rposition(|b| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.'));
    let name = name.get(start.map_or(0, |i| i + 1)..).unwrap_or_default();
    let lower = name.to_ascii_lowercase();
    let is_id = match name {
        [.., before, b'I', b'D'] => !before.is_ascii_uppercase(),
        [.., b'I', b'd'] | [.., b'_' | b'-' | b'.', b'i', b'd'] => true,
        _ => false,
    };
    // Written as one word: `spanid` is an id, `paid` and `valid` are none.
    let is_id = is_id || IDS.contains(&lower.as_slice()) || ID_ENDINGS.iter().any(|end| lower.ends_with(end));
    is_id && memchr::memmem::find(&lower, b"card").is_none()
}

const IDS: [&[u8]; 9] = [b"id", b"uid", b"pid", b"gid", b"tid", b"sid", b"cid", b"rid", b"oid"];
#[rustfmt::skip]
const ID_ENDINGS: [&[u8]; 10] = [
    b"uuid", b"guid", b"spanid", b"traceid", b"requestid", b"userid", b"orderid", b"sessionid", b"messageid", b"eventid",
];

fn is_card(text: &[u8]) -> bool {
    let mut plain = [0; MAX_CARD_DIGITS];
    let mut len = 0;
    for digit in text.iter().filter(|b| b.is_ascii_digit()) {
        let Some(slot) = plain.get_mut(len) else { return false };
        *slot = digit - b'0';
        len += 1;
    }
    let number = plain.get(..len).unwrap_or_default();
    let leading = |count: usize| number.iter().take(count).fold(0, |n, d| n * 10 + u32::from(*d));
    let is_issued = ISSUERS.iter().any(|(first, last, count, lengths)| {
        lengths.contains(&len) && (*first..=*last).contains(&leading(*count))
    });
    is_issued && luhn(number)
}

/// <https://en.wikipedia.org/wiki/Luhn_algorithm>
fn luhn(number: &[u8]) -> bool {
    let sum: u32 = number
        .iter()
        .rev()
        .enumerate()
        .map(|(i, d)| match (i % 2, u32::from(*d)) {
            (0, d) => d,
            (_, d) if d > 4 => 2 * d - 9,
            (_, d) => 2 * d,
        })
        .sum();
    sum.is_multiple_of(10)
}

/// The bank account number with the digit at `at`: from where to where.
pub(super) fn iban(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let window = at.saturating_sub(MAX_IBAN_BYTES);
    let mut start = at;
    while start > window {
        start -= 1;
        if !is_iban_byte(byte(bytes, start)) {
            return None;
        }
        if let [a, b, c, d, ..] = bytes.get(start..)?
            && a.is_ascii_uppercase()
            && b.is_ascii_uppercase()
            && c.is_ascii_digit()
            && d.is_ascii_digit()
            && starts_word(bytes, start)
            && let Some(len) = iban_from(bytes.get(start..)?, [*a, *b])
        {
            return Some((start, start + len));
        }
    }
    None
}

fn iban_from(text: &[u8], country: [u8; 2]) -> Option<usize> {
    let (_, wanted) = IBAN_LENGTHS.iter().find(|(code, _)| **code == country)?;
    let mut plain = [0; 34];
    let (mut found, mut at) = (0, 0);
    while found < *wanted {
        let next = byte(text, at);
        if next == b' ' && found > 0 && found % 4 == 0 {
            at += 1;
            continue;
        }
        if !next.is_ascii_uppercase() && !next.is_ascii_digit() {
            return None;
        }
        *plain.get_mut(found)? = next;
        found += 1;
        at += 1;
    }
    let ends = !byte(text, at).is_ascii_alphanumeric() && byte(text, at) != b'_';
    let plain = plain.get(..found)?;
    // The country and check digits go to the end; letters count from 10.
    let remainder = plain.iter().cycle().skip(4).take(found).fold(0_u32, |rest, b| match b {
        b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
        _ => (rest * 100 + u32::from(b - b'A') + 10) % 97,
    });
    // 00, 01 and 99 are no check digits.
    let is_checked = !matches!(plain, [_, _, b'0', b'0' | b'1', ..] | [_, _, b'9', b'9', ..]);
    (ends && is_checked && remainder == 1).then_some(at)
}

fn starts_word(bytes: &[u8], start: usize) -> bool {
    let before = |back: usize| start.checked_sub(back).map_or(0, |i| byte(bytes, i));
    match before(1) {
        b'n' | b't' | b'r' => before(2) == b'\\',
        other => !other.is_ascii_alphanumeric() && other != b'_' && other < 0x80,
    }
}

fn is_card_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b' ' | b'-')
}

fn is_iban_byte(byte: u8) -> bool {
    byte.is_ascii_digit() || byte.is_ascii_uppercase() || byte == b' '
}

fn digits(bytes: &[u8], from: usize, end: usize) -> usize {
    let end = end.min(bytes.len());
    bytes.get(from..end).map_or(0, |rest| rest.iter().take_while(|b| b.is_ascii_digit()).count())
}

/// The byte at `at`; 0 beyond the text.
fn byte(bytes: &[u8], at: usize) -> u8 {
    bytes.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::string_slice)]
mod tests {
    use super::*;

    #[test]
    fn cards_stand_alone_and_prove_themselves() {
        for (text, expected) in [
            ("pay 4111111111111111 now", Some("4111111111111111")),
            ("4111 1111 1111 1111", Some("4111 1111 1111 1111")),
            ("4111-1111-1111-1111.", Some("4111-1111-1111-1111")),
            ("qty 1234 4111 1111 1111 1111", Some("4111 1111 1111 1111")),
            ("3782 822463 10005", Some("3782 822463 10005")),
            ("3056 930902 5904", Some("3056 930902 5904")),
            ("4222222222222", Some("4222222222222")),
            ("card_id=4111111111111111", Some("4111111111111111")),
            // The last digit is wrong; no issuer; a decimal; a longer run; an id.
            ("4111111111111112", None),
            ("9111111111111110", None),
            ("0.4111111111111111", None),
            ("4111111111111111.5", None),
            ("04111111111111111111", None),
            ("a4111111111111111", None),
            ("4111111111111111f", None),
            ("x-4111111111111111", None),
            ("1111-4111-1111-1111-1111", None),
            ("4111 1111 1111 1111 1111", None),
            ("\"span_id\":4111111111111111", None),
            ("orderId=4111111111111111", None),
            ("orderID=4111111111111111", None),
            ("spanid=4111111111111111", None),
            ("uid=4111111111111111", None),
            ("\"paid\":4111111111111111", Some("4111111111111111")),
            ("PAID=4111111111111111", Some("4111111111111111")),
        ] {
            let found = (0..text.len()).find_map(|at| card(text.as_bytes(), at));
            assert_eq!(found.map(|(a, b)| &text[a..b]), expected, "{text}");
        }
    }

    #[test]
    fn ibans_prove_themselves() {
        for (text, expected) in [
            ("to DE89370400440532013000.", Some("DE89370400440532013000")),
            ("DE89 3704 0044 0532 0130 00 x", Some("DE89 3704 0044 0532 0130 00")),
            ("GB29NWBK60161331926819", Some("GB29NWBK60161331926819")),
            ("NL91 ABNA 0417 1643 00", Some("NL91 ABNA 0417 1643 00")),
            ("DE89370400440532013001", None),
            ("XX89370400440532013000", None),
            ("ADE89370400440532013000", None),
            ("DE893704004405320130000", None),
        ] {
            let at = text.find("0").unwrap() + 4;
            assert_eq!(iban(text.as_bytes(), at).map(|(a, b)| &text[a..b]), expected, "{text}");
        }
    }
}
