//! Choices that random bytes make: an input shrinks by shrinking them.

/// Bytes to choose by; when they are at their end, the first is chosen.
pub struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A number below `count`.
    pub fn pick(&mut self, count: usize) -> usize {
        let Some((first, rest)) = self.0.split_first() else {
            return 0;
        };
        self.0 = rest;
        usize::from(*first) % count
    }

    /// One of these.
    pub fn one<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.pick(of.len())]
    }

    /// True in one of `count` cases.
    pub fn rarely(&mut self, count: usize) -> bool {
        self.pick(count) == count - 1
    }
}
