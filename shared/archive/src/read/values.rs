//! The values of one column in one page, decoded so that rows can borrow them.
//!
//! Texts are validated once for the page, not value by value; a dictionary's
//! entries are decoded once for the row group. A column with one value in every
//! row of the page, or none, costs nothing a row.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Damage;
use super::column::{Column, Physical};
use super::encoding::{Runs, deltas, take, take_measured};
use super::page::{Encoding, Inflated, Page, Pages};
use super::views::{NO_ENTRY, PageNumbers, PageTexts, Span};
use crate::fold::{MARK, escape_line};

/// Buffers that decoding any column uses.
pub(super) struct Scratch {
    pub inflated: Inflated,
    /// Whether each row has a value; empty where all have or none has.
    present: Vec<bool>,
    numbers: Vec<i64>,
    more_numbers: Vec<i64>,
    spans: Vec<Span>,
    codes: Vec<u32>,
}

impl fmt::Debug for Scratch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scratch").finish_non_exhaustive()
    }
}

impl Scratch {
    pub fn new() -> Self {
        Self {
            inflated: Inflated::new(),
            present: Vec::new(),
            numbers: Vec::new(),
            more_numbers: Vec::new(),
            spans: Vec::new(),
            codes: Vec::new(),
        }
    }
}

/// What rows of a page have in a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// No row has a value.
    Null,
    /// Every row has the value of row 0.
    Same,
    Each,
}

/// A column of a row group: its pages, and one of them decoded.
#[derive(Debug)]
pub(super) struct Values {
    pub column: Column,
    pub pages: Pages,
    escapes: bool,
    entries: Option<Entries>,
    decoded: Option<usize>,
    /// The first row of the decoded page.
    first_row: u32,
    form: Form,
    is_indexed: bool,
    text: String,
    spans: Vec<Span>,
    /// Each row's entry in the dictionary, where there is one of texts.
    codes: Vec<u32>,
    numbers: Vec<i64>,
    /// Empty where every row has a number.
    nulls: Vec<bool>,
}

/// A dictionary.
#[derive(Debug)]
struct Entries {
    id: u64,
    text: String,
    spans: Vec<Span>,
    numbers: Vec<i64>,
}

impl Values {
    /// `escapes` where a U+001A in a text is not yet stored as U+001A and `0`.
    pub fn new(column: Column, pages: Pages, escapes: bool) -> Self {
        Self {
            column,
            pages,
            escapes,
            entries: None,
            decoded: None,
            first_row: 0,
            form: Form::Null,
            is_indexed: false,
            text: String::new(),
            spans: Vec::new(),
            codes: Vec::new(),
            numbers: Vec::new(),
            nulls: Vec::new(),
        }
    }

    /// Bytes that are held in memory.
    pub fn held_bytes(&self) -> usize {
        self.pages.held_bytes()
            + self.text.capacity()
            + self.spans.capacity() * size_of::<Span>()
            + self.codes.capacity() * size_of::<u32>()
            + self.numbers.capacity() * size_of::<i64>()
            + self.nulls.capacity()
    }

    /// Makes sure that the page of `row` is decoded.
    pub fn decode(&mut self, row: u32, scratch: &mut Scratch) -> Result<(), Damage> {
        let index = self.pages.page_of(row);
        let page = *self.pages.data.get(index).ok_or(Damage::new("a row is in no page"))?;
        if self.decoded != Some(index) {
            self.decoded = None;
            let result = self.decode_page(&page, scratch);
            result.map_err(|damage| Damage::new(format!("column {:?}: {damage}", self.column.name())))?;
            self.decoded = Some(index);
            self.first_row = page.first_row;
        }
        Ok(())
    }

    fn decode_page(&mut self, page: &Page, scratch: &mut Scratch) -> Result<(), Damage> {
        self.spans.clear();
        self.codes.clear();
        self.numbers.clear();
        self.nulls.clear();
        self.text.clear();
        self.is_indexed = page.encoding() == Encoding::Dictionary;
        if self.is_indexed && self.entries.is_none() {
            self.entries = Some(self.read_entries(&mut scratch.inflated)?);
        }
        let rows = page.rows() as usize;
        let body = self.pages.body(page, &mut scratch.inflated)?;
        let present = levels(body.levels, rows, &mut scratch.present)?;
        if present == 0 {
            self.form = Form::Null;
            return Ok(());
        }
        self.form = Form::Each;
        let mut bytes = body.values;
        let physical = self.column.physical();
        match (page.encoding(), physical) {
            (Encoding::Dictionary, _) => {
                let entries = self.entries.as_ref().ok_or(Damage::new("it has no dictionary"))?;
                let (width, rest) = bytes.split_first().ok_or(Damage::new("a page is too short"))?;
                let mut runs = Runs::new(rest, *width, present)?;
                let same = runs.same().filter(|_| scratch.present.is_empty());
                let beyond = Damage::new("a value is not in the dictionary");
                if physical == Physical::Text {
                    if let Some(index) = same {
                        self.form = Form::Same;
                        self.spans.push(*entries.spans.get(index as usize).ok_or(beyond)?);
                        return Ok(());
                    }
                    let out = if scratch.present.is_empty() { &mut self.codes } else { &mut scratch.codes };
                    out.clear();
                    out.reserve(present);
                    let mut greatest = 0;
                    runs.each(|index| {
                        greatest = greatest.max(index);
                        out.push(index);
                    })?;
                    if greatest as usize >= entries.spans.len() {
                        return Err(beyond);
                    }
                    if !scratch.present.is_empty() {
                        spread(&scratch.present, &scratch.codes, NO_ENTRY, &mut self.codes);
                    }
                    return Ok(());
                }
                scratch.numbers.clear();
                let mut is_beyond = false;
                runs.each(|index| match entries.numbers.get(index as usize) {
                    Some(number) => scratch.numbers.push(*number),
                    None => is_beyond = true,
                })?;
                if is_beyond {
                    return Err(beyond);
                }
            }
            (Encoding::Plain, Physical::Text) => {
                plain_texts(&mut bytes, present, &mut self.text, &mut scratch.spans)?;
            }
            (Encoding::DeltaLengths, Physical::Text) => {
                deltas(&mut bytes, present, &mut scratch.numbers)?;
                lengths(&scratch.numbers, bytes, &mut self.text, &mut scratch.spans)?;
            }
            (Encoding::DeltaTexts, Physical::Text) => {
                deltas(&mut bytes, present, &mut scratch.more_numbers)?;
                deltas(&mut bytes, present, &mut scratch.numbers)?;
                let (prefixes, suffixes) = (&scratch.more_numbers, &scratch.numbers);
                rising(prefixes, suffixes, bytes, &mut self.text, &mut scratch.spans)?;
            }
            (Encoding::Deltas, Physical::Int32 | Physical::Int64) => {
                deltas(&mut bytes, present, &mut scratch.numbers)?;
            }
            (Encoding::Plain, physical) => {
                plain_numbers(&mut bytes, present, physical, &mut scratch.numbers)?;
            }
            _ => return Err(Damage::new("a page has an encoding that does not go with its type")),
        }
        if self.escapes && physical == Physical::Text {
            escape(&mut self.text, &mut scratch.spans);
        }
        let is_full = scratch.present.is_empty();
        match (physical, is_full) {
            (Physical::Text, true) => std::mem::swap(&mut self.spans, &mut scratch.spans),
            (Physical::Text, false) => {
                spread(&scratch.present, &scratch.spans, Span::NULL, &mut self.spans);
            }
            (_, true) => std::mem::swap(&mut self.numbers, &mut scratch.numbers),
            (_, false) => {
                spread(&scratch.present, &scratch.numbers, 0, &mut self.numbers);
                self.nulls.extend(scratch.present.iter().map(|is_present| !is_present));
            }
        }
        Ok(())
    }

    fn read_entries(&self, inflated: &mut Inflated) -> Result<Entries, Damage> {
        static DICTIONARIES: AtomicU64 = AtomicU64::new(0);
        let id = DICTIONARIES.fetch_add(1, Ordering::Relaxed);
        let mut entries = Entries { id, text: String::new(), spans: Vec::new(), numbers: Vec::new() };
        let Some((count, mut bytes)) = self.pages.dictionary(inflated)? else {
            return Err(Damage::new("it has no dictionary"));
        };
        match self.column.physical() {
            Physical::Text => {
                plain_texts(&mut bytes, count as usize, &mut entries.text, &mut entries.spans)?;
                if self.escapes {
                    escape(&mut entries.text, &mut entries.spans);
                }
            }
            physical => plain_numbers(&mut bytes, count as usize, physical, &mut entries.numbers)?,
        }
        Ok(entries)
    }

    /// Whether any row of the decoded page has a value.
    pub fn has_any(&self) -> bool {
        self.form != Form::Null
    }

    /// The text in a row of the decoded page; rows count from the start of the row group.
    pub fn text(&self, row: u32) -> Option<&str> {
        self.texts().get(row)
    }

    /// The number in a row of the decoded page.
    pub fn number(&self, row: u32) -> Option<i64> {
        self.all_numbers().get(row)
    }

    /// The texts of the decoded page, for many rows.
    pub fn texts(&self) -> PageTexts<'_> {
        let dictionary = self.entries.as_ref().filter(|_| self.is_indexed);
        let text = dictionary.map_or(&self.text, |entries| &entries.text);
        let first_row = self.first_row;
        match (self.form, dictionary) {
            (Form::Null, _) => PageTexts::Same(None),
            (Form::Same, _) => {
                let span = self.spans.first().copied().unwrap_or(Span::NULL);
                PageTexts::Same(text.get(span.start as usize..span.end as usize))
            }
            (Form::Each, Some(Entries { id, spans, .. })) => {
                PageTexts::Coded { id: *id, text, spans, codes: &self.codes, first_row }
            }
            (Form::Each, None) => PageTexts::Each { text, spans: &self.spans, first_row },
        }
    }

    /// The numbers of the decoded page, for many rows.
    pub fn all_numbers(&self) -> PageNumbers<'_> {
        let numbers = if self.form == Form::Null { &[] } else { self.numbers.as_slice() };
        PageNumbers { numbers, nulls: &self.nulls, first_row: self.first_row }
    }

    /// The texts of the decoded page as one, where they stand one after the other
    /// in the order of the rows.
    pub fn joined(&self) -> Option<&str> {
        (self.form == Form::Each && !self.is_indexed).then_some(&self.text)
    }

    /// Where each row's text stands in [`Values::joined`].
    pub fn places(&self) -> impl Iterator<Item = (u32, Range<usize>)> {
        let rows = (self.first_row..).zip(&self.spans);
        rows.filter(|(_, span)| **span != Span::NULL)
            .map(|(row, span)| (row, span.start as usize..span.end as usize))
    }
}

/// Reads definition levels; how many rows have a value. `present` is left empty
/// where that is all or none.
fn levels(bytes: &[u8], rows: usize, present: &mut Vec<bool>) -> Result<usize, Damage> {
    present.clear();
    let mut runs = Runs::new(bytes, 1, rows)?;
    match runs.same() {
        Some(0) => return Ok(0),
        Some(1) => return Ok(rows),
        _ => {}
    }
    present.reserve(rows);
    let mut found = 0;
    runs.each(|level| {
        present.push(level == 1);
        found += usize::from(level == 1);
    })?;
    if found == rows || found == 0 {
        present.clear();
    }
    Ok(found)
}

/// Gives each present row its value.
fn spread<T: Copy>(present: &[bool], values: &[T], null: T, out: &mut Vec<T>) {
    out.clear();
    out.reserve(present.len());
    let mut values = values.iter();
    out.extend(present.iter().map(|is_present| match is_present {
        true => values.next().copied().unwrap_or(null),
        false => null,
    }));
}

/// Writes U+001A in texts as files since version 3 have it.
fn escape(text: &mut String, spans: &mut [Span]) {
    let mut escaped = String::new();
    if memchr::memchr(MARK, text.as_bytes()).is_none() {
        return;
    }
    for span in spans {
        let value = text.get(span.start as usize..span.end as usize).unwrap_or_default();
        let start = escaped.len() as u32;
        escaped.push_str(&escape_line(value));
        *span = Span { start, end: escaped.len() as u32 };
    }
    *text = escaped;
}

fn no_utf8<E>(_: E) -> Damage {
    Damage::new("a text is not UTF-8")
}

/// Length and text, one after the other.
fn plain_texts(
    bytes: &mut &[u8],
    count: usize,
    text: &mut String,
    spans: &mut Vec<Span>,
) -> Result<(), Damage> {
    spans.clear();
    text.clear();
    for _ in 0..count {
        let value = take_measured(bytes)?;
        let start = text.len() as u32;
        text.push_str(std::str::from_utf8(value).map_err(no_utf8)?);
        spans.push(Span { start, end: text.len() as u32 });
    }
    Ok(())
}

/// Texts of these lengths, one after the other.
fn lengths(lengths: &[i64], bytes: &[u8], text: &mut String, spans: &mut Vec<Span>) -> Result<(), Damage> {
    spans.clear();
    spans.reserve(lengths.len());
    text.push_str(std::str::from_utf8(bytes).map_err(no_utf8)?);
    let mut start = 0_usize;
    for length in lengths {
        let end = usize::try_from(*length).ok().and_then(|length| start.checked_add(length));
        let end = end
            .filter(|end| text.is_char_boundary(*end))
            .ok_or(Damage::new("a text reaches beyond its page, or is not UTF-8"))?;
        spans.push(Span { start: start as u32, end: end as u32 });
        start = end;
    }
    // What follows the last value is none.
    text.truncate(start);
    Ok(())
}

/// Texts of which each begins as the one before.
fn rising(
    prefixes: &[i64],
    suffixes: &[i64],
    mut bytes: &[u8],
    text: &mut String,
    spans: &mut Vec<Span>,
) -> Result<(), Damage> {
    spans.clear();
    spans.reserve(prefixes.len());
    let mut joined = std::mem::take(text).into_bytes();
    let mut before = 0..0;
    for (prefix, suffix) in prefixes.iter().zip(suffixes) {
        let beyond = || Damage::new("a text begins with more of the one before than that has");
        let prefix = usize::try_from(*prefix).map_err(|_| beyond())?;
        let shared = before.start..before.start + prefix;
        if prefix > before.len() {
            return Err(beyond());
        }
        let suffix = take(&mut bytes, usize::try_from(*suffix).unwrap_or(usize::MAX))?;
        let start = joined.len();
        if start + prefix + suffix.len() > super::page::MAX_PAGE_BYTES {
            return Err(Damage::new("the texts of a page are larger than any of ours"));
        }
        joined.extend_from_within(shared);
        joined.extend_from_slice(suffix);
        before = start..joined.len();
        spans.push(Span { start: start as u32, end: before.end as u32 });
    }
    *text = String::from_utf8(joined).map_err(no_utf8)?;
    match spans.iter().all(|span| text.is_char_boundary(span.end as usize)) {
        true => Ok(()),
        false => Err(no_utf8(())),
    }
}

fn plain_numbers(
    bytes: &mut &[u8],
    count: usize,
    physical: Physical,
    out: &mut Vec<i64>,
) -> Result<(), Damage> {
    out.clear();
    match physical {
        Physical::Int32 => {
            let (values, _) = take(bytes, count.saturating_mul(4))?.as_chunks::<4>();
            out.extend(values.iter().map(|value| i64::from(i32::from_le_bytes(*value))));
        }
        _ => {
            let (values, _) = take(bytes, count.saturating_mul(8))?.as_chunks::<8>();
            out.extend(values.iter().map(|value| i64::from_le_bytes(*value)));
        }
    }
    Ok(())
}
