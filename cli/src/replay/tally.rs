//! What became of the payloads, counted by place and outcome.

use std::collections::BTreeMap;

use crate::output::{count, summary};

/// The most rows of the table; what is for yet other reasons is counted together.
const MAX_ROWS: usize = 30;
const OTHER: &str = "others, for yet other reasons";

/// Where a payload waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum From {
    /// The queue of payloads that ingest failed on.
    Queue,
    /// What could not be decoded.
    Quarantine,
}

/// What became of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the archive, and gone from where it was. Its log events.
    TakenIn(u64),
    /// It could not be decoded: it is in quarantine, once. The reason.
    SetAside(String),
    /// Ingest failed on it; it stays. The reason.
    Failed(String),
    /// It cannot be handed to ingest, or not be deleted; it stays. The reason.
    Kept(String),
    /// A dry run found it. Why it is there.
    Waits(String),
    /// It was never a payload; left alone. What it is.
    Foreign(String),
}

/// The counts of one run.
#[derive(Debug, Default)]
pub struct Tally {
    rows: BTreeMap<(From, String), (u64, u64)>,
    stayed: u64,
    failures_in_a_row: usize,
}

impl Tally {
    /// Counts one.
    pub fn add(&mut self, from: From, outcome: Outcome) {
        match outcome {
            Outcome::Failed(_) => self.failures_in_a_row += 1,
            Outcome::TakenIn(_) => self.failures_in_a_row = 0,
            _ => {}
        }
        let is_taken_in = matches!(outcome, Outcome::TakenIn(_));
        // What the queue held and ingest has set aside is out of the queue: it does not stay there.
        let (what, events, stays) = match outcome {
            Outcome::TakenIn(events) => ("taken in".to_owned(), events, false),
            Outcome::SetAside(reason) => (format!("in quarantine: {reason}"), 0, true),
            Outcome::Failed(reason) | Outcome::Kept(reason) => (format!("stays: {reason}"), 0, true),
            Outcome::Waits(reason) => (format!("waits: {reason}"), 0, true),
            Outcome::Foreign(what) => (format!("not Catchment's, left alone: {what}"), 0, false),
        };
        let key = (from, what);
        let is_one_too_many = self.rows.len() >= MAX_ROWS && !self.rows.contains_key(&key);
        let key = match is_one_too_many && !is_taken_in {
            true => (from, OTHER.to_owned()),
            false => key,
        };
        let (payloads, sum) = self.rows.entry(key).or_default();
        *payloads += 1;
        *sum += events;
        self.stayed += u64::from(stays);
    }

    /// How many payloads are still somewhere else than in the archive.
    pub fn stayed(&self) -> u64 {
        self.stayed
    }

    /// How many payloads ingest has failed on since it last took one in.
    pub fn failures_in_a_row(&self) -> usize {
        self.failures_in_a_row
    }

    /// The counts as a table, or the news that there was nothing.
    pub fn table(&self) -> String {
        if self.rows.is_empty() {
            return "nothing waits to be replayed".to_owned();
        }
        let rows = self.rows.iter().map(|((from, what), (payloads, events))| {
            let from = match from {
                From::Queue => "queue",
                From::Quarantine => "quarantine",
            };
            vec![from.to_owned(), what.clone(), count(*payloads), count(*events)]
        });
        summary(&["from", "outcome", "payloads", "events"], rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn payloads_are_counted_by_place_and_reason() {
        let mut tally = Tally::default();
        assert_eq!(tally.table(), "nothing waits to be replayed");
        tally.add(From::Queue, Outcome::TakenIn(1_500));
        tally.add(From::Queue, Outcome::TakenIn(2));
        tally.add(From::Quarantine, Outcome::SetAside("not base64".into()));
        tally.add(From::Quarantine, Outcome::Foreign("readme.txt".into()));
        let table = tally.table();
        for part in ["taken in", "1,502", "in quarantine: not base64", "left alone: readme.txt"] {
            assert!(table.contains(part), "{part}\n{table}");
        }
        assert_eq!(tally.stayed(), 1, "what is not ours does not count");
    }

    #[test]
    fn the_table_does_not_grow_with_the_reasons() {
        let mut tally = Tally::default();
        for number in 0..MAX_ROWS {
            tally.add(From::Queue, Outcome::Failed(format!("reason {number}")));
        }
        assert!(!tally.table().contains(OTHER));
        tally.add(From::Queue, Outcome::Failed("one more".into()));
        tally.add(From::Queue, Outcome::Failed("and another".into()));
        tally.add(From::Queue, Outcome::TakenIn(1));
        assert_eq!(tally.rows.len(), MAX_ROWS + 2, "one for the others, one for what was taken in");
        assert_eq!(tally.rows.get(&(From::Queue, OTHER.to_owned())), Some(&(2, 0)));
    }

    #[test]
    fn a_success_ends_a_row_of_failures() {
        let mut tally = Tally::default();
        for _ in 0..3 {
            tally.add(From::Queue, Outcome::Failed("throttled".into()));
        }
        tally.add(From::Quarantine, Outcome::SetAside("not base64".into()));
        assert_eq!(tally.failures_in_a_row(), 3, "a payload's own fault says nothing of ingest");
        tally.add(From::Queue, Outcome::TakenIn(1));
        assert_eq!((tally.failures_in_a_row(), tally.stayed()), (0, 4));
    }
}
