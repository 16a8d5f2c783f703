//! Exports that are interrupted anywhere end as if they had not been.

use std::future::poll_fn;
use std::ops::Range;
use std::path::PathBuf;
use std::task::Poll;

use bytes::Bytes;
use catchment_archive::{ArchiveStore, Listed, MemoryArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, RetentionClass, Source, redact};
use clap::Parser;

use super::*;
use crate::args::{Cli, Command};

/// 2024-12-18T23:59:59.990Z.
const START: i64 = 1_734_566_399_990;

/// Three batches across midnight, some records in two of them, some at one time, and a foreign object.
async fn archive() -> MemoryArchive {
    let store = MemoryArchive::default();
    let source = Source::new("1", "r", LogGroup::new("/ecs/web"), LogStream::new("s"), "prod");
    for batch in 0..3_i64 {
        let texts: Vec<_> = (0..30).map(|n| format!("batch {batch} says, \"{n}\"")).collect();
        let lines: Vec<_> = texts.iter().map(|text| redact(text)).collect();
        let ids: Vec<_> =
            (0..30).map(|n| if n < 3 { format!("{n:056}") } else { format!("{batch}{n:055}") }).collect();
        let records: Vec<_> = lines
            .iter()
            .zip(&ids)
            .enumerate()
            .map(|(n, (line, id))| {
                LogRecord::parse(
                    line,
                    &source,
                    id,
                    EventTime::Arrived(START + i64::try_from(n).unwrap() / 3 * 2),
                )
            })
            .collect();
        for (day, part) in split_by_day(&records) {
            let id = BatchId::of_payload(format!("{batch}").as_bytes());
            let class = if batch == 2 { RetentionClass::Long } else { RetentionClass::Short };
            let key = ObjectKey::of_batch(class, day, part, &id);
            store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
        }
    }
    store
}

fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("catchment-export-{}-{name}", std::process::id()));
    std::fs::remove_dir_all(&folder).ok();
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn typed(more: &[&str]) -> (ExportArgs, Query) {
    let words = ["catchment", "export", "--from", "2024-12-18", "--to", "2024-12-20", "--from-folder", "x"];
    let cli = Cli::try_parse_from(words.iter().chain(more)).unwrap();
    let Command::Export(args) = cli.command else { panic!("an export") };
    let query = Query::new(&args, 0);
    (*args, query)
}

/// One run of the command, which is interrupted at the `polls`-th look at the interrupt.
async fn run(
    store: &MemoryArchive,
    more: &[&str],
    output: &Path,
    polls: usize,
) -> Result<ReadCounts, Failure> {
    let (args, query) = typed(more);
    let mut output = Output::open(output, args.format, &query)?;
    let mut left = polls;
    let interrupt = poll_fn(move |_| {
        left = left.saturating_sub(1);
        if left == 0 { Poll::Ready(()) } else { Poll::Pending }
    });
    output.fill(store, &query, &ProgressBar::hidden(), interrupt).await
}

#[tokio::test]
async fn an_export_that_is_interrupted_anywhere_goes_on_and_ends_the_same() {
    let store = archive().await;
    let folder = scratch("anywhere");
    for (name, more) in [
        ("oldest.ndjson", &[][..]),
        ("newest.ndjson", &["--order", "newest"]),
        ("some.csv", &["--format", "csv", "--limit", "50"]),
    ] {
        let whole = folder.join(name);
        drop(run(&store, more, &whole, usize::MAX).await.unwrap());
        let whole = std::fs::read_to_string(&whole).unwrap();
        // 30 rows of the first batch, and 27 of each other: three are in all of them.
        let rows = if name == "some.csv" { 51 } else { 84 };
        assert_eq!(whole.lines().count(), rows, "{name}");
        for polls in [1, 2, 3, 5, 8, 13, 25, 40] {
            let path = folder.join(format!("{polls}-{name}"));
            let mut runs = 0;
            while let Err(failure) = run(&store, more, &path, polls).await {
                assert!(failure.to_string().contains("give the command again to go on"), "{failure}");
                runs += 1;
                // The first looks come before any row: this one gets no further however often it is run.
                if polls < 25 && runs == 3 {
                    drop(run(&store, more, &path, usize::MAX).await.unwrap());
                    break;
                }
                assert!(runs < 50, "it gets further each time");
            }
            assert_eq!(std::fs::read_to_string(&path).unwrap(), whole, "{name}, {polls}");
            assert!(StateFile::beside(&path).read().unwrap().is_none(), "the state is removed at the end");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn another_query_or_a_file_that_is_there_is_refused() {
    let store = archive().await;
    let folder = scratch("refused");
    let path = folder.join("rows");
    run(&store, &[], &path, 5).await.unwrap_err();
    let other = run(&store, &["--service", "x"], &path, usize::MAX).await.unwrap_err().to_string();
    assert!(
        other.contains("is of another export") && other.contains("--from 2024-12-18T00:00:00Z"),
        "{other}"
    );
    drop(run(&store, &[], &path, usize::MAX).await.unwrap());
    let again = run(&store, &[], &path, usize::MAX).await.unwrap_err().to_string();
    assert!(again.contains("is there already"), "{again}");
    // Somebody shortened the output of an interrupted export.
    let path = folder.join("shortened");
    run(&store, &[], &path, 20).await.unwrap_err();
    std::fs::write(&path, "").unwrap();
    let shortened = run(&store, &[], &path, usize::MAX).await.unwrap_err().to_string();
    assert!(shortened.contains("fewer than the"), "{shortened}");
    std::fs::write(folder.join("x.catchment-export"), "{}").unwrap();
    let broken = run(&store, &[], &folder.join("x"), usize::MAX).await.unwrap_err().to_string();
    assert!(broken.contains("does not say how far"), "{broken}");
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn parquet_goes_into_a_folder_and_begins_a_part_anew() {
    let store = archive().await;
    let folder = scratch("parquet");
    let parts = folder.join("parts");
    let more = ["--format", "parquet"];
    run(&store, &more, &parts, 20).await.unwrap_err();
    let counts = run(&store, &more, &parts, usize::MAX).await.unwrap();
    assert_eq!(counts.rows, 0, "what it took is told, rows by the state");
    let names: Vec<_> = parts.read_dir().unwrap().map(|it| it.unwrap().file_name()).collect();
    assert_eq!(names, ["part-00001.parquet"]);
    // The part is a file of the archive: read it as one.
    let body = std::fs::read(parts.join("part-00001.parquet")).unwrap();
    let copy = MemoryArchive::default();
    let day = jiff::civil::date(2024, 12, 18);
    let key = ObjectKey::of_merged(RetentionClass::Short, day, START, START, &"0".repeat(32));
    copy.put_if_absent(&key, Bytes::from(body)).await.unwrap();
    let ndjson = [folder.join("copy"), folder.join("first")];
    drop(run(&copy, &[], &ndjson[0], usize::MAX).await.unwrap());
    drop(run(&store, &[], &ndjson[1], usize::MAX).await.unwrap());
    let [copy, first] = ndjson.map(|path| std::fs::read_to_string(path).unwrap());
    assert_eq!(copy, first);
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
async fn what_is_foreign_is_left_out_and_counted() {
    let store = archive().await;
    let key = ObjectKey::new("logs/class=short/dt=2024-12-18/notes.txt");
    store.put_if_absent(&key, Bytes::from("x")).await.unwrap();
    let folder = scratch("foreign");
    let counts = run(&store, &[], &folder.join("rows"), usize::MAX).await.unwrap();
    assert_eq!(counts.foreign.len(), 1);
    assert_eq!(counts.foreign[0].key, key);
    assert_eq!(std::fs::read_to_string(folder.join("rows")).unwrap().lines().count(), 84);
    std::fs::remove_dir_all(folder).unwrap();
}

/// An archive whose objects are replaced under the reader's hands a number of times.
struct Replaced {
    archive: MemoryArchive,
    left: std::sync::atomic::AtomicU32,
}

impl Replaced {
    fn is_gone(&self) -> bool {
        let once_less = |left: u32| left.checked_sub(1);
        let order = std::sync::atomic::Ordering::Relaxed;
        self.left.fetch_update(order, order, once_less).is_ok()
    }
}

impl ObjectReader for Replaced {
    type Error = <MemoryArchive as ObjectReader>::Error;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, Self::Error> {
        self.archive.list(prefix, after).await
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Self::Error> {
        self.archive.folders(prefix).await
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, Self::Error> {
        if self.is_gone() { Ok(None) } else { self.archive.get(key).await }
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, Self::Error> {
        if self.is_gone() { Ok(None) } else { self.archive.get_range(key, range).await }
    }
}

#[tokio::test]
async fn objects_that_are_replaced_are_listed_again_up_to_the_limit() {
    let folder = scratch("relists");
    let (args, query) = typed(&["--class", "long"]);
    for (times, is_done) in [(MAX_RELISTS, true), (MAX_RELISTS + 1, false)] {
        // The objects of the class are opened together: each is gone, each time.
        let archive = archive().await;
        let objects = archive.objects().keys().filter(|key| key.as_str().contains("class=long")).count();
        assert_eq!(objects, 2, "one a day, and a day is read after the other");
        let store = Replaced { archive, left: times.into() };
        let mut output = Output::open(&folder.join(times.to_string()), args.format, &query).unwrap();
        let filled = output.fill(&store, &query, &ProgressBar::hidden(), std::future::pending()).await;
        assert_eq!(filled.is_ok(), is_done, "{times}");
        if let Err(failure) = filled {
            assert!(failure.to_string().contains("was replaced while it was read"), "{failure}");
        }
    }
    std::fs::remove_dir_all(folder).unwrap();
}
