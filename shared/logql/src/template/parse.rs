//! Templates as trees.

use super::TemplateError;
use super::functions::{Function, by_name};
use super::token::{Part, Token, parts};
use super::value::Value;
use crate::MAX_NESTING;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    With(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    Break,
    Continue,
}

/// `$x := a | b`: commands, each given the value of the one before.
#[derive(Debug)]
pub(super) struct Pipeline {
    pub(super) variables: Vec<String>,
    pub(super) declares: bool,
    pub(super) commands: Vec<Command>,
}

/// A function with its operands, or a single operand.
#[derive(Debug)]
pub(super) enum Command {
    Call(Function, Vec<Operand>),
    Value(Operand),
}

#[derive(Debug)]
pub(super) enum Operand {
    /// The dot and the fields behind it.
    Field(Vec<String>),
    Variable(String, Vec<String>),
    Literal(Value),
    Group(Pipeline, Vec<String>),
    /// A function without operands among the operands of another.
    Call(Function),
}

/// A template and what is known about it.
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    pub(super) fields: Vec<String>,
    pub(super) reads_clock: bool,
}

pub(super) fn parse(source: &str) -> Result<Parsed, TemplateError> {
    let parts = parts(source)?;
    let mut parser =
        Parser { parts: parts.into_iter(), fields: Vec::new(), reads_clock: false, depth: 0, loops: 0 };
    let (nodes, end) = parser.block()?;
    match end {
        End::Source => Ok(Parsed { nodes, fields: parser.fields, reads_clock: parser.reads_clock }),
        End::Close => Err(TemplateError::new("unexpected {{end}}")),
        End::Else(_) => Err(TemplateError::new("unexpected {{else}}")),
    }
}

/// What ended a block.
enum End {
    Source,
    Close,
    /// `{{else ..}}`, with what follows the word.
    Else(Vec<Token>),
}

struct Parser {
    parts: std::vec::IntoIter<Part>,
    fields: Vec<String>,
    reads_clock: bool,
    depth: usize,
    loops: usize,
}

impl Parser {
    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(TemplateError::new(format!(
                "the template is nested deeper than {MAX_NESTING} levels"
            )));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    fn block(&mut self) -> Result<(Vec<Node>, End), TemplateError> {
        let mut nodes = Vec::new();
        while let Some(part) = self.parts.next() {
            let tokens = match part {
                Part::Text(text) => {
                    nodes.push(Node::Text(text));
                    continue;
                }
                Part::Action(tokens) => tokens,
            };
            let word = match tokens.first() {
                Some(Token::Word(word)) => word.clone(),
                _ => String::new(),
            };
            let rest = tokens.get(1..).unwrap_or_default();
            let node = match word.as_str() {
                "end" if rest.is_empty() => return Ok((nodes, End::Close)),
                "else" => return Ok((nodes, End::Else(rest.to_vec()))),
                "if" => self
                    .deeper(|parser| parser.branches(rest, "if"))
                    .map(|(branches, or)| Node::If(branches, or)),
                "with" => self
                    .deeper(|parser| parser.branches(rest, "with"))
                    .map(|(branches, or)| Node::With(branches, or)),
                "range" => self.deeper(|parser| parser.range(rest)),
                "break" | "continue" if self.loops == 0 => {
                    Err(TemplateError::new(format!("{{{{{word}}}}} outside {{{{range}}}}")))
                }
                "break" => Ok(Node::Break),
                "continue" => Ok(Node::Continue),
                "define" | "template" | "block" => {
                    Err(TemplateError::new(format!("{{{{{word}}}}} is not supported")))
                }
                _ => self.pipeline(&mut Tokens::new(&tokens)).map(Node::Action),
            }?;
            nodes.push(node);
        }
        Ok((nodes, End::Source))
    }

    #[allow(clippy::type_complexity)]
    fn branches(
        &mut self,
        condition: &[Token],
        word: &str,
    ) -> Result<(Vec<(Pipeline, Vec<Node>)>, Vec<Node>), TemplateError> {
        let mut condition = self.pipeline(&mut Tokens::new(condition))?;
        let mut branches = Vec::new();
        loop {
            let (body, end) = self.block()?;
            branches.push((condition, body));
            match end {
                End::Source => return Err(TemplateError::new("unexpected EOF")),
                End::Close => return Ok((branches, Vec::new())),
                End::Else(tokens) if tokens.is_empty() => {
                    let (or, end) = self.block()?;
                    return match end {
                        End::Close => Ok((branches, or)),
                        _ => Err(TemplateError::new("expected {{end}}")),
                    };
                }
                End::Else(tokens) => match tokens.split_first() {
                    Some((Token::Word(first), rest)) if first == word => {
                        condition = self.pipeline(&mut Tokens::new(rest))?;
                    }
                    _ => return Err(TemplateError::new("unexpected token in {{else}}")),
                },
            }
        }
    }

    fn range(&mut self, over: &[Token]) -> Result<Node, TemplateError> {
        let over = self.pipeline(&mut Tokens::new(over))?;
        self.loops += 1;
        let (body, end) = self.block()?;
        self.loops -= 1;
        match end {
            End::Close => Ok(Node::Range(over, body, Vec::new())),
            End::Else(tokens) if tokens.is_empty() => {
                let (or, end) = self.block()?;
                match end {
                    End::Close => Ok(Node::Range(over, body, or)),
                    _ => Err(TemplateError::new("expected {{end}}")),
                }
            }
            End::Else(_) => Err(TemplateError::new("unexpected token in {{else}}")),
            End::Source => Err(TemplateError::new("unexpected EOF")),
        }
    }

    /// A whole action.
    fn pipeline(&mut self, tokens: &mut Tokens<'_>) -> Result<Pipeline, TemplateError> {
        let pipeline = self.group(tokens)?;
        match tokens.next() {
            None => Ok(pipeline),
            Some(_) => Err(TemplateError::new("unexpected right paren")),
        }
    }

    /// Up to the end or a closing parenthesis, which is left.
    fn group(&mut self, tokens: &mut Tokens<'_>) -> Result<Pipeline, TemplateError> {
        let (variables, declares) = tokens.assignment();
        let mut pipeline = Pipeline { variables, declares, commands: Vec::new() };
        loop {
            let command = self.command(tokens)?;
            if !pipeline.commands.is_empty() && !matches!(command, Command::Call(..)) {
                return Err(TemplateError::new("non executable command in pipeline"));
            }
            pipeline.commands.push(command);
            if !tokens.eat(&Token::Pipe) {
                return Ok(pipeline);
            }
        }
    }

    fn command(&mut self, tokens: &mut Tokens<'_>) -> Result<Command, TemplateError> {
        let function = match tokens.peek() {
            Some(Token::Word(word)) if !is_constant(word) => {
                let function = self.function(word)?;
                tokens.next();
                Some(function)
            }
            _ => None,
        };
        let mut operands = Vec::new();
        while let Some(operand) = self.operand(tokens)? {
            operands.push(operand);
        }
        match function {
            Some(function) => Ok(Command::Call(function, operands)),
            None => match (operands.pop(), operands.is_empty()) {
                (Some(operand), true) => Ok(Command::Value(operand)),
                (None, _) => Err(TemplateError::new("missing value for command")),
                _ => Err(TemplateError::new("can't give argument to non-function")),
            },
        }
    }

    fn function(&mut self, word: &str) -> Result<Function, TemplateError> {
        let function =
            by_name(word).ok_or_else(|| TemplateError::new(format!("function {word:?} not defined")))?;
        self.reads_clock |= word == "now";
        Ok(function)
    }

    fn operand(&mut self, tokens: &mut Tokens<'_>) -> Result<Option<Operand>, TemplateError> {
        let operand = match tokens.peek() {
            Some(Token::Field(names)) => {
                if let Some(name) = names.first()
                    && !self.fields.contains(name)
                {
                    self.fields.push(name.clone());
                }
                Operand::Field(names.clone())
            }
            Some(Token::Variable(name, fields)) => Operand::Variable(name.clone(), fields.clone()),
            Some(Token::Text(text)) => Operand::Literal(Value::Text(text.clone())),
            Some(Token::Int(int)) => Operand::Literal(Value::Int(*int)),
            Some(Token::Float(float)) => Operand::Literal(Value::Float(*float)),
            Some(Token::Word(word)) => match word.as_str() {
                "true" => Operand::Literal(Value::Bool(true)),
                "false" => Operand::Literal(Value::Bool(false)),
                "nil" => Operand::Literal(Value::Nil),
                word => Operand::Call(self.function(word)?),
            },
            Some(Token::Open) => {
                tokens.next();
                let group = self.deeper(|parser| parser.group(tokens))?;
                return match tokens.next() {
                    Some(Token::Close(fields)) => Ok(Some(Operand::Group(group, fields.clone()))),
                    _ => Err(TemplateError::new("unclosed left paren")),
                };
            }
            _ => return Ok(None),
        };
        tokens.next();
        Ok(Some(operand))
    }
}

fn is_constant(word: &str) -> bool {
    matches!(word, "true" | "false" | "nil")
}

struct Tokens<'a> {
    tokens: &'a [Token],
}

impl<'a> Tokens<'a> {
    fn new(tokens: &'a [Token]) -> Self {
        Self { tokens }
    }

    fn peek(&self) -> Option<&'a Token> {
        self.tokens.first()
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn eat(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        if found {
            self.next();
        }
        found
    }

    /// `$a, $b :=` at the beginning.
    fn assignment(&mut self) -> (Vec<String>, bool) {
        let (names, used, sign) = match self.tokens {
            [Token::Variable(a, _), sign @ (Token::Declare | Token::Assign), ..] => {
                (vec![a.clone()], 2, sign)
            }
            [
                Token::Variable(a, _),
                Token::Comma,
                Token::Variable(b, _),
                sign @ (Token::Declare | Token::Assign),
                ..,
            ] => (vec![a.clone(), b.clone()], 4, sign),
            _ => return (Vec::new(), false),
        };
        self.tokens = self.tokens.get(used..).unwrap_or_default();
        (names, *sign == Token::Declare)
    }
}
