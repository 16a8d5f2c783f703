//! `functions/evaluate`: each minute, sums partials over the windows of the
//! rules, moves alert states on, and publishes what fires and what is over.

pub mod config;
mod evaluation;
pub mod event;
pub mod handler;
pub mod outbox;
pub mod record;
pub mod report;
mod round;
