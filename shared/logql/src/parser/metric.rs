//! Metric expressions. Precedence, low to high: `or`; `and`, `unless`;
//! comparisons; `+ -`; `* / %`; `^`, which binds to the right.

use super::Parser;
use crate::MAX_NESTING;
use crate::ast::{
    BinaryOp, BinaryOperation, Grouping, LabelReplace, LogExpr, Many, Matching, MatchingLabels, MetricExpr,
    RangeAggregation, RangeOp, Unwrap, VectorAggregation, VectorOp,
};
use crate::error::{ParseError, Position};
use crate::lexer::{Token, is_reserved};
use crate::metric::constant;
use crate::names::{BINARY_OPS, RANGE_OPS, VECTOR_OPS, by_name, name_of};
use crate::pattern::Pattern;

/// An expression and how deep its tree is: chains of operators are trees that
/// are as deep as they are long.
pub(super) struct Node {
    pub(super) expr: MetricExpr,
    depth: usize,
}

/// What stands in a range function's parentheses, as far as it was read.
struct RangePart {
    log: LogExpr,
    unwrap: Option<Unwrap>,
    range_nanos: Option<i64>,
    offset_nanos: i64,
}

/// The deepest tree.
const MAX_TREE_DEPTH: usize = 2 * MAX_NESTING;

impl Parser {
    fn node(&self, expr: MetricExpr, depth: usize) -> Result<Node, ParseError> {
        if depth > MAX_TREE_DEPTH {
            let message =
                format!("the expression is nested deeper than {MAX_TREE_DEPTH} levels; split it up");
            return Err(ParseError::new(self.at(), message));
        }
        Ok(Node { expr, depth })
    }

    /// An expression whose operators all have at least precedence `lowest`.
    pub(super) fn metric(&mut self, lowest: u8) -> Result<Node, ParseError> {
        self.deeper(|parser| {
            let mut left = parser.operand()?;
            while let Some(op) = parser.binary_operator().filter(|op| op.precedence() >= lowest) {
                let at = parser.at();
                parser.next += 1;
                let matching = parser.matching()?;
                let right_associative = op == BinaryOp::Power;
                let right = parser.metric(op.precedence() + u8::from(!right_associative))?;
                left = parser.combine(left, op, matching, right, at)?;
            }
            Ok(left)
        })
    }

    fn binary_operator(&self) -> Option<BinaryOp> {
        match self.peek() {
            Token::Ident(word) => by_name(&BINARY_OPS, word),
            Token::Symbol(symbol) => by_name(&BINARY_OPS, symbol),
            _ => None,
        }
    }

    fn combine(
        &self,
        left: Node,
        op: BinaryOp,
        matching: Matching,
        right: Node,
        at: Position,
    ) -> Result<Node, ParseError> {
        let word = name_of(&BINARY_OPS, op);
        if op.is_set_operation() {
            for (side, node) in [("left", &left), ("right", &right)] {
                if let Some(number) = constant(&node.expr) {
                    let message = format!(
                        "unexpected literal for {side} leg of logical/set binary operation ({word}): {number:.6}"
                    );
                    return Err(ParseError::new(at, message));
                }
            }
            if matching.many.is_some() {
                return Err(ParseError::new(at, format!("no grouping allowed for \"{word}\" operation")));
            }
        }
        let depth = left.depth.max(right.depth) + 1;
        let operation =
            BinaryOperation { op, matching, left: Box::new(left.expr), right: Box::new(right.expr) };
        self.node(MetricExpr::Binary(operation), depth)
    }

    /// `[bool] [on(..)|ignoring(..) [group_left[(..)]|group_right[(..)]]]`
    fn matching(&mut self) -> Result<Matching, ParseError> {
        let mut matching = Matching::default();
        if self.peek_word() == "bool" {
            self.next += 1;
            matching.returns_bool = true;
        }
        matching.labels = match self.peek_word() {
            "on" => {
                self.next += 1;
                Some(MatchingLabels::On(self.names()?))
            }
            "ignoring" => {
                self.next += 1;
                Some(MatchingLabels::Ignoring(self.names()?))
            }
            _ => return Ok(matching),
        };
        let side = match self.peek_word() {
            "group_left" => Many::Left,
            "group_right" => Many::Right,
            _ => return Ok(matching),
        };
        self.next += 1;
        // `group_left (metric)`: the parenthesis is the operand's, unless names stand in it.
        let included = if self.names_follow() { self.names()? } else { Vec::new() };
        matching.many = Some(side(included));
        Ok(matching)
    }

    fn names_follow(&self) -> bool {
        let mut tokens = self.tokens.iter().skip(self.next).map(|(token, _)| token);
        if tokens.next() != Some(&Token::Symbol("(")) {
            return false;
        }
        match tokens.next() {
            Some(Token::Symbol(")")) => true,
            Some(Token::Ident(_)) => matches!(tokens.next(), Some(Token::Symbol("," | ")"))),
            _ => false,
        }
    }

    fn operand(&mut self) -> Result<Node, ParseError> {
        let at = self.at();
        match self.peek().clone() {
            Token::Number(_) | Token::Symbol("-" | "+") => {
                let number = self.number()?;
                self.node(MetricExpr::Number(number), 1)
            }
            Token::Symbol("(") => {
                self.next += 1;
                let inner = self.metric(0)?;
                self.expect(")")?;
                Ok(inner)
            }
            Token::Function(word) => {
                self.next += 1;
                self.function(&word, at)
            }
            Token::Ident(word) if word == "label_replace" => {
                self.next += 1;
                self.label_replace()
            }
            Token::Ident(word) if self.peek_second() == &Token::Symbol("(") && !is_reserved(&word) => {
                let known = RANGE_OPS.iter().map(|(name, _)| *name);
                let known = known.chain(VECTOR_OPS.iter().map(|(name, _)| *name));
                let known = known.chain(["label_replace", "vector"]);
                Err(ParseError::syntax(at, format!("unknown aggregation \"{word}\"")).suggest(&word, known))
            }
            _ => Err(self.unexpected(&[])),
        }
    }

    fn function(&mut self, word: &str, at: Position) -> Result<Node, ParseError> {
        if let Some(op) = by_name(&RANGE_OPS, word) {
            let range = self.range_aggregation(op, word, at)?;
            return self.node(MetricExpr::Range(Box::new(range)), 1);
        }
        if let Some(op) = by_name(&VECTOR_OPS, word) {
            return self.vector_aggregation(op, word, at);
        }
        if word != "vector" {
            self.next -= 1;
            return Err(self.unexpected(&[]));
        }
        self.expect("(")?;
        let Token::Number(number) = *self.peek() else {
            return Err(self.unexpected(&["NUMBER"]));
        };
        self.next += 1;
        self.expect(")")?;
        self.node(MetricExpr::Vector(number), 1)
    }

    fn range_aggregation(
        &mut self,
        op: RangeOp,
        word: &str,
        at: Position,
    ) -> Result<RangeAggregation, ParseError> {
        self.expect("(")?;
        let parameter = match self.peek() {
            Token::Number(number) => {
                let number = *number;
                self.next += 1;
                self.expect(",")?;
                Some(number)
            }
            Token::Symbol("{" | "(") => None,
            _ => return Err(self.unexpected(&["NUMBER", "{", "("])),
        };
        let mut part = self.range_part()?;
        let asks_for_line = matches!(op, RangeOp::BytesOverTime | RangeOp::BytesRate);
        self.settle(&mut part.log.stages, asks_for_line)?;
        let Some(range_nanos) = part.range_nanos else {
            return Err(self.unexpected(&[]));
        };
        self.expect(")")?;
        let grouping = self.grouping()?;
        let range = RangeAggregation {
            op,
            parameter,
            log: part.log,
            unwrap: part.unwrap,
            range_nanos,
            offset_nanos: part.offset_nanos,
            grouping,
        };
        check_range(&range, word).map_err(|why| ParseError::new(at, why))?;
        Ok(range)
    }

    /// A selector and its stages, with the range behind either, in any parentheses.
    fn range_part(&mut self) -> Result<RangePart, ParseError> {
        let mut part = if self.eat("(") {
            let inner = self.deeper(Self::range_part)?;
            self.expect(")")?;
            inner
        } else if self.peek() != &Token::Symbol("{") {
            return Err(self.unexpected(&["{", "("]));
        } else {
            let log = LogExpr { matchers: self.selector()?, stages: Vec::new() };
            RangePart { log, unwrap: None, range_nanos: None, offset_nanos: 0 }
        };
        loop {
            if part.range_nanos.is_none()
                && let Token::Range(nanos) = *self.peek()
            {
                if nanos <= 0 {
                    let message = "a range is a duration longer than zero, such as 5m";
                    return Err(ParseError::new(self.at(), message));
                }
                self.next += 1;
                part.range_nanos = Some(nanos);
                if self.eat_word("offset") {
                    part.offset_nanos = self.offset()?;
                }
            } else if part.unwrap.is_none()
                && self.peek() == &Token::Symbol("|")
                && matches!(self.peek_second(), Token::Ident(word) if word == "unwrap")
            {
                self.next += 2;
                part.unwrap = Some(self.unwrap()?);
            } else if part.unwrap.is_some() {
                return Ok(part);
            } else {
                match self.stage()? {
                    Some(stage) => part.log.stages.push(stage),
                    None => return Ok(part),
                }
            }
        }
    }

    fn offset(&mut self) -> Result<i64, ParseError> {
        let negative = self.eat("-");
        match *self.peek() {
            Token::Duration(nanos) => {
                self.next += 1;
                Ok(if negative { -nanos } else { nanos })
            }
            _ => Err(self.unexpected(&["DURATION"])),
        }
    }

    /// `by (..) (expr)`, `(expr) by (..)`, or `(expr)`.
    fn vector_aggregation(&mut self, op: VectorOp, word: &str, at: Position) -> Result<Node, ParseError> {
        let before = self.grouping()?;
        self.expect("(")?;
        let takes_k = matches!(op, VectorOp::Topk | VectorOp::Bottomk | VectorOp::ApproxTopk);
        let parameter = match (self.peek().clone(), self.peek_second()) {
            (Token::Number(number), Token::Symbol(",")) => {
                if !takes_k {
                    return Err(ParseError::new(
                        at,
                        format!("unsupported parameter for operation {word}({number},"),
                    ));
                }
                self.next += 2;
                Some(positive(number, word).map_err(|why| ParseError::new(at, why))?)
            }
            _ if takes_k => {
                return Err(ParseError::new(at, format!("parameter required for operation {word}")));
            }
            _ => None,
        };
        let inner = self.metric(0)?;
        self.expect(")")?;
        let after_at = self.at();
        let after = self.grouping()?;
        if before.is_some() && after.is_some() {
            let word = if matches!(after, Some(Grouping::By(_))) { "by" } else { "without" };
            return Err(ParseError::syntax(after_at, format!("syntax error: unexpected {word}")));
        }
        let grouping = before.or(after);
        if grouping.is_some() {
            match op {
                VectorOp::ApproxTopk => {
                    return Err(ParseError::new(at, format!("grouping not allowed for {word} aggregation")));
                }
                VectorOp::Sort | VectorOp::SortDesc => {
                    return Err(ParseError::new(at, "sort and sort_desc doesn't allow grouping by"));
                }
                _ => {}
            }
        }
        let depth = inner.depth + 1;
        let aggregation = VectorAggregation { op, parameter, grouping, inner: Box::new(inner.expr) };
        self.node(MetricExpr::Aggregation(aggregation), depth)
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let kind = match self.peek_word() {
            "by" => Grouping::By,
            "without" => Grouping::Without,
            _ => return Ok(None),
        };
        self.next += 1;
        self.names().map(|names| Some(kind(names)))
    }

    fn label_replace(&mut self) -> Result<Node, ParseError> {
        self.expect("(")?;
        let inner = self.metric(0)?;
        let mut texts = Vec::new();
        for _ in 0..4 {
            self.expect(",")?;
            texts.push(self.text()?);
        }
        self.expect(")")?;
        let Ok([(destination, destination_at), (replacement, _), (source, _), (pattern, at)]) =
            <[(String, Position); 4]>::try_from(texts)
        else {
            return Err(self.unexpected(&[]));
        };
        if !is_label_name(&destination) {
            let message = format!("invalid destination label name in label_replace: {destination}");
            return Err(ParseError::new(destination_at, message));
        }
        let invalid =
            |why: String| format!("invalid regex in label_replace: {}", why.replace("^(?s:", "^(?:"));
        let pattern = self.regex(at, || Pattern::anchored(&pattern).map_err(invalid))?;
        let depth = inner.depth + 1;
        let inner = Box::new(inner.expr);
        self.node(
            MetricExpr::LabelReplace(LabelReplace { inner, destination, replacement, source, pattern }),
            depth,
        )
    }
}

fn is_label_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn positive(number: f64, word: &str) -> Result<usize, String> {
    if number.fract() != 0.0 || number > f64::from(u32::MAX) {
        return Err(format!("invalid parameter {word}({number},"));
    }
    if number < 1.0 {
        return Err(format!("invalid parameter (must be greater than 0) {word}({number}"));
    }
    Ok(number as usize)
}

/// Which functions take a parameter, a grouping, and samples or lines.
fn check_range(range: &RangeAggregation, word: &str) -> Result<(), String> {
    use RangeOp::{
        AbsentOverTime, AvgOverTime, BytesOverTime, BytesRate, CountOverTime, FirstOverTime, LastOverTime,
        MaxOverTime, MinOverTime, QuantileOverTime, Rate, StddevOverTime, StdvarOverTime,
    };
    match (range.op, range.parameter) {
        (QuantileOverTime, None) => return Err(format!("parameter required for operation {word}")),
        (QuantileOverTime, Some(_)) | (_, None) => {}
        (_, Some(number)) => return Err(format!("parameter {number} not supported for operation {word}")),
    }
    let groups = matches!(
        range.op,
        AvgOverTime
            | StddevOverTime
            | StdvarOverTime
            | QuantileOverTime
            | MaxOverTime
            | MinOverTime
            | FirstOverTime
            | LastOverTime
    );
    if range.grouping.is_some() && !groups {
        return Err(format!("grouping not allowed for {word} aggregation"));
    }
    match (range.op, &range.unwrap) {
        (CountOverTime | BytesOverTime | BytesRate, Some(_)) => {
            Err(format!("invalid aggregation {word} with unwrap"))
        }
        (CountOverTime | BytesOverTime | BytesRate | Rate | AbsentOverTime, _) | (_, Some(_)) => Ok(()),
        (_, None) => Err(format!("invalid aggregation {word} without unwrap")),
    }
}
