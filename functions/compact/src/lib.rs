//! `functions/compact`: at each tick, merges what small objects have come into
//! the archive, and stops with time in hand.

pub mod config;
pub mod handler;
pub mod report;
mod scratch;

pub use scratch::scratch_folder;
