//! The names that say that a value is a secret.

use globset::GlobMatcher;

use super::rule::Treatment;

/// The bytes of a name that are looked at, counted from its end.
pub(super) const MAX_NAME_BYTES: usize = 64;

/// What the name of a secret ends with, in lower case and without `_`, `-` and
/// `.`: `db_password`, `X-Api-Key` and `clientSecret` are all found.
#[rustfmt::skip]
const SECRET_NAMES: &[&[u8]] = &[
    b"password", b"passwd", b"passwort", b"pwd", b"passphrase", b"passcode", b"passwordhash", b"passwordconfirmation",
    b"secret", b"secretkey", b"secretaccesskey", b"secretvalue", b"secretstring", b"secretid", b"secretkeybase",
    b"token", b"apikey", b"apikeyvalue", b"accesskey", b"accountkey", b"privatekey", b"privkey", b"signingkey",
    b"encryptionkey", b"masterkey", b"sharedkey", b"sshkey", b"hmackey", b"aeskey", b"authkey", b"applicationkey",
    b"appkey", b"subscriptionkey", b"functionskey", b"licensekey", b"clientkeydata",
    b"credential", b"credentials", b"authorization", b"cookie", b"sessionid", b"phpsessid", b"connectsid",
    b"connectionstring", b"amzsignature", b"googsignature", b"seedphrase", b"mnemonic", b"recoverycode",
    b"sharedaccesssignature", b"cvv", b"cvc",
];

/// Words that say so only by themselves or as a last word: `DB_PASS`, not `bypass`.
const SECRET_WORDS: &[&[u8]] = &[b"pass", b"pw", b"jwt", b"sig", b"otp"];

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
}

/// A field that the configuration names.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) glob: GlobMatcher,
    pub(super) treatment: Treatment,
}

/// Two bytes that the name of a secret may end with: 128 × 128 bits.
#[derive(Debug, Clone)]
pub(super) struct Endings([u64; 256]);

impl Endings {
    /// Of the built-in names.
    pub(super) const DEFAULT: Self = Self::builtin();

    /// Every ending: some field's name ends with anything.
    pub(super) const ALL: Self = Self([u64::MAX; 256]);

    /// Adds a name of the configuration, in any case.
    pub(super) fn add(&mut self, last_but_one: u8, last: u8) {
        for a in [last_but_one.to_ascii_lowercase(), last_but_one.to_ascii_uppercase()] {
            for b in [last.to_ascii_lowercase(), last.to_ascii_uppercase()] {
                let (word, bit) = place(a, b);
                if let Some(slot) = self.0.get_mut(word) {
                    *slot |= bit;
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn has(&self, last_but_one: u8, last: u8) -> bool {
        let (word, bit) = place(last_but_one, last);
        self.0.get(word).is_some_and(|slot| slot & bit != 0)
    }

    #[allow(clippy::indexing_slicing)] // evaluated at compile time
    const fn builtin() -> Self {
        let mut table = [0; 256];
        let lists = [SECRET_NAMES, SECRET_WORDS, &[b"value".as_slice(), b"privatelines", b"5D", b"5d"]];
        let mut list = 0;
        while list < lists.len() {
            let mut i = 0;
            while i < lists[list].len() {
                let name = lists[list][i];
                let (a, b) = (name[name.len() - 2], name[name.len() - 1]);
                let mut case = 0;
                while case < 4 {
                    let a = if case & 1 == 0 { a } else { a.to_ascii_uppercase() };
                    let b = if case & 2 == 0 { b } else { b.to_ascii_uppercase() };
                    let (word, bit) = place(a, b);
                    table[word] |= bit;
                    // `password2`
                    if lists[list].len() > 10 {
                        let mut digit = b'0';
                        while digit <= b'9' {
                            let (word, bit) = place(b, digit);
                            table[word] |= bit;
                            digit += 1;
                        }
                    }
                    case += 1;
                }
                i += 1;
            }
            list += 1;
        }
        // Behind these the name is looked for.
        let marks = [b' ', b'\t', b'\\', b']', b'\n'];
        let mut i = 0;
        while i < marks.len() {
            let mut a = 0;
            while a < 128 {
                let (word, bit) = place(a, marks[i]);
                table[word] |= bit;
                a += 1;
            }
            i += 1;
        }
        Self(table)
    }
}

const fn place(last_but_one: u8, last: u8) -> (usize, u64) {
    let pair = (last as usize & 127) << 7 | last_but_one as usize & 127;
    (pair >> 6, 1 << (pair & 63))
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
            return Some(Secret { treatment: Some(field.treatment), is_header: false });
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
    let ends = |names: &[&[u8]]| names.iter().any(|name| plain.ends_with(name));
    let is_secret = ends(SECRET_NAMES) && !ends(HARMLESS_NAMES)
        || SECRET_WORDS.iter().any(|word| ends_with_word(decoded, word));
    is_secret.then(|| Secret { treatment: None, is_header: ends(HEADERS) })
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
            ("tokens", false),
            ("token_count", false),
            ("passwordless", false),
            ("signature", false),
            ("monkey", false),
        ] {
            assert_eq!(judge(name.as_bytes(), &[]).is_some(), expected, "{name}");
            let bytes = name.as_bytes();
            let ending = Endings::DEFAULT.has(bytes[bytes.len() - 2], bytes[bytes.len() - 1]);
            assert!(ending || !expected || name.contains('\\'), "{name}");
        }
        assert!(judge(b"Set-Cookie", &[]).unwrap().is_header);
    }
}
