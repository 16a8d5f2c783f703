//! Event ids as numbers, and which of them were seen.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasherDefault, Hash, Hasher};

use sha2::{Digest, Sha256};

use super::rows::Identity;

/// Digits of the ids that CloudWatch gives.
const ID_DIGITS: usize = 56;

/// Bits of an id below its milliseconds.
const LOW_BITS: u32 = 144;

/// Bits that count the events of a batch.
const INDEX_MASK: u64 = 0xffff;

/// Above these bits of the first word nothing is set in a number, and something in a text.
const TEXT_SHIFT: u32 = 60;

/// The largest id that is kept letter by letter.
const SHORT_BYTES: usize = 22;

/// An event id of 24 bytes, in the order of the ids: CloudWatch's as numbers,
/// the same whether they are stored whole or in parts, then all others. Of long
/// ones that are none of CloudWatch's it is a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct EventId([u64; 3]);

impl EventId {
    /// Of a row that has none.
    pub const NONE: Self = Self([u64::MAX; 3]);

    pub fn of_text(text: &str) -> Self {
        number(text).filter(|_| text.len() == ID_DIGITS).unwrap_or_else(|| {
            let mut bytes = [0; 24];
            let (head, rest) = bytes.split_at_mut(1);
            match rest.split_at_mut_checked(text.len()) {
                Some((place, _)) if text.len() <= SHORT_BYTES => {
                    head.fill(0x80);
                    place.copy_from_slice(text.as_bytes());
                    // "a" and "a\0" differ.
                    if let Some(length) = rest.last_mut() {
                        *length = text.len() as u8;
                    }
                }
                _ => {
                    head.fill(0xc0);
                    rest.iter_mut().zip(Sha256::digest(text)).for_each(|(place, byte)| *place = byte);
                }
            }
            let (words, _) = bytes.as_chunks::<8>();
            let mut id = [0; 3];
            id.iter_mut().zip(words).for_each(|(place, word)| *place = u64::from_be_bytes(*word));
            Self(id)
        })
    }

    /// The id of an event at `millis` from what ids of its batch share and its place there.
    pub fn of_parts(millis: i64, batch: Self, index: i32) -> Self {
        let [high, middle, low] = batch.0;
        let (millis, index) = (millis as u64, u64::from(index as u32));
        // 144 bits below the milliseconds are two words and 16 bits.
        let below = LOW_BITS - 128;
        Self([high | millis << below, middle, low | index])
    }

    /// The milliseconds that an id of CloudWatch's begins with.
    pub fn millis(self) -> i64 {
        (self.0[0] >> (LOW_BITS - 128)) as i64
    }

    /// An event that was stitched to one with this id; `+n` is this id plus n.
    pub fn of_more(self, text: &str) -> Self {
        let [high, middle, low] = self.0;
        match text.strip_prefix('+').map(str::parse::<u64>) {
            Some(Ok(more)) => Self([high, middle, low.wrapping_add(more)]),
            _ => Self::of_text(text),
        }
    }

    /// Of an id of CloudWatch's, what the events of its batch share, its place there, and its milliseconds.
    fn parts(self) -> Option<(Self, usize, i64)> {
        let [high, middle, low] = self.0;
        let batch = Self([high & INDEX_MASK, middle, low & !INDEX_MASK]);
        (high >> TEXT_SHIFT == 0).then_some((batch, (low & INDEX_MASK) as usize, self.millis()))
    }

    /// What a text of at most 56 digits says, as a number.
    pub fn of_digits(digits: &str) -> Option<Self> {
        number(digits).filter(|_| !digits.is_empty())
    }

    /// The id of a row's first event.
    pub fn of_row(row: &Identity<'_>) -> Self {
        Batches::default().id_of(row)
    }
}

/// Batches that rows were of lately: rows of a merged file share them, to the
/// place in memory.
#[derive(Debug, Default)]
pub(super) struct Batches<'a> {
    known: Vec<(&'a str, EventId)>,
    next: usize,
}

impl<'a> Batches<'a> {
    /// As many log streams may write at a time before batches are read anew.
    const MOST: usize = 16;

    /// The id of a row's first event.
    pub fn id_of(&mut self, row: &Identity<'a>) -> EventId {
        let mut parts = || {
            let batch = self.number_of(row.event_batch?)?;
            Some(EventId::of_parts(row.observed_millis?, batch, row.event_index?))
        };
        row.event_id.map(EventId::of_text).or_else(&mut parts).unwrap_or(EventId::NONE)
    }

    fn number_of(&mut self, digits: &'a str) -> Option<EventId> {
        if let Some((_, number)) = self.known.iter().find(|(known, _)| std::ptr::eq(*known, digits)) {
            return Some(*number);
        }
        let number = EventId::of_digits(digits)?;
        match self.known.get_mut(self.next % Self::MOST) {
            Some(place) => *place = (digits, number),
            None => self.known.push((digits, number)),
        }
        self.next += 1;
        Some(number)
    }
}

/// At most 56 digits as a number; `None` for other texts.
fn number(digits: &str) -> Option<EventId> {
    let bytes = digits.as_bytes();
    if bytes.len() > ID_DIGITS {
        return None;
    }
    let mut words = [0_u64; 3];
    for chunk in bytes.chunks(18) {
        let mut value = 0;
        let mut scale = 1_u64;
        for byte in chunk {
            let digit = byte.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            value = value * 10 + u64::from(digit);
            scale *= 10;
        }
        // words = words * scale + value, from the lowest word up.
        let mut carry = u128::from(value);
        for word in words.iter_mut().rev() {
            carry += u128::from(*word) * u128::from(scale);
            *word = carry as u64;
            carry >>= 64;
        }
    }
    Some(EventId(words))
}

/// No attacker chooses ids, CloudWatch does.
impl Hash for EventId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let fold = |word: u64| {
            let product = u128::from(word ^ 0x243f_6a88_85a3_08d3) * 0x9e37_79b9_7f4a_7c15;
            (product as u64) ^ (product >> 64) as u64
        };
        let [high, middle, low] = self.0;
        state.write_u64(fold(fold(fold(high) ^ middle) ^ low));
    }
}

/// Passes on what [`EventId`] made.
#[derive(Default)]
struct AsIs(u64);

impl Hasher for AsIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(self.0.rotate_left(8) ^ u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = word;
    }
}

/// Places of a batch that may lie between two of its events that are seen one after the other.
const MAX_GAP: usize = 64;

/// Places before the first event that is seen of a batch: times in lines are not always in order.
const BEFORE_FIRST: usize = 8;

/// No event was seen at a place.
const FREE: i64 = i64::MIN;

/// Ids that were seen. Those of a batch stand side by side, 8 bytes each, and are
/// asked for one after the other; others are kept whole.
#[derive(Debug, Default)]
struct Generation {
    /// Events there is room for.
    count: usize,
    batches: HashMap<EventId, Batch, BuildHasherDefault<AsIs>>,
    others: HashSet<EventId, BuildHasherDefault<AsIs>>,
}

/// Events of a batch: milliseconds of those from the place `first` on.
#[derive(Debug)]
struct Batch {
    first: usize,
    millis: Vec<i64>,
    /// Whether events of it are kept whole, among the others.
    has_others: bool,
}

impl Generation {
    fn clear(&mut self) {
        self.count = 0;
        self.batches.clear();
        self.others.clear();
    }

    fn has(&self, id: EventId) -> bool {
        let Some((batch, index, millis)) = id.parts() else { return self.others.contains(&id) };
        let Some(batch) = self.batches.get(&batch) else { return false };
        let seen = index.checked_sub(batch.first).and_then(|place| batch.millis.get(place));
        seen == Some(&millis) || batch.has_others && self.others.contains(&id)
    }

    /// Whether it is new here.
    fn insert(&mut self, id: EventId) -> bool {
        if let Some((batch, index, millis)) = id.parts() {
            let first = index.saturating_sub(BEFORE_FIRST);
            let new = Batch { first, millis: Vec::new(), has_others: false };
            let batch = self.batches.entry(batch).or_insert(new);
            if batch.has_others && self.others.contains(&id) {
                return false;
            }
            // What comes far behind or before the others is one of them no more.
            let place = index.checked_sub(batch.first).filter(|place| *place < batch.millis.len() + MAX_GAP);
            if let Some(place) = place {
                if batch.millis.len() <= place {
                    // Places that stay free take memory too.
                    self.count += place + 1 - batch.millis.len();
                    batch.millis.resize(place + 1, FREE);
                }
                match batch.millis.get_mut(place) {
                    Some(seen) if *seen == FREE => {
                        *seen = millis;
                        return true;
                    }
                    Some(seen) if *seen == millis => return false,
                    _ => {}
                }
            }
            batch.has_others = true;
        }
        let is_new = self.others.insert(id);
        self.count += usize::from(is_new);
        is_new
    }
}

/// Which ids were seen: of the last while, and no more than a number of them.
///
/// Two generations: the older one is forgotten when the younger one has half of
/// the number, or spans the whole while.
#[derive(Debug)]
pub(super) struct Seen {
    most: usize,
    window_millis: i64,
    since_millis: i64,
    younger: Generation,
    older: Generation,
}

impl Seen {
    pub fn new(most: usize, window_millis: i64) -> Self {
        let (younger, older) = Default::default();
        Self { most, window_millis, since_millis: 0, younger, older }
    }

    /// Remembers an id that is seen in a row of `millis`; whether it is new.
    pub fn add(&mut self, id: EventId, millis: i64) -> bool {
        if self.younger.count == 0 {
            self.since_millis = millis;
        } else if millis.abs_diff(self.since_millis) > self.window_millis.unsigned_abs()
            || self.younger.count >= (self.most / 2).max(1)
        {
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.clear();
            self.since_millis = millis;
        }
        self.younger.insert(id) && (self.older.count == 0 || !self.older.has(id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AWS's own example: 1432826855000 ms, and its place.
    const EXAMPLE: &str = "31953106606966983378809025079804211143289615424298221568";

    #[test]
    fn an_id_in_parts_is_the_id_as_a_whole() {
        let whole = EventId::of_text(EXAMPLE);
        assert_eq!(whole.0[0] >> 16, 1_432_826_855_000);
        let next = EventId::of_text("31953106606966983378809025079804211143289615424298221570");
        let [high, middle, low] = whole.0;
        let batch = EventId([high & 0xffff, middle, low & !0xffff]);
        let index = (low & 0xffff) as i32;
        assert_eq!(EventId::of_parts(1_432_826_855_000, batch, index), whole);
        assert_eq!(EventId::of_parts(1_432_826_855_000, batch, index + 2), next);
        assert!(whole < next);
        assert_eq!(whole.of_more("+2"), next);
        assert_eq!(next.of_more(EXAMPLE), whole);
        assert_eq!(whole.millis(), 1_432_826_855_000);
    }

    #[test]
    fn other_ids_keep_their_order_and_their_difference() {
        let short = ["", "0", "1", "10", "a", "a\0", "b", "zzzzzzzzzzzzzzzzzzzzzz"];
        let ids = short.map(EventId::of_text);
        assert!(ids.is_sorted() && ids.windows(2).all(|two| two[0] != two[1]), "{ids:x?}");
        let long = ["x".repeat(23), "x".repeat(24), "9".repeat(57)].map(|text| EventId::of_text(&text));
        assert!(long[0] != long[1] && long.iter().all(|id| *id > ids[7] && *id < EventId::NONE));
        assert!(EventId::of_text(EXAMPLE) < ids[0]);
    }

    #[test]
    fn ids_are_forgotten_by_time_and_by_number() {
        let id = |number: u64| EventId::of_text(&format!("e{number}"));
        let seen = |adds: &[(u64, i64)], asked: u64| {
            let mut seen = Seen::new(10, 100);
            for (number, millis) in adds {
                seen.add(id(*number), *millis);
            }
            !seen.add(id(asked), adds.last().unwrap().1)
        };
        let apart = [(1, 0), (2, 100), (3, 101), (4, 202)];
        assert!(seen(&apart[..3], 1) && seen(&apart[..3], 2) && seen(&apart[..3], 3));
        assert!(!seen(&apart, 1) && !seen(&apart, 2) && seen(&apart, 3));

        let many: Vec<_> = (0..11).map(|number| (number, 0)).collect();
        assert!((0..6).all(|number| seen(&many[..6], number)));
        assert!(!seen(&many, 4) && seen(&many, 5) && seen(&many, 10));
    }

    #[test]
    fn what_is_seen_of_a_batch_is_known_wherever_it_stands() {
        let id = |millis: i64, index: i32| EventId::of_parts(millis, EventId([7, 8, 9 << 16]), index);
        let gap = MAX_GAP as i32;
        // In the batch's order, far ahead, behind the first, and once at the same place at another time.
        let all =
            [(5, 100), (5, 101), (6, 101 + gap), (7, 103 + 2 * gap), (3, 99), (4, 90), (8, 101), (9, 0xffff)];
        let mut seen = Seen::new(1000, 100);
        for (millis, index) in all {
            assert!(seen.add(id(millis, index), 0), "{millis} {index}");
        }
        // What was far ahead is near once those before it are there.
        assert!(seen.add(id(6, 102 + gap), 0));
        assert!(seen.add(id(7, 102 + 2 * gap), 0));
        for (millis, index) in all {
            assert!(!seen.add(id(millis, index), 0), "{millis} {index}");
        }
        // All the same when it has become the older generation.
        assert!(seen.add(id(1, 1), 200));
        for (millis, index) in all {
            assert!(!seen.add(id(millis, index), 200), "{millis} {index}");
        }
    }

    #[test]
    fn neighbours_have_hashes_of_their_own() {
        let hash = |id: EventId| {
            let mut hasher = AsIs::default();
            id.hash(&mut hasher);
            hasher.finish()
        };
        let texts = (0..1000).map(|i| EventId::of_text(&format!("e{i}")));
        let numbers = (0..1000).map(|i| EventId::of_text(&format!("{i:056}")));
        let hashes: HashSet<_> = texts.chain(numbers).map(hash).collect();
        assert_eq!(hashes.len(), 2000);
    }
}
