//! What the compactor decides: tables for single decisions, and properties over
//! whole days whose steps are simulated until nothing is left to do.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use catchment_archive::compact::{CompactLimits, Partition, Step, plan};
use catchment_archive::{Listed, ObjectKey};
use catchment_record::RetentionClass;
use proptest::prelude::*;

const MINUTE: i64 = 60_000;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const MB: u64 = 1_000_000;
/// 2024-12-18T00:00:00Z.
const MIDNIGHT: i64 = 1_734_480_000_000;

fn partition() -> Partition {
    Partition { class: RetentionClass::Standard, day: "2024-12-18".parse().unwrap() }
}

/// An object from minute to minute of the day.
fn object(id: usize, is_merged: bool, minutes: (i64, i64), bytes: u64) -> Listed {
    at_millis(id, is_merged, (MIDNIGHT + minutes.0 * MINUTE, MIDNIGHT + minutes.1 * MINUTE), bytes)
}

fn at_millis(id: usize, is_merged: bool, (first, last): (i64, i64), bytes: u64) -> Listed {
    let hour = (first - MIDNIGHT) / HOUR;
    let merged = if is_merged { "m" } else { "" };
    let key = format!("{}{hour:02}-{first}-{last}-{merged}{id:032x}.parquet", partition().prefix());
    Listed { key: ObjectKey::new(key), bytes, modified_millis: 0 }
}

fn merged(id: usize, minutes: (i64, i64), bytes: u64) -> Listed {
    object(id, true, minutes, bytes)
}

fn small(id: usize, minutes: (i64, i64)) -> Listed {
    object(id, false, minutes, 100_000)
}

/// The ids of each step's inputs, and of what is only known.
fn planned(listed: &[Listed], now: i64) -> Vec<(Vec<usize>, Vec<usize>)> {
    let id = |listed: &Listed| {
        usize::from_str_radix(&listed.key.parse().unwrap().id.replace('m', ""), 16).unwrap()
    };
    let ids = |listed: &[Listed]| listed.iter().map(id).collect();
    let steps = plan(partition(), listed, now, &CompactLimits::default());
    steps.iter().map(|step| (ids(&step.inputs), ids(&step.known))).collect()
}

#[test]
fn an_hour_is_closed_twenty_minutes_after_its_end() {
    let listed = [small(1, (61, 62)), small(2, (100, 119)), small(3, (119, 121))];
    let closed = MIDNIGHT + 2 * HOUR + 20 * MINUTE;
    assert_eq!(planned(&listed, closed - 1), []);
    // What reaches into the next hour waits for its end.
    assert_eq!(planned(&listed, closed), [(vec![1, 2], vec![])]);
    assert_eq!(planned(&listed, closed + HOUR), [(vec![1, 2, 3], vec![])]);
}

#[test]
fn hours_are_joined_two_hours_after_the_day() {
    let listed = [merged(1, (0, 59), 20 * MB), merged(2, (60, 119), 20 * MB), small(3, (200, 201))];
    let end = MIDNIGHT + DAY + 2 * HOUR;
    assert_eq!(planned(&listed, end - 1), [(vec![3], vec![])], "hours are left alone before");
    assert_eq!(planned(&listed, end), [(vec![1, 2, 3], vec![])]);
}

#[test]
fn a_late_event_is_merged_with_what_it_overlaps_and_no_more() {
    let listed = [merged(1, (0, 19), 300 * MB), merged(2, (20, 39), 300 * MB), small(3, (25, 25))];
    assert_eq!(planned(&listed, MIDNIGHT + 2 * HOUR), [(vec![2, 3], vec![])]);
    // A single millisecond that both have counts: the same event may be in both.
    let listed = [merged(1, (0, 19), 300 * MB), small(3, (19, 19))];
    assert_eq!(planned(&listed, MIDNIGHT + 2 * HOUR), [(vec![1, 3], vec![])]);
    let one = [merged(1, (5, 5), MB), merged(2, (5, 5), MB)];
    assert_eq!(planned(&one, MIDNIGHT + 2 * HOUR), [(vec![1, 2], vec![])]);
}

#[test]
fn a_late_event_beside_a_large_object_does_not_rewrite_it_before_the_day_is_over() {
    let listed = [merged(1, (0, 19), 200 * MB), small(2, (30, 31))];
    assert_eq!(planned(&listed, MIDNIGHT + 2 * HOUR), [(vec![2], vec![])]);
    assert_eq!(planned(&listed, MIDNIGHT + 2 * DAY), [(vec![1, 2], vec![])]);
}

#[test]
fn what_is_as_it_should_be_is_left_alone() {
    let listed: Vec<_> = (0..5).map(|i| merged(i, (i as i64 * 60, i as i64 * 60 + 59), 260 * MB)).collect();
    for now in [MIDNIGHT + DAY, MIDNIGHT + 2 * DAY, MIDNIGHT + 100 * DAY] {
        assert_eq!(planned(&listed, now), []);
    }
}

/// A merge would let what was written long ago live that much longer.
#[test]
fn an_old_partition_is_not_rewritten() {
    let listed = [
        merged(1, (0, 600), 10 * MB),
        merged(2, (700, 800), 10 * MB),
        small(3, (300, 301)),
        small(4, (500, 501)),
    ];
    let old = MIDNIGHT + 8 * DAY;
    assert_eq!(planned(&listed, old - 1), [(vec![1, 3, 4, 2], vec![])]);
    assert_eq!(planned(&listed, old), [(vec![3, 4], vec![1])]);
    // Within half an hour, an event may be the same although its time is another.
    assert_eq!(planned(&[merged(1, (0, 600), MB), small(2, (630, 631))], old), [(vec![2], vec![1])]);
    assert_eq!(planned(&[merged(1, (0, 600), MB), small(2, (631, 632))], old), [(vec![2], vec![])]);
    // What this run or one beside it wrote may be merged with the rest.
    let written = |modified_millis| Listed { modified_millis, ..merged(1, (300, 400), MB) };
    assert_eq!(planned(&[written(old - 2 * HOUR), small(3, (300, 301))], old), [(vec![3, 1], vec![])]);
    assert_eq!(planned(&[written(old - 2 * HOUR - 1), small(3, (300, 301))], old), [(vec![3], vec![1])]);
}

#[test]
fn foreign_keys_and_other_partitions_are_none_of_its_business() {
    let other =
        Listed { key: ObjectKey::new("logs/class=standard/dt=2024-12-18/x.parquet"), ..small(0, (0, 1)) };
    let elsewhere = small(1, (0, 1)).key.as_str().replace("standard", "long");
    let elsewhere = Listed { key: ObjectKey::new(elsewhere), ..small(0, (0, 1)) };
    assert!(elsewhere.key.parse().is_some());
    assert_eq!(planned(&[other, elsewhere], MIDNIGHT + 2 * DAY), []);
}

#[test]
fn many_objects_at_once_are_merged_in_several_steps() {
    // 300 of 100 KB at the same time take 965,536 bytes of memory each: 82 in 80 MB.
    let listed: Vec<_> = (0..300).map(|i| small(i, (0, 50))).collect();
    let steps: Vec<_> = planned(&listed, MIDNIGHT + 2 * DAY).iter().map(|(inputs, _)| inputs.len()).collect();
    assert_eq!(steps, [82, 82, 82, 54]);
    // One after another, they are one step.
    let listed: Vec<_> = (0..300).map(|i| small(i, (i as i64, i as i64 + 1))).collect();
    assert_eq!(planned(&listed, MIDNIGHT + 2 * DAY).len(), 1);
}

/// Planning takes time in proportion to the objects; 3,840 of 100 KB are 384 MB.
#[test]
fn as_many_objects_as_are_looked_at_are_planned_at_once() {
    let at = |i: usize| (MIDNIGHT + i as i64 * 1000, MIDNIGHT + i as i64 * 1000 + 500);
    let listed: Vec<_> = (0..40_000).map(|i| at_millis(i, false, at(i), 100_000)).collect();
    let steps: Vec<_> = planned(&listed, MIDNIGHT + 2 * DAY).iter().map(|(inputs, _)| inputs.len()).collect();
    assert_eq!(steps, [vec![3840; 10], vec![1600]].concat());
}

#[test]
fn a_step_ends_where_the_rest_begins() {
    let limits = CompactLimits { max_inputs: 3, ..CompactLimits::default() };
    let listed: Vec<_> = (0..5).map(|i| small(i, (i as i64, i as i64 + 1))).collect();
    let steps = plan(partition(), &listed, MIDNIGHT + 2 * DAY, &limits);
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].inputs.len(), steps[0].cut_before), (3, Some(MIDNIGHT + 3 * MINUTE)));
}

/// The memory that the plan reckons with, reckoned from the other end.
fn peak(step: &Step) -> u64 {
    let keys: Vec<_> = step.inputs.iter().map(|input| (input.key.parse().unwrap(), input.bytes)).collect();
    let at = |time: i64| {
        let open = keys.iter().filter(|(key, _)| key.first_millis <= time && time <= key.last_millis);
        open.map(|(_, bytes)| bytes.min(&(6 << 20)) + (bytes * 8).min(4 << 20) + (64 << 10)).sum::<u64>()
    };
    keys.iter().map(|(key, _)| at(key.first_millis)).max().unwrap()
}

/// What a step writes: rows are spread evenly over its time, batches shrink to a third.
fn simulate(step: &Step, now: i64, next_id: &mut usize) -> Vec<Listed> {
    let spans: Vec<_> = step.inputs.iter().map(|input| input.key.parse().unwrap()).collect();
    let first = spans.iter().map(|span| span.first_millis).min().unwrap();
    let last = spans.iter().map(|span| span.last_millis).max().unwrap();
    let shrunk = |(span, input): (&catchment_archive::LogKey<'_>, &Listed)| {
        if span.is_merged() { input.bytes } else { input.bytes / 3 + 1 }
    };
    let bytes: u64 = spans.iter().zip(&step.inputs).map(shrunk).sum();
    let cut = step.cut_before.filter(|cut| first < *cut && *cut <= last);
    let segments = match cut {
        Some(cut) => vec![(first, cut - 1), (cut, last)],
        None => vec![(first, last)],
    };
    let millis = (last - first + 1) as u128;
    let mut outputs = Vec::new();
    for (first, last) in segments {
        let length = (last - first + 1) as u128;
        let bytes = (u128::from(bytes) * length / millis) as u64 + 1;
        let parts = bytes.div_ceil(step.cut_bytes).min(length as u64);
        for part in 0..parts {
            let edge = |part: u64| first + (length * u128::from(part) / u128::from(parts)) as i64;
            *next_id += 1;
            let output = at_millis(*next_id, true, (edge(part), edge(part + 1) - 1), bytes / parts);
            outputs.push(Listed { modified_millis: now, ..output });
        }
    }
    outputs
}

fn objects() -> impl Strategy<Value = Vec<Listed>> {
    let bytes = prop_oneof![4 => 1_000..2 * MB, 1 => MB..400 * MB];
    let minutes = prop_oneof![4 => 0..3_i64, 1 => 0..200_i64, 1 => 0..1439_i64];
    let one = (0..1440_i64, minutes, bytes, prop::bool::weighted(0.3));
    prop::collection::vec(one, 1..250).prop_map(|all| {
        let object = |(id, (first, length, bytes, is_merged)): (usize, (i64, i64, u64, bool))| {
            object(id, is_merged, (first, (first + length).min(1439)), bytes)
        };
        all.into_iter().enumerate().map(object).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn planning_ends_and_every_step_is_bounded(
        mut listed in objects(),
        hours in prop_oneof![1..26_i64, 26..27_i64, 200..220_i64],
        max_inputs in prop_oneof![2..20_usize, 4096..4097_usize],
        max_open in prop_oneof![1..30 * MB, 80 * MB..80 * MB + 1],
    ) {
        let limits = CompactLimits { max_inputs, max_open_bytes: max_open, ..CompactLimits::default() };
        let now = MIDNIGHT + hours * HOUR;
        let is_old = hours >= 192;
        let before: u64 = listed.iter().map(|listed| listed.bytes).sum();
        let (mut next_id, mut rewritten, mut rounds) = (1_000_000, 0, 0);
        loop {
            let steps = plan(partition(), &listed, now, &limits);
            if steps.is_empty() {
                break;
            }
            rounds += 1;
            prop_assert!(rounds < 2000, "planning goes on and on");
            for step in steps {
                let is_long_merged =
                    |input: &Listed| input.modified_millis < now && input.key.parse().unwrap().is_merged();
                prop_assert!(step.inputs.len() <= max_inputs.max(2));
                prop_assert!(step.inputs.len() <= 2 || peak(&step) <= max_open, "memory");
                let bytes: u64 = step.inputs.iter().map(|input| input.bytes).sum();
                prop_assert!(step.inputs.len() <= 2 || bytes <= limits.max_step_bytes, "time");
                prop_assert!(!is_old || !step.inputs.iter().any(is_long_merged), "old objects stay");
                prop_assert!(is_old || step.known.is_empty());
                rewritten += bytes;
                for input in &step.inputs {
                    let at = listed.iter().position(|listed| listed == input);
                    prop_assert!(at.is_some(), "an object that is there, and in one step only");
                    listed.swap_remove(at.unwrap());
                }
                listed.extend(simulate(&step, now, &mut next_id));
            }
        }
        // However little memory there is, the work grows by the levels of a merge, not by the objects.
        prop_assert!(rewritten <= before * 20, "{rewritten} bytes were written for {before}");

        let mut left: Vec<_> = listed.iter().map(|listed| (listed.key.parse().unwrap(), listed.bytes)).collect();
        left.sort_by_key(|(key, _)| (key.first_millis, key.last_millis));
        if hours >= 26 {
            prop_assert!(left.iter().all(|(key, _)| key.is_merged()));
        }
        if (26..192).contains(&hours) {
            for pair in left.windows(2) {
                let [(a, a_bytes), (b, b_bytes)] = pair else { unreachable!() };
                prop_assert!(a.last_millis < b.first_millis || a_bytes + b_bytes > limits.target_bytes, "they overlap");
                let are_large = *a_bytes.min(b_bytes) >= limits.small_bytes;
                prop_assert!(are_large || a_bytes + b_bytes > limits.max_joined_bytes, "{a_bytes} and {b_bytes} could be one");
            }
            prop_assert!(left.iter().all(|(_, bytes)| *bytes <= limits.max_bytes));
        }
    }
}
