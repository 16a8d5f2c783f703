//! A set of rule files, ready to run.

use crate::adopt::Offered;
use crate::group::{Group, Rule};
use crate::rule_error::{RuleError, RuleErrors};

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

    /// The rules of the files that have no fault, and the faults of the others.
    pub fn load(files: &[RuleFile]) -> (Self, Vec<RuleError>) {
        let adopted = Self::adopt(files.iter().cloned().map(Offered::from).collect());
        (adopted.set, adopted.faults)
    }

    /// The rules of these groups, whose names are unique.
    pub(crate) fn of(groups: Vec<Group>) -> Self {
        Self { groups }
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
