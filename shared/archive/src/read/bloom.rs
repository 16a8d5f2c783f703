//! Split block bloom filters: one block of 32 bytes answers for a value, so
//! that one block is all that is read.
//!
//! <https://parquet.apache.org/docs/file-format/bloomfilter/>

use std::ops::Range;

use parquet::bloom_filter::Sbbf;
use twox_hash::XxHash64;

const BLOCK_BYTES: u64 = 32;

/// Larger filters are not ours, and are not believed.
const MAX_BLOOM_BYTES: u64 = 128 << 20;

/// Bytes of the header of a filter of `bits_bytes` bytes: a field of an `i32`,
/// three of unions of empty structures, an end.
fn header_bytes(bits_bytes: u64) -> u64 {
    let zigzag = bits_bytes << 1;
    let varint = u64::from((u64::BITS - zigzag.leading_zeros()).div_ceil(7));
    1 + varint + 3 * 4 + 1
}

/// Where the block stands that answers for `value`, in a filter, header
/// included, at `filter`; `None` where the filter is laid out as none of ours.
pub(super) fn block_of(filter: &Range<u64>, value: &str) -> Option<Range<u64>> {
    let length = filter.end.checked_sub(filter.start).filter(|length| *length <= MAX_BLOOM_BYTES)?;
    let bits_bytes = 1 << length.checked_ilog2()?;
    if bits_bytes < BLOCK_BYTES || bits_bytes + header_bytes(bits_bytes) != length {
        return None;
    }
    let blocks = bits_bytes / BLOCK_BYTES;
    let block = ((XxHash64::oneshot(0, value.as_bytes()) >> 32) * blocks) >> 32;
    let start = filter.start + (length - bits_bytes) + block * BLOCK_BYTES;
    Some(start..start + BLOCK_BYTES)
}

/// Whether a filter may hold the value, by the block that answers for it.
pub(super) fn may_hold(block: &[u8], value: &str) -> bool {
    // A filter of one block asks that one for every value.
    block.len() as u64 != BLOCK_BYTES || Sbbf::new(block).check(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_block_that_is_read_answers_as_the_whole_filter_does() {
        for values in [1_u64, 10, 1000, 100_000] {
            let mut filter = Sbbf::new_with_ndv_fpp(values, 0.01).unwrap();
            let value = |i: u64| format!("{i:032x}");
            (0..values).for_each(|i| filter.insert(value(i).as_str()));
            let mut file = b"before".to_vec();
            filter.write(&mut file).unwrap();
            let at = 6..file.len() as u64;
            for i in 0..values + 1000 {
                let block = block_of(&at, &value(i)).unwrap();
                assert_eq!(
                    may_hold(&file[block.start as usize..block.end as usize], &value(i)),
                    filter.check(value(i).as_str()),
                    "{i} of {values}"
                );
            }
        }
    }

    #[test]
    fn a_filter_of_another_layout_is_not_believed() {
        let length = 1024 + header_bytes(1024);
        assert!(block_of(&(10..10 + length), "x").is_some());
        for length in [0, 1, 31, length - 1, length + 1, 2 * MAX_BLOOM_BYTES] {
            assert_eq!(block_of(&(10..10 + length), "x"), None, "{length}");
        }
        // The largest that fits, and the next.
        for (bits_bytes, is_believed) in [(MAX_BLOOM_BYTES / 2, true), (MAX_BLOOM_BYTES, false)] {
            let filter = 10..10 + bits_bytes + header_bytes(bits_bytes);
            assert_eq!(block_of(&filter, "x").is_some(), is_believed, "{bits_bytes}");
        }
        assert!(may_hold(&[0; 31], "x"), "a block that is cut says nothing");
        assert!(!may_hold(&[0; 32], "x"));
    }
}
