//! Alerts: rule files, the partials a batch contributes, the state machine,
//! and the words of a notification. It knows no DynamoDB and no SNS; the ports
//! that need them stand in [`ports`], each with an in-memory twin.
//!
//! Always true: a rule that cannot be evaluated exactly is refused when it is
//! loaded; recording one batch twice counts it once; a state change and the
//! notification of it are one write.

mod adopt;
pub mod amazon_q;
mod condition;
mod cost;
pub mod delivery;
mod diff;
mod digest;
pub mod email;
mod first_series;
mod group;
mod leaf;
pub mod links;
mod memory;
pub mod message;
mod news;
mod number;
mod partial;
mod ports;
mod rule_error;
mod rule_file;
mod rules;
mod simulate;
pub mod slack;
#[cfg(feature = "test-suites")]
pub mod slack_stand_in;
pub mod sms;
mod state;
#[cfg(feature = "test-suites")]
pub mod suites;
mod template;
mod text;
mod unit_test;
pub mod versions;
pub mod webhook;
mod window;
mod wire;
mod yaml;

pub use adopt::{Adopted, Offered};
pub use catchment_logql::TemplateError;
pub use catchment_logql::{Accumulator, Labels, LineErrors};
pub use cost::{ITEM_BYTES, RuleCost};
pub use delivery::{DeliveryStore, MemoryDeliveries};
pub use diff::{Change, FieldChange, RuleDiff, diff};
pub use first_series::{MAX_SERIES, MAX_SERIES_BYTES};
pub use group::{Evaluated, EvaluationError, Group, Rule, RuleId};
pub use leaf::{LeafId, RuleLeaf};
pub use memory::{MemoryAlerts, MemoryNotifier, MemoryPartials};
pub use message::AlertMessage;
pub use news::{News, Origin, SeriesNews, rfc3339};
pub use partial::{
    Gather, MAX_PARTIALS_PER_BATCH, MAX_SAMPLE_CHARS, MAX_SAMPLE_LINES, Partial, Partials, SampleLine,
    series_hash,
};
pub use ports::{AlertStore, Notifier, PartialStore, Written};
pub use rule_error::{RuleError, RuleErrors};
pub use rules::{RuleFile, RuleSet};
pub use simulate::{
    ActiveAlert, Episode, FailedEvaluation, NAME_LABEL, OwnedEntry, RecordedSample, Simulated, Simulation,
};
pub use state::{AlertState, Phase, Step, next_states};
pub use template::Template;
pub use unit_test::{
    MAX_TEST_FILE_BYTES, MAX_TEST_LINES, MAX_TEST_MS, UnitTestError, UnitTestFailure, UnitTestFile,
    UnitTestResult,
};
pub use window::{StoredWindow, WindowBuilder};
