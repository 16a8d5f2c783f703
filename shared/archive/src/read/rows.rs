//! Rows of one object, a set of pages at a time.

/// Which rows come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Order {
    /// By rising time.
    #[default]
    OldestFirst,
    /// By falling time.
    NewestFirst,
}
