//! What one set of rule files has and another has not, rule by rule: which file a
//! rule stands in, and in which order its fields come, makes no difference.

use std::collections::BTreeMap;

use crate::rules::RuleFile;
use crate::yaml::{self, Node, Value};

/// A rule, or a group's own fields, that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleDiff {
    /// The group's name.
    pub group: String,
    /// The rule's name; `None` for the group itself.
    pub rule: Option<String>,
    /// What is different.
    pub change: Change,
}

/// How it differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It is new.
    Added,
    /// It is gone.
    Removed,
    /// These fields are others, ordered by name.
    Changed(Vec<FieldChange>),
}

/// A field that is not the same in both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldChange {
    /// Its name.
    pub field: String,
    /// What it was, if it was there.
    pub before: Option<String>,
    /// What it is, if it is there.
    pub after: Option<String>,
}

/// Group, rule, and which of the rules with that name in the group.
type Key = (String, Option<String>, usize);
type Fields = BTreeMap<String, String>;

/// What is different in `after`, ordered by group and rule. Files that are no YAML
/// have no rules.
pub fn diff(before: &[RuleFile], after: &[RuleFile]) -> Vec<RuleDiff> {
    let (before, mut after) = (rules_of(before), rules_of(after));
    let mut diffs = BTreeMap::new();
    for (key, was) in before {
        let change = match after.remove(&key) {
            None => Change::Removed,
            Some(is) if is == was => continue,
            Some(is) => Change::Changed(changes(was, is)),
        };
        diffs.insert(key, change);
    }
    diffs.extend(after.into_keys().map(|key| (key, Change::Added)));
    // A group without a field but its name is nothing to tell of.
    diffs.retain(|(_, rule, _), change| rule.is_some() || matches!(change, Change::Changed(_)));
    diffs.into_iter().map(|((group, rule, _), change)| RuleDiff { group, rule, change }).collect()
}

fn changes(mut was: Fields, mut is: Fields) -> Vec<FieldChange> {
    let mut names: Vec<String> = was.keys().chain(is.keys()).cloned().collect();
    names.sort();
    names.dedup();
    let change = |field: String| {
        let (before, after) = (was.remove(&field), is.remove(&field));
        (before != after).then_some(FieldChange { field, before, after })
    };
    names.into_iter().filter_map(change).collect()
}

fn rules_of(files: &[RuleFile]) -> BTreeMap<Key, Fields> {
    let mut rules = BTreeMap::new();
    for file in files {
        let Ok(root) = yaml::read(&file.text) else { continue };
        for group in field(&root, "groups").map(items).unwrap_or_default() {
            let group_name = field(group, "name").map(shown).unwrap_or_default();
            let mut own = fields_of(group);
            own.remove("rules");
            own.remove("name");
            insert(&mut rules, &group_name, None, own);
            for rule in field(group, "rules").map(items).unwrap_or_default() {
                let name = field(rule, "alert").or_else(|| field(rule, "record")).map(shown);
                insert(&mut rules, &group_name, Some(name.unwrap_or_default()), fields_of(rule));
            }
        }
    }
    rules
}

fn insert(rules: &mut BTreeMap<Key, Fields>, group: &str, rule: Option<String>, fields: Fields) {
    let mut key = (group.to_owned(), rule, 0);
    while rules.contains_key(&key) {
        key.2 += 1;
    }
    rules.insert(key, fields);
}

fn fields_of(node: &Node) -> Fields {
    match &node.value {
        Value::Map(fields) => fields.iter().map(|(name, _, value)| (name.clone(), shown(value))).collect(),
        _ => Fields::new(),
    }
}

fn field<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.value {
        Value::Map(fields) => fields.iter().find(|(field, _, _)| field == name).map(|(_, _, value)| value),
        _ => None,
    }
}

fn items(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(items) => items,
        _ => &[],
    }
}

/// The value in one line.
fn shown(node: &Node) -> String {
    match &node.value {
        Value::Null => String::new(),
        Value::Scalar(text) => text.split_whitespace().collect::<Vec<_>>().join(" "),
        Value::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Map(fields) => {
            let mut parts: Vec<_> =
                fields.iter().map(|(name, _, value)| format!("{name}: {}", shown(value))).collect();
            parts.sort();
            parts.join(", ")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> RuleFile {
        RuleFile { name: "a.yaml".into(), text: text.into() }
    }

    const BEFORE: &str = "groups:
- name: g
  interval: 1m
  rules:
  - alert: Stays
    expr: |
      count_over_time({a=\"b\"}[5m])
        > 1
    labels: {severity: warning, team: a}
  - alert: Edited
    expr: rate({a=\"b\"}[5m]) > 1
    for: 5m
  - alert: Goes
    expr: rate({a=\"b\"}[5m]) > 1
";

    #[test]
    fn rules_that_are_new_gone_or_edited_are_told_and_no_others() {
        let after = "groups:
- name: other
  rules:
  - record: new:rate
    expr: rate({a=\"b\"}[5m])
- name: g
  interval: 2m
  rules:
  - alert: Edited
    expr: rate({a=\"b\"}[5m]) > 2
    annotations: {summary: s}
  - labels: {team: a, severity: warning}
    expr: count_over_time({a=\"b\"}[5m]) > 1
    alert: Stays
";
        let field = |field: &str, before: Option<&str>, after: Option<&str>| FieldChange {
            field: field.into(),
            before: before.map(str::to_owned),
            after: after.map(str::to_owned),
        };
        let rule = |group: &str, rule: Option<&str>, change| RuleDiff {
            group: group.into(),
            rule: rule.map(str::to_owned),
            change,
        };
        let edited = vec![
            field("annotations", None, Some("summary: s")),
            field("expr", Some("rate({a=\"b\"}[5m]) > 1"), Some("rate({a=\"b\"}[5m]) > 2")),
            field("for", Some("5m"), None),
        ];
        assert_eq!(
            diff(&[file(BEFORE)], &[file(after)]),
            [
                rule("g", None, Change::Changed(vec![field("interval", Some("1m"), Some("2m"))])),
                rule("g", Some("Edited"), Change::Changed(edited)),
                rule("g", Some("Goes"), Change::Removed),
                rule("other", Some("new:rate"), Change::Added),
            ]
        );
    }

    #[test]
    fn the_file_a_rule_stands_in_makes_no_difference() {
        let moved = RuleFile { name: "b.yaml".into(), ..file(BEFORE) };
        assert_eq!(diff(&[file(BEFORE)], &[moved]), []);
        assert_eq!(diff(&[file("groups: ["), file("a")], &[]), [], "what is no rule file has no rules");
    }

    #[test]
    fn rules_of_one_name_are_told_apart_by_their_order() {
        let twice = |second: &str| {
            file(&format!(
                "groups:\n- name: g\n  rules:\n  - alert: A\n    expr: one\n  - alert: A\n    expr: {second}\n"
            ))
        };
        let diffs = diff(&[twice("two")], &[twice("three")]);
        let [RuleDiff { change: Change::Changed(fields), .. }] = &diffs[..] else { panic!("{diffs:?}") };
        assert_eq!((fields[0].before.as_deref(), fields[0].after.as_deref()), (Some("two"), Some("three")));
    }
}
