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
use crate::read::{Column, Columns, PageTexts, Place};

/// Rows are added until what their lines say is of so many bytes: pages and row groups end there.
const CHUNK_BYTES: usize = 1 << 16;

/// Rows that were added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Added {
    pub rows: usize,
    /// The least and the greatest `timestamp`.
    pub millis: Option<(i64, i64)>,
}

impl Buffer {
    /// Adds rows as they are, one at least, until they make [`CHUNK_BYTES`].
    pub fn gather(&mut self, inputs: &[&Columns], places: &[Place]) -> Added {
        let places = places.get(..fitting(inputs, places)).unwrap_or_default();
        let rows = places.len();
        let columns = Column::ALL.iter();
        let bytes = columns.map(|column| self.gather_column(inputs, places, *column)).sum();
        self.added(rows, bytes);
        let times = numbers(inputs, places, Column::Timestamp);
        let millis = times.0.iter().flatten().fold(None, |bounds: Option<(i64, i64)>, millis| {
            let (first, last) = bounds.unwrap_or((*millis, *millis));
            Some((first.min(*millis), last.max(*millis)))
        });
        Added { rows, millis }
    }

    /// Adds a column; bytes of texts.
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

/// How many of the rows make [`CHUNK_BYTES`] of what lines say.
fn fitting(inputs: &[&Columns], places: &[Place]) -> usize {
    let said = [Column::Line, Column::Message, Column::Attributes];
    let views: Vec<_> = inputs.iter().map(|input| said.map(|column| input.texts(column))).collect();
    let mut bytes = 0;
    let fits = |place: &&Place| {
        let fits = bytes < CHUNK_BYTES;
        let views = views.get(place.input as usize).into_iter().flatten();
        bytes += views.map(|view| view.bytes(place.row)).sum::<usize>();
        fits
    };
    places.iter().take_while(fits).count()
}

/// Each place's value of a column; empty where no place has one.
struct Values<T>(Vec<Option<T>>);

impl<T: Copy> Values<T> {
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
        let known = known.get_mut(place.input as usize).zip(view.code(place.row));
        let known = known.and_then(|(known, code)| known.get_mut(code as usize));
        if known.as_ref().is_some_and(|entry| **entry != NO_TEXT && out.push_again(**entry, 1)) {
            continue;
        }
        bytes += out.push(view.get(place.row));
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
