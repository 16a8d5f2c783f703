//! The frame of a line: what a logger writes before the message.
//!
//! One scanner from left to right. Each token is a time, a level, a bracketed
//! group, a number, or a word; a word belongs to the frame when something says
//! so: it is closed (`name:`, `name - `, `name|`), or a time or a level stands
//! behind it. Words that nothing speaks for are *pending*, and turn out to be
//! the beginning of the message when the scanner stops.

use super::token::{
    is_capitals, is_made, is_name, is_number, is_uuid, qualified_parts, with_line, with_pid, with_place,
};
use crate::parse::severity::{letter_number, name_number};
use crate::parse::timestamp::{self, LineTime};

/// A frame is no longer than this, in bytes.
pub(super) const MAX_FRAME_BYTES: usize = 400;
/// A bracketed group is no longer than this, in bytes.
const MAX_GROUP_BYTES: usize = 256;
/// Words that may be pending, and words that a frame may have, besides its named parts.
const MAX_WORDS: usize = 8;

/// What the frame says, and what is left.
#[derive(Debug, Default, Clone, Copy, PartialEq)]
pub(crate) struct Frame<'a> {
    pub time: Option<LineTime>,
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
            b'(' if self.frame.logger.is_some() && self.frame.thread.is_none() && !self.logger_is_closed => {
                self.group(b')')
            }
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
        self.pending = Words::default();
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
        } else if let Some((name, line)) = word
            .rsplit_once(':')
            .filter(|(name, line)| is_number(line) && qualified_parts(name) > 0 && with_line(word).is_none())
        {
            self.frame.line_number.get_or_insert(line);
            self.frame.logger.get_or_insert(name);
        } else if is_uuid(word) {
            self.frame.request_id.get_or_insert(word);
        } else if let Some((file, line)) = with_line(word) {
            self.frame.file.get_or_insert(file);
            self.frame.line_number.get_or_insert(line);
        } else if self.words.push(word).is_none() {
            self.words.len = MAX_WORDS;
        }
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

    fn separator(&mut self, blanks: usize) -> Option<()> {
        let start = self.at;
        let byte = self.byte(start)?;
        let is_end = |at: Option<u8>| matches!(at, None | Some(b' ' | b'\t'));
        let has_begun = self.frame.time.is_some() || self.frame.level.is_some();
        if !has_begun
            && matches!(byte, b'-' | b'|')
            && (blanks > 0 || start == 0)
            && is_end(self.byte(start + 1))
        {
            // `web-1  | `: a time behind it will show whether it belongs to a frame.
            self.at = start + 1;
            return Some(());
        }
        match byte {
            b']' if self.is_inside => {
                self.is_inside = false;
                self.commit(start + 1);
            }
            b'-' => {
                let len = self.text.as_bytes().iter().skip(start).take_while(|byte| **byte == b'-').count();
                if len > 3
                    || !is_end(self.byte(start + len))
                    || start > 0 && blanks == 0 && self.message_at != start
                {
                    return None;
                }
                self.close()?;
                if self.frame.time.is_some()
                    && len == 1
                    && self.style == Style::Spaces
                    && self.frame.level.is_none()
                {
                    self.style = Style::Dashes;
                }
                self.commit(start + len);
                if self.frame.level.is_some() && (self.frame.logger.is_some() || self.words.len > 0)
                    || self.has_pipes()
                {
                    return None;
                }
            }
            b'|' => {
                let style = if blanks > 0 { Style::WidePipes } else { Style::Pipes };
                let is_other = self.has_pipes() && self.style != style && self.words.len > 0;
                let has_all = self.frame.level.is_some() && self.words.len > 0;
                if is_other || has_all {
                    return None;
                }
                self.close()?;
                self.style = style;
                self.commit(start + 1);
            }
            b':' if is_end(self.byte(start + 1)) && has_begun && self.style == Style::Spaces => {
                self.close()?;
                self.logger_is_closed = self.frame.level.is_some() && self.words.len > 0;
                self.commit(start + 1);
                if self.logger_is_closed {
                    return None;
                }
            }
            b',' | b';'
                if start == self.message_at && self.frame.time.is_some() && self.frame.level.is_none() =>
            {
                self.commit(start + 1);
            }
            _ => return None,
        }
        Some(())
    }

    fn has_pipes(&self) -> bool {
        matches!(self.style, Style::Pipes | Style::WidePipes)
    }

    /// A separator speaks for the word before it, and for what little may belong to that.
    fn close(&mut self) -> Option<()> {
        let is_program = |pending: &[&str]| match pending {
            [] => true,
            [word] => is_name(word) || with_place(word).is_some(),
            // A program and its qualifier (`name.exe *64`), a number and a name.
            [first, second] => {
                is_made(first) && !second.as_bytes().first().is_some_and(u8::is_ascii_alphabetic)
                    || is_number(first) && is_name(second)
            }
            _ => false,
        };
        let pending = self.pending.as_slice();
        if !is_program(pending) {
            return None;
        }
        let has_begun = self.frame.time.is_some() || self.frame.level.is_some();
        if let [word] = pending
            && (!has_begun
                || self.style == Style::Spaces && self.frame.level.is_none() && !is_made(word)
                || self.frame.level.is_some()
                    && word.as_bytes().first().is_some_and(u8::is_ascii_uppercase)
                    && !is_made(word)
                    && self.style == Style::Dashes)
        {
            return None;
        }
        if let [first, second] = pending
            && is_made(first)
            && !is_number(first)
        {
            let start = first.as_ptr() as usize - self.text.as_ptr() as usize;
            let end = second.as_ptr() as usize - self.text.as_ptr() as usize + second.len();
            let whole = self.slice(start, end);
            self.pending = Words::default();
            self.pending.push(whole)?;
        }
        Some(())
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
        if plain > made.max(1) || (is_bare && !pending.is_empty() && made < 2) {
            return None;
        }
        if !pending.is_empty() {
            self.has_columns = true;
        }
        // The words before it are settled before it is known.
        self.commit(self.at + found.len);
        self.frame.time.get_or_insert(found.time);
        Some(())
    }

    fn set_level(&mut self, level: &'a str, number: u8, end: usize) {
        self.frame.level = Some((level, number));
        self.commit(end);
    }

    /// A bracketed group.
    fn group(&mut self, close: u8) -> Option<()> {
        if self.is_inside || self.logger_is_closed {
            return None;
        }
        let start = self.at;
        let open = self.byte(start)?;
        let mut depth = 0_usize;
        let len = self.text.as_bytes().iter().skip(start).take(MAX_GROUP_BYTES).position(|&byte| {
            depth += usize::from(byte == open);
            depth -= usize::from(byte == close && depth > 0);
            depth == 0 || byte == b'\n'
        })?;
        let end = start + len + 1;
        let inner = self.slice(start + 1, end - 1);
        let content = inner.trim();
        if open == b'['
            && self.frame.time.is_none()
            && self.pending.len <= 1
            && let Some(found) = timestamp::leading(inner)
        {
            self.frame.time = Some(found.time);
            self.time_in_brackets = true;
            self.is_inside = found.len < inner.trim_end().len();
            self.commit(if self.is_inside { start + 1 + found.len } else { end });
            if self.is_inside && self.byte(self.at) == Some(b':') {
                self.commit(self.at + 1);
            }
            return Some(());
        }
        let has_begun = self.frame.time.is_some() || self.frame.level.is_some();
        let level = content.bytes().next().and_then(|_| level_number(content));
        if let (None, Some(number), b'[') = (self.frame.level, level, open) {
            if !self.pending_may_precede_level(content) {
                return None;
            }
            self.set_level(content, number, end);
            if self.byte(end) == Some(b':') {
                self.commit(end + 1);
            }
            return Some(());
        }
        if start == 0 && open == b'[' && is_name(content) {
            // `[Nest] 12  - `: a time behind it will show whether it belongs to a frame.
            self.pending.push(content)?;
            self.at = end;
            return Some(());
        }
        if !has_begun
            || self.pending_group.is_some()
            || !self.pending.as_slice().iter().all(|word| is_number(word))
        {
            return None;
        }
        let digits = content.trim_start_matches("pid").trim_start_matches(['#', ':', '=', ' ']);
        match open {
            b'{' => {
                let (file, line) = with_line(content)?;
                self.frame.file.get_or_insert(file);
                self.frame.line_number.get_or_insert(line);
                self.commit(end);
            }
            b'<' if content.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') => {
                self.frame.thread.get_or_insert(content);
                self.commit(end);
            }
            b'<' => return None,
            _ if self.frame.logger.is_some() && self.group_after_logger => return None,
            _ if is_number(digits) => {
                self.frame.pid.get_or_insert(digits);
                self.commit(end);
            }
            _ if matches!(content, "-" | "" | "(null)") => self.commit(end),
            _ if content.starts_with("req-") || is_uuid(content) => {
                self.frame.request_id.get_or_insert(content.split(' ').next().unwrap_or(content));
                self.commit(end);
            }
            _ if self.frame.time.is_none() => {
                self.pending_group = Some(content);
                self.at = end;
            }
            b'[' if qualified_parts(content) > 0
                && self.frame.logger.is_none()
                && is_name(content)
                && !content.contains('/') =>
            {
                self.frame.logger = Some(content);
                self.commit(end);
                return Some(());
            }
            _ if is_thread(content) && matches!(self.byte(end), Some(b' ' | b'\t' | b'[' | b':')) => {
                self.pending_group = Some(content);
                self.commit(end);
            }
            b'(' => self.commit_thread(content, end),
            _ => {
                self.pending_group = Some(content);
                self.at = end;
            }
        }
        self.group_after_logger |= self.frame.logger.is_some();
        Some(())
    }

    fn commit_thread(&mut self, thread: &'a str, end: usize) {
        self.frame.thread.get_or_insert(thread);
        self.commit(end);
    }

    /// Whether a level may stand here: not in the middle of a sentence.
    fn pending_may_precede_level(&self, level: &str) -> bool {
        let pending = self.pending.as_slice();
        let made = pending.iter().filter(|word| is_made(word)).count();
        match pending {
            [] => true,
            _ if !is_capitals(level) && (pending.len() > 1 || made == 0) => false,
            [word] => made == 1 || self.frame.time.is_some() && is_name(word),
            _ => made >= pending.len() - made,
        }
    }

    fn word(&mut self, blanks: usize) -> Option<()> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'|');
        let mut end = bytes
            .iter()
            .skip(start)
            .take(MAX_FRAME_BYTES)
            .position(is_end)
            .map_or(bytes.len(), |len| start + len);
        if self.is_inside
            && let Some(close) = self.slice(start, end).find(']')
        {
            end = start + close;
        }
        let word = self.slice(start, end);
        if word.is_empty() {
            return None;
        }
        if self.frame.level.is_none()
            && !self.logger_is_closed
            && self.level(word, start, end, blanks).is_some()
        {
            return Some(());
        }
        if self.logger_is_closed {
            // Behind the logger, a place in the source may stand.
            let (file, line) = with_line(word.strip_suffix(':')?)?;
            (self.frame.file, self.frame.line_number) = (Some(file), Some(line));
            self.commit(end);
            return None;
        }
        if let Some(pid) = word.strip_prefix('#').filter(|pid| is_number(pid))
            && self.is_inside
        {
            self.frame.pid = Some(pid);
            self.commit(end);
            return Some(());
        }
        if self.style == Style::Spaces || self.frame.level.is_some_and(|(level, _)| level.len() == 1) {
            if let Some(name) = word.strip_suffix(':') {
                return self.closed_by_colon(name, end);
            }
            if self.frame.level.is_some() && word.contains('{') && self.frame.logger.is_none() {
                return self.span(start);
            }
        }
        self.open_word(word, end)
    }

    /// A word that nothing closes.
    fn open_word(&mut self, word: &'a str, end: usize) -> Option<()> {
        let next = self.after_blanks(end);
        let next_byte = self.byte(next);
        let has_level = self.frame.level.is_some();
        if is_uuid(word) && self.frame.time.is_some() {
            self.frame.request_id.get_or_insert(word);
            self.commit(end);
            return Some(());
        }
        if self.is_inside && has_level && next_byte == Some(b']') && is_name(word) {
            self.frame.logger = Some(word);
            self.commit(end);
            return Some(());
        }
        let is_closed_later = match next_byte {
            Some(b'|') => true,
            Some(b'-' | b':') => {
                let run =
                    self.text.as_bytes().iter().skip(next).take_while(|byte| **byte == b'-').count().max(1);
                next > end && matches!(self.byte(next + run), None | Some(b' ' | b'\t'))
            }
            _ => false,
        };
        if is_number(word) && self.has_columns && !has_level && self.pending.len == 0 {
            // A flag among the columns, or in front of the level the process.
            let next_word = self.slice(next, self.text.len()).split(' ').next().unwrap_or_default();
            if level_number(next_word).is_some() {
                self.pending.push(word)?;
            }
            self.commit(end);
            return Some(());
        }
        if is_closed_later || is_number(word) {
            self.pending.push(word)?;
            self.at = end;
            return Some(());
        }
        if has_level {
            let parts = qualified_parts(word);
            let name = with_pid(word).map_or(word, |(name, _)| name);
            let is_column = next - end >= 2 && next_byte.is_some() && is_name(word);
            let is_logger = is_column && !self.level_has_colon
                || parts >= 1
                    && next_byte == Some(b'[')
                    && self.text.as_bytes().get(next..next + 1).is_some()
                || parts >= 2 && self.frame.thread.is_some()
                || parts >= 1 && self.level_has_colon && name != word;
            if !is_logger
                || self.frame.logger.is_some()
                || !self.pending.as_slice().is_empty() && self.words.len > 0
            {
                return None;
            }
            self.frame.logger = Some(name);
            self.commit(end);
            return Some(());
        }
        let plain = self.pending.as_slice().iter().filter(|word| !is_made(word)).count()
            + usize::from(!is_made(word));
        if plain > 2 {
            return None;
        }
        self.pending.push(word)?;
        self.at = end;
        Some(())
    }

    /// `name:`, `name[12]:`, `file.go:23:`.
    fn closed_by_colon(&mut self, name: &'a str, end: usize) -> Option<()> {
        let frame = &self.frame;
        if frame.logger.is_some() || frame.time.is_none() && frame.level.is_none() {
            return None;
        }
        if let Some((file, line)) = with_line(name) {
            if self.pending.len > 0 || frame.time.is_none() {
                return None;
            }
            (self.frame.file, self.frame.line_number) = (Some(file), Some(line));
            self.commit(end);
            return None;
        }
        let (logger, pid) = with_pid(name).map_or((name, None), |(name, pid)| (name, Some(pid)));
        let is_program = |byte: u8| byte.is_ascii_alphanumeric() || b"._-$/:#@()<>+\\".contains(&byte);
        let is_name =
            logger.as_bytes().first().is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
                && logger.bytes().all(is_program)
                && !is_number(logger);
        let pending = self.pending.as_slice();
        let made = pending.iter().filter(|word| is_made(word)).count();
        let may_be_logger = is_name
            && name_number(logger).is_none()
            && match (frame.level.is_some(), frame.time.is_some()) {
                (true, true) => {
                    pending.iter().all(|word| is_number(word))
                        && (self.words.len == 0 || qualified_parts(logger) > 0)
                }
                (true, false) => pending.is_empty() && (!self.level_has_colon || qualified_parts(logger) > 0),
                _ => match pending {
                    [] => pid.is_some() || self.has_columns || is_made(logger) && !logger.ends_with(')'),
                    [.., _] => pending.len() <= 3 && (pid.is_some() || made == pending.len()),
                },
            };
        if !may_be_logger {
            return None;
        }
        self.commit(end);
        self.frame.logger = Some(logger);
        if let Some(pid) = pid {
            self.frame.pid = Some(pid);
        }
        self.logger_is_closed = true;
        Some(())
    }

    /// A span of tracing: `request{method=GET path="/"}:`, several joined.
    fn span(&mut self, start: usize) -> Option<()> {
        let window = self.slice(start, self.text.len().min(start + MAX_FRAME_BYTES));
        let name = window.split('{').next().unwrap_or_default();
        if name.is_empty() || !is_name(name) {
            return None;
        }
        let mut len = window.find("}:")? + 2;
        while window.as_bytes().get(len).is_some_and(u8::is_ascii_alphabetic) {
            len += window.get(len..)?.find("}:")? + 2;
        }
        self.frame.span = window.get(..len - 1);
        self.commit(start + len);
        Some(())
    }

    /// A word that is the level, or holds it.
    fn level(&mut self, word: &'a str, start: usize, end: usize, blanks: usize) -> Option<()> {
        let first = *word.as_bytes().first()?;
        if !first.is_ascii_alphabetic() {
            return None;
        }
        let has_time = self.frame.time.is_some();
        let no_words = self.pending.len == 0;
        if let [letter, rest @ ..] = word.as_bytes()
            && letter.is_ascii_uppercase()
            && rest.first().is_none_or(|byte| !byte.is_ascii_alphanumeric())
        {
            return self.letter(*letter, word, start, end);
        }
        let (name, colon) = word.strip_suffix(':').map_or((word, false), |name| (name, true));
        if let Some(number) = level_number(name) {
            let next = self.after_blanks(end);
            let columns = next - end >= 2
                || self
                    .byte(end)
                    .map_or(no_words && start > 0, |byte| matches!(byte, b'\t' | b'\n' | b'|' | b']'))
                || matches!(self.byte(next), Some(b'[' | b'|'))
                || self.byte(next) == Some(b'-') && matches!(self.byte(next + 1), Some(b' ' | b'-'));
            let capitals = is_capitals(name);
            let is_apart = if no_words {
                capitals || colon || columns && (has_time || start == 0) || has_time && is_short_level(name)
            } else {
                capitals || colon && blanks > 0 || columns && has_time
            };
            if !is_apart || !self.pending_may_precede_level(name) {
                return None;
            }
            self.level_has_colon = colon;
            self.set_level(self.slice(start, start + name.len()), number, end);
            return Some(());
        }
        if name == "LOG" && has_time && no_words && blanks >= 2 {
            self.set_level(name, 9, end);
            return Some(());
        }
        self.level_inside(word, start, has_time, no_words)
    }

    /// `WARNING:root:message`, `channel.ERROR:`, `INFO/MainProcess]`.
    fn level_inside(&mut self, word: &'a str, start: usize, has_time: bool, no_words: bool) -> Option<()> {
        if !no_words {
            return None;
        }
        if let Some((level, after)) = word.split_once(':')
            && is_capitals(level)
            && let Some(number) = level_number(level)
        {
            self.level_has_colon = true;
            self.set_level(level, number, start + level.len() + 1);
            // The logger's name may be missing, or hold what a word holds.
            if let Some((logger, _)) =
                after.split_once(':').filter(|(logger, _)| !has_time && is_name(logger))
            {
                self.frame.logger = Some(logger);
                self.logger_is_closed = true;
                self.commit(start + level.len() + logger.len() + 2);
                return Some(());
            }
            self.logger_is_closed = true;
            return Some(());
        }
        if let Some((logger, level)) = word.strip_suffix(':').and_then(|name| name.rsplit_once('.'))
            && is_capitals(level)
            && is_name(logger)
            && let Some(number) = level_number(level)
        {
            self.frame.logger = Some(logger);
            self.logger_is_closed = true;
            self.set_level(level, number, start + word.len());
            return Some(());
        }
        let (level, thread) = word.split_once('/').filter(|_| self.is_inside)?;
        let number = level_number(level)?;
        self.frame.thread = Some(thread);
        self.set_level(level, number, start + word.len());
        Some(())
    }

    /// A level of one letter, where a format has such: behind the process and
    /// thread of Android (`I tag: `, `I/tag( 12): `), in MongoDB's and etcd's
    /// columns, at the start of Ruby's (`I, [`).
    fn letter(&mut self, letter: u8, word: &'a str, start: usize, end: usize) -> Option<()> {
        let number = letter_number(letter)?;
        let has_time = self.frame.time.is_some();
        let level = word.get(..1)?;
        let behind = self.slice(start + 1, self.text.len());
        if start == 0 && behind.starts_with(", [") {
            // The level stands once more, as a word, behind the time.
            self.commit(2);
            return Some(());
        }
        let is_numbers = self.pending.as_slice().iter().all(|word| is_number(word));
        if !is_numbers {
            return None;
        }
        if let Some(tagged) = behind.strip_prefix('/') {
            // `I/tag( 12): message`
            let close = tagged.bytes().take(MAX_GROUP_BYTES).position(|byte| byte == b')')?;
            let (tag, pid) = tagged.get(..close)?.split_once('(')?;
            if !tagged.get(close + 1..)?.starts_with(':') || !is_number(pid.trim()) {
                return None;
            }
            self.set_level(level, number, start + close + 4);
            (self.frame.logger, self.frame.pid) = (Some(tag.trim_end()), Some(pid.trim()));
            self.logger_is_closed = true;
            return Some(());
        }
        if !has_time || word.len() > 1 {
            return None;
        }
        let next = behind.trim_start();
        let capitals = next.bytes().take_while(u8::is_ascii_uppercase).count();
        let is_mongo = capitals >= 3
            && next
                .get(capitals..)
                .is_some_and(|after| after.trim_start().starts_with('[') && after.starts_with(' '));
        if self.pending.len < 2 && !next.starts_with('|') && !is_mongo {
            return None;
        }
        self.set_level(level, number, end);
        if is_mongo {
            self.commit(end + (behind.len() - next.len()) + capitals);
            self.frame.logger = next.get(..capitals);
            return Some(());
        }
        // Android's tags may hold spaces: the first `:` closes.
        let tag = next.bytes().take(MAX_GROUP_BYTES).position(|byte| byte == b':')?;
        if self.frame.pid.is_some() && matches!(next.as_bytes().get(tag + 1), None | Some(b' ')) {
            self.frame.logger = next.get(..tag).map(str::trim_end);
            self.logger_is_closed = true;
            self.commit(end + (behind.len() - next.len()) + tag + 1);
            return None;
        }
        Some(())
    }

    /// Gives the frame's words their names, and the message its beginning.
    fn finish(mut self) -> Frame<'a> {
        let words = self.words.as_slice();
        let is_host = |word: &&&str| Some(**word) != self.frame.logger && is_name(word);
        match self.frame.logger {
            None => {
                let qualified = words.iter().find(|word| qualified_parts(word) > 0);
                let logger = qualified.or(words.last()).copied();
                self.frame.host = words.iter().find(|word| Some(**word) != logger && is_name(word)).copied();
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

/// The number of a level's name, where it stands in a frame.
pub(super) fn level_number(word: &str) -> Option<u8> {
    let number = name_number(word)?;
    let is_other_word = ["log", "default", "note", "deb", "verb", "assert", "success"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name));
    (!is_other_word || word == "SUCCESS").then_some(number)
}

/// Names of levels that no sentence begins with.
fn is_short_level(word: &str) -> bool {
    ["info", "debug", "warn", "inf", "dbg", "wrn", "err", "dbug", "trce"]
        .iter()
        .any(|name| word.eq_ignore_ascii_case(name))
}

/// Whether the content of brackets is a thread's name beyond doubt.
fn is_thread(content: &str) -> bool {
    is_name(content) && !content.contains("::") && !content.as_bytes().contains(&b':')
}
