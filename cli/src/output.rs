//! An answer in the form that was asked for, row by row as it comes.

use std::io::{self, Write};

use comfy_table::{Cell, CellAlignment, Table, presets};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::Number;

use crate::args::Format;
use crate::athena::{Column, Row};

/// Writes rows in one form.
pub enum Output<W: Write> {
    /// Gathered first: the widths depend on every row.
    Table(W, Box<Table>),
    /// An array, one object a line.
    Json(W, Separator),
    /// A header and rows.
    Csv(Box<csv::Writer<W>>, Header),
}

/// What comes before the next JSON object.
pub struct Separator(&'static str);

/// Whether the CSV header is written.
pub struct Header(bool);

impl<W: Write> Output<W> {
    /// An answer in `format`, to `sink`.
    pub fn new(format: Format, sink: W) -> Self {
        match format {
            Format::Table => {
                let mut table = Table::new();
                table.load_style(presets::UTF8_FULL_CONDENSED);
                Self::Table(sink, Box::new(table))
            }
            Format::Json => Self::Json(sink, Separator("[\n")),
            Format::Csv => Self::Csv(Box::new(csv::Writer::from_writer(sink)), Header(false)),
        }
    }

    /// Takes a row.
    pub fn row(&mut self, columns: &[Column], row: &Row) -> io::Result<()> {
        match self {
            Self::Table(_, table) => {
                let cells = row.iter().map(|v| Cell::new(printable(v.as_deref().unwrap_or(""))));
                table.add_row(cells.collect::<Vec<_>>());
                Ok(())
            }
            Self::Json(sink, separator) => {
                sink.write_all(separator.0.as_bytes())?;
                separator.0 = ",\n";
                json_object(sink, columns, row)
            }
            Self::Csv(sink, header) => {
                write_header(sink, header, columns)?;
                let fields = row.iter().map(|v| v.as_deref().unwrap_or(""));
                sink.write_record(fields).map_err(of_csv)
            }
        }
    }

    /// Ends the answer.
    pub fn finish(self, columns: &[Column]) -> io::Result<()> {
        match self {
            Self::Table(mut sink, mut table) => {
                if !columns.is_empty() {
                    table.set_header(columns.iter().map(|c| &c.name));
                    writeln!(sink, "{table}")?;
                }
                sink.flush()
            }
            Self::Json(mut sink, separator) => {
                let end: &[u8] = if separator.0 == ",\n" { b"\n]\n" } else { b"[]\n" };
                sink.write_all(end)?;
                sink.flush()
            }
            Self::Csv(mut sink, mut header) => {
                write_header(&mut sink, &mut header, columns)?;
                sink.flush()
            }
        }
    }
}

fn write_header<W: Write>(
    sink: &mut csv::Writer<W>,
    header: &mut Header,
    columns: &[Column],
) -> io::Result<()> {
    if !header.0 && !columns.is_empty() {
        sink.write_record(columns.iter().map(|c| &c.name)).map_err(of_csv)?;
        header.0 = true;
    }
    Ok(())
}

/// The I/O error inside, whose kind tells a closed pipe from a full disk.
fn of_csv(err: csv::Error) -> io::Error {
    match err.into_kind() {
        csv::ErrorKind::Io(err) => err,
        other => io::Error::other(format!("{other:?}")),
    }
}

fn json_object<W: Write>(sink: &mut W, columns: &[Column], row: &Row) -> io::Result<()> {
    sink.write_all(b"{")?;
    for (i, (column, value)) in columns.iter().zip(row).enumerate() {
        if i > 0 {
            sink.write_all(b",")?;
        }
        serde_json::to_writer(&mut *sink, &column.name)?;
        sink.write_all(b":")?;
        match value.as_deref() {
            None => sink.write_all(b"null")?,
            Some(text) if is_json_literal(&column.kind, text) => sink.write_all(text.as_bytes())?,
            Some(text) => serde_json::to_writer(&mut *sink, text)?,
        }
    }
    sink.write_all(b"}")
}

/// Whether a value of this type stands in JSON as it is. NaN and Infinity do not.
fn is_json_literal(kind: &str, text: &str) -> bool {
    match kind {
        "boolean" => matches!(text, "true" | "false"),
        "tinyint" | "smallint" | "integer" | "int" | "bigint" | "float" | "real" | "double" | "decimal" => {
            serde_json::from_str::<Number>(text).is_ok()
        }
        _ => false,
    }
}

/// A cell as it may be shown on a terminal: a log line's escape sequences are
/// shown as text, so that nothing that was logged can steer it.
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => shown.push('\n'),
            '\t' => shown.push_str("    "),
            c if c.is_control() => shown.extend(c.escape_default()),
            c => shown.push(c),
        }
    }
    shown
}

/// A table of counts: the first column and all that do not look like a number are
/// text, the others stand at the right.
pub fn summary(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(header);
    for row in rows {
        table.add_row(row.into_iter().map(|text| {
            let is_number =
                text.trim_start_matches(['$', '<', ' ']).starts_with(|c: char| c.is_ascii_digit())
                    && !text.contains(['-', ':', '/']);
            let alignment = if is_number { CellAlignment::Right } else { CellAlignment::Left };
            Cell::new(printable(&text)).set_alignment(alignment)
        }));
    }
    table.to_string()
}

/// A number as people read it: `1,234,567`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut shown = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// A size as AWS's price lists have it: powers of 1,000.
pub fn bytes(n: u64) -> String {
    for (unit, name) in [(1_000_000_000_000, "TB"), (1_000_000_000, "GB"), (1_000_000, "MB"), (1000, "kB")] {
        if n >= unit {
            return format!("{}.{} {name}", n / unit, n % unit / (unit / 10));
        }
    }
    format!("{n} bytes")
}

/// A bar on standard error while that is a terminal; elsewhere it shows nothing.
pub fn progress_bar(unit: &str) -> ProgressBar {
    let bar = ProgressBar::new(0);
    if let Ok(style) =
        ProgressStyle::with_template(&format!("{{bar:30}} {{pos}} of {{len}} {unit} {{msg}} {{eta}}"))
    {
        bar.set_style(style);
    }
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn render(format: Format, rows: &[Row]) -> String {
        let columns = [("service", "varchar"), ("errors", "bigint"), ("rate", "double")]
            .map(|(name, kind)| Column { name: name.into(), kind: kind.into() });
        let mut sink = Vec::new();
        let mut output = Output::new(format, &mut sink);
        for row in rows {
            output.row(&columns, row).unwrap();
        }
        output.finish(&columns).unwrap();
        String::from_utf8(sink).unwrap()
    }

    fn row(values: [Option<&str>; 3]) -> Row {
        values.map(|v| v.map(str::to_owned)).to_vec()
    }

    #[test]
    fn counts_are_grouped_by_thousands() {
        for (n, shown) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(n), shown);
        }
        assert_eq!(bytes(999), "999 bytes");
        assert_eq!(bytes(1_999_999_999_999), "1.9 TB");
    }

    #[test]
    fn json_is_an_array_with_an_object_a_line() {
        let rows = [
            row([Some("a\"b"), Some("12345678901234567"), Some("0.5")]),
            row([None, Some("2"), Some("NaN")]),
        ];
        assert_eq!(
            render(Format::Json, &rows),
            "[\n{\"service\":\"a\\\"b\",\"errors\":12345678901234567,\"rate\":0.5},\n\
             {\"service\":null,\"errors\":2,\"rate\":\"NaN\"}\n]\n"
        );
        assert_eq!(render(Format::Json, &[]), "[]\n");
    }

    #[test]
    fn csv_quotes_what_must_be_and_has_a_header_without_rows() {
        let rows = [row([Some("a,\"b\"\nc"), Some("1"), None])];
        assert_eq!(render(Format::Csv, &rows), "service,errors,rate\n\"a,\"\"b\"\"\nc\",1,\n");
        assert_eq!(render(Format::Csv, &[]), "service,errors,rate\n");
    }

    /// A pipe whose reader has gone.
    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_closed_pipe_is_known_in_every_form() {
        let columns = [Column { name: "line".into(), kind: "varchar".into() }];
        for format in [Format::Table, Format::Json, Format::Csv] {
            let mut output = Output::new(format, Closed);
            // Long enough to leave the buffer of the CSV writer.
            let row = vec![Some("x".repeat(100_000))];
            let written = output.row(&columns, &row).and_then(|()| output.finish(&columns));
            assert_eq!(written.unwrap_err().kind(), io::ErrorKind::BrokenPipe, "{format:?}");
        }
    }

    #[test]
    fn a_table_shows_escape_sequences_instead_of_obeying_them() {
        let table = render(Format::Table, &[row([Some("\u{1b}[2Jauth"), Some("3"), None])]);
        assert!(table.contains("service") && table.contains("\\u{1b}[2Jauth"), "{table}");
        assert!(!table.contains('\u{1b}'));
    }
}
