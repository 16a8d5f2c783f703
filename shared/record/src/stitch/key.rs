//! A private key whose lines are log events of their own.
//!
//! Redaction sees one line at a time, and a line of base64 by itself is no
//! secret that shows. So the lines of a key are joined before, from its `BEGIN`
//! to its `END`, whatever the configuration says of the log group, `off`
//! included. A rest whose `BEGIN` is not there (in an earlier batch, behind
//! another writer's line) is joined as well, as redaction knows it by its `END`.
//!
//! Known limit: a batch that holds neither the `BEGIN` nor the `END` of a key has
//! its lines joined where it begins with [`MIN_BODY_LINES`] of them or more, and
//! says that they continue something; masked they are not, as nothing tells them
//! from other base64.

/// Characters of a full line of a key's body: RFC 7468.
pub(super) const BODY_LINE_BYTES: usize = 64;

/// So many full lines at a stream's beginning are a key's body without its ends.
pub(super) const MIN_BODY_LINES: usize = 3;

/// The longest name between the dashes, in bytes.
const MAX_LABEL_BYTES: usize = 64;

/// What a line is to a private key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyLine {
    /// Ends with `-----BEGIN … PRIVATE KEY-----`.
    Begin,
    /// Nothing but base64, in one line or more.
    Body,
    /// Begins with `-----END … PRIVATE KEY-----`.
    End,
}

impl KeyLine {
    /// Most lines have a byte near their beginning that no key has.
    pub(super) fn of(line: &str) -> Option<Self> {
        let text = line.trim_ascii();
        match text.as_bytes() {
            [] => None,
            [b'-', ..] if is_end(text) => Some(Self::End),
            [.., b'-', b'-', b'-', b'-'] if is_begin(text) => Some(Self::Begin),
            bytes => bytes.iter().all(|b| is_base64(*b) || matches!(b, b'\r' | b'\n')).then_some(Self::Body),
        }
    }
}

/// Whether a line may stand between `BEGIN` and the body: headers of RFC 1421,
/// of RFC 9580 (PGP), of RFC 4716 (SSH2), and the blank line behind them.
pub(super) fn is_header(line: &str) -> bool {
    const NAMES: [&str; 8] =
        ["Proc-Type", "DEK-Info", "Version", "Comment", "Hash", "Charset", "MessageID", "Subject"];
    let text = line.trim_ascii();
    text.is_empty() || text.split_once(':').is_some_and(|(name, _)| NAMES.contains(&name))
}

/// Whether a line is a full one of a body; digests in hexadecimal are as long.
pub(super) fn is_full(line: &str) -> bool {
    let text = line.trim_ascii();
    text.len() == BODY_LINE_BYTES && !text.bytes().all(|b| b.is_ascii_hexdigit())
}

fn is_begin(text: &str) -> bool {
    let text = text.trim_end_matches('-').trim_end_matches(' ');
    let from = text.len() - text.bytes().rev().take(MAX_LABEL_BYTES).take_while(|b| is_label(*b)).count();
    let label = text.get(from..).unwrap_or_default();
    text.get(..from).is_some_and(|before| before.ends_with("--"))
        && label.trim_start().starts_with("BEGIN ")
        && label.contains("PRIVATE KEY")
}

fn is_end(text: &str) -> bool {
    let Some(text) = text.trim_start_matches('-').trim_start_matches(' ').strip_prefix("END ") else {
        return false;
    };
    let length = text.bytes().take(MAX_LABEL_BYTES).take_while(|b| is_label(*b)).count();
    let (label, after) = text.split_at_checked(length).unwrap_or_default();
    label.contains("PRIVATE KEY") && after.starts_with("--")
}

fn is_label(byte: u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b' '
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lines_of_a_key_are_told() {
        for (line, expected) in [
            ("-----BEGIN PRIVATE KEY-----", Some(KeyLine::Begin)),
            ("07:00 key: -----BEGIN OPENSSH PRIVATE KEY-----\r", Some(KeyLine::Begin)),
            ("-----BEGIN PGP PRIVATE KEY BLOCK-----", Some(KeyLine::Begin)),
            ("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----", Some(KeyLine::Begin)),
            ("  -----END EC PRIVATE KEY-----\"", Some(KeyLine::End)),
            ("---- END SSH2 ENCRYPTED PRIVATE KEY ----", Some(KeyLine::End)),
            ("MIIE+/09==", Some(KeyLine::Body)),
            ("MIIE\r\nMIIE", Some(KeyLine::Body)),
            ("-----BEGIN CERTIFICATE-----", None),
            ("-----END CERTIFICATE-----", None),
            ("-----BEGIN PUBLIC KEY-----", None),
            ("a PRIVATE KEY-----", None),
            ("-----END PRIVATE KEY", None),
            ("two words", None),
            ("", None),
        ] {
            assert_eq!(KeyLine::of(line), expected, "{line}");
        }
        for header in ["Proc-Type: 4,ENCRYPTED", "DEK-Info: AES-128-CBC,0A", "Version: GnuPG v2", ""] {
            assert!(is_header(header), "{header}");
        }
        assert!(!is_header("ready: yes"));
    }
}
