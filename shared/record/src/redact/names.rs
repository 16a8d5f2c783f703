//! The names that say that a value is a secret.

use globset::GlobMatcher;

use super::rule::Treatment;

/// The bytes of a name that are looked at, counted from its end.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// What the name of a secret ends with, in lower case and without `_`, `-` and
/// `.`, which stand here where they may stand: `db_password`, `X-Api-Key` and
/// `clientSecret` are all found.
#[rustfmt::skip]
const SECRET_NAMES: &[&[u8]] = &[
    b"password", b"passwd", b"passwort", b"pwd", b"passphrase", b"pass_phrase", b"passcode", b"password_hash",
    b"password_confirmation", b"secret", b"secret_key", b"secret_access_key", b"secret_value", b"secret_string", b"secret_id",
    b"secret_key_base", b"token", b"api_key", b"access_key", b"account_key", b"private_key", b"priv_key", b"signing_key",
    b"encryption_key", b"master_key", b"shared_key", b"ssh_key", b"hmac_key", b"aes_key", b"auth_key", b"application_key",
    b"app_key", b"subscription_key", b"functions_key", b"license_key", b"client_key_data",
    b"credential", b"credentials", b"authorization", b"cookie", b"session_id", b"phpsessid", b"connect_sid",
    b"connection_string", b"amz_signature", b"goog_signature", b"seed_phrase", b"mnemonic",
    b"shared_access_signature", b"cvv", b"cvc",
];

/// Words that say so only by themselves or as a last word: `DB_PASS`, not `bypass`.
const SECRET_WORDS: &[&[u8]] = &[b"pass", b"pw", b"jwt", b"sig", b"otp"];

/// Names of containers and the like, secret only as a quoted key and where a text
/// stands under it: `"tokens":["x"]`, not `tokens=150` and `"tokens":{"in":150}`.
#[rustfmt::skip]
const CONTAINERS: &[&[u8]] = &[
    b"passwords", b"secrets", b"tokens", b"api_keys", b"access_keys", b"secret_keys", b"private_keys", b"cookies",
    b"bearer",
];

/// Names that end like a secret's and are none: cursors of a list, switches.
const HARMLESS_NAMES: &[&[u8]] =
    &[b"nexttoken", b"pagetoken", b"continuationtoken", b"cancellationtoken", b"synctoken", b"stoptoken"];

/// Headers whose value goes on to the end of the line.
const HEADERS: &[&[u8]] = &[b"authorization", b"cookie"];

/// What a name says of its value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Secret {
    /// The treatment that the configuration has for this name; else the rule's.
    pub(super) treatment: Option<Treatment>,
    pub(super) is_header: bool,
    /// Only texts under a quoted key are secret.
    pub(super) is_container: bool,
}

/// A field that the configuration names.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) glob: GlobMatcher,
    pub(super) treatment: Treatment,
}

/// What the last bytes of a secret's name may be, asked of every `:` and `=`: it
/// must say no at once. By the last two bytes a first table knows how many of
/// them a second table must know (a bit for each hash of a name's end).
#[derive(Debug, Clone)]
pub(super) struct Endings {
    lengths: [u8; 128 * 32],
    tails: [u64; 256],
}

/// Bytes of a name's end that the second table knows: a bit of [`Endings::lengths`] each.
const TAIL_BYTES: [u32; 5] = [2, 3, 4, 6, 8];
/// A digit ends the name: a letter stands before it.
const DIGIT: u8 = 1 << 6;
/// The name must be read.
const READ: u8 = 1 << 7;

impl Endings {
    /// Of the built-in names.
    pub(super) const DEFAULT: Self = Self::builtin();

    /// Every ending: some field's name ends with anything.
    pub(super) const ALL: Self = Self { lengths: [READ; 128 * 32], tails: [0; 256] };

    /// Adds a name of the configuration, in any case.
    pub(super) fn add(&mut self, last_but_one: u8, last: u8) {
        for last in [last.to_ascii_lowercase(), last.to_ascii_uppercase()] {
            if let Some(slot) = self.lengths.get_mut(pair(last_but_one, last)) {
                *slot |= READ;
            }
        }
    }

    /// Whether a secret's name may end at `end`, where these two bytes are.
    #[inline(always)]
    pub(super) fn has(&self, bytes: &[u8], end: usize, before: u8, last: u8) -> bool {
        let lengths = self.lengths.get(pair(before, last)).copied().unwrap_or(0);
        lengths != 0 && self.has_tail(bytes, end, lengths, before)
    }

    #[inline(never)]
    fn has_tail(&self, bytes: &[u8], last: usize, lengths: u8, before: u8) -> bool {
        if lengths & READ != 0 || lengths & DIGIT != 0 && before > b'9' {
            return true;
        }
        let tail = bytes.get(..=last).and_then(|text| text.last_chunk::<16>());
        let Some(tail) = tail.map(|tail| u128::from_be_bytes(*tail)) else { return true };
        // `pass\u0077ord`: some byte is a backslash
        // (<https://graphics.stanford.edu/~seander/bithacks.html#ZeroInWord>).
        let (ones, other) = (u128::from_ne_bytes([1; 16]), tail ^ u128::from_ne_bytes([b'\\'; 16]));
        if other.wrapping_sub(ones) & !other & ones << 7 != 0 {
            return true;
        }
        let tail = (tail & u128::from(u64::MAX)) as u64;
        TAIL_BYTES.iter().enumerate().any(|(i, len)| {
            let place = hash(tail, *len);
            lengths >> i & 1 != 0
                && self.tails.get(place >> 6).is_some_and(|word| word >> (place & 63) & 1 != 0)
        })
    }

    #[allow(clippy::indexing_slicing)] // evaluated at compile time
    const fn builtin() -> Self {
        let mut endings = Self { lengths: [0; 128 * 32], tails: [0; 256] };
        let lists = [SECRET_NAMES, SECRET_WORDS, CONTAINERS, &[b"value".as_slice(), b"private_lines"]];
        let mut list = 0;
        while list < lists.len() {
            let mut i = 0;
            while i < lists[list].len() {
                let name = lists[list][i];
                endings.insert(name, 0);
                endings.insert(name, b'_');
                endings.insert(name, b'-');
                endings.insert(name, b'.');
                i += 1;
            }
            list += 1;
        }
        // Behind these the name is looked for.
        let marks = *b" \t\\]\n";
        let mut i = 0;
        while i < marks.len() {
            let mut before = 0;
            while before < 32 {
                endings.lengths[pair(before, marks[i])] = READ;
                before += 1;
            }
            i += 1;
        }
        // `user%5Bpassword%5D=`
        endings.insert(b"%5D", 0);
        endings
    }

    /// Adds a name whose words `separator` parts; 0 is none.
    #[allow(clippy::indexing_slicing)] // evaluated at compile time
    const fn insert(&mut self, name: &[u8], separator: u8) {
        let mut tail = 0_u64;
        let mut len = 0;
        let mut i = 0;
        while i < name.len() {
            if name[i] != b'_' || separator != 0 {
                let byte = if name[i] == b'_' { separator } else { name[i] };
                tail = tail << 8 | byte as u64;
                len += 1;
            }
            i += 1;
        }
        let mut kind = TAIL_BYTES.len() - 1;
        while TAIL_BYTES[kind] > len {
            kind -= 1;
        }
        let place = hash(tail, TAIL_BYTES[kind]);
        self.tails[place >> 6] |= 1 << (place & 63);
        let (before, last) = (name[name.len() - 2], name[name.len() - 1]);
        self.lengths[pair(before, last)] |= 1 << kind;
        self.lengths[pair(before, last.to_ascii_uppercase())] |= 1 << kind;
        // `password2`
        let mut digit = b'0';
        while len >= 5 && digit <= b'9' {
            self.lengths[pair(last, digit)] |= DIGIT;
            digit += 1;
        }
    }
}

/// Letters of both cases share a place; the last byte has one of its own, for
/// marks and digits are no letters.
const fn pair(last_but_one: u8, last: u8) -> usize {
    (last as usize & 127) << 5 | last_but_one as usize & 31
}

/// The place of the last `len` bytes of a tail, in any case, among 2^14.
const fn hash(tail: u64, len: u32) -> usize {
    let folded = (tail | 0x2020_2020_2020_2020) & (u64::MAX >> (64 - 8 * len));
    (folded.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 50) as usize
}

/// What `name`, as the line has it, says of its value.
pub(super) fn judge(name: &[u8], fields: &[Field]) -> Option<Secret> {
    let mut buffer = [0; MAX_NAME_BYTES];
    let decoded = unescape(name, &mut buffer);
    if !fields.is_empty()
        && let Ok(text) = std::str::from_utf8(decoded)
    {
        let text = text.to_ascii_lowercase();
        if let Some(field) = fields.iter().find(|field| field.glob.is_match(&text)) {
            return Some(Secret { treatment: Some(field.treatment), is_header: false, is_container: false });
        }
    }
    let mut plain = [0; MAX_NAME_BYTES];
    let mut len = 0;
    for (slot, byte) in plain.iter_mut().zip(decoded.iter().filter(|b| !matches!(b, b'_' | b'-' | b'.'))) {
        *slot = byte.to_ascii_lowercase();
        len += 1;
    }
    let plain = plain.get(..len)?;
    // `password2` is a password.
    let plain = plain.get(..plain.iter().rposition(|b| !b.is_ascii_digit())? + 1)?;
    let ends = |names: &[&[u8]]| names.iter().any(|name| ends_with_name(plain, name));
    let is_secret = ends(SECRET_NAMES) && !ends(HARMLESS_NAMES)
        || SECRET_WORDS.iter().any(|word| ends_with_word(decoded, word));
    let is_container = !is_secret && ends(CONTAINERS);
    (is_secret || is_container).then(|| Secret { treatment: None, is_header: ends(HEADERS), is_container })
}

/// Whether a name without separators ends with one that may have them.
fn ends_with_name(plain: &[u8], name: &[u8]) -> bool {
    let mut rest = plain.iter().rev();
    name.iter().rev().filter(|b| **b != b'_').all(|b| rest.next() == Some(b))
}

/// Whether a name is or ends with the word: `DB_PASS`, `dbPass`, not `bypass`.
fn ends_with_word(name: &[u8], word: &[u8]) -> bool {
    let start = name.len().saturating_sub(word.len());
    let Some((before, last)) = name.split_at_checked(start) else { return false };
    last.eq_ignore_ascii_case(word)
        && match before.last() {
            None => true,
            Some(b) if !b.is_ascii_alphanumeric() => true,
            Some(b) => b.is_ascii_lowercase() && last.first().is_some_and(u8::is_ascii_uppercase),
        }
}

/// The name with `\u0070` and the like read, at any depth of backslashes.
fn unescape<'a>(name: &'a [u8], buffer: &'a mut [u8; MAX_NAME_BYTES]) -> &'a [u8] {
    if !name.contains(&b'\\') {
        return name;
    }
    let (mut at, mut len) = (0, 0);
    while let (Some(byte), Some(slot)) = (name.get(at), buffer.get_mut(len)) {
        let mut decoded = *byte;
        at += 1;
        if decoded == b'\\' {
            at += name.get(at..).map_or(0, |rest| rest.iter().take_while(|b| **b == b'\\').count());
            let code = name.get(at + 1..at + 5).and_then(|hex| std::str::from_utf8(hex).ok());
            let code = code.and_then(|hex| u32::from_str_radix(hex, 16).ok());
            if name.get(at) != Some(&b'u') {
                continue;
            }
            // A letter beyond ASCII is in no name that is known.
            decoded = code.and_then(|code| u8::try_from(code).ok()).unwrap_or(b'?');
            at += 5;
        }
        *slot = decoded;
        len += 1;
    }
    buffer.get(..len).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_they_hold() {
        for (name, expected) in [
            ("password", true),
            ("DB_PASSWORD", true),
            ("X-Api-Key", true),
            ("clientSecret", true),
            ("password2", true),
            ("dbPass", true),
            ("DB_PASS", true),
            (r"pass\u0077ord", true),
            (r"passwor\\u0064", true),
            ("bypass", false),
            ("compass", false),
            ("nextToken", false),
            ("tokens", true),
            ("apiKeys", true),
            ("token_count", false),
            ("passwordless", false),
            ("signature", false),
            ("monkey", false),
        ] {
            assert_eq!(judge(name.as_bytes(), &[]).is_some(), expected, "{name}");
            let bytes = name.as_bytes();
            let [.., before, last] = *bytes else { unreachable!() };
            let ending = Endings::DEFAULT.has(bytes, bytes.len() - 1, before, last);
            assert!(ending || !expected || name.contains('\\'), "{name}");
        }
        assert!(judge(b"Set-Cookie", &[]).unwrap().is_header);
    }
}
