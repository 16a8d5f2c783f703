//! The columns of a row group: how each is encoded, and what is said about it.

mod numbers;
mod rows;

use std::io::Write;
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, ZstdLevel};
use parquet::bloom_filter::Sbbf;
use parquet::column::page::{CompressedPage, Page, PageWriter};
use parquet::data_type::ByteArray;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ColumnChunkMetaData, ColumnChunkMetaDataBuilder};
use parquet::file::statistics::Statistics;
use parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use parquet::schema::types::SchemaDescriptor;
use zstd::bulk::Compressor;
use zstd::compress_bound;

pub(super) use rows::RowColumns;

use super::dictionary::{Dictionary, NO_TEXT};
use super::encoding::{Levels, common_prefix, index_width, put_deltas, put_indices, put_same_index};
use super::repeats::{Repeats, Rows};
use super::{ZSTD_LEVEL, as_i64};
use crate::schema::Storage;

/// Share of look-ups of a value that is not there which a bloom filter lets pass.
const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// A longest value that statistics repeat, in bytes.
const MAX_STATISTICS_BYTES: usize = 64;

/// Texts other than what lines say are compressed from this size on; what is
/// smaller gains less than it costs.
const MIN_ZSTD_BYTES: usize = 2048;

/// Up to so many different texts it is too early to tell whether they repeat.
const TRIAL_ENTRIES: usize = 16;

/// Up to so many it is enough if a few do: which those are turns out later.
const EARLY_ENTRIES: usize = 256;

/// What stays allocated from file to file is at most this for each buffer.
pub(super) const MAX_KEPT_BYTES: usize = 2 << 20;

/// A dictionary that is larger is made anew: to empty it takes time, in every column.
const MAX_KEPT_DICTIONARY: usize = 64 << 10;

/// How much time a file is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effort {
    /// Small files, which are merged soon.
    Quick,
    /// Files that are kept.
    Thorough,
}

/// Buffers that every column uses.
#[derive(Debug, Default)]
pub(super) struct Scratch {
    levels: Levels,
    /// Times, or lengths of texts.
    longs: Vec<i64>,
    prefixes: Vec<i64>,
    /// Each row's entry in the dictionary.
    rows: Repeats<u32>,
    /// Those of the rows that have one.
    indices: Vec<u32>,
    dictionary: Dictionary,
    /// The page as it is before compression.
    body: Vec<u8>,
    compressed: Vec<u8>,
}

/// Writes the columns of one row group, each a column chunk.
pub(super) struct ChunkWriter<'e, W: Write + Send> {
    schema: &'e SchemaDescriptor,
    effort: Effort,
    zstd: &'e mut Compressor<'static>,
    scratch: &'e mut Scratch,
    /// Rows of each page.
    pages: &'e [usize],
    rows: usize,
    sink: &'e mut TrackedWrite<W>,
    chunks: Vec<(ColumnChunkMetaDataBuilder, Option<Sbbf>)>,
}

/// What is known of a column chunk while its pages are written.
struct Chunk {
    codec: Compression,
    encoding: Encoding,
    dictionary_at: Option<i64>,
    data_at: Option<i64>,
    /// With page headers, as the metadata wants them.
    uncompressed_bytes: usize,
    compressed_bytes: usize,
    statistics: Option<Statistics>,
    bloom: Option<Sbbf>,
}

impl Chunk {
    fn new(encoding: Encoding) -> Self {
        Self {
            codec: Compression::UNCOMPRESSED,
            encoding,
            dictionary_at: None,
            data_at: None,
            uncompressed_bytes: 0,
            compressed_bytes: 0,
            statistics: None,
            bloom: None,
        }
    }
}

/// What is said about a column with a dictionary: its values, or between what they are.
fn describe<'x>(
    chunk: &mut Chunk,
    storage: Storage,
    mut entries: impl Iterator<Item = &'x [u8]> + Clone,
    count: usize,
    nulls: usize,
) -> Result<(), ParquetError> {
    if storage == Storage::LookedUp {
        let mut bloom = Sbbf::new_with_ndv_fpp(count as u64, BLOOM_FALSE_POSITIVES)?;
        entries.for_each(|entry| bloom.insert(entry));
        chunk.bloom = Some(bloom);
        return Ok(());
    }
    let shown = |text: Option<&[u8]>| {
        text.filter(|text| text.len() <= MAX_STATISTICS_BYTES).map(|text| ByteArray::from(text.to_vec()))
    };
    let min = shown(entries.clone().min());
    let max = shown(entries.by_ref().max());
    chunk.statistics = Some(Statistics::byte_array(min, max, None, Some(nulls as u64), false));
    Ok(())
}

/// Whether so few different texts in so many rows are worth a dictionary, as far as is known.
fn is_worth_it(entries: usize, values: usize) -> bool {
    entries <= TRIAL_ENTRIES
        || entries * 2 <= values
        || entries <= EARLY_ENTRIES && entries + entries / 4 <= values
}

/// The rows of each page, and their texts as bytes.
fn bytes_of<'x, I: Iterator<Item = Option<&'x str>> + Clone>(
    rows: &[usize],
    pages: &[I],
) -> Vec<(usize, impl Iterator<Item = Option<&'x [u8]>> + Clone + use<'x, I>)> {
    let bytes = |page: &I| page.clone().map(|text| text.map(str::as_bytes));
    rows.iter().copied().zip(pages.iter().map(bytes)).collect()
}

/// Fills the dictionary, and each row's entry. How many values there are, or
/// `None` when they are too different.
fn index<'x>(
    pages: &[impl Iterator<Item = Option<&'x str>> + Clone],
    dictionary: &mut Dictionary,
    rows: &mut Repeats<u32>,
) -> Option<usize> {
    rows.clear();
    let mut last: Option<(&str, u32)> = None;
    let mut values = 0;
    for text in pages.iter().flat_map(|page| page.clone()) {
        let Some(text) = text else {
            rows.push(NO_TEXT);
            continue;
        };
        values += 1;
        // What the batch shares is the same text in memory, too.
        let again = last.filter(|(last, _)| std::ptr::eq(text, *last)).map(|(_, index)| index);
        let takes = |entries| is_worth_it(entries + 1, values);
        let index = again.or_else(|| dictionary.index_of(text, takes))?;
        last = Some((text, index));
        rows.push(index);
    }
    Some(values)
}

impl<'e, W: Write + Send> ChunkWriter<'e, W> {
    pub fn new(
        schema: &'e SchemaDescriptor,
        effort: Effort,
        zstd: &'e mut Compressor<'static>,
        scratch: &'e mut Scratch,
        pages: &'e [usize],
        sink: &'e mut TrackedWrite<W>,
    ) -> Self {
        let rows = pages.iter().sum();
        Self {
            schema,
            effort,
            zstd,
            scratch,
            pages,
            rows,
            sink,
            chunks: Vec::with_capacity(schema.num_columns()),
        }
    }

    /// Writes the bloom filters, and says where everything is.
    pub fn finish(self) -> Result<Vec<ColumnChunkMetaData>, ParquetError> {
        for buffer in [&mut self.scratch.body, &mut self.scratch.compressed] {
            buffer.clear();
            buffer.shrink_to(MAX_KEPT_BYTES);
        }
        let mut columns = Vec::with_capacity(self.chunks.len());
        for (mut column, bloom) in self.chunks {
            if let Some(bloom) = bloom {
                let at = self.sink.bytes_written();
                bloom.write(&mut *self.sink)?;
                let length = i32::try_from(self.sink.bytes_written() - at).ok();
                column = column.set_bloom_filter_offset(Some(as_i64(at))).set_bloom_filter_length(length);
            }
            columns.push(column.build()?);
        }
        Ok(columns)
    }

    /// Writes what is in the buffer as one page.
    fn put(&mut self, chunk: &mut Chunk, page: impl FnOnce(Bytes) -> Page) -> Result<(), ParquetError> {
        let Scratch { body, compressed, .. } = &mut *self.scratch;
        let stored = match chunk.codec {
            Compression::UNCOMPRESSED => &*body,
            _ => {
                compressed.clear();
                compressed.reserve(compress_bound(body.len()));
                self.zstd.compress_to_buffer(body.as_slice(), compressed)?;
                &*compressed
            }
        };
        let page = CompressedPage::new(page(Bytes::copy_from_slice(stored)), body.len());
        let written = SerializedPageWriter::new(self.sink).write_page(page)?;
        chunk.uncompressed_bytes += written.uncompressed_size;
        chunk.compressed_bytes += written.compressed_size;
        let at = i64::try_from(written.offset).ok();
        match written.page_type {
            parquet::basic::PageType::DICTIONARY_PAGE => chunk.dictionary_at = at,
            _ => chunk.data_at = chunk.data_at.or(at),
        }
        body.clear();
        Ok(())
    }

    fn put_data(&mut self, chunk: &mut Chunk, rows: usize) -> Result<(), ParquetError> {
        let encoding = chunk.encoding;
        self.put(chunk, |buf| Page::DataPage {
            buf,
            num_values: u32::try_from(rows).unwrap_or(u32::MAX),
            encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        })
    }

    fn put_dictionary(&mut self, chunk: &mut Chunk, entries: usize) -> Result<(), ParquetError> {
        self.put(chunk, |buf| Page::DictionaryPage {
            buf,
            num_values: u32::try_from(entries).unwrap_or(u32::MAX),
            encoding: Encoding::PLAIN,
            is_sorted: false,
        })
    }

    fn close(&mut self, chunk: Chunk) -> Result<(), ParquetError> {
        let column = self.schema.columns().get(self.chunks.len());
        let column =
            column.ok_or_else(|| ParquetError::General("more columns than the schema has".to_owned()))?;
        let mut encodings = vec![chunk.encoding, Encoding::RLE];
        if chunk.dictionary_at.is_some() {
            encodings.push(Encoding::PLAIN);
        }
        let mut metadata = ColumnChunkMetaData::builder(Arc::clone(column))
            .set_compression(chunk.codec)
            .set_encodings(encodings)
            .set_num_values(as_i64(self.rows))
            .set_total_uncompressed_size(as_i64(chunk.uncompressed_bytes))
            .set_total_compressed_size(as_i64(chunk.compressed_bytes))
            .set_dictionary_page_offset(chunk.dictionary_at)
            .set_data_page_offset(chunk.data_at.unwrap_or_default());
        if let Some(statistics) = chunk.statistics {
            metadata = metadata.set_statistics(statistics);
        }
        self.chunks.push((metadata, chunk.bloom));
        Ok(())
    }

    /// Where the last bits of a dictionary's indices go is worth compressing only
    /// where it is worth the time.
    fn compress_if_thorough(&self, chunk: &mut Chunk) -> Result<(), ParquetError> {
        if self.effort == Effort::Thorough {
            chunk.codec = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
        }
        Ok(())
    }

    /// A column that has no value in any row.
    fn nulls(&mut self, statistics: impl FnOnce(Option<u64>) -> Statistics) -> Result<(), ParquetError> {
        let mut chunk = Chunk::new(Encoding::PLAIN);
        chunk.statistics = Some(statistics(Some(self.rows as u64)));
        for page in self.pages {
            Levels::put_same(&mut self.scratch.body, *page, false);
            self.put_data(&mut chunk, *page)?;
        }
        self.close(chunk)
    }

    pub fn texts<'x, I>(&mut self, storage: Storage, pages: &[I]) -> Result<(), ParquetError>
    where
        I: Iterator<Item = Option<&'x str>> + Clone,
    {
        if pages.iter().all(|page| page.clone().all(|text| text.is_none())) {
            return self.nulls(|nulls| Statistics::byte_array(None, None, None, nulls, false));
        }
        match storage {
            Storage::Rising => self.rising(pages),
            Storage::Opaque => self.plain(storage, &bytes_of(self.pages, pages)),
            Storage::Repetitive | Storage::LookedUp | Storage::Said => {
                let mut dictionary = std::mem::take(&mut self.scratch.dictionary);
                let mut rows = std::mem::take(&mut self.scratch.rows);
                let values = index(pages, &mut dictionary, &mut rows);
                // A few lines are no dictionary, a few names are.
                let few = if storage == Storage::Said { 1 } else { TRIAL_ENTRIES };
                let pays = |values| dictionary.len() <= few || dictionary.len() * 2 <= values;
                let done = match values.is_some_and(pays) {
                    true => self.dictionary(storage, dictionary.entries(), rows.rows()),
                    false => self.plain(storage, &bytes_of(self.pages, pages)),
                };
                dictionary.shrink(MAX_KEPT_DICTIONARY);
                (self.scratch.dictionary, self.scratch.rows) = (dictionary, rows);
                done
            }
        }
    }

    /// Entries of a dictionary, and which of them each row has.
    pub fn dictionary<'x>(
        &mut self,
        storage: Storage,
        entries: impl ExactSizeIterator<Item = &'x [u8]> + Clone,
        rows: Rows<'_, u32>,
    ) -> Result<(), ParquetError> {
        let present = match rows {
            Rows::Same(NO_TEXT) => 0,
            Rows::Same(_) => self.rows,
            Rows::Each(rows) => rows.iter().filter(|index| **index != NO_TEXT).count(),
        };
        if present == 0 {
            return self.nulls(|nulls| Statistics::byte_array(None, None, None, nulls, false));
        }
        let mut chunk = Chunk::new(Encoding::RLE_DICTIONARY);
        let count = entries.len();
        describe(&mut chunk, storage, entries.clone(), count, self.rows - present)?;
        for entry in entries {
            self.scratch.body.extend_from_slice(&(entry.len() as u32).to_le_bytes());
            self.scratch.body.extend_from_slice(entry);
        }
        if self.effort == Effort::Thorough && count > 1 || self.scratch.body.len() >= MIN_ZSTD_BYTES {
            chunk.codec = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
        }
        self.put_dictionary(&mut chunk, count)?;
        let width = match chunk.codec {
            // Whole bytes: zstd sees in them what bits hide.
            Compression::ZSTD(_) if count > 2 => index_width(count).next_multiple_of(8),
            _ => index_width(count),
        };
        let mut rest = match rows {
            Rows::Same(_) => &[],
            Rows::Each(rows) => rows,
        };
        for page in self.pages {
            let Scratch { levels, indices, body, .. } = &mut *self.scratch;
            if let Rows::Same(index) = rows {
                Levels::put_same(body, *page, true);
                put_same_index(body, index, *page, width);
                self.put_data(&mut chunk, *page)?;
                continue;
            }
            let (in_page, after) = rest.split_at_checked(*page).unwrap_or((rest, &[]));
            rest = after;
            if present < self.rows {
                levels.clear();
                indices.clear();
                in_page.iter().for_each(|index| levels.push(*index != NO_TEXT));
                indices.extend(in_page.iter().filter(|index| **index != NO_TEXT));
                levels.put(body);
                put_indices(body, indices, width);
            } else {
                Levels::put_same(body, *page, true);
                put_indices(body, in_page, width);
            }
            self.put_data(&mut chunk, *page)?;
        }
        self.close(chunk)
    }

    /// Lengths, then the texts one after the other: what is compressed is text alone.
    /// Of each page its rows; the column may have more pages than others.
    pub fn plain<'x>(
        &mut self,
        storage: Storage,
        pages: &[(usize, impl Iterator<Item = Option<&'x [u8]>> + Clone)],
    ) -> Result<(), ParquetError> {
        let mut chunk = Chunk::new(Encoding::DELTA_LENGTH_BYTE_ARRAY);
        let mut bloom = match storage {
            Storage::LookedUp => Some(Sbbf::new_with_ndv_fpp(self.rows as u64, BLOOM_FALSE_POSITIVES)?),
            _ => None,
        };
        let mut is_first_page = true;
        for (rows, page) in pages {
            let Scratch { levels, longs: lengths, body, .. } = &mut *self.scratch;
            levels.clear();
            lengths.clear();
            for text in page.clone() {
                levels.push(text.is_some());
                lengths.extend(text.map(|text| as_i64(text.len())));
            }
            levels.put(body);
            put_deltas(body, lengths);
            for text in page.clone().flatten() {
                body.extend_from_slice(text);
                if let Some(bloom) = &mut bloom {
                    bloom.insert(text);
                }
            }
            let is_compressed = match storage {
                Storage::Said => true,
                _ => body.len() >= MIN_ZSTD_BYTES,
            };
            if is_first_page && is_compressed {
                chunk.codec = Compression::ZSTD(ZstdLevel::try_new(ZSTD_LEVEL)?);
            }
            is_first_page = false;
            self.put_data(&mut chunk, *rows)?;
        }
        if let (Some(bloom), Effort::Thorough) = (&mut bloom, self.effort) {
            // Sized to the rows; distinct values are fewer.
            bloom.fold_to_target_fpp(BLOOM_FALSE_POSITIVES);
        }
        chunk.bloom = bloom;
        self.close(chunk)
    }

    /// Of each text what the one before does not begin with.
    fn rising<'x>(
        &mut self,
        pages: &[impl Iterator<Item = Option<&'x str>> + Clone],
    ) -> Result<(), ParquetError> {
        let mut chunk = Chunk::new(Encoding::DELTA_BYTE_ARRAY);
        let mut bloom = Sbbf::new_with_ndv_fpp(self.rows as u64, BLOOM_FALSE_POSITIVES)?;
        for (page, rows) in pages.iter().zip(self.pages) {
            let Scratch { levels, longs: suffixes, prefixes, body, .. } = &mut *self.scratch;
            levels.clear();
            suffixes.clear();
            prefixes.clear();
            let mut last = "";
            for text in page.clone() {
                levels.push(text.is_some());
                let Some(text) = text else { continue };
                let prefix = common_prefix(last.as_bytes(), text.as_bytes());
                prefixes.push(as_i64(prefix));
                suffixes.push(as_i64(text.len() - prefix));
                bloom.insert(text);
                last = text;
            }
            levels.put(body);
            put_deltas(body, prefixes);
            put_deltas(body, suffixes);
            for (text, suffix) in page.clone().flatten().zip(suffixes) {
                let prefix = text.len() - usize::try_from(*suffix).unwrap_or_default();
                body.extend_from_slice(text.as_bytes().get(prefix..).unwrap_or_default());
            }
            self.put_data(&mut chunk, *rows)?;
        }
        chunk.bloom = Some(bloom);
        self.close(chunk)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dictionary_is_worth_it_up_to_an_edge() {
        let least = |entries| (0..4 * entries).find(|values| is_worth_it(entries, *values));
        assert_eq!([TRIAL_ENTRIES, TRIAL_ENTRIES + 1].map(least), [Some(0), Some(21)]);
        assert_eq!([EARLY_ENTRIES, EARLY_ENTRIES + 1].map(least), [Some(320), Some(514)]);
    }
}
