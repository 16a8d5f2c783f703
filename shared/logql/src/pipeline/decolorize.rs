//! `| decolorize`: the line without ANSI escape sequences.

use std::borrow::Cow;

/// Sequences begin with ESC `[` (or the single character CSI), go on with
/// parameters and end with a letter; an operating system command (ESC `]`)
/// ends with BEL or ESC `\`.
pub(super) fn process(line: &mut Cow<'_, str>) {
    if !line.contains(['\u{1b}', '\u{9b}']) {
        return;
    }
    let mut out = String::with_capacity(line.len());
    let mut chars = line.chars().peekable();
    while let Some(c) = chars.next() {
        let kind = match c {
            '\u{9b}' => Some('['),
            '\u{1b}' => chars.next_if(|c| {
                matches!(c, '[' | ']' | '(' | ')' | '#' | ';' | '?' | '\\') || c.is_ascii_uppercase()
            }),
            c => {
                out.push(c);
                continue;
            }
        };
        match kind {
            Some('[') => {
                while chars.next_if(|c| matches!(c, '\u{20}'..='\u{3f}')).is_some() {}
                chars.next_if(|c| matches!(c, '\u{40}'..='\u{7e}'));
            }
            Some(']') => {
                while let Some(c) = chars.next() {
                    if c == '\u{7}' || (c == '\u{1b}' && chars.next_if_eq(&'\\').is_some()) {
                        break;
                    }
                }
            }
            Some('(' | ')' | '#') => {
                chars.next();
            }
            _ => {}
        }
    }
    *line = Cow::Owned(out);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_go_and_the_text_stays() {
        for (line, expected) in [
            ("plain", "plain"),
            ("\u{1b}[31mred\u{1b}[0m text", "red text"),
            ("\u{1b}[1;32mok\u{1b}[m", "ok"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("ends with \u{1b}[", "ends with "),
        ] {
            let mut line = Cow::Borrowed(line);
            process(&mut line);
            assert_eq!(line, expected);
        }
    }
}
