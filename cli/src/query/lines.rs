//! Lines in the form that was asked for, as they come.

use std::io::{self, Write};

use catchment_archive::query::RowEntry;
use catchment_logql::{Entry, LineLabels, LogExpr, ProcessedLine, Stage};
use catchment_record::{LABELS, severity_name};
use jiff::Timestamp;

use super::args::Shape;
use super::screen::{Screen, colour_of, cut};
use crate::output::printable;

/// Rows of a table that wait for each other, so that columns are as wide as they must be.
const ROWS_AT_ONCE: usize = 100;
/// … and their bytes.
const BYTES_AT_ONCE: usize = 1 << 20;
/// A service's name is cut behind so many columns.
const MAX_SERVICE_WIDTH: usize = 32;
/// Of a table on a terminal, the least that a line is cut to.
const LEAST_LINE_WIDTH: usize = 20;

/// Writes lines.
pub struct Lines<W: Write> {
    sink: W,
    shape: Shape,
    screen: Screen,
    /// Labels that are found by name alone are not shown.
    is_kept: bool,
    pending: Vec<Row>,
    pending_bytes: usize,
    service_width: usize,
}

struct Row {
    time: String,
    service: String,
    level: String,
    severity: Option<u8>,
    line: String,
}

impl<W: Write> Lines<W> {
    /// Lines of a query in `shape`, to `sink`.
    pub fn new(sink: W, expr: &LogExpr, shape: Shape, screen: Screen) -> Self {
        // What `keep` names is visited as the stream's labels are; the rest is gone.
        let is_kept = expr.stages.iter().any(|stage| matches!(stage, Stage::Keep(_)));
        Self { sink, shape, screen, is_kept, pending: Vec::new(), pending_bytes: 0, service_width: 0 }
    }

    /// Takes a line as the query made it of an entry.
    pub fn line(&mut self, entry: &RowEntry<'_>, found: &ProcessedLine<'_>) -> io::Result<()> {
        match self.shape {
            Shape::Json => self.json(entry, found),
            Shape::Raw => {
                let severity = entry.severity_number();
                if !self.screen.is_terminal && !self.screen.is_coloured {
                    return writeln!(self.sink, "{}", found.line);
                }
                let line = self.screen.paint(colour_of(severity), &printable(&found.line));
                writeln!(self.sink, "{line}")
            }
            Shape::Table | Shape::Chart => {
                let label = |name: &str| found.labels.get(name).unwrap_or_default().into_owned();
                let row = Row {
                    time: shown(entry.timestamp_nanos(), 3),
                    service: cut(&one_line(&label("service")), MAX_SERVICE_WIDTH),
                    level: entry.severity_number().map_or("-", severity_name).to_uppercase(),
                    severity: entry.severity_number(),
                    line: one_line(&found.line),
                };
                self.pending_bytes += row.line.len();
                self.pending.push(row);
                if self.pending.len() >= ROWS_AT_ONCE || self.pending_bytes >= BYTES_AT_ONCE {
                    self.write_pending()?;
                }
                Ok(())
            }
        }
    }

    /// Writes what waits.
    pub fn flush(&mut self) -> io::Result<()> {
        self.write_pending()?;
        self.sink.flush()
    }

    fn write_pending(&mut self) -> io::Result<()> {
        self.pending_bytes = 0;
        let width = |row: &Row| console::measure_text_width(&row.service);
        self.service_width = self.pending.iter().map(width).max().unwrap_or_default().max(self.service_width);
        for row in self.pending.drain(..) {
            let padding = self.service_width - console::measure_text_width(&row.service);
            let head = row.time.len() + 2 + self.service_width + 2 + 5 + 2;
            let line = match self.screen.is_terminal {
                true => cut(&row.line, self.screen.width.saturating_sub(head).max(LEAST_LINE_WIDTH)),
                false => row.line,
            };
            let colour = colour_of(row.severity);
            writeln!(
                self.sink,
                "{}  {}{}  {}  {}",
                self.screen.paint("2", &row.time),
                row.service,
                " ".repeat(padding),
                self.screen.paint(colour, &format!("{:<5}", row.level)),
                self.screen.paint(colour, &line),
            )?;
        }
        Ok(())
    }

    fn json(&mut self, entry: &RowEntry<'_>, found: &ProcessedLine<'_>) -> io::Result<()> {
        let sink = &mut self.sink;
        write!(sink, "{{\"timestamp\":\"{}\",\"labels\":{{", shown(entry.timestamp_nanos(), 9))?;
        for (at, (name, value)) in labels_of(&found.labels, self.is_kept).iter().enumerate() {
            if at > 0 {
                sink.write_all(b",")?;
            }
            serde_json::to_writer(&mut *sink, name)?;
            sink.write_all(b":")?;
            serde_json::to_writer(&mut *sink, value)?;
        }
        sink.write_all(b"},\"line\":")?;
        serde_json::to_writer(&mut *sink, &*found.line)?;
        sink.write_all(b"}\n")
    }
}

/// Every label that a line ended with, by name: those of its record and those
/// that the query found or made.
fn labels_of(labels: &LineLabels<'_>, is_kept: bool) -> Vec<(String, String)> {
    let mut all: Vec<(String, String)> = Vec::new();
    for name in LABELS.iter().filter(|_| !is_kept) {
        all.extend(labels.get(name).map(|value| ((*name).to_owned(), value.into_owned())));
    }
    labels.visit(&mut |_, name, value| all.push((name.to_owned(), value.to_owned())));
    all.sort();
    all.dedup_by(|a, b| a.0 == b.0);
    all
}

/// RFC 3339 in UTC with so many digits of a second.
pub fn shown(nanos: i64, digits: usize) -> String {
    let time = Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH);
    format!("{time:.digits$}")
}

/// Without line feeds, so that a record is one row of a table.
fn one_line(text: &str) -> String {
    printable(text.trim_end()).replace('\n', " ⏎ ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_archive::StoredRow;
    use catchment_logql::{Expr, PipelineContext, parse};

    const PLAIN: Screen = Screen { is_terminal: false, width: 60, is_coloured: false };

    fn rows() -> Vec<StoredRow<'static>> {
        let row = |millis: i64, service, severity, line| StoredRow {
            timestamp: Some(1_734_604_215_123 + millis),
            service: Some(service),
            severity_number: Some(severity),
            request_id: Some("r-1"),
            line: Some(line),
            ..StoredRow::default()
        };
        vec![
            row(0, "auth-service", 17, "failed \u{1b}[2Jlogin\nat main.rs:1"),
            row(1, "web", 9, r#"{"user":"ann","n":1}"#),
        ]
    }

    fn render(query: &str, shape: Shape, screen: Screen) -> String {
        let Ok(Expr::Log(expr)) = parse(query) else { panic!("{query}") };
        let mut sink = Vec::new();
        let mut lines = Lines::new(&mut sink, &expr, shape, screen);
        for row in rows() {
            let entry = RowEntry::new(row);
            if let Some(found) = expr.process(&entry, PipelineContext::default()) {
                lines.line(&entry, &found).unwrap();
            }
        }
        lines.flush().unwrap();
        String::from_utf8(sink).unwrap()
    }

    const ALL: &str = r#"{request_id="r-1"}"#;

    #[test]
    fn a_table_has_a_row_a_record_and_is_cut_on_a_terminal() {
        let whole = render(ALL, Shape::Table, PLAIN);
        assert_eq!(
            whole,
            "2024-12-19T10:30:15.123Z  auth-service  ERROR  failed \\u{1b}[2Jlogin ⏎ at main.rs:1\n\
             2024-12-19T10:30:15.124Z  web           INFO   {\"user\":\"ann\",\"n\":1}\n"
        );
        let narrow = render(ALL, Shape::Table, Screen { is_terminal: true, width: 67, ..PLAIN });
        assert!(narrow.lines().next().unwrap().ends_with("ERROR  failed \\u{1b}[2Jlog…"), "{narrow}");
    }

    #[test]
    fn errors_are_red_and_what_is_usual_is_not_coloured() {
        let coloured = render(ALL, Shape::Table, Screen { is_coloured: true, ..PLAIN });
        assert!(
            coloured.contains("\u{1b}[31mERROR\u{1b}[0m") && coloured.contains("  INFO   {"),
            "{coloured}"
        );
        let raw = render(ALL, Shape::Raw, Screen { is_coloured: true, is_terminal: true, ..PLAIN });
        assert!(raw.starts_with("\u{1b}[31mfailed \\u{1b}[2Jlogin\nat main.rs:1\u{1b}[0m\n"), "{raw:?}");
    }

    #[test]
    fn raw_lines_are_as_they_are_where_no_terminal_is() {
        assert_eq!(
            render(ALL, Shape::Raw, PLAIN),
            "failed \u{1b}[2Jlogin\nat main.rs:1\n{\"user\":\"ann\",\"n\":1}\n"
        );
        let terminal = render(ALL, Shape::Raw, Screen { is_terminal: true, ..PLAIN });
        assert!(!terminal.contains('\u{1b}'), "{terminal:?}");
    }

    #[test]
    fn json_has_the_labels_that_the_query_left() {
        let query = r#"{service="web"} | json | drop request_id | line_format "{{.user}}!""#;
        assert_eq!(
            render(query, Shape::Json, PLAIN),
            "{\"timestamp\":\"2024-12-19T10:30:15.124000000Z\",\"labels\":{\"detected_level\":\"info\",\"n\":\"1\",\
             \"service\":\"web\",\"user\":\"ann\"},\"line\":\"ann!\"}\n"
        );
        let kept = render(r#"{service="web"} | keep request_id | line_format "x""#, Shape::Json, PLAIN);
        assert!(kept.contains("\"labels\":{\"request_id\":\"r-1\"}"), "{kept}");
    }
}
