//! Filters on labels. `and` binds closer than `or`; a comma or a blank is an
//! `and` with all that follows it.

use super::Parser;
use crate::ast::ComparisonOp;
use crate::error::ParseError;
use crate::lexer::{Token, is_reserved};
use crate::pipeline::LabelFilter;

impl Parser {
    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, ParseError> {
        let mut filters = vec![self.conjunction()?];
        while self.eat_word("or") {
            filters.push(self.conjunction()?);
        }
        Ok(join(filters, LabelFilter::Or))
    }

    fn conjunction(&mut self) -> Result<LabelFilter, ParseError> {
        let mut filters = vec![self.term()?];
        while self.eat_word("and") {
            filters.push(self.term()?);
        }
        Ok(join(filters, LabelFilter::And))
    }

    /// A filter, and what a comma or a blank joins to it.
    fn term(&mut self) -> Result<LabelFilter, ParseError> {
        let first = self.primary()?;
        let starts = match self.peek() {
            Token::Symbol("(") => true,
            Token::Ident(word) => !is_reserved(word),
            _ => false,
        };
        if self.eat(",") || starts {
            let rest = self.deeper(Self::label_filter)?;
            return Ok(join(vec![first, rest], LabelFilter::And));
        }
        Ok(first)
    }

    fn primary(&mut self) -> Result<LabelFilter, ParseError> {
        if self.eat("(") {
            let inner = self.deeper(Self::label_filter)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let name = self.label_name()?;
        let Token::Symbol(symbol) = *self.peek() else {
            return Err(self.unexpected(&[]));
        };
        if let ("=~" | "!~", _) | ("=" | "!=", Token::Text(_)) = (symbol, self.peek_second()) {
            return self.matcher_of(name).map(LabelFilter::Match);
        }
        let op = match symbol {
            "=" | "==" => ComparisonOp::Equal,
            "!=" => ComparisonOp::NotEqual,
            ">" => ComparisonOp::Greater,
            ">=" => ComparisonOp::GreaterOrEqual,
            "<" => ComparisonOp::Less,
            "<=" => ComparisonOp::LessOrEqual,
            _ => return Err(self.unexpected(&[])),
        };
        self.next += 1;
        if let "=" | "!=" = symbol
            && matches!(self.peek(), Token::Function(word) if word == "ip")
        {
            return Ok(LabelFilter::Ip(name, symbol == "!=", self.ip()?));
        }
        let negative = self.eat("-");
        if !negative {
            self.eat("+");
        }
        let filter = match *self.peek() {
            Token::Number(value) => LabelFilter::Number(name, op, if negative { -value } else { value }),
            Token::Duration(value) => LabelFilter::Duration(name, op, if negative { -value } else { value }),
            Token::Bytes(value) if !negative => LabelFilter::Bytes(name, op, value),
            _ => return Err(self.unexpected(&[])),
        };
        self.next += 1;
        Ok(filter)
    }
}

/// One filter of several; those of the same kind among them are taken apart,
/// so that a filter has one form.
fn join(filters: Vec<LabelFilter>, kind: fn(Vec<LabelFilter>) -> LabelFilter) -> LabelFilter {
    let is_and = matches!(kind(Vec::new()), LabelFilter::And(_));
    let mut flat = Vec::with_capacity(filters.len());
    for filter in filters {
        match filter {
            LabelFilter::And(inner) if is_and => flat.extend(inner),
            LabelFilter::Or(inner) if !is_and => flat.extend(inner),
            other => flat.push(other),
        }
    }
    match flat.pop() {
        Some(only) if flat.is_empty() => only,
        last => {
            flat.extend(last);
            kind(flat)
        }
    }
}
