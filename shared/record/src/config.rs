//! The configuration file: one versioned YAML document, a section for each stage.
//!
//! A section's settings stand beside the stage that they set ([`StitchConfig`],
//! [`EnrichConfig`], [`RedactConfig`], [`RouteConfig`]); here they are put
//! together and read. A file with any fault is refused whole, and every fault is
//! named with its line and column: what is not YAML or not of the file's form one
//! at a time ([`Config::parse`]), what the stages cannot use all at once
//! ([`Pipeline::new`](crate::Pipeline::new)).

use std::fmt;

use catchment_logql::nearest;
use globset::{Glob, GlobSet, GlobSetBuilder};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::enrich::EnrichConfig;
use crate::redact::RedactConfig;
use crate::route::RouteConfig;
use crate::stitch::StitchConfig;

/// The version of the file's form that this code reads.
pub const CONFIG_VERSION: u32 = 1;
/// The longest file that is read, in bytes.
pub const MAX_CONFIG_BYTES: usize = 256 * 1024;
/// The file that comes with Catchment: what is built in, and every option explained.
const EMBEDDED: &str = include_str!("../../../infra/config.yaml");

/// How Catchment understands, redacts and keeps log lines.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The version of the file's form: 1.
    #[cfg_attr(feature = "schema", schemars(range(min = 1, max = 1)))]
    pub version: u32,
    /// Which lines belong together.
    #[serde(default)]
    pub stitch: StitchConfig,
    /// What is known of a source beyond its names.
    #[serde(default)]
    pub enrich: EnrichConfig,
    /// What is masked, dropped or hashed.
    #[serde(default)]
    pub redact: RedactConfig,
    /// What is kept, for how long.
    #[serde(default)]
    pub route: RouteConfig,
}

impl Config {
    /// Reads a file as it lies on a disk or in a bucket.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, ConfigFault> {
        let text = std::str::from_utf8(bytes)
            .map_err(|err| ConfigFault::anywhere(format!("the file is not UTF-8: {err}")))?;
        Self::parse(text)
    }

    /// Reads a file. The faults found here come one at a time; the values are
    /// looked at when the stages are built.
    pub fn parse(text: &str) -> Result<Self, ConfigFault> {
        if text.len() > MAX_CONFIG_BYTES {
            return Err(ConfigFault::anywhere(format!(
                "the file has {} bytes, more than {MAX_CONFIG_BYTES}",
                text.len()
            )));
        }
        check_version(text)?;
        serde_saphyr::from_str(text).map_err(|err| fault_of(&err))
    }

    /// The file that comes with Catchment. A test holds that it has no fault and
    /// says what [`Config::default`] does.
    pub fn embedded() -> Self {
        Self::parse(EMBEDDED).unwrap_or_default()
    }

    /// The text of the file that comes with Catchment, comments included.
    pub fn embedded_text() -> &'static str {
        EMBEDDED
    }
}

/// A file of another version must be told so, whatever else it holds.
fn check_version(text: &str) -> Result<(), ConfigFault> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Versioned {
        version: Option<Located<u32>>,
    }
    let read = serde_saphyr::from_str::<Option<Versioned>>(text).map_err(|err| fault_of(&err))?;
    match read.unwrap_or_default().version {
        Some(version) if version.value == CONFIG_VERSION => Ok(()),
        Some(version) => Err(version.fault(format!(
            "version {} is not known here; this Catchment reads version {CONFIG_VERSION}",
            version.value
        ))),
        None => Err(ConfigFault {
            line: 1,
            column: 1,
            message: format!(
                "the file does not state its version; begin it with \"version: {CONFIG_VERSION}\""
            ),
        }),
    }
}

/// What the YAML reader says, in our words where a reader of the file is helped by it.
fn fault_of(err: &serde_saphyr::Error) -> ConfigFault {
    use serde_saphyr::Error::{
        DuplicateMappingKey, SerdeMissingField, SerdeUnknownField, SerdeUnknownVariant,
    };
    let err = err.without_snippet();
    let unknown = |what: &str, typed: &str, expected: &[&'static str]| {
        let hint = nearest(typed, expected.iter().copied())
            .map(|word| format!("; did you mean \"{word}\"?"))
            .unwrap_or_default();
        match expected {
            [] => format!("there is no {what} \"{typed}\": none may stand here"),
            expected => format!("there is no {what} \"{typed}\", only {}{hint}", expected.join(", ")),
        }
    };
    let message = match err {
        SerdeUnknownField { field, expected, .. } => unknown("field", field, expected),
        SerdeUnknownVariant { variant, expected, .. } => unknown("value", variant, expected),
        SerdeMissingField { field, .. } => format!("the field \"{field}\" is missing"),
        DuplicateMappingKey { key: Some(key), .. } => format!("the field \"{key}\" is there twice"),
        other => {
            let text = other.to_string();
            let line = text.lines().next().unwrap_or_default();
            // The place is told already.
            line.rsplit_once(" at line ").map_or(line, |(what, _)| what).to_owned()
        }
    };
    let at = err.location();
    ConfigFault {
        line: at.and_then(|at| usize::try_from(at.line()).ok()).unwrap_or_default(),
        column: at.and_then(|at| usize::try_from(at.column()).ok()).unwrap_or_default(),
        message,
    }
}

/// A value with the place where the file has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Its line, from 1; 0 where it did not come from a file.
    pub line: usize,
    /// Its column, from 1; 0 where it did not come from a file.
    pub column: usize,
}

impl<T> Located<T> {
    /// A fault of this value.
    pub fn fault(&self, message: impl Into<String>) -> ConfigFault {
        ConfigFault { line: self.line, column: self.column, message: message.into() }
    }
}

impl<T> From<T> for Located<T> {
    fn from(value: T) -> Self {
        Self { value, line: 0, column: 0 }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Self {
            value: spanned.value,
            line: usize::try_from(spanned.referenced.line()).unwrap_or_default(),
            column: usize::try_from(spanned.referenced.column()).unwrap_or_default(),
        })
    }
}

#[cfg(feature = "schema")]
impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// The globs of a list, compiled; `None` where there are none, which stands for every name.
pub(crate) fn globs(globs: &[Located<String>], faults: &mut Vec<ConfigFault>) -> Option<GlobSet> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        match Glob::new(&glob.value) {
            Ok(compiled) => {
                set.add(compiled);
            }
            Err(err) => faults.push(glob.fault(format!("\"{}\" is no glob: {}", glob.value, err.kind()))),
        }
    }
    (!globs.is_empty()).then(|| set.build().unwrap_or_default())
}

/// What is wrong with a configuration file, and where.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ConfigFault {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The column, from 1; 0 where it is not known.
    pub column: usize,
    /// What is wrong, and the way out.
    pub message: String,
}

impl ConfigFault {
    /// A fault of the file as a whole.
    pub(crate) fn anywhere(message: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: message.into() }
    }
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.line > 0 {
            write!(f, "line {}, column {}: ", self.line, self.column)?;
        }
        f.write_str(&self.message)
    }
}
