//! Go's regular expressions, written for Rust's library. The two differ in what
//! their classes know (Go's `\d \w \s \b` are ASCII), in what may stand without
//! an escape (`{` and, in a class, `[ & - ~`), and in a few escapes.
//!
//! Go's syntax: <https://pkg.go.dev/regexp/syntax>.

/// The pattern for Rust's library. What Go does not know either is left as it
/// is, for the library to refuse.
pub(crate) fn in_rust(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    while let Some(c) = rest.chars().next() {
        let after = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            '\\' => escape(after, &mut out),
            '[' => class(after, &mut out),
            // No repetition: a brace.
            '{' if !repeats(after) => {
                out.push_str("\\{");
                after
            }
            c => {
                out.push(c);
                // Go's names of groups may begin with a digit.
                if c == '<' && (out.ends_with("(?P<") || out.ends_with("(?<")) {
                    out.extend(after.starts_with(|c: char| c.is_ascii_digit()).then_some('_'));
                }
                after
            }
        };
    }
    out
}

/// Whether `2}`, `2,}` or `2,3}` comes next.
fn repeats(after: &str) -> bool {
    let Some((inner, _)) = after.split_once('}') else {
        return false;
    };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Writes what is behind a backslash; gives what follows.
fn escape<'p>(after: &'p str, out: &mut String) -> &'p str {
    let Some(c) = after.chars().next() else {
        out.push('\\');
        return after;
    };
    let rest = after.get(c.len_utf8()..).unwrap_or_default();
    match c {
        'd' => out.push_str("[0-9]"),
        'D' => out.push_str("[^0-9]"),
        'w' => out.push_str("[0-9A-Za-z_]"),
        'W' => out.push_str("[^0-9A-Za-z_]"),
        's' => out.push_str(r"[\t\n\f\r ]"),
        'S' => out.push_str(r"[^\t\n\f\r ]"),
        'b' => out.push_str(r"(?-u:\b)"),
        // Bounds of words in Rust's library, plain characters in Go's.
        '<' | '>' => out.push(c),
        // Go quotes a run of text with \Q..\E.
        'Q' => {
            let (quoted, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            out.push_str(&regex::escape(quoted));
            return rest;
        }
        'p' | 'P' => return unicode_class(c == 'P', rest, out),
        c => {
            out.push('\\');
            out.push(c);
        }
    }
    rest
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
fn class<'p>(after: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    let mut rest = after;
    if let Some(tail) = rest.strip_prefix('^') {
        out.push('^');
        rest = tail;
    }
    let mut first = true;
    while let Some(c) = rest.chars().next() {
        let tail = rest.get(c.len_utf8()..).unwrap_or_default();
        rest = match c {
            ']' if !first => {
                out.push(']');
                return tail;
            }
            '\\' => escape(tail, out),
            '[' => match tail.strip_prefix(':').and_then(|tail| tail.split_once(":]")) {
                Some((name, tail)) => {
                    out.push_str(&format!("[:{name}:]"));
                    tail
                }
                None => {
                    out.push_str("\\[");
                    tail
                }
            },
            // Two of these are an operation of sets in Rust's library.
            '&' | '~' | ']' => {
                out.extend(['\\', c]);
                tail
            }
            '-' if first || tail.starts_with(']') => {
                out.push_str("\\-");
                tail
            }
            c => {
                out.push(c);
                tail
            }
        };
        first = false;
    }
    rest
}

/// The errors that are met most, as Go's library words them.
pub(crate) fn in_go_words(source: &str, why: &str) -> String {
    match why {
        "unclosed group" => format!("missing closing ): `{source}`"),
        "unopened group" => format!("unexpected ): `{source}`"),
        "unclosed character class" => {
            let from = open_class(source).and_then(|at| source.get(at..)).unwrap_or(source);
            format!("missing closing ]: `{from}`")
        }
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

/// Where the class begins that is not closed.
fn open_class(source: &str) -> Option<usize> {
    let (mut open, mut escaped) = (None, false);
    for (at, c) in source.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' if open.is_none() => open = Some(at),
            ']' => open = None,
            _ => {}
        }
    }
    open
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
            ("(?P<1a>x)", "(?P<_1a>x)"),
        ] {
            assert_eq!(in_rust(go), rust, "{go}");
            assert!(regex::Regex::new(rust).is_ok(), "{rust}");
        }
    }
}
