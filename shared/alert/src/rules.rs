//! A set of rule files, ready to run.

use crate::group::{Group, Rule};
use crate::rule_error::{RuleError, RuleErrors};
use crate::rule_file;

/// A rule file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text, YAML.
    pub text: String,
}

/// The rules that come with Catchment, used until an operator puts their own
/// beside the archive.
const EMBEDDED: [(&str, &str); 2] = [
    ("infra/rules/dryad.yaml", include_str!("../../../infra/rules/dryad.yaml")),
    ("infra/rules/services.yaml", include_str!("../../../infra/rules/services.yaml")),
];

/// Rules in their groups. The names of groups are unique.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    groups: Vec<Group>,
}

impl RuleSet {
    /// The rules of all files, or every fault of every file.
    pub fn parse(files: &[RuleFile]) -> Result<Self, RuleErrors> {
        match Self::load(files) {
            (rules, faults) if faults.is_empty() => Ok(rules),
            (_, faults) => Err(RuleErrors(faults)),
        }
    }

    /// The rules that can be used, and the faults of the others: one wrong rule
    /// does not silence the rest.
    pub fn load(files: &[RuleFile]) -> (Self, Vec<RuleError>) {
        let mut groups: Vec<Group> = Vec::new();
        let mut faults = Vec::new();
        for file in files {
            let (found, found_faults) = rule_file::read(file);
            faults.extend(found_faults);
            for group in found {
                if groups.iter().any(|other| other.name == group.name) {
                    faults.push(RuleError {
                        file: file.name.clone(),
                        group: Some(group.name),
                        rule: None,
                        line: 0,
                        column: 0,
                        message: "another group has this name; groups need names of their own".to_owned(),
                    });
                } else {
                    groups.push(group);
                }
            }
        }
        (Self { groups }, faults)
    }

    /// The rules that come with Catchment. A test holds that they have no fault.
    pub fn embedded() -> Self {
        let files = EMBEDDED.map(|(name, text)| RuleFile { name: name.into(), text: text.into() });
        Self::load(&files).0
    }

    /// The groups, in the order of the files.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// All rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }
}
