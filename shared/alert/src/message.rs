//! What is told about an alert. Each form of it (email, SMS, Slack, ..) is a
//! module of its own; the words they share are here.

use std::collections::BTreeMap;

use catchment_logql::format_duration;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::number;
use crate::text::one_line;
use crate::wire::Wire;

/// The most series that are shown; the others are counted.
pub const MAX_SERIES: usize = 10;
/// The most sample lines that are shown.
pub const MAX_SAMPLES: usize = 3;
/// The longest sample line, in characters.
pub const MAX_SAMPLE_CHARS: usize = 300;
/// The longest description, summary, condition or annotation that is sent, in
/// characters. SNS takes 262,144 bytes a message.
pub const MAX_TEXT_CHARS: usize = 2_000;
/// The longest value of a label that is sent, in characters.
pub const MAX_LABEL_CHARS: usize = 200;
/// The most labels or annotations that are sent.
pub const MAX_FIELDS: usize = 20;

/// What is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// It is on.
    Firing,
    /// It is over.
    Resolved,
    /// It is still on, after the repeat interval.
    Repeated,
    /// It comes and goes; it is told again when it has been quiet.
    Flapping,
}

impl Status {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Firing => "FIRING",
            Self::Resolved => "RESOLVED",
            Self::Repeated => "STILL FIRING",
            Self::Flapping => "FLAPPING",
        }
    }
}

/// What is told of the series of one rule that change in one evaluation. Its
/// JSON is the message to Lambda subscribers, and older JSON can still be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire")]
pub struct AlertMessage {
    /// The same for all that is told of one alert: its thread.
    pub id: String,
    /// The alert's name.
    pub name: String,
    /// The group of its rule.
    pub group: String,
    /// The rendered annotation `summary`, of the worst of the series.
    pub summary: String,
    /// The rendered annotation `description`, of the worst of the series.
    pub description: String,
    /// The label `severity`; `none` without one.
    pub severity: String,
    /// What is told.
    pub status: Status,
    /// The rule's expression.
    pub condition: String,
    /// The constant that the value is compared with.
    #[serde(serialize_with = "number::write_optional")]
    pub threshold: Option<f64>,
    /// The labels that all of the series have, those of the rule included.
    pub labels: BTreeMap<String, String>,
    /// The other annotations, rendered.
    pub annotations: BTreeMap<String, String>,
    /// The series, the worst first, at most [`MAX_SERIES`].
    pub series: Vec<AlertedSeries>,
    /// How many series there are beside these.
    pub more: u64,
    /// When the first of the series began to fire, RFC 3339.
    pub since: String,
    /// When the last of the series was over, RFC 3339.
    pub resolved_at: Option<String>,
    /// Lines that matched, redacted as in the archive, at most [`MAX_SAMPLES`].
    pub samples: Vec<String>,
    /// Where to look next.
    pub links: Links,
    /// The stack that says so.
    pub stack: String,
}

/// One series of an alert.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AlertedSeries {
    /// Its labels and those of the rule.
    pub labels: BTreeMap<String, String>,
    /// The last value for which the condition held.
    #[serde(serialize_with = "number::write", deserialize_with = "number::read")]
    pub value: f64,
    /// The worst value while it was on, where that is known.
    #[serde(default, serialize_with = "number::write_optional", deserialize_with = "number::read_optional")]
    pub peak: Option<f64>,
    /// When it began to fire, RFC 3339.
    pub fired_at: String,
    /// When it was over, RFC 3339.
    #[serde(default)]
    pub resolved_at: Option<String>,
}

/// Where to look next.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Links {
    /// A shell command that shows the lines.
    #[serde(default)]
    pub command: Option<String>,
    /// The address of the query in the console of AWS.
    #[serde(default)]
    pub console: Option<String>,
    /// The annotation `runbook_url`.
    #[serde(default)]
    pub runbook: Option<String>,
}

impl AlertMessage {
    /// The summary, or the alert's name where the rule has none; with how many
    /// series there are if it is not one. One line, at most `max_chars` long.
    pub fn headline(&self, max_chars: usize) -> String {
        let summary = one_line(&self.summary, max_chars);
        let text = if summary.is_empty() { one_line(&self.name, max_chars) } else { summary };
        let count = (self.series.len() as u64).saturating_add(self.more);
        if count < 2 {
            return text;
        }
        let count = format!(" (and {} more)", count - 1);
        one_line(&text, max_chars.saturating_sub(count.chars().count())) + &count
    }

    /// How bad it is: the worst of the series' values against the threshold.
    pub fn value_text(&self) -> Option<String> {
        self.series.first().map(|series| self.text_of(series))
    }

    /// How bad a series is, or was while it was on.
    pub(crate) fn text_of(&self, series: &AlertedSeries) -> String {
        let worst = match (self.status, series.peak) {
            (Status::Resolved, Some(peak)) => peak,
            _ => series.value,
        };
        against(worst, self.threshold)
    }

    /// Whether [`AlertMessage::value_text`] tells how bad it was, not how bad it is.
    pub(crate) fn tells_the_peak(&self) -> bool {
        self.status == Status::Resolved && self.series.first().is_some_and(|series| series.peak.is_some())
    }

    /// How long the alert was on, once it is over.
    pub fn duration_text(&self) -> Option<String> {
        let from: Timestamp = self.since.parse().ok()?;
        let to: Timestamp = self.resolved_at.as_ref()?.parse().ok()?;
        let millis = to.as_millisecond().checked_sub(from.as_millisecond())?;
        (millis >= 0).then(|| format_duration(millis / 1000 * 1000))
    }

    /// The labels in which a series differs from the others: `a=b, c=d`.
    pub(crate) fn own_labels(&self, series: &AlertedSeries) -> String {
        let own = series.labels.iter().filter(|(name, _)| !self.labels.contains_key(*name));
        let own: Vec<String> = own.map(|(name, value)| format!("{name}={value}")).collect();
        own.join(", ")
    }
}

/// A value against its threshold: `14, 2.8 times the threshold of 5`.
fn against(value: f64, threshold: Option<f64>) -> String {
    let told = number::for_people(value);
    let Some(threshold) = threshold else {
        return told;
    };
    let limit = number::for_people(threshold);
    let ratio = value / threshold;
    if threshold > 0.0 && ratio.is_finite() && ratio >= 1.05 {
        return format!("{told}, {} times the threshold of {limit}", number::ratio(ratio));
    }
    if value > threshold {
        format!("{told}, above the threshold of {limit}")
    } else if value < threshold {
        format!("{told}, below the threshold of {limit}")
    } else {
        format!("{told}, threshold {limit}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_bad_is_said_against_the_threshold() {
        for (value, threshold, expected) in [
            (14.0, Some(5.0), "14, 2.8 times the threshold of 5"),
            (5.1, Some(5.0), "5.1, above the threshold of 5"),
            (5.0, Some(5.0), "5, threshold 5"),
            (2.0, Some(5.0), "2, below the threshold of 5"),
            (3.0, Some(0.0), "3, above the threshold of 0"),
            (-1.0, Some(-2.0), "-1, above the threshold of -2"),
            (6000.0, Some(5.0), "6000, 1200 times the threshold of 5"),
            (10.666_666_666_666_666, None, "10.67"),
            (f64::INFINITY, Some(1.0), "+Inf, above the threshold of 1"),
            (f64::NAN, Some(1.0), "NaN, threshold 1"),
        ] {
            assert_eq!(against(value, threshold), expected);
        }
    }
}
