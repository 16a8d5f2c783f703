//! Recursive descent over the tokens, bounded in depth.

mod label_filter;
mod log;
mod metric;

use crate::ast::Expr;
use crate::error::{ParseError, Position};
use crate::lexer::{Token, is_reserved, tokens};
use crate::{MAX_EXPRESSION_BYTES, MAX_NESTING, MAX_REGEXES};

/// Reads an expression.
pub fn parse(source: &str) -> Result<Expr, ParseError> {
    if source.len() > MAX_EXPRESSION_BYTES {
        let message = format!("input size too long ({} > {MAX_EXPRESSION_BYTES})", source.len());
        return Err(ParseError::new(Position::START, message));
    }
    if source.is_empty() {
        return Err(ParseError::new(Position::START, "syntax error: unexpected $end"));
    }
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0, regexes: 0, unread: Vec::new() };
    let expr = parser.expression()?;
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected(&[])),
    }
}

struct Parser {
    tokens: Vec<(Token, Position)>,
    next: usize,
    depth: usize,
    /// How many regular expressions were compiled.
    regexes: usize,
    /// The templates of lines that cannot be read, in the expression that is being read.
    unread: Vec<(String, ParseError)>,
}

impl Parser {
    /// A log expression may stand in parentheses, as a metric expression may.
    fn expression(&mut self) -> Result<Expr, ParseError> {
        let ahead = self.tokens.iter().map(|(token, _)| token).find(|token| **token != Token::Symbol("("));
        if ahead == Some(&Token::Symbol("{")) {
            self.log_expression().map(Expr::Log)
        } else {
            self.metric(0).map(|node| Expr::Metric(node.expr))
        }
    }

    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    fn peek_second(&self) -> &Token {
        self.tokens.get(self.next + 1).map_or(&Token::End, |(token, _)| token)
    }

    /// The word that is next, when it is one.
    fn peek_word(&self) -> &str {
        match self.peek() {
            Token::Ident(word) | Token::Function(word) => word,
            _ => "",
        }
    }

    /// The place of the next token.
    fn at(&self) -> Position {
        let last = self.tokens.get(self.next).or(self.tokens.last());
        last.map_or(Position::START, |(_, at)| *at)
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = self.peek() == &Token::Symbol(symbol);
        self.next += usize::from(found);
        found
    }

    fn eat_word(&mut self, word: &str) -> bool {
        let found = self.peek_word() == word;
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ParseError> {
        if self.eat(symbol) { Ok(()) } else { Err(self.unexpected(&[symbol])) }
    }

    /// The error of a token that cannot stand here, worded as Loki's parser does.
    fn unexpected(&self, expected: &[&str]) -> ParseError {
        let found = self.peek().describe();
        let expecting = match expected {
            [] => String::new(),
            names => format!(", expecting {}", names.join(" or ")),
        };
        ParseError::syntax(self.at(), format!("syntax error: unexpected {found}{expecting}"))
    }

    /// Reads what is nested, one level deeper.
    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, ParseError>) -> Result<T, ParseError> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            let message = format!("the expression is nested deeper than {MAX_NESTING} levels");
            return Err(ParseError::new(self.at(), message));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn label_name(&mut self) -> Result<String, ParseError> {
        match self.peek() {
            Token::Ident(name) if !is_reserved(name) => {
                let name = name.clone();
                self.next += 1;
                Ok(name)
            }
            _ => Err(self.unexpected(&["IDENTIFIER"])),
        }
    }

    fn text(&mut self) -> Result<(String, Position), ParseError> {
        let at = self.at();
        match self.peek() {
            Token::Text(text) => {
                let text = text.clone();
                self.next += 1;
                Ok((text, at))
            }
            _ => Err(self.unexpected(&["STRING"])),
        }
    }

    /// What `compile` makes of a regular expression; they are bounded in number, as
    /// each may take [`crate::MAX_REGEX_BYTES`].
    fn regex<T>(
        &mut self,
        at: Position,
        compile: impl FnOnce() -> Result<T, String>,
    ) -> Result<T, ParseError> {
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            let message =
                format!("the expression has more than {MAX_REGEXES} regular expressions; split it up");
            return Err(ParseError::new(at, message));
        }
        compile().map_err(|why| ParseError::new(at, why))
    }

    fn number(&mut self) -> Result<f64, ParseError> {
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        match *self.peek() {
            Token::Number(number) => {
                self.next += 1;
                Ok(if negative { -number } else { number })
            }
            _ => Err(self.unexpected(&["NUMBER"])),
        }
    }

    /// `(a, b)` or `()`: names in parentheses.
    fn names(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(")?;
        let mut names = Vec::new();
        if self.eat(")") {
            return Ok(names);
        }
        if !self.name_follows() {
            return Err(self.unexpected(&["IDENTIFIER", ")"]));
        }
        loop {
            names.push(self.label_name()?);
            if self.eat(")") {
                return Ok(names);
            }
            if !self.eat(",") {
                return Err(self.unexpected(&[",", ")"]));
            }
        }
    }

    /// Whether a label's name is next.
    fn name_follows(&self) -> bool {
        matches!(self.peek(), Token::Ident(name) if !is_reserved(name))
    }
}
