//! `catchment rules test`: unit tests of rules, told as promtool tells them.

use std::io::{self, Write};
use std::path::Path;

use catchment_alert::{RuleSet, UnitTestFile, UnitTestResult};
use catchment_record::Pipeline;

use super::args::RulesTestArgs;
use super::files::{self, Found};
use crate::config;
use crate::failure::Failure;

/// Runs the command.
pub fn run(args: &RulesTestArgs) -> Result<(), Failure> {
    let pipeline = args.config.as_deref().map_or_else(|| Ok(Pipeline::embedded(None)), config::pipeline)?;
    let found = Found::at(&args.paths)?;
    // Beside tests in a folder lie the rules that they are about.
    if let Some(file) =
        found.rules.iter().find(|file| args.paths.iter().any(|path| path == Path::new(&file.name)))
    {
        return Err(Failure::Usage(format!(
            "{} has no tests; name a file with rule_files and tests, or a folder with such files",
            file.name
        )));
    }
    if found.tests.is_empty() {
        return Err(Failure::NotFound("there are no files of unit tests".to_owned()));
    }
    let mut sink = io::stdout().lock();
    let mut failed = 0;
    for (path, text) in &found.tests {
        let outcome = test(path, text, &pipeline);
        failed += usize::from(!tell(path, outcome, &mut sink).map_err(Failure::writing)?);
    }
    match failed {
        0 => Ok(()),
        n => Err(Failure::Rejected(format!("{n} of {} files of unit tests failed", found.tests.len()))),
    }
}

fn test(path: &Path, text: &str, pipeline: &Pipeline) -> Result<Vec<UnitTestResult>, String> {
    let file = UnitTestFile::parse(text).map_err(|err| err.to_string())?;
    let rule_files = files::named(path, &file.rule_files).map_err(|err| err.to_string())?;
    let rules =
        RuleSet::parse_every(&rule_files, file.evaluation_interval_ms()).map_err(|err| err.to_string())?;
    Ok(file.run(&rules, pipeline))
}

/// Whether all of it is as it should be.
fn tell(
    path: &Path,
    outcome: Result<Vec<UnitTestResult>, String>,
    sink: &mut impl Write,
) -> io::Result<bool> {
    writeln!(sink, "Unit Testing:  {}", path.display())?;
    let results = match outcome {
        Ok(results) => results,
        Err(reason) => {
            writeln!(sink, "  FAILED:\n{}\n", indented(&reason))?;
            return Ok(false);
        }
    };
    let failures: usize = results.iter().map(|result| result.failures.len()).sum();
    if failures == 0 {
        let checks: usize = results.iter().map(|result| result.checks).sum();
        writeln!(sink, "  SUCCESS ({} tests, {checks} checks)\n", results.len())?;
        return Ok(true);
    }
    writeln!(sink, "  FAILED:")?;
    for result in results.iter().filter(|result| !result.failures.is_empty()) {
        writeln!(sink, "    name: {},", result.name)?;
        for failure in &result.failures {
            writeln!(sink, "{}", indented(&failure.to_string()))?;
        }
    }
    writeln!(sink)?;
    Ok(false)
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
