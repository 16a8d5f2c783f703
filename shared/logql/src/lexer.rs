//! Tokens and their places.

use std::iter::Peekable;
use std::str::Chars;

use crate::duration::parse_duration;
use crate::error::{ParseError, Position};
use crate::names::{RANGE_OPS, VECTOR_OPS, by_name};
use crate::units;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    /// The name of a function in front of its parenthesis, in lower case.
    Function(String),
    Text(String),
    Number(f64),
    /// Nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// `[5m]`, in nanoseconds.
    Range(i64),
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
            Self::Function(word) => match word.as_str() {
                "bytes" | "duration" | "duration_seconds" => format!("{}_CONV", word.to_ascii_uppercase()),
                word => word.to_ascii_uppercase(),
            },
            Self::Text(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Range(_) => "RANGE".to_owned(),
            Self::Symbol(symbol) => (*symbol).to_owned(),
            Self::End => "$end".to_owned(),
        }
    }
}

/// Longest first, so that `|=` is not read as `|`.
const SYMBOLS: [&str; 25] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", ",", "|", "=", ">", "<",
    "+", "-", "*", "/", "%", "^",
];

/// Every token of the expression with its place; the last is [`Token::End`].
pub(crate) fn tokens(source: &str) -> Result<Vec<(Token, Position)>, ParseError> {
    let mut lexer = Lexer { chars: source.chars().peekable(), at: Position::START };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank();
        let mut at = lexer.at;
        let token = lexer.token(at)?;
        at.by_characters = match &token {
            Token::Range(_) | Token::Duration(_) | Token::Bytes(_) | Token::Flag(_) => true,
            Token::Symbol(symbol) => symbol.len() > 1,
            _ => false,
        };
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
            self.at = Position { line: self.at.line + 1, ..Position::START };
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
            c if c.is_ascii_alphabetic() || c == '_' => Ok(self.name()),
            '[' => self.range(at),
            '-' => self.flag_or_minus(),
            _ => self.symbol(at, c),
        }
    }

    /// A keyword, a function or a name. Case makes no difference to the first two.
    fn name(&mut self) -> Token {
        let word = self.word();
        let lower = word.to_ascii_lowercase();
        if is_reserved(&lower) {
            Token::Ident(lower)
        } else if is_function(&lower) && self.parenthesis_follows() {
            Token::Function(lower)
        } else {
            Token::Ident(word)
        }
    }

    /// Whether `(` comes next, or `by (`.
    fn parenthesis_follows(&self) -> bool {
        let mut ahead = Lexer { chars: self.chars.clone(), at: self.at };
        let blank = char::is_whitespace;
        ahead.take_while(&mut String::new(), blank);
        let word = ahead.word().to_ascii_lowercase();
        if !matches!(word.as_str(), "" | "by" | "without") {
            return false;
        }
        ahead.take_while(&mut String::new(), blank);
        ahead.chars.peek() == Some(&'(')
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
        let symbol = symbol
            .ok_or_else(|| ParseError::syntax(at, format!("syntax error: unexpected character {c:?}")))?;
        for _ in 0..symbol.len() {
            self.next();
        }
        Ok(Token::Symbol(symbol))
    }

    /// A duration between `[` and `]`.
    fn range(&mut self, at: Position) -> Result<Token, ParseError> {
        let at = Position { by_characters: true, ..at };
        self.next();
        let mut text = String::new();
        self.take_while(&mut text, |c| c != ']');
        if self.next().is_none() {
            return Err(ParseError::syntax(at, "missing closing ']' in duration"));
        }
        duration(text.trim()).map(Token::Range).map_err(|why| ParseError::syntax(at, why))
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
            let nanos = duration(&text).ok().map(Token::Duration);
            return nanos.or_else(|| units::bytes(&text).ok().map(Token::Bytes)).ok_or_else(|| {
                ParseError::syntax(
                    at,
                    format!("syntax error: \"{text}\" is not a number, a duration (5m) or a size (5MB)"),
                )
            });
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(number)),
            _ => Err(ParseError::syntax(at, format!("syntax error: \"{text}\" is not a number"))),
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
            None => Err(ParseError::syntax(at, "literal not terminated")),
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
                Some('\n') | None => return Err(ParseError::syntax(at, "literal not terminated")),
                Some(c) => text.push(c),
            }
        }
    }

    fn escape(&mut self, at: Position) -> Result<char, ParseError> {
        let fail = |c: Option<char>| {
            let shown = c.map(String::from).unwrap_or_default();
            ParseError::syntax(
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

/// A duration as Prometheus writes it (`1d`, `5m`) or as Go does (`1.5h`), in
/// nanoseconds; days and weeks may have fractions as well.
fn duration(text: &str) -> Result<i64, String> {
    match parse_duration(text) {
        Ok(millis) if text != "0" => {
            millis.checked_mul(1_000_000).ok_or_else(|| "duration out of range".to_owned())
        }
        _ => units::duration_with_days(text),
    }
}

/// Whether the word is a function's name, in front of a parenthesis.
fn is_function(word: &str) -> bool {
    by_name(&RANGE_OPS, word).is_some()
        || by_name(&VECTOR_OPS, word).is_some()
        || matches!(word, "vector" | "ip" | "bytes" | "duration" | "duration_seconds")
}
