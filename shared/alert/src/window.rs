//! Partials put together to the window of a leaf.

use catchment_logql::{Accumulator, LeafWindow, LineErrors};

use crate::first_series::FirstSeries;
use crate::partial::{Partial, SampleLine, keep_latest};

/// What is stored of a leaf's window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct StoredWindow {
    /// The samples by series, of the [`crate::MAX_SERIES`] series whose labels come first.
    pub window: LeafWindow,
    /// At least so many series were cut.
    pub cut_series: u64,
    /// The latest lines, the latest first.
    pub samples: Vec<SampleLine>,
}

/// Partials on their way to a [`StoredWindow`]. Whatever their order, the window
/// is the same, up to the rounding of sums.
#[derive(Debug, Default)]
pub struct WindowBuilder {
    series: FirstSeries<Option<Accumulator>>,
    errors: Option<LineErrors>,
    cut_series: u64,
    samples: Vec<SampleLine>,
}

impl WindowBuilder {
    /// Adds a partial of the window.
    pub fn add(&mut self, partial: Partial) {
        for (labels, accumulator) in partial.series {
            match self.series.place(labels, || None) {
                None => {}
                Some(Some(known)) => known.merge(&accumulator),
                Some(place) => *place = Some(accumulator),
            }
        }
        match (&mut self.errors, partial.errors) {
            (Some(known), Some(more)) => known.merge(more),
            (known @ None, more) => *known = more,
            (Some(_), None) => {}
        }
        self.cut_series = self.cut_series.max(partial.cut_series);
        partial.samples.into_iter().for_each(|sample| keep_latest(&mut self.samples, sample));
    }

    /// The window, all of its partials having been added.
    pub fn finish(self) -> StoredWindow {
        let cut_series = self.cut_series.max(self.series.cut());
        let kept = self.series.into_map().into_iter();
        let series = kept.filter_map(|(labels, accumulator)| Some((labels, accumulator?))).collect();
        let window = LeafWindow { series, errors: self.errors };
        StoredWindow { window, cut_series, samples: self.samples }
    }
}
