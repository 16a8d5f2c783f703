//! Archives to compact, what is in them, and stores that fail or wait.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;
use std::pin::pin;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::Bytes;
use catchment_archive::compact::{CompactLimits, CompactReport, Compactor, Scope};
use catchment_archive::{
    ArchiveStore, ColumnSet, Deleted, Expiry, Listed, MemoryArchive, Merge, MergeInput, MergeLimits,
    MergedWriter, ObjectKey, ObjectReader, ObjectWriter, OpenFile, Order, Put, StoredRow, split_by_day,
    write_parquet,
};
use catchment_record::{
    BatchId, EventTime, LogGroup, LogRecord, LogStream, Redacted, RetentionClass, Source, redact,
};

/// 2024-12-18T00:00:00Z.
pub const DAY: i64 = 1_734_480_000_000;
pub const MINUTE: i64 = 60_000;
pub const HOUR: i64 = 60 * MINUTE;
/// The day is closed, and not yet old; no old partition is looked at.
pub const NEXT_DAY: i64 = DAY + 34 * HOUR;

static SOURCE: LazyLock<Source> = LazyLock::new(|| {
    Source::new("123456789012", "eu-west-1", LogGroup::new("/ecs/shop"), LogStream::new("a/b/c"), "prod")
});
static EMPTY: LazyLock<Redacted<'static>> = LazyLock::new(|| redact(""));

pub fn id(event: u64) -> String {
    format!("{event:056}")
}

/// A batch with an event at each of these times of the day.
pub fn batch(events: &[(i64, u64)]) -> (ObjectKey, Bytes) {
    batch_saying(events, id)
}

/// A batch whose events say what they are told to.
pub fn batch_saying(events: &[(i64, u64)], text: impl Fn(u64) -> String) -> (ObjectKey, Bytes) {
    let event = |(millis, event): &(i64, u64)| (*millis, id(*event), text(*event));
    let mut events: Vec<_> = events.iter().map(event).collect();
    events.sort();
    let record = |(millis, id, text): &'static (i64, String, String)| {
        let mut record = LogRecord::parse(&EMPTY, &SOURCE, id, EventTime::Arrived(DAY + millis));
        record.message = Cow::Borrowed(text);
        record.line = text;
        record
    };
    let events: &'static [_] = events.leak();
    let records: Vec<_> = events.iter().map(record).collect();
    let (day, part) = split_by_day(&records).next().unwrap();
    assert_eq!(part.len(), records.len(), "events of one day");
    let name: Vec<&str> = events.iter().map(|(_, id, _)| id.as_str()).collect();
    let key = ObjectKey::of_batch(
        RetentionClass::Standard,
        day,
        part,
        &BatchId::of_payload(name.concat().as_bytes()),
    );
    (key, write_parquet(part).unwrap())
}

pub fn put(store: &MemoryArchive, events: &[(i64, u64)]) -> ObjectKey {
    let (key, body) = batch(events);
    assert_eq!(block_on(store.put_if_absent(&key, body)).unwrap(), Put::Created);
    key
}

/// Several hours of batches that overlap, with events that come twice.
pub fn busy_day() -> MemoryArchive {
    static BATCHES: LazyLock<Vec<(ObjectKey, Bytes)>> = LazyLock::new(|| {
        let mut batches = Vec::new();
        for (hour, first) in [(0, 0), (1, 9), (5, 18)] {
            for third in 0..3 {
                let at = |offset: i64| hour * HOUR + (third * 9 + offset) * MINUTE;
                let event = first + third as u64 * 3;
                batches.push(batch(&[(at(0), event), (at(4), event + 1), (at(11), event + 2)]));
            }
        }
        // Delivered again, in batches of their own.
        batches.push(batch(&[(0, 0), (20 * MINUTE, 100)]));
        batches.push(batch(&[(HOUR, 9), (2 * HOUR, 101)]));
        batches
    });
    let store = MemoryArchive::default();
    for (key, body) in BATCHES.iter() {
        assert_eq!(block_on(store.put_if_absent(key, body.clone())).unwrap(), Put::Created);
    }
    store
}

/// An object written anew: with its rows unfolded, as files of schema version 3 may
/// have them, or as a merge writes it.
pub async fn rewritten(store: &MemoryArchive, listed: &Listed, is_literal: bool) -> Bytes {
    let mut body = Vec::new();
    let writer = MergedWriter::new(&mut body).unwrap();
    let mut writer = if is_literal { writer.literal() } else { writer };
    let file = OpenFile::open(store, listed).await.unwrap();
    let mut rows = file.rows(store, Order::OldestFirst, ColumnSet::ALL);
    while let Some(batch) = rows.next_batch().await.unwrap() {
        for row in batch.rows() {
            let (line, message) = (row.line(), row.message());
            let (line, message) = (Some(&*line), Some(&*message));
            let (time_unix_nano, observed_timestamp) = (row.time_unix_nano(), row.observed_millis());
            let row = StoredRow { line, message, time_unix_nano, observed_timestamp, ..row };
            writer.push(&row).unwrap();
        }
    }
    let _written = writer.finish(&[]).unwrap();
    body.into()
}

/// The same objects, every second of schema version 3.
pub fn half_of_version_3(store: &MemoryArchive) -> MemoryArchive {
    let mixed = MemoryArchive::default();
    for (number, listed) in all(store).into_iter().enumerate() {
        let body = match number % 2 {
            0 => block_on(store.get(&listed.key)).unwrap().unwrap(),
            _ => block_on(rewritten(store, &listed, true)),
        };
        assert_eq!(block_on(mixed.put_if_absent(&listed.key, body)).unwrap(), Put::Created);
    }
    mixed
}

/// Batches of [`busy_day`], the events in them, and the rows.
pub const BUSY: (usize, u64, u64) = (11, 29, 31);

/// As deployed, but for the memory of events, which takes time to set up.
pub fn usual() -> CompactLimits {
    let merge = MergeLimits { max_seen_events: 1000, ..MergeLimits::default() };
    CompactLimits { merge, ..CompactLimits::default() }
}

/// Steps that take few inputs, and few at once: there are several, in levels.
pub fn narrow() -> CompactLimits {
    CompactLimits { max_inputs: 3, max_open_bytes: 600_000, ..usual() }
}

pub fn block_on<T>(work: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(work)
}

pub async fn compact<S: ObjectWriter>(store: &S, limits: CompactLimits, now: i64) -> CompactReport {
    let scratch = tempfile::tempdir().unwrap();
    let compactor = Compactor::new(store, scratch.path(), limits);
    let report = compactor.run(Scope::default(), now, &|| Duration::from_secs(900)).await;
    assert_eq!(std::fs::read_dir(scratch.path()).unwrap().count(), 0, "scratch files are removed");
    report
}

/// The events of all objects as they lie there, which Athena sees: event -> how often.
pub fn stored(store: &MemoryArchive) -> BTreeMap<u64, usize> {
    let mut events = BTreeMap::new();
    for listed in all(store) {
        if listed.key.parse().is_none() {
            continue;
        }
        block_on(async {
            let file = OpenFile::open(store, &listed).await.unwrap();
            let mut rows = file.rows(store, Order::OldestFirst, ColumnSet::ALL);
            while let Some(batch) = rows.next_batch().await.unwrap() {
                for row in batch.rows() {
                    let event = row.event_id().unwrap();
                    assert_eq!(row.message, Some(&*event));
                    *events.entry(event.parse().unwrap()).or_default() += 1;
                }
            }
        });
    }
    events
}

/// What readers see: objects that are replaced left out, the others merged.
pub fn seen(store: &MemoryArchive) -> Vec<u64> {
    let mut listed = all(store);
    block_on(async {
        let mut replaced = Vec::new();
        for object in &listed {
            replaced.extend(OpenFile::open(store, object).await.unwrap().replaces().iter().cloned());
        }
        listed.retain(|object| !replaced.contains(&object.key));
        let inputs = listed.into_iter().map(|listed| MergeInput { listed, known: false }).collect();
        let mut merge = Merge::new(store, inputs, Order::OldestFirst, usual().merge);
        let mut events = Vec::new();
        while let Some(row) = merge.next().await.unwrap() {
            events.push(row.event_id().unwrap().parse().unwrap());
        }
        events.sort_unstable();
        events
    })
}

pub fn all(store: &MemoryArchive) -> Vec<Listed> {
    block_on(store.list("logs/", None)).unwrap()
}

/// How many objects there are: of batches, and merged.
pub fn kinds(store: &MemoryArchive) -> (usize, usize) {
    let listed = all(store);
    let merged = listed.iter().filter(|listed| listed.key.parse().is_some_and(|key| key.is_merged())).count();
    (listed.len() - merged, merged)
}

/// Once each, for every event below `count` and those that were late.
pub fn once(events: impl IntoIterator<Item = u64>) -> BTreeMap<u64, usize> {
    events.into_iter().map(|event| (event, 1)).collect()
}

pub fn busy_events() -> BTreeMap<u64, usize> {
    once((0..27).chain([100, 101]))
}

#[derive(Debug, thiserror::Error)]
#[error("the process has died")]
pub struct Died;

/// A store over another, in which something happens at every call.
pub struct Around<'s> {
    store: &'s MemoryArchive,
    calls: AtomicU32,
    /// This call takes effect, but nobody learns of it; later ones are not made.
    dies_at: u32,
    /// Every call waits once before it is made.
    waits: bool,
    /// Files are not written.
    refuses_files: bool,
}

impl<'s> Around<'s> {
    pub fn dying_at(store: &'s MemoryArchive, call: u32) -> Self {
        Self { store, calls: AtomicU32::new(0), dies_at: call, waits: false, refuses_files: false }
    }

    pub fn waiting(store: &'s MemoryArchive) -> Self {
        Self { waits: true, ..Self::dying_at(store, u32::MAX) }
    }

    pub fn refusing_files(store: &'s MemoryArchive) -> Self {
        Self { refuses_files: true, ..Self::dying_at(store, u32::MAX) }
    }

    pub fn calls(&self) -> u32 {
        self.calls.load(Ordering::Relaxed)
    }

    async fn call<T>(
        &self,
        call: impl Future<Output = Result<T, catchment_archive::MemoryError>>,
    ) -> Result<T, Died> {
        let mut is_waiting = self.waits;
        std::future::poll_fn(|_| match std::mem::take(&mut is_waiting) {
            true => Poll::Pending,
            false => Poll::Ready(()),
        })
        .await;
        let number = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        if number > self.dies_at {
            return Err(Died);
        }
        let answer = call.await.unwrap();
        if number == self.dies_at { Err(Died) } else { Ok(answer) }
    }
}

impl ArchiveStore for Around<'_> {
    type Error = Died;

    async fn put_if_absent(&self, key: &ObjectKey, body: Bytes) -> Result<Put, Died> {
        self.call(self.store.put_if_absent(key, body)).await
    }
}

impl ObjectReader for Around<'_> {
    type Error = Died;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, Died> {
        self.call(self.store.list(prefix, after)).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Died> {
        self.call(self.store.folders(prefix)).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, Died> {
        self.call(self.store.get(key)).await
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, Died> {
        self.call(self.store.get_range(key, range)).await
    }
}

impl ObjectWriter for Around<'_> {
    async fn put_file_if_absent(&self, key: &ObjectKey, file: &Path, expiry: Expiry) -> Result<Put, Died> {
        if self.refuses_files {
            return Err(Died);
        }
        self.call(self.store.put_file_if_absent(key, file, expiry)).await
    }

    async fn delete(&self, keys: &[ObjectKey]) -> Result<Deleted, Died> {
        self.call(self.store.delete(keys)).await
    }

    async fn set_expiry(&self, key: &ObjectKey, expiry: Expiry) -> Result<bool, Died> {
        self.call(self.store.set_expiry(key, expiry)).await
    }

    async fn expiry(&self, key: &ObjectKey) -> Result<Option<Expiry>, Died> {
        self.call(self.store.expiry(key)).await
    }
}

/// Runs two futures, one poll at a time, as `turns` says; how many polls the
/// first had, and both outputs.
pub fn interleave<T>(
    first: impl Future<Output = T>,
    second: impl Future<Output = T>,
    mut first_is_next: impl FnMut(u32) -> bool,
) -> (u32, T, T) {
    let (mut first, mut second) = (pin!(first), pin!(second));
    let mut context = Context::from_waker(Waker::noop());
    let (mut one, mut other, mut polls) = (None, None, 0);
    for turn in 0.. {
        let is_first = one.is_none() && (other.is_some() || first_is_next(turn));
        if is_first {
            polls += 1;
            if let Poll::Ready(output) = first.as_mut().poll(&mut context) {
                one = Some(output);
            }
        } else if other.is_none()
            && let Poll::Ready(output) = second.as_mut().poll(&mut context)
        {
            other = Some(output);
        }
        if one.is_some() && other.is_some() {
            break;
        }
    }
    (polls, one.unwrap(), other.unwrap())
}
