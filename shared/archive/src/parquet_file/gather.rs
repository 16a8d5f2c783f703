//! Rows of several inputs into the buffer, column by column.
//!
//! Merged rows take turns between hundreds of inputs. Row by row each would ask
//! its input for every column, and find most of it out of the cache; column by
//! column an input is asked once for what all its rows have in common, and a text
//! that an input has again is not looked up again.

use super::buffer::{Buffer, Column as Buffered};
use super::dictionary::NO_TEXT;
use super::repeats::Repeats;
use super::texts::Texts;
use crate::event_id::Wide;
use crate::fold::Folder;
use crate::read::{Column, Columns, PageTexts, Place};
use crate::row::StoredRow;

/// Rows are added until their lines are of so many bytes: pages and row groups end there.
const CHUNK_BYTES: usize = 1 << 16;

/// Event batches whose entries are remembered; a power of two.
const BATCHES: usize = 16;

/// The columns that folding changes; they are added as it says.
const FOLDED: [Column; 8] = [
    Column::TimeUnixNano,
    Column::ObservedTimestamp,
    Column::EventId,
    Column::Message,
    Column::Line,
    Column::MoreEventIds,
    Column::EventBatch,
    Column::EventIndex,
];

/// Rows that were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    pub rows: usize,
    /// The least and the greatest `timestamp`.
    pub millis: Option<(i64, i64)>,
}

impl Buffer {
    /// Folds and adds rows, one at least, until they make [`CHUNK_BYTES`].
    pub fn gather(&mut self, inputs: &[&Columns], places: &[Place], folder: &mut Folder) -> Added {
        let lines = texts(inputs, places, Column::Line);
        let mut lines_bytes = 0;
        let fitting = (0..places.len()).take_while(|row| {
            let fits = lines_bytes < CHUNK_BYTES;
            lines_bytes += lines.at(*row).map_or(0, str::len);
            fits
        });
        let rows = fitting.count();
        let places = places.get(..rows).unwrap_or_default();
        let mut bytes = self.gather_folded(inputs, places, &lines, folder);
        for column in Column::ALL.iter().filter(|column| !FOLDED.contains(column)) {
            bytes += self.gather_column(inputs, places, *column);
        }
        self.added(rows, bytes);
        let times = numbers(inputs, places, Column::Timestamp);
        let millis = times.0.iter().flatten().fold(None, |bounds: Option<(i64, i64)>, millis| {
            let (first, last) = bounds.unwrap_or((*millis, *millis));
            Some((first.min(*millis), last.max(*millis)))
        });
        Added { rows, millis }
    }

    /// Adds what folding leaves of the columns that it changes; bytes of texts.
    fn gather_folded(
        &mut self,
        inputs: &[&Columns],
        places: &[Place],
        lines: &Values<&str>,
        folder: &mut Folder,
    ) -> usize {
        let text = |column| texts(inputs, places, column);
        let number = |column| numbers(inputs, places, column);
        let (messages, attributes) = (text(Column::Message), text(Column::Attributes));
        let (trace_ids, span_ids) = (text(Column::TraceId), text(Column::SpanId));
        let (request_ids, user_ids) = (text(Column::RequestId), text(Column::UserId));
        let (event_names, levels) = (text(Column::EventName), text(Column::SeverityText));
        let (methods, paths) = (text(Column::HttpMethod), text(Column::Path));
        let (statuses, times) = (number(Column::StatusCode), number(Column::Timestamp));
        let (nanos, observed) = (number(Column::TimeUnixNano), number(Column::ObservedTimestamp));
        let (ids, more_ids) = (text(Column::EventId), text(Column::MoreEventIds));
        let (batches, indices) = (text(Column::EventBatch), number(Column::EventIndex));
        let mut known = [(Wide::MAX, 0); BATCHES];
        let mut bytes = 0;
        for (at, place) in places.iter().enumerate() {
            let row = StoredRow {
                timestamp: times.at(at),
                time_unix_nano: nanos.at(at),
                observed_timestamp: observed.at(at),
                event_id: ids.at(at),
                severity_text: levels.at(at),
                message: messages.at(at),
                trace_id: trace_ids.at(at),
                span_id: span_ids.at(at),
                request_id: request_ids.at(at),
                user_id: user_ids.at(at),
                event_name: event_names.at(at),
                http_method: methods.at(at),
                path: paths.at(at),
                status_code: statuses.at(at).map(|code| code as i32),
                line: lines.at(at),
                attributes: attributes.at(at),
                more_event_ids: more_ids.at(at),
                event_batch: batches.at(at),
                event_index: indices.at(at).map(|index| index as i32),
                ..StoredRow::default()
            };
            let folded = folder.fold(&row, place.event);
            // Streams take turns: a batch that came again lately has its entry at hand.
            let batch = place.event.filter(|_| folded.event_batch.is_some()).map(Wide::batch);
            let known = batch.and_then(|batch| known.get_mut(batch.spread() % BATCHES));
            self.push_long(Column::TimeUnixNano, folded.time_unix_nano);
            self.push_long(Column::ObservedTimestamp, folded.observed_timestamp);
            self.push_int(Column::EventIndex, folded.event_index);
            for (column, text) in [
                (Column::EventId, folded.event_id),
                (Column::Message, folded.message),
                (Column::Line, folded.line),
                (Column::MoreEventIds, folded.more_event_ids),
            ] {
                bytes += self.texts(column).map_or(0, |texts| texts.push(text));
            }
            let Some(batches) = self.texts(Column::EventBatch) else { continue };
            match (batch, known) {
                (Some(batch), Some((known, entry))) if *known == batch && batches.push_again(*entry, 1) => {}
                (batch, known) => {
                    bytes += batches.push(folded.event_batch);
                    if let (Some(batch), Some(known), Some(entry)) = (batch, known, batches.last()) {
                        *known = (batch, entry);
                    }
                }
            }
        }
        bytes
    }

    /// Adds a column as it is; bytes of texts.
    fn gather_column(&mut self, inputs: &[&Columns], places: &[Place], column: Column) -> usize {
        let all = || numbers(inputs, places, column);
        let rows = places.len();
        match self.column(column) {
            Some(Buffered::Texts(_, out)) => return gather_texts(inputs, places, column, out),
            Some(Buffered::Longs(out)) => all().put(rows, |number| number, out),
            Some(Buffered::Ints(out)) => all().put(rows, |number| number as i32, out),
            Some(Buffered::Doubles(out)) => all().put(rows, |bits| bits as u64, out),
            None => {}
        }
        0
    }
}

/// Each place's value of a column; empty where no place has one.
struct Values<T>(Vec<Option<T>>);

impl<T: Copy> Values<T> {
    fn at(&self, row: usize) -> Option<T> {
        self.0.get(row).copied().flatten()
    }

    /// Adds the values of so many rows.
    fn put<U: Copy + PartialEq>(self, rows: usize, made: impl Fn(T) -> U, out: &mut Repeats<Option<U>>) {
        match self.0.is_empty() {
            true => out.push_all(None, rows),
            false => out.extend(self.0.into_iter().map(|value| value.map(&made))),
        }
    }
}

/// Each place's number.
fn numbers(inputs: &[&Columns], places: &[Place], column: Column) -> Values<i64> {
    let views: Vec<_> = inputs.iter().map(|input| input.numbers(column)).collect();
    if views.iter().all(|view| view.is_null()) {
        return Values(Vec::new());
    }
    Values(places.iter().map(|place| views.get(place.input as usize)?.get(place.row)).collect())
}

/// Each place's text.
fn texts<'m>(inputs: &[&'m Columns], places: &[Place], column: Column) -> Values<&'m str> {
    let views: Vec<_> = inputs.iter().map(|input| input.texts(column)).collect();
    if views.iter().all(|view| matches!(view, PageTexts::Same(None))) {
        return Values(Vec::new());
    }
    Values(places.iter().map(|place| views.get(place.input as usize)?.get(place.row)).collect())
}

/// Adds each place's text; bytes of them.
fn gather_texts(inputs: &[&Columns], places: &[Place], column: Column, out: &mut Texts) -> usize {
    let views: Vec<_> = inputs.iter().map(|input| input.texts(column)).collect();
    if views.iter().all(|view| matches!(view, PageTexts::Same(None))) {
        out.push_nulls(places.len());
        return 0;
    }
    if views.iter().all(|view| matches!(view, PageTexts::Same(Some(_)))) {
        return gather_same(&views, places, out);
    }
    let mut known: Vec<_> = views.iter().map(|view| out.take_known(view)).collect();
    let mut bytes = 0;
    for place in places {
        let Some(view) = views.get(place.input as usize) else { continue };
        let (text, code) = view.entry(place.row);
        let known = known.get_mut(place.input as usize).zip(code);
        let known = known.and_then(|(known, code)| known.get_mut(code as usize));
        if known.as_ref().is_some_and(|entry| **entry != NO_TEXT && out.push_again(**entry, 1)) {
            continue;
        }
        bytes += out.push(text);
        if let Some((known, entry)) = known.zip(out.last()) {
            *known = entry;
        }
    }
    for (view, known) in views.iter().zip(known) {
        out.put_known(view, known);
    }
    bytes
}

/// Adds texts that differ from input to input only; bytes of them.
fn gather_same(views: &[PageTexts<'_>], places: &[Place], out: &mut Texts) -> usize {
    let first = views.first().and_then(PageTexts::same);
    if views.iter().all(|view| view.same() == first) {
        let bytes = out.push(first);
        let rest = places.len().saturating_sub(1);
        return match out.last().is_some_and(|entry| out.push_again(entry, rest)) {
            true => bytes,
            false => bytes + (0..rest).map(|_| out.push(first)).sum::<usize>(),
        };
    }
    // The entry of each input's text in `out`.
    let mut known = vec![None; views.len()];
    let mut bytes = 0;
    for place in places {
        let input = place.input as usize;
        let Some((view, known)) = views.get(input).zip(known.get_mut(input)) else { continue };
        if !known.is_some_and(|entry| out.push_again(entry, 1)) {
            bytes += out.push(view.get(place.row));
            *known = out.last();
        }
    }
    bytes
}
