//! Stack traces: which line may follow which.
//!
//! No configuration says which language a stream speaks: the lines do. A
//! [`State`] is what the line that is being built has come to, and
//! [`State::next`] says whether a line continues it.
//!
//! A part that never stands alone (a frame, `Caused by:`) continues any line of
//! text. An exception's first line continues only a line that begins as log
//! lines do and speaks of trouble, which is how loggers print one. An indented
//! line continues a trace, or a line that begins with a time or a level.
//! Whatever itself begins as log lines do, continues nothing. A line of JSON is
//! continued by nothing: it would be JSON no longer.

use super::shape::{self, PYTHON_HEADER, Preset, Shape};

/// What the line that is being built has come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// One line, not looked at yet.
    Unread,
    /// One whole JSON value.
    Json,
    /// Text that begins in no known way.
    Plain,
    /// Text that begins with a time or a level.
    Framed,
    /// Such text that speaks of trouble.
    Alarm,
    /// Inside a trace.
    Trace(Preset),
    /// A Python trace with its exception: complete, unless it is chained.
    PythonEnd,
    /// Another Python trace is announced.
    PythonChain,
    /// Rust's `thread 'main' panicked at src/main.rs:1:2:`; the message follows.
    RustPanic,
    /// Node's `/srv/cart.js:3`; the source line follows.
    NodeSource,
    /// Node's source line; `^` and the error follow.
    NodeCaret,
    /// A line `{`, alone; its members follow, indented.
    Object,
    /// Inside a private key: its own lines follow, and no line of a trace.
    Key,
    /// A private key with its end.
    KeyEnd,
}

impl State {
    /// The state of a line that has just begun. Only what may be followed by any
    /// line at all is found here; everything else waits for a line that asks.
    pub(super) fn begin(line: &str, shape: Shape) -> Self {
        let bytes = line.as_bytes();
        match (shape, bytes) {
            (Shape::Frame(preset), _) => Self::Trace(preset),
            (Shape::Header(preset), _) => Self::after_header(preset, line),
            (Shape::Goroutine, _) => Self::Trace(Preset::Go),
            (Shape::Chain, _) => Self::PythonChain,
            (_, b"{") => Self::Object,
            (_, [b't', b'h', b'r', ..]) if line.starts_with("thread '") && line.contains(" panicked at ") => {
                if line.ends_with(':') {
                    Self::RustPanic
                } else {
                    Self::Trace(Preset::Rust)
                }
            }
            (_, [b'/' | b'n' | b'f', .., b'0'..=b'9']) if is_node_source(line) => Self::NodeSource,
            (_, [.., b':']) if line.ends_with(PYTHON_HEADER) => Self::Trace(Preset::Python),
            _ => Self::Unread,
        }
    }

    /// The trace of an exception group is indented, its exceptions too: no line
    /// closes it.
    fn after_header(preset: Preset, line: &str) -> Self {
        if preset == Preset::Python && line.starts_with(' ') { Self::PythonEnd } else { Self::Trace(preset) }
    }

    /// Looks at the one line that there is so far, where it has begun as [`State::Unread`].
    pub(super) fn read(line: &str) -> Self {
        let text = line.trim_ascii();
        let is_json = |open, close| text.starts_with(open) && text.ends_with(close);
        if is_json('{', '}') {
            Self::Json
        } else if !shape::is_start(text) {
            Self::Plain
        } else if shape::is_alarm(text) {
            Self::Alarm
        } else {
            Self::Framed
        }
    }

    /// Whose trace it is, where the language must be among the chosen ones.
    pub(super) fn preset(self) -> Option<Preset> {
        match self {
            Self::Trace(preset) => Some(preset),
            Self::PythonEnd | Self::PythonChain => Some(Preset::Python),
            Self::RustPanic => Some(Preset::Rust),
            Self::NodeSource | Self::NodeCaret => Some(Preset::Node),
            Self::Object => Some(Preset::Indented),
            Self::Unread
            | Self::Json
            | Self::Plain
            | Self::Framed
            | Self::Alarm
            | Self::Key
            | Self::KeyEnd => None,
        }
    }

    /// Whether `line` needs to be held against this state at all.
    pub(super) fn asks(self, shape: Shape) -> bool {
        match self {
            Self::Unread | Self::Plain | Self::Framed | Self::Alarm => {
                !matches!(shape, Shape::Other | Shape::Blank | Shape::Trail)
            }
            Self::Json | Self::Key | Self::KeyEnd => false,
            _ => true,
        }
    }

    /// The state after `line`; `None` where the line begins anew.
    pub(super) fn next(self, line: &str, shape: Shape) -> Option<Self> {
        match (self, shape) {
            (Self::Unread | Self::Json | Self::Key | Self::KeyEnd, _) => None,
            (Self::Object, Shape::Indented | Shape::Blank) => Some(Self::Object),
            (Self::Object, Shape::Trail) => Some(Self::Json),
            (Self::Object, _) => None,
            (_, Shape::Frame(preset)) => Some(Self::Trace(preset)),
            (_, Shape::Goroutine) => Some(Self::Trace(Preset::Go)),
            (_, Shape::Chain) => Some(Self::PythonChain),
            (Self::Plain, _) | (Self::Framed | Self::Alarm, Shape::Other | Shape::Blank | Shape::Trail) => {
                None
            }
            (Self::Framed | Self::Alarm, Shape::Indented) => {
                (!shape::is_start(line.trim_ascii_start())).then_some(self)
            }
            (Self::Alarm | Self::PythonChain, Shape::Header(preset)) => {
                Some(Self::after_header(preset, line))
            }
            (Self::NodeSource, Shape::Other | Shape::Indented | Shape::Header(_)) => {
                (!shape::is_start(line)).then_some(Self::NodeCaret)
            }
            (Self::NodeCaret, Shape::Header(_)) => Some(Self::Trace(Preset::Node)),
            (Self::RustPanic, Shape::Other | Shape::Header(_)) => {
                (!shape::is_start(line)).then_some(Self::Trace(Preset::Rust))
            }
            (Self::Trace(_) | Self::NodeCaret, Shape::Trail) => Some(self),
            (_, Shape::Blank) => Some(self),
            (_, Shape::Indented) => (!shape::is_start(line.trim_ascii_start())).then_some(self),
            (Self::Trace(preset), shape) => continue_trace(preset, line, shape),
            _ => None,
        }
    }
}

/// Lines without indentation that only their own language's trace takes.
fn continue_trace(preset: Preset, line: &str, shape: Shape) -> Option<State> {
    match preset {
        Preset::Python if shape == Shape::Header(Preset::Ruby) => Some(State::Trace(Preset::Ruby)),
        Preset::Python if shape != Shape::Header(Preset::Python) => {
            shape::is_python_exception(line).then_some(State::PythonEnd)
        }
        Preset::Go => shape::is_go_call(line).then_some(State::Trace(Preset::Go)),
        Preset::Php => line.starts_with("Next ").then_some(State::Trace(Preset::Php)),
        _ => None,
    }
}

/// `/srv/cart.js:3`, `file:///srv/cart.mjs:3`, `node:internal/process/promises:288`.
fn is_node_source(line: &str) -> bool {
    let Some((path, number)) = line.rsplit_once(':') else { return false };
    let is_script = [".js", ".cjs", ".mjs", ".ts"].iter().any(|ending| path.ends_with(ending));
    number.bytes().all(|b| b.is_ascii_digit())
        && !path.contains(' ')
        && (path.starts_with("node:") || is_script && (path.starts_with('/') || path.starts_with("file:///")))
}
