//! `functions/subscribe`: keeps every wanted log group subscribed to `ingest`,
//! and no other.

pub mod config;
pub mod custom_resource;
pub mod handler;
pub mod reconcile;
