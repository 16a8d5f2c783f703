//! Reads the pieces of a timestamp: numbers, names, times of day, zones.

use super::civil::{NANOS_PER_DAY, NANOS_PER_SECOND};

/// More digits than any timestamp begins with (nanoseconds since the epoch have 19).
const MAX_DIGITS: usize = 19;

#[derive(Debug, Clone, Copy)]
pub(super) struct Cursor<'a> {
    pub bytes: &'a [u8],
    pub at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8], at: usize) -> Self {
        Self { bytes, at }
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }

    /// Steps over one of `set`.
    pub(super) fn skip(&mut self, set: &[u8]) -> Option<u8> {
        let byte = self.peek().filter(|byte| set.contains(byte))?;
        self.at += 1;
        Some(byte)
    }

    /// Steps over one or two spaces: columns are padded by one.
    pub(super) fn spaces(&mut self) -> Option<()> {
        self.skip(b" ")?;
        self.skip(b" ");
        Some(())
    }

    /// A run of digits: its value and length.
    pub(super) fn number(&mut self) -> Option<(i64, usize)> {
        let start = self.at;
        let mut value = 0_i64;
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            if self.at - start >= MAX_DIGITS {
                return None;
            }
            value = value.checked_mul(10)?.checked_add(i64::from(byte - b'0'))?;
            self.at += 1;
        }
        (self.at > start).then_some((value, self.at - start))
    }

    /// A run of one or two digits.
    pub(super) fn one_or_two(&mut self) -> Option<i64> {
        self.number().filter(|(_, len)| *len <= 2).map(|(value, _)| value)
    }

    /// A run of exactly `len` digits.
    pub(super) fn exactly(&mut self, len: usize) -> Option<i64> {
        self.number().filter(|(_, found)| *found == len).map(|(value, _)| value)
    }

    /// Whether the timestamp may end here: no letter or digit follows.
    pub(super) fn is_at_end_of_word(&self) -> bool {
        !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    }

    fn word(&self) -> &'a [u8] {
        let rest = self.rest();
        let len = rest.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
        rest.get(..len).unwrap_or_default()
    }

    /// A month's name, short or whole, with or without a dot: 1 to 12.
    pub(super) fn month(&mut self) -> Option<u8> {
        let short: [u8; 3] = self.rest().get(..3)?.try_into().ok()?;
        let month = match short.map(|byte| byte | 0x20) {
            [b'j', b'a', b'n'] => 1,
            [b'f', b'e', b'b'] => 2,
            [b'm', b'a', b'r'] => 3,
            [b'a', b'p', b'r'] => 4,
            [b'm', b'a', b'y'] => 5,
            [b'j', b'u', b'n'] => 6,
            [b'j', b'u', b'l'] => 7,
            [b'a', b'u', b'g'] => 8,
            [b's', b'e', b'p'] => 9,
            [b'o', b'c', b't'] => 10,
            [b'n', b'o', b'v'] => 11,
            [b'd', b'e', b'c'] => 12,
            _ => return None,
        };
        const WHOLE: [&[u8]; 9] = [
            b"january",
            b"february",
            b"march",
            b"april",
            b"august",
            b"september",
            b"october",
            b"november",
            b"december",
        ];
        let word = self.word();
        let is_whole = |word: &[u8]| {
            matches!(word.len(), 3)
                || [&b"sept"[..], b"june", b"july"]
                    .iter()
                    .chain(&WHOLE)
                    .any(|name| word.eq_ignore_ascii_case(name))
        };
        if !is_whole(word) {
            return None;
        }
        self.at += word.len();
        self.skip(b".");
        Some(month)
    }

    /// A weekday's name, short or whole, with what separates it from the date.
    pub(super) fn weekday(&mut self) -> Option<()> {
        // Nearly every word that is asked about shows in three letters that it is none.
        let short: [u8; 3] = self.rest().get(..3)?.try_into().ok()?;
        if !matches!(
            &short.map(|byte| byte | 0x20),
            b"mon" | b"tue" | b"wed" | b"thu" | b"fri" | b"sat" | b"sun"
        ) {
            return None;
        }
        let word = self.word();
        const NAMES: [&[u8]; 7] =
            [b"monday", b"tuesday", b"wednesday", b"thursday", b"friday", b"saturday", b"sunday"];
        let is_day = |name: &&[u8]| {
            word.eq_ignore_ascii_case(name)
                || name.get(..3).is_some_and(|short| word.eq_ignore_ascii_case(short))
        };
        NAMES.iter().find(|name| is_day(name))?;
        self.at += word.len();
        self.skip(b",.");
        self.spaces()
    }

    /// What stands between a date and its time: a letter or a sign, spaces, or both.
    pub(super) fn date_end(&mut self) -> Option<()> {
        let sign = self.skip(b"Tt_-:,");
        let space = self.spaces();
        sign.map(|_| ()).or(space)
    }

    /// `22:15:29`, `0:7:20`, `15.42.50`, each with a fraction or without, and
    /// with `AM` or `PM` or without: nanoseconds since midnight.
    pub(super) fn time_of_day(&mut self) -> Option<i64> {
        let hour = self.one_or_two()?;
        let separator = self.skip(b":.")?;
        let minute = self.one_or_two()?;
        self.skip(&[separator])?;
        let second = self.one_or_two()?;
        self.after_second(hour, minute, second)
    }

    /// `22:15`, behind a date only.
    pub(super) fn hour_and_minute(&mut self) -> Option<i64> {
        let hour = self.exactly(2)?;
        self.skip(b":")?;
        let minute = self.exactly(2)?;
        self.after_second(hour, minute, 0)
    }

    /// `203615`.
    pub(super) fn packed_time(&mut self) -> Option<i64> {
        let packed = self.exactly(6)?;
        self.after_second(packed / 10_000, packed / 100 % 100, packed % 100)
    }

    /// The rest of a time of day, behind its seconds.
    pub(super) fn after_second(&mut self, hour: i64, minute: i64, second: i64) -> Option<i64> {
        let fraction = self.fraction();
        let hour = self.half_of_day(hour)?;
        // A leap second is the second before it, told again.
        if hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        Some((hour * 3600 + minute * 60 + second.min(59)) * NANOS_PER_SECOND + fraction)
    }

    /// The fraction of a second, in nanoseconds; digits past the ninth are
    /// passed over. Behind a colon stand milliseconds, not padded (`15:29:44`
    /// would else be a tenth of what it says).
    fn fraction(&mut self) -> i64 {
        let start = self.at;
        let Some(separator) = self.skip(b".,:") else { return 0 };
        let (mut value, mut len) = (0, 0);
        while let Some(byte) = self.peek().filter(u8::is_ascii_digit) {
            if len < 9 {
                value = value * 10 + i64::from(byte - b'0');
                len += 1;
            }
            self.at += 1;
        }
        let scale = |len: u32| 10_i64.pow(9 - len);
        match (separator, len) {
            (_, 0) => {}
            (b':', 1..=3) if self.peek() != Some(b':') => return value * 1_000_000,
            (b':', _) => {}
            (_, len) => return value * scale(len),
        }
        self.at = start;
        0
    }

    fn half_of_day(&mut self, hour: i64) -> Option<i64> {
        let rest = self.rest();
        // Java writes a narrow no-break space there.
        let space = if rest.starts_with(b" ") {
            1
        } else if rest.starts_with("\u{202f}".as_bytes()) {
            3
        } else {
            0
        };
        let (Some(first), Some(b'M' | b'm')) = (rest.get(space), rest.get(space + 1)) else {
            return Some(hour);
        };
        let is_afternoon = match first {
            b'A' | b'a' => false,
            b'P' | b'p' => true,
            _ => return Some(hour),
        };
        let ends = Cursor::new(self.bytes, self.at + space + 2);
        if !ends.is_at_end_of_word() {
            return Some(hour);
        }
        self.at = ends.at;
        match hour {
            12 => Some(if is_afternoon { 12 } else { 0 }),
            1..=11 => Some(if is_afternoon { hour + 12 } else { hour }),
            _ => None,
        }
    }

    /// Nanoseconds east of UTC, of `Z`, `UTC`, `+01:00`, `+0100`, `+01`, ` -0500`,
    /// ` PST`; nothing is UTC too. `None` where a word follows that is no zone.
    pub(super) fn zone(&mut self) -> Option<i64> {
        let start = self.at;
        let seconds = match self.peek() {
            Some(b'Z' | b'z') => {
                self.at += 1;
                Some(0)
            }
            Some(b'+' | b'-') => self.numeric_zone(true),
            Some(b' ') => {
                self.at += 1;
                match self.peek() {
                    Some(b'+' | b'-') => self.numeric_zone(false),
                    Some(b'A'..=b'Z') => self.named_zone(),
                    _ => None,
                }
            }
            _ => None,
        };
        let seconds = seconds.filter(|_| self.is_at_end_of_word()).unwrap_or_else(|| {
            self.at = start;
            0
        });
        self.is_at_end_of_word().then_some(seconds * NANOS_PER_SECOND)
    }

    fn numeric_zone(&mut self, may_be_hours_alone: bool) -> Option<i64> {
        let sign = if self.skip(b"+-")? == b'+' { 1 } else { -1 };
        let (value, len) = self.number()?;
        let (hours, minutes) = match (len, self.peek()) {
            (4, _) => (value / 100, value % 100),
            (2, Some(b':')) => {
                self.at += 1;
                (value, self.exactly(2)?)
            }
            (2, _) if may_be_hours_alone => (value, 0),
            _ => return None,
        };
        (hours <= 14 && minutes <= 59).then_some(sign * (hours * 3600 + minutes * 60))
    }

    fn named_zone(&mut self) -> Option<i64> {
        let word = self.word();
        let hours = match word {
            b"UTC" | b"GMT" | b"Z" => 0,
            b"EDT" => -4,
            b"EST" | b"CDT" => -5,
            b"CST" | b"MDT" => -6,
            b"MST" | b"PDT" => -7,
            b"PST" => -8,
            b"BST" | b"CET" => 1,
            b"CEST" | b"EET" => 2,
            b"EEST" | b"MSK" => 3,
            b"JST" | b"KST" => 9,
            b"AEST" => 10,
            b"AEDT" => 11,
            _ => return None,
        };
        self.at += word.len();
        if hours == 0 && matches!(self.peek(), Some(b'+' | b'-')) {
            return self.numeric_zone(true);
        }
        Some(hours * 3600)
    }
}

/// Half a day and more is no zone: nothing that this adds can overflow.
const _: () = assert!(15 * 3600 * NANOS_PER_SECOND < NANOS_PER_DAY);
