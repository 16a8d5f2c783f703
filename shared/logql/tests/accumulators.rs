//! What batches contribute: merged in any order, written and read back, and
//! quantiles within their stated error.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::borrow::Cow;

use catchment_logql::{
    Accumulator, Entry, Expr, MAX_LABEL_BYTES, MAX_SKETCH_BINS, QUANTILE_ERROR, SharedLine, Sketch,
    StreamedExpr, parse,
};
use proptest::prelude::*;

fn sketch(values: &[f64]) -> Sketch {
    let mut sketch = Sketch::default();
    values.iter().for_each(|value| sketch.add(*value));
    sketch
}

/// An empty one of each kind.
fn kinds() -> [Accumulator; 9] {
    [
        Accumulator::Count(0),
        Accumulator::Sum(0.0),
        Accumulator::Min(f64::NAN),
        Accumulator::Max(f64::NAN),
        Accumulator::Mean { count: 0, mean: 0.0 },
        Accumulator::Moments { count: 0, mean: 0.0, squares: 0.0 },
        Accumulator::First(None),
        Accumulator::Last(None),
        Accumulator::Quantile(Sketch::default()),
    ]
}

#[test]
fn texts_are_short() {
    let text = |add: &[(i64, f64)]| {
        let mut kinds = kinds();
        kinds.iter_mut().for_each(|kind| add.iter().for_each(|(at, value)| kind.add(*at, *value)));
        kinds.map(|kind| kind.to_string())
    };
    assert_eq!(text(&[]), ["n0", "s0", "iNaN", "xNaN", "a0,0", "v0,0,0", "f", "l", "q0,0,0,0;;"]);
    assert_eq!(
        text(&[(7, 1.0), (9, 2.0)]),
        ["n2", "s3", "i1", "x2", "a2,1.5", "v2,1.5,0.5", "f7,1", "l9,2", "q0,0,0,0;;0:1,35:1"]
    );
    for text in ["", "n", "s1,2", "a1", "v1,2", "f1", "z1", "q1", "q0,0,0,0;", "é"] {
        assert!(text.parse::<Accumulator>().is_err(), "{text}");
    }
}

#[test]
fn of_two_samples_at_one_time_the_smaller_is_first_and_the_larger_last() {
    for values in [[1.0, 2.0], [2.0, 1.0]] {
        let (mut first, mut last) = (Accumulator::First(None), Accumulator::Last(None));
        values.iter().for_each(|value| {
            first.add(5, *value);
            last.add(5, *value);
        });
        assert_eq!((first, last), (Accumulator::First(Some((5, 1.0))), Accumulator::Last(Some((5, 2.0)))));
    }
}

#[test]
fn a_sketch_keeps_its_bins_at_the_limit() {
    let gamma = (1.0 + QUANTILE_ERROR) / (1.0 - QUANTILE_ERROR);
    let bins = |count: i32| (0..count).map(|n| gamma.powf(f64::from(n) - 0.5)).collect::<Vec<_>>();
    let smallest = |count: i32| sketch(&bins(count)).at(0) / bins(count)[0];
    assert!((smallest(MAX_SKETCH_BINS) - 1.0).abs() <= QUANTILE_ERROR);
    assert!((smallest(MAX_SKETCH_BINS + 1) - 1.0).abs() > QUANTILE_ERROR, "the two smallest share a bin");
    let many = bins(MAX_SKETCH_BINS + 50);
    let backwards: Vec<f64> = many.iter().rev().copied().collect();
    assert_eq!(sketch(&many), sketch(&backwards), "whatever the order");
}

#[test]
fn values_that_are_no_numbers_have_their_ranks() {
    let sketch = sketch(&[f64::INFINITY, 0.0, f64::NAN, -1.0, f64::NEG_INFINITY, 1e-310, f64::MAX]);
    assert_eq!(sketch.count(), 7);
    assert!(sketch.at(0).is_nan());
    assert_eq!((sketch.at(1), sketch.at(3), sketch.at(6)), (f64::NEG_INFINITY, 0.0, f64::INFINITY));
    assert!(sketch.at(5).is_finite());
}

#[test]
fn labels_are_cut_at_the_limit() {
    struct Service(usize);
    impl Entry for Service {
        fn timestamp_nanos(&self) -> i64 {
            0
        }
        fn line(&self) -> &str {
            ""
        }
        fn label(&self, _name: &str) -> Option<Cow<'_, str>> {
            Some("x".repeat(self.0).into())
        }
        fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
            visit("service", &"x".repeat(self.0));
        }
    }
    let Ok(Expr::Metric(expr)) = parse(r#"count_over_time({service=~"x+"}[5m])"#) else { panic!() };
    let expr = StreamedExpr::new(expr).unwrap();
    let kept = |bytes: usize| {
        let (service, shared) = (Service(bytes), SharedLine::default());
        let sample = expr.leaves()[0].sample(&service, &shared).unwrap();
        sample.labels().get("service").map(str::len)
    };
    assert_eq!(kept(MAX_LABEL_BYTES), Some(MAX_LABEL_BYTES));
    assert_eq!(kept(MAX_LABEL_BYTES + 1), Some(MAX_LABEL_BYTES));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_text_of_an_accumulator_reads_back(samples in prop::collection::vec((any::<i64>(), any::<f64>()), 0..20)) {
        for mut kind in kinds() {
            samples.iter().for_each(|(at, value)| kind.add(*at, *value));
            let text = kind.to_string();
            prop_assert_eq!(text.parse::<Accumulator>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn parts_merge_to_the_whole(values in prop::collection::vec((any::<i64>(), -1e6..1e6_f64), 1..40), at in 0..40_usize) {
        let at = at.min(values.len());
        for empty in kinds() {
            let of = |part: &[(i64, f64)]| {
                let mut sum = empty.clone();
                part.iter().for_each(|(at, value)| sum.add(*at, *value));
                sum
            };
            let (whole, left, mut merged) = (of(&values), of(&values[..at]), of(&values[at..]));
            merged.merge(&left);
            match (whole, merged) {
                (Accumulator::Sum(a), Accumulator::Sum(b))
                | (Accumulator::Mean { mean: a, .. }, Accumulator::Mean { mean: b, .. })
                | (Accumulator::Moments { squares: a, .. }, Accumulator::Moments { squares: b, .. }) => {
                    prop_assert!((a - b).abs() <= 1e-9 * (1e6 + a.abs()), "{} {}", a, b);
                }
                (a, b) => prop_assert_eq!(a, b),
            }
        }
    }

    #[test]
    fn a_value_read_back_is_within_the_error(values in prop::collection::vec(-1e9..1e9_f64, 1..50)) {
        let sketch = sketch(&values);
        let mut sorted = values;
        sorted.sort_by(f64::total_cmp);
        for (rank, value) in sorted.iter().enumerate() {
            let read = sketch.at(rank);
            prop_assert!((read - value).abs() <= QUANTILE_ERROR * value.abs() * (1.0 + 1e-9), "{} {}", value, read);
        }
    }
}
