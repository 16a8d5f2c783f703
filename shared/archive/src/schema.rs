//! The Parquet schema: one row a record, columns named as in OpenTelemetry
//! where it has a name. A change here is a new [`SCHEMA_VERSION`]; files of every
//! version stay readable.

use std::borrow::Cow;
use std::sync::Arc;

use parquet::basic::{LogicalType, Repetition, TimeUnit, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::schema::types::{SchemaDescriptor, Type};

use crate::row::{Row, StoredRow};

/// Stands in every file's key-value metadata.
///
/// | version | since | what is new |
/// |---|---|---|
/// | 1 | 0.1.0 | |
/// | 2 | 0.1.0 | `more_event_ids` |
/// | 3 | 0.1.0 | `event_batch`, `event_index`; U+001A in `line` is escaped; merged files are folded |
/// | 4 | 0.1.0 | files of `ingest` are folded as well |
pub const SCHEMA_VERSION: &str = "4";

/// Of files whose rows are as they were given.
pub(crate) const LITERAL_SCHEMA_VERSION: &str = "3";

/// What [`SCHEMA_VERSION`] stands under.
pub const SCHEMA_VERSION_KEY: &str = "catchment.schema_version";

/// Under this a merged file names what it replaces: keys, one a line.
pub const REPLACES_KEY: &str = "catchment.replaces";

/// In every file of a merge: a hash of what it merged. It makes keys, which hash
/// a file, hash its whole ancestry: no object can replace one that replaced it.
pub const MERGE_KEY: &str = "catchment.merge";

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
pub(crate) trait Columns<R> {
    /// INT64, TIMESTAMP(MILLIS, UTC).
    fn time(&mut self, name: &'static str, value: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError>;
    /// INT64.
    fn long(&mut self, name: &'static str, value: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError>;
    /// INT32.
    fn int(&mut self, name: &'static str, value: impl Fn(&R) -> Option<i32>) -> Result<(), ParquetError>;
    /// DOUBLE.
    fn double(&mut self, name: &'static str, value: impl Fn(&R) -> Option<f64>) -> Result<(), ParquetError>;
    /// BYTE_ARRAY, STRING; of a field.
    fn text(
        &mut self,
        name: &'static str,
        storage: Storage,
        value: impl for<'r> Fn(&'r R) -> Option<&'r str>,
    ) -> Result<(), ParquetError>;
    /// BYTE_ARRAY, STRING; where it may have to be made for the column.
    fn made(
        &mut self,
        name: &'static str,
        storage: Storage,
        value: impl for<'r> Fn(&'r R) -> Option<Cow<'r, str>>,
    ) -> Result<(), ParquetError>;
}

/// Shows every column to `to`.
pub(crate) fn each_column<R: Row>(to: &mut impl Columns<R>) -> Result<(), ParquetError> {
    use Storage::*;
    to.time("timestamp", R::timestamp)?;
    to.long("time_unix_nano", R::time_unix_nano)?;
    to.time("observed_timestamp", R::observed_timestamp)?;
    to.text("event_id", Rising, R::event_id)?;
    to.text("account_id", Repetitive, R::account_id)?;
    to.text("region", Repetitive, R::region)?;
    to.text("log_group", Repetitive, R::log_group)?;
    to.text("log_stream", Repetitive, R::log_stream)?;
    to.text("service", Repetitive, R::service)?;
    to.text("environment", Repetitive, R::environment)?;
    to.text("cluster", Repetitive, R::cluster)?;
    to.text("workload", Repetitive, R::workload)?;
    to.text("instance", Repetitive, R::instance)?;
    to.text("container", Repetitive, R::container)?;
    to.text("format", Repetitive, R::format)?;
    to.int("severity_number", R::severity_number)?;
    to.text("severity_text", Repetitive, R::severity_text)?;
    to.text("message", Said, R::message)?;
    to.text("trace_id", LookedUp, R::trace_id)?;
    to.text("span_id", Opaque, R::span_id)?;
    to.text("request_id", LookedUp, R::request_id)?;
    to.text("user_id", LookedUp, R::user_id)?;
    to.text("event_name", Repetitive, R::event_name)?;
    to.text("http_method", Repetitive, R::http_method)?;
    to.text("path", Repetitive, R::path)?;
    to.int("status_code", R::status_code)?;
    to.double("duration_ms", R::duration_ms)?;
    to.text("line", Said, R::line)?;
    to.text("attributes", Said, R::attributes)?;
    to.made("redactions", Repetitive, R::redactions)?;
    to.text("parse_error", Repetitive, R::parse_error)?;
    to.made("more_event_ids", Repetitive, R::more_event_ids)?;
    to.text("event_batch", LookedUp, R::event_batch)?;
    to.int("event_index", R::event_index)
}

/// The schema as Parquet has it.
pub(crate) fn parquet_schema() -> Result<Arc<SchemaDescriptor>, ParquetError> {
    let mut fields = Fields(Vec::new());
    each_column::<StoredRow<'_>>(&mut fields)?;
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

impl<R> Columns<R> for Fields {
    fn time(&mut self, name: &'static str, _: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT64, Some(LogicalType::timestamp(true, TimeUnit::MILLIS)))
    }

    fn long(&mut self, name: &'static str, _: impl Fn(&R) -> Option<i64>) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT64, None)
    }

    fn int(&mut self, name: &'static str, _: impl Fn(&R) -> Option<i32>) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::INT32, None)
    }

    fn double(&mut self, name: &'static str, _: impl Fn(&R) -> Option<f64>) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::DOUBLE, None)
    }

    fn text(
        &mut self,
        name: &'static str,
        _: Storage,
        _: impl for<'r> Fn(&'r R) -> Option<&'r str>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
    }

    fn made(
        &mut self,
        name: &'static str,
        _: Storage,
        _: impl for<'r> Fn(&'r R) -> Option<Cow<'r, str>>,
    ) -> Result<(), ParquetError> {
        self.push(name, PhysicalType::BYTE_ARRAY, Some(LogicalType::String))
    }
}
