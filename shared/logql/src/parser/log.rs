//! Selectors and pipelines.

use super::Parser;
use crate::ast::{Conversion, LabelSelection, LogExpr, Stage, Unwrap};
use crate::error::{ParseError, Position};
use crate::lexer::Token;
use crate::matcher::LabelMatcher;
use crate::pattern::{Needle, Pattern};
use crate::pipeline::{
    IpMatcher, JsonParser, JsonPath, LabelFormat, LineFilter, LineMatch, LinePattern, LogfmtParser,
    RegexpParser,
};
use crate::template::Template;
use crate::units::quote;

/// The words a stage begins with.
const STAGES: [&str; 12] = [
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
    "distinct",
];

/// The labels of errors, which a query may not set.
const ERROR_LABELS: [&str; 2] = ["__error__", "__error_details__"];

impl Parser {
    pub(super) fn log_expression(&mut self) -> Result<LogExpr, ParseError> {
        if self.eat("(") {
            let inner = self.deeper(Self::log_expression)?;
            self.expect(")")?;
            return Ok(inner);
        }
        let matchers = self.selector()?;
        let mut stages = Vec::new();
        loop {
            if self.peek() == &Token::Symbol("|")
                && matches!(self.peek_second(), Token::Ident(word) if word == "unwrap")
            {
                self.next += 1;
                return Err(self.unexpected(&[]));
            }
            match self.stage()? {
                Some(stage) => stages.push(stage),
                None => {
                    self.settle(&mut stages, true)?;
                    return Ok(LogExpr { matchers, stages });
                }
            }
        }
    }

    pub(super) fn selector(&mut self) -> Result<Vec<LabelMatcher>, ParseError> {
        let start = self.at();
        self.expect("{")?;
        let mut matchers = Vec::new();
        while !self.eat("}") {
            if !self.name_follows() {
                return Err(self.unexpected(&["IDENTIFIER", "}"]));
            }
            matchers.push(self.matcher()?);
            if !self.eat(",") && self.peek() != &Token::Symbol("}") {
                return Err(self.unexpected(&["}", ","]));
            }
        }
        if matchers.iter().all(|matcher| matcher.accepts("")) {
            let message = "queries require at least one regexp or equality matcher that does not have an empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";
            return Err(ParseError::new(start, message));
        }
        Ok(matchers)
    }

    fn matcher(&mut self) -> Result<LabelMatcher, ParseError> {
        let name = self.label_name()?;
        self.matcher_of(name)
    }

    /// The operator and the value of a matcher.
    pub(super) fn matcher_of(&mut self, name: String) -> Result<LabelMatcher, ParseError> {
        let Token::Symbol(op @ ("=" | "!=" | "=~" | "!~")) = *self.peek() else {
            return Err(self.unexpected(&["=", "=~", "!~", "!="]));
        };
        self.next += 1;
        let (value, at) = self.text()?;
        let negated = op.starts_with('!');
        if op.ends_with('~') {
            self.regex(at, || LabelMatcher::regex(name, negated, &value))
        } else {
            Ok(LabelMatcher::text(name, negated, value))
        }
    }

    /// The next stage, when there is one.
    pub(super) fn stage(&mut self) -> Result<Option<Stage>, ParseError> {
        match *self.peek() {
            Token::Symbol(op @ ("|=" | "!=" | "|~" | "!~" | "|>" | "!>")) => {
                // Between two metrics `!=` compares.
                if op == "!=" && !matches!(self.peek_second(), Token::Text(_)) && !self.ip_follows() {
                    return Ok(None);
                }
                self.next += 1;
                self.line_filter(op).map(|filter| Some(Stage::LineFilter(filter)))
            }
            Token::Symbol("|") => {
                self.next += 1;
                self.pipe_stage().map(Some)
            }
            _ => Ok(None),
        }
    }

    fn ip_follows(&self) -> bool {
        matches!(self.peek_second(), Token::Function(word) if word == "ip")
    }

    fn line_filter(&mut self, op: &str) -> Result<LineFilter, ParseError> {
        let mut alternatives = Vec::new();
        loop {
            if matches!(self.peek(), Token::Function(word) if word == "ip") {
                if !matches!(op, "|=" | "!=") {
                    return Err(ParseError::new(self.at(), format!("ip: invalid operation: {op}")));
                }
                alternatives.push(LineMatch::Ip(self.ip()?));
            } else if !matches!(self.peek(), Token::Text(_)) {
                return Err(self.unexpected(&["STRING", "IP"]));
            } else {
                let (text, at) = self.text()?;
                alternatives.push(match op {
                    "|~" | "!~" => LineMatch::Regex(self.regex(at, || Pattern::new(&text))?),
                    "|>" | "!>" => {
                        let shape = LinePattern::filter(&text);
                        LineMatch::Shape(shape.map_err(|why| ParseError::new(at, why))?)
                    }
                    _ => LineMatch::Text(Needle::new(&text)),
                });
            }
            if !self.eat_word("or") {
                return Ok(LineFilter { negated: op.starts_with('!'), alternatives });
            }
        }
    }

    /// `ip("..")`.
    pub(super) fn ip(&mut self) -> Result<IpMatcher, ParseError> {
        self.next += 1;
        self.expect("(")?;
        let (text, at) = self.text()?;
        self.expect(")")?;
        IpMatcher::new(&text).map_err(|why| ParseError::new(at, why))
    }

    /// What follows a `|`.
    fn pipe_stage(&mut self) -> Result<Stage, ParseError> {
        let word = self.peek_word().to_owned();
        let at = self.at();
        if STAGES.contains(&word.as_str()) {
            self.next += 1;
        }
        Ok(match word.as_str() {
            "json" => Stage::Json(JsonParser { labels: self.extractions("json", JsonPath::new)? }),
            "logfmt" => Stage::Logfmt(self.logfmt()?),
            "regexp" => {
                let (text, at) = self.text()?;
                let invalid = |why| format!("invalid regexp parser: {why}");
                Stage::Regexp(self.regex(at, || RegexpParser::new(&text).map_err(invalid))?)
            }
            "pattern" => {
                let (text, at) = self.text()?;
                let invalid = |why| ParseError::new(at, format!("invalid pattern parser: {why}"));
                Stage::Pattern(LinePattern::parser(&text).map_err(invalid)?)
            }
            "unpack" => Stage::Unpack,
            "decolorize" => Stage::Decolorize,
            "line_format" => Stage::LineFormat(self.template()?),
            "label_format" => Stage::LabelFormat(self.label_formats()?),
            "drop" => Stage::Drop(self.selections()?),
            "keep" => Stage::Keep(self.selections()?),
            "unwrap" => {
                self.next -= 1;
                return Err(self.unexpected(&[]));
            }
            _ => {
                let known = matches!(
                    self.peek_second(),
                    Token::Symbol("=" | "!=" | "=~" | "!~" | "==" | ">" | ">=" | "<" | "<=")
                );
                if !word.is_empty() && !known {
                    self.next += 1;
                    let error = self.unexpected(&[]);
                    return Err(
                        ParseError { line: at.line, column: at.column, ..error }.suggest(&word, STAGES)
                    );
                }
                Stage::LabelFilter(self.label_filter()?)
            }
        })
    }

    fn template(&mut self) -> Result<Template, ParseError> {
        let (text, at) = self.text()?;
        Ok(Template::new(&text).unwrap_or_else(|err| {
            let stage = format!("| line_format {}", quote(&text));
            let error = in_stage(at, &stage, &format!("invalid line template: template: line:1: {err}"));
            self.unread.push((text.clone(), error));
            Template::unread(&text)
        }))
    }

    /// Decides about the templates that could not be read: where nothing asks for
    /// the line behind them they are left out, as in Loki; elsewhere they are errors.
    pub(super) fn settle(&mut self, stages: &mut Vec<Stage>, asks_for_line: bool) -> Result<(), ParseError> {
        for (source, error) in std::mem::take(&mut self.unread) {
            let this =
                |stage: &Stage| matches!(stage, Stage::LineFormat(template) if *template.source() == source);
            let Some(at) = stages.iter().position(this) else {
                continue;
            };
            if asks_for_line || stages.iter().skip(at + 1).any(Stage::reads_line) {
                return Err(error);
            }
            stages.remove(at);
        }
        Ok(())
    }

    /// `[--strict] [--keep-empty] [id[="key"], ..]`
    fn logfmt(&mut self) -> Result<LogfmtParser, ParseError> {
        let mut parser = LogfmtParser::default();
        while let Token::Flag(flag) = self.peek() {
            match flag.as_str() {
                "strict" => parser.strict = true,
                "keep-empty" => parser.keeps_empty = true,
                other => {
                    let message =
                        format!("unknown parser flag \"--{other}\"; there are --strict and --keep-empty");
                    return Err(ParseError::new(self.at(), message));
                }
            }
            self.next += 1;
        }
        parser.labels = self.extractions("logfmt", JsonPath::logfmt_key)?;
        Ok(parser)
    }

    /// `id, id="path", ..`; there may be none.
    fn extractions(
        &mut self,
        word: &str,
        compile: fn(&str) -> Result<JsonPath, String>,
    ) -> Result<Vec<(String, JsonPath)>, ParseError> {
        let mut sources = Vec::new();
        if !self.name_follows() {
            return Ok(Vec::new());
        }
        loop {
            let at = self.at();
            let name = self.label_name()?;
            let (source, at) = if self.eat("=") { self.text()? } else { (name.clone(), at) };
            sources.push((name, source, at));
            if !self.eat(",") {
                break;
            }
        }
        let compiled = sources.iter().map(|(name, source, at)| match compile(source) {
            Ok(path) => Ok((name.clone(), path)),
            Err(why) => {
                let shown: Vec<String> =
                    sources.iter().map(|(name, source, _)| format!("{name}={}", quote(source))).collect();
                Err(in_stage(*at, &format!("| {word} {}", shown.join(",")), &why))
            }
        });
        compiled.collect()
    }

    fn label_formats(&mut self) -> Result<Vec<LabelFormat>, ParseError> {
        let mut sources: Vec<(String, Result<String, String>, Position)> = Vec::new();
        loop {
            let at = self.at();
            let to = self.label_name()?;
            self.expect("=")?;
            let source = match self.peek() {
                Token::Text(_) => Ok(self.text()?.0),
                _ => Err(self.label_name()?),
            };
            sources.push((to, source, at));
            if !self.eat(",") {
                break;
            }
        }
        let fail = |at: Position, why: String| {
            let shown = sources.iter().map(|(to, source, _)| match source {
                Ok(text) => format!("{to}={}", quote(text)),
                Err(from) => format!("{to}={from}"),
            });
            let stage = format!("| label_format {}", shown.collect::<Vec<_>>().join(","));
            in_stage(at, &stage, &why)
        };
        let mut formats: Vec<LabelFormat> = Vec::with_capacity(sources.len());
        for (to, source, at) in &sources {
            if ERROR_LABELS.contains(&to.as_str()) {
                return Err(fail(*at, format!("{to} cannot be formatted")));
            }
            if formats.iter().any(|format| format.target() == to) {
                let why = format!("multiple label name '{to}' not allowed in a single format operation");
                return Err(fail(*at, why));
            }
            let to = to.clone();
            formats.push(match source {
                Err(from) => LabelFormat::Rename { to, from: from.clone() },
                Ok(text) => match Template::new(text) {
                    Ok(template) => LabelFormat::Template { to, template },
                    Err(err) => {
                        let why = format!("invalid template for label '{to}': template: label:1: {err}");
                        return Err(fail(*at, why));
                    }
                },
            });
        }
        Ok(formats)
    }

    fn selections(&mut self) -> Result<Vec<LabelSelection>, ParseError> {
        let mut selections = Vec::new();
        loop {
            let name = self.label_name()?;
            selections.push(match self.peek() {
                Token::Symbol("=" | "!=" | "=~" | "!~") => LabelSelection::Matching(self.matcher_of(name)?),
                _ => LabelSelection::Name(name),
            });
            if !self.eat(",") {
                return Ok(selections);
            }
        }
    }

    /// What follows `| unwrap`: the label, and filters on labels.
    pub(super) fn unwrap(&mut self) -> Result<Unwrap, ParseError> {
        let conversion = match self.peek() {
            Token::Function(word) if word == "bytes" => Some(Conversion::Bytes),
            Token::Function(word) if word.starts_with("duration") => Some(Conversion::Duration),
            _ if self.name_follows() => None,
            _ => {
                let conversions = ["BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"];
                let expected = [&["IDENTIFIER"][..], &conversions].concat();
                return Err(self.unexpected(&expected));
            }
        };
        let label = match conversion {
            None => {
                let at = self.at();
                let word = self.label_name()?;
                if self.peek() == &Token::Symbol("(") {
                    let conversions = ["bytes", "duration", "duration_seconds"];
                    return Err(ParseError { line: at.line, column: at.column, ..self.unexpected(&[]) }
                        .suggest(&word, conversions));
                }
                word
            }
            Some(_) => {
                self.next += 1;
                self.expect("(")?;
                let label = self.label_name()?;
                self.expect(")")?;
                label
            }
        };
        let mut filters = Vec::new();
        while self.peek() == &Token::Symbol("|") {
            self.next += 1;
            filters.push(self.label_filter()?);
        }
        Ok(Unwrap { label, conversion: conversion.unwrap_or(Conversion::Number), filters })
    }
}

/// What is wrong in a stage, as Loki words it.
fn in_stage(at: Position, stage: &str, why: &str) -> ParseError {
    ParseError::new(at, format!("stage '{stage}' : {why}"))
}
