//! The AWS side of Catchment: SDK clients, the adapters behind the ports of the
//! pure crates, typed configuration, metrics. It knows how to talk to AWS and
//! no business rule; everything above it is handed its clock and settings.

#[cfg(feature = "alert")]
mod alert_board;
#[cfg(feature = "alert")]
mod alert_states;
#[cfg(feature = "alert")]
pub mod alert_store;
#[cfg(feature = "archive")]
pub mod archive;
#[cfg(feature = "audit")]
pub mod audit;
pub mod clients;
pub mod clock;
pub mod config;
#[cfg(feature = "alert")]
pub mod deliveries;
#[cfg(feature = "alert")]
mod dynamo_item;
pub mod emf;
pub mod error;
#[cfg(feature = "logs")]
pub mod log_groups;
pub mod logging;
#[cfg(feature = "sns")]
pub mod notifier;
pub mod pacer;
#[cfg(all(feature = "alert", feature = "s3"))]
pub mod parking;
#[cfg(feature = "lambda")]
pub mod peek_caller;
#[cfg(feature = "pipeline")]
pub mod pipeline;
#[cfg(feature = "archive")]
pub mod retention;
#[cfg(feature = "rules")]
pub mod rules;
#[cfg(feature = "secrets")]
pub mod secrets;
#[cfg(feature = "http")]
pub mod webhook;

pub use error::AwsError;
