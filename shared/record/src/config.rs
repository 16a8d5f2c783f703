//! The configuration file: one versioned YAML document, a section for each stage.
//!
//! A section's settings stand beside the stage that they set ([`StitchConfig`],
//! [`EnrichConfig`], [`RedactConfig`], [`RouteConfig`]); here they are put
//! together and read. A file with any fault is refused whole, and every fault is
//! named with its line and column.

use std::fmt;

use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use crate::enrich::EnrichConfig;
use crate::redact::RedactConfig;
use crate::route::RouteConfig;
use crate::stitch::StitchConfig;

/// The version of the file's form that this code reads.
pub const CONFIG_VERSION: u32 = 1;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Always [`CONFIG_VERSION`].
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

/// What is wrong with a configuration file, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigFault {
    /// The line, from 1; 0 where it is not known.
    pub line: usize,
    /// The column, from 1; 0 where it is not known.
    pub column: usize,
    /// What is wrong, and the way out.
    pub message: String,
}

impl fmt::Display for ConfigFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.message)
    }
}
