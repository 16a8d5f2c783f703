//! What the archive costs to compact and to ask:
//! `cargo bench -p catchment-archive --bench archive -- [corpus …] [--gigabytes N] [--folder PATH]`.
//!
//! Each corpus is ingested as small objects into a folder of this disk, by the
//! code that ingests; some events come twice. Then it is compacted, and asked for
//! one `request_id`, for texts, in LogQL, and for everything. Every number is a `key=value`;
//! MB and GB are of raw lines, and decimal. What is asked first comes from a
//! disk whose cache may hold it: the files have just been written.
//!
//! Everything is on one core, and `raw_mb_a_second` is of the core's time, which
//! other work on the machine does not lengthen; `seconds` are a clock's. Nothing
//! of it passes or fails but the rows: what comes out must be what went in.

#![allow(
    missing_docs,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    clippy::string_slice,
    clippy::unwrap_used,
    dead_code
)]

#[path = "../chain/corpora.rs"]
mod corpora;
mod generate;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use catchment_archive::compact::{CompactLimits, CompactReport, Compactor, Scope};
use catchment_archive::query::{Plan, RowEntry};
use catchment_archive::{
    ArchiveReader, Filter, FolderArchive, Listed, Lookup, ObjectReader, Order, ReadCounts, TimeRange,
};
use catchment_logql::{EvalError, Expr, MetricQuery, PipelineContext, QueryTimes, QueryValue, parse};
use catchment_record::RetentionClass;
use corpora::{Corpus, START_MILLIS};
use generate::Sums;

const CLASSES: [RetentionClass; 1] = [RetentionClass::Standard];

fn main() {
    let mut gigabytes = 0.5;
    let mut folder = None;
    let mut chosen = Vec::new();
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--gigabytes" => gigabytes = words.next().and_then(|word| word.parse().ok()).expect("a number"),
            "--folder" => folder = words.next().map(PathBuf::from),
            // Cargo passes `--bench`.
            "--bench" => {}
            name => {
                chosen.push(Corpus::ALL.into_iter().find(|corpus| corpus.name() == name).expect("a corpus"))
            }
        }
    }
    if chosen.is_empty() {
        chosen.extend(Corpus::ALL);
    }
    let temporary = tempfile::tempdir().unwrap();
    let folder = folder.unwrap_or_else(|| temporary.path().to_owned());
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for corpus in chosen {
        let folder = folder.join(corpus.name());
        runtime.block_on(measure(corpus, (gigabytes * 1e9) as u64, &folder));
    }
}

async fn measure(corpus: Corpus, raw_bytes: u64, folder: &Path) {
    std::fs::create_dir_all(folder).unwrap();
    let store = FolderArchive::new(folder);
    let clock = phase();
    let sums = generate::generate(corpus, raw_bytes, &store).await;
    let small = list(&store).await;
    let bytes: u64 = small.iter().map(|listed| listed.bytes).sum();
    println!("corpus={} phase=ask request_id={} needle={}", corpus.name(), sums.request_id, sums.needle);
    say(corpus, "ingest", &sums, clock, &[("objects", small.len() as f64), ("bytes", bytes as f64)]);

    let clock = phase();
    let report = compact(&store).await;
    let merged = list(&store).await;
    let bytes: u64 = merged.iter().map(|listed| listed.bytes).sum();
    say(
        corpus,
        "compact",
        &sums,
        clock,
        &[
            ("objects", merged.len() as f64),
            ("bytes", bytes as f64),
            ("repeated_rows", report.duplicates as f64),
            ("steps", report.steps as f64),
        ],
    );

    let lookup = |id: &str| Filter { lookups: vec![Lookup::RequestId(id.to_owned())], ..Filter::default() };
    let contains = |text: &str| Filter { contains: vec![text.to_owned()], ..Filter::default() };
    for (name, filter) in [
        ("lookup", lookup(&sums.request_id)),
        ("lookup_again", lookup(&sums.request_id)),
        ("lookup_nothing", lookup("00000000-0000-0000-0000-000000000000")),
        ("needle", contains(&sums.needle)),
        ("needle_nothing", contains("zebra crossing")),
        ("needle_folded", contains(&sums.request_id)),
    ] {
        // Lines of some corpora have no id of their own.
        if filter.lookups.contains(&Lookup::RequestId(String::new()))
            || filter.contains.contains(&String::new())
        {
            continue;
        }
        let clock = phase();
        let (rows, counts) = ask(&store, filter).await;
        let share = 100.0 * counts.bytes_read as f64 / bytes as f64;
        say(
            corpus,
            name,
            &sums,
            clock,
            &[
                ("rows", rows as f64),
                ("read_percent", share),
                ("bytes_read", counts.bytes_read as f64),
                ("held_bytes", counts.peak_held_bytes as f64),
            ],
        );
    }

    let count = |inner: &str| {
        format!("sum by (service, detected_level) (count_over_time({{region=~\".+\"}} {inner}[1h]))")
    };
    for (name, query) in [
        ("logql_request", format!("{{region=~\".+\"}} | json | request_id=\"{}\"", sums.request_id)),
        ("logql_needle", format!("{{region=~\".+\"}} |= {:?}", sums.needle)),
        ("logql_count", count("")),
        ("logql_filter", count("|= \"e\" ")),
        // Lines of other corpora are no JSON.
        ("logql_json", count("| json | status_code >= 500 | drop __error__, __error_details__ ")),
    ] {
        if query.contains("\"\"") {
            continue;
        }
        let clock = phase();
        let (values, counts) = match logql(&store, &query).await {
            Ok(found) => found,
            Err(refused) => {
                println!("corpus={} phase={name} refused={refused}", corpus.name());
                continue;
            }
        };
        let share = 100.0 * counts.bytes_read as f64 / bytes as f64;
        say(corpus, name, &sums, clock, &[("rows", values as f64), ("read_percent", share)]);
    }

    let clock = phase();
    let (rows, counts) = ask(&store, Filter::default()).await;
    say(
        corpus,
        "scan",
        &sums,
        clock,
        &[("rows", rows as f64), ("held_bytes", counts.peak_held_bytes as f64)],
    );
    let clock = phase();
    let (found, zstd_bytes) = lines(&store).await;
    assert_eq!(
        (found.rows, found.bytes, found.hash),
        (sums.rows, sums.bytes, sums.hash),
        "rows are lost or doubled"
    );
    let ratio = bytes as f64 / zstd_bytes as f64;
    say(corpus, "lines_to_zstd3", &sums, clock, &[("bytes", zstd_bytes as f64), ("archive_to_zstd3", ratio)]);
}

/// One line of numbers: of the time since `clock`, and others.
fn say(corpus: Corpus, phase: &str, sums: &Sums, clock: Clock, numbers: &[(&str, f64)]) {
    let seconds = clock.since.elapsed().as_secs_f64();
    let core_seconds = (core_time() - clock.core).as_secs_f64();
    let rate = sums.bytes as f64 / 1e6 / core_seconds;
    print!(
        "corpus={} phase={phase} raw_bytes={} seconds={seconds:.3} core_seconds={core_seconds:.3} raw_mb_a_second={rate:.0}",
        corpus.name(),
        sums.bytes
    );
    for (name, number) in numbers {
        match number.fract() == 0.0 {
            true => print!(" {name}={number:.0}"),
            false => print!(" {name}={number:.3}"),
        }
    }
    println!(" peak_memory_bytes={}", peak_bytes());
    std::io::stdout().flush().unwrap();
}

/// The peak of memory begins anew, as far as the system lets it.
fn phase() -> Clock {
    let _ignored = std::fs::write("/proc/self/clear_refs", "5");
    Clock { since: Instant::now(), core: core_time() }
}

/// When a phase began.
struct Clock {
    since: Instant,
    core: Duration,
}

/// How long this thread was on a core; 0 where `/proc` does not say.
fn core_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    Duration::from_nanos(stat.split(' ').next().and_then(|nanos| nanos.parse().ok()).unwrap_or_default())
}

/// The process's peak resident memory since [`phase`]; 0 where `/proc` does not say.
fn peak_bytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|kb| kb.trim().parse::<u64>().ok()).unwrap_or_default() * 1024
}

async fn list(store: &FolderArchive) -> Vec<Listed> {
    let mut all: Vec<Listed> = Vec::new();
    loop {
        let after = all.last().map(|listed| listed.key.as_str().to_owned());
        let page = store.list("logs/", after.as_deref()).await.unwrap();
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Runs the compactor when the day of all events is long over.
async fn compact(store: &FolderArchive) -> CompactReport {
    let scratch = tempfile::tempdir().unwrap();
    let compactor = Compactor::new(store, scratch.path(), CompactLimits::default());
    let now_millis = START_MILLIS as i64 + 2 * 86_400_000;
    let report = compactor.run(Scope::default(), now_millis, &|| Duration::MAX).await;
    assert!(report.failures.is_empty() && report.foreign == 0 && report.undeleted == 0, "{report:?}");
    report
}

async fn ask(store: &FolderArchive, filter: Filter) -> (u64, ReadCounts) {
    let reader = ArchiveReader::new(store);
    let mut rows = reader.read(TimeRange::ALL, &CLASSES, filter, Order::NewestFirst).await.unwrap();
    let mut found = 0;
    while let Some(row) = rows.next().await.unwrap() {
        std::hint::black_box(&row);
        found += 1;
    }
    (found, rows.counts())
}

/// The lines of a query, or the values of an hour's windows over the day; an error
/// where those are of more lines than a query may hold.
async fn logql(store: &FolderArchive, query: &str) -> Result<(u64, ReadCounts), EvalError> {
    const HOUR: i64 = 3_600_000_000_000;
    let start = START_MILLIS as i64 * 1_000_000;
    let (order, expr) = match parse(query).unwrap() {
        Expr::Log(expr) => {
            let plan = Plan::of_log(&expr, start, start + 25 * HOUR);
            let mut found = 0;
            let counts = rows(store, plan, Order::NewestFirst, |entry| {
                found += u64::from(expr.process(entry, PipelineContext::default()).is_some());
                Ok(())
            });
            let counts = counts.await?;
            return Ok((found, counts));
        }
        Expr::Metric(expr) => (Order::OldestFirst, expr),
    };
    let times = QueryTimes::Range { start, end: start + 25 * HOUR, step: HOUR };
    let mut metric = MetricQuery::new(&expr, times, None).unwrap();
    let plan = Plan::of_metric(&expr, metric.span().unwrap());
    let counts = rows(store, plan, order, |entry| metric.add(entry)).await?;
    let Ok(QueryValue::Matrix(series)) = metric.finish() else { panic!("{query}") };
    Ok((series.iter().map(|one| one.points.len() as u64).sum(), counts))
}

/// Shows every row of a plan to `each`, up to its first error.
async fn rows(
    store: &FolderArchive,
    plan: Plan,
    order: Order,
    mut each: impl FnMut(&RowEntry<'_>) -> Result<(), EvalError>,
) -> Result<ReadCounts, EvalError> {
    let reader = ArchiveReader::new(store).columns(plan.columns);
    let mut rows = reader.read(plan.range, &CLASSES, plan.filter, order).await.unwrap();
    while let Some(row) = rows.next().await.unwrap() {
        each(&RowEntry::new(row))?;
    }
    Ok(rows.counts())
}

/// All lines as they came: their sums, and their size when zstd's level 3 compresses them joined.
async fn lines(store: &FolderArchive) -> (Sums, u64) {
    let reader = ArchiveReader::new(store);
    let mut rows =
        reader.read(TimeRange::ALL, &CLASSES, Filter::default(), Order::OldestFirst).await.unwrap();
    let mut sums = Sums::default();
    let mut zstd = zstd::stream::Encoder::new(Counted(0), 3).unwrap();
    while let Some(row) = rows.next().await.unwrap() {
        let line = row.line();
        sums.add(&row.event_id().unwrap(), &line);
        zstd.write_all(line.as_bytes()).unwrap();
        zstd.write_all(b"\n").unwrap();
    }
    (sums, zstd.finish().unwrap().0)
}

/// Counts what is written to it.
struct Counted(u64);

impl Write for Counted {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
