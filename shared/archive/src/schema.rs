//! The Parquet schema: one row a record, columns named as in OpenTelemetry
//! where it has a name. A change here is a new [`SCHEMA_VERSION`]; files of every
//! version stay readable.

use std::sync::Arc;

use catchment_record::LogRecord;
use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

/// Stands in every file's key-value metadata under `catchment.schema_version`.
///
/// | version | since | what is new |
/// |---|---|---|
/// | 1 | 0.1.0 | |
/// | 2 | 0.1.0 | `more_event_ids` |
pub const SCHEMA_VERSION: &str = "2";

/// How a column's texts are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// Values repeat: a dictionary, and statistics for pruning.
    Repetitive,
    /// What lines say: zstd.
    Said,
    /// Ids that nobody looks up.
    Opaque,
    /// Values are looked up one by one: a bloom filter, and a dictionary where they repeat.
    LookedUp,
    /// Looked up, and each begins as the one before.
    Rising,
}

/// What is done with every column, in the order of the file and of the Glue table.
pub(crate) trait Columns {
    /// INT64, TIMESTAMP(MILLIS, UTC).
    fn time(
        &mut self,
        name: &'static str,
        value: impl Fn(&LogRecord<'_>) -> Option<i64>,
    ) -> Result<(), ParquetError>;
    /// INT64.
    fn long(
        &mut self,
        name: &'static str,
        value: impl Fn(&LogRecord<'_>) -> Option<i64>,
    ) -> Result<(), ParquetError>;
    /// INT32.
    fn int(
        &mut self,
        name: &'static str,
        value: impl Fn(&LogRecord<'_>) -> Option<i32>,
    ) -> Result<(), ParquetError>;
    /// DOUBLE.
    fn double(
        &mut self,
        name: &'static str,
        value: impl Fn(&LogRecord<'_>) -> Option<f64>,
    ) -> Result<(), ParquetError>;
    /// BYTE_ARRAY, STRING; of a field.
    fn text(
        &mut self,
        name: &'static str,
        storage: Storage,
        value: impl for<'r> Fn(&'r LogRecord<'_>) -> Option<&'r str>,
    ) -> Result<(), ParquetError>;
    /// BYTE_ARRAY, STRING; made for the column, and rarely there.
    fn rare(
        &mut self,
        name: &'static str,
        value: impl Fn(&LogRecord<'_>) -> Option<String>,
    ) -> Result<(), ParquetError>;
}

/// Shows every column to `to`.
pub(crate) fn each_column(to: &mut impl Columns) -> Result<(), ParquetError> {
    use Storage::*;
    to.time("timestamp", |r| r.time_unix_nano.map(|_| r.time_millis()))?;
    to.long("time_unix_nano", |r| r.time_unix_nano)?;
    to.time("observed_timestamp", |r| r.observed_millis)?;
    to.text("event_id", Rising, |r| Some(r.event_id))?;
    to.text("account_id", Repetitive, |r| Some(&r.source.account_id))?;
    to.text("region", Repetitive, |r| Some(&r.source.region))?;
    to.text("log_group", Repetitive, |r| Some(r.source.log_group.as_str()))?;
    to.text("log_stream", Repetitive, |r| Some(r.source.log_stream.as_str()))?;
    to.text("service", Repetitive, |r| Some(&r.service))?;
    to.text("environment", Repetitive, |r| Some(&r.environment))?;
    to.text("cluster", Repetitive, |r| r.cluster())?;
    to.text("workload", Repetitive, |r| r.workload())?;
    to.text("instance", Repetitive, |r| r.instance())?;
    to.text("container", Repetitive, |r| r.container())?;
    to.text("format", Repetitive, |r| Some(r.format.as_str()))?;
    to.int("severity_number", |r| r.severity_number.map(i32::from))?;
    to.text("severity_text", Repetitive, |r| r.severity_text.as_deref())?;
    to.text("message", Said, |r| Some(&r.message))?;
    to.text("trace_id", LookedUp, |r| r.trace_id.as_deref())?;
    to.text("span_id", Opaque, |r| r.span_id.as_deref())?;
    to.text("request_id", LookedUp, |r| Some(&r.request_id))?;
    to.text("user_id", LookedUp, |r| r.user_id.as_deref())?;
    to.text("event_name", Repetitive, |r| r.event_name.as_deref())?;
    to.text("http_method", Repetitive, |r| r.http_method.as_deref())?;
    to.text("path", Repetitive, |r| r.path.as_deref())?;
    to.int("status_code", |r| r.status_code)?;
    to.double("duration_ms", |r| r.duration_ms)?;
    to.text("line", Said, |r| Some(r.line))?;
    to.text("attributes", Said, |r| r.attributes.as_deref())?;
    to.rare("redactions", |r| r.redactions.to_column())?;
    to.text("parse_error", Repetitive, |r| r.parse_error)?;
    to.rare("more_event_ids", |r| r.more_event_ids_column())
}

/// The schema as Parquet has it.
pub(crate) fn parquet_schema() -> Result<Arc<SchemaDescriptor>, ParquetError> {
    let mut fields = Fields(Vec::new());
    each_column(&mut fields)?;
    let record = Type::group_type_builder("record").with_fields(fields.0).build()?;
    Ok(Arc::new(SchemaDescriptor::new(Arc::new(record))))
}

struct Fields(Vec<Arc<Type>>);

impl Fields {
    fn push(
        &mut self,
        name: &str,
        physical: PhysicalType,
        logical: Option<LogicalType>,
    ) -> Result<(), ParquetError> {
        let field = Type::primitive_type_builder(name, physical)
            .with_logical_type(logical)
            .with_repetition(Repetition::OPTIONAL)
            .build()?;
        self.0.push(Arc::new(field));
        Ok(())
    }
}

impl Columns for Fields {
    fn time(
        &mut self,
        name: &'static str,
        _: impl Fn(&LogRecord<'_>) -> Option<i64>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
    }

    fn long(
        &mut self,
        name: &'static str,
        _: impl Fn(&LogRecord<'_>) -> Option<i64>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT64, None)
    }

    fn int(
        &mut self,
        name: &'static str,
        _: impl Fn(&LogRecord<'_>) -> Option<i32>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT32, None)
    }

    fn double(
        &mut self,
        name: &'static str,
        _: impl Fn(&LogRecord<'_>) -> Option<f64>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::DOUBLE, None)
    }

    fn text(
        &mut self,
        name: &'static str,
        _: Storage,
        _: impl for<'r> Fn(&'r LogRecord<'_>) -> Option<&'r str>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
    }

    fn rare(
        &mut self,
        name: &'static str,
        _: impl Fn(&LogRecord<'_>) -> Option<String>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
    }
}
