//! Distinct texts of a column, and what number each has.

/// Stands for a text that is not there.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// A dictionary has at most this many entries.
pub(super) const MAX_ENTRIES: usize = 1 << 15;

/// Places of the hash table that are looked at for one text.
const MAX_PROBES: usize = 32;

/// Places of the first hash table; a power of two.
const FIRST_PLACES: usize = 256;

/// A place of the hash table that has no entry.
const FREE: (u32, u32) = (NO_TEXT, 0);

/// Where a text begins among the bytes, and how long it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stored {
    at: u32,
    length: u32,
}

impl Stored {
    /// Of a row that has no text.
    pub const NONE: Self = Self { at: 0, length: NO_TEXT };

    /// Bytes of the text.
    pub fn length(&self) -> usize {
        if *self == Self::NONE { 0 } else { self.length as usize }
    }
}

/// Distinct texts in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Dictionary {
    bytes: String,
    entries: Vec<Stored>,
    /// Entries by their hash, with the hash.
    table: Vec<(u32, u32)>,
}

impl Dictionary {
    /// The entry of a text, which is made where `takes` says so, told how many
    /// there are; `None` where it is not, or where there is no room.
    pub fn index_of(&mut self, text: &str, takes: impl FnOnce(usize) -> bool) -> Option<u32> {
        if self.entries.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let hash = hash(text.as_bytes());
        let mut at = hash as usize;
        for _ in 0..MAX_PROBES {
            at &= mask;
            let (index, hashed) = *self.table.get(at)?;
            if index == NO_TEXT {
                let count = self.entries.len();
                if count == MAX_ENTRIES || !takes(count) {
                    return None;
                }
                *self.table.get_mut(at)? = (count as u32, hash);
                let stored = self.store(text);
                self.entries.push(stored);
                return Some(count as u32);
            }
            if hashed == hash && self.is(index, text) {
                return Some(index);
            }
            at += 1;
        }
        None
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(FIRST_PLACES);
        let entries = std::mem::replace(&mut self.table, vec![FREE; size]);
        for entry in entries.into_iter().filter(|entry| *entry != FREE) {
            let mut at = entry.1 as usize;
            // Half of the places are free at least.
            while let Some(place) = self.table.get_mut(at & (size - 1)) {
                if *place == FREE {
                    *place = entry;
                    break;
                }
                at += 1;
            }
        }
    }

    /// Keeps a text that is no entry.
    pub fn store(&mut self, text: &str) -> Stored {
        let stored = Stored { at: self.bytes.len() as u32, length: text.len() as u32 };
        self.bytes.push_str(text);
        stored
    }

    /// Whether the entry is this text: its bytes are looked at where it is as long.
    pub fn is(&self, index: u32, text: &str) -> bool {
        let Some(&Stored { at, length }) = self.entries.get(index as usize) else { return false };
        let (at, length) = (at as usize, length as usize);
        length == text.len() && self.bytes.as_bytes().get(at..at + length) == Some(text.as_bytes())
    }

    /// The text that is stored there: not as a `str`, for which its ends would be looked at.
    pub fn at(&self, stored: Stored) -> Option<&[u8]> {
        let at = stored.at as usize;
        self.bytes.as_bytes().get(at..at + stored.length as usize).filter(|_| stored != Stored::NONE)
    }

    /// Where an entry is stored.
    pub fn stored(&self, index: u32) -> Stored {
        self.entries.get(index as usize).copied().unwrap_or(Stored::NONE)
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Their bytes.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &[u8]> + Clone {
        self.entries.iter().map(|stored| self.at(*stored).unwrap_or_default())
    }

    /// Empties it; what is allocated stays so.
    pub fn clear(&mut self) {
        if !self.entries.is_empty() {
            self.table.fill(FREE);
        }
        self.bytes.clear();
        self.entries.clear();
    }

    /// Frees what a large one took, emptied.
    pub fn shrink(&mut self, most_bytes: usize) {
        self.clear();
        if self.bytes.capacity() + size_of_val(self.table.as_slice()) > most_bytes {
            *self = Self::default();
        }
    }
}

/// Of all bytes, eight at a time.
fn hash(bytes: &[u8]) -> u32 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |all: u64, word: u64| (all.rotate_left(23) ^ word).wrapping_mul(FACTOR);
    let (words, rest) = bytes.as_chunks::<8>();
    let all = words.iter().fold(bytes.len() as u64, |all, word| mix(all, u64::from_le_bytes(*word)));
    let tail = rest.iter().fold(0, |tail, byte| tail << 8 | u64::from(*byte));
    let all = mix(all, tail);
    (all ^ (all >> 32)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_an_index() {
        let mut dictionary = Dictionary::default();
        let texts = ["b", "", "a", "b", "a-long-name-1", "a-long-name-2", "", "a-long-name-1"];
        let indices: Vec<_> = texts.map(|text| dictionary.index_of(text, |_| true)).into();
        assert_eq!(indices, [0, 1, 2, 0, 3, 4, 1, 3].map(Some));
        let entries: Vec<_> = dictionary.entries().collect();
        assert_eq!(entries, ["b", "", "a", "a-long-name-1", "a-long-name-2"].map(str::as_bytes));
        dictionary.clear();
        assert_eq!((dictionary.len(), dictionary.index_of("a", |_| true)), (0, Some(0)));
    }

    #[test]
    fn there_is_an_end_to_it() {
        let mut dictionary = Dictionary::default();
        for i in 0..MAX_ENTRIES {
            assert_eq!(dictionary.index_of(&i.to_string(), |count| count == i), Some(i as u32));
        }
        assert_eq!(dictionary.index_of("one too many", |_| true), None);
        assert_eq!(dictionary.index_of("0", |_| false), Some(0));
        dictionary.shrink(usize::MAX);
        assert_eq!(dictionary.index_of("0", |_| false), None);
    }
}
