//! What the configuration knows of a source beyond what its names tell.

use serde::Deserialize;

use crate::config::ConfigFault;
use crate::source::Source;

/// What the file says about sources.
#[derive(Debug, Clone, Default, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EnrichConfig {}

/// Sets fields of sources by globs over their names.
#[derive(Debug, Clone, Default)]
pub struct Enricher {}

impl Enricher {
    /// An enricher as the configuration says; what is wrong is added to `faults`.
    pub fn new(_config: &EnrichConfig, _faults: &mut Vec<ConfigFault>) -> Self {
        Self {}
    }

    /// Overrides what the names told.
    pub fn enrich(&self, _source: &mut Source) {}
}
