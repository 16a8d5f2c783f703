//! The pages of a column of a row group: where each begins, and its bytes.

use bytes::Bytes;
use zstd::bulk::Decompressor;

use super::Damage;
use super::footer::{Chunk, Codec};
use super::thrift::{Kind, Thrift};

/// A page that is larger when it is decompressed is not ours: ours end with the
/// line that fills 1 MiB, and a line has at most 32 MiB, twice that escaped.
pub(super) const MAX_PAGE_BYTES: usize = 80 << 20;

/// A page of more rows is not ours; ours have at most 20,000.
pub(super) const MAX_PAGE_ROWS: u32 = 1 << 18;

const ENCODING_PLAIN: i64 = 0;

/// How a page's values are encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Dictionary,
    Deltas,
    DeltaLengths,
    DeltaTexts,
}

/// A page of version 2 has its levels before what is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Levels {
    repetition_bytes: usize,
    definition_bytes: usize,
    is_compressed: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum PageKind {
    Dictionary,
    Data {
        levels: Option<Levels>,
    },
    /// An index page, or what a later version of the format may bring.
    Other,
}

#[derive(Debug, Clone, Copy)]
struct Header {
    kind: PageKind,
    bytes: usize,
    stored_bytes: usize,
    values: u32,
    encoding: Encoding,
}

impl Header {
    /// Reads a header and how many bytes it has.
    fn parse(bytes: &[u8]) -> Result<(Self, usize), Damage> {
        let mut thrift = Thrift::new(bytes);
        let (mut kind, mut size, mut stored, mut values, mut encoding) = (-1, 0, 0, 0, ENCODING_PLAIN);
        let mut levels = None;
        let mut last = 0;
        while let Some((id, field)) = thrift.field(&mut last)? {
            match (id, field) {
                (1, Kind::Int) => kind = thrift.int()?,
                (2, Kind::Int) => size = thrift.size()?,
                (3, Kind::Int) => stored = thrift.size()?,
                (5 | 7, Kind::Struct) => {
                    let mut last = 0;
                    while let Some((id, field)) = thrift.field(&mut last)? {
                        match (id, field) {
                            (1, Kind::Int) => values = thrift.size()?,
                            (2, Kind::Int) => encoding = thrift.int()?,
                            (_, field) => thrift.skip(field)?,
                        }
                    }
                }
                (8, Kind::Struct) => {
                    let (mut definition, mut repetition, mut is_compressed) = (0, 0, true);
                    let mut last = 0;
                    while let Some((id, field)) = thrift.field(&mut last)? {
                        match (id, field) {
                            (1, Kind::Int) => values = thrift.size()?,
                            (4, Kind::Int) => encoding = thrift.int()?,
                            (5, Kind::Int) => definition = thrift.size()?,
                            (6, Kind::Int) => repetition = thrift.size()?,
                            (7, Kind::Bool(is)) => is_compressed = is,
                            (_, field) => thrift.skip(field)?,
                        }
                    }
                    levels = Some(Levels {
                        repetition_bytes: at_most(repetition, MAX_PAGE_BYTES)?,
                        definition_bytes: at_most(definition, MAX_PAGE_BYTES)?,
                        is_compressed,
                    });
                }
                (_, field) => thrift.skip(field)?,
            }
        }
        let kind = match (kind, levels) {
            (0, _) => PageKind::Data { levels: None },
            (3, Some(levels)) => PageKind::Data { levels: Some(levels) },
            (2, _) => PageKind::Dictionary,
            (1, _) => PageKind::Other,
            _ => return Err(Damage::new("a page is of a kind that none of ours is")),
        };
        let encoding = match encoding {
            ENCODING_PLAIN => Encoding::Plain,
            // PLAIN_DICTIONARY is an old name: of indices here, of plain entries in the dictionary.
            2 if kind == PageKind::Dictionary => Encoding::Plain,
            2 | 8 => Encoding::Dictionary,
            5 => Encoding::Deltas,
            6 => Encoding::DeltaLengths,
            7 => Encoding::DeltaTexts,
            other => return Err(Damage::new(format!("a page has encoding {other}, which none of ours has"))),
        };
        let header = Self {
            kind,
            bytes: at_most(size, MAX_PAGE_BYTES)?,
            stored_bytes: at_most(stored, MAX_PAGE_BYTES)?,
            values: at_most(values, MAX_PAGE_ROWS as usize)? as u32,
            encoding,
        };
        Ok((header, bytes.len() - thrift.left()))
    }
}

fn at_most(size: u64, most: usize) -> Result<usize, Damage> {
    match usize::try_from(size) {
        Ok(size) if size <= most => Ok(size),
        _ => Err(Damage::new(format!("a page states a size of {size}, more than {most} is not ours"))),
    }
}

/// A page within the bytes of its chunk.
#[derive(Debug, Clone, Copy)]
pub(super) struct Page {
    header: Header,
    at: usize,
    /// The first of its rows within the row group.
    pub first_row: u32,
}

impl Page {
    pub fn rows(&self) -> u32 {
        self.header.values
    }

    pub fn encoding(&self) -> Encoding {
        self.header.encoding
    }
}

/// The pages of one column of a row group.
#[derive(Debug)]
pub(super) struct Pages {
    codec: Codec,
    bytes: Bytes,
    dictionary: Option<Page>,
    /// In the order of their rows.
    pub data: Vec<Page>,
}

/// The bytes of a page after decompression.
pub(super) struct Body<'b> {
    /// Definition levels, without their length.
    pub levels: &'b [u8],
    pub values: &'b [u8],
}

impl Pages {
    /// Finds the pages in the bytes of `chunk`, which must have `rows` rows.
    pub fn scan(chunk: &Chunk, bytes: Bytes, rows: u32) -> Result<Self, Damage> {
        let mut pages = Self { codec: chunk.codec, bytes, dictionary: None, data: Vec::new() };
        let (mut at, mut row) = (0, 0_u32);
        while row < rows {
            let rest = pages.bytes.get(at..).unwrap_or_default();
            let (header, header_bytes) = Header::parse(rest)?;
            if rest.len() - header_bytes < header.stored_bytes {
                return Err(Damage::new("a page reaches beyond its column"));
            }
            let page = Page { header, at: at + header_bytes, first_row: row };
            match header.kind {
                PageKind::Dictionary if pages.dictionary.is_none() && pages.data.is_empty() => {
                    pages.dictionary = Some(page);
                }
                PageKind::Dictionary => return Err(Damage::new("a column has two dictionaries")),
                // An empty page would let a small file have a great many.
                PageKind::Data { .. } if header.values == 0 => {
                    return Err(Damage::new("a page has no rows"));
                }
                PageKind::Data { .. } => {
                    row = row.saturating_add(header.values);
                    pages.data.push(page);
                }
                PageKind::Other => {}
            }
            at = page.at + header.stored_bytes;
        }
        if row != rows {
            return Err(Damage::new("the pages of a column have another number of rows than it has"));
        }
        Ok(pages)
    }

    /// Which page holds the row.
    pub fn page_of(&self, row: u32) -> usize {
        self.data.partition_point(|page| page.first_row <= row).saturating_sub(1)
    }

    /// How many bytes are held.
    pub fn held_bytes(&self) -> usize {
        self.bytes.len() + self.data.len() * size_of::<Page>()
    }

    /// The dictionary's entries: how many, and their bytes.
    pub fn dictionary<'b>(&'b self, scratch: &'b mut Inflated) -> Result<Option<(u32, &'b [u8])>, Damage> {
        let Some(page) = &self.dictionary else { return Ok(None) };
        if page.header.encoding != Encoding::Plain {
            return Err(Damage::new("a dictionary has an encoding that none of ours has"));
        }
        let stored = self.bytes.get(page.at..page.at + page.header.stored_bytes).unwrap_or_default();
        Ok(Some((page.header.values, scratch.inflate(self.codec, stored, page.header.bytes)?)))
    }

    /// Levels and values of a page.
    pub fn body<'b>(&'b self, page: &Page, scratch: &'b mut Inflated) -> Result<Body<'b>, Damage> {
        let header = page.header;
        let mut stored = self.bytes.get(page.at..page.at + header.stored_bytes).unwrap_or_default();
        let PageKind::Data { levels: Some(levels) } = header.kind else {
            let mut values = scratch.inflate(self.codec, stored, header.bytes)?;
            let levels = super::encoding::take_measured(&mut values)?;
            return Ok(Body { levels, values });
        };
        super::encoding::take(&mut stored, levels.repetition_bytes)?;
        let definition = super::encoding::take(&mut stored, levels.definition_bytes)?;
        let codec = if levels.is_compressed { self.codec } else { Codec::None };
        let before = levels.repetition_bytes + levels.definition_bytes;
        let bytes =
            header.bytes.checked_sub(before).ok_or(Damage::new("a page is shorter than its levels"))?;
        Ok(Body { levels: definition, values: scratch.inflate(codec, stored, bytes)? })
    }
}

/// Decompresses pages, with a buffer and a context that are used again.
pub(super) struct Inflated {
    zstd: Option<Decompressor<'static>>,
    buffer: Vec<u8>,
}

/// What stays allocated from page to page.
const MAX_KEPT_BYTES: usize = 2 << 20;

impl Inflated {
    pub fn new() -> Self {
        Self { zstd: None, buffer: Vec::new() }
    }

    fn inflate<'b>(&'b mut self, codec: Codec, stored: &'b [u8], bytes: usize) -> Result<&'b [u8], Damage> {
        match codec {
            Codec::None if stored.len() == bytes => return Ok(stored),
            Codec::Zstd => {}
            Codec::None => return Err(Damage::new("a page has another size than it says")),
        }
        self.buffer.clear();
        if bytes <= MAX_KEPT_BYTES {
            self.buffer.shrink_to(MAX_KEPT_BYTES);
        }
        self.buffer.reserve(bytes);
        let zstd = match &mut self.zstd {
            Some(zstd) => zstd,
            None => self.zstd.insert(
                Decompressor::new().map_err(|error| Damage::new(format!("zstd has no memory: {error}")))?,
            ),
        };
        match zstd.decompress_to_buffer(stored, &mut self.buffer) {
            Ok(found) if found == bytes => Ok(&self.buffer),
            Ok(_) => Err(Damage::new("a page has another size than it says")),
            Err(error) => Err(Damage::new(format!("a page cannot be decompressed: {error}"))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page header as Thrift writes it: a data page of version 1, plain.
    fn header(bytes: usize, stored_bytes: usize, values: u32) -> Vec<u8> {
        let mut out = vec![0x15, 0];
        let mut size = |field: u8, size: u64| {
            out.push(field);
            crate::parquet_file::encoding::put_varint(&mut out, size << 1);
        };
        size(0x15, bytes as u64);
        size(0x15, stored_bytes as u64);
        // Field 5, a structure: values, encoding 0; the ends of both.
        out.push(0x2c);
        out.push(0x15);
        crate::parquet_file::encoding::put_varint(&mut out, u64::from(values) << 1);
        out.extend([0x15, 0, 0, 0]);
        out
    }

    #[test]
    fn sizes_are_believed_up_to_their_limits() {
        let read = |bytes, stored_bytes, values| Header::parse(&header(bytes, stored_bytes, values));
        let (found, length) = read(MAX_PAGE_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS).unwrap();
        assert_eq!(
            (found.bytes, found.stored_bytes, found.values),
            (MAX_PAGE_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS)
        );
        assert_eq!(length, header(MAX_PAGE_BYTES, MAX_PAGE_BYTES, MAX_PAGE_ROWS).len());
        assert!(read(MAX_PAGE_BYTES + 1, 0, 1).is_err());
        assert!(read(0, MAX_PAGE_BYTES + 1, 1).is_err());
        assert!(read(0, 0, MAX_PAGE_ROWS + 1).is_err());
    }

    #[test]
    fn a_page_must_become_as_large_as_it_says() {
        let stored = zstd::bulk::compress(&[7; 1000], 1).unwrap();
        let mut inflated = Inflated::new();
        assert_eq!(inflated.inflate(Codec::Zstd, &stored, 1000), Ok(&[7; 1000][..]));
        for other in [0, 999, 1001] {
            assert!(inflated.inflate(Codec::Zstd, &stored, other).is_err(), "{other}");
        }
        assert!(inflated.inflate(Codec::None, &stored, 1000).is_err());
        assert!(inflated.inflate(Codec::Zstd, &[7; 100], 1000).is_err());
    }
}
