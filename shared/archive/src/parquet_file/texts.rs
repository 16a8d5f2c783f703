//! The texts of a column while its row group fills.

/// Stands for a text that is not there.
pub(super) const NO_TEXT: u32 = u32::MAX;

/// A dictionary has at most this many entries.
const MAX_ENTRIES: usize = 1 << 15;

/// Up to this many entries it is too early to tell whether values repeat.
const TRIAL_ENTRIES: usize = 256;

/// A dictionary pays when each of its entries stands for so many values.
const VALUES_AN_ENTRY: usize = 3;

/// Places of the hash table that are looked at for one text.
const MAX_PROBES: usize = 32;

/// Places of the first hash table.
const FIRST_PLACES: usize = 256;

/// A place of the hash table that has no entry.
const FREE: (u32, u32) = (NO_TEXT, 0);

/// The texts of a column: distinct ones, and which each row has, while they
/// repeat; else one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    bytes: String,
    /// Where each entry, or each row's text, begins, and how long it is.
    places: Vec<(u32, u32)>,
    /// Each row's entry, while there is a dictionary.
    indices: Vec<u32>,
    /// Entries by their hash, with the hash.
    table: Vec<(u32, u32)>,
    is_plain: bool,
}

impl Texts {
    /// Adds a row's text; how many bytes it takes.
    pub fn push(&mut self, text: Option<&str>) -> usize {
        let Some(text) = text else {
            if self.is_plain {
                self.places.push((0, NO_TEXT));
            } else {
                self.indices.push(NO_TEXT);
            }
            return 0;
        };
        if !self.is_plain {
            let (last, entries) = (self.last().unwrap_or(NO_TEXT), self.places.len());
            if let Some(index) = if self.is(last, text) { Some(last) } else { self.index_of(text) } {
                self.indices.push(index);
                return if self.places.len() > entries { text.len() } else { 0 };
            }
            self.make_plain();
        }
        self.add(text);
        text.len()
    }

    /// Adds rows without a text.
    pub fn push_nulls(&mut self, rows: usize) {
        if self.is_plain {
            self.places.extend(std::iter::repeat_n((0, NO_TEXT), rows));
        } else {
            self.indices.extend(std::iter::repeat_n(NO_TEXT, rows));
        }
    }

    /// The entry of the last row's text, while there is a dictionary.
    pub fn last(&self) -> Option<u32> {
        self.indices.last().copied()
    }

    /// Adds a row that has the text of this entry; `false` where there is no dictionary any more.
    pub fn push_again(&mut self, entry: u32) -> bool {
        if !self.is_plain {
            self.indices.push(entry);
        }
        !self.is_plain
    }

    fn add(&mut self, text: &str) {
        self.places.push((self.bytes.len() as u32, text.len() as u32));
        self.bytes.push_str(text);
    }

    /// Whether the entry is this text: its bytes are looked at where it is as long.
    fn is(&self, index: u32, text: &str) -> bool {
        let Some(&(at, length)) = self.places.get(index as usize) else { return false };
        let (at, length) = (at as usize, length as usize);
        length == text.len() && self.bytes.as_bytes().get(at..at + length) == Some(text.as_bytes())
    }

    fn at(&self, place: &(u32, u32)) -> Option<&str> {
        let (at, length) = (place.0 as usize, place.1);
        if length == NO_TEXT {
            return None;
        }
        self.bytes.get(at..at + length as usize)
    }

    /// The entry of a text, made if it is new; `None` where a dictionary does not pay.
    fn index_of(&mut self, text: &str) -> Option<u32> {
        if self.places.len() * 2 >= self.table.len() {
            self.grow();
        }
        let mask = self.table.len() - 1;
        let hash = hash(text.as_bytes());
        let mut at = hash as usize;
        for _ in 0..MAX_PROBES {
            at &= mask;
            let (index, hashed) = *self.table.get(at)?;
            if index == NO_TEXT {
                let entries = self.places.len();
                let is_worth_it = entries < TRIAL_ENTRIES || entries * VALUES_AN_ENTRY <= self.indices.len();
                if entries == MAX_ENTRIES || !is_worth_it {
                    return None;
                }
                *self.table.get_mut(at)? = (entries as u32, hash);
                self.add(text);
                return Some(entries as u32);
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

    fn make_plain(&mut self) {
        self.is_plain = true;
        let none = (0, NO_TEXT);
        let places = self
            .indices
            .iter()
            .map(|index| self.places.get(*index as usize).copied().unwrap_or(none))
            .collect();
        self.places = places;
        self.indices.clear();
    }

    /// Empties it for the next row group.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.places.clear();
        self.indices.clear();
        self.table.fill(FREE);
        self.is_plain = false;
    }

    /// The dictionary, and each row's entry in it; `None` where there is none.
    pub fn dictionary(&self) -> Option<(impl ExactSizeIterator<Item = &[u8]> + Clone, &[u32])> {
        let entries = self.places.iter().map(|place| self.at(place).unwrap_or_default().as_bytes());
        (!self.is_plain).then_some((entries, self.indices.as_slice()))
    }

    /// Each row's text, where there is no dictionary.
    pub fn plain(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = Option<&str>> + Clone {
        self.places.get(rows).unwrap_or_default().iter().map(|place| self.at(place))
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

    fn rows(texts: &Texts) -> Vec<Option<String>> {
        match texts.dictionary() {
            Some((entries, indices)) => {
                let entries: Vec<_> = entries.map(|text| String::from_utf8(text.to_vec()).unwrap()).collect();
                indices.iter().map(|index| entries.get(*index as usize).cloned()).collect()
            }
            None => texts.plain(0..texts.places.len()).map(|text| text.map(str::to_owned)).collect(),
        }
    }

    #[test]
    fn texts_come_back_with_a_dictionary_and_without() {
        let mut texts = Texts::default();
        for distinct in [1, 2, 100, 1000, 10_000] {
            let all: Vec<_> =
                (0..10_000).map(|i| (i % 7 > 0).then(|| format!("text {}", i % distinct))).collect();
            all.iter().for_each(|text| _ = texts.push(text.as_deref()));
            assert_eq!(rows(&texts), all);
            assert_eq!(texts.dictionary().is_some(), distinct <= 100, "{distinct}");
            texts.clear();
        }
    }

    #[test]
    fn a_text_takes_room_when_it_is_new() {
        let mut texts = Texts::default();
        let taken: Vec<_> =
            ["line 1", "line 22", "line 22", "line 1"].map(|text| texts.push(Some(text))).into();
        assert_eq!(taken, [6, 7, 0, 0]);
    }

    #[test]
    fn a_dictionary_ends_where_it_no_longer_pays() {
        let mut texts = Texts::default();
        for i in 0..TRIAL_ENTRIES {
            texts.push(Some(&i.to_string()));
        }
        assert!(texts.dictionary().is_some());
        texts.push(Some("one too many"));
        assert!(texts.dictionary().is_none());
        texts.clear();
        for i in 0..=MAX_ENTRIES {
            assert!(texts.dictionary().is_some(), "{i}");
            (0..VALUES_AN_ENTRY).for_each(|_| _ = texts.push(Some(&i.to_string())));
        }
        assert!(texts.dictionary().is_none());
    }
}
