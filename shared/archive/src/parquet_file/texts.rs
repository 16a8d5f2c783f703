//! The texts of a column while its row group fills.

use std::collections::HashMap;

use super::dictionary::{Dictionary, NO_TEXT, Stored};
use super::repeats::{Repeats, Rows};
use crate::read::PageTexts;

/// Up to this many entries it is too early to tell whether values repeat.
const TRIAL_ENTRIES: usize = 256;

/// A dictionary pays when each of its entries stands for so many values.
const VALUES_AN_ENTRY: usize = 3;

/// Texts of a page without a dictionary are at most this many bytes, or one: readers
/// take no page for ours that is much larger.
const MAX_PAGE_BYTES: usize = 8 << 20;

/// The texts of a column: distinct ones, and which each row has, while they
/// repeat; else one after the other.
#[derive(Debug, Default)]
pub(super) struct Texts {
    dictionary: Dictionary,
    /// Each row's entry, while there is a dictionary.
    indices: Repeats<u32>,
    /// Each row's text, where there is none any more.
    plain: Vec<Stored>,
    is_plain: bool,
    /// Of dictionaries that texts came from, by number: which entry each of theirs has here.
    known: HashMap<u64, Vec<u32>>,
}

impl Texts {
    /// Adds a row's text; how many bytes it takes.
    pub fn push(&mut self, text: Option<&str>) -> usize {
        let Some(text) = text else {
            self.push_nulls(1);
            return 0;
        };
        if !self.is_plain {
            let (entries, values) = (self.dictionary.len(), self.indices.len());
            let takes = |count| count < TRIAL_ENTRIES || count * VALUES_AN_ENTRY <= values;
            let last = self.last().filter(|last| self.dictionary.is(*last, text));
            if let Some(index) = last.or_else(|| self.dictionary.index_of(text, takes)) {
                self.indices.push(index);
                return if self.dictionary.len() > entries { text.len() } else { 0 };
            }
            self.is_plain = true;
            self.plain.extend(self.indices.iter().map(|index| self.dictionary.stored(index)));
            self.indices.clear();
        }
        self.plain.push(self.dictionary.store(text));
        text.len()
    }

    /// Adds rows without a text.
    pub fn push_nulls(&mut self, rows: usize) {
        if self.is_plain {
            self.plain.extend(std::iter::repeat_n(Stored::NONE, rows));
        } else {
            self.indices.push_all(NO_TEXT, rows);
        }
    }

    /// The entry of the last row's text, while there is a dictionary.
    pub fn last(&self) -> Option<u32> {
        self.indices.last()
    }

    /// Adds rows that have the text of this entry; `false` where there is no dictionary any more.
    pub fn push_again(&mut self, entry: u32, rows: usize) -> bool {
        if !self.is_plain {
            self.indices.push_all(entry, rows);
        }
        !self.is_plain
    }

    /// Which entries the texts of a page have here, as far as is known, by theirs there;
    /// [`NO_TEXT`] where it is not known. To be put back.
    pub fn take_known(&mut self, page: &PageTexts<'_>) -> Vec<u32> {
        match page {
            _ if self.is_plain => Vec::new(),
            PageTexts::Same(_) => vec![NO_TEXT],
            PageTexts::Each { .. } => Vec::new(),
            PageTexts::Coded { id, spans, .. } => {
                self.known.remove(id).unwrap_or_else(|| vec![NO_TEXT; spans.len()])
            }
        }
    }

    /// Keeps what [`Texts::take_known`] gave.
    pub fn put_known(&mut self, page: &PageTexts<'_>, known: Vec<u32>) {
        if let PageTexts::Coded { id, .. } = page
            && !self.is_plain
        {
            self.known.insert(*id, known);
        }
    }

    /// Empties it for the next row group.
    pub fn clear(&mut self) {
        self.dictionary.clear();
        self.indices.clear();
        self.plain.clear();
        self.known.clear();
        self.is_plain = false;
    }

    /// The dictionary, and each row's entry in it; `None` where there is none.
    pub fn dictionary(&self) -> Option<(impl ExactSizeIterator<Item = &[u8]> + Clone, Rows<'_, u32>)> {
        (!self.is_plain).then_some((self.dictionary.entries(), self.indices.rows()))
    }

    /// Rows of each page where there is no dictionary: a page whose texts repeated while
    /// there was one, and took no room, is cut where it would be too large.
    pub fn plain_pages(&self, pages: &[usize]) -> Vec<usize> {
        let mut rest = self.plain.as_slice();
        let mut cut = Vec::with_capacity(pages.len());
        for rows in pages {
            let (page, after) = rest.split_at_checked(*rows).unwrap_or((rest, &[]));
            rest = after;
            let (mut rows, mut bytes) = (0, 0);
            for length in page.iter().map(Stored::length) {
                if rows > 0 && bytes + length > MAX_PAGE_BYTES {
                    cut.push(rows);
                    (rows, bytes) = (0, 0);
                }
                (rows, bytes) = (rows + 1, bytes + length);
            }
            cut.push(rows);
        }
        cut
    }

    /// Each row's text, where there is no dictionary.
    pub fn plain(&self, rows: std::ops::Range<usize>) -> impl Iterator<Item = Option<&[u8]>> + Clone {
        self.plain.get(rows).unwrap_or_default().iter().map(|stored| self.dictionary.at(*stored))
    }
}

#[cfg(test)]
mod tests {
    use super::super::dictionary::MAX_ENTRIES;
    use super::*;

    fn rows(texts: &Texts) -> Vec<Option<String>> {
        match texts.dictionary() {
            Some((entries, indices)) => {
                let entries: Vec<_> = entries.map(|text| String::from_utf8(text.to_vec()).unwrap()).collect();
                assert!(matches!(indices, Rows::Each(_)));
                texts.indices.iter().map(|index| entries.get(index as usize).cloned()).collect()
            }
            None => {
                let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
                texts.plain(0..texts.plain.len()).map(|stored| stored.map(text)).collect()
            }
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
    fn a_page_without_a_dictionary_is_cut_at_its_limit() {
        let mut texts = Texts::default();
        for i in 0..=TRIAL_ENTRIES {
            texts.push(Some(&i.to_string()));
        }
        let half = "x".repeat(MAX_PAGE_BYTES / 2);
        let mut rows = TRIAL_ENTRIES + 1;
        for pages in [vec![rows + 1], vec![rows + 1, 1], vec![rows + 1, 2], vec![rows + 1, 2, 1]] {
            texts.push(Some(&half));
            rows += 1;
            assert_eq!(texts.plain_pages(&[rows]), pages);
        }
        assert_eq!(texts.plain_pages(&[rows - 1, 1]), [TRIAL_ENTRIES + 2, 2, 1]);
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
