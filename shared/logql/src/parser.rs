//! Recursive descent over the tokens. Precedence, low to high: `or`; `and`,
//! `unless`; comparisons; `+ -`; `* / %`; `^`, which binds to the right.

use crate::ast::{
    Comparison, ComparisonOp, Expr, Grouping, LogExpr, MetricExpr, RangeAggregation, RangeOp, Stage,
    VectorAggregation, VectorOp,
};
use crate::error::{ParseError, Position};
use crate::lexer::{Token, tokens};
use crate::matcher::{LabelMatcher, LineFilter, LinePattern};
use crate::{MAX_EXPRESSION_BYTES, MAX_NESTING};

const RANGE_OPS: [(&str, RangeOp); 4] = [
    ("count_over_time", RangeOp::CountOverTime),
    ("rate", RangeOp::Rate),
    ("bytes_over_time", RangeOp::BytesOverTime),
    ("bytes_rate", RangeOp::BytesRate),
];

const VECTOR_OPS: [(&str, VectorOp); 5] = [
    ("sum", VectorOp::Sum),
    ("min", VectorOp::Min),
    ("max", VectorOp::Max),
    ("avg", VectorOp::Avg),
    ("count", VectorOp::Count),
];

/// Functions that LogQL has and this version has not.
const LATER_FUNCTIONS: [&str; 22] = [
    "sum_over_time",
    "avg_over_time",
    "max_over_time",
    "min_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
    "rate_counter",
    "topk",
    "bottomk",
    "approx_topk",
    "sort",
    "sort_desc",
    "stddev",
    "stdvar",
    "label_replace",
    "vector",
    "variants",
    "count_min_sketch",
];

/// Pipeline stages that LogQL has and this version has not.
const LATER_STAGES: [&str; 11] = [
    "json",
    "logfmt",
    "regexp",
    "pattern",
    "unpack",
    "line_format",
    "label_format",
    "drop",
    "keep",
    "decolorize",
    "unwrap",
];

const COMPARISONS: [(&str, ComparisonOp); 6] = [
    ("==", ComparisonOp::Equal),
    ("!=", ComparisonOp::NotEqual),
    (">", ComparisonOp::Greater),
    (">=", ComparisonOp::GreaterOrEqual),
    ("<", ComparisonOp::Less),
    ("<=", ComparisonOp::LessOrEqual),
];

/// Reads an expression.
pub fn parse(source: &str) -> Result<Expr, ParseError> {
    if source.len() > MAX_EXPRESSION_BYTES {
        let at = Position { line: 1, column: 1 };
        let message = format!("the expression is longer than {MAX_EXPRESSION_BYTES} bytes");
        return Err(ParseError::new(at, message));
    }
    let mut parser = Parser { tokens: tokens(source)?, next: 0, depth: 0 };
    let expr = if parser.peek() == &Token::Symbol("{") {
        let log = parser.selector_and_stages()?;
        match parser.peek() {
            Token::Symbol("[") => {
                let message = "a range needs a function around it, such as count_over_time(..)";
                return Err(ParseError::new(parser.at(), message));
            }
            _ => Expr::Log(log),
        }
    } else {
        Expr::Metric(parser.metric(0)?)
    };
    match parser.peek() {
        Token::End => Ok(expr),
        _ => Err(parser.expected("the end of the expression")),
    }
}

struct Parser {
    tokens: Vec<(Token, Position)>,
    next: usize,
    depth: usize,
}

impl Parser {
    fn peek(&self) -> &Token {
        self.tokens.get(self.next).map_or(&Token::End, |(token, _)| token)
    }

    /// The place of the next token.
    fn at(&self) -> Position {
        let last = self.tokens.get(self.next).or(self.tokens.last());
        last.map_or(Position { line: 1, column: 1 }, |(_, at)| *at)
    }

    fn advance(&mut self) -> Token {
        let token = self.peek().clone();
        self.next += 1;
        token
    }

    fn eat(&mut self, symbol: &'static str) -> bool {
        let found = self.peek() == &Token::Symbol(symbol);
        self.next += usize::from(found);
        found
    }

    fn expect(&mut self, symbol: &'static str) -> Result<(), ParseError> {
        if self.eat(symbol) {
            return Ok(());
        }
        Err(self.expected(&format!("\"{symbol}\"")))
    }

    fn expected(&self, what: &str) -> ParseError {
        let found = self.peek().describe();
        ParseError::new(self.at(), format!("expected {what}, found {found}"))
    }

    /// An expression whose operators all have at least precedence `lowest`.
    fn metric(&mut self, lowest: u8) -> Result<MetricExpr, ParseError> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            let message = format!("the expression is nested deeper than {MAX_NESTING} levels");
            return Err(ParseError::new(self.at(), message));
        }
        let mut left = self.operand()?;
        while let Some((operator, precedence)) = binary_operator(self.peek()) {
            if precedence < lowest {
                break;
            }
            let at = self.at();
            self.advance();
            if let Token::Ident(word) = self.peek()
                && ["bool", "on", "ignoring", "group_left", "group_right"].contains(&word.as_str())
            {
                return Err(ParseError::unsupported(self.at(), &format!("\"{word}\"")));
            }
            let right_associative = operator == "^";
            let right = self.metric(precedence + u8::from(!right_associative))?;
            left = combine(left, &operator, right, at)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    fn operand(&mut self) -> Result<MetricExpr, ParseError> {
        let at = self.at();
        match self.advance() {
            Token::Number(number) => Ok(MetricExpr::Number(number)),
            Token::Symbol("-") => match self.advance() {
                Token::Number(number) => Ok(MetricExpr::Number(-number)),
                _ => Err(ParseError::new(at, "\"-\" stands before a number only")),
            },
            Token::Symbol("(") => {
                let inner = self.metric(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Ident(word) => self.function(&word, at),
            Token::Symbol("{") => {
                let message = "a log selector has no number; count its lines with count_over_time(..[5m])";
                Err(ParseError::new(at, message))
            }
            _ => {
                self.next -= 1;
                Err(self.expected("a metric expression"))
            }
        }
    }

    fn function(&mut self, word: &str, at: Position) -> Result<MetricExpr, ParseError> {
        if let Some((_, op)) = RANGE_OPS.iter().find(|(name, _)| *name == word) {
            return self.range_aggregation(*op);
        }
        if let Some((_, op)) = VECTOR_OPS.iter().find(|(name, _)| *name == word) {
            return self.vector_aggregation(*op);
        }
        if LATER_FUNCTIONS.contains(&word) {
            return Err(ParseError::unsupported(at, &format!("the function \"{word}\"")));
        }
        let known = RANGE_OPS.iter().map(|(name, _)| *name);
        let known = known.chain(VECTOR_OPS.iter().map(|(name, _)| *name));
        let error = ParseError::new(at, format!("unknown aggregation \"{word}\""));
        Err(error.suggest(word, known))
    }

    /// `(selector stages [range])`, the range before or after the stages.
    fn range_aggregation(&mut self, op: RangeOp) -> Result<MetricExpr, ParseError> {
        self.expect("(")?;
        let matchers = self.selector()?;
        let early = self.range()?;
        let stages = self.stages()?;
        let range_ms = match early {
            Some(range_ms) => range_ms,
            None => self.range()?.ok_or_else(|| self.expected("a range such as \"[5m]\""))?,
        };
        if let Token::Ident(word) = self.peek()
            && word == "offset"
        {
            return Err(ParseError::unsupported(self.at(), "\"offset\""));
        }
        self.expect(")")?;
        if let Some(word) = self.grouping_word() {
            let message =
                format!("\"{word}\" belongs to an aggregation such as sum, not to a range function");
            return Err(ParseError::new(self.at(), message));
        }
        let log = LogExpr { matchers, stages };
        Ok(MetricExpr::Range(RangeAggregation { op, log, range_ms }))
    }

    fn range(&mut self) -> Result<Option<i64>, ParseError> {
        if !self.eat("[") {
            return Ok(None);
        }
        let at = self.at();
        match self.advance() {
            Token::Duration(range_ms) if range_ms > 0 => {
                self.expect("]")?;
                Ok(Some(range_ms))
            }
            Token::Duration(_) | Token::Number(_) => {
                let message = "a range is a duration longer than zero, such as 5m";
                Err(ParseError::new(at, message))
            }
            _ => {
                self.next -= 1;
                Err(self.expected("a duration such as 5m"))
            }
        }
    }

    /// `by (..) (expr)`, `(expr) by (..)`, or `(expr)`.
    fn vector_aggregation(&mut self, op: VectorOp) -> Result<MetricExpr, ParseError> {
        let before = self.grouping()?;
        self.expect("(")?;
        let inner = Box::new(self.metric(0)?);
        if self.peek() == &Token::Symbol(",") {
            return Err(self.expected("\")\""));
        }
        self.expect(")")?;
        let at = self.at();
        let after = self.grouping()?;
        let grouping = match (before, after) {
            (Some(_), Some(_)) => {
                return Err(ParseError::new(at, "the aggregation has a second grouping"));
            }
            (before, after) => before.or(after).unwrap_or(Grouping::By(Vec::new())),
        };
        Ok(MetricExpr::Vector(VectorAggregation { op, grouping, inner }))
    }

    fn grouping_word(&self) -> Option<String> {
        match self.peek() {
            Token::Ident(word) if word == "by" || word == "without" => Some(word.clone()),
            _ => None,
        }
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let Some(word) = self.grouping_word() else {
            return Ok(None);
        };
        self.advance();
        self.expect("(")?;
        let mut labels = Vec::new();
        while !self.eat(")") {
            labels.push(self.label_name()?);
            if !self.eat(",") && self.peek() != &Token::Symbol(")") {
                return Err(self.expected("\",\" or \")\""));
            }
        }
        Ok(Some(if word == "by" { Grouping::By(labels) } else { Grouping::Without(labels) }))
    }

    fn label_name(&mut self) -> Result<String, ParseError> {
        match self.peek().clone() {
            Token::Ident(name) => {
                self.advance();
                Ok(name)
            }
            _ => Err(self.expected("a label name")),
        }
    }

    fn text(&mut self) -> Result<(String, Position), ParseError> {
        let at = self.at();
        match self.peek().clone() {
            Token::Text(text) => {
                self.advance();
                Ok((text, at))
            }
            _ => Err(self.expected("a string")),
        }
    }

    fn selector_and_stages(&mut self) -> Result<LogExpr, ParseError> {
        let matchers = self.selector()?;
        let stages = self.stages()?;
        Ok(LogExpr { matchers, stages })
    }

    fn selector(&mut self) -> Result<Vec<LabelMatcher>, ParseError> {
        let start = self.at();
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.eat("}") {
            matchers.push(self.matcher()?);
            if !self.eat(",") && self.peek() != &Token::Symbol("}") {
                return Err(self.expected("\",\" or \"}\""));
            }
        }
        if matchers.iter().all(|matcher| matcher.accepts("")) {
            let message = "the selector needs at least one matcher that an empty value does not satisfy, such as service=\"api\" or service=~\".+\"";
            return Err(ParseError::new(start, message));
        }
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<LabelMatcher, ParseError> {
        let name = self.label_name()?;
        let Token::Symbol(op @ ("=" | "!=" | "=~" | "!~")) = *self.peek() else {
            return Err(self.expected("\"=\", \"!=\", \"=~\" or \"!~\""));
        };
        self.advance();
        let (value, at) = self.text()?;
        let negated = op.starts_with('!');
        if op.ends_with('~') {
            LabelMatcher::regex(name, negated, &value).map_err(|why| ParseError::new(at, why))
        } else {
            Ok(LabelMatcher::text(name, negated, value))
        }
    }

    fn stages(&mut self) -> Result<Vec<Stage>, ParseError> {
        let mut stages = Vec::new();
        loop {
            match *self.peek() {
                Token::Symbol(op @ ("|=" | "!=" | "|~" | "!~")) => {
                    self.advance();
                    stages.push(Stage::LineFilter(self.line_filter(op)?));
                }
                Token::Symbol(op @ ("|>" | "!>")) => {
                    return Err(ParseError::unsupported(self.at(), &format!("the filter \"{op}\"")));
                }
                Token::Symbol("|") => return Err(self.later_stage()),
                _ => return Ok(stages),
            }
        }
    }

    fn line_filter(&mut self, op: &str) -> Result<LineFilter, ParseError> {
        let mut patterns = Vec::new();
        loop {
            if self.peek() == &Token::Ident("ip".to_owned()) {
                return Err(ParseError::unsupported(self.at(), "the filter \"ip\""));
            }
            let (text, at) = self.text()?;
            patterns.push(if op.ends_with('~') {
                LinePattern::regex(&text).map_err(|why| ParseError::new(at, why))?
            } else {
                LinePattern::text(&text)
            });
            if self.peek() != &Token::Ident("or".to_owned()) {
                return Ok(LineFilter::new(op.starts_with('!'), patterns));
            }
            self.advance();
        }
    }

    /// The error for what follows a `|`.
    fn later_stage(&mut self) -> ParseError {
        self.advance();
        let at = self.at();
        let Token::Ident(word) = self.peek().clone() else {
            return self.expected("a pipeline stage");
        };
        if LATER_STAGES.contains(&word.as_str()) {
            return ParseError::unsupported(at, &format!("the stage \"{word}\""));
        }
        self.advance();
        if matches!(self.peek(), Token::Symbol("=" | "!=" | "=~" | "!~" | "==" | ">" | ">=" | "<" | "<=")) {
            return ParseError::unsupported(at, &format!("a filter on the label \"{word}\""));
        }
        ParseError::new(at, format!("unknown stage \"{word}\"")).suggest(&word, LATER_STAGES)
    }
}

/// The operator a token is, with its precedence.
fn binary_operator(token: &Token) -> Option<(String, u8)> {
    let (text, precedence) = match token {
        Token::Ident(word) if word == "or" => (word.as_str(), 1),
        Token::Ident(word) if word == "and" || word == "unless" => (word.as_str(), 2),
        Token::Symbol(symbol @ ("==" | "!=" | ">" | ">=" | "<" | "<=")) => (*symbol, 3),
        Token::Symbol(symbol @ ("+" | "-")) => (*symbol, 4),
        Token::Symbol(symbol @ ("*" | "/" | "%")) => (*symbol, 5),
        Token::Symbol("^") => ("^", 6),
        _ => return None,
    };
    Some((text.to_owned(), precedence))
}

/// Arithmetic between constants is done now; a comparison gets its constant on
/// the right; everything else needs the full engine.
fn combine(
    left: MetricExpr,
    operator: &str,
    right: MetricExpr,
    at: Position,
) -> Result<MetricExpr, ParseError> {
    let comparison = COMPARISONS.iter().find(|(text, _)| *text == operator).map(|(_, op)| *op);
    match (comparison, left, right) {
        (None, MetricExpr::Number(a), MetricExpr::Number(b)) => {
            let value = match operator {
                "+" => a + b,
                "-" => a - b,
                "*" => a * b,
                "/" => a / b,
                "%" => a % b,
                "^" => a.powf(b),
                _ => {
                    return Err(ParseError::new(at, format!("\"{operator}\" needs series on both sides")));
                }
            };
            if !value.is_finite() {
                return Err(ParseError::new(at, "this constant is not a finite number"));
            }
            Ok(MetricExpr::Number(value))
        }
        (Some(_), MetricExpr::Number(_), MetricExpr::Number(_)) => {
            Err(ParseError::new(at, "one side of a comparison must be a metric"))
        }
        (Some(op), metric, MetricExpr::Number(right)) => {
            Ok(MetricExpr::Comparison(Comparison { op, left: Box::new(metric), right }))
        }
        (Some(op), MetricExpr::Number(right), metric) => {
            Ok(MetricExpr::Comparison(Comparison { op: op.flipped(), left: Box::new(metric), right }))
        }
        _ => Err(ParseError::unsupported(at, &format!("\"{operator}\" with a metric on either side"))),
    }
}
