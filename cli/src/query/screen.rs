//! Where an answer is shown: how wide, and with colours or without.

use std::io::{self, IsTerminal};

use console::Term;

use super::args::Colour;

/// The width where there is no terminal to ask.
const DEFAULT_WIDTH: usize = 100;
/// No answer is drawn narrower.
const LEAST_WIDTH: usize = 40;

/// Standard output as far as forms depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// It is a terminal: nothing that was logged may steer it.
    pub is_terminal: bool,
    /// Columns that a line has.
    pub width: usize,
    /// Whether there are colours.
    pub is_coloured: bool,
}

impl Screen {
    /// What standard output is.
    pub fn of_stdout(colour: Colour) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let width = Term::stdout().size_checked().map(|(_, columns)| usize::from(columns));
        Self {
            is_terminal,
            width: width.filter(|_| is_terminal).unwrap_or(DEFAULT_WIDTH).max(LEAST_WIDTH),
            is_coloured: match colour {
                Colour::Auto => console::colors_enabled(),
                Colour::Always => true,
                Colour::Never => false,
            },
        }
    }

    /// The text in a colour, named by its ANSI code (`31`, `1;31`); as it is where there is none.
    pub fn paint(&self, code: &str, text: &str) -> String {
        match self.is_coloured && !code.is_empty() {
            true => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            false => text.to_owned(),
        }
    }
}

/// The colour of a severity; of one that is usual there is none.
pub fn colour_of(severity_number: Option<u8>) -> &'static str {
    match severity_number {
        Some(21..) => "1;31",
        Some(17..) => "31",
        Some(13..) => "33",
        Some(9..) | None => "",
        Some(_) => "2",
    }
}

/// Cut to so many columns of a terminal.
pub fn cut(text: &str, columns: usize) -> String {
    console::truncate_str(text, columns, "…").into_owned()
}
