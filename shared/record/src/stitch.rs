//! Log events that were one thing once: fragments of a long line, lines of a stack trace.

use std::borrow::Cow;

use serde::Deserialize;

mod ansi;

pub use ansi::{MAX_CONTROL_STRING_BYTES, strip_ansi};

use crate::config::ConfigFault;
use crate::decode::LogEvent;

/// What the file says about stitching.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct StitchConfig {}

/// Neighbouring log events of one stream that are one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StitchedLine<'a> {
    /// The text, without ANSI colours; borrowed where one event is the whole line.
    pub text: Cow<'a, str>,
    /// The index of its first event among the events of the stream.
    pub first: usize,
    /// The indices of its other events, in order; empty for nearly every line.
    pub more: Vec<usize>,
}

/// Joins what belongs together.
#[derive(Debug, Clone, Default)]
pub struct Stitcher {}

impl Stitcher {
    /// A stitcher as the configuration says; what is wrong is added to `faults`.
    pub fn new(_config: &StitchConfig, _faults: &mut Vec<ConfigFault>) -> Self {
        Self {}
    }

    /// The lines of the events of one log stream, each event in exactly one of them.
    pub fn stitch<'a>(&self, events: &'a [LogEvent<'a>]) -> Vec<StitchedLine<'a>> {
        let alone = |(i, event): (usize, &'a LogEvent<'a>)| StitchedLine {
            text: strip_ansi(&event.message),
            first: i,
            more: Vec::new(),
        };
        events.iter().enumerate().map(alone).collect()
    }
}
