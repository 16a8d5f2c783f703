//! A column's decoded page, for whoever asks for many of its rows.

/// Where in a text a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// Of a text that is the only one.
    pub const WHOLE: Self = Self { start: 0, end: u32::MAX };

    /// A number that differs between most spans of one text.
    pub fn tag(self) -> usize {
        (self.start ^ self.start >> 3) as usize
    }

    /// Of a row that has no value.
    pub const NULL: Self = Self { start: u32::MAX, end: u32::MAX };
}

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
        /// Equal texts have equal spans: they are of a dictionary.
        repeat: bool,
    },
}

impl<'v> PageTexts<'v> {
    /// Of a row: the text, and in a dictionary where it stands there.
    pub fn get(&self, row: u32) -> (Option<&'v str>, Option<Span>) {
        match *self {
            Self::Same(text) => (text, None),
            Self::Each { text, spans, first_row, repeat } => {
                let Some(span) = spans.get(row.wrapping_sub(first_row) as usize) else { return (None, None) };
                // Null lies beyond every text.
                (text.get(span.start as usize..span.end as usize), repeat.then_some(*span))
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
