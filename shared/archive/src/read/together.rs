//! Merged rows that are given together, without a copy.

use super::rows::Columns;

/// A row that is given together with others.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// Which of [`MergedRows::inputs`] it is of.
    pub input: u32,
    /// Which of its rows it is.
    pub row: u32,
    /// Its time; 0 where it has none.
    pub millis: i64,
}

/// Rows that are given together.
#[derive(Debug, Default)]
pub(super) struct Together {
    pub places: Vec<Place>,
    /// Ranks of their inputs.
    pub ranks: Vec<usize>,
    /// Of each rank, its place in `ranks`.
    inputs: Vec<Option<u32>>,
}

impl Together {
    pub fn clear(&mut self) {
        self.places.clear();
        for rank in self.ranks.drain(..) {
            self.inputs.get_mut(rank).map(Option::take);
        }
    }

    pub fn push(&mut self, rank: usize, row: u32, millis: i64) {
        if self.inputs.len() <= rank {
            self.inputs.resize(rank + 1, None);
        }
        let Some(input) = self.inputs.get_mut(rank) else { return };
        let input = *input.get_or_insert_with(|| {
            self.ranks.push(rank);
            self.ranks.len() as u32 - 1
        });
        self.places.push(Place { input, row, millis });
    }
}

/// Rows that come one after the other, with their columns.
#[derive(Debug)]
pub(crate) struct MergedRows<'m> {
    /// The columns of the inputs they are of.
    pub inputs: Vec<&'m Columns>,
    /// The rows in their order.
    pub places: &'m [Place],
}
