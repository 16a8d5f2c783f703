//! The Parquet schema: one row a record, columns named as in OpenTelemetry
//! where it has a name. A change here is a new [`SCHEMA_VERSION`]; files of every
//! version stay readable.

use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::Type;

/// Stands in every file's key-value metadata under `catchment.schema_version`.
pub const SCHEMA_VERSION: &str = "1";

/// A column: what it is called and what its values are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    pub name: &'static str,
    pub kind: Kind,
    pub storage: Storage,
}

/// The type of a column's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// INT64, TIMESTAMP(MILLIS, UTC).
    Timestamp,
    /// INT64.
    Long,
    /// INT32.
    Int,
    /// DOUBLE.
    Double,
    /// BYTE_ARRAY, STRING.
    Text,
}

/// How a column's values are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Values repeat: a dictionary, and statistics for pruning.
    Repetitive,
    /// Values rarely repeat and nobody compares them: neither.
    Unique,
    /// Values are looked up one by one: a bloom filter.
    LookedUp,
    /// Numbers that queries compare: statistics.
    Compared,
}

const fn column(name: &'static str, kind: Kind, storage: Storage) -> Column {
    Column { name, kind, storage }
}

/// Every column, in the order of the file and of the Glue table.
pub(crate) const COLUMNS: [Column; 31] = {
    use Kind::*;
    use Storage::*;
    [
        column("timestamp", Timestamp, Compared),
        column("time_unix_nano", Long, Compared),
        column("observed_timestamp", Timestamp, Compared),
        column("event_id", Text, LookedUp),
        column("account_id", Text, Repetitive),
        column("region", Text, Repetitive),
        column("log_group", Text, Repetitive),
        column("log_stream", Text, Repetitive),
        column("service", Text, Repetitive),
        column("environment", Text, Repetitive),
        column("cluster", Text, Repetitive),
        column("workload", Text, Repetitive),
        column("instance", Text, Repetitive),
        column("container", Text, Repetitive),
        column("format", Text, Repetitive),
        column("severity_number", Int, Repetitive),
        column("severity_text", Text, Repetitive),
        column("message", Text, Unique),
        column("trace_id", Text, LookedUp),
        column("span_id", Text, Unique),
        column("request_id", Text, LookedUp),
        column("user_id", Text, LookedUp),
        column("event_name", Text, Repetitive),
        column("http_method", Text, Repetitive),
        column("path", Text, Repetitive),
        column("status_code", Int, Repetitive),
        column("duration_ms", Double, Compared),
        column("line", Text, Unique),
        column("attributes", Text, Unique),
        column("redactions", Text, Repetitive),
        column("parse_error", Text, Repetitive),
    ]
};

/// The schema as Parquet has it.
pub(crate) fn parquet_schema() -> Result<Arc<Type>, ParquetError> {
    let fields = COLUMNS.iter().map(|column| {
        let (physical, logical) = match column.kind {
            Kind::Timestamp => (PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS))),
            Kind::Long => (PhysicalType::INT64, None),
            Kind::Int => (PhysicalType::INT32, None),
            Kind::Double => (PhysicalType::DOUBLE, None),
            Kind::Text => (PhysicalType::BYTE_ARRAY, Some(LogicalType::String)),
        };
        Type::primitive_type_builder(column.name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()
            .map(Arc::new)
    });
    let fields = fields.collect::<Result<Vec<_>, _>>()?;
    Type::group_type_builder("record").with_fields(fields).build().map(Arc::new)
}
