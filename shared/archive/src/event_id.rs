//! CloudWatch's event ids, in two parts that cost next to nothing.
//!
//! An id is 56 decimal digits: the event's time in milliseconds times 2^144, plus
//! a number that the events of one PutLogEvents call share but for its low 16
//! bits, which count them. Files store that number with its low bits zero, in
//! decimal, as `event_batch`, and the low bits as `event_index`; the time is
//! `observed_timestamp`. Ids of any other form stay as they are. In
//! `more_event_ids`, `+n` is an id of the same batch and time, n after the first.

use std::borrow::Cow;
use std::fmt::Write;

use crate::row::StoredRow;

/// Digits of an id.
const DIGITS: usize = 56;

/// Bits of an id below the time, above the lowest 64.
const UPPER_BITS: u32 = 144 - 64;

/// The bits that count the events of a batch.
const INDEX_MASK: u64 = 0xffff;

/// 10^19: so many digits fit into 64 bits.
const LIMB: u128 = 10_000_000_000_000_000_000;

/// Batches whose text is kept at hand.
const KEPT_BATCHES: usize = 256;

/// A number of up to 192 bits: the upper 128, the lower 64.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Wide(u128, u64);

impl Wide {
    /// No batch.
    const MAX: Self = Self(u128::MAX, u64::MAX);

    /// What ids of one batch share, of the number of an id.
    fn batch(self) -> Self {
        Self(self.0 & ((1 << UPPER_BITS) - 1), self.1 & !INDEX_MASK)
    }

    /// A number that differs between most batches.
    fn spread(self) -> usize {
        ((self.0 as u64 ^ self.1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as usize
    }

    /// The number that the digits say, 57 at most.
    fn parse(digits: &str) -> Option<Self> {
        if digits.is_empty() || digits.len() > 57 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let (upper, low) = digits.split_at_checked(digits.len().saturating_sub(19))?;
        let upper: u128 = if upper.is_empty() { 0 } else { upper.parse().ok()? };
        let low: u64 = low.parse().ok()?;
        let product = (upper & u128::from(u64::MAX)) * LIMB + u128::from(low);
        Some(Self((upper >> 64) * LIMB + (product >> 64), product as u64))
    }

    /// The number that 56 digits say, eight at a time.
    fn of_id(id: &str) -> Option<Self> {
        let bytes: &[u8; DIGITS] = id.as_bytes().try_into().ok()?;
        let mut eights = [0; DIGITS / 8];
        for (number, digits) in eights.iter_mut().zip(bytes.as_chunks::<8>().0) {
            *number = eight_digits(*digits)?;
        }
        let [a, b, c, d, e, f, g] = eights;
        const EIGHT: u64 = 100_000_000;
        const SIXTEEN: u128 = 10_000_000_000_000_000;
        let upper = u128::from(a * EIGHT + b) * SIXTEEN + u128::from(c * EIGHT + d);
        Some(Self(upper >> 64, upper as u64).times_plus(SIXTEEN as u64, e * EIGHT + f).times_plus(EIGHT, g))
    }

    fn times_plus(self, factor: u64, more: u64) -> Self {
        let low = u128::from(self.1) * u128::from(factor) + u128::from(more);
        Self(self.0 * u128::from(factor) + (low >> 64), low as u64)
    }

    /// Quotient and remainder by 10^19.
    fn split(self) -> (u128, u64) {
        let (upper, rest) = (self.0 / LIMB, self.0 % LIMB);
        let low = rest << 64 | u128::from(self.1);
        (upper << 64 | (low / LIMB), (low % LIMB) as u64)
    }
}

/// The number of eight digits, all at once.
fn eight_digits(digits: [u8; 8]) -> Option<u64> {
    const NIBBLES: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    let word = u64::from_le_bytes(digits);
    let is_digits = word & NIBBLES == ZEROS && word.wrapping_add(0x0606_0606_0606_0606) & NIBBLES == ZEROS;
    // Neighbours are joined: digits, then pairs, then fours.
    let pairs = word.wrapping_sub(ZEROS).wrapping_mul(10 << 8 | 1) >> 8 & 0x00ff_00ff_00ff_00ff;
    let fours = pairs.wrapping_mul(100 << 16 | 1) >> 16 & 0x0000_ffff_0000_ffff;
    let eight = fours.wrapping_mul(10_000 << 32 | 1) >> 32;
    is_digits.then_some(eight)
}

/// What files hold in the place of an event's id.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Parts<'s> {
    pub batch: &'s str,
    pub index: i32,
    /// The ids of the events that were stitched to it.
    pub more: Option<&'s str>,
}

/// Takes ids apart; batches come again and again.
#[derive(Debug, Default)]
pub(crate) struct EventIds {
    batches: Batches,
    more: String,
}

impl EventIds {
    /// Batch and index of an event's id; `None` where it is not of the known
    /// form, or not of this time.
    pub fn split(&mut self, id: &str, millis: i64) -> Option<(&str, i32)> {
        self.batches.split(Wide::of_id(id)?, millis)
    }

    /// An event's id, and those of the events that were stitched to it (`id,id,…`),
    /// as files hold them; `None` where the id stays whole, and with it the others.
    pub fn take_apart(&mut self, id: &str, others: Option<&str>, millis: i64) -> Option<Parts<'_>> {
        let event = Wide::of_id(id)?;
        // Read back, it would be an offset.
        if others.is_some_and(|others| others.split(',').any(|other| other.starts_with('+'))) {
            return None;
        }
        let Self { batches, more } = self;
        if let Some(others) = others {
            let (batch, index) = batches.split(event, millis).map(|(batch, at)| (batch.to_owned(), at))?;
            more.clear();
            for other in others.split(',') {
                if !more.is_empty() {
                    more.push(',');
                }
                match Wide::of_id(other).and_then(|other| batches.split(other, millis)) {
                    // Writing to a String cannot fail.
                    Some((its, at)) if its == batch && at > index => _ = write!(more, "+{}", at - index),
                    _ => more.push_str(other),
                }
            }
        }
        let (batch, index) = batches.split(event, millis)?;
        Some(Parts { batch, index, more: others.map(|_| more.as_str()) })
    }
}

/// The texts of batches; each batch has one place.
#[derive(Debug, Default)]
struct Batches(Vec<(Wide, String)>);

impl Batches {
    fn split(&mut self, id: Wide, millis: i64) -> Option<(&str, i32)> {
        let Wide(upper, low) = id;
        if i64::try_from(upper >> UPPER_BITS).ok()? != millis {
            return None;
        }
        let batch = id.batch();
        self.0.resize(KEPT_BATCHES, (Wide::MAX, String::new()));
        let (kept, text) = self.0.get_mut(batch.spread() % KEPT_BATCHES)?;
        if *kept != batch {
            let (upper, low) = batch.split();
            *text = if upper > 0 { format!("{upper}{low:019}") } else { low.to_string() };
            *kept = batch;
        }
        Some((text, (low & INDEX_MASK) as i32))
    }
}

/// The id that [`EventIds::split`] took apart.
fn join(batch: &str, index: i32, millis: i64) -> Option<String> {
    let Wide(upper, low) = Wide::parse(batch)?;
    let index = u64::try_from(index).ok()?;
    if upper >> UPPER_BITS != 0 || low & INDEX_MASK != 0 || index > INDEX_MASK {
        return None;
    }
    let time = u128::try_from(millis).ok().filter(|millis| millis >> 48 == 0)?;
    let (upper, low) = Wide(time << UPPER_BITS | upper, low | index).split();
    Some(format!("{upper:037}{low:019}"))
}

impl<'a> StoredRow<'a> {
    /// CloudWatch's id of the event, whole.
    pub fn event_id(&self) -> Option<Cow<'a, str>> {
        if let Some(id) = self.event_id {
            return Some(Cow::Borrowed(id));
        }
        join(self.event_batch?, self.event_index?, self.observed_millis()?).map(Cow::Owned)
    }

    /// `id,id,…` of the log events that were stitched to the first. As stored,
    /// `+n` is the first one's id plus n.
    pub fn more_event_ids(&self) -> Option<Cow<'a, str>> {
        let stored = self.more_event_ids?;
        let (Some(batch), Some(index), Some(millis)) =
            (self.event_batch, self.event_index, self.observed_millis())
        else {
            return Some(Cow::Borrowed(stored));
        };
        let ids: Option<Vec<_>> = stored
            .split(',')
            .map(|id| match id.strip_prefix('+') {
                None => Some(Cow::Borrowed(id)),
                Some(more) => join(batch, index.checked_add(more.parse().ok()?)?, millis).map(Cow::Owned),
            })
            .collect();
        Some(Cow::Owned(ids?.join(",")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From AWS's documentation, of 1432826855000 ms.
    /// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
    const AWS_ID: &str = "31953106606966983378809025079804211143289615424298221568";

    /// What is left of it without the time times 2^144; the low 16 bits are zero.
    const AWS_BATCH: &str = "1732181997039426805772632275426541568";

    #[test]
    fn an_id_is_time_batch_and_index() {
        let mut ids = EventIds::default();
        assert_eq!(ids.split(AWS_ID, 1_432_826_855_000), Some((AWS_BATCH, 0)));
        assert_eq!(ids.split(AWS_ID, 1_432_826_855_001), None);
        // Plus 2^64 + 65535.
        let later = "31953106606966983378809025079804211161736359498007838719";
        assert_eq!(
            ids.split(later, 1_432_826_855_000),
            Some(("1732181997039426824219376349136093184", 65535))
        );
        assert_eq!(join("1732181997039426824219376349136093184", 65535, 1_432_826_855_000).unwrap(), later);
        assert_eq!(join(AWS_BATCH, 0, 1_432_826_855_000).unwrap(), AWS_ID);
    }

    #[test]
    fn eight_digits_are_a_number() {
        for (digits, number) in [(*b"00000000", 0), (*b"12345678", 12_345_678), (*b"99999999", 99_999_999)] {
            assert_eq!(eight_digits(digits), Some(number));
        }
        for other in [*b"1234567:", *b"/1234567", *b"1234 678", [0; 8], [0xff; 8], *b"1234567?"] {
            assert_eq!(eight_digits(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_is_no_id_stays_whole() {
        let mut ids = EventIds::default();
        for other in ["", "e", AWS_BATCH, "3195310660696698337880902507980421114328961542429822156x"] {
            assert_eq!(ids.split(other, 1_432_826_855_000), None, "{other}");
        }
        for (batch, index) in [("", 0), ("1", 0), ("65536", 65536), ("65536", -1), (AWS_ID, 0), ("x", 0)] {
            assert_eq!(join(batch, index, 0), None, "{batch} {index}");
        }
    }

    #[test]
    fn any_number_of_batches_comes_back() {
        let mut ids = EventIds::default();
        for batch in 0..3 * KEPT_BATCHES as u64 {
            for index in [0, 7, 65535] {
                // 2^144 - 2^16 is the greatest.
                let batch = if batch == 5 {
                    "22300745198530623141535718272648361505914880".to_owned()
                } else {
                    (batch << 16).to_string()
                };
                let id = join(&batch, index, 1_773_397_815_000).unwrap();
                assert_eq!(id.len(), DIGITS);
                assert_eq!(ids.split(&id, 1_773_397_815_000), Some((batch.as_str(), index)));
            }
        }
        assert_eq!(ids.batches.0.len(), KEPT_BATCHES);
    }
}
