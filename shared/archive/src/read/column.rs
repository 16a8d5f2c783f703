//! The columns, by name and type, as readers name them.

/// How a column's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Physical {
    Int32,
    Int64,
    Double,
    Text,
}

/// Names every column once: `Column::Timestamp, "timestamp", Int64`.
macro_rules! columns {
    ($($column:ident $name:literal $physical:ident,)*) => {
        /// A column of the archive.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[allow(missing_docs, reason = "they are named as the fields of `StoredRow`, which say what they hold")]
        pub enum Column { $($column,)* }

        impl Column {
            /// Every column, in the order of the schema.
            pub const ALL: &[Self] = &[$(Self::$column,)*];

            /// The name, as files and queries have it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$column => $name,)* }
            }

            /// The column of that name.
            pub fn from_name(name: &str) -> Option<Self> {
                Some(match name { $($name => Self::$column,)* _ => return None })
            }

            pub(super) fn physical(self) -> Physical {
                match self { $(Self::$column => Physical::$physical,)* }
            }
        }
    };
}

columns! {
    Timestamp "timestamp" Int64,
    TimeUnixNano "time_unix_nano" Int64,
    ObservedTimestamp "observed_timestamp" Int64,
    EventId "event_id" Text,
    AccountId "account_id" Text,
    Region "region" Text,
    LogGroup "log_group" Text,
    LogStream "log_stream" Text,
    Service "service" Text,
    Environment "environment" Text,
    Cluster "cluster" Text,
    Workload "workload" Text,
    Instance "instance" Text,
    Container "container" Text,
    Format "format" Text,
    SeverityNumber "severity_number" Int32,
    SeverityText "severity_text" Text,
    Message "message" Text,
    TraceId "trace_id" Text,
    SpanId "span_id" Text,
    RequestId "request_id" Text,
    UserId "user_id" Text,
    EventName "event_name" Text,
    HttpMethod "http_method" Text,
    Path "path" Text,
    StatusCode "status_code" Int32,
    DurationMs "duration_ms" Double,
    Line "line" Text,
    Attributes "attributes" Text,
    Redactions "redactions" Text,
    ParseError "parse_error" Text,
    MoreEventIds "more_event_ids" Text,
    EventBatch "event_batch" Text,
    EventIndex "event_index" Int32,
}

/// Some columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ColumnSet(u64);

impl ColumnSet {
    /// Every column.
    pub const ALL: Self = Self((1 << Column::ALL.len()) - 1);

    /// What identifies a record and says when it happened.
    pub const IDENTITY: Self = Self::of(&[
        Column::Timestamp,
        Column::EventId,
        Column::ObservedTimestamp,
        Column::MoreEventIds,
        Column::EventBatch,
        Column::EventIndex,
    ]);

    /// What `line` is put together from.
    pub const LINE: Self = Self::of(&[
        Column::Line,
        Column::Message,
        Column::RequestId,
        Column::TraceId,
        Column::SpanId,
        Column::UserId,
        Column::Path,
        Column::SeverityText,
        Column::HttpMethod,
        Column::EventName,
        Column::StatusCode,
        Column::Timestamp,
        Column::Attributes,
    ]);

    /// These columns.
    pub const fn of(columns: &[Column]) -> Self {
        let (mut bits, mut at) = (0, 0);
        while let Some((column, _)) = columns.split_at(at).1.split_first() {
            bits |= 1 << *column as u64;
            at += 1;
        }
        Self(bits)
    }

    /// The columns of both.
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The columns that are not in `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether `column` is one of them.
    pub fn has(self, column: Column) -> bool {
        self.0 >> column as u64 & 1 == 1
    }

    /// The columns, in the order of the schema.
    pub fn iter(self) -> impl Iterator<Item = Column> {
        Column::ALL.iter().copied().filter(move |column| self.has(*column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_hold_what_they_are_made_of() {
        let some = ColumnSet::of(&[Column::EventIndex, Column::Timestamp]);
        assert_eq!(some.iter().collect::<Vec<_>>(), [Column::Timestamp, Column::EventIndex]);
        assert_eq!(ColumnSet::ALL.iter().count(), Column::ALL.len());
        assert_eq!(ColumnSet::ALL.without(some).iter().count(), Column::ALL.len() - 2);
        assert!(Column::ALL.iter().all(|column| Column::from_name(column.name()) == Some(*column)));
    }
}
