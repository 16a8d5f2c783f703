//! Templates run over a line, or over an alert.

use super::TemplateError;
use super::functions::{self, Function};
use super::parse::{Command, Node, Operand, Parsed, Pipeline};
use super::value::Value;
use crate::pipeline::LineLabels;
use crate::{MAX_NESTING, MAX_TEMPLATE_BYTES, MAX_TEMPLATE_STEPS};

/// What functions may look at.
pub(super) enum Scope<'a> {
    /// A line and its labels, which the dot is at the beginning.
    Line(&'a str, &'a LineLabels<'a>),
    /// An alert: everything is in the dot, but for where the stack is reached.
    Alert { external_url: &'a str },
}

impl Scope<'_> {
    /// A label of the line.
    pub(super) fn label(&self, name: &str) -> Value {
        match self {
            Self::Line(_, labels) => Value::Text(labels.get(name).unwrap_or_default().into_owned()),
            Self::Alert { .. } => Value::Nil,
        }
    }
}

struct Renderer<'a> {
    parsed: &'a Parsed,
    scope: Scope<'a>,
    variables: Vec<(String, Value)>,
    out: String,
    steps: usize,
    /// How many templates are being called.
    depth: usize,
}

/// Whether a loop goes on.
#[derive(PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

/// The template's text. The variables are those it may name besides its own;
/// `$` is the dot.
pub(super) fn render(
    parsed: &Parsed,
    scope: Scope<'_>,
    dot: Value,
    mut variables: Vec<(String, Value)>,
) -> Result<String, TemplateError> {
    variables.push((String::new(), dot.clone()));
    let mut renderer = Renderer { parsed, scope, variables, out: String::new(), steps: 0, depth: 0 };
    renderer.block(&parsed.nodes, &dot)?;
    renderer.step()?;
    Ok(renderer.out)
}

impl Renderer<'_> {
    fn block(&mut self, nodes: &[Node], dot: &Value) -> Result<Flow, TemplateError> {
        let known = self.variables.len();
        let mut flow = Flow::On;
        for node in nodes {
            flow = self.node(node, dot)?;
            if flow != Flow::On {
                break;
            }
        }
        self.variables.truncate(known);
        Ok(flow)
    }

    fn step(&mut self) -> Result<(), TemplateError> {
        self.steps += 1;
        self.check()
    }

    /// Counts what it costs to make or to copy a value, so that few steps cannot
    /// do much work.
    fn weigh(&mut self, value: &Value) -> Result<(), TemplateError> {
        self.steps = self.steps.saturating_add(value.weight());
        self.check()
    }

    fn check(&self) -> Result<(), TemplateError> {
        if self.steps > MAX_TEMPLATE_STEPS {
            return Err(TemplateError::new(format!(
                "the template takes more than {MAX_TEMPLATE_STEPS} steps"
            )));
        }
        if self.out.len() > MAX_TEMPLATE_BYTES {
            return Err(TemplateError::new(format!("the text is longer than {MAX_TEMPLATE_BYTES} bytes")));
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, dot: &Value) -> Result<Flow, TemplateError> {
        self.step()?;
        match node {
            Node::Text(text) => self.out.push_str(text),
            Node::Action(pipeline) => {
                let value = self.pipeline(pipeline, dot)?;
                if pipeline.variables.is_empty() {
                    match value {
                        Value::Text(text) => self.out.push_str(&text),
                        Value::Nil => self.out.push_str("<no value>"),
                        value => self.out.push_str(&value.print()),
                    }
                }
            }
            Node::If(branches, or) => {
                let known = self.variables.len();
                for (condition, body) in branches {
                    if self.pipeline(condition, dot)?.is_true() {
                        let flow = self.block(body, dot)?;
                        self.variables.truncate(known);
                        return Ok(flow);
                    }
                }
                let flow = self.block(or, dot)?;
                self.variables.truncate(known);
                return Ok(flow);
            }
            Node::With(branches, or) => {
                let known = self.variables.len();
                for (condition, body) in branches {
                    let value = self.pipeline(condition, dot)?;
                    if value.is_true() {
                        let flow = self.block(body, &value)?;
                        self.variables.truncate(known);
                        return Ok(flow);
                    }
                }
                let flow = self.block(or, dot)?;
                self.variables.truncate(known);
                return Ok(flow);
            }
            Node::Range(over, body, or) => return self.range(over, body, or, dot),
            Node::Template(name, data) => {
                let dot = match data {
                    Some(data) => self.pipeline(data, dot)?,
                    None => Value::Nil,
                };
                self.template(name, dot)?;
            }
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::On)
    }

    /// A template that was defined sees the data that it is given, and no variables but `$`.
    fn template(&mut self, name: &str, dot: Value) -> Result<(), TemplateError> {
        let parsed = self.parsed;
        let nodes = parsed.defined(name)?;
        self.depth += 1;
        if self.depth > MAX_NESTING {
            return Err(TemplateError::new(format!(
                "templates call each other deeper than {MAX_NESTING} levels"
            )));
        }
        let outer = std::mem::replace(&mut self.variables, vec![(String::new(), dot.clone())]);
        self.block(nodes, &dot)?;
        self.variables = outer;
        self.depth -= 1;
        Ok(())
    }

    fn range(
        &mut self,
        over: &Pipeline,
        body: &[Node],
        or: &[Node],
        dot: &Value,
    ) -> Result<Flow, TemplateError> {
        let items: Vec<(Value, Value)> = match self.evaluate(over, dot)? {
            Value::List(items) => {
                items.into_iter().enumerate().map(|(i, v)| (Value::Int(i as i64), v)).collect()
            }
            Value::Map(map) => map.into_iter().map(|(k, v)| (Value::Text(k), v)).collect(),
            Value::Texts(map) => {
                map.iter().map(|(k, v)| (Value::Text(k.clone()), Value::Text(v.clone()))).collect()
            }
            Value::Int(count) => {
                let count = count.clamp(0, MAX_TEMPLATE_STEPS as i64 + 1);
                (0..count).map(|i| (Value::Int(i), Value::Int(i))).collect()
            }
            Value::Nil => Vec::new(),
            Value::Text(text) if text.is_empty() => Vec::new(),
            other => return Err(TemplateError::new(format!("range can't iterate over {}", other.print()))),
        };
        if items.is_empty() {
            return self.block(or, dot);
        }
        let known = self.variables.len();
        for (key, value) in items {
            self.step()?;
            match over.variables.as_slice() {
                [one] => self.declare(one, value.clone()),
                [first, second, ..] => {
                    self.declare(first, key);
                    self.declare(second, value.clone());
                }
                [] => {}
            }
            let flow = self.block(body, &value)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        Ok(Flow::On)
    }

    fn declare(&mut self, name: &str, value: Value) {
        self.variables.push((name.to_owned(), value));
    }

    /// The pipeline's value, its variable being set.
    fn pipeline(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let value = self.evaluate(pipeline, dot)?;
        if let Some(name) = pipeline.variables.first() {
            if pipeline.declares {
                self.declare(name, value.clone());
            } else {
                let known = self.variables.iter_mut().rev().find(|(known, _)| known == name);
                let (_, slot) =
                    known.ok_or_else(|| TemplateError::new(format!("undefined variable \"${name}\"")))?;
                *slot = value.clone();
            }
        }
        Ok(value)
    }

    fn evaluate(&mut self, pipeline: &Pipeline, dot: &Value) -> Result<Value, TemplateError> {
        let mut last: Option<Value> = None;
        for command in &pipeline.commands {
            self.step()?;
            last = Some(match command {
                Command::Value(operand) => self.operand(operand, dot)?,
                Command::Call(function, operands) => self.call(*function, operands, last, dot)?,
            });
        }
        Ok(last.unwrap_or(Value::Nil))
    }

    fn call(
        &mut self,
        function: Function,
        operands: &[Operand],
        last: Option<Value>,
        dot: &Value,
    ) -> Result<Value, TemplateError> {
        // `and` and `or` look no further than they must.
        if let Function::And | Function::Or = function {
            let mut value = Value::Nil;
            for operand in operands {
                value = self.operand(operand, dot)?;
                if value.is_true() == matches!(function, Function::Or) {
                    return Ok(value);
                }
            }
            return Ok(last.unwrap_or(value));
        }
        let mut arguments = Vec::with_capacity(operands.len() + 1);
        for operand in operands {
            arguments.push(self.operand(operand, dot)?);
        }
        arguments.extend(last);
        self.steps = self.steps.saturating_add(function.steps());
        self.check()?;
        let value = functions::call(function, arguments, &self.scope)?;
        self.weigh(&value)?;
        Ok(value)
    }

    fn operand(&mut self, operand: &Operand, dot: &Value) -> Result<Value, TemplateError> {
        match operand {
            Operand::Field(names) => self.fields(dot.clone(), names),
            Operand::Variable(name, names) => {
                let known = self.variables.iter().rev().find(|(known, _)| known == name);
                let (_, value) =
                    known.ok_or_else(|| TemplateError::new(format!("undefined variable \"${name}\"")))?;
                let value = value.clone();
                self.weigh(&value)?;
                self.fields(value, names)
            }
            Operand::Literal(value) => Ok(value.clone()),
            Operand::Group(pipeline, names) => {
                let value = self.pipeline(pipeline, dot)?;
                self.fields(value, names)
            }
            Operand::Call(function) => functions::call(*function, Vec::new(), &self.scope),
        }
    }

    fn fields(&self, mut value: Value, names: &[String]) -> Result<Value, TemplateError> {
        for name in names {
            value = match value {
                Value::Labels => self.scope.label(name),
                Value::Texts(map) => Value::Text(map.get(name).cloned().unwrap_or_default()),
                Value::Map(mut map) => map.remove(name).unwrap_or(Value::Nil),
                Value::Nil => {
                    return Err(TemplateError::new(format!("nil pointer evaluating interface {{}}.{name}")));
                }
                other => {
                    return Err(TemplateError::new(format!(
                        "can't evaluate field {name} in type {}",
                        other.type_name()
                    )));
                }
            };
        }
        Ok(value)
    }
}
