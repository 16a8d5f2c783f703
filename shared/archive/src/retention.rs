//! How long objects of the archive stay, what keeps them longer, and whether a
//! bucket proves both.
//!
//! S3's lifecycle rules delete. A rule of a retention class applies to objects
//! under the class's prefix that have the tag [`EXPIRY_TAG`]; a legal hold
//! ([`Hold`]) takes the tag away in place, so that what is held stays where
//! queries find it. Whatever is unclear is kept: an object without the tag never
//! expires, and a hold that cannot be read holds everything.

mod hold;
mod policy;
mod verify;

pub use hold::{
    HOLDS_PREFIX, Hold, HoldError, HoldId, Holds, MAX_HOLD_BYTES, MAX_REASON_CHARS, Release, UnreadableHold,
};
pub use policy::{
    ClassPolicy, LifecycleRule, Move, NONCURRENT_DAYS, Policy, QUARANTINE_PREFIX, check_lifecycle,
};
pub use verify::{
    ClassTotals, Fault, FaultKind, MAX_FAULTS, Report, SLACK_DAYS, Unexplained, Verifier, Version, Versions,
};

/// The tag, key and value, that lifecycle expiry asks for.
pub const EXPIRY_TAG: (&str, &str) = ("catchment-expiry", "on");
