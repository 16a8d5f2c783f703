//! What a word of a line's beginning can be.

/// Bytes that names of loggers, threads, hosts and programs are made of.
fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'_' | b'-' | b'.' | b'$' | b'/' | b':' | b'#' | b'@' | b'+' | b'~' | b'<' | b'>')
}

/// Whether a word can be a logger's, program's or thread's name.
pub(super) fn is_name(word: &str) -> bool {
    let bytes = word.as_bytes();
    bytes.first().is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/' | b'$'))
        && bytes.iter().all(|byte| is_name_byte(*byte))
        && !(bytes.contains(&b':') && word.contains("://"))
}

/// How many separators join the parts of a qualified name (`a.b.C`, `a::b`); 0 for
/// everything else: numbers, addresses, file names with a path.
pub(super) fn qualified_parts(word: &str) -> usize {
    let bytes = word.as_bytes();
    if !bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_') {
        return 0;
    }
    let mut separators = 0;
    let mut before = 0;
    for &byte in bytes {
        match byte {
            // A part of digits alone is one of an address or a version.
            b'.' if before == b'.' => return 0,
            b'.' => separators += 1,
            b':' if before == b':' => separators += 1,
            b':' => {}
            b'0'..=b'9' if before == b'.' => return 0,
            b'$' | b'_' | b'#' | b'-' | b'<' | b'>' | b'@' | b'/' | b'[' | b']' => {}
            byte if byte.is_ascii_alphanumeric() => {}
            _ => return 0,
        }
        before = byte;
    }
    if matches!(before, b'.' | b':') { 0 } else { separators }
}

/// Whether a word looks made by a program: not only letters with at most the
/// first one capital. All capitals count, too.
pub(super) fn is_made(word: &str) -> bool {
    let bytes = word.as_bytes();
    let is_plain =
        bytes.iter().all(u8::is_ascii_alphabetic) && bytes.iter().skip(1).all(u8::is_ascii_lowercase);
    let ends_sentence = matches!(bytes.last(), Some(b'.' | b'!' | b'?' | b',' | b'\'' | b'"' | b')'));
    let hyphenated = || bytes.iter().all(|byte| byte.is_ascii_lowercase() || *byte == b'-' || *byte == b'\'');
    !is_plain && !ends_sentence && (!hyphenated() || !bytes.contains(&b'\''))
}

/// Whether a word names a failure (`TypeError`, `a.b.CException`), which is no logger.
pub(super) fn is_failure(word: &str) -> bool {
    word.ends_with("Error") || word.ends_with("Exception")
}

/// `name[123]`: the name and the number.
pub(super) fn with_pid(word: &str) -> Option<(&str, &str)> {
    let (name, pid) = word.strip_suffix(']')?.rsplit_once('[')?;
    (!name.is_empty() && is_number(pid)).then_some((name, pid))
}

/// What most words do not: a cheap way to tell that nothing numbered is here.
pub(super) fn ends_with_digit(word: &str) -> bool {
    word.as_bytes().last().is_some_and(u8::is_ascii_digit)
}

/// `file.go:23`: the file and the line.
pub(super) fn with_line(word: &str) -> Option<(&str, &str)> {
    let (file, line) = Some(word).filter(|word| ends_with_digit(word))?.rsplit_once(':')?;
    let dot = file.rfind('.')?;
    let extension = file.get(dot + 1..)?;
    let is_file = (1..=5).contains(&extension.len())
        && extension.bytes().all(|byte| byte.is_ascii_lowercase())
        && !file.contains(':')
        && matches!(
            extension,
            "go" | "rs"
                | "py"
                | "java"
                | "kt"
                | "scala"
                | "c"
                | "cc"
                | "cpp"
                | "cxx"
                | "h"
                | "hpp"
                | "rb"
                | "js"
                | "ts"
                | "jsx"
                | "tsx"
                | "mjs"
                | "cs"
                | "php"
                | "swift"
                | "ex"
                | "exs"
                | "erl"
                | "hrl"
                | "pl"
                | "lua"
        );
    (is_file && is_number(line)).then_some((file, line))
}

/// A method, its file and its line.
type Place<'a> = (&'a str, (&'a str, &'a str));

/// `a.b.C.method(C.java:12)`: the method, and the file and the line.
pub(super) fn with_place(word: &str) -> Option<Place<'_>> {
    let (name, place) = word.strip_suffix(')')?.split_once('(')?;
    Some((Some(name).filter(|name| is_name(name))?, with_line(place)?))
}

/// Decimal digits, few enough for a process id or a line number.
pub(super) fn is_number(word: &str) -> bool {
    (1..=10).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit())
}

pub(super) fn is_capitals(word: &str) -> bool {
    word.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
}

pub(super) fn is_uuid(word: &str) -> bool {
    word.len() == 36
        && word.bytes().enumerate().all(|(i, byte)| match i {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn qualified_names() {
        for (word, parts) in [
            ("org.example.shop.Cart", 3),
            ("shop::cart::price", 2),
            ("dfs.Node$Sender", 1),
            ("10.0.0.1", 0),
            ("v1.2", 0),
            ("cart", 0),
            ("Done.", 0),
            ("wait...", 0),
            ("a.b,c", 0),
        ] {
            assert_eq!(qualified_parts(word), parts, "{word}");
        }
    }

    #[test]
    fn made_and_plain_words() {
        for made in ["node-12", "KERNEL", "BlockManager", "a.b", "R02-M1", "web_1", "4711", "*64"] {
            assert!(is_made(made), "{made}");
        }
        for plain in ["Failed", "connection", "I", "done.", "don't", "(done)"] {
            assert!(!is_made(plain), "{plain}");
        }
    }

    #[test]
    fn words_with_a_number() {
        assert_eq!(with_pid("sshd[12]"), Some(("sshd", "12")));
        assert_eq!(with_pid("list[i]"), None);
        assert_eq!(with_pid("[12]"), None);
        assert_eq!(with_line("main.go:23"), Some(("main.go", "23")));
        assert_eq!(with_line("src/main.rs:23"), Some(("src/main.rs", "23")));
        assert_eq!(with_line("example.com:443"), None);
        assert_eq!(with_line("10.0.0.1:443"), None);
    }
}
