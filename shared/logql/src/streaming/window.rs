//! What is known of a leaf's window.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry::{Occupied, Vacant};

use super::Accumulator;
use crate::metric::Labels;

/// The samples of a leaf's window, by series.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LeafWindow {
    /// The series that have a sample.
    pub series: BTreeMap<Labels, Accumulator>,
    /// The lines that met an error; with one the window has no value.
    pub errors: Option<LineErrors>,
}

/// Lines that met an error which the expression does not deal with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LineErrors {
    /// How many.
    pub lines: u64,
    /// The kind of error of one of them: the one whose labels come first.
    pub error: String,
    /// The labels of that line.
    pub series: Labels,
}

impl LineErrors {
    /// These, and those of another part of the window.
    pub fn merge(&mut self, other: Self) {
        self.lines += other.lines;
        if (&other.series, &other.error) < (&self.series, &self.error) {
            (self.error, self.series) = (other.error, other.series);
        }
    }
}

impl LeafWindow {
    /// Adds what another part of the window has of a series.
    pub fn add_series(&mut self, labels: Labels, accumulator: Accumulator) {
        match self.series.entry(labels) {
            Vacant(place) => {
                place.insert(accumulator);
            }
            Occupied(mut known) => known.get_mut().merge(&accumulator),
        }
    }

    /// Adds the errors of another part of the window.
    pub fn add_errors(&mut self, errors: LineErrors) {
        match &mut self.errors {
            None => self.errors = Some(errors),
            Some(known) => known.merge(errors),
        }
    }

    /// Keeps the `most` series whose labels come first; how many went.
    pub fn cut(&mut self, most: usize) -> u64 {
        let mut cut = 0;
        while self.series.len() > most && self.series.pop_last().is_some() {
            cut += 1;
        }
        cut
    }
}
