//! `catchment export`: rows of the archive, in order of time, each once, to a file.
//!
//! An export is committed at moments between two times ([`state`]). What comes
//! after the last commit is written anew: when the command is given again after
//! an interruption, and when the compactor replaces an object while it is read.

pub mod args;
mod columns;
mod query;
mod sink;
mod state;

use std::future::Future;
use std::io::{self, Write};
use std::path::Path;
use std::pin::pin;

use catchment_archive::{ArchiveReader, Listed, ObjectReader, ReadCounts, ReadError};
use catchment_aws::clock::{Clock, SystemClock};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;

use crate::archive::Archive;
use crate::failure::{Failure, innermost};
use crate::output::{bytes, count};
use args::{ExportArgs, ExportFormat};
use query::Query;
use sink::Sink;
use state::{Progress, State, StateFile};

/// Text is made durable, and the state written, when so many bytes came.
const COMMIT_BYTES: u64 = 16 << 20;
/// How often in a row objects may vanish without the export getting further. A
/// compactor replaces an hour's objects once.
const MAX_RELISTS: u32 = 10;
/// Rows between two looks at what else happens (Ctrl-C).
const ROWS_AT_ONCE: u64 = if cfg!(test) { 1 } else { 1024 };

/// Runs the command.
pub async fn run(args: ExportArgs) -> Result<(), Failure> {
    let query = Query::new(&args, SystemClock.now_millis());
    let archive = Archive::open(&args.archive, &args.stack, &args.access).await?;
    export(&archive, query, &args).await
}

async fn export<S: ObjectReader>(store: &S, query: Query, args: &ExportArgs) -> Result<(), Failure>
where
    Failure: From<S::Error>,
{
    let mut output = Output::open(&args.output, args.format, &query)?;
    let bar = bar();
    if !bar.is_hidden() {
        bar.set_length(bytes_in(store, &query).await?);
    }
    let interrupt = async { drop(tokio::signal::ctrl_c().await) };
    let done = output.fill(store, &query, &bar, interrupt).await;
    bar.finish_and_clear();
    let counts = done?;
    let rows = output.state.progress.rows;
    summarise(rows, &counts, &args.output);
    match counts.foreign.len() {
        0 => Ok(()),
        n => Err(Failure::Incomplete(format!(
            "{n} foreign or damaged objects were left out, {} among them ({})",
            counts.foreign.first().map(|it| it.key.to_string()).unwrap_or_default(),
            counts.foreign.first().map(|it| it.reason.as_str()).unwrap_or_default(),
        ))),
    }
}

/// Where rows go, and how far they have come.
struct Output {
    sink: Sink,
    state: State,
    /// None where the output is a pipe: what went out cannot be gone on with.
    file: Option<StateFile>,
}

/// Why a pass over the archive ended before its time.
enum Stop {
    /// An object vanished: list again.
    Gone(String),
    /// Ctrl-C.
    Interrupted,
    /// For good.
    Failed(Failure),
}

impl<T: Into<Failure>> From<T> for Stop {
    fn from(failure: T) -> Self {
        Self::Failed(failure.into())
    }
}

impl Output {
    /// Begins an export, or goes on with one that was interrupted.
    fn open(path: &Path, format: ExportFormat, query: &Query) -> Result<Self, Failure> {
        let fresh = State::new(query.text.clone(), query.range.first_millis, query.range.last_millis);
        let is_pipe = path == Path::new("-") || path.metadata().is_ok_and(|it| !it.is_file() && !it.is_dir());
        if is_pipe {
            if format == ExportFormat::Parquet {
                return Err(Failure::Usage("Parquet goes into a folder; name one with --output".into()));
            }
            return Ok(Self {
                sink: Sink::pipe(format).map_err(Failure::writing)?,
                state: fresh,
                file: None,
            });
        }
        let file = StateFile::beside(path);
        let state = match file.read()? {
            Some(state) if state.query == query.text => state,
            Some(other) => {
                return Err(Failure::Rejected(format!(
                    "{} is of another export that was interrupted: {}; give that command again to go on with it, \
                     or remove it and its output to begin anew",
                    file.path().display(),
                    other.query
                )));
            }
            None if is_taken(path) => {
                return Err(Failure::Rejected(format!(
                    "{} is there already, and no export of it was interrupted; remove it, or name another with --output",
                    path.display()
                )));
            }
            None => fresh,
        };
        let opening =
            |source| Failure::File { action: format!("{} cannot be written", path.display()), source };
        file.write(&state).map_err(opening)?;
        let sink = match format {
            ExportFormat::Parquet => Sink::folder(path, &state.progress),
            ExportFormat::Ndjson | ExportFormat::Csv => Sink::file(format, path, &state.progress),
        };
        Ok(Self { sink: sink.map_err(opening)?, state, file: Some(file) })
    }

    /// Writes every row that is missing, and ends the export.
    async fn fill<S: ObjectReader>(
        &mut self,
        store: &S,
        query: &Query,
        bar: &ProgressBar,
        interrupt: impl Future<Output = ()>,
    ) -> Result<ReadCounts, Failure>
    where
        Failure: From<S::Error>,
    {
        let mut interrupt = pin!(interrupt);
        let mut total = ReadCounts::default();
        // How far whole times have come; the state follows it, commit by commit.
        let mut reached = self.state.progress.clone();
        let mut relists = 0;
        loop {
            let before = reached.clone();
            let stop = self.pass(store, query, bar, interrupt.as_mut(), &mut reached, &mut total).await;
            match stop {
                Ok(()) => {
                    self.commit(&mut reached)?;
                    if let Some(file) = &self.file {
                        file.remove().map_err(Failure::writing)?;
                    }
                    return Ok(total);
                }
                Err(Stop::Gone(key)) => {
                    relists = if before == reached { relists + 1 } else { 0 };
                    if !self.sink.take_back() || relists > MAX_RELISTS {
                        return Err(Failure::Network(format!(
                            "{key} was replaced while it was read; give the command again"
                        )));
                    }
                    if matches!(self.sink, Sink::Parts(_)) {
                        reached = self.state.progress.clone();
                    }
                }
                Err(Stop::Interrupted) => {
                    self.sink.take_back();
                    if matches!(self.sink, Sink::Text(_)) {
                        self.commit(&mut reached)?;
                    }
                    let Some(file) = &self.file else {
                        return Err(Failure::Interrupted("interrupted".to_owned()));
                    };
                    return Err(Failure::Interrupted(format!(
                        "interrupted; {} rows are written; give the command again to go on ({} says where)",
                        self.state.progress.rows,
                        file.path().display()
                    )));
                }
                Err(Stop::Failed(failure)) => {
                    // What is whole is kept for the next time, if that can be.
                    self.sink.take_back();
                    if matches!(self.sink, Sink::Text(_)) && !matches!(failure, Failure::OutputClosed) {
                        self.commit(&mut reached).ok();
                    }
                    return Err(failure);
                }
            }
        }
    }

    /// Reads what is missing, until its end or until something comes between.
    async fn pass<S: ObjectReader>(
        &mut self,
        store: &S,
        query: &Query,
        bar: &ProgressBar,
        mut interrupt: std::pin::Pin<&mut impl Future<Output = ()>>,
        reached: &mut Progress,
        total: &mut ReadCounts,
    ) -> Result<(), Stop>
    where
        Failure: From<S::Error>,
    {
        let wanted = (self.state.first_millis, self.state.last_millis);
        let Some(rest) = query.rest(wanted, reached.time_millis) else { return Ok(()) };
        // Rows that repeat one that is there already are known by it: begin a little before.
        let range = query.with_repeats(rest, wanted);
        let left = |reached: &Progress| query.limit.map(|limit| limit.saturating_sub(reached.rows));
        if left(reached) == Some(0) {
            return Ok(());
        }
        let reader = ArchiveReader::new(store);
        let mut rows = tokio::select! {
            rows = reader.read(range, &query.classes, query.filter.clone(), query.order) => rows.map_err(of_read)?,
            () = &mut interrupt => return Err(Stop::Interrupted),
        };
        let mut whole = reached.rows;
        // Bytes of objects whose days are behind, whether they had to be read or not.
        let (mut days_left, mut behind, mut listed) = (rows.days_left(), 0, 0);
        let mut time = None;
        let outcome = loop {
            let row = tokio::select! {
                biased;
                row = rows.next() => row,
                () = &mut interrupt => break Err(Stop::Interrupted),
            };
            let row = match row {
                Ok(Some(row)) => row,
                Ok(None) => break Ok(()),
                Err(err) => break Err(of_read(err)),
            };
            let millis = row.timestamp.unwrap_or_default();
            if millis < rest.first_millis || millis > rest.last_millis {
                continue;
            }
            let row_time = Some(millis);
            let is_next = time.is_some() && time != row_time;
            if is_next {
                *reached = Progress { time_millis: time, rows: whole, ..reached.clone() };
                if self.sink.end_time().map_err(Failure::writing)?
                    && self.sink.uncommitted_bytes(&self.state.progress) >= COMMIT_BYTES
                {
                    self.commit(reached)?;
                }
            }
            time = row_time;
            self.sink.row(&row).map_err(Failure::writing)?;
            whole += 1;
            if query.limit == Some(whole) {
                break Ok(());
            }
            if whole.is_multiple_of(ROWS_AT_ONCE) {
                let counts = rows.counts();
                if days_left != rows.days_left() {
                    days_left = rows.days_left();
                    behind = listed;
                }
                listed = counts.bytes_listed;
                bar.set_position(behind.max(counts.bytes_read));
                bar.set_message(format!("{} rows", count(whole)));
                tokio::select! {
                    biased;
                    () = &mut interrupt => break Err(Stop::Interrupted),
                    () = tokio::task::yield_now() => {}
                }
            }
        };
        if outcome.is_ok() {
            *reached = Progress { time_millis: time.or(reached.time_millis), rows: whole, ..reached.clone() };
            self.sink.end_time().map_err(Failure::writing)?;
        }
        add(total, rows.counts());
        outcome
    }

    /// Makes durable what came so far, and remembers it.
    fn commit(&mut self, reached: &mut Progress) -> Result<(), Failure> {
        self.sink.commit(reached).map_err(Failure::writing)?;
        self.state.progress = reached.clone();
        match &self.file {
            Some(file) => file.write(&self.state).map_err(Failure::writing),
            None => Ok(()),
        }
    }
}

/// Whether something stands there that an export would overwrite.
fn is_taken(path: &Path) -> bool {
    match path.read_dir() {
        Ok(mut entries) => entries.next().is_some(),
        Err(_) => path.metadata().is_ok_and(|it| it.len() > 0),
    }
}

/// The bytes of the objects that the query is about: what the bar is a share of.
async fn bytes_in<S: ObjectReader>(store: &S, query: &Query) -> Result<u64, Failure>
where
    Failure: From<S::Error>,
{
    let mut bytes = 0;
    for class in &query.classes {
        let prefix = format!("logs/class={}/", class.as_str());
        // Objects lie in the folders of the days of all their rows.
        let folder = |millis| Timestamp::from_millisecond(millis).map(|time| format!("{prefix}dt={time:.0}"));
        let mut after =
            folder(query.range.first_millis).ok().and_then(|it| Some(it.split_once('T')?.0.to_owned()));
        let end = folder(query.range.last_millis).ok();
        loop {
            let page = store.list(&prefix, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.to_string());
            let in_range = |listed: &&Listed| {
                let key = listed.key.parse();
                key.is_some_and(|key| {
                    key.first_millis <= query.range.last_millis && key.last_millis >= query.range.first_millis
                })
            };
            bytes += page.iter().filter(in_range).map(|listed| listed.bytes).sum::<u64>();
            // `dt=2026-11-21T…` is behind every key of that day: `T` comes after `/`.
            if end.as_deref().is_some_and(|end| last.key.as_str() > end) {
                break;
            }
        }
    }
    Ok(bytes)
}

fn of_read<E>(err: ReadError<E>) -> Stop
where
    Failure: From<E>,
    E: std::error::Error + 'static,
{
    match err {
        ReadError::Gone { key } => Stop::Gone(key.to_string()),
        ReadError::Store { source, .. } | ReadError::List { source, .. } => Stop::Failed(source.into()),
        foreign @ ReadError::Foreign { .. } => Stop::Failed(Failure::Rejected(innermost(&foreign))),
    }
}

fn add(total: &mut ReadCounts, more: ReadCounts) {
    total.objects_listed = more.objects_listed;
    total.objects_read += more.objects_read;
    total.bytes_read += more.bytes_read;
    for skipped in more.foreign {
        if !total.foreign.contains(&skipped) {
            total.foreign.push(skipped);
        }
    }
}

/// On standard error while it is a terminal; elsewhere it shows nothing.
fn bar() -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template("{percent:>3} % {wide_bar} {bytes}/{total_bytes}  {msg}  {eta}")
    {
        bar.set_style(style);
    }
    bar
}

fn summarise(rows: u64, counts: &ReadCounts, output: &Path) {
    let mut stderr = io::stderr().lock();
    for skipped in &counts.foreign {
        // A closed standard error does not spoil an export that is there.
        writeln!(stderr, "left out: {}: {}", skipped.key, skipped.reason).ok();
    }
    let place = if output == Path::new("-") { String::new() } else { format!(" to {}", output.display()) };
    writeln!(
        stderr,
        "exported: {} rows{place}; {} of {} objects opened, {} read, {} left out",
        count(rows),
        counts.objects_read,
        counts.objects_listed,
        bytes(counts.bytes_read),
        counts.foreign.len()
    )
    .ok();
}

#[cfg(test)]
mod tests;
