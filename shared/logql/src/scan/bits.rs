//! Sets of small numbers.

/// A set of the numbers below a length that is given when it is made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Bits(Box<[u64]>);

impl Bits {
    pub(super) fn none(length: usize) -> Self {
        Self(vec![0; length.div_ceil(64)].into())
    }

    pub(super) fn all(length: usize) -> Self {
        let mut bits = Self::none(length);
        (0..length).for_each(|number| bits.insert(number));
        bits
    }

    pub(super) fn insert(&mut self, number: usize) {
        if let Some(word) = self.0.get_mut(number / 64) {
            *word |= 1 << (number % 64);
        }
    }

    pub(super) fn copy_from(&mut self, other: &Self) {
        self.0.copy_from_slice(&other.0);
    }

    pub(super) fn clear(&mut self) {
        self.0.fill(0);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|word| *word == 0)
    }

    pub(super) fn intersects(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).any(|(a, b)| a & b != 0)
    }

    pub(super) fn contains_all(&self, other: &Self) -> bool {
        self.0.iter().zip(&other.0).all(|(a, b)| a & b == *b)
    }

    /// Keeps what the other has as well.
    pub(super) fn keep(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= b);
    }

    /// Takes out what the other has.
    pub(super) fn take_out(&mut self, other: &Self) {
        self.0.iter_mut().zip(&other.0).for_each(|(a, b)| *a &= !b);
    }

    /// Keeps the numbers that `keeps` accepts.
    pub(super) fn retain(&mut self, keeps: impl Fn(usize) -> bool) {
        for (i, word) in self.0.iter_mut().enumerate() {
            let gone = ones(*word).filter(|bit| !keeps(i * 64 + bit));
            *word &= !gone.fold(0, |gone, bit| gone | 1 << bit);
        }
    }

    /// The numbers, from small to large.
    pub(super) fn iter(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().flat_map(|(i, word)| ones(*word).map(move |bit| i * 64 + bit))
    }
}

fn ones(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = rest.trailing_zeros() as usize;
        rest &= rest.wrapping_sub(1);
        (bit < 64).then_some(bit)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_on_both_sides_of_a_word_are_kept() {
        let mut bits = Bits::none(130);
        [0, 63, 64, 129].into_iter().for_each(|number| bits.insert(number));
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 64, 129]);
        bits.retain(|number| number != 64);
        assert_eq!(bits.iter().collect::<Vec<_>>(), [0, 63, 129]);
        assert_eq!(Bits::all(65).iter().count(), 65);
        assert!(Bits::all(130).contains_all(&bits) && !bits.contains_all(&Bits::all(130)));
        bits.take_out(&Bits::all(130));
        assert!(bits.is_empty() && Bits::all(0).is_empty());
    }
}
