//! What `| json` and `| logfmt` find in a line, read once for all pipelines
//! that ask.

use std::borrow::Cow;
use std::cell::OnceCell;
use std::ops::Range;

use super::labels::EXTRACTED_SUFFIX;
use crate::entry::Entry;

/// The most members of a line that are shared. A line of more is read by each
/// pipeline for itself, which keeps only what it needs.
const MAX_SHARED_FIELDS: usize = 1_000;
/// The most bytes of their names and of values that are not in the line as
/// they are: nested names repeat those around them.
const MAX_SHARED_BYTES: usize = 1024 * 1024;

/// What a line of a service has at most, as a rule, so that memory is asked for once.
const USUAL_FIELDS: usize = 32;
const USUAL_NAME_BYTES: usize = 512;

/// What parsers find in the line of one entry. Pipelines of the same entry may
/// share it (`PipelineContext::shared`); it fills as they ask.
#[derive(Debug, Default)]
pub struct SharedLine {
    json: OnceCell<Option<Fields>>,
    /// By whether faults end the line, and whether empty values are kept.
    logfmt: [OnceCell<Option<Fields>>; 4],
}

impl SharedLine {
    /// Forgets the entry, for the next one.
    pub fn clear(&mut self) {
        let cells = std::iter::once(&mut self.json).chain(&mut self.logfmt);
        cells.for_each(|cell| drop(cell.take()));
    }

    /// What `| json` finds, read with `read` when it was not yet.
    pub(super) fn json(&self, read: impl FnOnce() -> Option<Fields>) -> Option<&Fields> {
        self.json.get_or_init(read).as_ref()
    }

    /// What `| logfmt` finds.
    pub(super) fn logfmt(
        &self,
        strict: bool,
        keeps_empty: bool,
        read: impl FnOnce() -> Option<Fields>,
    ) -> Option<&Fields> {
        let cell = self.logfmt.get(usize::from(strict) * 2 + usize::from(keeps_empty))?;
        cell.get_or_init(read).as_ref()
    }
}

/// The members of a line in their order, as a parser gives them that is the
/// first to change the labels of the entry. Of several with one name the first
/// counts.
#[derive(Debug, Default)]
pub(super) struct Fields {
    /// One behind the other.
    names: String,
    /// Of each field's name.
    hashes: Vec<u32>,
    fields: Vec<Field>,
    /// Values that are not in the line as they are.
    values: String,
    /// The error that ended the line.
    pub(super) error: Option<(&'static str, String)>,
}

#[derive(Debug)]
struct Field {
    name: Range<usize>,
    value: Value,
    /// The entry has a label of its name.
    renamed: bool,
}

#[derive(Debug)]
enum Value {
    InLine(Range<usize>),
    Unescaped(Range<usize>),
}

impl Fields {
    /// The fields that `parse` gives to its argument, with the error it ends
    /// with; none when they are too many to be shared.
    pub(super) fn read(
        entry: &dyn Entry,
        parse: impl FnOnce(&mut dyn FnMut(&str, Cow<'_, str>) -> bool) -> Result<(), (&'static str, String)>,
    ) -> Option<Self> {
        let line = entry.line();
        let mut fields = Self {
            names: String::with_capacity(USUAL_NAME_BYTES),
            hashes: Vec::with_capacity(USUAL_FIELDS),
            fields: Vec::with_capacity(USUAL_FIELDS),
            ..Self::default()
        };
        let mut fits = true;
        let ended = parse(&mut |name, value| {
            fields.push(line, name, value, entry.has_label(name));
            fits = fields.fields.len() <= MAX_SHARED_FIELDS
                && fields.names.len() + fields.values.len() <= MAX_SHARED_BYTES;
            !fits
        });
        fields.error = ended.err();
        fits.then_some(fields)
    }

    fn push(&mut self, line: &str, name: &str, value: Cow<'_, str>, renamed: bool) {
        let start = self.names.len();
        self.names.push_str(name);
        if renamed {
            self.names.push_str(EXTRACTED_SUFFIX);
        }
        let name = start..self.names.len();
        let value = match value {
            Cow::Borrowed(text) => match place_in(line, text) {
                Some(place) => Value::InLine(place),
                None => self.keep(text),
            },
            Cow::Owned(text) => self.keep(&text),
        };
        self.hashes.push(hash(self.names.get(name.clone()).unwrap_or_default()));
        self.fields.push(Field { name, value, renamed });
    }

    fn keep(&mut self, text: &str) -> Value {
        let start = self.values.len();
        self.values.push_str(text);
        Value::Unescaped(start..self.values.len())
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The number of the first field of this name that becomes a label: when
    /// nobody asks for the name, that is only one which was given its suffix.
    pub(super) fn find(&self, name: &str, is_wanted: bool) -> Option<usize> {
        let wanted = hash(name);
        let alike =
            self.hashes.iter().zip(&self.fields).enumerate().filter(|(_, (hash, _))| **hash == wanted);
        let labels = alike.filter(|(_, (_, field))| is_wanted || field.renamed);
        labels.map(|(number, _)| number).find(|number| self.name(*number) == name)
    }

    pub(super) fn name(&self, number: usize) -> &str {
        let place = self.fields.get(number).map(|field| field.name.clone());
        place.and_then(|place| self.names.get(place)).unwrap_or_default()
    }

    /// The value, in the line that the fields are from.
    pub(super) fn value<'a>(&'a self, number: usize, line: &'a str) -> &'a str {
        let text = match self.fields.get(number).map(|field| &field.value) {
            Some(Value::InLine(place)) => line.get(place.clone()),
            Some(Value::Unescaped(place)) => self.values.get(place.clone()),
            None => None,
        };
        text.unwrap_or_default()
    }
}

/// Where the part stands in the text that it is a part of.
fn place_in(text: &str, part: &str) -> Option<Range<usize>> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    let end = start.checked_add(part.len())?;
    (end <= text.len()).then_some(start..end)
}

/// Of the length, the beginning and the end, which tell the names of a line apart.
fn hash(name: &str) -> u32 {
    let bytes = name.as_bytes();
    let (head, tail) = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(head), Some(tail)) => (u64::from_le_bytes(*head), u64::from_le_bytes(*tail)),
        _ => (0, bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte))),
    };
    let mixed = head.rotate_left(23) ^ tail ^ (bytes.len() as u64) << 56;
    (mixed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32
}
