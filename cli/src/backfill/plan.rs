//! What a backfill is going to do: a span of time for each log group, and what to expect.

use super::checkpoint::Checkpoint;
use super::estimate::{Estimate, Known, Sample};
use super::groups::Group;
use super::history::History;
use super::payload::WINDOW_MILLIS;
use crate::failure::Failure;
use crate::output::{bytes, count, summary};
use crate::when;

/// What is to be read of one log group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The group.
    pub group: Group,
    /// The beginning that was asked for.
    pub asked_from: i64,
    /// Where to begin: behind what is done, and behind what is not there any more.
    pub from: i64,
    /// The end, not included.
    pub to: i64,
    /// What is not there any more, for whoever asked.
    pub note: Option<String>,
}

impl Span {
    /// Whether there is nothing left to do.
    pub fn is_done(&self) -> bool {
        self.from >= self.to
    }
}

/// The spans of all groups.
pub fn spans(groups: Vec<Group>, from: i64, to: i64, now: i64, checkpoint: &Checkpoint) -> Vec<Span> {
    let span = |group: Group| {
        let since = group.there_since(now).div_euclid(WINDOW_MILLIS) * WINDOW_MILLIS;
        Span {
            asked_from: from,
            from: checkpoint.begin(&group.name, from).max(since),
            to,
            note: group.gone(from, now),
            group,
        }
    };
    groups.into_iter().map(span).collect()
}

/// The spans with their estimates.
#[derive(Debug)]
pub struct Plan(Vec<(Span, Estimate)>);

impl Plan {
    /// Looks at one page of each group.
    pub async fn make(
        history: &History,
        spans: Vec<Span>,
        ingest_memory_mb: f64,
        rate: f64,
        now: i64,
    ) -> Result<Self, Failure> {
        let mut planned = Vec::new();
        for span in spans {
            if span.is_done() {
                planned.push((span, Estimate::default()));
                continue;
            }
            let sample = match span.group.stored_bytes {
                0 => Sample::default(),
                _ => history.sample(&span.group.name, span.from, span.to).await?,
            };
            let known = Known {
                stored_bytes: span.group.stored_bytes,
                stored_millis: span.group.stored_millis(now),
                asked_millis: span.to - span.from,
                sample,
                ingest_memory_mb,
                rate,
            };
            planned.push((span, Estimate::of(&known)));
        }
        Ok(Self(planned))
    }

    /// What there is to do.
    pub fn spans(&self) -> impl Iterator<Item = &Span> {
        self.0.iter().map(|(span, _)| span).filter(|span| !span.is_done())
    }

    /// Whether there is nothing left to do.
    pub fn is_done(&self) -> bool {
        self.spans().next().is_none()
    }

    /// The estimate as a table, and what it rests on.
    pub fn told(&self) -> String {
        let total = self.0.iter().fold(Estimate::default(), |sum, (_, one)| sum.plus(*one));
        let mut rows: Vec<_> =
            self.0.iter().map(|(span, estimate)| row(&span.group.name, Some(span), estimate)).collect();
        if rows.len() > 1 {
            rows.push(row("all", None, &total));
        }
        let header =
            ["log group", "from", "to", "size", "events", "requests", "payloads", "GB-s", "cost", "time"];
        format!(
            "{}\nAn estimate, from the size that CloudWatch states (it lags by up to a day) and one page of \
             events.\nPayloads are invocations of ingest and objects in S3. Cost: Lambda and S3 PUT at us-east-1 \
             list prices;\naudit entries, storage, and traffic out of AWS where this runs elsewhere, come on top.",
            summary(&header, rows)
        )
    }
}

fn row(name: &str, span: Option<&Span>, estimate: &Estimate) -> Vec<String> {
    let time = |time: fn(&Span) -> i64| match span {
        Some(span) if span.is_done() => "done".to_owned(),
        Some(span) => when::shown(time(span)),
        None => String::new(),
    };
    vec![
        name.to_owned(),
        time(|span| span.from),
        time(|span| span.to),
        bytes(estimate.bytes),
        count(estimate.events),
        count(estimate.requests),
        count(estimate.payloads),
        count(estimate.gb_seconds.ceil() as u64),
        dollars(estimate.dollars),
        duration(estimate.seconds),
    ]
}

fn dollars(amount: f64) -> String {
    match amount {
        0.0 => "$0.00".to_owned(),
        amount if amount < 0.01 => "<$0.01".to_owned(),
        amount => format!("${amount:.2}"),
    }
}

/// A length of time in its two largest units.
fn duration(seconds: u64) -> String {
    match (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (days, hours, _) => format!("{days} d {hours} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_and_time_are_told_in_words() {
        assert_eq!([0.0, 0.001, 0.014, 12.5].map(dollars), ["$0.00", "<$0.01", "$0.01", "$12.50"]);
        assert_eq!([59, 60, 5_400, 90_000].map(duration), ["59 s", "1 min", "1 h 30 min", "1 d 1 h"]);
    }

    #[test]
    fn a_span_begins_behind_what_is_done_and_what_is_gone() {
        const HOUR: i64 = WINDOW_MILLIS;
        let group = |name: &str, created_millis| Group {
            name: name.into(),
            owner: "1".into(),
            created_millis,
            retention_days: Some(1),
            stored_bytes: 0,
        };
        let path = std::env::temp_dir().join(format!("catchment-plan-{}.json", std::process::id()));
        let mut checkpoint = Checkpoint::open(&path, "i").unwrap();
        let now = 1000 * HOUR + 5;
        checkpoint.reached("/done", 900 * HOUR, 990 * HOUR).unwrap();
        checkpoint.reached("/half", 900 * HOUR, 980 * HOUR).unwrap();
        let groups = vec![group("/done", 0), group("/half", 0), group("/new", 999 * HOUR), group("/old", 0)];
        let spans = spans(groups, 900 * HOUR, 990 * HOUR, now, &checkpoint);
        std::fs::remove_file(&path).unwrap();
        let begin: Vec<_> = spans.iter().map(|span| (span.from / HOUR, span.is_done())).collect();
        // Retention is 24 hours: what is older than hour 976 is gone.
        assert_eq!(begin, [(990, true), (980, false), (976, false), (976, false)]);
        let noted: Vec<_> = spans.iter().map(|span| span.note.is_some()).collect();
        assert_eq!(noted, [true, true, false, true]);
    }
}
