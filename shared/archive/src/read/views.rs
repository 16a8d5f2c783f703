//! A column's decoded page, for whoever asks for many of its rows.

/// Where in a text a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Of a row that has no value.
    pub const NULL: Self = Self { start: u32::MAX, end: u32::MAX };
}

/// The entry of a row that has no value.
pub(crate) const NO_ENTRY: u32 = u32::MAX;

/// The texts of a column's decoded page.
#[derive(Debug, Clone, Copy)]
pub(crate) enum PageTexts<'v> {
    /// Every row has this one, or none.
    Same(Option<&'v str>),
    /// They differ from row to row.
    Each {
        /// What the spans are of.
        text: &'v str,
        /// Where each row's text stands.
        spans: &'v [Span],
        /// The row of the first.
        first_row: u32,
    },
    /// They are of a dictionary.
    Coded {
        /// Its number: no other dictionary of this process has it.
        id: u64,
        /// What the spans are of.
        text: &'v str,
        /// Where each entry stands.
        spans: &'v [Span],
        /// Each row's entry.
        codes: &'v [u32],
        /// The row of the first.
        first_row: u32,
    },
}

impl<'v> PageTexts<'v> {
    /// The text that every row has.
    pub fn same(&self) -> Option<&'v str> {
        match *self {
            Self::Same(text) => text,
            _ => None,
        }
    }

    /// The text of a row.
    pub fn get(&self, row: u32) -> Option<&'v str> {
        self.entry(row).0
    }

    /// Of a row: the text, and its entry where there are entries; one text alone is entry 0.
    #[inline]
    pub fn entry(&self, row: u32) -> (Option<&'v str>, Option<u32>) {
        let at = |first_row| row.wrapping_sub(first_row) as usize;
        // Null lies beyond every text.
        let of = |text: &'v str, span: &Span| text.get(span.start as usize..span.end as usize);
        match *self {
            Self::Same(text) => (text, text.map(|_| 0)),
            Self::Each { text, spans, first_row } => {
                (spans.get(at(first_row)).and_then(|span| of(text, span)), None)
            }
            Self::Coded { text, spans, codes, first_row, .. } => {
                let code = codes.get(at(first_row)).copied().filter(|code| *code != NO_ENTRY);
                (code.and_then(|code| of(text, spans.get(code as usize)?)), code)
            }
        }
    }
}

/// The numbers of a column's decoded page.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct PageNumbers<'v> {
    pub numbers: &'v [i64],
    /// Empty where every row has a number.
    pub nulls: &'v [bool],
    /// The row of the first.
    pub first_row: u32,
}

impl PageNumbers<'_> {
    /// Whether no row has one.
    pub fn is_null(&self) -> bool {
        self.numbers.is_empty()
    }

    /// The number of a row.
    pub fn get(&self, row: u32) -> Option<i64> {
        let row = row.wrapping_sub(self.first_row) as usize;
        match self.nulls.get(row) {
            Some(true) => None,
            _ => self.numbers.get(row).copied(),
        }
    }
}
