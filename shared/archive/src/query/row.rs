//! A row of the archive as LogQL sees it: with the labels that the record had
//! when it was ingested, so that a rule and a query agree about a line.

use std::borrow::Cow;
use std::cell::OnceCell;

use catchment_logql::{Entry, LabelKind, STREAM_LABELS};
use catchment_record::{LABELS, error_fingerprint, severity_name};

use crate::read::{Column, ColumnSet};
use crate::row::StoredRow;

/// A row, and its line once somebody asked for it.
#[derive(Debug, Clone)]
pub struct RowEntry<'a> {
    row: StoredRow<'a>,
    line: OnceCell<Cow<'a, str>>,
}

impl<'a> RowEntry<'a> {
    /// The row as an entry. Columns that were not read are labels that are not there.
    pub fn new(row: StoredRow<'a>) -> Self {
        Self { row, line: OnceCell::new() }
    }

    /// The row.
    pub fn row(&self) -> &StoredRow<'a> {
        &self.row
    }

    /// OpenTelemetry's number of the severity.
    pub fn severity_number(&self) -> Option<u8> {
        u8::try_from(self.row.severity_number?).ok()
    }
}

impl Entry for RowEntry<'_> {
    fn timestamp_nanos(&self) -> i64 {
        self.row.time_unix_nano().unwrap_or_default()
    }

    fn line(&self) -> &str {
        self.line.get_or_init(|| self.row.line())
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        let row = &self.row;
        let text = match name {
            "account_id" => row.account_id,
            "region" => row.region,
            "log_group" => row.log_group,
            "log_stream" => row.log_stream,
            "service" => row.service,
            "environment" => row.environment,
            "cluster" => row.cluster,
            "workload" => row.workload,
            "instance" => row.instance,
            "container" => row.container,
            "format" => row.format,
            "level" | "severity_text" => row.severity_text,
            "detected_level" => self.severity_number().map(severity_name),
            "trace_id" => row.trace_id,
            "span_id" => row.span_id,
            "request_id" => row.request_id,
            "user_id" => row.user_id,
            "event_name" => row.event_name,
            "http_method" => row.http_method,
            "path" => row.path,
            "status_code" => return row.status_code.map(|code| code.to_string().into()),
            "duration_ms" => return row.duration_ms.map(|millis| millis.to_string().into()),
            "error_fingerprint" => {
                return error_fingerprint(self.severity_number(), &row.message()).map(Cow::Owned);
            }
            _ => None,
        };
        text.map(Cow::Borrowed)
    }

    fn label_kind(&self, name: &str) -> LabelKind {
        if STREAM_LABELS.contains(&name) { LabelKind::Stream } else { LabelKind::Metadata }
    }

    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        for name in STREAM_LABELS {
            if let Some(value) = self.label(name) {
                visit(name, &value);
            }
        }
    }
}

/// The columns that a label is read from; none for what is no label of a record.
pub(super) fn columns_of(label: &str) -> ColumnSet {
    match label {
        "level" => ColumnSet::of(&[Column::SeverityText]),
        "detected_level" => ColumnSet::of(&[Column::SeverityNumber]),
        // The message is put together from the columns that lines are.
        "error_fingerprint" => ColumnSet::LINE.and(ColumnSet::of(&[Column::SeverityNumber])),
        _ if LABELS.contains(&label) => {
            Column::from_name(label).map(|column| ColumnSet::of(&[column])).unwrap_or_default()
        }
        _ => ColumnSet::default(),
    }
}

/// The columns of every label.
pub(super) fn label_columns() -> ColumnSet {
    LABELS.iter().map(|label| columns_of(label)).fold(ColumnSet::default(), ColumnSet::and)
}
