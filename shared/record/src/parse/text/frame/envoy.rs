//! Envoy's application log, `[%Y-%m-%d %T.%e][%t][%l][%n] [%g:%#] %v`.
//!
//! <https://www.envoyproxy.io/docs/envoy/latest/operations/cli#cmdoption-log-format>

use super::{Frame, level_number};
use crate::parse::text::token::{is_name, is_number, with_line};
use crate::parse::timestamp;

/// Where the bracket behind the time stands.
const TIME_END: usize = "[2024-12-19 10:30:15.123".len();

/// The frame of such a line; `None` says nothing of the line.
pub(super) fn read(text: &str) -> Option<Frame<'_>> {
    let (time, rest) = text.split_at_checked(TIME_END)?;
    let rest = rest.strip_prefix("][").filter(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))?;
    let time = time.strip_prefix('[')?;
    let found = timestamp::leading(time).filter(|found| found.len == time.len())?;
    let (thread, rest) = rest.split_once("][")?;
    let (level, rest) = rest.split_once("][")?;
    let (logger, message) = rest.split_once("] ")?;
    let number = level_number(level)?;
    if !is_number(thread) || !is_name(logger) {
        return None;
    }
    let place = message.strip_prefix('[').and_then(|rest| rest.split_once("] "));
    let place = place.and_then(|(place, message)| Some((with_line(place)?, message)));
    let (file, line_number, message) = match place {
        Some(((file, line), message)) => (Some(file), Some(line), message),
        None => (None, None, message),
    };
    Some(Frame {
        time: Some(found.time),
        level: Some((level, number)),
        logger: Some(logger),
        thread: Some(thread),
        file,
        line_number,
        message: message.trim_matches([' ', '\t', '\n', '\r']),
        ..Frame::default()
    })
}
