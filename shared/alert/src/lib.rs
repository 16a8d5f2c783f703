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
mod flap;
mod group;
mod health;
mod history;
mod inhibit;
mod leaf;
pub mod links;
mod memory;
pub mod message;
mod news;
mod notify_settings;
mod number;
mod outbox;
mod partial;
mod ports;
mod rule_error;
mod rule_file;
mod rules;
mod silence;
mod simulate;
pub mod slack;
#[cfg(feature = "test-suites")]
pub mod slack_stand_in;
pub mod sms;
mod state;
mod store;
mod store_memory;
#[cfg(feature = "test-suites")]
pub mod store_suites;
mod stored;
#[cfg(feature = "test-suites")]
pub mod suites;
mod tell;
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
pub use flap::Flapping;
pub use group::{Evaluated, EvaluationError, Group, Rule, RuleId};
pub use health::{Ailment, Health};
pub use history::{HISTORY_DAYS, HistoryEntry, MAX_CHANGES, SeriesChange, Transition};
pub use inhibit::{InhibitRule, Muted, Mutes};
pub use leaf::{LeafId, RuleLeaf};
pub use memory::{MemoryNotifier, MemoryPartials};
pub use message::AlertMessage;
pub use news::{News, Origin, SeriesNews, rfc3339};
pub use notify_settings::{NOTIFY_FILE, NotifySettings};
pub use outbox::{LEASE_MS, Owed, PARK_AFTER_MS, PARKED_PREFIX};
pub use partial::{
    Gather, MAX_PARTIALS_PER_BATCH, MAX_SAMPLE_CHARS, MAX_SAMPLE_LINES, Partial, Partials, SampleLine,
    series_hash,
};
pub use ports::{Notifier, PartialStore};
pub use rule_error::{RuleError, RuleErrors};
pub use rules::{RuleFile, RuleSet};
pub use silence::{MAX_COMMENT_CHARS, Matchers, MatchersError, SILENCE_KEPT_MS, Silence};
pub use simulate::{
    ActiveAlert, Episode, FailedEvaluation, OwnedEntry, RecordedSample, Simulated, Simulation,
};
pub use state::{
    Advanced, Look, MAX_STATE_BYTES, NAME_LABEL, Phase, RuleFacts, RuleState, SeriesState, Told,
};
pub use store::{AlertStore, Parking, PeekBoard, PeekCaller, SilenceStore, Written};
pub use store_memory::{MemoryAlerts, MemoryCaller, MemoryParking};
pub use tell::Notice;
pub use template::Template;
pub use unit_test::{
    MAX_TEST_FILE_BYTES, MAX_TEST_LINES, MAX_TEST_MS, UnitTestError, UnitTestFailure, UnitTestFile,
    UnitTestResult,
};
pub use window::{StoredWindow, WindowBuilder};
