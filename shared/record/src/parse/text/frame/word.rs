//! Words: loggers, programs, processes, places in the source; else the message's beginning.

use super::level::level_number;
use super::{MAX_FRAME_BYTES, Scanner, Style};
use crate::parse::severity::name_number;
use crate::parse::swar;
use crate::parse::text::token::{
    is_capitals, is_failure, is_made, is_name, is_number, is_uuid, qualified_parts, with_line, with_pid,
};

impl<'a> Scanner<'a> {
    pub(super) fn word(&mut self, blanks: usize) -> Option<()> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        let window = bytes.get(start..bytes.len().min(start + MAX_FRAME_BYTES)).unwrap_or_default();
        let mut end = word_len(window).map_or(bytes.len(), |len| start + len);
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
            if is_capitals(next_word) && level_number(next_word).is_some() {
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
            let is_column = (next - end >= 2 || self.byte(end) == Some(b'\t'))
                && next_byte.is_some()
                && is_name(word)
                && self.words.len == 0;
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
            if with_line(word).is_some() {
                self.settle(word);
            } else {
                self.frame.logger = Some(name);
            }
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
        let is_name = logger
            .as_bytes()
            .first()
            .is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'/'))
            && logger.bytes().all(is_program)
            && !is_number(logger);
        let pending = self.pending.as_slice();
        let made = pending.iter().filter(|word| is_made(word)).count();
        let may_be_logger = is_name
            && name_number(logger).is_none()
            && !is_failure(logger)
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
}

/// Where the word ends that `bytes` begins with: at a blank or a `|`.
#[inline]
fn word_len(bytes: &[u8]) -> Option<usize> {
    let is_end = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | b'|');
    let near = swar::find(bytes, |word| swar::below(word, b'!') | swar::equal(word, b'|'))?;
    // Other control characters are hardly ever there.
    let rest = bytes.get(near..)?;
    rest.iter().position(is_end).map(|len| near + len)
}
