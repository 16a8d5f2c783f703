//! Templates as trees.

use std::collections::BTreeMap;

use super::functions::{Function, by_name};
use super::token::{Part, Token, parts};
use super::value::Value;
use super::{Dialect, TemplateError};
use crate::MAX_NESTING;

/// A piece of a template.
#[derive(Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    If(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    Range(Pipeline, Vec<Node>, Vec<Node>),
    With(Vec<(Pipeline, Vec<Node>)>, Vec<Node>),
    /// `{{template "name" data}}`
    Template(String, Option<Pipeline>),
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
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub(super) nodes: Vec<Node>,
    /// What `define` and `block` made.
    defined: BTreeMap<String, Vec<Node>>,
    pub(super) fields: Vec<String>,
    pub(super) reads_clock: bool,
}

impl Parsed {
    /// The template of this name.
    pub(super) fn defined(&self, name: &str) -> Result<&[Node], TemplateError> {
        let nodes = self.defined.get(name).map(Vec::as_slice);
        nodes.ok_or_else(|| TemplateError::new(format!("template {name:?} not defined")))
    }
}

/// Reads a template; `variables` are those that it may name besides its own.
pub(super) fn parse(source: &str, dialect: Dialect, variables: &[&str]) -> Result<Parsed, TemplateError> {
    let parts = parts(source)?;
    let mut parser = Parser {
        dialect,
        parts: parts.into_iter(),
        defined: BTreeMap::new(),
        variables: std::iter::once("").chain(variables.iter().copied()).map(str::to_owned).collect(),
        fields: Vec::new(),
        reads_clock: false,
        depth: 0,
        loops: 0,
    };
    let (nodes, end) = parser.block()?;
    match end {
        End::Source => Ok(Parsed {
            nodes,
            defined: parser.defined,
            fields: parser.fields,
            reads_clock: parser.reads_clock,
        }),
        End::Close => Err(TemplateError::new("unexpected {{end}}")),
        End::Else(_) => Err(TemplateError::new("unexpected {{else}}")),
    }
}

/// Conditions with what they are for, and what is for none of them.
type Branches = (Vec<(Pipeline, Vec<Node>)>, Vec<Node>);

/// What ended a block.
enum End {
    Source,
    Close,
    /// `{{else ..}}`, with what follows the word.
    Else(Vec<Token>),
}

struct Parser {
    dialect: Dialect,
    parts: std::vec::IntoIter<Part>,
    defined: BTreeMap<String, Vec<Node>>,
    /// The variables that are known here, without their `$`.
    variables: Vec<String>,
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
                "if" => self.branches(rest, "if").map(|(branches, or)| Node::If(branches, or)),
                "with" => self.branches(rest, "with").map(|(branches, or)| Node::With(branches, or)),
                "range" => self.inside(|parser| parser.range(rest)),
                "define" => {
                    self.define(rest)?;
                    continue;
                }
                "block" => self.block_definition(rest),
                "template" => self.template_call(rest).map(|(name, data)| Node::Template(name, data)),
                "break" | "continue" if self.loops == 0 => {
                    Err(TemplateError::new(format!("{{{{{word}}}}} outside {{{{range}}}}")))
                }
                "break" => Ok(Node::Break),
                "continue" => Ok(Node::Continue),
                _ => self.pipeline(&mut Tokens::new(&tokens)).map(Node::Action),
            }?;
            nodes.push(node);
        }
        Ok((nodes, End::Source))
    }

    /// What is nested, its variables forgotten at its end.
    fn inside<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, TemplateError>,
    ) -> Result<T, TemplateError> {
        let known = self.variables.len();
        let value = self.deeper(read)?;
        self.variables.truncate(known);
        Ok(value)
    }

    /// `{{define "name"}} .. {{end}}`: a template that sees no variables of this one.
    fn define(&mut self, tokens: &[Token]) -> Result<(), TemplateError> {
        let [Token::Text(name)] = tokens else {
            return Err(TemplateError::new("unexpected token in define clause"));
        };
        let nodes = self.body_of("define")?;
        self.defined.insert(name.clone(), nodes);
        Ok(())
    }

    /// `{{block "name" data}} .. {{end}}`: a definition and its call.
    fn block_definition(&mut self, tokens: &[Token]) -> Result<Node, TemplateError> {
        let (name, data) = self.template_call(tokens)?;
        let nodes = self.body_of("block")?;
        self.defined.insert(name.clone(), nodes);
        Ok(Node::Template(name, data))
    }

    fn body_of(&mut self, word: &str) -> Result<Vec<Node>, TemplateError> {
        let outer = std::mem::replace(&mut self.variables, vec![String::new()]);
        let (nodes, end) = self.deeper(Self::block)?;
        self.variables = outer;
        match end {
            End::Close => Ok(nodes),
            End::Else(_) => Err(TemplateError::new(format!("unexpected {{{{else}}}} in {word} clause"))),
            End::Source => Err(TemplateError::new("unexpected EOF")),
        }
    }

    /// The name of the template that is called, and the data that it is given.
    fn template_call(&mut self, tokens: &[Token]) -> Result<(String, Option<Pipeline>), TemplateError> {
        match tokens.split_first() {
            Some((Token::Text(name), [])) => Ok((name.clone(), None)),
            Some((Token::Text(name), data)) => {
                let data = self.pipeline(&mut Tokens::new(data))?;
                Ok((name.clone(), Some(data)))
            }
            _ => Err(TemplateError::new("unexpected token in template clause")),
        }
    }

    fn branches(&mut self, condition: &[Token], word: &str) -> Result<Branches, TemplateError> {
        self.inside(|parser| parser.branches_inside(condition, word))
    }

    fn branches_inside(&mut self, condition: &[Token], word: &str) -> Result<Branches, TemplateError> {
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
        if !declares {
            variables.iter().try_for_each(|name| self.known(name))?;
        }
        let mut pipeline = Pipeline { variables, declares, commands: Vec::new() };
        loop {
            let command = self.command(tokens)?;
            if !pipeline.commands.is_empty() && !matches!(command, Command::Call(..)) {
                return Err(TemplateError::new("non executable command in pipeline"));
            }
            pipeline.commands.push(command);
            if !tokens.eat(&Token::Pipe) {
                break;
            }
        }
        if declares {
            self.variables.extend(pipeline.variables.iter().cloned());
        }
        Ok(pipeline)
    }

    fn known(&self, variable: &str) -> Result<(), TemplateError> {
        if self.variables.iter().any(|known| known == variable) {
            return Ok(());
        }
        Err(TemplateError::new(format!("undefined variable \"${variable}\"")))
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
        let function = by_name(self.dialect, word)?;
        self.reads_clock |= word == "now";
        Ok(function)
    }

    /// Notes the first of these names as a label.
    fn names_label(&mut self, names: &[String]) {
        if let Some(name) = names.first()
            && !self.fields.contains(name)
        {
            self.fields.push(name.clone());
        }
    }

    fn operand(&mut self, tokens: &mut Tokens<'_>) -> Result<Option<Operand>, TemplateError> {
        let operand = match tokens.peek() {
            Some(Token::Field(names)) => {
                self.names_label(names);
                Operand::Field(names.clone())
            }
            Some(Token::Variable(name, fields)) => {
                self.known(name)?;
                if name.is_empty() {
                    self.names_label(fields);
                }
                Operand::Variable(name.clone(), fields.clone())
            }
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
