//! Which rows are wanted, and how row groups and rows are tried for it.

use std::ops::{Range, RangeInclusive};

use memchr::memchr;
use memchr::memmem::Finder;

use super::TimeRange;
use super::bloom;
use super::column::{Column, ColumnSet};
use super::footer::{Chunk, RowGroup};
use super::rows::Columns;
use super::seen::EventId;
use crate::event_id::EventIds;
use crate::fold::MARK;

/// A value that is looked up by bloom filters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// The correlation id.
    RequestId(String),
    /// The trace.
    TraceId(String),
    /// The user.
    UserId(String),
    /// A record, by CloudWatch's id of its first log event.
    EventId(String),
}

/// Which rows are wanted: those that all conditions hold for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Of one of these services; of any where there is none.
    pub services: Vec<String>,
    /// OpenTelemetry severity numbers.
    pub severity: Option<RangeInclusive<i32>>,
    /// Values that are equal.
    pub lookups: Vec<Lookup>,
    /// Texts that the line contains, as it was before it was stored.
    pub contains: Vec<String>,
}

/// A column that a looked up value can be found in.
#[derive(Debug)]
pub(super) struct Way {
    lookup: usize,
    column: Column,
    value: String,
    /// Of a batch, this event.
    event: Option<EventId>,
}

/// Whether a value may be in a row group.
pub(super) enum Ask {
    Never,
    Maybe,
    /// This block of a bloom filter knows.
    Block(Range<u64>),
}

impl Way {
    pub fn ask(&self, group: &RowGroup) -> Ask {
        let Some(chunk) = group.chunk(self.column) else { return Ask::Never };
        if chunk.nulls == Some(u64::from(group.rows)) || !may_lie_within(chunk, self.value.as_bytes()) {
            return Ask::Never;
        }
        let block = chunk.bloom.as_ref().and_then(|filter| bloom::block_of(filter, &self.value));
        block.map_or(Ask::Maybe, Ask::Block)
    }

    pub fn may_be_in(&self, block: &[u8]) -> bool {
        bloom::may_hold(block, &self.value)
    }

    pub fn hope(&self, hope: &mut [bool]) {
        if let Some(hope) = hope.get_mut(self.lookup) {
            *hope = true;
        }
    }

    fn is_at(&self, columns: &Columns, row: u32) -> bool {
        let text = columns.get(self.column).and_then(|values| values.text(row));
        text == Some(&self.value)
            && self.event.is_none_or(|event| EventId::of_row(&columns.identities().of(row)) == event)
    }
}

/// A filter and a time range, made ready.
#[derive(Debug)]
pub(super) struct Wanted {
    range: TimeRange,
    services: Vec<String>,
    severity: Option<RangeInclusive<i32>>,
    lookups: usize,
    ways: Vec<Way>,
    contains: Vec<Finder<'static>>,
}

impl Wanted {
    pub fn new(filter: &Filter, range: TimeRange) -> Self {
        let mut ways = Vec::new();
        for (lookup, value) in filter.lookups.iter().enumerate() {
            let mut way = |column, value: &str, event| {
                ways.push(Way { lookup, column, value: value.to_owned(), event });
            };
            match value {
                Lookup::RequestId(id) => way(Column::RequestId, id, None),
                Lookup::TraceId(id) => way(Column::TraceId, id, None),
                Lookup::UserId(id) => way(Column::UserId, id, None),
                Lookup::EventId(id) => {
                    let event = EventId::of_text(id);
                    way(Column::EventId, id, None);
                    if let Some((batch, _)) = EventIds::default().split(id, event.millis()) {
                        way(Column::EventBatch, batch, Some(event));
                    }
                }
            }
        }
        Self {
            range,
            services: filter.services.clone(),
            severity: filter.severity.clone(),
            lookups: filter.lookups.len(),
            ways,
            contains: filter.contains.iter().map(|text| Finder::new(text).into_owned()).collect(),
        }
    }

    pub fn range(&self) -> TimeRange {
        self.range
    }

    /// How many values are looked up.
    pub fn lookups(&self) -> usize {
        self.lookups
    }

    pub fn ways(&self) -> &[Way] {
        &self.ways
    }

    /// What must be decoded to try a row.
    pub fn columns(&self) -> ColumnSet {
        let mut columns = ColumnSet::of(&[Column::Timestamp]);
        if !self.services.is_empty() {
            columns = columns.and(ColumnSet::of(&[Column::Service]));
        }
        if self.severity.is_some() {
            columns = columns.and(ColumnSet::of(&[Column::SeverityNumber]));
        }
        for way in &self.ways {
            columns = columns.and(ColumnSet::of(&[way.column]));
            if way.event.is_some() {
                columns = columns.and(ColumnSet::IDENTITY);
            }
        }
        if !self.contains.is_empty() {
            columns = columns.and(ColumnSet::LINE);
        }
        columns
    }

    /// Whether the statistics of a row group leave hope for a row.
    pub fn may_match(&self, group: &RowGroup) -> bool {
        let is_service = self.services.is_empty()
            || group.chunk(Column::Service).is_some_and(|chunk| {
                self.services.iter().any(|service| may_lie_within(chunk, service.as_bytes()))
            });
        let is_severe = self.severity.as_ref().is_none_or(|wanted| {
            let number =
                |bytes: &Option<Box<[u8]>>| Some(i32::from_le_bytes(bytes.as_deref()?.try_into().ok()?));
            let Some(chunk) = group.chunk(Column::SeverityNumber) else { return false };
            match (number(&chunk.min), number(&chunk.max)) {
                (Some(min), Some(max)) => min <= *wanted.end() && max >= *wanted.start(),
                _ => chunk.nulls != Some(u64::from(group.rows)),
            }
        });
        is_service && is_severe
    }

    /// Leaves in `rows`, which are rising, those that are wanted.
    pub fn retain(&self, columns: &Columns, rows: &mut Vec<u32>) {
        let times = columns.get(Column::Timestamp);
        rows.retain(|row| {
            let millis = times.and_then(|times| times.number(*row)).unwrap_or_default();
            self.range.has(millis)
        });
        if let Some(wanted) = &self.severity {
            let numbers = columns.get(Column::SeverityNumber);
            let wanted = i64::from(*wanted.start())..=i64::from(*wanted.end());
            rows.retain(|row| {
                let number = numbers.and_then(|numbers| numbers.number(*row));
                number.is_some_and(|number| wanted.contains(&number))
            });
        }
        if !self.services.is_empty() {
            let services = columns.get(Column::Service);
            rows.retain(|row| {
                let service = services.and_then(|services| services.text(*row));
                service.is_some_and(|service| self.services.iter().any(|wanted| wanted == service))
            });
        }
        for lookup in 0..self.lookups {
            let ways = || self.ways.iter().filter(|way| way.lookup == lookup);
            rows.retain(|row| ways().any(|way| way.is_at(columns, *row)));
        }
        for text in &self.contains {
            self.retain_containing(text, columns, rows);
        }
    }

    fn retain_containing(&self, text: &Finder<'_>, columns: &Columns, rows: &mut Vec<u32>) {
        if rows.is_empty() || text.needle().is_empty() {
            return;
        }
        let Some(lines) = columns.get(Column::Line) else { return rows.clear() };
        let joined = lines.joined().map(str::as_bytes);
        let Some(joined) = joined.filter(|joined| memchr(MARK, joined).is_none()) else {
            let mut line = String::new();
            return rows.retain(|row| {
                let stored = lines.text(*row).unwrap_or_default().as_bytes();
                if memchr(MARK, stored).is_none() {
                    return text.find(stored).is_some();
                }
                line.clear();
                columns.row(*row).unfold_line(&mut line);
                text.find(line.as_bytes()).is_some()
            });
        };
        // Few of the lines have it: the page is searched as one text.
        let mut hits = Vec::new();
        let mut places = lines.places();
        let mut from = 0;
        'search: while let Some(at) = joined.get(from..).and_then(|rest| text.find(rest)) {
            let at = from + at;
            loop {
                let Some((row, place)) = places.next() else { break 'search };
                if at >= place.end {
                    continue;
                }
                if at + text.needle().len() <= place.end {
                    hits.push(row);
                    from = place.end;
                    break;
                }
                // It runs into the next line: no hit, but one may begin later in this one, or the next.
                let within = joined.get(at + 1..place.end).unwrap_or_default();
                if text.find(within).is_some() {
                    hits.push(row);
                }
                from = place.end;
                break;
            }
        }
        let mut hits = hits.into_iter().peekable();
        rows.retain(|row| {
            while hits.next_if(|hit| hit < row).is_some() {}
            hits.next_if_eq(row).is_some()
        });
    }
}

/// Whether a value can be between the least and the greatest that are stated.
fn may_lie_within(chunk: &Chunk, value: &[u8]) -> bool {
    chunk.min.as_deref().is_none_or(|min| min <= value) && chunk.max.as_deref().is_none_or(|max| max >= value)
}
