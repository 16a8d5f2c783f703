//! What the configuration says about redaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use globset::{Glob, GlobBuilder};
use regex::{Regex, RegexBuilder};
use serde::Deserialize;

use super::names::{Endings, Field};
use super::rule::{Rule, Treatment, Treatments};
use crate::config::{ConfigFault, Located};

/// Patterns of a configuration: each is another pass over every line.
pub const MAX_PATTERNS: usize = 32;
/// Bytes of a pattern as it is written.
pub const MAX_PATTERN_BYTES: usize = 1024;
/// Bytes of a pattern's compiled program, and of its cache of states.
pub const MAX_PATTERN_COMPILED_BYTES: usize = 1 << 20;
/// Fields of a configuration.
pub const MAX_FIELDS: usize = 256;

/// What the file says about redaction.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct RedactConfig {
    /// The treatment of a rule, by its name; what is not named keeps its default.
    #[cfg_attr(feature = "schema", schemars(extend("propertyNames" = serde_json::json!({ "enum": Rule::ALL.map(Rule::as_str) }))))]
    pub rules: BTreeMap<String, Located<Treatment>>,
    /// Fields whose value is a secret, beside those that everybody knows.
    pub fields: Vec<FieldConfig>,
    /// Patterns of the operator's own.
    pub patterns: Vec<PatternConfig>,
}

/// A field whose value is a secret, at any depth.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct FieldConfig {
    /// Its name in any case, or a glob; `*.pin` is `pin` wherever it stands.
    pub name: Located<String>,
    /// What becomes of its value.
    #[serde(default)]
    pub treatment: Treatment,
}

/// A pattern of the operator's own.
#[derive(Debug, Clone, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct PatternConfig {
    /// The name that its findings are counted under.
    pub name: Located<String>,
    /// A regular expression of the crate `regex`; with a group, only what the
    /// first group matched is a secret.
    pub pattern: Located<String>,
    /// What becomes of it.
    #[serde(default)]
    pub treatment: Treatment,
}

/// A pattern, compiled.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) name: Arc<str>,
    pub(super) regex: Regex,
    pub(super) treatment: Treatment,
}

/// The settings, compiled.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    pub(super) treatments: Treatments,
    pub(super) fields: Vec<Field>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) endings: Endings,
    /// Neither an optional rule nor a pattern is on: one scan is all there is.
    pub(super) is_default: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            treatments: Treatments::default(),
            fields: Vec::new(),
            patterns: Vec::new(),
            endings: Endings::DEFAULT,
            is_default: true,
        }
    }
}

impl Settings {
    pub(super) fn new(config: &RedactConfig, faults: &mut Vec<ConfigFault>) -> Self {
        let mut settings = Self::default();
        for (name, treatment) in &config.rules {
            match Rule::ALL.into_iter().find(|rule| rule.as_str() == name) {
                Some(rule) => settings.treatments.set(rule, treatment.value),
                None => {
                    let known: Vec<_> = Rule::ALL.iter().map(|rule| rule.as_str()).collect();
                    let message =
                        format!("redact.rules: unknown rule \"{name}\"; the rules are {}", known.join(", "));
                    faults.push(treatment.fault(message));
                }
            }
        }
        if let Some(field) = config.fields.get(MAX_FIELDS) {
            faults
                .push(field.name.fault(format!("redact.fields: more than {MAX_FIELDS} fields; use a glob")));
        }
        for field in config.fields.iter().take(MAX_FIELDS) {
            settings.add_field(field, faults);
        }
        if let Some(pattern) = config.patterns.get(MAX_PATTERNS) {
            let message = format!("redact.patterns: more than {MAX_PATTERNS} patterns; join some with |");
            faults.push(pattern.name.fault(message));
        }
        for pattern in config.patterns.iter().take(MAX_PATTERNS) {
            settings.add_pattern(pattern, faults);
        }
        let has_optional =
            Rule::ALL.iter().any(|rule| rule.is_optional() && settings.treatments.is_on(*rule));
        settings.is_default = !has_optional && settings.patterns.is_empty();
        settings
    }

    fn add_field(&mut self, field: &FieldConfig, faults: &mut Vec<ConfigFault>) {
        let name = field.name.value.to_ascii_lowercase();
        // `*.pin` is the field at any depth, and the last part of a dotted name.
        let globs = match name.strip_prefix("*.").or_else(|| name.strip_prefix("**.")) {
            Some(last) => vec![last.to_owned(), format!("*.{last}")],
            None => vec![name.clone()],
        };
        for glob in &globs {
            if glob.is_empty() {
                faults.push(
                    field
                        .name
                        .fault("redact.fields: an empty name; name a field, or use a glob such as *_pin"),
                );
                return;
            }
            match GlobBuilder::new(glob).build() {
                Ok(glob) => self.fields.push(Field { glob: glob_matcher(&glob), treatment: field.treatment }),
                Err(e) => faults.push(field.name.fault(format!(
                    "redact.fields: \"{}\" is no glob: {}",
                    field.name.value,
                    e.kind()
                ))),
            }
        }
        match name.as_bytes() {
            [.., a, b] if [a, b].iter().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-')) => {
                self.endings.add(*a, *b)
            }
            _ => self.endings = Endings::ALL,
        }
    }

    fn add_pattern(&mut self, pattern: &PatternConfig, faults: &mut Vec<ConfigFault>) {
        let (name, text) = (&pattern.name.value, &pattern.pattern.value);
        let is_name = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        if name.is_empty() || !name.bytes().all(is_name) {
            let message = format!("redact.patterns: \"{name}\" is no name; use a-z, 0-9 and _");
            return faults.push(pattern.name.fault(message));
        }
        let is_taken = Rule::ALL.iter().any(|rule| rule.as_str() == name)
            || self.patterns.iter().any(|p| *p.name == **name);
        if is_taken {
            let message = format!("redact.patterns: the name \"{name}\" is taken; choose another");
            return faults.push(pattern.name.fault(message));
        }
        if text.len() > MAX_PATTERN_BYTES {
            let message =
                format!("redact.patterns: \"{name}\" has more than {MAX_PATTERN_BYTES} bytes; split it");
            return faults.push(pattern.pattern.fault(message));
        }
        let regex = RegexBuilder::new(text)
            .size_limit(MAX_PATTERN_COMPILED_BYTES)
            .dfa_size_limit(MAX_PATTERN_COMPILED_BYTES)
            .build();
        match regex {
            Ok(regex) if regex.is_match("") => {
                let message = format!(
                    "redact.patterns: \"{name}\" matches nothing at all, and so everywhere; use + for *"
                );
                faults.push(pattern.pattern.fault(message));
            }
            Ok(regex) => self.patterns.push(Pattern {
                name: name.as_str().into(),
                regex,
                treatment: pattern.treatment,
            }),
            Err(regex::Error::CompiledTooBig(limit)) => {
                let message = format!(
                    "redact.patterns: \"{name}\" is larger than {limit} bytes compiled; use smaller repetitions"
                );
                faults.push(pattern.pattern.fault(message));
            }
            Err(e) => faults.push(pattern.pattern.fault(format!("redact.patterns: \"{name}\": {e}"))),
        }
    }
}

fn glob_matcher(glob: &Glob) -> globset::GlobMatcher {
    glob.compile_matcher()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(yaml: &str) -> Vec<String> {
        let config: RedactConfig = serde_saphyr::from_str(yaml).unwrap();
        let mut faults = Vec::new();
        Settings::new(&config, &mut faults);
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn faults_have_a_place_and_a_way_out() {
        for (yaml, expected) in [
            (
                "rules:\n  emails: mask",
                "line 2, column 11: redact.rules: unknown rule \"emails\"; the rules are aws_access_key,",
            ),
            ("fields:\n- name: '[x'", "line 2, column 9: redact.fields: \"[x\" is no glob"),
            (
                "patterns:\n- name: email\n  pattern: x",
                "line 2, column 9: redact.patterns: the name \"email\" is taken",
            ),
            ("patterns:\n- name: A\n  pattern: x", "line 2, column 9: redact.patterns: \"A\" is no name"),
            (
                "patterns:\n- name: a\n  pattern: '('",
                "line 3, column 12: redact.patterns: \"a\": regex parse error",
            ),
            (
                "patterns:\n- name: a\n  pattern: 'x*'",
                "line 3, column 12: redact.patterns: \"a\" matches nothing",
            ),
            (
                "patterns:\n- name: a\n  pattern: '(\\w{100}){100}'",
                "line 3, column 12: redact.patterns: \"a\" is larger than",
            ),
        ] {
            let faults = faults(yaml);
            assert!(faults.len() == 1 && faults[0].starts_with(expected), "{yaml}: {faults:?}");
        }
        assert!(serde_saphyr::from_str::<RedactConfig>("rules: {email: shred}").is_err());
        assert!(serde_saphyr::from_str::<RedactConfig>("rule: {email: mask}").is_err());
    }

    #[test]
    fn limits_hold_at_their_edge() {
        let pattern = |len: usize| format!("patterns:\n- name: a\n  pattern: {}", "x".repeat(len));
        assert!(faults(&pattern(MAX_PATTERN_BYTES)).is_empty());
        assert_eq!(faults(&pattern(MAX_PATTERN_BYTES + 1)).len(), 1);
        let patterns = |count: usize| {
            let all: Vec<_> = (0..count).map(|i| format!("- name: p{i}\n  pattern: x\n")).collect();
            format!("patterns:\n{}", all.concat())
        };
        assert!(faults(&patterns(MAX_PATTERNS)).is_empty());
        assert_eq!(faults(&patterns(MAX_PATTERNS + 1)).len(), 1);
        let fields = |count: usize| format!("fields:\n{}", "- name: pin\n".repeat(count));
        assert!(faults(&fields(MAX_FIELDS)).is_empty());
        assert_eq!(faults(&fields(MAX_FIELDS + 1)).len(), 1);
    }

    #[test]
    fn a_pattern_may_be_as_large_as_the_limit_compiled_and_no_larger() {
        let faults_of = |times: usize| faults(&format!("patterns:\n- name: a\n  pattern: 'x{{{times}}}'"));
        let (mut fits, mut too_many) = (1, MAX_PATTERN_COMPILED_BYTES);
        while fits + 1 < too_many {
            let middle = usize::midpoint(fits, too_many);
            if faults_of(middle).is_empty() { fits = middle } else { too_many = middle }
        }
        assert!(fits > 1000, "{fits} repetitions of a letter are no large pattern");
        let refused = faults_of(fits + 1);
        assert!(
            matches!(refused.as_slice(), [fault] if fault.contains("larger than 1048576 bytes compiled")),
            "{refused:?}"
        );
    }
}
