//! Event ids as numbers, and which of them were seen.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use sha2::{Digest, Sha256};

use crate::row::StoredRow;

/// Digits of the ids that CloudWatch gives.
const ID_DIGITS: usize = 56;

/// Bits of an id below its milliseconds.
const LOW_BITS: u32 = 144;

/// The largest id that is kept letter by letter.
const SHORT_BYTES: usize = 22;

/// An event id of 24 bytes, in the order of the ids: CloudWatch's as numbers,
/// the same whether they are stored whole or in parts, then all others. Of long
/// ones that are none of CloudWatch's it is a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

    /// What a text of at most 56 digits says, as a number.
    pub fn of_digits(digits: &str) -> Option<Self> {
        number(digits).filter(|_| !digits.is_empty())
    }

    /// The id of a row's first event.
    pub fn of_row(row: &StoredRow<'_>) -> Self {
        let parts = || {
            let batch = Self::of_digits(row.event_batch?)?;
            Some(Self::of_parts(row.observed_millis()?, batch, row.event_index?))
        };
        row.event_id.map(Self::of_text).or_else(parts).unwrap_or(Self::NONE)
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

/// Ids differ in their low bits, most of all: no attacker chooses them, CloudWatch does.
#[derive(Default)]
struct Mix(u64);

impl Hasher for Mix {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u64(&mut self, word: u64) {
        let product = u128::from(self.0 ^ word) * 0x9e37_79b9_7f4a_7c15;
        self.0 = (product as u64) ^ (product >> 64) as u64;
    }
}

type Ids = HashSet<[u64; 3], BuildHasherDefault<Mix>>;

/// Which ids were seen: of the last while, and no more than a number of them.
///
/// Two generations: the older one is forgotten when the younger one has half of
/// the number, or spans the whole while.
#[derive(Debug)]
pub(super) struct Seen {
    most: usize,
    window_millis: i64,
    since_millis: i64,
    younger: Ids,
    older: Ids,
}

impl Seen {
    pub fn new(most: usize, window_millis: i64) -> Self {
        Self { most, window_millis, since_millis: 0, younger: Ids::default(), older: Ids::default() }
    }

    pub fn has(&self, id: EventId) -> bool {
        self.younger.contains(&id.0) || self.older.contains(&id.0)
    }

    /// Remembers an id that was seen in a row of `millis`.
    pub fn add(&mut self, id: EventId, millis: i64) {
        if self.younger.is_empty() {
            self.since_millis = millis;
        } else if millis.abs_diff(self.since_millis) > self.window_millis.unsigned_abs()
            || self.younger.len() >= (self.most / 2).max(1)
        {
            std::mem::swap(&mut self.older, &mut self.younger);
            self.younger.clear();
            self.since_millis = millis;
        }
        self.younger.insert(id.0);
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
        let id = |number: u64| EventId([0, 0, number]);
        let mut seen = Seen::new(10, 100);
        seen.add(id(1), 0);
        seen.add(id(2), 100);
        seen.add(id(3), 101);
        assert!(seen.has(id(1)) && seen.has(id(2)), "the window is not over for id 2");
        seen.add(id(4), 202);
        assert!(!seen.has(id(1)) && !seen.has(id(2)) && seen.has(id(3)));

        let mut seen = Seen::new(10, 100);
        (0..5).for_each(|number| seen.add(id(number), 0));
        seen.add(id(5), 0);
        assert!((0..6).all(|number| seen.has(id(number))));
        (6..11).for_each(|number| seen.add(id(number), 0));
        assert!(!seen.has(id(4)) && seen.has(id(5)));
    }
}
