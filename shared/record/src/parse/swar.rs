//! Looks at eight bytes at once in an ordinary register: the words of a log
//! line are too short for a vector search's start-up to pay.
//!
//! The masks have the high bit of a byte set where it is a hit. Above the first
//! hit (counted from the text's start) a mask may have bits that are none: only
//! whether there is a hit, and where the first is, can be told.

use wide::u8x16;

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH_BITS: u64 = ONES << 7;

/// Bytes below `limit`, which is at most 128.
#[inline]
pub(super) fn below(word: u64, limit: u8) -> u64 {
    word.wrapping_sub(ONES * limit as u64) & !word & HIGH_BITS
}

/// Bytes that are `byte`.
#[inline]
pub(super) fn equal(word: u64, byte: u8) -> u64 {
    below(word ^ (ONES * byte as u64), 1)
}

/// Whether there is a hit in `bytes`.
#[inline]
pub(super) fn has(bytes: &[u8], hits: impl Fn(u64) -> u64) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    let in_words = words.iter().fold(0, |found, word| found | hits(u64::from_le_bytes(*word)));
    // The last eight bytes overlap with what was looked at; that is cheaper than to go byte by byte.
    let last = if rest.is_empty() {
        0
    } else {
        bytes.last_chunk().map_or_else(|| hits(short(rest)), |last| hits(u64::from_le_bytes(*last)))
    };
    in_words | last != 0
}

/// Where the first hit in `bytes` is.
#[inline]
pub(super) fn find(bytes: &[u8], hits: impl Fn(u64) -> u64) -> Option<usize> {
    let (words, rest) = bytes.as_chunks::<8>();
    for (index, word) in words.iter().enumerate() {
        let found = hits(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(index * 8 + first(found));
        }
    }
    let found = hits(short(rest));
    (found != 0).then(|| words.len() * 8 + first(found))
}

/// Which bytes are `byte`.
#[inline]
pub(super) fn is(chunk: u8x16, byte: u8) -> u8x16 {
    chunk.simd_eq(u8x16::splat(byte))
}

/// Where the first byte is that is one of two; for texts of some length.
#[inline]
pub(super) fn find_either(bytes: &[u8], one: u8, other: u8) -> Option<usize> {
    find_from(bytes, 0, |chunk| is(chunk, one) | is(chunk, other))
}

/// Where the first hit in `bytes` is that does not stand before `at`, by sixteen
/// bytes at once. `hits` says of every byte for itself whether it is one.
#[inline]
pub(super) fn find_from(bytes: &[u8], at: usize, hits: impl Fn(u8x16) -> u8x16) -> Option<usize> {
    let mut at = at;
    while let Some(chunk) = bytes.get(at..)?.first_chunk::<16>() {
        let mask = hits(u8x16::new(*chunk)).to_bitmask();
        if mask != 0 {
            return Some(at + mask.trailing_zeros() as usize);
        }
        at += 16;
    }
    // The last sixteen bytes overlap with what was looked at.
    let (mask, start) = match bytes.last_chunk::<16>() {
        Some(last) => (hits(u8x16::new(*last)).to_bitmask(), bytes.len() - 16),
        None => {
            let mut padded = [0; 16];
            padded.get_mut(..bytes.len())?.copy_from_slice(bytes);
            (hits(u8x16::new(padded)).to_bitmask() & !(u32::MAX << bytes.len()), 0)
        }
    };
    let mask = mask >> (at - start);
    (mask != 0).then(|| at + mask.trailing_zeros() as usize)
}

#[inline]
fn first(mask: u64) -> usize {
    (mask.trailing_zeros() / u8::BITS) as usize
}

/// Less than eight bytes as a word; what is missing is `a`, which nobody looks for.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    const MISSING: u64 = ONES * b'a' as u64;
    let bits = bytes.len() as u32 * u8::BITS;
    // Pieces that overlap have the same bytes at the same places.
    let there = match (bytes.first_chunk(), bytes.last_chunk(), bytes) {
        (Some(start), Some(end), _) => {
            let (start, end) = (u32::from_le_bytes(*start), u32::from_le_bytes(*end));
            u64::from(start) | u64::from(end) << (bits - u32::BITS)
        }
        (_, _, [a, b, c]) => u64::from(*a) | u64::from(*b) << 8 | u64::from(*c) << 16,
        (_, _, [a, b]) => u64::from(*a) | u64::from(*b) << 8,
        (_, _, [a]) => u64::from(*a),
        _ => return MISSING,
    };
    there | MISSING << bits
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_hit_is_found(text in "[ -~é\\x00-\\x1f]{0,30}", wanted in proptest::char::range('!', '~'), limit in 1_u8..96) {
            let bytes = text.as_bytes();
            let wanted = u32::from(wanted) as u8;
            prop_assume!(wanted != b'a');
            let is_hit = |byte: u8| byte == wanted || byte < limit;
            let hits = |word| equal(word, wanted) | below(word, limit);
            prop_assert_eq!(find(bytes, hits), bytes.iter().position(|byte| is_hit(*byte)));
            let either = |byte: &u8| *byte == wanted || *byte == b' ';
            prop_assert_eq!(find_either(bytes, wanted, b' '), bytes.iter().position(either));
            for at in 0..=bytes.len() {
                let found = find_from(bytes, at, |chunk| chunk.simd_eq(u8x16::splat(wanted)));
                let expected = bytes[at..].iter().position(|byte| *byte == wanted).map(|len| at + len);
                prop_assert_eq!(found, expected);
            }
            prop_assert_eq!(has(bytes, hits), bytes.iter().any(|byte| is_hit(*byte)));
        }
    }
}
