//! Each row's value of a column: most columns have one in all rows.

/// Values in the order of the rows. While all are the same they take no room.
#[derive(Debug)]
pub(super) struct Repeats<T> {
    same: Option<(T, usize)>,
    each: Vec<T>,
}

/// What rows have.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rows<'v, T> {
    /// All the same.
    Same(T),
    Each(&'v [T]),
}

impl<T> Default for Repeats<T> {
    fn default() -> Self {
        Self { same: None, each: Vec::new() }
    }
}

impl<T: Copy + PartialEq> Repeats<T> {
    pub fn push(&mut self, value: T) {
        self.push_all(value, 1);
    }

    /// Adds the value for so many rows.
    #[inline]
    pub fn push_all(&mut self, value: T, rows: usize) {
        match &mut self.same {
            None if self.each.is_empty() && rows > 0 => self.same = Some((value, rows)),
            Some((same, count)) if *same == value => *count += rows,
            None if rows == 1 => self.each.push(value),
            _ => {
                self.spread();
                self.each.extend(std::iter::repeat_n(value, rows));
            }
        }
    }

    pub fn extend(&mut self, values: impl Iterator<Item = T>) {
        values.for_each(|value| self.push(value));
    }

    #[cold]
    fn spread(&mut self) {
        if let Some((value, rows)) = self.same.take() {
            self.each.extend(std::iter::repeat_n(value, rows));
        }
    }

    pub fn last(&self) -> Option<T> {
        self.same.map(|(value, _)| value).or_else(|| self.each.last().copied())
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.same.map_or(self.each.len(), |(_, rows)| rows)
    }

    pub fn rows(&self) -> Rows<'_, T> {
        self.same.map_or(Rows::Each(&self.each), |(value, _)| Rows::Same(value))
    }

    pub fn iter(&self) -> impl Iterator<Item = T> {
        let same = self.same.into_iter().flat_map(|(value, rows)| std::iter::repeat_n(value, rows));
        same.chain(self.each.iter().copied())
    }

    pub fn clear(&mut self) {
        self.same = None;
        self.each.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_in_their_order() {
        let mut values = Repeats::default();
        let mut expected: Vec<u32> = Vec::new();
        for (value, rows) in [(7, 0), (7, 2), (7, 1), (7, 3), (8, 1), (8, 2), (7, 0), (7, 1)] {
            values.push_all(value, rows);
            expected.extend(std::iter::repeat_n(value, rows));
            assert_eq!(values.iter().collect::<Vec<_>>(), expected);
            assert_eq!((values.len(), values.last()), (expected.len(), expected.last().copied()));
            let is_same = !expected.is_empty() && expected.iter().all(|value| *value == 7);
            assert_eq!(matches!(values.rows(), Rows::Same(7)), is_same);
        }
        values.clear();
        assert!(matches!(values.rows(), Rows::Each([])));
    }
}
