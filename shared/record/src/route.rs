//! What is kept of a batch, and for how long.
//!
//! Filters remove records for good, samplers keep a share of the requests that
//! they are about, and what is kept goes into a retention class. Only a filter
//! or a sampler with a name removes anything, and each log event that it removes
//! is counted under that name. A sampler never touches WARN or above.

use std::collections::{BTreeMap, BTreeSet};

use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Serialize};

use crate::config::{ConfigFault, Located};
use crate::record::LogRecord;
use crate::source::LogGroup;

mod condition;
mod sampling;

use condition::Matcher;
pub use condition::{Condition, Level};
pub use sampling::SampleBy;
use sampling::Share;

/// The most filters and samplers together: each may become a metric of its own.
pub const MAX_FILTERS_AND_SAMPLERS: usize = 100;
/// The most rules about retention classes.
pub const MAX_CLASS_RULES: usize = 100;
/// The longest name of a filter or sampler, in characters.
pub const MAX_NAME_CHARS: usize = 64;

/// How long an object of the archive is kept. Each class is a key prefix with a
/// lifecycle rule of its own; the days are parameters of the template.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize, Serialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum RetentionClass {
    /// Weeks.
    Short,
    /// Months.
    Standard,
    /// Years.
    Long,
}

impl RetentionClass {
    /// Every class, from the shortest to the longest.
    pub const ALL: [Self; 3] = [Self::Short, Self::Standard, Self::Long];

    /// The class of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.as_str() == name)
    }

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
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RouteConfig {
    /// What is removed for good, before it is stored. The first filter that
    /// holds for a record removes it, and counts it under its name.
    pub filters: Vec<FilterConfig>,
    /// What is kept in part. The first sampler that holds for a record decides.
    pub samplers: Vec<SamplerConfig>,
    /// How long records are kept: the first rule that holds says so. Where none
    /// does, the template's ShortLogGroups and LongLogGroups decide.
    pub classes: Vec<ClassConfig>,
}

/// Removes records for good.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FilterConfig {
    /// What it is counted by: letters, digits, hyphens, underscores and dots.
    pub name: Located<String>,
    /// Which records are removed.
    pub when: Condition,
}

/// Keeps a share of the requests, each of them whole. WARN and above are never
/// sampled.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct SamplerConfig {
    /// What it is counted by: letters, digits, hyphens, underscores and dots.
    pub name: Located<String>,
    /// Which records are sampled.
    pub when: Condition,
    /// The share of the requests that is kept, 0 to 100.
    pub keep_percent: Located<f64>,
    /// What is kept whole.
    #[serde(default)]
    pub by: SampleBy,
}

/// Chooses a retention class.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct ClassConfig {
    /// The retention class.
    pub class: RetentionClass,
    /// Which records are kept in it.
    pub when: Condition,
}

/// What became of the records of a batch.
#[derive(Debug, Default)]
pub struct Routed<'a> {
    /// What is kept: a list for each class that has records, each in the order it came.
    pub kept: Vec<(RetentionClass, Vec<LogRecord<'a>>)>,
    /// What a sampler left out. It is not kept, but it happened: alert rules count it.
    pub sampled_out: Vec<LogRecord<'a>>,
    /// How many log events each named filter and sampler removed.
    pub filtered: BTreeMap<String, u64>,
}

/// Decides what is kept, and for how long.
#[derive(Debug, Clone, Default)]
pub struct Router {
    filters: Vec<(String, Matcher)>,
    samplers: Vec<(String, Matcher, Share)>,
    classes: Vec<(RetentionClass, Matcher)>,
    routing: Routing,
}

impl Router {
    /// A router as the configuration says; what is wrong is added to `faults`.
    pub fn new(config: &RouteConfig, faults: &mut Vec<ConfigFault>) -> Self {
        let RouteConfig { filters, samplers, classes } = config;
        check_names(filters.iter().map(|f| &f.name).chain(samplers.iter().map(|s| &s.name)), faults);
        if classes.len() > MAX_CLASS_RULES {
            faults.push(ConfigFault::anywhere(format!(
                "{} rules about retention classes are more than {MAX_CLASS_RULES}; put globs of one class into one rule",
                classes.len()
            )));
        }
        Self {
            filters: filters.iter().map(|filter| filter.compile(faults)).collect(),
            samplers: samplers.iter().map(|sampler| sampler.compile(faults)).collect(),
            classes: classes.iter().map(|rule| (rule.class, Matcher::new(&rule.when, faults))).collect(),
            routing: Routing::default(),
        }
    }

    /// The classes of log groups for which no rule of the configuration holds.
    pub fn set_routing(&mut self, routing: Routing) {
        self.routing = routing;
    }

    /// Every log event of the records, which are of one log stream, ends in
    /// exactly one list of `kept` or under one name of `filtered`.
    pub fn route<'a>(&self, records: Vec<LogRecord<'a>>) -> Routed<'a> {
        let Some(first) = records.first() else {
            return Routed::default();
        };
        let log_group = &first.source.log_group;
        let default_class = self.routing.class_of(log_group);
        let filters: Vec<_> = self.filters.iter().filter(|(_, when)| when.is_about(log_group)).collect();
        let samplers: Vec<_> = self.samplers.iter().filter(|(_, when, _)| when.is_about(log_group)).collect();
        let classes: Vec<_> = self.classes.iter().filter(|(_, when)| when.is_about(log_group)).collect();
        if filters.is_empty() && samplers.is_empty() && classes.is_empty() {
            return Routed { kept: vec![(default_class, records)], ..Routed::default() };
        }

        let mut kept: BTreeMap<RetentionClass, Vec<LogRecord<'a>>> = BTreeMap::new();
        let mut sampled_out = Vec::new();
        let mut removed: BTreeMap<&str, u64> = BTreeMap::new();
        for record in records {
            let rule = classes.iter().find(|(_, when)| when.matches(&record, default_class));
            let class = rule.map_or(default_class, |(class, _)| *class);
            if let Some((name, _)) = filters.iter().find(|(_, when)| when.matches(&record, class)) {
                *removed.entry(name).or_default() += record.events();
                continue;
            }
            let sampler = samplers
                .iter()
                .filter(|_| may_be_sampled(&record))
                .find(|(_, when, _)| when.matches(&record, class));
            match sampler {
                Some((name, _, share)) if !share.keeps(&record) => {
                    *removed.entry(name).or_default() += record.events();
                    sampled_out.push(record);
                }
                _ => kept.entry(class).or_default().push(record),
            }
        }
        let filtered = removed.into_iter().map(|(name, events)| (name.to_owned(), events)).collect();
        Routed { kept: kept.into_iter().collect(), sampled_out, filtered }
    }
}

/// WARN and above are never sampled. Neither is what states no level and was
/// stitched from several log events, or is not whole: most often that is a stack
/// trace, or a part of one.
fn may_be_sampled(record: &LogRecord<'_>) -> bool {
    match Level::of(record) {
        Level::Unknown => record.more_event_ids.is_empty() && record.parse_error.is_none(),
        level => !level.is_severe(),
    }
}

impl FilterConfig {
    fn compile(&self, faults: &mut Vec<ConfigFault>) -> (String, Matcher) {
        if self.when.is_empty() {
            faults.push(self.name.fault(format!(
                "the filter \"{}\" has no condition and would remove every record; give \"when\" one",
                self.name.value
            )));
        }
        (self.name.value.clone(), Matcher::new(&self.when, faults))
    }
}

impl SamplerConfig {
    fn compile(&self, faults: &mut Vec<ConfigFault>) -> (String, Matcher, Share) {
        let percent = self.keep_percent.value;
        if !(0.0..=100.0).contains(&percent) {
            faults.push(self.keep_percent.fault(format!("\"keep_percent\" is {percent}, not 0 to 100")));
        }
        if let Some(levels) = &self.when.levels
            && levels.value.iter().any(|level| level.is_severe())
        {
            faults.push(levels.fault(format!(
                "the sampler \"{}\" names a level of WARN or above, which is never sampled; leave it out, or write a filter",
                self.name.value
            )));
        }
        (self.name.value.clone(), Matcher::new(&self.when, faults), Share::new(percent, self.by))
    }
}

/// Names are the values of a metric's dimension: few, short, and each for one thing.
fn check_names<'c>(names: impl Iterator<Item = &'c Located<String>>, faults: &mut Vec<ConfigFault>) {
    let mut seen = BTreeSet::new();
    let mut count = 0;
    for name in names {
        count += 1;
        let text = name.value.as_str();
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        if text.is_empty() || text.len() > MAX_NAME_CHARS || !text.chars().all(is_plain) {
            faults.push(name.fault(format!(
                "the name \"{text}\" is not made of 1 to {MAX_NAME_CHARS} letters, digits, hyphens, underscores and dots"
            )));
        }
        if !seen.insert(text) {
            faults.push(name.fault(format!(
                "another filter or sampler is called \"{text}\"; what is removed is counted by name"
            )));
        }
        if count == MAX_FILTERS_AND_SAMPLERS + 1 {
            faults.push(name.fault(format!(
                "there are more than {MAX_FILTERS_AND_SAMPLERS} filters and samplers; put selectors of one purpose into one"
            )));
        }
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
