//! Tokens and their places.

use std::iter::Peekable;
use std::str::Chars;

use crate::duration::parse_duration;
use crate::error::{ParseError, Position};
use crate::units;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    Text(String),
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// `--strict`, without the hyphens.
    Flag(String),
    Symbol(&'static str),
    End,
}

/// Words that are tokens of their own wherever they stand.
const RESERVED: [&str; 23] = [
    "and",
    "bool",
    "by",
    "decolorize",
    "drop",
    "group_left",
    "group_right",
    "ignoring",
    "json",
    "keep",
    "label_format",
    "label_replace",
    "line_format",
    "logfmt",
    "offset",
    "on",
    "or",
    "pattern",
    "regexp",
    "unless",
    "unpack",
    "unwrap",
    "without",
];

/// Whether the word cannot name a label.
pub(crate) fn is_reserved(word: &str) -> bool {
    RESERVED.binary_search(&word).is_ok()
}

impl Token {
    /// The token as Loki's error messages call it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Ident(word) if is_reserved(word) => word.clone(),
            Self::Ident(_) => "IDENTIFIER".to_owned(),
            Self::Text(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Symbol("[") => "RANGE".to_owned(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::End => "$end".to_owned(),
        }
    }
}

/// Longest first, so that `|=` is not read as `|`.
const SYMBOLS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "[", "]", ",", "|", "=",
    ">", "<", "+", "-", "*", "/", "%", "^",
];

/// Every token of the expression with its place; the last is [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<(Token, Position)>, ParseError> {
    let mut lexer = Lexer { chars: source.chars().peekable(), at: Position { line: 1, column: 1 } };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let at = lexer.at;
        let after_bracket = tokens.last().is_some_and(|(token, _)| *token == Token::Symbol("["));
        let token = if after_bracket { lexer.range(at)? } else { lexer.token(at)? };
        let last = token == Token::End;
        tokens.push((token, at));
        if last {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    chars: Peekable<Chars<'a>>,
    at: Position,
}

impl Lexer<'_> {
    fn next(&mut self) -> Option<char> {
        let c = self.chars.next()?;
        if c == '\n' {
            self.at = Position { line: self.at.line + 1, column: 1 };
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn take_while(&mut self, text: &mut String, accept: impl Fn(char) -> bool) {
        while let Some(c) = self.chars.peek().copied().filter(|c| accept(*c)) {
            text.push(c);
            self.next();
        }
    }

    /// Blanks, and comments from `#` to the end of the line.
    fn skip_blank(&mut self) {
        while let Some(c) = self.chars.peek().copied() {
            if c == '#' {
                self.take_while(&mut String::new(), |c| c != '\n');
            } else if !c.is_whitespace() {
                return;
            }
            self.next();
        }
    }

    fn token(&mut self, at: Position) -> Result<Token, ParseError> {
        let Some(c) = self.chars.peek().copied() else {
            return Ok(Token::End);
        };
        match c {
            '"' => self.quoted(at).map(Token::Text),
            '`' => self.raw(at).map(Token::Text),
            c if c.is_ascii_digit() || c == '.' => self.number(at),
            c if c.is_ascii_alphabetic() || c == '_' => Ok(Token::Ident(self.word())),
            '-' => self.flag_or_minus(),
            _ => self.symbol(at, c),
        }
    }

    fn word(&mut self) -> String {
        let mut word = String::new();
        self.take_while(&mut word, |c| c.is_ascii_alphanumeric() || c == '_');
        word
    }

    /// `--strict` is a flag; `- -1` and `--1` are signs.
    fn flag_or_minus(&mut self) -> Result<Token, ParseError> {
        let mut ahead = self.chars.clone();
        ahead.next();
        let second = ahead.next();
        let third = ahead.next();
        self.next();
        if second == Some('-') && third.is_some_and(|c| c.is_ascii_alphabetic()) {
            self.next();
            let mut flag = String::new();
            self.take_while(&mut flag, |c| c.is_ascii_alphanumeric() || c == '-' || c == '_');
            return Ok(Token::Flag(flag));
        }
        Ok(Token::Symbol("-"))
    }

    fn symbol(&mut self, at: Position, c: char) -> Result<Token, ParseError> {
        let mut ahead = self.chars.clone();
        ahead.next();
        let two: String = [Some(c), ahead.next()].into_iter().flatten().collect();
        let symbol = SYMBOLS.iter().find(|symbol| two.starts_with(**symbol));
        let symbol =
            symbol.ok_or_else(|| ParseError::new(at, format!("syntax error: unexpected character {c:?}")))?;
        for _ in 0..symbol.len() {
            self.next();
        }
        Ok(Token::Symbol(symbol))
    }

    /// What stands between `[` and `]`: a duration.
    fn range(&mut self, at: Position) -> Result<Token, ParseError> {
        let mut text = String::new();
        self.take_while(&mut text, |c| c != ']' && c != '\n');
        if self.chars.peek() != Some(&']') {
            return Err(ParseError::new(at, "missing closing ']' in duration"));
        }
        let text = text.trim();
        duration(text).map(Token::Duration).ok_or_else(|| {
            let message = match text {
                "" => "empty duration string".to_owned(),
                _ => format!("not a valid duration string: {}", units::quote(text)),
            };
            ParseError::new(at, message)
        })
    }

    /// `5`, `0.5`, `1e6`, or a duration or a size: a number that a unit follows.
    fn number(&mut self, at: Position) -> Result<Token, ParseError> {
        let mut text = String::new();
        self.take_while(&mut text, |c| c.is_ascii_digit() || c == '.');
        if let Some(e) = self.chars.peek().copied().filter(|c| matches!(c, 'e' | 'E'))
            && self.exponent_follows()
        {
            text.push(e);
            self.next();
            if let Some(sign) = self.chars.next_if(|c| matches!(c, '+' | '-')) {
                text.push(sign);
                self.at.column += 1;
            }
            self.take_while(&mut text, |c| c.is_ascii_digit());
        } else if self.chars.peek().is_some_and(|c| c.is_alphabetic()) {
            self.take_while(&mut text, |c| c.is_alphanumeric() || c == '.');
            let nanos = duration(&text).map(Token::Duration);
            return nanos.or_else(|| units::bytes(&text).ok().map(Token::Bytes)).ok_or_else(|| {
                ParseError::new(
                    at,
                    format!("syntax error: \"{text}\" is not a number, a duration (5m) or a size (5MB)"),
                )
            });
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(number)),
            _ => Err(ParseError::new(at, format!("syntax error: \"{text}\" is not a number"))),
        }
    }

    fn exponent_follows(&self) -> bool {
        let mut ahead = self.chars.clone();
        ahead.next();
        match ahead.next() {
            Some('+' | '-') => ahead.next().is_some_and(|c| c.is_ascii_digit()),
            Some(c) => c.is_ascii_digit(),
            None => false,
        }
    }

    fn raw(&mut self, at: Position) -> Result<String, ParseError> {
        self.next();
        let mut text = String::new();
        self.take_while(&mut text, |c| c != '`');
        match self.next() {
            Some(_) => Ok(text),
            None => Err(ParseError::new(at, "literal not terminated")),
        }
    }

    /// A string in double quotes with Go's escapes.
    fn quoted(&mut self, at: Position) -> Result<String, ParseError> {
        self.next();
        let mut text = String::new();
        loop {
            let here = self.at;
            match self.next() {
                Some('"') => return Ok(text),
                Some('\\') => text.push(self.escape(here)?),
                Some('\n') | None => return Err(ParseError::new(at, "literal not terminated")),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, at: Position) -> Result<char, ParseError> {
        let fail = |c: Option<char>| {
            let shown = c.map(String::from).unwrap_or_default();
            ParseError::new(
                at,
                format!(
                    "invalid char escape \"\\{shown}\"; write \"\\\\{shown}\", or put the string in backticks"
                ),
            )
        };
        match self.next() {
            Some('n') => Ok('\n'),
            Some('t') => Ok('\t'),
            Some('r') => Ok('\r'),
            Some('a') => Ok('\u{7}'),
            Some('b') => Ok('\u{8}'),
            Some('f') => Ok('\u{c}'),
            Some('v') => Ok('\u{b}'),
            Some(c @ ('\\' | '"')) => Ok(c),
            Some(c @ ('x' | 'u' | 'U')) => {
                let digits = match c {
                    'x' => 2,
                    'u' => 4,
                    _ => 8,
                };
                let hex: String = (0..digits).filter_map(|_| self.next()).collect();
                u32::from_str_radix(&hex, 16)
                    .ok()
                    .filter(|code| c != 'x' || *code < 0x80)
                    .and_then(char::from_u32)
                    .ok_or_else(|| fail(Some(c)))
            }
            Some(c @ '0'..='7') => {
                let octal: String = [Some(c), self.next(), self.next()].into_iter().flatten().collect();
                let code =
                    u32::from_str_radix(&octal, 8).ok().filter(|code| octal.len() == 3 && *code < 0x80);
                code.and_then(char::from_u32).ok_or_else(|| fail(Some(c)))
            }
            other => Err(fail(other)),
        }
    }
}

/// A duration as Prometheus writes it (`1d`, `5m`) or as Go does (`1.5h`), in nanoseconds.
fn duration(text: &str) -> Option<i64> {
    match parse_duration(text) {
        Ok(millis) if text != "0" => millis.checked_mul(1_000_000),
        _ => units::go_duration(text).ok().filter(|_| text != "0"),
    }
}
