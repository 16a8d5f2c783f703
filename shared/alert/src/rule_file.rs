//! One rule file in the format of Loki's ruler, read into groups of rules with
//! every fault noted in its place.
//!
//! Format: <https://grafana.com/docs/loki/latest/alert/>. Unknown fields are
//! faults, as they are in Loki.

use std::collections::BTreeMap;

use catchment_logql::{Expr, ParseError, StreamedExpr, format_duration, parse, parse_duration};

use crate::group::{Group, Rule, RuleId};
use crate::leaf::RuleLeaf;
use crate::rule_error::RuleError;
use crate::rules::RuleFile;
use crate::template::Template;
use crate::yaml::{self, Node, Place, Value};

/// The interval of a group that states none, as in Loki.
const DEFAULT_INTERVAL_MS: i64 = 60_000;
/// The shortest interval: evaluation is started once a minute and catches up.
const MIN_INTERVAL_MS: i64 = 10_000;
/// The longest range of a rule.
const MAX_RANGE_MS: i64 = 24 * 3_600_000;
/// How far back the window of a rule may lie.
const MAX_OFFSET_MS: i64 = 7 * 24 * 3_600_000;
/// The finest bucket: what interval, range and offset must have as a common divisor.
const MIN_BUCKET_MS: i64 = 1_000;
/// The most buckets a window may be put together from.
const MAX_BUCKETS: i64 = 1_500;

/// The groups of a file and its faults. A rule with a fault is left out.
pub(crate) fn read(file: &RuleFile) -> (Vec<Group>, Vec<RuleError>) {
    read_every(file, DEFAULT_INTERVAL_MS)
}

/// The same, where groups that state no interval have this one.
pub(crate) fn read_every(file: &RuleFile, interval_ms: i64) -> (Vec<Group>, Vec<RuleError>) {
    let mut reader = Reader { file, interval_ms, group: None, rule: None, faults: Vec::new() };
    let groups = match yaml::read(&file.text) {
        Ok(root) => reader.root(&root),
        Err((at, message)) => {
            reader.fault(at, message);
            Vec::new()
        }
    };
    (groups, reader.faults)
}

struct Reader<'a> {
    file: &'a RuleFile,
    /// Of groups that state none.
    interval_ms: i64,
    group: Option<String>,
    rule: Option<(usize, Option<String>)>,
    faults: Vec<RuleError>,
}

impl Reader<'_> {
    fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.faults.push(RuleError {
            file: self.file.name.clone(),
            group: self.group.clone(),
            rule: self.rule.clone(),
            line: at.line,
            column: at.column,
            message: message.into(),
        });
    }

    fn root(&mut self, root: &Node) -> Vec<Group> {
        let fields = self.fields(root, "a rule file", &["groups"]);
        let Some(groups) = fields.get("groups") else {
            self.fault(root.at, "a rule file needs \"groups\"");
            return Vec::new();
        };
        self.list(groups).iter().filter_map(|node| self.group(node)).collect()
    }

    fn group(&mut self, node: &Node) -> Option<Group> {
        self.group = name_of(node, "name");
        let known = ["name", "interval", "limit", "query_offset", "labels", "rules"];
        let fields = self.fields(node, "a group", &known);
        let name = self.required_text(node, &fields, "name");
        let interval_ms = self.duration(&fields, "interval", self.interval_ms);
        if interval_ms < MIN_INTERVAL_MS {
            let message = format!("the interval is shorter than {}", format_duration(MIN_INTERVAL_MS));
            self.fault(fields.get("interval").map_or(node.at, |node| node.at), message);
        }
        let query_offset_ms = self.duration(&fields, "query_offset", 0);
        let limit = self.limit(&fields);
        let labels = self.templates(&fields, "labels");
        let frame = Group {
            name: name.clone().unwrap_or_default(),
            interval_ms: interval_ms.max(MIN_INTERVAL_MS),
            query_offset_ms,
            limit,
            rules: Vec::new(),
            records: Vec::new(),
        };
        let (mut rules, mut records): (Vec<Rule>, Vec<Rule>) = (Vec::new(), Vec::new());
        let nodes = fields.get("rules").map(|rules| self.list(rules)).unwrap_or_default();
        for (number, node) in nodes.iter().enumerate() {
            let record = name_of(node, "record");
            self.rule = Some((number + 1, name_of(node, "alert").or_else(|| record.clone())));
            let (kind, found) = match record {
                Some(_) => ("record", &mut records),
                None => ("alert", &mut rules),
            };
            match self.rule(node, kind, &frame, &labels) {
                Some(rule) if found.iter().any(|other| other.id == rule.id) => {
                    self.fault(node.at, "the group has another rule of the same name and expression");
                }
                Some(rule) => found.push(rule),
                None => {}
            }
        }
        self.rule = None;
        self.group = None;
        name.map(|_| Group { rules, records, ..frame })
    }

    /// The rule, unless it has a fault. `kind` is the field that names it.
    fn rule(
        &mut self,
        node: &Node,
        kind: &str,
        group: &Group,
        group_labels: &BTreeMap<String, Template>,
    ) -> Option<Rule> {
        let faults_before = self.faults.len();
        let fields = match kind {
            "record" => self.fields(node, "a recording rule", &["record", "expr", "labels"]),
            _ => self.fields(
                node,
                "a rule",
                &["alert", "expr", "for", "keep_firing_for", "labels", "annotations"],
            ),
        };
        let name = self.required_text(node, &fields, kind);
        if let (Some(name), Some(node)) = (&name, fields.get("record"))
            && !is_metric_name(name)
        {
            self.fault(
                node.at,
                format!(
                    "\"{name}\" is no name of a metric: letters, digits, \"_\" and \":\", and no digit first"
                ),
            );
        }
        let expr_text = self.required_text(node, &fields, "expr");
        let expr = match (fields.get("expr"), &expr_text) {
            (Some(node), Some(text)) => self.metric(node.at, text),
            _ => None,
        };
        let for_ms = self.duration(&fields, "for", 0);
        let keep_firing_for_ms = self.duration(&fields, "keep_firing_for", 0);
        let mut labels = group_labels.clone();
        labels.extend(self.templates(&fields, "labels"));
        let annotations = self.templates(&fields, "annotations");
        let (name, expr_text, expr) = (name?, expr_text?, expr?);
        let leaves = RuleLeaf::all(&expr, group.interval_ms, group.query_offset_ms, for_ms);
        let expr_at = fields.get("expr").map_or(node.at, |node| node.at);
        leaves.iter().for_each(|leaf| self.check_window(expr_at, group, leaf));
        (self.faults.len() == faults_before).then(|| Rule {
            id: RuleId::new(&group.name, &name, &expr_text),
            name,
            expr_text: expr_text.trim().to_owned(),
            expr,
            leaves,
            for_ms,
            keep_firing_for_ms,
            labels,
            annotations,
            usable_from_ms: i64::MIN,
        })
    }

    fn check_window(&mut self, at: Place, group: &Group, leaf: &RuleLeaf) {
        let RuleLeaf { range_ms, offset_ms, bucket_ms, .. } = *leaf;
        if range_ms > MAX_RANGE_MS {
            let most = format_duration(MAX_RANGE_MS);
            self.fault(at, format!("the range is longer than {most}; query the archive for longer spans"));
        } else if offset_ms > MAX_OFFSET_MS {
            let most = format_duration(MAX_OFFSET_MS);
            self.fault(at, format!("the offset is longer than {most}; query the archive for older lines"));
        } else if bucket_ms < MIN_BUCKET_MS || range_ms / bucket_ms > MAX_BUCKETS {
            self.fault(
                at,
                format!(
                    "the range {}, the offset {}, the interval {} and the query_offset {} share no step coarse enough; make the range and the offset multiples of the interval",
                    format_duration(range_ms),
                    format_duration(offset_ms),
                    format_duration(group.interval_ms),
                    format_duration(group.query_offset_ms)
                ),
            );
        }
    }

    fn metric(&mut self, at: Place, text: &str) -> Option<StreamedExpr> {
        match parse(text) {
            Ok(Expr::Metric(expr)) if !expr.is_scalar() => match StreamedExpr::new(expr) {
                Ok(expr) => Some(expr),
                Err(err) => {
                    self.fault(at, err.to_string());
                    None
                }
            },
            Ok(_) => {
                self.fault(at, "a rule needs a metric, such as count_over_time(..[5m]) > 5");
                None
            }
            Err(err) => {
                self.fault(place_in_file(&self.file.text, at, &err), err.to_string());
                None
            }
        }
    }

    /// The fields of a mapping; those not in `known` and those that come twice are faults.
    fn fields<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> BTreeMap<&'n str, &'n Node> {
        let mut fields = BTreeMap::new();
        let Value::Map(entries) = &node.value else {
            self.fault(node.at, format!("{what} is a mapping, not {}", node.value.describe()));
            return fields;
        };
        for (name, at, value) in entries {
            if !known.contains(&name.as_str()) {
                self.fault(
                    *at,
                    format!("{what} has no field \"{name}\"; its fields are {}", known.join(", ")),
                );
            } else if fields.insert(name.as_str(), value).is_some() {
                self.fault(*at, format!("the field \"{name}\" is there twice"));
            }
        }
        fields
    }

    fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            other => {
                self.fault(node.at, format!("a list is expected here, not {}", other.describe()));
                &[]
            }
        }
    }

    fn text(&mut self, node: &Node) -> Option<String> {
        match &node.value {
            Value::Scalar(text) => Some(text.clone()),
            other => {
                self.fault(node.at, format!("a single value is expected here, not {}", other.describe()));
                None
            }
        }
    }

    fn required_text(&mut self, parent: &Node, fields: &BTreeMap<&str, &Node>, name: &str) -> Option<String> {
        let Some(node) = fields.get(name) else {
            self.fault(parent.at, format!("the field \"{name}\" is missing"));
            return None;
        };
        let text = self.text(node)?;
        if text.trim().is_empty() {
            self.fault(node.at, format!("the field \"{name}\" is empty"));
            return None;
        }
        Some(text)
    }

    fn duration(&mut self, fields: &BTreeMap<&str, &Node>, name: &str, default: i64) -> i64 {
        let Some(node) = fields.get(name) else {
            return default;
        };
        let Some(text) = self.text(node) else {
            return default;
        };
        parse_duration(&text).unwrap_or_else(|err| {
            self.fault(node.at, format!("the field \"{name}\": {err}"));
            default
        })
    }

    fn limit(&mut self, fields: &BTreeMap<&str, &Node>) -> usize {
        let Some(node) = fields.get("limit") else {
            return 0;
        };
        let Some(text) = self.text(node) else {
            return 0;
        };
        text.parse().unwrap_or_else(|_| {
            self.fault(node.at, format!("the field \"limit\": \"{text}\" is not a number of series"));
            0
        })
    }

    fn templates(&mut self, fields: &BTreeMap<&str, &Node>, name: &str) -> BTreeMap<String, Template> {
        let mut templates = BTreeMap::new();
        let Some(node) = fields.get(name) else {
            return templates;
        };
        let Value::Map(entries) = &node.value else {
            if !matches!(node.value, Value::Null) {
                self.fault(
                    node.at,
                    format!("the field \"{name}\" is a mapping, not {}", node.value.describe()),
                );
            }
            return templates;
        };
        for (key, _, value) in entries {
            let Some(text) = self.text(value) else {
                continue;
            };
            match Template::parse(&text) {
                Ok(template) => {
                    templates.insert(key.clone(), template);
                }
                Err(err) => self.fault(value.at, format!("the {name} \"{key}\": {err}")),
            }
        }
        templates
    }
}

fn is_metric_name(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphabetic() || matches!(c, '_' | ':');
    name.starts_with(is_word) && name.chars().all(|c| is_word(c) || c.is_ascii_digit())
}

fn name_of(node: &Node, field: &str) -> Option<String> {
    let Value::Map(entries) = &node.value else {
        return None;
    };
    entries.iter().find_map(|(name, _, value)| match &value.value {
        Value::Scalar(text) if name == field => Some(text.clone()),
        _ => None,
    })
}

/// Where in the file a fault of an expression is. Exact for plain and quoted
/// scalars on one line and for literal blocks (`|`, whose place is that of
/// their first character); for folded text it is where the expression begins.
fn place_in_file(file: &str, at: Place, err: &ParseError) -> Place {
    let line = |number: usize| number.checked_sub(1).and_then(|n| file.lines().nth(n)).unwrap_or_default();
    let header = line(at.line.saturating_sub(1)).split_whitespace().last().unwrap_or_default();
    if header.starts_with('|') {
        return Place { line: at.line + err.line - 1, column: at.column + err.column - 1 };
    }
    let quoted =
        line(at.line).chars().nth(at.column.saturating_sub(1)).is_some_and(|c| matches!(c, '"' | '\''));
    let column = at.column + err.column - usize::from(!quoted);
    if err.line > 1 || header.starts_with('>') || column > line(at.line).chars().count() + 1 {
        return at;
    }
    Place { column, ..at }
}
