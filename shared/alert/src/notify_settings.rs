//! The settings of notifications: the file `notify.yaml` beside the rule files,
//! in Alertmanager's words where it has one. Without it the defaults hold.

use catchment_logql::parse_duration;

use crate::flap::{Flapping, MAX_ENDS, MAX_FLAP_SPAN_MS};
use crate::inhibit::InhibitRule;
use crate::rule_error::RuleError;
use crate::rules::RuleFile;
use crate::silence::Matchers;
use crate::yaml::{self, Node, Place, Value};

/// The name of the file.
pub const NOTIFY_FILE: &str = "notify.yaml";
/// The shortest repeat interval.
const MIN_REPEAT_MS: i64 = 60_000;

/// How alerts are told.
#[derive(Debug, Clone, PartialEq)]
pub struct NotifySettings {
    /// An alert that stays is told again after this long, in milliseconds; 0 never.
    pub repeat_interval_ms: i64,
    /// The values of the label `severity`, the greatest first.
    pub severities: Vec<String>,
    /// Whether an alert of a greater severity mutes those of the same name and service.
    pub inhibit_lesser: bool,
    /// Which alerts mute which others.
    pub inhibit_rules: Vec<InhibitRule>,
    /// When an alert counts as flapping.
    pub flapping: Flapping,
}

impl Default for NotifySettings {
    fn default() -> Self {
        Self {
            repeat_interval_ms: 4 * 3_600_000,
            severities: ["critical", "error", "warning", "info"].map(str::to_owned).to_vec(),
            inhibit_lesser: true,
            inhibit_rules: Vec::new(),
            flapping: Flapping::default(),
        }
    }
}

impl NotifySettings {
    /// Whether a file of this name holds settings, not rules.
    pub fn is_their_file(name: &str) -> bool {
        name.rsplit('/').next() == Some(NOTIFY_FILE)
    }

    /// The settings of a file.
    ///
    /// # Errors
    /// Every fault of the file, each with its place.
    pub fn parse(file: &RuleFile) -> Result<Self, Vec<RuleError>> {
        let mut reader = Reader { file, faults: Vec::new() };
        let settings = match yaml::read(&file.text) {
            Ok(root) => reader.settings(&root),
            Err((at, message)) => {
                reader.fault(at, message);
                Self::default()
            }
        };
        if reader.faults.is_empty() { Ok(settings) } else { Err(reader.faults) }
    }
}

struct Reader<'a> {
    file: &'a RuleFile,
    faults: Vec<RuleError>,
}

impl Reader<'_> {
    fn fault(&mut self, at: Place, message: impl Into<String>) {
        self.faults.push(RuleError {
            file: self.file.name.clone(),
            group: None,
            rule: None,
            line: at.line,
            column: at.column,
            message: message.into(),
        });
    }

    fn settings(&mut self, root: &Node) -> NotifySettings {
        let mut settings = NotifySettings::default();
        self.fields(root, "notify.yaml", &mut |reader, name, node| {
            match name {
                "repeat_interval" => {
                    if let Some(millis) = reader.duration(node) {
                        if millis > 0 && millis < MIN_REPEAT_MS {
                            reader.fault(node.at, "a repeat_interval is at least 1m; 0 repeats nothing");
                        }
                        settings.repeat_interval_ms = millis;
                    }
                }
                "severities" => settings.severities = reader.texts(node),
                "inhibit_lesser" => settings.inhibit_lesser = reader.boolean(node),
                "inhibit_rules" => {
                    let rules = reader.list(node);
                    settings.inhibit_rules = rules.iter().map(|rule| reader.inhibit_rule(rule)).collect();
                }
                "flapping" => settings.flapping = reader.flapping(node),
                _ => return false,
            }
            true
        });
        settings
    }

    fn inhibit_rule(&mut self, node: &Node) -> InhibitRule {
        let mut rule = InhibitRule::default();
        self.fields(node, "an inhibit rule", &mut |reader, name, node| {
            match name {
                "source_matchers" => rule.source = reader.matchers(node),
                "target_matchers" => rule.target = reader.matchers(node),
                "equal" => rule.equal = reader.texts(node),
                _ => return false,
            }
            true
        });
        if rule.source.is_empty() || rule.target.is_empty() {
            self.fault(node.at, "an inhibit rule needs source_matchers and target_matchers");
        }
        rule
    }

    fn flapping(&mut self, node: &Node) -> Flapping {
        let mut flapping = Flapping::default();
        self.fields(node, "flapping", &mut |reader, name, node| {
            match name {
                "more_than" => flapping.more_than = reader.count(node).unwrap_or(flapping.more_than),
                "within" => flapping.within_ms = reader.duration(node).unwrap_or(flapping.within_ms),
                "quiet_for" => flapping.quiet_for_ms = reader.duration(node).unwrap_or(flapping.quiet_for_ms),
                _ => return false,
            }
            true
        });
        if flapping.more_than == 0 || flapping.more_than > MAX_ENDS {
            self.fault(node.at, format!("more_than is a number from 1 to {MAX_ENDS}"));
        }
        for (name, millis) in [("within", flapping.within_ms), ("quiet_for", flapping.quiet_for_ms)] {
            if !(1..=MAX_FLAP_SPAN_MS).contains(&millis) {
                self.fault(node.at, format!("{name} is longer than 0 and at most 1d"));
            }
        }
        flapping
    }

    /// Hands each field on; those that are not taken, or come twice, are faults.
    fn fields(&mut self, node: &Node, what: &str, take: &mut dyn FnMut(&mut Self, &str, &Node) -> bool) {
        let entries = match &node.value {
            Value::Map(entries) => entries,
            Value::Null => return,
            other => {
                return self.fault(node.at, format!("{what} is a mapping, not {}", other.describe()));
            }
        };
        for (place, (name, at, value)) in entries.iter().enumerate() {
            if entries.iter().take(place).any(|(other, ..)| other == name) {
                self.fault(*at, format!("the field \"{name}\" is there twice"));
            } else if !take(self, name, value) {
                self.fault(*at, format!("{what} has no field \"{name}\""));
            }
        }
    }

    fn list<'n>(&mut self, node: &'n Node) -> &'n [Node] {
        match &node.value {
            Value::List(items) => items,
            Value::Null => &[],
            other => {
                self.fault(node.at, format!("a list is expected here, not {}", other.describe()));
                &[]
            }
        }
    }

    fn text<'n>(&mut self, node: &'n Node) -> &'n str {
        match &node.value {
            Value::Scalar(text) => text,
            other => {
                self.fault(node.at, format!("a single value is expected here, not {}", other.describe()));
                ""
            }
        }
    }

    fn texts(&mut self, node: &Node) -> Vec<String> {
        let mut texts = Vec::new();
        for item in self.list(node) {
            texts.push(self.text(item).to_owned());
        }
        texts
    }

    fn matchers(&mut self, node: &Node) -> Vec<Matchers> {
        let mut matchers = Vec::new();
        for item in self.list(node) {
            match Matchers::parse(self.text(item)) {
                Ok(parsed) => matchers.push(parsed),
                Err(err) => self.fault(item.at, err.to_string()),
            }
        }
        matchers
    }

    fn duration(&mut self, node: &Node) -> Option<i64> {
        let text = self.text(node).to_owned();
        parse_duration(&text).inspect_err(|err| self.fault(node.at, err.to_string())).ok()
    }

    fn count(&mut self, node: &Node) -> Option<usize> {
        let text = self.text(node).to_owned();
        let fault = format!("\"{text}\" is no whole number");
        text.parse().inspect_err(|_| self.fault(node.at, fault)).ok()
    }

    fn boolean(&mut self, node: &Node) -> bool {
        match self.text(node) {
            "true" => true,
            "false" => false,
            other => {
                let fault = format!("\"{other}\" is neither true nor false");
                self.fault(node.at, fault);
                false
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<NotifySettings, Vec<String>> {
        let file = RuleFile { name: "rules/notify.yaml".into(), text: text.into() };
        NotifySettings::parse(&file).map_err(|faults| {
            faults.iter().map(|f| format!("{}:{} {}", f.line, f.column, f.message)).collect()
        })
    }

    #[test]
    fn what_is_not_written_has_its_default() {
        assert_eq!(parse("repeat_interval: 4h\n"), Ok(NotifySettings::default()));
        let settings = parse(
            "repeat_interval: 0\nseverities: [page, ticket]\ninhibit_lesser: false\nflapping: {more_than: 5}\n\
             inhibit_rules:\n- source_matchers: ['alertname=\"Down\"']\n  target_matchers: ['severity=~\".+\"']\n  equal: [service]\n",
        )
        .unwrap();
        assert_eq!(settings.repeat_interval_ms, 0);
        assert_eq!(settings.severities, ["page", "ticket"]);
        assert_eq!(settings.flapping, Flapping { more_than: 5, ..Flapping::default() });
        assert_eq!(settings.inhibit_rules[0].source[0].to_string(), "{alertname=\"Down\"}");
        assert_eq!(settings.inhibit_rules[0].equal, ["service"]);
    }

    #[test]
    fn every_fault_has_its_place() {
        let faults = parse(
            "repeat_intervall: 4h\nrepeat_interval: 30s\ninhibit_lesser: maybe\nflapping:\n  within: 2d\n  more_than: 21\n\
             inhibit_rules:\n- source_matchers: [nonsense]\n",
        )
        .unwrap_err();
        for part in [
            "1:1 notify.yaml has no field \"repeat_intervall\"",
            "2:18 a repeat_interval is at least 1m",
            "3:17 \"maybe\" is neither",
            "within is longer than 0",
            "more_than is a number from 1 to 20",
            "8:21 \"nonsense\" cannot be read as matchers",
            "8:3 an inhibit rule needs",
        ] {
            assert!(faults.iter().any(|fault| fault.contains(part)), "{part}: {faults:#?}");
        }
    }

    #[test]
    fn the_file_is_known_by_its_name() {
        assert!(NotifySettings::is_their_file("s3://b/rules/notify.yaml"));
        assert!(!NotifySettings::is_their_file("rules/notify.yaml.bak"));
        assert!(!NotifySettings::is_their_file("rules/my-notify.yaml"));
    }
}
