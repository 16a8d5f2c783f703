//! Where a batch goes: its retention class, by the name of its log group.

use std::collections::BTreeMap;

use globset::{Glob, GlobSet, GlobSetBuilder};

use serde::Deserialize;

use crate::config::ConfigFault;
use crate::record::LogRecord;
use crate::source::LogGroup;

/// How long an object of the archive is kept. Each class is a key prefix with a
/// lifecycle rule of its own; the days are parameters of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum RetentionClass {
    /// Weeks.
    Short,
    /// Months.
    Standard,
    /// Years.
    Long,
}

impl RetentionClass {
    /// The value of the partition column `class`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Short => "short",
            Self::Standard => "standard",
            Self::Long => "long",
        }
    }
}

/// Globs over log group names: `*` matches any run of characters, `/` included.
#[derive(Debug, Clone, Default)]
pub struct Globs(GlobSet);

impl Globs {
    /// Compiles the globs; the error names the one that is none.
    pub fn new(globs: &[String]) -> Result<Self, globset::Error> {
        let mut set = GlobSetBuilder::new();
        for glob in globs {
            set.add(Glob::new(glob)?);
        }
        Ok(Self(set.build()?))
    }

    /// Whether any glob matches the whole name.
    pub fn match_name(&self, name: &str) -> bool {
        self.0.is_match(name)
    }
}

/// What the file says about routing.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RouteConfig {}

/// Records of one retention class.
#[derive(Debug)]
pub struct Routed<'a> {
    /// What is kept: a list for each class that has records, each in the order it came.
    pub kept: Vec<(RetentionClass, Vec<LogRecord<'a>>)>,
    /// How many log events each named filter and sampler removed.
    pub filtered: BTreeMap<String, u64>,
}

/// Decides what is kept, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Router {
    routing: Routing,
}

impl Router {
    /// A router as the configuration says; what is wrong is added to `faults`.
    pub fn new(_config: &RouteConfig, _faults: &mut Vec<ConfigFault>) -> Self {
        Self::default()
    }

    /// Every log event of the records ends in exactly one list or count.
    pub fn route<'a>(&self, records: Vec<LogRecord<'a>>) -> Routed<'a> {
        let kept = match records.first() {
            Some(first) => vec![(self.routing.class_of(&first.source.log_group), records)],
            None => Vec::new(),
        };
        Routed { kept, filtered: BTreeMap::new() }
    }
}

/// Which log groups are kept for a short or a long time; all others are `standard`.
#[derive(Debug, Clone, Default)]
pub struct Routing {
    /// Log groups of the class `short`.
    pub short: Globs,
    /// Log groups of the class `long`; a group in both is `long`.
    pub long: Globs,
}

impl Routing {
    /// The retention class of a log group.
    pub fn class_of(&self, log_group: &LogGroup) -> RetentionClass {
        if self.long.match_name(log_group.as_str()) {
            RetentionClass::Long
        } else if self.short.match_name(log_group.as_str()) {
            RetentionClass::Short
        } else {
            RetentionClass::Standard
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_class_wins() {
        let globs =
            |list: &[&str]| Globs::new(&list.iter().map(|g| (*g).to_owned()).collect::<Vec<_>>()).unwrap();
        let routing =
            Routing { short: globs(&["/ecs/*", "/aws/lambda/debug-*"]), long: globs(&["/ecs/billing"]) };
        for (group, class) in [
            ("/ecs/web/nested", RetentionClass::Short),
            ("/ecs/billing", RetentionClass::Long),
            ("/aws/lambda/debug-x", RetentionClass::Short),
            ("/aws/lambda/x", RetentionClass::Standard),
        ] {
            assert_eq!(routing.class_of(&LogGroup::new(group)), class, "{group}");
        }
        assert!(Globs::new(&["[".to_owned()]).is_err());
    }
}
