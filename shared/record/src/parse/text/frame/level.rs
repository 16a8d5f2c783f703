//! Levels: by name, by letter, and inside of words.

use super::Scanner;
use crate::parse::severity::{letter_number, name_number};
use crate::parse::text::token::{is_capitals, is_made, is_name, is_number};

/// A tag is no longer than this, in bytes.
const MAX_TAG_BYTES: usize = 128;

impl<'a> Scanner<'a> {
    /// Whether a level may stand here: not in the middle of a sentence.
    pub(super) fn pending_may_precede_level(&self, level: &str) -> bool {
        let pending = self.pending.as_slice();
        let made = pending.iter().filter(|word| is_made(word)).count();
        match pending {
            [] => true,
            // An enumeration.
            _ if pending.iter().any(|word| word.ends_with(',')) => false,
            _ if !is_capitals(level) && (pending.len() > 1 || made == 0) => false,
            [word] => made == 1 || self.frame.time.is_some() && is_name(word),
            // Without a time, a word of a sentence speaks against it.
            [.., last] if self.frame.time.is_none() && !is_made(last) => false,
            _ => made >= pending.len() - made,
        }
    }

    /// A word that is the level, or holds it.
    pub(super) fn level(&mut self, word: &'a str, start: usize, end: usize, blanks: usize) -> Option<()> {
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
                || self.byte(end).is_some_and(|byte| matches!(byte, b'\t' | b'\n' | b'|' | b']'))
                || matches!(self.byte(next), Some(b'[' | b'|'))
                || self.byte(next) == Some(b'-') && matches!(self.byte(next + 1), Some(b' ' | b'-'));
            let capitals = is_capitals(name);
            let is_apart = if no_words {
                capitals || colon || columns && (has_time || start == 0) || has_time && is_short_level(name)
            } else {
                capitals || colon && blanks > 0 || columns && has_time
            };
            // What went well opens sentences as well.
            let is_sentence = name == "SUCCESS" && !has_time && !colon && !columns;
            if !is_apart || is_sentence || !self.pending_may_precede_level(name) {
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
        if word.as_bytes().get(1).is_some_and(u8::is_ascii_uppercase)
            && let Some((level, after)) = word.split_once(':')
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
        if !self.is_inside {
            return None;
        }
        let (level, thread) = word.split_once('/')?;
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
            let close = tagged.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b')')?;
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
        let tag = next.bytes().take(MAX_TAG_BYTES).position(|byte| byte == b':')?;
        if self.frame.pid.is_some() && matches!(next.as_bytes().get(tag + 1), None | Some(b' ')) {
            self.frame.logger = next.get(..tag).map(str::trim_end);
            self.logger_is_closed = true;
            self.commit(end + (behind.len() - next.len()) + tag + 1);
            return None;
        }
        Some(())
    }
}

/// The number of a level's name, where it stands in a frame.
pub(in crate::parse::text) fn level_number(word: &str) -> Option<u8> {
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
