//! `catchment rules check`: rule files, loaded as the functions load them.

use std::fs;
use std::io::{self, Write};

use catchment_alert::{RuleFile, RuleSet};

use super::args::RulesCheckArgs;
use crate::failure::Failure;

/// Runs the command.
pub fn run(args: &RulesCheckArgs) -> Result<(), Failure> {
    let mut files = Vec::new();
    for path in &args.files {
        let text = fs::read_to_string(path).map_err(|err| Failure::reading(path, err))?;
        let name = path.display().to_string();
        files.push(RuleFile { name, text });
    }
    let (rules, faults) = RuleSet::load(&files);
    let (groups, count) = (rules.groups().len(), rules.rules().count());
    if faults.is_empty() {
        return writeln!(io::stdout(), "no faults: {groups} groups, {count} rules").map_err(Failure::writing);
    }
    let listed: Vec<String> = faults.iter().map(ToString::to_string).collect();
    Err(Failure::Rejected(listed.join("\ncatchment: ")))
}
