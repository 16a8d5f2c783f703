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

    /// How long the text of a row is; 0 where it has none. It is not looked at.
    pub fn bytes(&self, row: u32) -> usize {
        let of = |span: &Span| span.end.wrapping_sub(span.start) as usize;
        let at = |first_row| row.wrapping_sub(first_row) as usize;
        match *self {
            Self::Same(text) => text.map_or(0, str::len),
            Self::Each { spans, first_row, .. } => spans.get(at(first_row)).map_or(0, of),
            Self::Coded { spans, codes, first_row, .. } => {
                codes.get(at(first_row)).and_then(|code| spans.get(*code as usize)).map_or(0, of)
            }
        }
    }

    /// The entry of a row, where there are entries; one text alone is entry 0.
    pub fn code(&self, row: u32) -> Option<u32> {
        match *self {
            Self::Same(text) => text.map(|_| 0),
            Self::Each { .. } => None,
            Self::Coded { codes, first_row, .. } => {
                codes.get(row.wrapping_sub(first_row) as usize).copied().filter(|code| *code != NO_ENTRY)
            }
        }
    }

    /// The text of a row.
    #[inline]
    pub fn get(&self, row: u32) -> Option<&'v str> {
        // Null lies beyond every text.
        let of = |text: &'v str, span: &Span| text.get(span.start as usize..span.end as usize);
        match *self {
            Self::Same(text) => text,
            Self::Each { text, spans, first_row } => {
                of(text, spans.get(row.wrapping_sub(first_row) as usize)?)
            }
            Self::Coded { text, spans, .. } => of(text, spans.get(self.code(row)? as usize)?),
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
