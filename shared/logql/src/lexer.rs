//! Tokens and their places.

use std::iter::Peekable;
use std::str::Chars;

use crate::duration::parse_duration;
use crate::error::{ParseError, Position};

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Token {
    Ident(String),
    Text(String),
    Number(f64),
    /// Milliseconds.
    Duration(i64),
    Symbol(&'static str),
    End,
}

impl Token {
    /// The token as a reader of an error message knows it.
    pub(crate) fn describe(&self) -> String {
        match self {
            Self::Ident(word) => format!("\"{word}\""),
            Self::Text(_) => "a string".to_owned(),
            Self::Number(_) => "a number".to_owned(),
            Self::Duration(_) => "a duration".to_owned(),
            Self::Symbol(symbol) => format!("\"{symbol}\""),
            Self::End => "the end of the expression".to_owned(),
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
        let token = lexer.token(at)?;
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
            c if c.is_ascii_alphabetic() || c == '_' => {
                let mut word = String::new();
                self.take_while(&mut word, |c| c.is_ascii_alphanumeric() || c == '_');
                Ok(Token::Ident(word))
            }
            _ => self.symbol(at, c),
        }
    }

    fn symbol(&mut self, at: Position, c: char) -> Result<Token, ParseError> {
        let mut ahead = self.chars.clone();
        ahead.next();
        let two: String = [Some(c), ahead.next()].into_iter().flatten().collect();
        let symbol = SYMBOLS.iter().find(|symbol| two.starts_with(**symbol));
        let symbol =
            symbol.ok_or_else(|| ParseError::new(at, format!("the character {c:?} is not expected")))?;
        for _ in 0..symbol.len() {
            self.next();
        }
        Ok(Token::Symbol(symbol))
    }

    /// `5`, `0.5`, `1e6`, or a duration: a number that a unit follows.
    fn number(&mut self, at: Position) -> Result<Token, ParseError> {
        let mut text = String::new();
        self.take_while(&mut text, |c| c.is_ascii_digit() || c == '.');
        if self.chars.peek().is_some_and(|c| matches!(c, 'e' | 'E')) {
            text.push('e');
            self.next();
            if let Some(sign) = self.chars.next_if(|c| matches!(c, '+' | '-')) {
                text.push(sign);
                self.at.column += 1;
            }
            self.take_while(&mut text, |c| c.is_ascii_digit());
        } else if self.chars.peek().is_some_and(|c| c.is_alphabetic()) {
            self.take_while(&mut text, |c| c.is_alphanumeric() || c == '.');
            return parse_duration(&text)
                .map(Token::Duration)
                .map_err(|err| ParseError::new(at, err.to_string()));
        }
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Token::Number(number)),
            _ => Err(ParseError::new(at, format!("\"{text}\" is not a number"))),
        }
    }

    fn raw(&mut self, at: Position) -> Result<String, ParseError> {
        self.next();
        let mut text = String::new();
        self.take_while(&mut text, |c| c != '`');
        match self.next() {
            Some(_) => Ok(text),
            None => Err(ParseError::new(at, "this string has no closing `")),
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
                Some('\n') | None => {
                    return Err(ParseError::new(at, "this string has no closing \""));
                }
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
                    "\"\\{shown}\" is not an escape of a string; write \"\\\\{shown}\", or put the string in backticks"
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
            other => Err(fail(other)),
        }
    }
}
