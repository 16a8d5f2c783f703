//! The distinct values of a column, while they are few.

use std::ops::Range;

/// A dictionary with more entries than this saves little, and looking them up costs more.
pub(super) const MAX_ENTRIES: usize = 200;

/// Places of the hash table; a power of two, over twice [`MAX_ENTRIES`].
const PLACES: usize = 512;

/// A place of the hash table that nothing stands at.
const FREE: u16 = u16::MAX;

/// Up to this many entries it is too early to tell whether values repeat.
const TRIAL_ENTRIES: usize = 16;

/// Distinct texts in the order of their first appearance, with their index in
/// it. Looking up takes [`MAX_ENTRIES`] comparisons at worst, whatever the values.
#[derive(Debug)]
pub(super) struct Dictionary {
    /// The entries as a dictionary page has them: length, text.
    page: Vec<u8>,
    entries: Vec<Range<usize>>,
    places: [u16; PLACES],
}

impl Default for Dictionary {
    fn default() -> Self {
        Self { page: Vec::new(), entries: Vec::new(), places: [FREE; PLACES] }
    }
}

impl Dictionary {
    pub fn clear(&mut self) {
        self.page.clear();
        self.entries.clear();
        self.places.fill(FREE);
    }

    /// The index of the text, which is added when it is new; `None` when there
    /// are too many different ones.
    pub fn index_of(&mut self, text: &str) -> Option<u16> {
        let mut at = hash(text.as_bytes());
        loop {
            at %= PLACES;
            let place = self.places.get_mut(at)?;
            if *place == FREE {
                let index = self.entries.len();
                if index == MAX_ENTRIES {
                    return None;
                }
                *place = index as u16;
                self.page.extend_from_slice(&(text.len() as u32).to_le_bytes());
                let start = self.page.len();
                self.page.extend_from_slice(text.as_bytes());
                self.entries.push(start..self.page.len());
                return Some(index as u16);
            }
            let index = *place;
            let entry = self.entries.get(usize::from(index))?;
            if self.page.get(entry.clone())? == text.as_bytes() {
                return Some(index);
            }
            at += 1;
        }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are so few entries for so many values that it pays to have it.
    pub fn is_worth_it(&self, values: usize) -> bool {
        self.len() <= TRIAL_ENTRIES || self.len() * 2 <= values
    }

    /// The body of the dictionary page.
    pub fn page(&self) -> &[u8] {
        &self.page
    }

    pub fn entries(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.entries.iter().filter_map(|entry| self.page.get(entry.clone()))
    }
}

/// Of the length and the first and last bytes: enough to tell apart a few names.
fn hash(bytes: &[u8]) -> usize {
    let word = |chunk: Option<&[u8; 8]>| chunk.map(|chunk| u64::from_le_bytes(*chunk));
    let (first, last) = match (word(bytes.first_chunk()), word(bytes.last_chunk())) {
        (Some(first), Some(last)) => (first, last),
        _ => (bytes.iter().fold(0, |all, byte| all << 8 | u64::from(*byte)), 0),
    };
    let mixed = (first ^ last.rotate_left(29) ^ bytes.len() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    (mixed >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_share_an_index() {
        let mut dictionary = Dictionary::default();
        let indices: Vec<_> = ["b", "", "a", "b", "a-long-name-1", "a-long-name-2", "", "a-long-name-1"]
            .map(|t| dictionary.index_of(t))
            .into();
        assert_eq!(indices, [0, 1, 2, 0, 3, 4, 1, 3].map(Some));
        assert_eq!(dictionary.len(), 5);
        assert_eq!(&dictionary.page()[..9], [1, 0, 0, 0, b'b', 0, 0, 0, 0]);
        dictionary.clear();
        assert_eq!(dictionary.index_of("a"), Some(0));
    }

    #[test]
    fn the_limits_hold_at_their_edges() {
        let mut dictionary = Dictionary::default();
        for i in 0..MAX_ENTRIES {
            assert_eq!(dictionary.is_worth_it(i), i <= TRIAL_ENTRIES, "{i}");
            assert_eq!(dictionary.index_of(&i.to_string()), Some(i as u16));
        }
        assert_eq!(dictionary.index_of("one too many"), None);
        assert_eq!(dictionary.index_of("0"), Some(0));
        assert!(dictionary.is_worth_it(2 * MAX_ENTRIES) && !dictionary.is_worth_it(2 * MAX_ENTRIES - 1));
    }
}
