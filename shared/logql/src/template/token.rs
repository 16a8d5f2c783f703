//! The tokens of a template: text, and what stands between `{{` and `}}`.

use super::TemplateError;

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word: a function or a keyword.
    Word(String),
    /// `.`, `.a.b`: the dot and the fields behind it.
    Field(Vec<String>),
    /// `$x.a`: a variable and the fields behind it.
    Variable(String, Vec<String>),
    /// `).a`: the end of a group and the fields behind it.
    Close(Vec<String>),
    Text(String),
    Int(i64),
    Float(f64),
    Open,
    Pipe,
    Comma,
    /// `:=`
    Declare,
    /// `=`
    Assign,
}

/// A part of a template.
#[derive(Debug, PartialEq)]
pub(super) enum Part {
    Text(String),
    Action(Vec<Token>),
}

/// Splits a template into texts and actions.
pub(super) fn parts(source: &str) -> Result<Vec<Part>, TemplateError> {
    let mut parts = Vec::new();
    let mut rest = source;
    let mut trims = false;
    loop {
        let (text, action) = match rest.split_once("{{") {
            Some((text, action)) => (text, Some(action)),
            None => (rest, None),
        };
        let mut text = if trims { text.trim_start() } else { text };
        let mut action = action;
        if let Some(inner) = action
            && let Some(after) = inner.strip_prefix('-')
            && after.starts_with(char::is_whitespace)
        {
            text = text.trim_end();
            action = Some(after);
        }
        if !text.is_empty() {
            parts.push(Part::Text(text.to_owned()));
        }
        let Some(inner) = action else {
            return Ok(parts);
        };
        if let Some(comment) = inner.trim_start().strip_prefix("/*") {
            let (_, after) =
                comment.split_once("*/").ok_or_else(|| TemplateError::new("unclosed comment"))?;
            let after = after.trim_start();
            let stripped = after.strip_prefix("-}}");
            trims = stripped.is_some();
            rest = stripped
                .or_else(|| after.strip_prefix("}}"))
                .ok_or_else(|| TemplateError::new("comment ends before closing delimiter"))?;
            continue;
        }
        let (tokens, after, trim) = action_tokens(inner)?;
        parts.push(Part::Action(tokens));
        rest = after;
        trims = trim;
    }
}

/// The tokens up to `}}`, what follows it, and whether blanks there are trimmed.
fn action_tokens(source: &str) -> Result<(Vec<Token>, &str, bool), TemplateError> {
    let mut tokens = Vec::new();
    let mut rest = source;
    loop {
        let trimmed = rest.trim_start();
        let blank_before = trimmed.len() < rest.len();
        rest = trimmed;
        if let Some(after) = rest.strip_prefix("}}") {
            return Ok((tokens, after, false));
        }
        if blank_before && let Some(after) = rest.strip_prefix("-}}") {
            return Ok((tokens, after, true));
        }
        let Some(c) = rest.chars().next() else {
            return Err(TemplateError::new("unclosed action"));
        };
        let (token, after) = match c {
            '|' => (Token::Pipe, after(rest, 1)),
            ',' => (Token::Comma, after(rest, 1)),
            '(' => (Token::Open, after(rest, 1)),
            ')' => {
                let (fields, tail) = fields(after(rest, 1));
                (Token::Close(fields), tail)
            }
            '=' => (Token::Assign, after(rest, 1)),
            ':' if rest.starts_with(":=") => (Token::Declare, after(rest, 2)),
            '"' => quoted(rest)?,
            '`' => {
                let (text, tail) = after(rest, 1)
                    .split_once('`')
                    .ok_or_else(|| TemplateError::new("unterminated raw quoted string"))?;
                (Token::Text(text.to_owned()), tail)
            }
            '\'' => character(rest)?,
            '$' => {
                let (name, tail) = word(after(rest, 1));
                let (fields, tail) = fields(tail);
                (Token::Variable(name.to_owned(), fields), tail)
            }
            '.' if !after(rest, 1).starts_with(|c: char| c.is_ascii_digit()) => {
                let (names, tail) = fields(rest);
                (Token::Field(names), if tail.len() == rest.len() { after(rest, 1) } else { tail })
            }
            c if c.is_ascii_digit() || matches!(c, '.' | '-' | '+') => number(rest)?,
            c if c.is_alphabetic() || c == '_' => {
                let (name, tail) = word(rest);
                (Token::Word(name.to_owned()), tail)
            }
            c => return Err(TemplateError::new(format!("unexpected {c:?} in action"))),
        };
        tokens.push(token);
        rest = after;
    }
}

fn after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

fn word(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    text.split_at(end)
}

/// `.a.b` at the beginning.
fn fields(text: &str) -> (Vec<String>, &str) {
    let mut names = Vec::new();
    let mut rest = text;
    while let Some(inner) = rest.strip_prefix('.') {
        let (name, tail) = word(inner);
        if name.is_empty() {
            break;
        }
        names.push(name.to_owned());
        rest = tail;
    }
    (names, rest)
}

fn number(text: &str) -> Result<(Token, &str), TemplateError> {
    let mut end = 0;
    let mut last = ' ';
    for c in text.chars() {
        let sign = matches!(c, '+' | '-');
        let fits = c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_')
            || (sign && (end == 0 || matches!(last, 'e' | 'E')));
        if !fits {
            break;
        }
        end += c.len_utf8();
        last = c;
    }
    let (digits, tail) = text.split_at(end);
    let plain = digits.strip_prefix('+').unwrap_or(digits);
    let token = match plain.strip_prefix("0x") {
        Some(hex) => i64::from_str_radix(hex, 16).ok().map(Token::Int),
        None => plain.parse().ok().map(Token::Int).or_else(|| plain.parse().ok().map(Token::Float)),
    };
    token
        .map(|token| (token, tail))
        .ok_or_else(|| TemplateError::new(format!("bad number syntax: {digits:?}")))
}

fn quoted(text: &str) -> Result<(Token, &str), TemplateError> {
    let mut out = String::new();
    let mut chars = after(text, 1).chars();
    loop {
        match chars.next() {
            Some('"') => return Ok((Token::Text(out), chars.as_str())),
            Some('\\') => out.push(escape(&mut chars)?),
            Some('\n') | None => return Err(TemplateError::new("unterminated quoted string")),
            Some(c) => out.push(c),
        }
    }
}

fn character(text: &str) -> Result<(Token, &str), TemplateError> {
    let mut chars = after(text, 1).chars();
    let c = match chars.next() {
        Some('\\') => escape(&mut chars)?,
        Some(c) => c,
        None => return Err(TemplateError::new("unterminated character constant")),
    };
    if chars.next() != Some('\'') {
        return Err(TemplateError::new("malformed character constant"));
    }
    Ok((Token::Int(i64::from(u32::from(c))), chars.as_str()))
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<char, TemplateError> {
    let c = chars.next();
    let digits = match c {
        Some('n') => return Ok('\n'),
        Some('t') => return Ok('\t'),
        Some('r') => return Ok('\r'),
        Some('a') => return Ok('\u{7}'),
        Some('b') => return Ok('\u{8}'),
        Some('f') => return Ok('\u{c}'),
        Some('v') => return Ok('\u{b}'),
        Some(c @ ('\\' | '"' | '\'')) => return Ok(c),
        Some(c @ '0'..='7') => {
            let octal: String = std::iter::once(c).chain(chars.by_ref().take(2)).collect();
            let code = u32::from_str_radix(&octal, 8).ok().filter(|code| octal.len() == 3 && *code < 0x80);
            return code
                .and_then(char::from_u32)
                .ok_or_else(|| TemplateError::new("invalid escape in a quoted string"));
        }
        Some('x') => 2,
        Some('u') => 4,
        Some('U') => 8,
        _ => 0,
    };
    let hex: String = chars.by_ref().take(digits).collect();
    u32::from_str_radix(&hex, 16)
        .ok()
        .and_then(char::from_u32)
        .ok_or_else(|| TemplateError::new("invalid escape in a quoted string"))
}
