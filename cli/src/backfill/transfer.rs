//! The work itself: pages in, payloads out, the checkpoint behind both.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use indicatif::ProgressBar;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::checkpoint::Checkpoint;
use super::history::History;
use super::payload::{Address, Cutter, Event, Payload, WINDOW_MILLIS};
use super::plan::Span;
use crate::failure::Failure;
use crate::ingest::{Counts, Ingest, PARALLEL, Taken};
use crate::output::{count, progress_bar, summary};
use crate::when;

/// How often a payload is sent that ingest fails on, before the run ends.
const ATTEMPTS: u32 = 3;
/// Between two of them; twice as long each time.
const PAUSE: Duration = Duration::from_secs(2);
/// Hours that are read before the checkpoint moves on: more where little is in them,
/// fewer where it takes long. What is read in vain after an interruption stays small.
const MAX_SPAN_HOURS: i64 = 24;
const FEW_REQUESTS: u64 = 4;
const MANY_REQUESTS: u64 = 60;

/// A backfill under way.
pub struct Transfer {
    history: History,
    ingest: Ingest,
    checkpoint: Checkpoint,
    filter: String,
    bar: ProgressBar,
    summary: Summary,
    /// Payloads that are being sent, and how many events each has.
    sending: JoinSet<Result<(Taken, u64), Failure>>,
}

/// What came of a run, by log group.
#[derive(Debug, Default)]
pub struct Summary {
    groups: BTreeMap<String, Done>,
    reasons: BTreeSet<String>,
}

#[derive(Debug, Default)]
struct Done {
    reached: i64,
    requests: u64,
    payloads: u64,
    events: u64,
    created: u64,
    already_there: u64,
    set_aside: u64,
}

impl Transfer {
    /// Nothing is done yet.
    pub fn new(history: History, ingest: Ingest, checkpoint: Checkpoint, filter: String) -> Self {
        let bar = progress_bar("hours");
        let (summary, sending) = (Summary::default(), JoinSet::new());
        Self { history, ingest, checkpoint, filter, bar, summary, sending }
    }

    /// Brings in every span, one log group after the other.
    pub async fn run(&mut self, spans: impl Iterator<Item = &Span>) -> Result<(), Failure> {
        let spans: Vec<_> = spans.collect();
        let hours = |span: &&Span| u64::try_from((span.to - span.from) / WINDOW_MILLIS).unwrap_or(0) + 1;
        self.bar.set_length(spans.iter().map(hours).sum());
        let mut done_hours = 0;
        for span in spans {
            self.log_group(span, done_hours).await.map_err(|failure| self.with_place(failure, span))?;
            done_hours += hours(&span);
        }
        Ok(())
    }

    /// The counts of what was done, whether or not it came to its end.
    pub fn finish(self) -> Summary {
        self.bar.finish_and_clear();
        self.summary
    }

    async fn log_group(&mut self, span: &Span, done_hours: u64) -> Result<(), Failure> {
        let name = &span.group.name;
        self.summary.groups.entry(name.clone()).or_default().reached = span.from;
        self.bar.set_message(name.clone());
        let (mut from, mut hours) = (span.from, 1);
        while from < span.to {
            let to = span_end(from, hours).min(span.to);
            let requests = self.bring_in(span, from, to).await?;
            self.checkpoint.reached(name, span.asked_from, to)?;
            let done = self.summary.groups.entry(name.clone()).or_default();
            (done.reached, done.requests) = (to, done.requests + requests);
            hours = next_hours(hours, requests);
            from = to;
            self.bar.set_position(done_hours + u64::try_from((to - span.from) / WINDOW_MILLIS).unwrap_or(0));
        }
        Ok(())
    }

    /// Everything between two times; how many requests it took. When this returns,
    /// all of it is durable.
    async fn bring_in(&mut self, span: &Span, from: i64, to: i64) -> Result<u64, Failure> {
        let group = &span.group;
        let address = Address {
            owner: group.owner.clone(),
            log_group: group.name.clone(),
            filter: self.filter.clone(),
        };
        let mut cutter = Cutter::new(address);
        let (mut token, mut requests) = (None, 0);
        loop {
            let page = self.history.page(&group.name, from, to, token).await?;
            requests += 1;
            for event in &page.events {
                let (Some(id), Some(timestamp)) = (event.event_id(), event.timestamp()) else {
                    return Err(Failure::Rejected("CloudWatch gave an event without id or time".into()));
                };
                let message = event.message().unwrap_or_default();
                let stream = event.log_stream_name().unwrap_or_default();
                for payload in cutter.push(stream, &Event { id, timestamp, message }) {
                    self.send(&group.name, payload).await?;
                }
            }
            token = page.next;
            if token.is_none() {
                break;
            }
        }
        for payload in cutter.finish() {
            self.send(&group.name, payload).await?;
        }
        while !self.sending.is_empty() {
            self.sent(&group.name).await?;
        }
        Ok(requests)
    }

    /// Sends a payload beside others, after waiting for one of them where there are many.
    async fn send(&mut self, log_group: &str, payload: Payload) -> Result<(), Failure> {
        while self.sending.len() >= PARALLEL {
            self.sent(log_group).await?;
        }
        let ingest = self.ingest.clone();
        self.sending.spawn(async move {
            let event = payload.to_event()?;
            let mut pause = PAUSE;
            let mut taken = ingest.take(event.clone()).await?;
            for _ in 1..ATTEMPTS {
                if !matches!(taken, Taken::Failed(_)) {
                    break;
                }
                sleep(pause).await;
                pause *= 2;
                taken = ingest.take(event.clone()).await?;
            }
            Ok((taken, payload.events))
        });
        Ok(())
    }

    /// Waits for one payload.
    async fn sent(&mut self, log_group: &str) -> Result<(), Failure> {
        let Some(joined) = self.sending.join_next().await else {
            return Ok(());
        };
        let (taken, events) =
            joined.map_err(|err| Failure::Rejected(format!("a payload was not sent: {err}")))??;
        let done = self.summary.groups.entry(log_group.to_owned()).or_default();
        match taken {
            Taken::In(Counts { objects_created, objects_already_there, .. }) => {
                done.events += events;
                done.created += objects_created;
                done.already_there += objects_already_there;
            }
            Taken::Aside(reason) => {
                done.set_aside += 1;
                self.summary.reasons.insert(reason);
            }
            Taken::Failed(reason) => {
                return Err(Failure::Rejected(format!("ingest failed {ATTEMPTS} times ({reason})")));
            }
        }
        done.payloads += 1;
        Ok(())
    }

    /// Says of a failure how far the log group has come.
    fn with_place(&self, failure: Failure, span: &Span) -> Failure {
        let name = &span.group.name;
        let reached = self.summary.groups.get(name).map_or(span.from, |done| done.reached);
        let place = format!(
            "; {name} is in the archive up to {}, and the same command goes on from there ({})",
            when::shown(reached),
            self.checkpoint.path().display()
        );
        match failure {
            Failure::Rejected(text) => Failure::Rejected(text + &place),
            Failure::Network(text) => Failure::Network(text + &place),
            Failure::Credentials(text) => Failure::Credentials(text + &place),
            other => other,
        }
    }
}

impl Summary {
    /// Payloads that ingest could not decode.
    pub fn set_aside(&self) -> u64 {
        self.groups.values().map(|done| done.set_aside).sum()
    }

    /// What was done as a table.
    pub fn table(&self) -> String {
        let header = [
            "log group",
            "up to",
            "requests",
            "events",
            "payloads",
            "new objects",
            "there already",
            "set aside",
        ];
        let rows = self.groups.iter().map(|(name, done)| {
            let mut row = vec![name.clone(), when::shown(done.reached)];
            let counts =
                [done.requests, done.events, done.payloads, done.created, done.already_there, done.set_aside];
            row.extend(counts.map(count));
            row
        });
        let mut table = summary(&header, rows);
        for reason in &self.reasons {
            table.push_str("\nset aside: ");
            table.push_str(reason);
        }
        table
    }
}

/// The end of a span of some hours that begins at `from`: a full hour, so that a
/// payload's hour is never read in two parts.
fn span_end(from: i64, hours: i64) -> i64 {
    (from.div_euclid(WINDOW_MILLIS) + hours) * WINDOW_MILLIS
}

/// How many hours to read next.
fn next_hours(hours: i64, requests: u64) -> i64 {
    match requests {
        0..=FEW_REQUESTS => (hours * 2).min(MAX_SPAN_HOURS),
        MANY_REQUESTS.. => (hours / 2).max(1),
        _ => hours,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_end_on_full_hours_and_fit_what_is_in_them() {
        const HOUR: i64 = WINDOW_MILLIS;
        assert_eq!(span_end(5 * HOUR, 1), 6 * HOUR);
        assert_eq!(span_end(5 * HOUR + 1, 2), 7 * HOUR);
        assert_eq!([1, 2, 16, 24].map(|hours| next_hours(hours, 1)), [2, 4, 24, 24]);
        assert_eq!([1, 2, 24].map(|hours| next_hours(hours, 60)), [1, 1, 12]);
        assert_eq!((next_hours(8, 4), next_hours(8, 5), next_hours(8, 59)), (16, 8, 8));
    }
}
