//! Whatever the rule, and however its lines are split into batches, in whatever
//! order these arrive, how often, and how late: the streamed answer is that of the
//! engine over all lines at once.
//!
//! `PROPTEST_CASES` sets the number of cases.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::string_slice, clippy::panic)]

mod choices;
mod expression;
mod lines;

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use catchment_alert::{
    EvaluationError, Group, Labels, MemoryPartials, PartialStore, Rule, RuleFile, RuleSet, StoredWindow,
};
use catchment_logql::{EvalError, Expr, MetricQuery, QUANTILE_ERROR, QueryTimes, QueryValue, parse};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use choices::Choices;
use expression::Exactness;
use lines::Line;

/// The cases without `PROPTEST_CASES`: what CI has time for.
const CASES: u32 = 2_000;
/// The time at which rules are evaluated first, a multiple of every interval.
const AT_MS: i64 = 1_734_600_000_000;

/// A future that waits for nothing.
fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the twin waits for nothing"),
    }
}

/// Values by labels, in their order.
type Values = Vec<(Labels, f64)>;

/// What the engine says over these lines.
fn at_once(rule: &Rule, end_ms: i64, lines: &[&Line]) -> Result<Values, EvalError> {
    let Ok(Expr::Metric(expr)) = parse(&rule.expr_text) else { panic!("{}", rule.expr_text) };
    let mut query = MetricQuery::new(&expr, QueryTimes::Instant(end_ms * 1_000_000), None)?;
    for line in lines {
        query.add(*line)?;
    }
    match query.finish()? {
        QueryValue::Vector(samples) => {
            let mut values: Values =
                samples.into_iter().map(|sample| ((*sample.labels).clone(), sample.value)).collect();
            values.sort_by(|a, b| a.0.cmp(&b.0));
            Ok(values)
        }
        other => panic!("{other:?}"),
    }
}

/// What the rule says over what is stored.
fn streamed(
    group: &Group,
    rule: &Rule,
    at_ms: i64,
    store: &MemoryPartials,
) -> Result<Values, EvaluationError> {
    let windows = rule.leaves.iter().zip(rule.windows(group, at_ms));
    let stored: Vec<StoredWindow> =
        windows.map(|(leaf, (from, to))| now(store.window(&leaf.id, from, to)).unwrap()).collect();
    rule.evaluate(group, stored).map(|evaluated| evaluated.values)
}

fn is_near(exactness: Exactness, a: f64, b: f64) -> bool {
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    match exactness {
        Exactness::Exact => false,
        Exactness::Rounded => (a - b).abs() <= 1e-6 * (1.0 + a.abs()),
        // All values are of one sign, so that an interpolated one errs no more than they do.
        Exactness::Quantile => (a - b).abs() <= QUANTILE_ERROR * a.abs() * (1.0 + 1e-9),
    }
}

/// Whether they agree; whether there was anything to agree about.
fn compare(
    text: &str,
    exactness: Exactness,
    expected: Result<Values, EvalError>,
    got: Result<Values, EvaluationError>,
) -> Result<bool, TestCaseError> {
    match (expected, got) {
        (Ok(expected), Ok(got)) => {
            let labels =
                |values: &Values| values.iter().map(|(labels, _)| labels.clone()).collect::<Vec<_>>();
            prop_assert_eq!(labels(&expected), labels(&got), "{}", text);
            for ((labels, a), (_, b)) in expected.iter().zip(&got) {
                prop_assert!(is_near(exactness, *a, *b), "{text}\n{labels}: {a} at once, {b} streamed");
            }
            Ok(!expected.is_empty())
        }
        // An alert's labels do not tell an empty one from none.
        (Ok(expected), Err(EvaluationError::SameLabels { labels })) => {
            let not_empty = |labels: &Labels| -> Labels {
                labels.iter().filter(|(_, value)| !value.is_empty()).collect()
            };
            let same = expected.iter().filter(|(other, _)| not_empty(other) == not_empty(&labels));
            prop_assert!(same.count() > 1, "{text}\n{labels} is there once");
            Ok(true)
        }
        (Err(expected), Err(EvaluationError::Expression(got))) => {
            prop_assert_eq!(expected, got, "{}", text);
            Ok(false)
        }
        (expected, got) => {
            Err(TestCaseError::fail(format!("{text}\nat once {expected:?}\nstreamed {got:?}")))
        }
    }
}

/// One case; how many of its evaluations had a value.
fn case(choices: &[u8], lines: &[Line]) -> Result<u32, TestCaseError> {
    let mut choices = Choices::new(choices);
    let interval_s = [10, 30, 60][choices.pick(3)];
    let query_offset_s = [0, 0, interval_s, 20][choices.pick(4)];
    let rules: Vec<(String, Exactness)> =
        (0..=choices.pick(2)).map(|_| expression::of(&mut choices)).collect();
    let mut text = format!(
        "groups:\n- name: g\n  interval: {interval_s}s\n  query_offset: {query_offset_s}s\n  rules:\n"
    );
    for (n, (expr, _)) in rules.iter().enumerate() {
        text.push_str(&format!("  - alert: A{n}\n    expr: |\n      {expr}\n"));
    }
    let set = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }])
        .unwrap_or_else(|faults| panic!("{rules:?}: {faults}"));
    let group = &set.groups()[0];

    // Each line is in one batch. The first half of the batches is there at the first
    // evaluation, the others come late; batches come in any order, and some again.
    let mut batches: Vec<Vec<&Line>> = vec![Vec::new(); 1 + choices.pick(6)];
    let count = batches.len();
    lines.iter().for_each(|line| batches[choices.pick(count)].push(line));
    let mut order: Vec<usize> = (0..count).collect();
    (0..count).for_each(|n| order.swap(n, choices.pick(count)));
    let late = order.split_off(choices.pick(count + 1));

    let store = MemoryPartials::default();
    let mut known: Vec<&Line> = Vec::new();
    let mut with_value = 0;
    for (arriving, at_ms) in [(&order, AT_MS), (&late, AT_MS + 1000 * interval_s)] {
        for &n in arriving {
            for _ in 0..=choices.pick(2) {
                let partials = set.partials(batches[n].iter().copied());
                now(store.record(&format!("batch-{n}"), &partials.partials)).unwrap();
            }
            known.extend(&batches[n]);
        }
        if let Some(&again) = order.get(choices.pick(count)) {
            let partials = set.partials(batches[again].iter().copied());
            now(store.record(&format!("batch-{again}"), &partials.partials)).unwrap();
        }
        for (rule, (text, exactness)) in group.rules.iter().zip(&rules) {
            let expected = at_once(rule, at_ms - 1000 * query_offset_s, &known);
            let got = streamed(group, rule, at_ms, &store);
            with_value += u32::from(compare(text, *exactness, expected, got)?);
        }
    }
    Ok(with_value)
}

#[test]
fn streamed_is_at_once() {
    let mut config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
    if config.cases == 256 {
        config.cases = CASES;
    }
    let (cases, with_value) = (config.cases, Cell::new(0));
    let input = (prop::collection::vec(any::<u8>(), 0..160), lines::strategy(AT_MS));
    let ran = TestRunner::new(config).run(&input, |(choices, lines)| {
        with_value.set(with_value.get() + case(&choices, &lines)?);
        Ok(())
    });
    if let Err(failure) = ran {
        panic!("{failure}");
    }
    assert!(
        with_value.get() > cases / 2,
        "{} of {cases} cases had a value: the rules match too little",
        with_value.get()
    );
}
