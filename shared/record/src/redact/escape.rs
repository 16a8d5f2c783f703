//! Signs that an encoder of JSON wrote as `\u0026` and the like (Go, Gson and
//! PHP do so for HTML's sake), read before the line is scanned: what a name and
//! its sign look like must not depend on who wrote the line.

use std::sync::LazyLock;

use memchr::memmem::Finder;

static ESCAPE: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(r"\u00"));

/// Backslashes before the `u` of an escape that are read: four levels of JSON in JSON.
const MAX_BACKSLASHES: usize = 8;

/// Whether the line has an escape that [`plain`] may read.
#[inline]
pub(super) fn has_any(line: &str) -> bool {
    ESCAPE.find(line.as_bytes()).is_some()
}

/// The line with its escaped `"`, `&`, `'`, `<`, `=` and `>` as themselves; the
/// same JSON. `None` where it has none.
#[cold]
pub(super) fn plain(line: &str) -> Option<String> {
    let bytes = line.as_bytes();
    let mut out = String::new();
    let mut copied = 0;
    for at in ESCAPE.find_iter(bytes) {
        let Some(sign) = bytes.get(at + 4..at + 6).and_then(sign) else { continue };
        // The escape's own backslash and those before it.
        let before = bytes.get(copied..=at)?;
        let run = before.iter().rev().take(MAX_BACKSLASHES + 1).take_while(|b| **b == b'\\').count();
        // Of an odd run the last one is the escape's. A string of JSON in a string
        // has it doubled, once for each level; another even run is a text of backslashes.
        let (own, quoting) = match run {
            _ if run > MAX_BACKSLASHES => continue,
            _ if run % 2 == 1 => (1, 1),
            _ if run.is_power_of_two() => (run, 2 * run - 1),
            _ => continue,
        };
        out.push_str(line.get(copied..at + 1 - own)?);
        if sign == '"' {
            out.extend(std::iter::repeat_n('\\', quoting));
        }
        out.push(sign);
        copied = at + 6;
    }
    if copied == 0 {
        return None;
    }
    out.push_str(line.get(copied..)?);
    Some(out)
}

/// The sign of an escape's last two digits.
fn sign(digits: &[u8]) -> Option<char> {
    let [first, second] = digits else { return None };
    Some(match (first, second.to_ascii_lowercase()) {
        (b'2', b'2') => '"',
        (b'2', b'6') => '&',
        (b'2', b'7') => '\'',
        (b'3', b'c') => '<',
        (b'3', b'd') => '=',
        (b'3', b'e') => '>',
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_stand_as_themselves_and_the_json_is_the_same() {
        for (line, expected) in [
            (r#"{"a":"\u0022x\u0026"}"#, Some(r#"{"a":"\"x&"}"#)),
            (r#"{"a":"\u0027\u003c\u003C\u003d\u003E"}"#, Some(r#"{"a":"'<<=>"}"#)),
            (r#"{"a":"\\\u0022"}"#, Some(r#"{"a":"\\\""}"#)),
            (r#"{"a":"{\"b\":\"\\u0022\\u0026\"}"}"#, Some(r#"{"a":"{\"b\":\"\\\"&\"}"}"#)),
            // Three escaped backslashes; a letter; no escape.
            (r#"{"a":"\\\\\\u0026"}"#, None),
            (r#"{"a":"\u00e9\u0041"}"#, None),
            (r#"{"a":"\u00"}"#, None),
        ] {
            assert_eq!(plain(line).as_deref(), expected, "{line}");
        }
        let at_the_limit = |n| format!("{{\"a\":\"{}u0026\"}}", "\\".repeat(n));
        assert!(plain(&at_the_limit(MAX_BACKSLASHES)).is_some());
        assert!(plain(&at_the_limit(MAX_BACKSLASHES + 1)).is_none());
    }
}
