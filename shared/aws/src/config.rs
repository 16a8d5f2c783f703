//! Settings from the environment, read once in `main`, every fault reported at once.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

/// The environment as it was when the process began.
#[derive(Clone, Default)]
pub struct Vars(HashMap<String, String>);

impl Vars {
    /// The process's own environment. Only `main` calls this.
    #[allow(clippy::disallowed_methods)]
    pub fn from_process() -> Self {
        Self(std::env::vars().collect())
    }

    /// Settings written out, for tests.
    pub fn from_pairs<const N: usize>(pairs: [(&str, &str); N]) -> Self {
        Self(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    /// The value of a variable; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.trim().is_empty())
    }
}

/// Every setting that is missing or wrong, in one message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{} of the function's settings cannot be used: {}", .0.len(), .0.join("; "))]
pub struct ConfigErrors(pub Vec<String>);

/// Reads settings one by one and remembers every fault.
pub struct Reader<'a> {
    vars: &'a Vars,
    faults: Vec<String>,
}

impl<'a> Reader<'a> {
    /// A reader over `vars` that has seen no fault yet.
    pub fn new(vars: &'a Vars) -> Self {
        Self { vars, faults: Vec::new() }
    }

    /// A setting that must be there.
    pub fn required(&mut self, name: &str) -> String {
        match self.vars.get(name) {
            Some(value) => value.to_owned(),
            None => {
                self.faults.push(format!("{name} is not set"));
                String::new()
            }
        }
    }

    /// A setting that must be there and must parse. On a fault the default
    /// stands in until [`Reader::finish`] reports it.
    pub fn required_parsed<T>(&mut self, name: &str) -> T
    where
        T: FromStr + Default,
        T::Err: fmt::Display,
    {
        let value = self.required(name);
        if value.is_empty() {
            return T::default();
        }
        value.parse().unwrap_or_else(|err| {
            self.fault(name, format!("\"{value}\": {err}"));
            T::default()
        })
    }

    /// A comma-separated list; blanks are trimmed and empty items dropped.
    pub fn list(&mut self, name: &str) -> Vec<String> {
        self.vars
            .get(name)
            .unwrap_or_default()
            .split(',')
            .map(str::trim)
            .filter(|item| !item.is_empty())
            .map(str::to_owned)
            .collect()
    }

    /// Notes that a setting cannot be used, and why.
    pub fn fault(&mut self, name: &str, why: impl fmt::Display) {
        self.faults.push(format!("{name} is {why}"));
    }

    /// The configuration, or every fault seen while reading it.
    pub fn finish<C>(self, config: C) -> Result<C, ConfigErrors> {
        if self.faults.is_empty() { Ok(config) } else { Err(ConfigErrors(self.faults)) }
    }
}

/// A value that must not appear in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the one call that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_in_one_message() {
        let vars = Vars::from_pairs([("DAYS", "many"), ("EMPTY", " ")]);
        let mut reader = Reader::new(&vars);
        reader.required("BUCKET");
        reader.required("EMPTY");
        let _days: u32 = reader.required_parsed("DAYS");
        let message = reader.finish(()).unwrap_err().to_string();
        assert!(message.starts_with("3 of the function's settings"), "{message}");
        for part in ["BUCKET is not set", "EMPTY is not set", "DAYS is \"many\": invalid digit"] {
            assert!(message.contains(part), "{message}");
        }
    }

    #[test]
    fn lists_are_trimmed_and_secrets_are_hidden() {
        let vars = Vars::from_pairs([("GLOBS", " /ecs/*, ,/aws/lambda/* ")]);
        assert_eq!(Reader::new(&vars).list("GLOBS"), ["/ecs/*", "/aws/lambda/*"]);
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret(***)");
    }
}
