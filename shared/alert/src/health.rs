//! How the evaluations of a rule go.

use serde::{Deserialize, Serialize};

/// The longest reason that is kept, in characters.
const MAX_REASON_CHARS: usize = 500;

/// The health of a rule. While it is ill its alerts stay as they were.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Why it is unhealthy; `None` that it is well.
    pub ailment: Option<Ailment>,
    /// Since when it is as it is, in milliseconds; 0 since ever.
    pub since_ms: i64,
}

/// What ails a rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind", content = "reason")]
pub enum Ailment {
    /// Its evaluation gave an error: its alerts stay as they were.
    Error(String),
    /// It has more series than are counted: it goes on with those that are.
    Cut(String),
    /// Its history is being read: it is not evaluated yet.
    NotReady(String),
}

impl Ailment {
    /// `error`, `cut` or `not ready`.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Error(_) => "error",
            Self::Cut(_) => "cut",
            Self::NotReady(_) => "not ready",
        }
    }

    /// The sentence for the operator.
    pub fn reason(&self) -> &str {
        match self {
            Self::Error(reason) | Self::Cut(reason) | Self::NotReady(reason) => reason,
        }
    }

    fn shortened(self) -> Self {
        let short = |text: String| text.chars().take(MAX_REASON_CHARS).collect();
        match self {
            Self::Error(reason) => Self::Error(short(reason)),
            Self::Cut(reason) => Self::Cut(short(reason)),
            Self::NotReady(reason) => Self::NotReady(short(reason)),
        }
    }
}

impl Health {
    /// Whether an operator should look: waiting for history is no ailment.
    pub fn is_ill(&self) -> bool {
        matches!(self.ailment, Some(Ailment::Error(_) | Ailment::Cut(_)))
    }

    /// Takes note of an evaluation. The time counts from where the kind changed,
    /// so that a reason whose numbers move is not new each minute.
    pub fn note(&mut self, ailment: Option<Ailment>, at_ms: i64) {
        let kind = |ailment: &Option<Ailment>| ailment.as_ref().map(Ailment::word);
        if kind(&self.ailment) != kind(&ailment) {
            self.since_ms = at_ms;
        }
        self.ailment = ailment.map(Ailment::shortened);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_when_counts_from_the_kind_not_from_the_words() {
        let mut health = Health::default();
        health.note(None, 1);
        assert_eq!(health.since_ms, 0, "it was well before");
        health.note(Some(Ailment::Cut("501 series".into())), 2);
        health.note(Some(Ailment::Cut("502 series".into())), 3);
        assert_eq!((health.since_ms, health.ailment.as_ref().unwrap().reason()), (2, "502 series"));
        health.note(Some(Ailment::Error("x".repeat(2_000))), 4);
        assert_eq!((health.since_ms, health.ailment.as_ref().unwrap().reason().len()), (4, MAX_REASON_CHARS));
        health.note(None, 5);
        assert_eq!(health, Health { ailment: None, since_ms: 5 });
    }
}
