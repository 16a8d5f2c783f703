//! The encodings of a data page, read:
//! <https://parquet.apache.org/docs/file-format/data-pages/encodings/>.

use super::Damage;

/// Values a miniblock of DELTA_BINARY_PACKED has at most; ours have 32.
const MAX_MINIBLOCK: u64 = 1 << 16;

/// Takes a ULEB128 number off the front.
fn varint(bytes: &mut &[u8]) -> Result<u64, Damage> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first().ok_or(Damage::new("a page ends within a number"))?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if *byte < 0x80 {
            return Ok(value);
        }
    }
    Err(Damage::new("a number in a page is too long"))
}

fn zigzag(bytes: &mut &[u8]) -> Result<i64, Damage> {
    let value = varint(bytes)?;
    Ok((value >> 1) as i64 ^ -((value & 1) as i64))
}

/// Takes `count` bytes off the front.
pub(super) fn take<'a>(bytes: &mut &'a [u8], count: usize) -> Result<&'a [u8], Damage> {
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Damage::new("a page is too short"))?;
    *bytes = rest;
    Ok(taken)
}

/// Takes a length of four bytes, and what it measures, off the front.
pub(super) fn take_measured<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Damage> {
    let length = take(bytes, 4)?.first_chunk::<4>().map_or(0, |length| u32::from_le_bytes(*length));
    take(bytes, length as usize)
}

/// The eight bytes from `at` on, zeros beyond the end.
fn word(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).map(|rest| (rest, rest.first_chunk::<8>())) {
        Some((_, Some(word))) => u64::from_le_bytes(*word),
        Some((rest, None)) => rest.iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte)),
        None => 0,
    }
}

/// Calls `put` with `count` values of `width` bits, at most 64.
fn unpack(bytes: &[u8], width: u32, count: usize, mut put: impl FnMut(u64)) {
    let mask = u64::MAX.checked_shr(64 - width).unwrap_or(0);
    for i in 0..count {
        let bit = i * width as usize;
        let shift = (bit % 8) as u32;
        let mut value = word(bytes, bit / 8) >> shift;
        if shift + width > 64 {
            value |= word(bytes, bit / 8 + 8) << (64 - shift);
        }
        put(value & mask);
    }
}

/// One run of the RLE and bit-packing hybrid.
pub(super) enum Run<'a> {
    Same { value: u32, count: usize },
    Packed { bytes: &'a [u8], count: usize },
}

/// The runs of `values` values of `width` bits.
pub(super) struct Runs<'a> {
    bytes: &'a [u8],
    width: u32,
    left: usize,
}

impl<'a> Runs<'a> {
    pub fn new(bytes: &'a [u8], width: u8, values: usize) -> Result<Self, Damage> {
        if width > 32 {
            return Err(Damage::new("the indices of a page have more than 32 bits"));
        }
        Ok(Self { bytes, width: width.into(), left: values })
    }

    pub fn next(&mut self) -> Result<Option<Run<'a>>, Damage> {
        if self.left == 0 {
            return Ok(None);
        }
        let head = varint(&mut self.bytes)?;
        let stated = usize::try_from(head >> 1).unwrap_or(usize::MAX);
        if stated == 0 {
            return Err(Damage::new("a page has a run of no values"));
        }
        let (run, count) = if head & 1 == 0 {
            let count = stated.min(self.left);
            let value = take(&mut self.bytes, self.width.div_ceil(8) as usize)?;
            (Run::Same { value: word(value, 0) as u32, count }, count)
        } else {
            // Groups of eight values; the last may hold padding, which some writers leave out.
            let count = stated.saturating_mul(8).min(self.left);
            let stored = stated.saturating_mul(self.width as usize).min(self.bytes.len());
            if stored < (count * self.width as usize).div_ceil(8) {
                return Err(Damage::new("a page ends within a run"));
            }
            (Run::Packed { bytes: take(&mut self.bytes, stored)?, count }, count)
        };
        self.left -= count;
        Ok(Some(run))
    }

    /// Calls `put` with every value.
    pub fn each(&mut self, mut put: impl FnMut(u32)) -> Result<(), Damage> {
        while let Some(run) = self.next()? {
            match run {
                Run::Same { value, count } => (0..count).for_each(|_| put(value)),
                Run::Packed { bytes, count } => {
                    unpack(bytes, self.width, count, |value| put(value as u32));
                }
            }
        }
        Ok(())
    }

    /// The value, where all are the same and stored as one run.
    pub fn same(&self) -> Option<u32> {
        let mut runs = Runs { ..*self };
        match runs.next() {
            Ok(Some(Run::Same { value, .. })) if runs.left == 0 => Some(value),
            _ => None,
        }
    }
}

/// Takes DELTA_BINARY_PACKED numbers off the front, which must be `expected`
/// many, and puts them into `out`.
pub(super) fn deltas(bytes: &mut &[u8], expected: usize, out: &mut Vec<i64>) -> Result<(), Damage> {
    out.clear();
    let (block, miniblocks, count) = (varint(bytes)?, varint(bytes)?, varint(bytes)?);
    let mut value = zigzag(bytes)?;
    if count != expected as u64 {
        return Err(Damage::new("a page has another number of values than it says"));
    }
    let miniblock = block.checked_div(miniblocks).unwrap_or(0);
    if miniblock == 0 || miniblock * miniblocks != block || miniblock % 32 != 0 || miniblock > MAX_MINIBLOCK {
        return Err(Damage::new("a page has blocks that the format does not know"));
    }
    if expected == 0 {
        return Ok(());
    }
    out.reserve(expected);
    out.push(value);
    while out.len() < expected {
        let smallest = zigzag(bytes)?;
        let widths = take(bytes, usize::try_from(miniblocks).unwrap_or(usize::MAX))?;
        for width in widths {
            let left = expected - out.len();
            if left == 0 {
                break;
            }
            if *width > 64 {
                return Err(Damage::new("a page has numbers of more than 64 bits"));
            }
            let packed = take(bytes, miniblock as usize / 8 * usize::from(*width))?;
            unpack(packed, u32::from(*width), left.min(miniblock as usize), |delta| {
                value = value.wrapping_add(smallest).wrapping_add(delta as i64);
                out.push(value);
            });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::parquet_file::encoding::{index_width, put_deltas, put_indices};
    use proptest::prelude::*;

    fn indices(bytes: &[u8], values: usize) -> Vec<u32> {
        let (width, rest) = bytes.split_first().unwrap();
        let mut out = Vec::new();
        Runs::new(rest, *width, values).unwrap().each(|value| out.push(value)).unwrap();
        out
    }

    #[test]
    fn runs_and_packed_values_follow_each_other() {
        // Three fives; eight values of three bits, 0 to 7 (the specification's example).
        let bytes = [3 << 1, 5, 1 << 1 | 1, 0b1000_1000, 0b1100_0110, 0b1111_1010];
        let mut out = Vec::new();
        Runs::new(&bytes, 3, 10).unwrap().each(|value| out.push(value)).unwrap();
        assert_eq!(out, [5, 5, 5, 0, 1, 2, 3, 4, 5, 6]);
        assert_eq!(Runs::new(&bytes, 3, 3).unwrap().same(), Some(5));
        assert_eq!(Runs::new(&bytes, 3, 4).unwrap().same(), None);
        assert!(Runs::new(&bytes, 3, 12).unwrap().each(|_| ()).is_err());
        assert!(Runs::new(&bytes, 33, 1).is_err());
    }

    #[test]
    fn what_deltas_say_of_themselves_is_checked() {
        let mut bytes = Vec::new();
        put_deltas(&mut bytes, &[1, 2, 3]);
        let mut out = Vec::new();
        assert!(deltas(&mut bytes.as_slice(), 3, &mut out).is_ok());
        for expected in [2, 4] {
            assert!(deltas(&mut bytes.as_slice(), expected, &mut out).is_err(), "{expected}");
        }
        for end in 0..bytes.len() {
            assert!(deltas(&mut &bytes[..end], 3, &mut out).is_err(), "{end}");
        }
        // No miniblocks; a miniblock of 16; a huge one.
        for head in [&[128, 1, 0, 3, 0][..], &[64, 4, 3, 0], &[128, 128, 128, 128, 1, 1, 3, 0]] {
            assert!(deltas(&mut &*head, 3, &mut out).is_err(), "{head:?}");
        }
    }

    proptest! {
        #[test]
        fn numbers_come_back(numbers in proptest::collection::vec(any::<i64>(), 0..400), shift in 0_u32..64) {
            let numbers: Vec<_> = numbers.iter().map(|number| number >> shift).collect();
            let mut bytes = Vec::new();
            put_deltas(&mut bytes, &numbers);
            bytes.push(7);
            let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
            deltas(&mut rest, numbers.len(), &mut out).unwrap();
            prop_assert_eq!(out, numbers);
            prop_assert_eq!(rest, &[7]);
        }

        #[test]
        fn indices_come_back(values in proptest::collection::vec(0_u32..200, 1..400)) {
            let mut bytes = Vec::new();
            put_indices(&mut bytes, &values, index_width(200));
            prop_assert_eq!(indices(&bytes, values.len()), values);
        }

        #[test]
        fn arbitrary_bytes_are_read_or_damage(bytes in proptest::collection::vec(any::<u8>(), 0..64), width in 0_u8..40, count in 0_usize..1000) {
            let mut out = Vec::new();
            drop(deltas(&mut bytes.as_slice(), count, &mut out));
            if let Ok(mut runs) = Runs::new(&bytes, width, count) {
                let mut values = 0;
                if runs.each(|_| values += 1).is_ok() {
                    prop_assert_eq!(values, count);
                }
            }
        }
    }
}
