//! Silences: while one covers an alert nothing is told of it. Its state goes on,
//! and what is still on at the end is told then.

use std::fmt;

use catchment_logql::{Expr, LabelMatcher, Labels, ParseError, parse};
use serde::{Deserialize, Serialize};

use crate::digest::short_hash;

/// The longest comment of a silence, in characters.
pub const MAX_COMMENT_CHARS: usize = 1_000;
/// How long a silence is kept after its end, to be seen in lists.
pub const SILENCE_KEPT_MS: i64 = 30 * 24 * 3_600_000;

/// Matchers over the labels of alerts, as a selector of LogQL: all must hold.
#[derive(Debug, Clone, PartialEq)]
pub struct Matchers {
    text: String,
    matchers: Vec<LabelMatcher>,
}

impl Matchers {
    /// Reads `{alertname="ErrorRate", service=~"api|auth"}`, with or without braces.
    ///
    /// # Errors
    /// What is no selector, or one that would hold for every alert.
    pub fn parse(text: &str) -> Result<Self, MatchersError> {
        let trimmed = text.trim();
        let selector = if trimmed.starts_with('{') { trimmed.to_owned() } else { format!("{{{trimmed}}}") };
        match parse(&selector) {
            Ok(Expr::Log(log)) if log.stages.is_empty() => {
                Ok(Self { text: log.to_string(), matchers: log.matchers })
            }
            Ok(_) => Err(MatchersError::NotMatchers { text: trimmed.to_owned() }),
            Err(source) => Err(MatchersError::Unreadable { text: trimmed.to_owned(), source }),
        }
    }

    /// Whether all hold for these labels; a label that is not there counts as empty.
    pub fn accept(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.accepts(labels.get(&matcher.name).unwrap_or_default()))
    }
}

/// In LogQL's canonical form, with braces.
impl fmt::Display for Matchers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// What are no matchers.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MatchersError {
    /// Something else than a selector.
    #[error("\"{text}\" is more than matchers; write them as service=\"api\", alertname=~\"Error.*\"")]
    NotMatchers {
        /// What was written.
        text: String,
    },
    /// A text that cannot be read.
    #[error(
        "\"{text}\" cannot be read as matchers ({source}); write them as service=\"api\", alertname=~\"Error.*\""
    )]
    Unreadable {
        /// What was written.
        text: String,
        /// Why.
        #[source]
        source: ParseError,
    },
}

/// A span of time in which alerts of some labels are not told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Silence {
    /// Twelve hexadecimal digits.
    pub id: String,
    /// Which alerts.
    #[serde(with = "text")]
    pub matchers: Matchers,
    /// From when, in milliseconds.
    pub starts_ms: i64,
    /// Until when: at this moment it is over.
    pub ends_ms: i64,
    /// On whose word.
    pub by: String,
    /// Why.
    pub comment: String,
}

impl Silence {
    /// A silence; the same facts have the same id.
    pub fn new(matchers: Matchers, starts_ms: i64, ends_ms: i64, by: &str, comment: &str) -> Self {
        let times = format!("{starts_ms}-{ends_ms}");
        let id = short_hash([matchers.text.as_str(), &times, by]).chars().take(12).collect();
        let comment = comment.chars().take(MAX_COMMENT_CHARS).collect();
        Self { id, matchers, starts_ms, ends_ms, by: by.to_owned(), comment }
    }

    /// Whether it is in force.
    pub fn is_active(&self, at_ms: i64) -> bool {
        self.starts_ms <= at_ms && at_ms < self.ends_ms
    }

    /// Whether it covers an alert of these labels now.
    pub fn covers(&self, labels: &Labels, at_ms: i64) -> bool {
        self.is_active(at_ms) && self.matchers.accept(labels)
    }
}

mod text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use super::Matchers;

    pub(super) fn serialize<S: Serializer>(matchers: &Matchers, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(matchers)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Matchers, D::Error> {
        Matchers::parse(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        Labels::new(pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect())
    }

    #[test]
    fn matchers_are_those_of_logql() {
        let api = labels(&[("alertname", "ErrorRate"), ("service", "api")]);
        for (text, expected) in [
            (r#"service="api""#, true),
            (r#"{service="api"}"#, true),
            (r#" service="api", alertname=~"Error.*" "#, true),
            (r#"service=~"ap""#, false), // anchored
            (r#"alertname="ErrorRate", service!="api""#, false),
            (r#"alertname="ErrorRate", team!~"a|b""#, true), // absent is empty
            (r#"team="x""#, false),
        ] {
            assert_eq!(Matchers::parse(text).unwrap().accept(&api), expected, "{text}");
        }
        for text in ["", "{}", "service", r#"service!="api""#, r#"{service="api"} |= "x""#, r#"service=~"(""#]
        {
            let error = Matchers::parse(text).unwrap_err().to_string();
            assert!(error.contains("write them as service="), "{text}: {error}");
        }
    }

    #[test]
    fn a_silence_begins_and_ends() {
        let matchers = Matchers::parse("service=`api`").unwrap();
        let silence = Silence::new(matchers, 10, 20, "ada", "deploy");
        let api = labels(&[("service", "api")]);
        for (at, expected) in [(9, false), (10, true), (19, true), (20, false)] {
            assert_eq!(silence.covers(&api, at), expected, "{at}");
        }
        assert!(!silence.covers(&labels(&[("service", "auth")]), 15));
        let json = serde_json::to_string(&silence).unwrap();
        assert!(json.contains(r#""matchers":"{service=\"api\"}""#), "{json}");
        assert_eq!(serde_json::from_str::<Silence>(&json).unwrap(), silence);
    }
}
