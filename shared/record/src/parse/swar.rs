//! Looks at eight bytes at once in an ordinary register: the words of a log
//! line are too short for a vector search's start-up to pay.
//!
//! The masks have the high bit of a byte set where it is a hit. Above the first
//! hit (counted from the text's start) a mask may have bits that are none: only
//! whether there is a hit, and where the first is, can be told.

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

#[inline]
fn first(mask: u64) -> usize {
    (mask.trailing_zeros() / u8::BITS) as usize
}

/// Less than eight bytes as a word; what is missing is `a`, which nobody looks for.
#[inline]
fn short(bytes: &[u8]) -> u64 {
    let mut word = [b'a'; 8];
    for (slot, byte) in word.iter_mut().zip(bytes) {
        *slot = *byte;
    }
    u64::from_le_bytes(word)
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
            prop_assert_eq!(has(bytes, hits), bytes.iter().any(|byte| is_hit(*byte)));
        }
    }
}
