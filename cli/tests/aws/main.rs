//! Commands that work with a stack, against a stand-in for AWS.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod backfill;
mod replay;
mod stand_in;
