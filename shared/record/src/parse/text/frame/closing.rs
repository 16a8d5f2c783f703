//! Separators: what they say of the words before them, and brackets.

use super::level::level_number;
use super::{Scanner, Style};
use crate::parse::text::token::{
    is_made, is_name, is_number, is_uuid, qualified_parts, with_line, with_place,
};
use crate::parse::timestamp;

/// A bracketed group is no longer than this, in bytes.
const MAX_GROUP_BYTES: usize = 256;

impl<'a> Scanner<'a> {
    pub(super) fn separator(&mut self, blanks: usize) -> Option<()> {
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
                // A logger and a level or a process are all that a frame needs.
                let has_all = self.words.len > 0 && (self.frame.level.is_some() || self.frame.pid.is_some());
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
            self.pending.len = 0;
            self.pending.push(whole)?;
        }
        Some(())
    }

    /// A bracketed group.
    pub(super) fn group(&mut self, close: u8) -> Option<()> {
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
            self.pending_group = Some(content);
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
            b'(' if self.frame.logger.is_none() => {
                if let Some((file, line)) = with_line(content) {
                    self.frame.file.get_or_insert(file);
                    self.frame.line_number.get_or_insert(line);
                } else if is_thread(content) && self.slice(end, end + 2) == " [" {
                    self.frame.thread = Some(content);
                } else {
                    return None;
                }
                self.commit(end);
            }
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
}

/// Whether the content of brackets is a thread's name beyond doubt.
fn is_thread(content: &str) -> bool {
    is_name(content) && !content.contains("::") && !content.as_bytes().contains(&b':')
}
