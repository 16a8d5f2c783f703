//! Columns of numbers.

use std::io::Write;

use parquet::basic::Encoding;
use parquet::errors::ParquetError;
use parquet::file::statistics::Statistics;

use super::Effort;
use super::{Chunk, ChunkWriter, Scratch};
use crate::parquet_file::encoding::{index_width, put_deltas, put_indices, put_int_deltas};

/// Distinct numbers above which a column of numbers has no dictionary.
const MAX_NUMBERS: usize = 64;

impl<W: Write + Send> ChunkWriter<'_, W> {
    pub fn longs(&mut self, pages: &[impl Iterator<Item = Option<i64>> + Clone]) -> Result<(), ParquetError> {
        let mut chunk = Chunk::new(Encoding::DELTA_BINARY_PACKED);
        let (mut min, mut max, mut present) = (i64::MAX, i64::MIN, 0);
        for (page, rows) in pages.iter().zip(self.pages) {
            let Scratch { levels, longs, body, .. } = &mut *self.scratch;
            levels.clear();
            longs.clear();
            for value in page.clone() {
                levels.push(value.is_some());
                longs.extend(value);
            }
            min = longs.iter().copied().fold(min, i64::min);
            max = longs.iter().copied().fold(max, i64::max);
            present += longs.len();
            levels.put(body);
            put_deltas(body, longs);
            self.put_data(&mut chunk, *rows)?;
        }
        let nulls = Some((self.rows - present) as u64);
        let found = |number| (present > 0).then_some(number);
        chunk.statistics = Some(Statistics::int64(found(min), found(max), None, nulls, false));
        self.close(chunk)
    }

    pub fn ints(&mut self, pages: &[impl Iterator<Item = Option<i32>> + Clone]) -> Result<(), ParquetError> {
        let mut entries: Vec<i32> = Vec::new();
        let mut present = 0;
        let indices = &mut self.scratch.indices;
        indices.clear();
        for value in pages.iter().cloned().flatten().flatten() {
            present += 1;
            if entries.len() > MAX_NUMBERS {
                entries.push(value);
                continue;
            }
            let index = entries.iter().position(|entry| *entry == value).unwrap_or_else(|| {
                entries.push(value);
                entries.len() - 1
            });
            indices.push(index as u32);
        }
        if present == 0 {
            return self.nulls(|nulls| Statistics::int32(None, None, None, nulls, false));
        }
        let is_dictionary = entries.len() <= MAX_NUMBERS;
        let is_thorough = self.effort == Effort::Thorough;
        let encoding = match (is_dictionary, is_thorough) {
            (true, _) => Encoding::RLE_DICTIONARY,
            (false, true) => Encoding::DELTA_BINARY_PACKED,
            (false, false) => Encoding::PLAIN,
        };
        let mut chunk = Chunk::new(encoding);
        let mut width = index_width(entries.len());
        if is_dictionary && entries.len() > 2 && is_thorough {
            width = width.next_multiple_of(8);
            self.compress_if_thorough(&mut chunk)?;
        }
        let (min, max) = (entries.iter().min().copied(), entries.iter().max().copied());
        let nulls = Some((self.rows - present) as u64);
        chunk.statistics = Some(Statistics::int32(min, max, None, nulls, false));
        if is_dictionary {
            self.scratch.body.extend(entries.iter().flat_map(|entry| entry.to_le_bytes()));
            self.put_dictionary(&mut chunk, entries.len())?;
        }
        let mut written = 0;
        for (page, rows) in pages.iter().zip(self.pages) {
            let Scratch { levels, longs, indices, body, .. } = &mut *self.scratch;
            levels.clear();
            page.clone().for_each(|value| levels.push(value.is_some()));
            levels.put(body);
            if encoding == Encoding::DELTA_BINARY_PACKED {
                longs.clear();
                longs.extend(page.clone().flatten().map(i64::from));
                put_int_deltas(body, longs);
            } else if is_dictionary {
                let in_page = indices.get(written..written + levels.present()).unwrap_or_default();
                put_indices(body, in_page, width);
                written += in_page.len();
            } else {
                body.extend(page.clone().flatten().flat_map(i32::to_le_bytes));
            }
            self.put_data(&mut chunk, *rows)?;
        }
        self.close(chunk)
    }

    pub fn doubles(
        &mut self,
        pages: &[impl Iterator<Item = Option<f64>> + Clone],
    ) -> Result<(), ParquetError> {
        let (mut min, mut max, mut present, mut is_ordered) = (f64::INFINITY, f64::NEG_INFINITY, 0, true);
        for number in pages.iter().cloned().flatten().flatten() {
            present += 1;
            is_ordered &= !number.is_nan();
            min = min.min(number);
            max = max.max(number);
        }
        if present == 0 {
            return self.nulls(|nulls| Statistics::double(None, None, None, nulls, false));
        }
        let mut chunk = Chunk::new(Encoding::PLAIN);
        self.compress_if_thorough(&mut chunk)?;
        // Statistics are of numbers that have an order; 0 stands for both zeros.
        let min = is_ordered.then_some(if min == 0.0 { -0.0 } else { min });
        let max = is_ordered.then_some(if max == 0.0 { 0.0 } else { max });
        let nulls = Some((self.rows - present) as u64);
        chunk.statistics = Some(Statistics::double(min, max, None, nulls, false));
        for (page, rows) in pages.iter().zip(self.pages) {
            let Scratch { levels, body, .. } = &mut *self.scratch;
            levels.clear();
            page.clone().for_each(|value| levels.push(value.is_some()));
            levels.put(body);
            body.extend(page.clone().flatten().flat_map(f64::to_le_bytes));
            self.put_data(&mut chunk, *rows)?;
        }
        self.close(chunk)
    }
}
