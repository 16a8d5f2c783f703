//! The frame of a line: what a logger writes before the message.
//!
//! One scanner from left to right. Each token is a time, a level, a bracketed
//! group, a number, or a word; a word belongs to the frame when something says
//! so: it is closed (`name:`, `name - `, `name|`), or a time or a level stands
//! behind it. Words that nothing speaks for are *pending*, and turn out to be
//! the beginning of the message when the scanner stops.

use super::token::{
    ends_with_digit, is_capitals, is_made, is_name, is_number, is_uuid, qualified_parts, with_line,
    with_place,
};
use crate::parse::timestamp::{self, LineTime};
use crate::parse::{EventTime, NANOS_PER_MILLI};
pub(super) use level::level_number;

mod closing;
mod envoy;
mod level;
mod usual;
mod word;

/// A frame is no longer than this, in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 400;
/// Words that may be pending, and words that a frame may have, besides its named parts.
const MAX_WORDS: usize = 8;

/// What the frame says, and what is left.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Frame<'a> {
    pub time: Option<LineTime>,
    /// Seconds since the epoch that stand beside a written time.
    pub seconds: Option<LineTime>,
    /// The level as written, and its number.
    pub level: Option<(&'a str, u8)>,
    pub logger: Option<&'a str>,
    pub thread: Option<&'a str>,
    pub pid: Option<&'a str>,
    pub host: Option<&'a str>,
    pub file: Option<&'a str>,
    pub line_number: Option<&'a str>,
    pub span: Option<&'a str>,
    pub request_id: Option<&'a str>,
    pub message: &'a str,
}

/// What separates the tokens of this line, once it has shown.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Style {
    #[default]
    Spaces,
    Dashes,
    Pipes,
    WidePipes,
}

/// Words in the order in which they came; more than [`MAX_WORDS`] are none of a frame.
#[derive(Debug, Default, Clone, Copy)]
struct Words<'a> {
    words: [&'a str; MAX_WORDS],
    len: usize,
}

impl<'a> Words<'a> {
    fn push(&mut self, word: &'a str) -> Option<()> {
        *self.words.get_mut(self.len)? = word;
        self.len += 1;
        Some(())
    }

    fn as_slice(&self) -> &[&'a str] {
        self.words.get(..self.len).unwrap_or_default()
    }
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where the message begins, as far as is known.
    message_at: usize,
    frame: Frame<'a>,
    pending: Words<'a>,
    pending_group: Option<&'a str>,
    /// Words that belong to the frame; which is what shows at the end.
    words: Words<'a>,
    style: Style,
    /// Inside of brackets that hold more than a time.
    is_inside: bool,
    time_in_brackets: bool,
    /// The time is seconds since the epoch, and nothing else was said of it yet.
    time_is_bare: bool,
    level_has_colon: bool,
    /// The logger was closed by `:`; nothing but a file's name stands behind it.
    logger_is_closed: bool,
    group_after_logger: bool,
    /// A time stood behind other words: the line is of columns.
    has_columns: bool,
}

/// Reads a line's frame.
pub(crate) fn read(text: &str) -> Frame<'_> {
    if let Some(frame) = text.strip_prefix("[#|").and_then(uniform) {
        return frame;
    }
    usual::read(text).or_else(|| envoy::read(text)).unwrap_or_else(|| scan(text))
}

/// Reads any frame, token by token.
fn scan(text: &str) -> Frame<'_> {
    let mut scanner = Scanner {
        text,
        at: 0,
        message_at: 0,
        frame: Frame::default(),
        pending: Words::default(),
        pending_group: None,
        words: Words::default(),
        style: Style::Spaces,
        is_inside: false,
        time_in_brackets: false,
        time_is_bare: false,
        level_has_colon: false,
        logger_is_closed: false,
        group_after_logger: false,
        has_columns: false,
    };
    while scanner.token().is_some() {}
    scanner.finish()
}

impl<'a> Scanner<'a> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn rest(&self) -> &'a str {
        self.slice(self.at, self.text.len())
    }

    /// Where the next byte is that is no blank.
    fn after_blanks(&self, mut at: usize) -> usize {
        while matches!(self.byte(at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            at += 1;
        }
        at
    }

    /// Reads one token; `None` where the frame ends.
    fn token(&mut self) -> Option<()> {
        let start = self.after_blanks(self.at);
        if start >= MAX_FRAME_BYTES {
            return None;
        }
        let blanks = start - self.at;
        self.at = start;
        match self.byte(start)? {
            b'-' | b'|' | b':' | b';' | b',' | b']' | b'=' => self.separator(blanks),
            b'[' => self.group(b']'),
            b'(' if self.frame.level.is_some() && !self.logger_is_closed => self.group(b')'),
            b'{' if self.frame.time.is_some() => self.group(b'}'),
            b'<' if self.frame.time.is_some() => self.group(b'>'),
            b'0'..=b'9' | b'A'..=b'Z' => self.time().or_else(|| self.word(blanks)),
            b'a'..=b'z' | b'_' | b'*' | b'/' | b'#' => self.word(blanks),
            _ => None,
        }
    }

    /// Everything up to here is the frame.
    fn commit(&mut self, end: usize) {
        for i in 0..self.pending.len {
            let word = self.pending.words.get(i).copied().unwrap_or_default();
            self.settle(word);
        }
        self.pending.len = 0;
        if let Some(group) = self.pending_group.take() {
            self.settle_group(group);
        }
        self.at = end;
        self.message_at = end;
    }

    /// A word of the frame, as far as it shows by itself what it is.
    fn settle(&mut self, word: &'a str) {
        if is_number(word) {
            // In front of the time and beside it stand ids and flags of other kinds.
            if self.frame.time.is_some() {
                let slot =
                    if self.frame.pid.is_none() { &mut self.frame.pid } else { &mut self.frame.thread };
                slot.get_or_insert(word);
            }
        } else if word.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'/')) {
            // A date, said once more.
        } else if let Some((name, (file, line))) = with_place(word) {
            self.frame.file.get_or_insert(file);
            self.frame.line_number.get_or_insert(line);
            self.frame.logger.get_or_insert(name);
        } else if is_uuid(word) {
            self.frame.request_id.get_or_insert(word);
        } else if ends_with_digit(word) && self.settle_place(word).is_some() {
            // A place in the source.
        } else if self.words.push(word).is_none() {
            self.words.len = MAX_WORDS;
        }
    }

    /// `file.go:23`, `a.b.C:12`.
    fn settle_place(&mut self, word: &'a str) -> Option<()> {
        let (file, line) = match with_line(word) {
            Some((file, line)) => (Some(file), line),
            None => {
                let (name, line) = word.rsplit_once(':')?;
                if !is_number(line) || qualified_parts(name) == 0 {
                    return None;
                }
                self.frame.logger.get_or_insert(name);
                (None, line)
            }
        };
        self.frame.file = self.frame.file.or(file);
        self.frame.line_number.get_or_insert(line);
        Some(())
    }

    fn settle_group(&mut self, group: &'a str) {
        // log4j's `[thread:Class@line]`.
        let class = group.rsplit_once(':').and_then(|(thread, place)| {
            let (class, line) = place.split_once('@')?;
            (is_name(class) && is_number(line)).then_some((thread.trim_end_matches(':'), class, line))
        });
        match class {
            Some((thread, class, line)) if self.frame.logger.is_none() => {
                self.frame.thread.get_or_insert(thread);
                self.frame.logger = Some(class);
                self.frame.line_number.get_or_insert(line);
            }
            _ if self.frame.logger.is_none() => self.frame.thread = Some(group),
            _ => {
                self.frame.thread.get_or_insert(group);
            }
        }
    }

    /// A time, where one may stand: before the level, or behind it where nothing has said the time yet.
    fn time(&mut self) -> Option<()> {
        if self.frame.time.is_some() && (self.frame.level.is_some() || self.style != Style::Spaces) {
            return None;
        }
        let found = timestamp::leading(self.rest())?;
        let pending = self.pending.as_slice();
        let made = pending.iter().filter(|word| is_made(word)).count();
        let is_bare = self.rest().as_bytes().iter().take(found.len).all(u8::is_ascii_digit);
        let plain = pending.len() - made;
        if plain > made.max(1) || (is_bare && made < 2 && !pending.iter().all(|word| is_capitals(word))) {
            return None;
        }
        if !pending.is_empty() {
            self.has_columns = true;
        }
        // The words before it are settled before it is known.
        self.commit(self.at + found.len);
        match self.frame.time {
            None => (self.frame.time, self.time_is_bare) = (Some(found.time), is_bare),
            // What is written for people outranks a bare number, which knows its year.
            Some(LineTime::Instant(bare)) if self.time_is_bare && !is_bare => {
                let near = EventTime::Arrived(bare.div_euclid(NANOS_PER_MILLI));
                self.frame.seconds = self.frame.time;
                self.frame.time = found.time.to_nanos(near).map(LineTime::Instant);
                self.time_is_bare = false;
            }
            Some(_) => {}
        }
        Some(())
    }

    fn set_level(&mut self, level: &'a str, number: u8, end: usize) {
        self.frame.level = Some((level, number));
        self.commit(end);
    }

    /// Gives the frame's words their names, and the message its beginning.
    fn finish(&mut self) -> Frame<'a> {
        let words = self.words.as_slice();
        let is_host = |word: &&&str| Some(**word) != self.frame.logger && is_name(word);
        match self.frame.logger {
            None => {
                let qualified = words.iter().find(|word| qualified_parts(word) > 0);
                // In front of a level stands the logger; of columns, behind the machine.
                let by_place =
                    if self.has_columns && self.frame.level.is_none() { words.get(1) } else { words.last() };
                let logger = qualified.or(by_place).or(words.last()).copied();
                // A method's name may stand there, too (`java.util.logging`): a machine's is seldom a plain word.
                self.frame.host = words
                    .iter()
                    .find(|word| Some(**word) != logger && is_made(word) && is_name(word))
                    .copied();
                self.frame.logger = logger;
            }
            Some(_) => self.frame.host = words.iter().rev().find(is_host).copied(),
        }
        let message = self.slice(self.message_at, self.text.len());
        self.frame.message = message.trim_matches([' ', '\t', '\n', '\r']);
        if self.time_in_brackets && self.frame.logger.is_none() && self.frame.level.is_some() {
            self.trailing_logger();
        }
        self.frame
    }

    /// Kafka's `message (kafka.server.KafkaServer)`.
    fn trailing_logger(&mut self) -> Option<()> {
        let line_end =
            memchr::memchr(b'\n', self.frame.message.as_bytes()).unwrap_or(self.frame.message.len());
        let (message, logger) = self.frame.message.get(..line_end)?.strip_suffix(')')?.rsplit_once('(')?;
        if qualified_parts(logger) == 0 || line_end < self.frame.message.len() {
            return None;
        }
        self.frame.logger = Some(logger);
        self.frame.message = message.trim_end();
        Some(())
    }
}

/// GlassFish's uniform format, behind its `[#|`:
/// `time|level|product|logger|_ThreadID=1;_ThreadName=main;|message|#]`.
fn uniform(text: &str) -> Option<Frame<'_>> {
    let mut fields = text.splitn(6, '|');
    let time = timestamp::leading(fields.next()?)?.time;
    let level = fields.next()?;
    let (_product, logger, more) = (fields.next()?, fields.next()?, fields.next()?);
    let thread = more.split(';').find_map(|pair| pair.strip_prefix("_ThreadName="));
    let message = fields.next()?.trim_end();
    Some(Frame {
        time: Some(time),
        level: level_number(level).map(|number| (level, number)),
        logger: Some(logger).filter(|logger| !logger.is_empty()),
        thread,
        message: message.strip_suffix("|#]").unwrap_or(message).trim(),
        ..Frame::default()
    })
}
