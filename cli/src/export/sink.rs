//! Where rows go: a file or a pipe of text, or a folder of Parquet files. What
//! was not committed can be taken back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use catchment_archive::{MergedWriter, StoredRow, escape_line};

use super::args::ExportFormat;
use super::columns::{write_csv, write_csv_header, write_ndjson};
use super::state::Progress;

/// Text of one time that is held back until all rows of the time are there, in
/// bytes; what is beyond goes out, and cannot be taken back.
const MAX_PENDING_BYTES: usize = 64 << 20;
/// Text is written when there is this much of it, in bytes.
const WRITE_BYTES: usize = 1 << 20;
/// A part of a Parquet export ends when it has this many bytes.
const PART_BYTES: u64 = 128 << 20;

/// Takes rows.
pub enum Sink {
    /// NDJSON or CSV.
    Text(Box<TextSink>),
    /// Parquet.
    Parts(Box<PartsSink>),
}

/// Rows as text.
pub struct TextSink {
    format: ExportFormat,
    out: Box<dyn Write + Send>,
    /// Where `out` is a file: to make what was written durable.
    file: Option<File>,
    /// Whole times, not written yet.
    ready: Vec<u8>,
    /// Rows of the time that is not whole yet.
    pending: Vec<u8>,
    /// Bytes of whole times, those in `ready` included.
    bytes: u64,
    /// [`MAX_PENDING_BYTES`].
    max_pending_bytes: usize,
    /// Bytes of the time that is not whole yet, and went out all the same.
    torn_bytes: u64,
}

/// Rows as Parquet files.
pub struct PartsSink {
    folder: PathBuf,
    part: Option<MergedWriter<io::BufWriter<File>>>,
    /// [`PART_BYTES`].
    part_bytes: u64,
    parts: u32,
}

impl Sink {
    /// Standard output.
    pub fn pipe(format: ExportFormat) -> io::Result<Self> {
        let mut sink = TextSink::new(format, Box::new(io::stdout()), None);
        sink.begin()?;
        Ok(Self::Text(Box::new(sink)))
    }

    /// A file, of which `progress` says how much is kept; new where it says nothing.
    pub fn file(format: ExportFormat, path: &Path, progress: &Progress) -> io::Result<Self> {
        let is_new = progress.bytes == 0;
        let mut file = OpenOptions::new().write(true).create(true).truncate(false).open(path)?;
        let length = file.metadata()?.len();
        if length < progress.bytes {
            return Err(io::Error::other(format!(
                "it has {length} bytes, fewer than the {} that the interrupted export wrote; remove it and its \
                 .catchment-export to begin anew",
                progress.bytes
            )));
        }
        file.set_len(progress.bytes)?;
        file.seek(SeekFrom::End(0))?;
        let mut sink = TextSink::new(format, Box::new(file.try_clone()?), Some(file));
        sink.bytes = progress.bytes;
        if is_new {
            sink.begin()?;
        }
        Ok(Self::Text(Box::new(sink)))
    }

    /// A folder, of which `progress` says how many parts are kept.
    pub fn folder(path: &Path, progress: &Progress) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        let (folder, parts) = (path.to_owned(), progress.parts);
        Ok(Self::Parts(Box::new(PartsSink { folder, part: None, part_bytes: PART_BYTES, parts })))
    }

    /// Takes a row.
    pub fn row(&mut self, row: &StoredRow<'_>) -> io::Result<()> {
        match self {
            Self::Text(sink) => sink.row(row),
            Self::Parts(sink) => sink.row(row),
        }
    }

    /// All rows of a time are there. Whether what was given up to here can be
    /// committed now: with text always, with Parquet when a part is full.
    pub fn end_time(&mut self) -> io::Result<bool> {
        match self {
            Self::Text(sink) => sink.end_time().map(|()| true),
            Self::Parts(sink) => {
                Ok(sink.part.as_ref().is_some_and(|part| part.bytes_written() >= sink.part_bytes))
            }
        }
    }

    /// Bytes that were taken and are not durable yet.
    pub fn uncommitted_bytes(&self, since: &Progress) -> u64 {
        match self {
            Self::Text(sink) => sink.bytes.saturating_sub(since.bytes),
            // A part that is full must be ended.
            Self::Parts(_) => u64::MAX,
        }
    }

    /// Makes everything up to the end of the last time durable, and says how much it is.
    pub fn commit(&mut self, progress: &mut Progress) -> io::Result<()> {
        match self {
            Self::Text(sink) => {
                sink.write_ready()?;
                if let Some(file) = &sink.file {
                    file.sync_data()?;
                }
                progress.bytes = sink.bytes;
            }
            Self::Parts(sink) => {
                sink.end_part()?;
                progress.parts = sink.parts;
            }
        }
        Ok(())
    }

    /// Takes back what was given since the end of the last time, with Parquet
    /// since the last commit. `false` where it went out already.
    pub fn take_back(&mut self) -> bool {
        match self {
            Self::Text(sink) => {
                sink.pending.clear();
                sink.torn_bytes == 0
            }
            Self::Parts(sink) => {
                sink.part = None;
                true
            }
        }
    }
}

impl TextSink {
    fn new(format: ExportFormat, out: Box<dyn Write + Send>, file: Option<File>) -> Self {
        let (ready, pending) = (Vec::new(), Vec::new());
        let max_pending_bytes = MAX_PENDING_BYTES;
        Self { format, out, file, ready, pending, bytes: 0, max_pending_bytes, torn_bytes: 0 }
    }

    /// What comes before all rows.
    fn begin(&mut self) -> io::Result<()> {
        if self.format == ExportFormat::Csv {
            write_csv_header(&mut self.ready)?;
            self.bytes = self.ready.len() as u64;
        }
        Ok(())
    }

    fn row(&mut self, row: &StoredRow<'_>) -> io::Result<()> {
        match self.format {
            ExportFormat::Csv => write_csv(&mut self.pending, row)?,
            _ => write_ndjson(&mut self.pending, row)?,
        }
        if self.pending.len() >= self.max_pending_bytes {
            self.write_ready()?;
            self.out.write_all(&self.pending)?;
            self.torn_bytes += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }

    fn end_time(&mut self) -> io::Result<()> {
        self.bytes += self.pending.len() as u64 + std::mem::take(&mut self.torn_bytes);
        self.ready.append(&mut self.pending);
        if self.ready.len() >= WRITE_BYTES { self.write_ready() } else { Ok(()) }
    }

    fn write_ready(&mut self) -> io::Result<()> {
        self.out.write_all(&self.ready)?;
        self.ready.clear();
        self.out.flush()
    }
}

impl PartsSink {
    fn path(&self, suffix: &str) -> PathBuf {
        self.folder.join(format!("part-{:05}.parquet{suffix}", self.parts + 1))
    }

    fn row(&mut self, row: &StoredRow<'_>) -> io::Result<()> {
        if self.part.is_none() {
            let file = File::create(self.path(".unfinished"))?;
            let part = MergedWriter::new(io::BufWriter::new(file)).map_err(io::Error::other)?;
            self.part = Some(part.literal());
        }
        let Some(part) = &mut self.part else { return Ok(()) };
        // Whoever opens the file knows nothing of how ours store a row.
        let (event_id, more_event_ids) = (row.event_id(), row.more_event_ids());
        let (line, message) = (row.line(), row.message());
        let (line, message) = (escape_line(&line), escape_line(&message));
        let literal = StoredRow {
            time_unix_nano: row.time_unix_nano(),
            observed_timestamp: row.observed_millis(),
            event_id: event_id.as_deref(),
            more_event_ids: more_event_ids.as_deref(),
            event_batch: None,
            event_index: None,
            line: row.line.is_some().then_some(&*line),
            message: row.message.is_some().then_some(&*message),
            ..row.clone()
        };
        part.push(&literal).map_err(io::Error::other)
    }

    /// A part has its name when it is whole.
    fn end_part(&mut self) -> io::Result<()> {
        let Some(part) = self.part.take() else { return Ok(()) };
        let unfinished = self.path(".unfinished");
        let _written = part.finish(&[]).map_err(io::Error::other)?;
        File::open(&unfinished)?.sync_all()?;
        fs::rename(&unfinished, self.path(""))?;
        self.parts += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("catchment-sink-{}-{name}", std::process::id()));
        fs::remove_dir_all(&folder).ok();
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn text_is_held_back_up_to_its_limit_and_goes_out_from_there() {
        let folder = folder("pending");
        let path = folder.join("rows");
        let Ok(Sink::Text(mut sink)) = Sink::file(ExportFormat::Ndjson, &path, &Progress::default()) else {
            panic!("a file of text")
        };
        assert_eq!(sink.max_pending_bytes, MAX_PENDING_BYTES);
        let row = StoredRow { line: Some("a line"), ..StoredRow::default() };
        sink.row(&row).unwrap();
        let one = sink.pending.len();
        sink.max_pending_bytes = 3 * one;
        sink.row(&row).unwrap();
        assert_eq!((sink.torn_bytes, fs::metadata(&path).unwrap().len()), (0, 0), "it can be taken back");
        sink.row(&row).unwrap();
        let out = 3 * one as u64;
        assert_eq!((sink.torn_bytes, fs::metadata(&path).unwrap().len()), (out, out));
        assert!(!Sink::Text(sink).take_back(), "it is out");
        fs::remove_dir_all(folder).unwrap();
    }

    #[test]
    fn a_part_ends_when_it_is_full() {
        let folder = folder("parts");
        let Ok(Sink::Parts(mut sink)) = Sink::folder(&folder, &Progress::default()) else { panic!("parts") };
        assert_eq!(sink.part_bytes, PART_BYTES);
        sink.row(&StoredRow::default()).unwrap();
        // `PAR1` is written, and no row group yet.
        sink.part_bytes = sink.part.as_ref().unwrap().bytes_written() + 1;
        let mut sink = Sink::Parts(sink);
        assert!(!sink.end_time().unwrap());
        if let Sink::Parts(sink) = &mut sink {
            sink.part_bytes -= 1;
        }
        assert!(sink.end_time().unwrap());
        fs::remove_dir_all(folder).unwrap();
    }
}
