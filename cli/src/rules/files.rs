//! Rule files and what lies beside them, found where they were named.

use std::fs;
use std::path::{Path, PathBuf};

use catchment_alert::RuleFile;
use globset::Glob;

use crate::failure::Failure;

/// Files, by what they are.
#[derive(Debug, Default)]
pub struct Found {
    /// Rule files, and the settings beside them (`notify.yaml`).
    pub rules: Vec<RuleFile>,
    /// Files of unit tests, with their texts.
    pub tests: Vec<(PathBuf, String)>,
}

impl Found {
    /// What is at these paths: files, and every `.yaml` and `.yml` below folders, in
    /// the order of their names.
    pub fn at(paths: &[PathBuf]) -> Result<Self, Failure> {
        let mut found = Self::default();
        for path in paths {
            if path.is_dir() {
                let mut below = Vec::new();
                yaml_below(path, &mut below)?;
                if below.is_empty() {
                    let folder = path.display();
                    return Err(Failure::NotFound(format!("there is no .yaml or .yml file in {folder}")));
                }
                below.into_iter().try_for_each(|file| found.take(file))?;
            } else {
                found.take(path.clone())?;
            }
        }
        Ok(found)
    }

    fn take(&mut self, path: PathBuf) -> Result<(), Failure> {
        let text = fs::read_to_string(&path).map_err(|err| Failure::reading(&path, err))?;
        if is_unit_tests(&text) {
            self.tests.push((path, text));
        } else {
            self.rules.push(RuleFile { name: path.display().to_string(), text });
        }
        Ok(())
    }
}

/// The rule files that a file of unit tests names, relative to it. In the last part of
/// a path `*` and `?` stand for other letters.
pub fn named(test_file: &Path, names: &[String]) -> Result<Vec<RuleFile>, Failure> {
    let base = test_file.parent().unwrap_or(Path::new(""));
    let mut files: Vec<RuleFile> = Vec::new();
    for name in names {
        let path = base.join(name);
        let found = if name.contains(['*', '?', '[', '{']) { matching(&path)? } else { vec![path] };
        for path in found {
            let name = path.display().to_string();
            if files.iter().all(|file| file.name != name) {
                let text = fs::read_to_string(&path).map_err(|err| Failure::reading(&path, err))?;
                files.push(RuleFile { name, text });
            }
        }
    }
    Ok(files)
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = pattern.parent().unwrap_or(Path::new("."));
    let name = pattern.file_name().unwrap_or_default().to_string_lossy();
    let glob = Glob::new(&name).map_err(|err| Failure::Rejected(err.to_string()))?.compile_matcher();
    let mut found = entries(folder)?;
    found.retain(|path| path.is_file() && glob.is_match(path.file_name().unwrap_or_default()));
    if found.is_empty() {
        return Err(Failure::NotFound(format!("no file matches {}", pattern.display())));
    }
    Ok(found)
}

fn yaml_below(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), Failure> {
    for path in entries(folder)? {
        if path.is_dir() {
            yaml_below(&path, found)?;
        } else if path.extension().is_some_and(|end| end == "yaml" || end == "yml") {
            found.push(path);
        }
    }
    Ok(())
}

/// What is in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let read = |err| Failure::reading(folder, err);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(read)? {
        paths.push(entry.map_err(read)?.path());
    }
    paths.sort();
    Ok(paths)
}

/// Whether a file has tests rather than groups, told by a key at the beginning of a line.
fn is_unit_tests(text: &str) -> bool {
    text.lines().any(|line| line.starts_with("tests:") || line.starts_with("rule_files:"))
}
