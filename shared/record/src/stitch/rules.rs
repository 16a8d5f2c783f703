//! What the configuration says about stitching, and what becomes of it.

use globset::GlobSet;
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::shape::Preset;
use crate::config::{ConfigFault, Located, globs};

/// The longest pattern, in bytes.
pub const MAX_PATTERN_BYTES: usize = 1024;

/// How large a compiled pattern may become, in bytes. The engine is linear in
/// the line whatever the pattern is; this bounds what each byte of it costs.
const MAX_COMPILED_PATTERN_BYTES: usize = 256 << 10;

/// What the file says about stitching.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StitchConfig {
    /// Exceptions by log group; the first that matches holds. Without one,
    /// fragments and the traces of every language are joined.
    pub rules: Vec<StitchRule>,
}

/// How the lines of some log groups belong together. Without `off`, `starts`,
/// `continues` and `traces` it changes nothing.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StitchRule {
    /// Globs over log group names, of which one must match; `*` matches `/` as
    /// well. Left out: every log group.
    pub log_groups: Vec<Located<String>>,
    /// No line is joined to another, fragments neither; but the lines of a
    /// private key are, for redaction to see it whole.
    pub off: bool,
    /// A regular expression: lines that it matches begin anew, all others
    /// continue the one before. It takes the place of the traces.
    pub starts: Option<Located<String>>,
    /// A regular expression: lines that it matches continue the one before,
    /// beside what the traces join.
    pub continues: Option<Located<String>>,
    /// Whose traces are joined; all of them where this is left out.
    pub traces: Option<Vec<Preset>>,
}

/// A set of presets.
#[derive(Debug, Clone, Copy)]
pub(super) struct Presets(u16);

impl Presets {
    const ALL: Self = Self(u16::MAX);

    fn of(presets: &[Preset]) -> Self {
        Self(presets.iter().fold(0, |set, preset| set | 1 << *preset as u16))
    }

    pub(super) fn has(self, preset: Preset) -> bool {
        self.0 & (1 << preset as u16) != 0
    }
}

/// How lines are held together, compiled.
#[derive(Debug, Clone)]
pub(super) enum Mode {
    /// Not at all.
    Off,
    /// By what begins a line.
    Starts(Regex),
    /// By what lines look like, and by a pattern.
    Traces(Presets, Option<Regex>),
}

/// The compiled rules.
#[derive(Debug, Clone, Default)]
pub(super) struct Rules(Vec<(Option<GlobSet>, Mode)>);

impl Rules {
    pub(super) fn new(config: &StitchConfig, faults: &mut Vec<ConfigFault>) -> Self {
        let compile = |rule: &StitchRule| (globs(&rule.log_groups, faults), mode(rule, faults));
        Self(config.rules.iter().map(compile).collect())
    }

    /// The mode of the first rule that matches.
    pub(super) fn of(&self, log_group: &str) -> &Mode {
        const DEFAULT: &Mode = &Mode::Traces(Presets::ALL, None);
        self.0
            .iter()
            .find(|(globs, _)| globs.as_ref().is_none_or(|globs| globs.is_match(log_group)))
            .map_or(DEFAULT, |(_, mode)| mode)
    }
}

fn mode(rule: &StitchRule, faults: &mut Vec<ConfigFault>) -> Mode {
    let presets = rule.traces.as_deref().map_or(Presets::ALL, Presets::of);
    let pattern = rule.starts.as_ref().or(rule.continues.as_ref());
    if let Some(pattern) = pattern
        && (rule.off || rule.starts.is_some() && (rule.continues.is_some() || rule.traces.is_some()))
    {
        faults
            .push(pattern.fault(
                "`off`, `starts`, and `continues` with `traces` exclude each other; keep one of them",
            ));
    }
    let compiled = pattern.and_then(|pattern| compile(pattern, faults));
    match compiled {
        _ if rule.off => Mode::Off,
        Some(starts) if rule.starts.is_some() => Mode::Starts(starts),
        continues => Mode::Traces(presets, continues),
    }
}

fn compile(pattern: &Located<String>, faults: &mut Vec<ConfigFault>) -> Option<Regex> {
    let length = pattern.value.len();
    if length > MAX_PATTERN_BYTES {
        faults.push(pattern.fault(format!(
            "the pattern has {length} bytes; the limit MAX_PATTERN_BYTES is {MAX_PATTERN_BYTES}"
        )));
        return None;
    }
    let compiled = RegexBuilder::new(&pattern.value)
        .size_limit(MAX_COMPILED_PATTERN_BYTES)
        .dfa_size_limit(MAX_COMPILED_PATTERN_BYTES)
        .build();
    compiled.map_err(|err| faults.push(pattern.fault(format!("\"{}\": {err}", pattern.value)))).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(yaml: &str) -> Vec<ConfigFault> {
        let mut faults = Vec::new();
        Rules::new(&serde_saphyr::from_str(yaml).unwrap(), &mut faults);
        faults
    }

    #[test]
    fn faults_have_their_place_and_a_way_out() {
        for (yaml, place, says) in [
            ("rules:\n- log_groups: ['[']\n", (2, 16), "is no glob"),
            ("rules:\n- log_groups: ['*']\n  starts: '('\n", (3, 11), "unclosed group"),
            ("rules:\n- log_groups: ['*']\n  starts: a\n  continues: b\n", (3, 11), "keep one"),
            ("rules:\n- log_groups: ['*']\n  off: true\n  continues: b\n", (4, 14), "keep one"),
            ("rules:\n- log_groups: ['*']\n  starts: '(\\w{100}){100}'\n", (3, 11), "size limit"),
        ] {
            let found = faults(yaml);
            assert_eq!(found.len(), 1, "{yaml}: {found:?}");
            assert_eq!((found[0].line, found[0].column), place, "{yaml}");
            assert!(found[0].message.contains(says), "{}", found[0].message);
        }
        assert!(
            faults("rules:\n- log_groups: ['/ecs/*']\n  continues: '^\\+'\n  traces: [java, go]\n")
                .is_empty()
        );
        assert!(serde_saphyr::from_str::<StitchConfig>("rules:\n- traces: [cobol]\n").is_err());
        assert!(serde_saphyr::from_str::<StitchConfig>("rule: []\n").is_err());
    }

    #[test]
    fn the_pattern_limit_holds_at_its_edge() {
        let with = |length: usize| {
            faults(&format!("rules:\n- log_groups: ['*']\n  starts: {}\n", "a".repeat(length)))
        };
        assert!(with(MAX_PATTERN_BYTES).is_empty());
        assert!(with(MAX_PATTERN_BYTES + 1)[0].message.contains("MAX_PATTERN_BYTES"));
    }

    #[test]
    fn the_first_rule_that_matches_holds() {
        let config =
            "rules:\n- log_groups: [/ecs/raw]\n  off: true\n- log_groups: ['/ecs/*']\n  starts: ^x\n";
        let rules = Rules::new(&serde_saphyr::from_str(config).unwrap(), &mut Vec::new());
        assert!(matches!(rules.of("/ecs/raw"), Mode::Off));
        assert!(matches!(rules.of("/ecs/raw/more"), Mode::Starts(_)));
        assert!(matches!(rules.of("/aws/lambda/x"), Mode::Traces(..)));
    }

    #[test]
    fn the_first_rule_that_matches_holds_and_one_without_globs_matches_all() {
        let yaml = "rules:\n- log_groups: ['/ecs/*']\n  traces: [go]\n- off: true\n";
        let rules = Rules::new(&serde_saphyr::from_str(yaml).unwrap(), &mut Vec::new());
        assert!(matches!(rules.of("/ecs/a/b"), Mode::Traces(presets, None) if !presets.has(Preset::Java)));
        assert!(matches!(rules.of("/aws/lambda/x"), Mode::Off));
        assert!(matches!(Rules::default().of("x"), Mode::Traces(presets, None) if presets.has(Preset::Java)));
    }
}
