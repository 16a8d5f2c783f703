//! Log events that were one thing once: fragments of a long line, lines of a stack trace.
//!
//! Fragments are what a runtime cut at 16 KB or a driver near 256 KB: joined by
//! the marks of the wrapper ([`wrapped`]), else by their length ([`fragment`]),
//! without anything between. Lines of a trace ([`trace`]) are joined with a line
//! end between; those of a private key ([`key`]) too, so that redaction sees it
//! whole. Either way in their order, within one stream (stdout and stderr
//! apart where the wrapper names them), within [`MAX_GAP_MILLIS`] of each other.
//! What was wrapped comes out as one wrapper around the joined content, JSON as
//! JSON: the parser unwraps it like any other line.
//!
//! **A batch's edge.** CloudWatch may end a payload inside a trace. Nothing is
//! kept from one invocation to the next: waiting for the rest would trade the
//! promise that an event is stored before it is acknowledged for a nicer row.
//! So the part in the earlier batch is a record, and the part in the later batch
//! is one more: its lines are joined to each other, and it says by
//! [`StitchedLine::incomplete`] that its beginning is elsewhere. What passes a
//! limit is treated alike. Every event is in exactly one line, whatever the edge.

use std::borrow::Cow;

mod ansi;
mod fragment;
mod key;
mod rules;
mod shape;
mod trace;
mod wrapped;

pub use ansi::{MAX_CONTROL_STRING_BYTES, strip_ansi};
pub use fragment::RUNTIME_CUT_BYTES;
pub use rules::{MAX_PATTERN_BYTES, StitchConfig, StitchRule};
pub use shape::Preset;

use crate::config::ConfigFault;
use crate::decode::LogEvent;
use fragment::Balance;
use key::KeyLine;
use rules::{Mode, Rules};
use shape::Shape;
use trace::State;
use wrapped::{Part, Wrapped, Wrapper};

/// The most log events that one line may have. A Java trace has at most 1,024
/// frames (`MaxJavaStackTraceDepth`) for each of its causes.
pub const MAX_STITCHED_EVENTS: usize = 4_096;

/// The longest line that is put together, in bytes; the parser looks into no longer one.
pub const MAX_STITCHED_BYTES: usize = crate::parse::MAX_LINE_BYTES;

/// How far apart neighbouring events of one line may be, in milliseconds. They
/// are written at once, but some drivers round to seconds, and a container out
/// of its CPU share pauses in between.
pub const MAX_GAP_MILLIS: u64 = 2_000;

/// The line is a later part of something: a batch's edge, or a limit, is before it.
pub const CONTINUES_EARLIER: &str =
    "it continues an earlier line, which is not in this batch or beyond a limit";

/// The line was cut by its runtime and its rest is not there.
pub const REST_IS_MISSING: &str = "its rest is not in this batch or beyond a limit";

/// Neighbouring log events of one stream that are one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StitchedLine<'a> {
    /// The text, without ANSI colours; borrowed where one event is the whole line.
    pub text: Cow<'a, str>,
    /// The index of its first event among the events of the stream.
    pub first: usize,
    /// The indices of its other events, in order; empty for nearly every line.
    pub more: Vec<usize>,
    /// What is known to be missing of it: [`CONTINUES_EARLIER`] or [`REST_IS_MISSING`].
    pub incomplete: Option<&'static str>,
}

/// Joins what belongs together.
#[derive(Debug, Clone, Default)]
pub struct Stitcher {
    rules: Rules,
}

impl Stitcher {
    /// A stitcher as the configuration says; what is wrong is added to `faults`.
    pub fn new(config: &StitchConfig, faults: &mut Vec<ConfigFault>) -> Self {
        Self { rules: Rules::new(config, faults) }
    }

    /// The lines of the events of one log stream, each event in exactly one of
    /// them, in the order of their first events.
    pub fn stitch<'a>(&self, log_group: &str, events: &'a [LogEvent<'a>]) -> Vec<StitchedLine<'a>> {
        let mut seam = Seam {
            mode: self.rules.of(log_group),
            events,
            lines: Vec::with_capacity(events.len()),
            open: [const { None }; STREAMS],
            keeps_line_ends: None,
            keys: [(0, false); STREAMS],
        };
        for (index, event) in events.iter().enumerate() {
            seam.push(index, event);
        }
        for stream in 0..STREAMS {
            seam.close(stream);
        }
        seam.lines
    }
}

/// How many lines may be open at once: one for each [`wrapped::Stream`].
const STREAMS: usize = 3;

/// A line that the next event of its stream may continue. There is one for
/// every line, so what only fragments and joined lines have is kept apart.
#[derive(Debug)]
struct Open {
    /// Its index among the lines.
    line: usize,
    /// The index of its last event.
    last: usize,
    last_millis: i64,
    wrapper: Wrapper,
    state: State,
    rest: Rest,
    sewn: Option<Box<Sewn>>,
}

/// What is known of a line of several events, or of one that will have several.
#[derive(Debug)]
struct Sewn {
    /// The wrapper of the first event; the content reaches to the end of what
    /// was joined.
    wrapped: Wrapped,
    /// Of a line that was cut without a mark, if it is JSON.
    balance: Option<Balance>,
    /// `partial_id` of its fragments, as the wrapper has it.
    id: String,
    /// What the wrapper has behind the content, once another event is joined.
    tail: String,
}

impl Sewn {
    /// Of the first event.
    fn of(text: &str, rest: Rest) -> Self {
        let wrapped = Wrapped::of(text);
        let is_cut_json = rest == Rest::Likely && text.starts_with(['{', '[']);
        Self {
            balance: is_cut_json.then(|| Balance::default().after(text)),
            id: text.get(wrapped.id.clone()).unwrap_or_default().to_owned(),
            tail: String::new(),
            wrapped,
        }
    }
}

/// Whether the line goes on in the next event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Rest {
    /// Not because of its size.
    None,
    /// It has the length of a cut.
    Likely,
    /// The wrapper says so.
    Marked,
}

/// How an event is joined to an open line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    Fragment,
    /// With the state that the line has then.
    Line(State),
}

struct Seam<'s, 'a> {
    mode: &'s Mode,
    events: &'a [LogEvent<'a>],
    lines: Vec<StitchedLine<'a>>,
    open: [Option<Open>; STREAMS],
    /// Whether the JSON wrappers of this batch keep line ends: then a content
    /// without one was cut. Found out when it matters.
    keeps_line_ends: Option<bool>,
    /// Up to which event the lines of base64 were looked at, and whether they
    /// are the rest of a private key.
    keys: [(usize, bool); STREAMS],
}

impl<'a> Seam<'_, 'a> {
    fn push(&mut self, index: usize, event: &'a LogEvent<'a>) {
        let text = strip_ansi(&event.message);
        let wrapped = Wrapped::of(&text);
        let stream = wrapped.stream as usize;
        let rest = self.rest(event, &wrapped);
        let line = wrapped.line(&text);
        let shape = self.shape(&line);
        let key = KeyLine::of(&line);
        let mut join = self.join(stream, index, &text, &wrapped, &line, shape, key);
        if let (Some(KeyLine::Begin), Some(Join::Line(state))) = (key, &mut join) {
            *state = State::Key;
        }
        if let Some(join) = join
            && self.append(stream, index, event.timestamp, &text, &wrapped, join, rest)
        {
            return;
        }
        let is_key_rest = key == Some(KeyLine::Body) && join.is_none() && self.is_key_rest(stream, index);
        let state = match join {
            Some(Join::Line(state)) => state,
            _ if key == Some(KeyLine::Begin) => State::Key,
            _ if is_key_rest => State::Key,
            _ => self.begin(&line, shape),
        };
        let is_later = join.is_some() || wrapped.is_later || matches!(shape, Shape::Frame(_) | Shape::Chain);
        let is_later = is_key_rest || is_later && !matches!(self.mode, Mode::Off);
        let starts_amiss = matches!(self.mode, Mode::Starts(start) if !start.is_match(&line));
        drop(line);
        self.close(stream);
        if let Some(slot) = self.open.get_mut(stream) {
            *slot = Some(Open {
                line: self.lines.len(),
                last: index,
                last_millis: event.timestamp,
                wrapper: wrapped.wrapper,
                state,
                rest,
                sewn: (rest != Rest::None).then(|| Box::new(Sewn::of(&text, rest))),
            });
        }
        let incomplete = (is_later || starts_amiss).then_some(CONTINUES_EARLIER);
        self.lines.push(StitchedLine { text, first: index, more: Vec::new(), incomplete });
    }

    /// Whether the lines of base64 from this event on lead to the end of a
    /// private key, or begin the stream as a key's body does. Each run is looked
    /// at once.
    fn is_key_rest(&mut self, stream: usize, index: usize) -> bool {
        let is_first = self.open.get(stream).is_some_and(Option::is_none);
        let Some((until, is_key)) = self.keys.get_mut(stream) else { return false };
        if index < *until {
            return *is_key;
        }
        (*until, *is_key) = (self.events.len(), false);
        let mut full = 0;
        for (at, event) in self.events.iter().enumerate().skip(index) {
            let text = strip_ansi(&event.message);
            let wrapped = Wrapped::of(&text);
            if wrapped.stream as usize != stream {
                continue;
            }
            let line = wrapped.line(&text);
            match KeyLine::of(&line) {
                Some(KeyLine::Body) => full += usize::from(key::is_full(&line)),
                found => {
                    (*until, *is_key) = (at, found == Some(KeyLine::End));
                    break;
                }
            }
        }
        *is_key |= is_first && full >= key::MIN_BODY_LINES;
        *is_key
    }

    /// Whether and how the event continues the open line of its stream, were it not for its length.
    #[expect(clippy::too_many_arguments, reason = "what is known of one event, computed once")]
    fn join(
        &self,
        stream: usize,
        index: usize,
        text: &str,
        wrapped: &Wrapped,
        line: &str,
        shape: Shape,
        key: Option<KeyLine>,
    ) -> Option<Join> {
        let open = self.open.get(stream)?.as_ref()?;
        let gap = self.events.get(index)?.timestamp.abs_diff(open.last_millis);
        if open.wrapper != wrapped.wrapper || gap > MAX_GAP_MILLIS {
            return None;
        }
        match (open.rest, &open.sewn) {
            (Rest::Marked, Some(sewn)) => {
                let id = text.get(wrapped.id.clone()).unwrap_or_default();
                let is_same = sewn.id == id || sewn.id.is_empty() || id.is_empty();
                return is_same.then_some(Join::Fragment);
            }
            (Rest::Likely, Some(sewn))
                if open.last + 1 == index && fragment::is_rest(sewn.balance, self.text(open), text) =>
            {
                return Some(Join::Fragment);
            }
            _ => {}
        }
        match key {
            Some(KeyLine::End) if open.state == State::Key => return Some(Join::Line(State::KeyEnd)),
            Some(KeyLine::Body) if open.state == State::Key => return Some(Join::Line(State::Key)),
            None if open.state == State::Key && key::is_header(line) => {
                return Some(Join::Line(State::Key));
            }
            _ => {}
        }
        let so_far = || self.read(open);
        let presets = match self.mode {
            Mode::Off => return None,
            Mode::Starts(start) => return (!start.is_match(line)).then_some(Join::Line(State::Plain)),
            Mode::Traces(_, Some(continues)) if continues.is_match(line) => {
                return Some(Join::Line(so_far()));
            }
            Mode::Traces(presets, _) => presets,
        };
        if !open.state.asks(shape) {
            return None;
        }
        let state = so_far();
        let is_loose = shape == Shape::Indented && matches!(state, State::Framed | State::Alarm);
        if is_loose && !presets.has(Preset::Indented) {
            return None;
        }
        state.next(line, shape).map(Join::Line)
    }

    /// The open line as far as it has come.
    fn text(&self, open: &Open) -> &str {
        self.lines.get(open.line).map_or("", |line| &*line.text)
    }

    /// The state of the open line, once one asks.
    fn read(&self, open: &Open) -> State {
        let text = self.text(open);
        match &open.sewn {
            _ if open.state != State::Unread => open.state,
            Some(sewn) => State::read(&sewn.wrapped.line(text)),
            None => State::read(&Wrapped::of(text).line(text)),
        }
    }

    /// Joins the event to the open line; false where a limit forbids it.
    #[expect(clippy::too_many_arguments, reason = "what is known of one event, computed once")]
    fn append(
        &mut self,
        stream: usize,
        index: usize,
        millis: i64,
        text: &str,
        wrapped: &Wrapped,
        join: Join,
        rest: Rest,
    ) -> bool {
        let Some(open) = self.open.get_mut(stream).and_then(Option::as_mut) else { return false };
        let Some(line) = self.lines.get_mut(open.line) else { return false };
        let first = || Box::new(Sewn::of(&line.text, Rest::None));
        let sewn = open.sewn.get_or_insert_with(first);
        let raw = text.get(wrapped.content.clone()).unwrap_or_default();
        let separator = match (join, wrapped.wrapper) {
            (Join::Fragment, _) => "",
            (_, Wrapper::Json) if sewn.wrapped.has_line_end => "",
            (_, Wrapper::Json) => "\\n",
            (_, Wrapper::None | Wrapper::Cri) => "\n",
        };
        let length = line.text.len() + sewn.tail.len() + separator.len() + raw.len();
        if line.more.len() + 2 > MAX_STITCHED_EVENTS || length > MAX_STITCHED_BYTES {
            return false;
        }
        let joined = line.text.to_mut();
        if line.more.is_empty() {
            sewn.tail = joined.split_off(sewn.wrapped.content.end);
        }
        joined.push_str(separator);
        joined.push_str(raw);
        line.more.push(index);
        sewn.wrapped.content.end = joined.len();
        sewn.wrapped.has_line_end = wrapped.has_line_end;
        sewn.balance = sewn.balance.map(|balance| balance.after(raw));
        open.last = index;
        open.last_millis = millis;
        open.rest = rest;
        if let Join::Line(state) = join {
            open.state = state;
        }
        true
    }

    /// Finishes the open line of a stream.
    fn close(&mut self, stream: usize) {
        let open = self.open.get_mut(stream).and_then(Option::as_mut);
        let Some((line, sewn, rest, state)) =
            open.and_then(|open| Some((open.line, open.sewn.take()?, open.rest, open.state)))
        else {
            return;
        };
        let Some(line) = self.lines.get_mut(line) else { return };
        if rest == Rest::Marked || state == State::Key {
            line.incomplete = line.incomplete.or(Some(REST_IS_MISSING));
        }
        if line.more.is_empty() {
            return;
        }
        let text = line.text.to_mut();
        text.push_str(&sewn.tail);
        // The whole is no part any more.
        let (wrapper, part, tag) = (sewn.wrapped.wrapper, sewn.wrapped.part, sewn.wrapped.tag_at);
        if wrapper == Wrapper::Cri
            && part == Part::More
            && rest == Rest::None
            && text.get(tag..=tag) == Some("P")
        {
            text.replace_range(tag..=tag, "F");
        }
    }

    /// Whether more of the event's line is to come.
    fn rest(&mut self, event: &LogEvent<'_>, wrapped: &Wrapped) -> Rest {
        match wrapped.part {
            _ if matches!(self.mode, Mode::Off) => Rest::None,
            Part::More => Rest::Marked,
            Part::NoLineEnd if self.keeps_line_ends() => Rest::Marked,
            Part::Unsaid if fragment::is_cut(&event.message) => Rest::Likely,
            _ => Rest::None,
        }
    }

    fn keeps_line_ends(&mut self) -> bool {
        let events = self.events;
        *self.keeps_line_ends.get_or_insert_with(|| {
            events
                .iter()
                .any(|event| event.message.contains("\\n\"") && Wrapped::of(&event.message).has_line_end)
        })
    }

    /// What the line looks like to those whose traces are joined.
    fn shape(&self, line: &str) -> Shape {
        let shape = Shape::of(line);
        match (self.mode, shape.preset()) {
            (Mode::Traces(presets, _), Some(preset)) if !presets.has(preset) => {
                if line.starts_with([' ', '\t']) { Shape::Indented } else { Shape::Other }
            }
            (Mode::Starts(_), _) => Shape::Other,
            _ => shape,
        }
    }

    fn begin(&self, line: &str, shape: Shape) -> State {
        let state = State::begin(line, shape);
        match (self.mode, state.preset()) {
            (Mode::Traces(presets, _), Some(preset)) if !presets.has(preset) => State::Unread,
            (Mode::Starts(_), _) => State::Plain,
            _ => state,
        }
    }
}
