//! Values as the bytes of a data page:
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

/// Values in a block of DELTA_BINARY_PACKED.
const BLOCK: usize = 128;

/// Miniblocks in a block, each with a bit width of its own.
const MINIBLOCKS: usize = 4;

const MINIBLOCK: usize = BLOCK / MINIBLOCKS;

/// Bytes of a length before levels and before plain texts.
const LENGTH: usize = 4;

/// ULEB128.
pub(crate) fn put_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_zigzag(out: &mut Vec<u8>, value: i64) {
    put_varint(out, ((value << 1) ^ (value >> 63)) as u64);
}

/// How many bits `value` takes.
pub(super) fn bit_width(value: u64) -> u8 {
    (u64::BITS - value.leading_zeros()) as u8
}

/// Packs values of `width` bits, the lowest bit first, to whole bytes.
fn put_bits(out: &mut Vec<u8>, values: impl Iterator<Item = u64>, width: u8) {
    let (mut bits, mut filled) = (0_u128, 0_u32);
    for value in values {
        bits |= u128::from(value) << filled;
        filled += u32::from(width);
        if filled >= u64::BITS {
            out.extend_from_slice(&(bits as u64).to_le_bytes());
            bits >>= u64::BITS;
            filled -= u64::BITS;
        }
    }
    out.extend(bits.to_le_bytes().iter().take(filled.div_ceil(8) as usize));
}

/// Whether each row has a value, one bit a row: the definition levels of a
/// column that may be null.
#[derive(Debug, Default)]
pub(super) struct Levels {
    bits: Vec<u8>,
    /// The bits of the rows since the last multiple of 64.
    word: u64,
    rows: usize,
    present: usize,
}

impl Levels {
    pub fn clear(&mut self) {
        self.bits.clear();
        (self.word, self.rows, self.present) = (0, 0, 0);
    }

    pub fn push(&mut self, is_present: bool) {
        self.word |= u64::from(is_present) << (self.rows % 64);
        self.rows += 1;
        self.present += usize::from(is_present);
        if self.rows.is_multiple_of(64) {
            self.bits.extend_from_slice(&self.word.to_le_bytes());
            self.word = 0;
        }
    }

    /// Rows that have a value.
    pub fn present(&self) -> usize {
        self.present
    }

    /// Every one of `rows` has a value, or none.
    pub fn put_same(out: &mut Vec<u8>, rows: usize, is_present: bool) {
        let at = out.len();
        out.extend_from_slice(&[0; LENGTH]);
        put_run(out, rows, u64::from(is_present), 1);
        put_length(out, at);
    }

    /// Length and RLE hybrid, as a data page of version 1 begins.
    pub fn put(&self, out: &mut Vec<u8>) {
        if self.present == 0 || self.present == self.rows {
            return Self::put_same(out, self.rows, self.present > 0);
        }
        let at = out.len();
        out.extend_from_slice(&[0; LENGTH]);
        put_varint(out, (self.rows.div_ceil(8) as u64) << 1 | 1);
        out.extend_from_slice(&self.bits);
        out.extend(self.word.to_le_bytes().iter().take((self.rows % 64).div_ceil(8)));
        put_length(out, at);
    }
}

/// Sets the length that stands at `at` before the rest of `out`.
fn put_length(out: &mut [u8], at: usize) {
    let Some((place, rest)) = out.get_mut(at..).and_then(<[u8]>::split_first_chunk_mut::<LENGTH>) else {
        return;
    };
    *place = (rest.len() as u32).to_le_bytes();
}

/// An RLE run: `count` times `value`.
fn put_run(out: &mut Vec<u8>, count: usize, value: u64, width: u8) {
    put_varint(out, (count as u64) << 1);
    out.extend(value.to_le_bytes().iter().take(width.div_ceil(8).into()));
}

/// Bits of each index into a dictionary of `entries`.
pub(crate) fn index_width(entries: usize) -> u8 {
    // Readers differ about a width of 0.
    bit_width(entries.saturating_sub(1) as u64).max(1)
}

/// The same index into a dictionary in every row.
pub(super) fn put_same_index(out: &mut Vec<u8>, index: u32, rows: usize, width: u8) {
    out.push(width);
    put_run(out, rows, u64::from(index), width);
}

/// Indices into a dictionary: the bit width, then one run when all are the
/// same, else packed bits.
pub(crate) fn put_indices(out: &mut Vec<u8>, indices: &[u32], width: u8) {
    match indices {
        [] => out.push(width),
        [first, rest @ ..] if rest.iter().all(|index| index == first) => {
            put_same_index(out, *first, indices.len(), width);
        }
        _ => {
            out.push(width);
            let groups = indices.len().div_ceil(8);
            put_varint(out, (groups as u64) << 1 | 1);
            let padding = groups * 8 - indices.len();
            let indices = indices.iter().copied();
            match width {
                8 => out.extend(indices.map(|index| index as u8)),
                16 => out.extend(indices.flat_map(|index| (index as u16).to_le_bytes())),
                _ => {
                    let padding = std::iter::repeat_n(0, padding);
                    return put_bits(out, indices.map(u64::from).chain(padding), width);
                }
            }
            out.resize(out.len() + padding * usize::from(width / 8), 0);
        }
    }
}

/// DELTA_BINARY_PACKED, of INT64.
pub(crate) fn put_deltas(out: &mut Vec<u8>, values: &[i64]) {
    put_wrapped_deltas(out, values, |delta| delta);
}

/// The same of INT32, whose differences wrap at 32 bits.
pub(super) fn put_int_deltas(out: &mut Vec<u8>, values: &[i64]) {
    put_wrapped_deltas(out, values, |delta| i64::from(delta as i32));
}

fn put_wrapped_deltas(out: &mut Vec<u8>, values: &[i64], wrap: impl Fn(i64) -> i64) {
    put_varint(out, BLOCK as u64);
    put_varint(out, MINIBLOCKS as u64);
    put_varint(out, values.len() as u64);
    let [first, rest @ ..] = values else {
        return put_zigzag(out, 0);
    };
    put_zigzag(out, *first);
    let mut previous = *first;
    for block in rest.chunks(BLOCK) {
        let mut deltas = [0; BLOCK];
        let mut smallest = i64::MAX;
        for (delta, value) in deltas.iter_mut().zip(block) {
            *delta = wrap(value.wrapping_sub(previous));
            smallest = smallest.min(*delta);
            previous = *value;
        }
        // What the block does not fill counts as the smallest, which is stored as 0.
        let mut above = [0_u64; BLOCK];
        for ((above, delta), _) in above.iter_mut().zip(deltas).zip(block) {
            *above = delta.wrapping_sub(smallest) as u64;
        }
        put_zigzag(out, smallest);
        let (miniblocks, _) = above.as_chunks::<MINIBLOCK>();
        let width =
            |miniblock: &[u64; MINIBLOCK]| bit_width(miniblock.iter().fold(0, |all, value| all | value));
        out.extend(miniblocks.iter().map(width));
        for miniblock in miniblocks.iter().take(block.len().div_ceil(MINIBLOCK)) {
            put_bits(out, miniblock.iter().copied(), width(miniblock));
        }
    }
}

/// How many bytes both begin with.
pub(super) fn common_prefix(a: &[u8], b: &[u8]) -> usize {
    let (a_words, b_words) = (a.as_chunks::<8>().0, b.as_chunks::<8>().0);
    let mut same = 0;
    for (a, b) in a_words.iter().zip(b_words) {
        let differing = u64::from_le_bytes(*a) ^ u64::from_le_bytes(*b);
        if differing != 0 {
            return same + differing.trailing_zeros() as usize / 8;
        }
        same += 8;
    }
    same + a.iter().zip(b).skip(same).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(put: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
        let mut out = Vec::new();
        put(&mut out);
        out
    }

    #[test]
    fn levels_are_a_run_or_bits() {
        let levels = |rows: &[bool]| {
            let mut levels = Levels::default();
            rows.iter().for_each(|row| levels.push(*row));
            bytes(|out| levels.put(out))
        };
        assert_eq!(levels(&[true; 3]), [2, 0, 0, 0, 3 << 1, 1]);
        assert_eq!(levels(&[false; 3]), [2, 0, 0, 0, 3 << 1, 0]);
        // Nine rows are two groups of eight bits.
        let mut nine = [true; 9];
        nine[1] = false;
        assert_eq!(levels(&nine), [3, 0, 0, 0, 2 << 1 | 1, 0b1111_1101, 1]);
        let mut many = [true; 64];
        many[63] = false;
        assert_eq!(levels(&many)[4..], [8 << 1 | 1, 255, 255, 255, 255, 255, 255, 255, 127]);
    }

    #[test]
    fn indices_are_a_run_or_bits() {
        assert_eq!(bytes(|out| put_indices(out, &[0; 5], index_width(1))), [1, 5 << 1, 0]);
        // Two bits each, the first in the lowest, padded to eight values.
        assert_eq!(
            bytes(|out| put_indices(out, &[0, 1, 2, 1, 3], index_width(4))),
            [2, 1 << 1 | 1, 0b0110_0100, 0b11]
        );
    }

    /// <https://parquet.apache.org/docs/file-format/data-pages/encodings/#delta-encoding-delta_binary_packed--5>
    #[test]
    fn deltas_are_as_the_specification_says() {
        let found = bytes(|out| put_deltas(out, &[7, 5, 3, 1, 2, 3, 4, 5]));
        // 128 values a block, 4 miniblocks, 8 values, the first 7; the least
        // delta -2, widths 2, 0, 0, 0; deltas above it 0, 0, 0, 3, 3, 3, 3.
        let head = [0x80, 1, 4, 8, 14, 3, 2, 0, 0, 0, 0b1100_0000, 0b0011_1111];
        assert_eq!(found[..head.len()], head);
        assert_eq!(found.len(), 10 + 32 * 2 / 8);
        assert_eq!(bytes(|out| put_deltas(out, &[])), [0x80, 1, 4, 0, 0]);
        assert_eq!(bytes(|out| put_deltas(out, &[-1])), [0x80, 1, 4, 1, 1]);
    }

    #[test]
    fn common_prefixes_end_where_texts_differ() {
        for (a, b, expected) in [
            ("", "", 0),
            ("abc", "abd", 2),
            ("12345678", "12345678", 8),
            ("123456789", "12345678", 8),
            ("1234567890", "1234567891", 9),
            ("12345678abcdefgh", "12345678abXdefgh", 10),
            ("x2345678", "y2345678", 0),
        ] {
            assert_eq!(common_prefix(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
        }
    }
}
