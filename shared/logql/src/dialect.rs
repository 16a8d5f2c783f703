//! Go's regular expressions, written for Rust's library. The two differ in what
//! their classes know (Go's `\d \w \s \b` are ASCII), in what may stand without
//! an escape (`{` and, in a class, `[ & - ~`), and in a few escapes.
//!
//! Go's syntax: <https://pkg.go.dev/regexp/syntax>.

/// The most that `{n}` may say in Go.
const MAX_REPEAT: u32 = 1000;

/// The classes that stand as `[:name:]` within a class.
const POSIX_CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
    "upper", "word", "xdigit",
];

/// The escapes that stand for more than one character.
const SETS: [char; 8] = ['d', 'D', 'w', 'W', 's', 'S', 'p', 'P'];

/// The pattern for Rust's library, or why Go refuses it. What Go does not know
/// and Rust's library does not either is left as it is, for the library to refuse.
pub(crate) fn in_rust(pattern: &str) -> Result<String, String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    // Where the last operator began, when nothing stands behind it.
    let mut operator: Option<&str> = None;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        let repeated = match c {
            '*' | '+' | '?' => Some(after),
            '{' => repetition(rest)?,
            _ => None,
        };
        if let Some(after) = repeated {
            let after = after.strip_prefix('?').unwrap_or(after);
            let upto = |begin: &str| begin.get(..begin.len() - after.len()).unwrap_or_default().to_owned();
            if let Some(begin) = operator {
                return Err(format!("invalid nested repetition operator: `{}`", upto(begin)));
            }
            out.push_str(&upto(rest));
            operator = Some(rest);
            rest = after;
            continue;
        }
        operator = None;
        rest = match c {
            '\\' => escape(after, &mut out)?,
            '[' => class(after, &mut out)?,
            // No repetition: a brace.
            '{' => {
                out.push_str("\\{");
                after
            }
            '(' => {
                flags(rest)?;
                out.push(c);
                // Not the `?` of a repetition.
                let head =
                    ["?P<", "?<", "?"].into_iter().find(|head| after.starts_with(head)).unwrap_or_default();
                out.push_str(head);
                let after = after.get(head.len()..).unwrap_or_default();
                // Go's names of groups may begin with a digit.
                let is_name = head.ends_with('<') && after.starts_with(|c: char| c.is_ascii_digit());
                out.extend(is_name.then_some('_'));
                after
            }
            c => {
                out.push(c);
                after
            }
        };
    }
    Ok(out)
}

/// What follows a repetition `{2}`, `{2,}` or `{2,3}` that the text begins with.
fn repetition(text: &str) -> Result<Option<&str>, String> {
    let Some((inner, after)) = text.strip_prefix('{').and_then(|text| text.split_once('}')) else {
        return Ok(None);
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if !is_number(least) || !(most.is_empty() || is_number(most)) {
        return Ok(None);
    }
    let count = |text: &str| text.parse::<u32>().ok().filter(|count| *count <= MAX_REPEAT);
    let bounds = (count(least), if most.is_empty() { Some(MAX_REPEAT) } else { count(most) });
    match bounds {
        (Some(least), Some(most)) if least <= most => Ok(Some(after)),
        _ => Err(format!("invalid repeat count: `{{{inner}}}`")),
    }
}

/// Whether Go knows the flags of a group, `(?im-sU:` or `(?i)`.
fn flags(group: &str) -> Result<(), String> {
    let Some(flags) = group.strip_prefix("(?").filter(|flags| !flags.starts_with(['P', '<'])) else {
        return Ok(());
    };
    match flags.char_indices().find(|(_, c)| !matches!(c, 'i' | 'm' | 's' | 'U' | '-')) {
        None | Some((_, ':' | ')')) => Ok(()),
        Some((at, c)) => {
            let upto = group.get(..2 + at + c.len_utf8()).unwrap_or(group);
            Err(format!("invalid or unsupported Perl syntax: `{upto}`"))
        }
    }
}

/// Writes what is behind a backslash; gives what follows.
fn escape<'p>(after: &'p str, out: &mut String) -> Result<&'p str, String> {
    let Some(c) = after.chars().next() else {
        return Err("trailing backslash at end of expression: ``".to_owned());
    };
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'b' => out.push_str(r"(?-u:\b)"),
        // Between two letters of one word, for Unicode's words: Rust's library has no other.
        'B' | 'A' | 'z' => out.extend(['\\', c]),
        // Go quotes a run of text with \Q..\E.
        'Q' => {
            let (quoted, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return Ok(rest);
        }
        _ => return escaped_character(after, out),
    }
    Ok(rest)
}

/// Writes what is behind a backslash and may stand in a class too.
fn escaped_character<'p>(after: &'p str, out: &mut String) -> Result<&'p str, String> {
    let c = after.chars().next().unwrap_or_default();
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"[\t\n\f\r ]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        // Bounds of words in Rust's library, plain characters in Go's.
        '<' | '>' => out.push(c),
        'p' | 'P' => return Ok(unicode_class(c == 'P', rest, out)),
        'a' | 'f' | 'n' | 'r' | 't' | 'v' => out.extend(['\\', c]),
        'x' => {
            let digits = match rest.strip_prefix('{') {
                Some(rest) => rest.split_once('}'),
                None => rest.split_at_checked(2),
            };
            let known = digits.filter(|(digits, _)| u32::from_str_radix(digits, 16).is_ok());
            let (digits, rest) = known.ok_or_else(|| invalid_escape(after, 1))?;
            out.push_str(&format!("\\x{{{digits}}}"));
            return Ok(rest);
        }
        // Octal: `\0`, `\12`, `\123`; one other digit is a reference back, which Go has not.
        '0'..='7' => {
            let digits = after.bytes().take(3).take_while(|b| (b'0'..=b'7').contains(b)).count();
            if c != '0' && digits == 1 {
                return Err(invalid_escape(after, 1));
            }
            let (digits, rest) = after.split_at_checked(digits).unwrap_or((after, ""));
            let code = u32::from_str_radix(digits, 8).map_err(|_| invalid_escape(after, 1))?;
            out.push_str(&format!("\\x{{{code:x}}}"));
            return Ok(rest);
        }
        c if c.is_ascii_alphanumeric() || !c.is_ascii() => return Err(invalid_escape(after, c.len_utf8())),
        c => out.extend(['\\', c]),
    }
    Ok(rest)
}

fn invalid_escape(after: &str, length: usize) -> String {
    format!("invalid escape sequence: `\\{}`", after.get(..length).unwrap_or(after))
}

/// Writes `\pL` or `\p{Greek}` from behind the `p`; gives what follows it. In Go
/// `\p{^L}` is `\P{L}`.
fn unicode_class<'p>(negated: bool, after: &'p str, out: &mut String) -> &'p str {
    let braced = after.strip_prefix('{').and_then(|after| after.split_once('}'));
    let (name, rest) = braced.unwrap_or_else(|| {
        let end = after.chars().next().map_or(0, char::len_utf8);
        after.split_at_checked(end).unwrap_or((after, ""))
    });
    let (name, negated) = name.strip_prefix('^').map_or((name, negated), |name| (name, !negated));
    out.push_str(if negated { "\\P{" } else { "\\p{" });
    out.push_str(name);
    out.push('}');
    rest
}

/// Writes a class from behind its `[`; gives what follows it.
fn class<'p>(after: &'p str, out: &mut String) -> Result<&'p str, String> {
    out.push('[');
    let mut rest = after;
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    while !rest.is_empty() {
        if let Some(tail) = rest.strip_prefix(']').filter(|_| !first) {
            out.push(']');
            return Ok(tail);
        }
        first = false;
        if let Some((name, tail)) = rest.strip_prefix("[:").and_then(|tail| tail.split_once(":]")) {
            if !POSIX_CLASSES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(format!("invalid character class range: `[:{name}:]`"));
            }
            out.push_str(&format!("[:{name}:]"));
            rest = tail;
            continue;
        }
        let is_set = rest.strip_prefix('\\').is_some_and(|name| name.starts_with(SETS));
        let tail = class_member(rest, out)?;
        let end = tail.strip_prefix('-').filter(|end| !is_set && !end.is_empty() && !end.starts_with(']'));
        let Some(end) = end else {
            rest = tail;
            continue;
        };
        out.push('-');
        let tail = class_member(end, out)?;
        let range = rest.get(..rest.len() - tail.len()).unwrap_or(rest);
        if !range.contains('\\') && rest.chars().next() > end.chars().next() {
            return Err(format!("invalid character class range: `{range}`"));
        }
        rest = tail;
    }
    Err(format!("missing closing ]: `[{after}`"))
}

/// Writes a character or an escape of a class; gives what follows it.
fn class_member<'p>(text: &'p str, out: &mut String) -> Result<&'p str, String> {
    let Some(c) = text.chars().next() else { return Ok(text) };
    let rest = text.get(c.len_utf8()..).unwrap_or_default();
    match c {
        '\\' if rest.is_empty() => return Err("trailing backslash at end of expression: ``".to_owned()),
        '\\' => return escaped_character(rest, out),
        // In Rust's library some of these begin a class, two others are an operation of sets.
        '[' | ']' | '&' | '~' | '-' => out.extend(['\\', c]),
        c => out.push(c),
    }
    Ok(rest)
}

/// The errors that are met most, as Go's library words them.
pub(crate) fn in_go_words(source: &str, why: &str) -> String {
    match why {
        "unclosed group" => format!("missing closing ): `{source}`"),
        "unopened group" => format!("unexpected ): `{source}`"),
        "repetition operator missing expression" => {
            let operator = source.find(['*', '+', '?']).and_then(|at| source.get(at..=at)).unwrap_or(source);
            format!("missing argument to repetition operator: `{operator}`")
        }
        other if other.starts_with("look-around") => {
            let at = ["(?=", "(?!", "(?<=", "(?<!"].into_iter().find(|look| source.contains(look));
            format!("invalid or unsupported Perl syntax: `{}`", at.unwrap_or(source))
        }
        other => other.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_reads_otherwise_is_written_otherwise() {
        for (go, rust) in [
            (r"\d+", "[0-9]+"),
            (r"a\\d", r"a\\d"),
            (r#"{"level":"a{2,3}"}"#, r#"\{"level":"a{2,3}"}"#),
            ("a{,5}", r"a\{,5}"),
            ("[^[]+", r"[^\[]+"),
            ("[]a]", r"[\]a]"),
            ("[a&&b]", r"[a\&\&b]"),
            ("[-a-z-]", r"[\-a-z\-]"),
            ("[[:alpha:]_]", "[[:alpha:]_]"),
            (r"[\w.]", "[[0-9A-Za-z_].]"),
            (r"\<b\>", "<b>"),
            (r"\Qa.b\E.", r"a\.b."),
            (r"\pL\p{Greek}{2}", r"\p{L}\p{Greek}{2}"),
            (r"[\PL\p{^Lu}]", r"[\P{L}\P{Lu}]"),
            ("[a-z-0-9]", r"[a-z\-0-9]"),
            ("[+--_-]", r"[+-\-_\-]"),
            (r"[\w-.]", r"[[0-9A-Za-z_]\-.]"),
            (r"[\x00-\x1f-!]", r"[\x{00}-\x{1f}\-!]"),
            (r"[[:^alpha:]-x[]", r"[[:^alpha:]\-x\[]"),
            ("(?P<1a>x)", "(?P<_1a>x)"),
            (r"\x{e9}\x41[\x{1F600}]", r"\x{e9}\x{41}[\x{1F600}]"),
            (r"\0\123\12a", r"\x{0}\x{53}\x{a}a"),
            ("a*?(?i:b{2,3}?c+)d{1000}", "a*?(?i:b{2,3}?c+)d{1000}"),
            ("(?s)(?m-i)a|b*", "(?s)(?m-i)a|b*"),
            ("[a-]-[^]z-]", r"[a\-]-[^\]z\-]"),
        ] {
            assert_eq!(in_rust(go).as_deref(), Ok(rust), "{go}");
            assert!(regex::Regex::new(rust).is_ok(), "{rust}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused_in_its_words() {
        for (pattern, why) in [
            ("a**", "invalid nested repetition operator: `**`"),
            ("a{2}*?b", "invalid nested repetition operator: `{2}*?`"),
            ("x{1001}", "invalid repeat count: `{1001}`"),
            ("x{5,2}", "invalid repeat count: `{5,2}`"),
            ("(?x)x f", "invalid or unsupported Perl syntax: `(?x`"),
            ("(?iR:x)", "invalid or unsupported Perl syntax: `(?iR`"),
            ("[[:foo:]]", "invalid character class range: `[:foo:]`"),
            ("[z-a]", "invalid character class range: `z-a`"),
            (r"x[a\]b", r"missing closing ]: `[a\]b`"),
            (r"\u0075", r"invalid escape sequence: `\u`"),
            (r"\y", r"invalid escape sequence: `\y`"),
            (r"\8", r"invalid escape sequence: `\8`"),
            (r"\1", r"invalid escape sequence: `\1`"),
            (r"[\b]", r"invalid escape sequence: `\b`"),
            (r"\x{g}", r"invalid escape sequence: `\x`"),
            ("a\\", "trailing backslash at end of expression: ``"),
        ] {
            assert_eq!(in_rust(pattern).unwrap_err(), why, "{pattern}");
        }
    }
}
