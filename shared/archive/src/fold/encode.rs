//! Folding: finding in lines and messages what other columns of the row hold.
//!
//! Lines of one shape hold the same columns at the same distance from each
//! other. Where each stood in the last line of a shape is looked at first; only
//! where it is not there is it searched for. What is found differs with what
//! came before, what comes out when it is put together again does not.

use memchr::memmem;
use memchr::{memchr, memchr_iter};
use wide::u8x16;

use super::{MARK, MESSAGE, PLAIN_YEARS, has_escapes, is_punctuation, put_json, put_number, put_time};
use crate::event_id::{EventIds, Parts};
use crate::row::StoredRow;

/// Texts that may stand in a line: columns, times, pieces of `attributes`.
const MAX_NEEDLES: usize = 28;

/// Shorter texts are folded only where they are expected.
const MIN_SEARCHED: usize = 3;

/// Texts from here on are searched for in every line: most would be stored twice.
const MIN_DISTINCTIVE: usize = 8;

/// So often a distinctive text is folded in one line.
const MAX_REPEATS: usize = 4;

/// Places of a text that are looked at for one where it stands by itself.
const MAX_TRIES: usize = 4;

/// In texts up to so many bytes a search would take longer to prepare than to make without.
pub(super) const MAX_SHORT: usize = 1024;

/// Shapes that are remembered; a power of two.
const SHAPES: usize = 1024;

/// After so many lines of a shape, short texts are searched for again.
const RELEARN_AFTER: u32 = 256;

/// What stands for the log stream where a line has no id of its own: never in the line.
const DERIVED: &str = "derived-";

/// A text that may stand in a line, and what it is replaced with.
#[derive(Debug, Clone, Copy, Default)]
struct Needle<'r> {
    letter: u8,
    text: &'r str,
}

impl Needle<'_> {
    /// The letter's place among the bits of a [`Needles::mask`].
    fn bit(&self) -> u64 {
        1 << (self.letter & 0x3f)
    }

    fn is_distinctive(&self) -> bool {
        self.text.len() >= MIN_DISTINCTIVE
    }

    /// Whether the text, where it is at `at`, lies over the message's placeholder.
    fn is_over(&self, message: Option<usize>, at: usize) -> bool {
        let meets = |message| at < message + MESSAGE.len() && message < at + self.text.len();
        message.is_some_and(meets) && self.text != MESSAGE
    }

    fn is_searched(&self) -> bool {
        self.text.len() >= MIN_SEARCHED || self.text == MESSAGE
    }

    /// Where the text stands by itself, from `from` on: `12` is not in `123`. Never
    /// over the message's placeholder, which is at `message`.
    fn find(&self, text: &str, from: usize, message: Option<usize>) -> Option<usize> {
        if self.text == MESSAGE {
            return message.filter(|at| *at >= from);
        }
        let (haystack, needle) = (text.as_bytes(), self.text.as_bytes());
        let is_part = |edge: Option<&u8>, beyond: Option<&u8>| {
            edge.is_some_and(u8::is_ascii_alphanumeric) && beyond.is_some_and(u8::is_ascii_alphanumeric)
        };
        let mut from = from;
        for _ in 0..MAX_TRIES {
            let at = from + place_of(needle, haystack.get(from..)?)?;
            let end = at + needle.len();
            let before = at.checked_sub(1).and_then(|at| haystack.get(at));
            // A time follows a `T`, and a message whatever it likes.
            let is_free = matches!(self.letter, b'i' | b'm' | b'j')
                || !is_part(needle.first(), before) && !is_part(needle.last(), haystack.get(end));
            if is_free && !self.is_over(message, at) {
                return Some(at);
            }
            from = at + 1;
        }
        None
    }
}

/// Where the needle is in the text.
fn place_of(needle: &[u8], text: &[u8]) -> Option<usize> {
    if text.len() > MAX_SHORT {
        return memmem::find(text, needle);
    }
    memchr_iter(*needle.first()?, text)
        .find(|at| text.get(*at..).is_some_and(|rest| rest.starts_with(needle)))
}

/// The needles of one row.
struct Needles<'r> {
    list: [Needle<'r>; MAX_NEEDLES],
    count: usize,
    mask: u64,
    /// Where the line has the placeholder of its message already.
    message: Option<usize>,
}

impl<'r> Needles<'r> {
    fn add(&mut self, letter: u8, text: Option<&'r str>) {
        let Some(text) = text.filter(|text| !text.is_empty()) else { return };
        if let Some(place) = self.list.get_mut(self.count) {
            *place = Needle { letter, text };
            self.mask |= place.bit();
            self.count += 1;
        }
    }

    /// Pieces of a JSON object that are values: texts, or numbers and the like.
    fn add_pieces(&mut self, attributes: &'r str) {
        let mut is_value = false;
        let quotes = quotes(attributes.as_bytes()).chain([attributes.len()]);
        let mut begin = 0;
        for (letter, quote) in (b'A'..=b'Z').zip(quotes) {
            let Some(piece) = attributes.get(begin..quote) else { return };
            begin = quote + 1;
            // Between texts there is a colon or a comma more often than not.
            if piece.len() == 1 && letter % 2 == 1 {
                is_value = piece == ":";
                continue;
            }
            // `B` is between quotes, as is every second after it.
            if letter % 2 == 0 {
                if is_value {
                    self.add(letter, Some(piece));
                }
            } else {
                let bare = piece.trim_matches(is_punctuation);
                is_value = piece.ends_with(':') && bare.is_empty();
                if !bare.contains(is_punctuation) {
                    self.add(letter, Some(bare));
                }
            }
        }
    }

    fn iter(&self) -> impl Iterator<Item = &Needle<'r>> {
        self.list.iter().take(self.count)
    }
}

/// Where the quotes of a text are, which has many: sixteen bytes are looked at together.
fn quotes(text: &[u8]) -> impl Iterator<Item = usize> {
    let (chunks, rest) = text.as_chunks::<16>();
    let mut last = [0; 16];
    last.iter_mut().zip(rest).for_each(|(place, byte)| *place = *byte);
    chunks.iter().copied().chain([last]).enumerate().flat_map(|(index, chunk)| {
        let mut hits = u8x16::new(chunk).simd_eq(u8x16::splat(b'"')).to_bitmask();
        std::iter::from_fn(move || {
            let hit = hits.trailing_zeros() as usize;
            (hits != 0).then(|| {
                hits &= hits - 1;
                index * 16 + hit
            })
        })
    })
}

/// One placeholder of a shape.
#[derive(Debug, Clone, Copy)]
struct Step {
    /// Index of the needle.
    needle: usize,
    /// Bytes between the end of the last placeholder's text and this one's.
    gap: usize,
}

/// Which needles stood where in the last text of a kind.
#[derive(Debug, Default, Clone)]
struct Shape {
    /// Of line or message, with which needles; 0 where nothing is known.
    key: u64,
    uses: u32,
    steps: Vec<Step>,
    /// The needles among the steps.
    placed: u64,
    /// Those that were searched for in vain: not again until it is learnt anew.
    absent: u64,
}

/// The shapes that are remembered, by their keys.
#[derive(Debug)]
struct Shapes {
    places: Vec<Shape>,
    /// Places that are taken.
    taken: Vec<usize>,
}

impl Shapes {
    /// The shape of this key, or another's, whose place it takes.
    fn of(&mut self, key: u64) -> Option<&mut Shape> {
        // The upper bits of the product are those that every bit of the key moves.
        let at = (key.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize % SHAPES;
        let shape = self.places.get_mut(at)?;
        if shape.key == 0 {
            self.taken.push(at);
        }
        Some(shape)
    }

    fn forget(&mut self) {
        for at in self.taken.drain(..) {
            if let Some(shape) = self.places.get_mut(at) {
                shape.key = 0;
            }
        }
    }
}

/// The columns that folding changes, of one row.
#[derive(Debug)]
pub(crate) struct Folded<'s> {
    pub time_unix_nano: Option<i64>,
    pub observed_timestamp: Option<i64>,
    pub event_id: Option<&'s str>,
    /// `None` where it stays as it is.
    pub message: Option<&'s str>,
    /// `None` where it stays as it is.
    pub line: Option<&'s str>,
    pub more_event_ids: Option<&'s str>,
    pub event_batch: Option<&'s str>,
    pub event_index: Option<i32>,
}

/// Folds rows, one after the other.
#[derive(Debug)]
pub(crate) struct Folder {
    ids: EventIds,
    shapes: Shapes,
    found: Vec<(usize, usize)>,
    line: String,
    message: String,
    json: String,
    clock: String,
    millis: String,
    status: String,
    /// What is in `clock`, in seconds since the epoch.
    clock_seconds: i64,
}

impl Folder {
    pub fn new() -> Self {
        Self {
            ids: EventIds::default(),
            shapes: Shapes { places: vec![Shape::default(); SHAPES], taken: Vec::new() },
            found: Vec::new(),
            line: String::new(),
            message: String::new(),
            json: String::new(),
            clock: String::new(),
            millis: String::new(),
            status: String::new(),
            clock_seconds: -1,
        }
    }

    /// Forgets where texts stood, so that what comes out does not depend on what came
    /// before; of each buffer, so many bytes stay allocated.
    pub fn forget(&mut self, most_bytes: usize) {
        self.shapes.forget();
        for buffer in [&mut self.line, &mut self.message, &mut self.json] {
            buffer.clear();
            buffer.shrink_to(most_bytes);
        }
    }

    /// The row with everything left out that its other columns say.
    pub fn fold_row<'s>(&'s mut self, row: &StoredRow<'s>) -> StoredRow<'s> {
        let folded = self.fold(row);
        StoredRow {
            time_unix_nano: folded.time_unix_nano,
            observed_timestamp: folded.observed_timestamp,
            event_id: folded.event_id,
            message: folded.message.or(row.message),
            line: folded.line.or(row.line),
            more_event_ids: folded.more_event_ids,
            event_batch: folded.event_batch,
            event_index: folded.event_index,
            ..row.clone()
        }
    }

    /// What is left of the columns of the row. What is folded already stays as it is.
    pub fn fold<'s>(&'s mut self, row: &StoredRow<'s>) -> Folded<'s> {
        let is_whole_millis =
            row.timestamp.and_then(|time| time.checked_mul(1_000_000)) == row.time_unix_nano;
        let mut folded = Folded {
            time_unix_nano: row.time_unix_nano.filter(|_| !is_whole_millis),
            observed_timestamp: row.observed_timestamp.filter(|observed| row.timestamp != Some(*observed)),
            event_id: row.event_id,
            message: None,
            line: None,
            more_event_ids: row.more_event_ids,
            event_batch: row.event_batch,
            event_index: row.event_index,
        };
        let Self { ids, shapes, found, line, message, json, clock, millis, status, clock_seconds } = self;
        if let (Some(id), None, Some(millis)) = (row.event_id, row.event_batch, row.observed_millis())
            && let Some(Parts { batch, index, more }) = ids.take_apart(id, row.more_event_ids, millis)
        {
            (folded.event_id, folded.more_event_ids) = (None, more);
            (folded.event_batch, folded.event_index) = (Some(batch), Some(index));
        }

        status.clear();
        row.status_code.into_iter().for_each(|code| put_number(code, status));
        let mut needles =
            Needles { list: [Needle::default(); MAX_NEEDLES], count: 0, mask: 0, message: None };
        needles.add(b'r', row.request_id.filter(|id| !id.starts_with(DERIVED)));
        needles.add(b't', row.trace_id);
        needles.add(b's', row.span_id);
        needles.add(b'u', row.user_id);
        needles.add(b'p', row.path);
        needles.add(b'h', row.http_method);
        needles.add(b'c', Some(status));
        let said = row.message.unwrap_or_default();
        if fold_text(said, false, &needles, shapes, found, message) {
            folded.message = Some(message);
        }

        let text = row.line.unwrap_or_default();
        needles.message = message_place(text);
        if needles.message.is_some() {
            needles.add(b'm', Some(MESSAGE));
        } else if text.starts_with('{') && has_escapes(said) {
            json.clear();
            put_json(said, json);
            needles.add(b'j', Some(json));
        } else {
            needles.add(b'm', Some(said));
        }
        needles.add(b'l', row.severity_text);
        needles.add(b'e', row.event_name);
        if let Some(time) = row.timestamp.filter(|time| PLAIN_YEARS.contains(time)) {
            if *clock_seconds != time / 1000 {
                *clock_seconds = time / 1000;
                clock.clear();
                put_time(b'i', time, clock);
            }
            millis.clear();
            put_time(b'f', time, millis);
            needles.add(b'i', Some(clock));
            needles.add(b'f', Some(millis));
        }
        needles.add_pieces(row.attributes.unwrap_or_default());
        if fold_text(text, true, &needles, shapes, found, line) {
            folded.line = Some(line);
        }
        folded
    }
}

/// Where the only placeholder of a line is, if that is its message's.
fn message_place(line: &str) -> Option<usize> {
    let at = memchr(MARK, line.as_bytes())?;
    let after = line.get(at..)?.strip_prefix(MESSAGE)?;
    memchr(MARK, after.as_bytes()).is_none().then_some(at)
}

/// Writes `text` with placeholders to `out`, where it holds any of the needles.
fn fold_text(
    text: &str,
    is_line: bool,
    needles: &Needles<'_>,
    shapes: &mut Shapes,
    found: &mut Vec<(usize, usize)>,
    out: &mut String,
) -> bool {
    if needles.mask == 0 || text.len() < MIN_SEARCHED || memchr(MARK, text.as_bytes()) != needles.message {
        return false;
    }
    let key = needles.mask << 1 | u64::from(is_line);
    let Some(shape) = shapes.of(key) else { return false };
    shape.uses += 1;
    let is_known = shape.key == key && shape.uses < RELEARN_AFTER;
    let mut missed = needles.mask;
    let mut is_folded = false;
    if is_known {
        let at_steps;
        (is_folded, at_steps) = replay(text, needles, shape, out);
        missed = !shape.placed | at_steps;
    }
    let must_learn = !is_known
        || needles.iter().any(|needle| {
            if missed & needle.bit() & !shape.absent == 0 || !needle.is_distinctive() {
                return false;
            }
            let is_there = needle.find(out, 0, None).is_some();
            shape.absent |= if is_there { 0 } else { needle.bit() };
            is_there
        });
    if must_learn {
        *shape = Shape { key, uses: 0, steps: std::mem::take(&mut shape.steps), placed: 0, absent: 0 };
        learn(text, needles, shape, found);
        (is_folded, _) = replay(text, needles, shape, out);
    }
    is_folded
}

/// Folds by the shape's steps: whether anything was, and which needles of theirs
/// were not where they were expected.
fn replay(text: &str, needles: &Needles<'_>, shape: &mut Shape, out: &mut String) -> (bool, u64) {
    out.clear();
    let mut is_folded = false;
    let (mut end, mut missed) = (0, 0);
    for step in &mut shape.steps {
        let Some(needle) = needles.list.get(step.needle) else { continue };
        let expected = end + step.gap;
        let is_there =
            text.as_bytes().get(expected..).is_some_and(|rest| rest.starts_with(needle.text.as_bytes()))
                && !needle.is_over(needles.message, expected);
        let at = if is_there {
            Some(expected)
        } else if !needle.is_searched() || needle.letter == b'f' {
            None
        } else {
            // It may stand there again.
            missed |= needle.bit();
            needle.find(text, end, needles.message)
        };
        let Some((at, before)) = at.and_then(|at| Some((at, text.get(end..at)?))) else {
            missed |= needle.bit();
            continue;
        };
        step.gap = at - end;
        out.push_str(before);
        out.push(char::from(MARK));
        out.push(char::from(needle.letter));
        end = at + needle.text.len();
        is_folded = true;
    }
    out.push_str(text.get(end..).unwrap_or_default());
    (is_folded, missed)
}

/// Finds every needle in the text, and makes steps of what does not overlap.
fn learn(text: &str, needles: &Needles<'_>, shape: &mut Shape, found: &mut Vec<(usize, usize)>) {
    found.clear();
    let mut clock_end = None;
    for (index, needle) in needles.iter().enumerate() {
        if needle.letter == b'f' {
            // Milliseconds are where they follow the seconds.
            let at = clock_end.map(|end: usize| end + 1).filter(|at| {
                text.as_bytes().get(*at..).is_some_and(|rest| rest.starts_with(needle.text.as_bytes()))
                    && !needle.is_over(needles.message, *at)
            });
            found.extend(at.map(|at| (at, index)));
            continue;
        }
        if !needle.is_searched() {
            continue;
        }
        let mut from = 0;
        for _ in 0..if needle.is_distinctive() { MAX_REPEATS } else { 1 } {
            let Some(at) = needle.find(text, from, needles.message) else { break };
            found.push((at, index));
            from = at + needle.text.len();
            if needle.letter == b'i' {
                clock_end = Some(from);
                break;
            }
        }
    }
    let length = |index: usize| needles.list.get(index).map_or(0, |needle| needle.text.len());
    found.sort_unstable_by_key(|(at, index)| (*at, usize::MAX - length(*index)));
    shape.steps.clear();
    let mut end = 0;
    for (at, index) in found.iter() {
        let Some(gap) = at.checked_sub(end) else { continue };
        shape.steps.push(Step { needle: *index, gap });
        shape.placed |= needles.list.get(*index).map_or(0, Needle::bit);
        end = at + length(*index);
    }
}
