//! What is wrong with a rule file, and where.

use std::fmt;

/// One fault of a rule file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct RuleError {
    /// The file's name.
    pub file: String,
    /// The group's name, when the fault is in a group.
    pub group: Option<String>,
    /// The rule's number in its group, from 1, and its name where it has one.
    pub rule: Option<(usize, Option<String>)>,
    /// The line in the file, from 1; 0 when it is not known.
    pub line: usize,
    /// The column in the line, from 1; 0 when it is not known.
    pub column: usize,
    /// What is wrong.
    pub message: String,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rule file {}", self.file)?;
        if let Some(group) = &self.group {
            write!(f, ", group \"{group}\"")?;
        }
        match &self.rule {
            Some((number, Some(name))) => write!(f, ", rule {number} ({name})")?,
            Some((number, None)) => write!(f, ", rule {number}")?,
            None => {}
        }
        if self.line > 0 {
            write!(f, ", line {}, column {}", self.line, self.column)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Every fault of a set of rule files, a line each.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
pub struct RuleErrors(pub Vec<RuleError>);
