//! The scan: 64 bytes at a time, most of them never looked at one by one.
//!
//! A block gives bit masks (SIMD compares), and bit arithmetic on the masks
//! leaves few places worth a look: a `:`, `=`, `%3D` or `>` whose last two letters
//! before may end the name of a secret; a word of [`LONG_WORD`] characters whose
//! first two may begin a token; eight digits in one or two groups (cards, bank
//! accounts); a `b` that `bearer` or `basic` begins with; the end of two dashes
//! (`--password x`, `-----BEGIN`). Whatever is found is at or after the end of
//! what was found before, so the work is linear.

use wide::u8x16;

use super::names::Endings;
use super::rule::Rule;
use super::value::is_blank;
use super::vendor::BEGINNINGS;
use super::{Finding, Scan, named, number, token};

/// Bytes of a block: the bits of a mask.
const BLOCK: usize = 64;

/// Characters of the shortest token that shows by its own form.
const LONG_WORD: usize = 16;

/// Which bytes of a block are what; bit 0 is its first byte.
struct Masks {
    /// `:`, `=`, `>` and the `%` that `%3D` begins with.
    sign: u64,
    digit: u64,
    /// ASCII letters and digits.
    alnum: u64,
    /// `-` and `_`.
    joint: u64,
    /// `b` and `B` before `e` or `a`, in any case, and `'`.
    b: u64,
}

impl Masks {
    #[inline(always)]
    fn of(block: &[u8; BLOCK]) -> Self {
        let (mut sign, mut digit, mut alnum, mut joint, mut b, mut vowel, mut quote) = (0, 0, 0, 0, 0, 0, 0);
        let (chunks, _) = block.as_chunks::<16>();
        for (i, chunk) in chunks.iter().enumerate() {
            let shift = 16 * i;
            let v = u8x16::new(*chunk);
            let lower = v | u8x16::splat(0x20);
            let is = |byte: u8| v.simd_eq(u8x16::splat(byte));
            // `x - '0' <= 9`, in bytes without a sign.
            let number = v - u8x16::splat(b'0');
            let digits = number.min(u8x16::splat(9)).simd_eq(number);
            let letter = lower - u8x16::splat(b'a');
            let letters = letter.min(u8x16::splat(25)).simd_eq(letter);
            let bits = |mask: u8x16| u64::from(mask.to_bitmask()) << shift;
            sign |= bits(is(b':') | is(b'=') | is(b'>') | is(b'%'));
            digit |= bits(digits);
            alnum |= bits(digits | letters);
            joint |= bits(is(b'-') | is(b'_'));
            quote |= bits(is(b'\''));
            b |= bits(lower.simd_eq(u8x16::splat(b'b')));
            vowel |= bits(lower.simd_eq(u8x16::splat(b'e')) | lower.simd_eq(u8x16::splat(b'a')));
        }
        // What follows the last byte is in the next block.
        Self { sign, digit, alnum, joint, b: b & (vowel >> 1 | 1 << 63) | quote }
    }
}

/// What the end of the block before says of the beginning of the next: a mask
/// shifted up by `n` takes the highest bits of its predecessor in.
#[derive(Default)]
struct Carry {
    digit: u64,
    digits_2: u64,
    digits_4: u64,
    eight: u64,
    word: u64,
    words_2: u64,
    words_4: u64,
    words_8: u64,
    words_16: u64,
    joint: u64,
    joints_2: u64,
}

#[inline(always)]
fn up(mask: u64, before: u64, n: u32) -> u64 {
    mask << n | before >> (64 - n)
}

/// Adds every finding of the rules that are on by default.
#[inline]
pub(super) fn scan(scan: &mut Scan<'_>, endings: &Endings) {
    let bytes = scan.bytes;
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    let mut carry = Carry::default();
    for (i, block) in blocks.iter().enumerate() {
        visit(scan, endings, block, i * BLOCK, &mut carry);
    }
    // One block more, if only of zeros: what ends with the text ends there.
    let mut last = [0; BLOCK];
    if let Some(slot) = last.get_mut(..rest.len()) {
        slot.copy_from_slice(rest);
    }
    visit(scan, endings, &last, blocks.len() * BLOCK, &mut carry);
}

#[inline(always)]
fn visit(scan: &mut Scan<'_>, endings: &Endings, block: &[u8; BLOCK], base: usize, carry: &mut Carry) {
    let bytes = scan.bytes;
    let masks = Masks::of(block);
    // Bit p of `x_n` says: n of them end at p.
    let digits_2 = masks.digit & up(masks.digit, carry.digit, 1);
    let digits_4 = digits_2 & up(digits_2, carry.digits_2, 2);
    let eight = digits_4 & up(digits_4, carry.digits_4, 5);
    let numbers = eight & !up(eight, carry.eight, 1);
    let word = masks.alnum | masks.joint;
    let words_2 = word & up(word, carry.word, 1);
    let words_4 = words_2 & up(words_2, carry.words_2, 2);
    let words_8 = words_4 & up(words_4, carry.words_4, 4);
    let words_16 = words_8 & up(words_8, carry.words_8, 8);
    let long_words = words_16 & !up(words_16, carry.words_16, 1);
    let joints_2 = masks.joint & up(masks.joint, carry.joint, 1);
    let dashes = up(joints_2, carry.joints_2, 1) & !masks.joint;
    *carry = Carry {
        digit: masks.digit,
        digits_2,
        digits_4,
        eight,
        word,
        words_2,
        words_4,
        words_8,
        words_16,
        joint: masks.joint,
        joints_2,
    };

    let mut signs = 0;
    let mut left = masks.sign;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        signs |= u64::from(may_name_a_secret(bytes, base + bit as usize, endings)) << bit;
    }
    let mut words = 0;
    let mut left = long_words;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        words |= u64::from(may_be_a_token(bytes, base + bit as usize + 1 - LONG_WORD)) << bit;
    }
    let mut schemes = 0;
    let mut left = masks.b;
    while left != 0 {
        let bit = left.trailing_zeros();
        left &= left - 1;
        schemes |= u64::from(may_be_a_scheme(bytes, base + bit as usize)) << bit;
    }
    let mut all = signs | words | schemes | numbers | dashes;
    while all != 0 {
        let bit = all.trailing_zeros();
        all &= all - 1;
        let at = base + bit as usize;
        let has = |mask: u64| mask >> bit & 1 != 0;
        look(scan, at, [has(signs), has(words), has(schemes), has(numbers), has(dashes)]);
    }
}

/// Looks at a place closely.
#[cold]
#[inline(never)]
fn look(scan: &mut Scan<'_>, at: usize, [sign, word, scheme, number, dashes]: [bool; 5]) {
    if at < scan.resume {
        return;
    }
    let mut found = None;
    if dashes {
        found = token::find_private_key(scan, at)
            .or_else(|| token::find_private_key_rest(scan, at))
            .or_else(|| named::find_flag(scan, at));
    }
    if sign {
        found = found.or_else(|| named::find(scan, at));
    }
    if scheme {
        found = found.or_else(|| token::find_scheme(scan, at)).or_else(|| named::find_sql(scan, at));
    }
    if word {
        found = found.or_else(|| find_in_word(scan, at + 1 - LONG_WORD));
    }
    if number && scan.is_on(Rule::CreditCard) {
        found = found.or_else(|| {
            number::card(scan.bytes, at).map(|(start, end)| Finding::new(Rule::CreditCard, start, end))
        });
    }
    if number && scan.is_on(Rule::Iban) {
        found = found.or_else(|| {
            number::iban(scan.bytes, at).map(|(start, end)| Finding::new(Rule::Iban, start, end))
        });
    }
    if let Some(finding) = found {
        scan.push(finding);
    }
}

/// A token begins a long word, or behind a dash or an escape in it.
fn find_in_word(scan: &mut Scan<'_>, start: usize) -> Option<Finding> {
    let bytes = scan.bytes;
    if let Some(found) = token::find_before(scan, start) {
        return Some(found);
    }
    // The word is looked through once; what follows a dash may be a token too.
    let word =
        bytes.get(start..)?.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'));
    let end = start + word.count();
    let mut at = start;
    while at + 2 <= end {
        let is_start = token::starts_token(bytes, at) || at == start + 1 && token::starts_token(bytes, at);
        if is_start
            && begins_token(bytes, at)
            && let Some(found) = token::find(scan, at)
        {
            return Some(found);
        }
        let next = bytes.get(at + 1..end)?.iter().position(|b| *b == b'-');
        at = match next {
            // `\n` before a token in a JSON string: its letter is part of the word.
            _ if at == start && start > 0 && bytes.get(start - 1) == Some(&b'\\') => at + 1,
            Some(dash) => at + dash + 2,
            None => break,
        };
    }
    None
}

/// Whether the name before the sign at `at` may be a secret's.
#[inline(always)]
fn may_name_a_secret(bytes: &[u8], at: usize, endings: &Endings) -> bool {
    // One bounds check where there is room, and no branch on the quote.
    let around = at.checked_sub(7).and_then(|from| bytes.get(from..at + 3));
    let Some(&[quoted_escape, escape, _, _, a, b, c, _, d, e]) =
        around.and_then(|w| <&[u8; 10]>::try_from(w).ok())
    else {
        let byte = |back: usize| bytes.get(at.wrapping_sub(back)).copied().unwrap_or(0);
        let quote = usize::from(matches!(byte(1), b'"' | b'\''));
        let last = at.saturating_sub(1 + quote);
        return endings.has(bytes, last, byte(2 + quote), byte(1 + quote))
            || bytes.get(at + 1) == Some(&b'/');
    };
    let quote = matches!(c, b'"' | b'\'');
    let (before, last, escape) = if quote { (a, b, quoted_escape) } else { (b, c, escape) };
    // `"passwor\u0064"` and `://`
    endings.has(bytes, at - 1 - usize::from(quote), before, last)
        | (escape == b'\\')
        | (d == b'/' && e == b'/')
}

/// Whether a token may be or end with the long word at `start`.
#[inline(always)]
fn may_be_a_token(bytes: &[u8], start: usize) -> bool {
    let byte = |back: usize| bytes.get(start.wrapping_sub(back)).copied().unwrap_or(0);
    begins_token(bytes, start)
        || match byte(1) {
            // SG. hv?. ya29. xoxe. dp.pt.
            b'.' => matches!(
                (byte(3), byte(2)),
                (b'S', b'G') | (b'v', _) | (b'2', b'9') | (b'x', b'e') | (b'p', b't')
            ),
            b'\\' => true,
            // A Telegram bot.
            b':' => bytes.get(start) == Some(&b'A'),
            // `Token x` and `ApiKey x`.
            b' ' => matches!((byte(3) | 0x20, byte(2) | 0x20), (b'e', b'n' | b'y')),
            _ => bytes.get(start) == Some(&b'-'),
        }
}

#[inline(always)]
fn begins_token(bytes: &[u8], at: usize) -> bool {
    let pair = bytes.get(at..at + 2).and_then(|pair| <[u8; 2]>::try_from(pair).ok());
    let Some([a, b]) = pair else { return false };
    let place = usize::from(a & 127) << 7 | usize::from(b & 127);
    BEGINNINGS.get(place >> 6).is_some_and(|word| word >> (place & 63) & 1 != 0)
}

/// `bear` and `basi`, in any case; the quote behind `password ` and `identified by `.
#[inline(always)]
fn may_be_a_scheme(bytes: &[u8], at: usize) -> bool {
    if bytes.get(at) == Some(&b'\'') {
        let byte = |back: usize| bytes.get(at.wrapping_sub(back)).copied().unwrap_or(0);
        return is_blank(byte(1)) && (is_blank(byte(2)) || matches!(byte(2) | 0x20, b'd' | b'y'));
    }
    let word = bytes.get(at..at + 4).and_then(|word| <[u8; 4]>::try_from(word).ok());
    word.is_some_and(|word| {
        let word = u32::from_le_bytes(word) | 0x2020_2020;
        word == u32::from_le_bytes(*b"bear") || word == u32::from_le_bytes(*b"basi")
    })
}
