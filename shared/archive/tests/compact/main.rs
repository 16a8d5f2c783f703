//! The compactor on whole archives: what it makes of them, and that nothing that
//! happens meanwhile loses or doubles a row.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use catchment_archive::compact::{CompactLimits, Compactor, Scope};
use catchment_archive::{
    ArchiveStore, ColumnSet, Expiry, FolderArchive, MemoryArchive, ObjectKey, ObjectReader, ObjectWriter,
    OpenFile, Order, Put,
};
use catchment_record::RetentionClass;
use proptest::prelude::*;
use world::*;

#[test]
fn a_closed_day_becomes_one_object_with_every_event_once() {
    let store = busy_day();
    let (batches, events, rows) = BUSY;
    assert_eq!(stored(&store).values().sum::<usize>() as u64, rows, "two events lie there twice");
    let report = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!(kinds(&store), (0, 1));
    assert_eq!(stored(&store), busy_events());
    assert_eq!((report.rows_in, report.rows_out, report.duplicates), (rows, events, 2));
    assert_eq!((report.objects_in, report.objects_out, report.steps), (batches as u64, 1, 1));
    assert_eq!((report.failures, report.foreign, report.conservation_violated), (vec![], 0, 0));
    assert_eq!(block_on(store.expiry(&all(&store)[0].key)).unwrap(), Some(Expiry::On));

    let again = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!((again.steps, again.partitions), (0, 1), "there is nothing left to do");
}

#[test]
fn an_hour_is_merged_when_it_is_closed_and_late_events_join_at_the_next_run() {
    let store = busy_day();
    let run = |now| block_on(compact(&store, usual(), now));
    drop(run(DAY + HOUR + 19 * MINUTE));
    assert_eq!(kinds(&store), (11, 0), "the first hour may still get events");
    drop(run(DAY + HOUR + 20 * MINUTE));
    // One object of the second delivery reaches into the hours after it.
    assert_eq!(kinds(&store), (7, 1));
    drop(run(DAY + 7 * HOUR));
    assert_eq!(kinds(&store), (0, 3));
    assert_eq!(stored(&store), busy_events());

    put(&store, &[(3 * MINUTE, 200), (5 * HOUR, 201)]);
    let report = run(DAY + 7 * HOUR);
    assert_eq!((report.objects_in, report.objects_out), (4, 1), "it overlaps all three");
    let mut expected = busy_events();
    expected.extend(once([200, 201]));
    assert_eq!((kinds(&store), stored(&store)), ((0, 1), expected));
}

#[test]
fn objects_of_version_3_are_folded_when_they_are_merged() {
    let store = half_of_version_3(&busy_day());
    let versions = |store: &MemoryArchive| {
        let version = |listed| block_on(OpenFile::open(store, listed)).unwrap().schema_version();
        all(store).iter().map(version).collect::<std::collections::BTreeSet<_>>()
    };
    assert_eq!(versions(&store), [3, 4].into());
    let report = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!((report.rows_in, report.rows_out, report.duplicates), (BUSY.2, BUSY.1, 2));
    assert_eq!((versions(&store), stored(&store)), ([4].into(), busy_events()));
    let merged = all(&store);
    block_on(async {
        let file = OpenFile::open(&store, &merged[0]).await.unwrap();
        let mut rows = file.rows(&store, Order::OldestFirst, ColumnSet::ALL);
        let batch = rows.next_batch().await.unwrap().unwrap();
        assert!(batch.rows().all(|row| row.line == Some("\u{1a}m") && row.time_unix_nano.is_none()));
    });
}

/// Rows that take turns between large pages are not all laid on one.
#[test]
fn a_page_ends_when_its_texts_are_large_enough() {
    const TEXT_BYTES: usize = 10_000;
    // Pages end at 2 MiB, and rows come in pieces of 64 KiB.
    const MOST_ROWS: usize = ((2 << 20) + (64 << 10)) / TEXT_BYTES + 1;
    let (small, store) = (MemoryArchive::default(), MemoryArchive::default());
    for input in 0..4 {
        let events: Vec<_> = (0..300).map(|n| n * 4 + input).map(|n| (n * 1000, n as u64)).collect();
        let (key, body) = batch_saying(&events, |event| format!("{event:0TEXT_BYTES$}"));
        block_on(small.put_if_absent(&key, body)).unwrap();
    }
    for listed in all(&small) {
        let body = block_on(rewritten(&small, &listed, false));
        block_on(store.put_if_absent(&listed.key, body)).unwrap();
    }
    let report = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!((report.objects_in, report.objects_out, report.rows_out), (4, 1, 1200));
    let merged = all(&store);
    block_on(async {
        let file = OpenFile::open(&store, &merged[0]).await.unwrap();
        let mut rows = file.rows(&store, Order::OldestFirst, ColumnSet::ALL);
        while let Some(page) = rows.next_batch().await.unwrap() {
            assert!(page.len() <= MOST_ROWS, "{} rows", page.len());
        }
    });
}

/// Three row groups of which two make an object: the third goes with them where it is small.
#[test]
fn a_small_rest_does_not_become_an_object_of_its_own() {
    const TEXT_BYTES: usize = 200_000;
    const ROW_GROUP_BYTES: usize = 16 << 20;
    let text = |event: u64| {
        let mut state = event + 1;
        let word = |_| {
            state = state.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ state >> 29;
            format!("{state:016x}")
        };
        (0..TEXT_BYTES / 16).map(word).collect::<String>()
    };
    let events: Vec<_> =
        (0..(3 * ROW_GROUP_BYTES / TEXT_BYTES) as u64).map(|n| (n as i64 * MINUTE, n)).collect();
    let batches: Vec<_> = events.chunks(4).map(|events| batch_saying(events, text)).collect();
    let bytes: u64 = batches.iter().map(|(_, body)| body.len() as u64).sum();
    for (small_bytes, objects) in [(bytes / 4, 2), (bytes / 2, 1)] {
        let store = MemoryArchive::default();
        for (key, body) in &batches {
            block_on(store.put_if_absent(key, body.clone())).unwrap();
        }
        let limits = CompactLimits { target_bytes: bytes * 6 / 10, small_bytes, ..usual() };
        let report = block_on(compact(&store, limits, NEXT_DAY));
        assert_eq!((report.steps, report.objects_out, report.rows_out), (1, objects, events.len() as u64));
    }
}

#[test]
fn few_inputs_at_a_time_come_to_the_same() {
    let store = busy_day();
    let report = block_on(compact(&store, narrow(), NEXT_DAY));
    assert!(report.steps > 3, "{report:?}");
    assert_eq!(stored(&store), busy_events());
    drop(block_on(compact(&store, usual(), NEXT_DAY)));
    assert_eq!((kinds(&store), stored(&store)), ((0, 1), busy_events()));
}

#[test]
fn a_folder_is_compacted_like_a_bucket() {
    let (memory, folder) = (busy_day(), tempfile::tempdir().unwrap());
    let store = FolderArchive::new(folder.path());
    for (key, body) in memory.objects() {
        block_on(store.put_if_absent(&key, body)).unwrap();
    }
    let report = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!((report.rows_out, report.failures.len()), (BUSY.1, 0));
    drop(block_on(compact(&memory, usual(), NEXT_DAY)));
    let listed = block_on(store.list("logs/", None)).unwrap();
    assert_eq!(
        listed.iter().map(|l| &l.key).collect::<Vec<_>>(),
        memory.objects().keys().collect::<Vec<_>>()
    );
}

/// The process dies after any call, whatever the call was and did.
#[test]
fn a_crash_after_any_call_loses_and_doubles_nothing() {
    for limits in [usual(), narrow()] {
        let calls = {
            let store = busy_day();
            let around = Around::dying_at(&store, u32::MAX);
            drop(block_on(compact(&around, limits.clone(), NEXT_DAY)));
            around.calls()
        };
        assert!(calls > 20);
        for call in 1..=calls {
            let store = busy_day();
            let around = Around::dying_at(&store, call);
            let report = block_on(compact(&around, limits.clone(), NEXT_DAY));
            assert!(!report.failures.is_empty(), "call {call} of {calls}");
            assert_eq!(seen(&store), busy_events().into_keys().collect::<Vec<_>>(), "readers, call {call}");
            assert!(
                busy_events().keys().all(|event| stored(&store).contains_key(event)),
                "lost, call {call}"
            );

            let report = block_on(compact(&store, limits.clone(), NEXT_DAY));
            assert_eq!(report.failures, [""; 0], "call {call} of {calls}");
            assert_eq!(stored(&store), busy_events(), "call {call} of {calls}");
            assert_eq!(kinds(&store).0, 0, "call {call} of {calls}");
        }
    }
}

/// What a crash left behind is finished by deletion, not merged again.
#[test]
fn what_a_complete_merge_replaced_is_deleted_first() {
    let store = busy_day();
    let before = store.objects();
    drop(block_on(compact(&store, usual(), NEXT_DAY)));
    let merged = store.objects();
    for (key, body) in before {
        block_on(store.put_if_absent(&key, body)).unwrap();
    }
    let report = block_on(compact(&store, usual(), NEXT_DAY));
    assert_eq!((report.leftovers_deleted, report.steps), (11, 0));
    assert_eq!(store.objects(), merged);
}

#[test]
fn a_second_compactor_at_any_call_does_no_harm() {
    for limits in [usual(), narrow()] {
        let mut before_second = 0;
        loop {
            let store = busy_day();
            let (one, other) = (Around::waiting(&store), Around::waiting(&store));
            let runs = (compact(&one, limits.clone(), NEXT_DAY), compact(&other, limits.clone(), NEXT_DAY));
            let (polls, ..) = interleave(runs.0, runs.1, |turn| turn < before_second);
            settles(&store, &limits, &format!("after {before_second} calls"));
            before_second += 1;
            if polls < before_second {
                break;
            }
        }
        assert!(before_second > 8, "{before_second}");
    }
}

/// Whatever two runs left, readers see every event once, and a third run ends it.
fn settles(store: &MemoryArchive, limits: &CompactLimits, when: &str) {
    assert_eq!(seen(store), busy_events().into_keys().collect::<Vec<_>>(), "readers, {when}");
    let report = block_on(compact(store, limits.clone(), NEXT_DAY));
    assert_eq!(report.failures, [""; 0], "{when}");
    assert_eq!(stored(store), busy_events(), "{when}");
    assert_eq!(kinds(store).0, 0, "{when}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn two_compactors_in_any_order_do_no_harm(turns in prop::collection::vec(any::<bool>(), 300), is_narrow: bool) {
        let store = busy_day();
        let limits = if is_narrow { narrow() } else { usual() };
        let (one, other) = (Around::waiting(&store), Around::waiting(&store));
        let runs = (compact(&one, limits.clone(), NEXT_DAY), compact(&other, usual(), NEXT_DAY));
        drop(interleave(runs.0, runs.1, |turn| turns[turn as usize % turns.len()]));
        settles(&store, &limits, "in this order");
    }

    /// Two compactors, one of which dies, and late events in between.
    #[test]
    fn crashes_and_late_events_in_any_order(deaths in prop::collection::vec(1..80_u32, 1..5)) {
        let store = busy_day();
        let mut expected = busy_events();
        for (death, event) in deaths.into_iter().zip(300..) {
            let dying = Around::dying_at(&store, death);
            drop(block_on(compact(&dying, narrow(), NEXT_DAY)));
            put(&store, &[((event as i64 - 299) * 20 * MINUTE, event), (0, 0)]);
            expected.insert(event, 1);
            prop_assert_eq!(seen(&store), expected.keys().copied().collect::<Vec<_>>());
        }
        let report = block_on(compact(&store, usual(), NEXT_DAY));
        prop_assert_eq!(report.failures, [""; 0]);
        prop_assert_eq!(stored(&store), expected);
    }
}

#[test]
fn foreign_and_damaged_objects_are_reported_and_left_and_stop_nothing() {
    let store = busy_day();
    let (damaged, body) = batch(&[(10 * MINUTE, 400), (30 * MINUTE, 401)]);
    let middle = body.len() / 3;
    let mut broken = body.to_vec();
    broken[4..middle].fill(0xA5);
    let foreign = [
        ("logs/readme.txt", Bytes::from_static(b"hello")),
        ("logs/class=forever/dt=2024-12-18/x.parquet", Bytes::from_static(b"x")),
        ("logs/class=standard/dt=2024-12-18/x.parquet", Bytes::from_static(b"x")),
        ("logs/class=standard/dt=yesterday/x.parquet", Bytes::from_static(b"x")),
        (damaged.as_str(), Bytes::from(broken)),
    ];
    for (key, body) in &foreign {
        assert_eq!(block_on(store.put_if_absent(&ObjectKey::new(*key), body.clone())).unwrap(), Put::Created);
    }
    let scratch = tempfile::tempdir().unwrap();
    let compactor = Compactor::new(&store, scratch.path(), usual());
    for runs in 0..2 {
        let report = block_on(compactor.run(Scope::default(), NEXT_DAY, &|| Duration::from_secs(900)));
        assert_eq!(report.foreign, foreign.len() as u64, "{report:?}");
        let mut named: Vec<_> = report.foreign_named.iter().map(|skipped| skipped.key.as_str()).collect();
        named.sort_unstable();
        let mut expected = foreign.each_ref().map(|(key, _)| *key);
        expected.sort_unstable();
        assert_eq!(named, expected);
        assert_eq!((report.failures, report.steps), (vec![], 1 - runs), "once merged, nothing is left to do");
    }
    for (key, body) in foreign {
        assert_eq!(block_on(store.get(&ObjectKey::new(key))).unwrap(), Some(body), "it stays");
        block_on(store.delete(&[ObjectKey::new(key)])).unwrap().deleted.pop().unwrap();
    }
    assert_eq!((kinds(&store), stored(&store)), ((0, 1), busy_events()));
}

#[test]
fn an_object_that_cannot_be_deleted_is_named_and_comes_next_time() {
    let store = busy_day();
    let stays = all(&store)[3].key.clone();
    store.refuse_deletion(stays.clone());
    for leftovers in [0, 0] {
        let report = block_on(compact(&store, usual(), NEXT_DAY));
        assert_eq!((report.undeleted, report.leftovers_deleted), (1, leftovers));
        assert_eq!(report.undeleted_named[0].0, stays);
        assert_eq!(kinds(&store), (1, 1), "it is not merged again and again");
    }
}

#[test]
fn what_a_hold_covers_is_written_so_that_it_stays() {
    let hold = |from: &str, to: &str| {
        format!(r#"{{"from":"{from}","to":"{to}","reason":"r","by":"b","created":"2024-12-19T00:00:00Z"}}"#)
    };
    for (from, to, expected) in [
        ("2024-12-18T05:00:00Z", "2024-12-18T06:00:00Z", Expiry::Held),
        ("2024-12-17T00:00:00Z", "2024-12-18T00:00:00Z", Expiry::On),
    ] {
        let store = busy_day();
        block_on(store.put_if_absent(&ObjectKey::new("holds/case-7.json"), hold(from, to).into())).unwrap();
        drop(block_on(compact(&store, usual(), NEXT_DAY)));
        assert_eq!(block_on(store.expiry(&all(&store)[0].key)).unwrap(), Some(expected));
    }
}

/// An object without company is not rewritten, and `ingest` wrote it so that it expires.
#[test]
fn what_a_hold_covers_stays_though_nothing_is_merged() {
    let body = r#"{"class":"standard","reason":"r","by":"b","created":"2024-12-17T00:00:00Z"}"#;
    for (written, expected) in [(NEXT_DAY - 4 * HOUR, Expiry::Held), (NEXT_DAY - 2 * HOUR, Expiry::On)] {
        let store = MemoryArchive::default();
        store.set_now(written);
        let key = put(&store, &[(DAY, 1)]);
        block_on(store.put_if_absent(&ObjectKey::new("holds/a.json"), body.into())).unwrap();
        drop(block_on(compact(&store, usual(), NEXT_DAY)));
        assert_eq!(block_on(store.expiry(&key)).unwrap(), Some(expected));
    }
}

/// A hold that is set at any moment of a run: whoever sets it lists the objects
/// afterwards; what the run wrote meanwhile must not slip through.
#[test]
fn a_hold_that_comes_meanwhile_is_seen() {
    let body = r#"{"class":"standard","reason":"r","by":"b","created":"2024-12-19T00:00:00Z"}"#;
    let mut before_hold = 0;
    loop {
        let store = busy_day();
        let around = Around::waiting(&store);
        let hold = async {
            store
                .put_if_absent(&ObjectKey::new("holds/a.json"), Bytes::from_static(body.as_bytes()))
                .await
                .unwrap();
            for listed in store.list("logs/", None).await.unwrap() {
                store.set_expiry(&listed.key, Expiry::Held).await.unwrap();
            }
        };
        let run = async {
            drop(compact(&around, usual(), NEXT_DAY).await);
        };
        let (polls, ..) = interleave(run, hold, |turn| turn < before_hold);
        for listed in all(&store) {
            assert_eq!(
                block_on(store.expiry(&listed.key)).unwrap(),
                Some(Expiry::Held),
                "after {before_hold} calls"
            );
        }
        before_hold += 1;
        if polls < before_hold {
            break;
        }
    }
}

#[test]
fn an_old_partition_gets_what_is_new_and_keeps_what_it_has() {
    let store = busy_day();
    drop(block_on(compact(&store, usual(), NEXT_DAY)));
    let first = all(&store)[0].clone();
    // Long afterwards: two events that are there, and two that are not.
    put(&store, &[(0, 0), (HOUR, 500)]);
    put(&store, &[(2 * HOUR, 501), (5 * HOUR, 18)]);
    let old = DAY + 20 * 24 * HOUR;
    drop(block_on(compact(&store, usual(), old + 5 * HOUR)));
    assert_eq!(kinds(&store), (2, 1), "old partitions are looked at once a day");
    let report = block_on(compact(&store, usual(), old + 3 * HOUR));
    assert_eq!((report.rows_in, report.rows_out, report.duplicates), (4, 2, 2));
    let mut expected = busy_events();
    expected.extend(once([500, 501]));
    assert_eq!((kinds(&store), stored(&store)), ((0, 2), expected));
    assert!(all(&store).contains(&first), "it was not rewritten, and expires when it would have");

    // What holds nothing new is deleted without a trace.
    put(&store, &[(0, 0)]);
    let scope = Scope { class: Some(RetentionClass::Standard), day: Some("2024-12-18".parse().unwrap()) };
    let scratch = tempfile::tempdir().unwrap();
    let compactor = Compactor::new(&store, scratch.path(), usual());
    let report = block_on(compactor.run(scope, old + 5 * HOUR, &|| Duration::from_secs(900)));
    assert_eq!(
        (report.steps, report.objects_out, kinds(&store)),
        (1, 0, (0, 2)),
        "an operator may ask at any time"
    );
}

/// Two that come to an old partition at once, each with another listing: what
/// both wrote is merged, although nothing else there is.
#[test]
fn a_second_compactor_in_an_old_partition_does_no_harm_either() {
    let compacted = busy_day();
    drop(block_on(compact(&compacted, usual(), NEXT_DAY)));
    let old = DAY + 20 * 24 * HOUR + 3 * HOUR;
    let mut expected = busy_events();
    expected.extend(once([500, 501, 502]));
    let mut before_second = 0;
    loop {
        let store = MemoryArchive::default();
        for (key, body) in compacted.objects() {
            block_on(store.put_if_absent(&key, body)).unwrap();
        }
        store.set_now(old);
        put(&store, &[(0, 0), (HOUR, 500)]);
        put(&store, &[(30 * MINUTE, 501)]);
        let (one, other) = (Around::waiting(&store), Around::waiting(&store));
        let second = async {
            let (key, body) = batch(&[(40 * MINUTE, 502), (HOUR, 500)]);
            store.put_if_absent(&key, body).await.unwrap();
            compact(&other, usual(), old).await
        };
        let (polls, ..) = interleave(compact(&one, usual(), old), second, |turn| turn < before_second);
        assert_eq!(seen(&store), expected.keys().copied().collect::<Vec<_>>(), "after {before_second} calls");
        drop(block_on(compact(&store, usual(), old)));
        assert_eq!(
            (kinds(&store), stored(&store)),
            ((0, 2), expected.clone()),
            "after {before_second} calls"
        );
        assert_eq!(
            all(&store).iter().filter(|listed| listed.modified_millis == 0).count(),
            1,
            "what was there stays as it is"
        );
        before_second += 1;
        if polls < before_second {
            break;
        }
    }
}

#[test]
fn a_run_stops_with_time_in_hand_and_the_next_goes_on() {
    let store = busy_day();
    let mut runs = 0;
    loop {
        // Each look at the clock costs a second; the reserve is 60.
        let seconds = AtomicU64::new(67);
        let time_left = || Duration::from_secs(seconds.fetch_sub(1, Ordering::Relaxed));
        let scratch = tempfile::tempdir().unwrap();
        let compactor = Compactor::new(&store, scratch.path(), narrow());
        let report = block_on(compactor.run(Scope::default(), NEXT_DAY, &time_left));
        assert_eq!(report.failures, [""; 0]);
        assert!(seconds.into_inner() >= 57, "it does not go on without time");
        assert_eq!(seen(&store), busy_events().into_keys().collect::<Vec<_>>());
        runs += 1;
        if report.steps_left == 0 {
            break;
        }
    }
    assert!((2..20).contains(&runs), "{runs}");
    assert_eq!(stored(&store), busy_events());
}

/// One partition's trouble is not the next one's; when all have it, there is no use in going on.
#[test]
fn a_partition_that_fails_stops_no_other_and_five_are_enough() {
    for (days, partitions, failures) in [(1, 1, 1), (4, 4, 4), (5, 5, 6), (7, 5, 6)] {
        let store = MemoryArchive::default();
        for day in 0..days {
            put(&store, &[(-24 * HOUR * (day as i64 % 7), day)]);
        }
        let around = Around::refusing_files(&store);
        let report = block_on(compact(&around, usual(), NEXT_DAY));
        assert_eq!((report.partitions, report.failures.len()), (partitions, failures), "{report:?}");
        assert!(report.failures[0].contains("/dt=2024-12-1"), "{report:?}");
        assert_eq!(kinds(&store), (days as usize, 0), "nothing is deleted");
    }
}

#[test]
fn more_objects_than_are_looked_at_come_next_time() {
    let store = busy_day();
    let limits = CompactLimits { max_listed: 4, ..usual() };
    let mut before = 12;
    for _ in 0..10 {
        let report = block_on(compact(&store, limits.clone(), NEXT_DAY));
        assert_eq!((report.failures.len(), report.partitions), (0, 1));
        let now = all(&store).len();
        assert!(now < before || now == 1, "{now} of {before}");
        before = now;
    }
    assert_eq!((kinds(&store), stored(&store)), ((0, 1), busy_events()));
}
