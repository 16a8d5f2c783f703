//! Inhibition: a greater alert mutes the lesser ones about the same thing, as in
//! Alertmanager. <https://prometheus.io/docs/alerting/latest/configuration/#inhibition-related-settings>

use std::fmt;

use catchment_logql::Labels;
use serde::{Deserialize, Serialize};

use crate::notify_settings::NotifySettings;
use crate::silence::{Matchers, Silence};
use crate::state::{NAME_LABEL, RuleState};

/// The label that ranks alerts.
pub const SEVERITY_LABEL: &str = "severity";

/// While a source fires, targets with the same `equal` labels are not told.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct InhibitRule {
    /// The alerts that mute; all matchers must hold.
    pub source: Vec<Matchers>,
    /// The alerts that are muted.
    pub target: Vec<Matchers>,
    /// Labels that must be the same on both; one that is not there counts as empty.
    pub equal: Vec<String>,
}

impl InhibitRule {
    fn is_source(&self, labels: &Labels) -> bool {
        self.source.iter().all(|matchers| matchers.accept(labels))
    }

    fn is_target(&self, labels: &Labels) -> bool {
        self.target.iter().all(|matchers| matchers.accept(labels))
    }

    fn mutes(&self, target: &Labels, source: &Labels) -> bool {
        // As in Alertmanager, what is on both sides cannot mute what is on both sides.
        self.is_target(target)
            && self.is_source(source)
            && !(self.is_source(target) && self.is_target(source))
            && are_equal(&self.equal, target, source)
    }
}

fn are_equal(names: &[String], a: &Labels, b: &Labels) -> bool {
    names.iter().all(|name| a.get(name).unwrap_or_default() == b.get(name).unwrap_or_default())
}

/// Why nothing is told of an alert.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Muted {
    /// A silence of this id.
    Silenced(String),
    /// This greater alert.
    Inhibited(String),
    /// It comes and goes.
    Flapping,
}

impl fmt::Display for Muted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Silenced(id) => write!(f, "silenced by {id}"),
            Self::Inhibited(by) => write!(f, "inhibited by {by}"),
            Self::Flapping => f.write_str("flapping"),
        }
    }
}

/// What mutes alerts at one time: the silences, and what fires.
#[derive(Debug, Clone, Default)]
pub struct Mutes {
    silences: Vec<Silence>,
    firing: Vec<Labels>,
}

impl Mutes {
    /// From every silence and every state, as they are at `at_ms`.
    pub fn new<'a>(
        silences: &[Silence],
        states: impl IntoIterator<Item = &'a RuleState>,
        at_ms: i64,
    ) -> Self {
        Self {
            silences: silences.iter().filter(|silence| silence.is_active(at_ms)).cloned().collect(),
            firing: states.into_iter().flat_map(RuleState::firing).cloned().collect(),
        }
    }

    /// Why nothing is told of an alert of these labels, if so.
    pub fn reason(&self, settings: &NotifySettings, labels: &Labels) -> Option<Muted> {
        if let Some(silence) = self.silences.iter().find(|silence| silence.matchers.accept(labels)) {
            return Some(Muted::Silenced(silence.id.clone()));
        }
        let greater = self.firing.iter().find(|source| {
            *source != labels
                && (is_lesser(settings, labels, source)
                    || settings.inhibit_rules.iter().any(|rule| rule.mutes(labels, source)))
        });
        greater.map(|source| Muted::Inhibited(short_name(source)))
    }
}

/// Whether the same alert about the same service fires with a greater severity.
fn is_lesser(settings: &NotifySettings, target: &Labels, source: &Labels) -> bool {
    let rank = |labels: &Labels| {
        let severity = labels.get(SEVERITY_LABEL)?;
        settings.severities.iter().position(|known| known == severity)
    };
    // The greatest comes first.
    settings.inhibit_lesser
        && are_equal(&[NAME_LABEL.to_owned(), "service".to_owned()], target, source)
        && rank(source).zip(rank(target)).is_some_and(|(source, target)| source < target)
}

/// `ErrorRate (critical, api)`, as far as it is known.
fn short_name(labels: &Labels) -> String {
    let name = labels.get(NAME_LABEL).unwrap_or_default();
    let more: Vec<&str> = [SEVERITY_LABEL, "service"].iter().filter_map(|name| labels.get(name)).collect();
    if more.is_empty() { name.to_owned() } else { format!("{name} ({})", more.join(", ")) }
}
