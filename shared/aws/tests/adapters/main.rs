//! The suites of the ports, run on the AWS adapters against an emulator at
//! `CATCHMENT_TEST_ENDPOINT`. Without that variable there is no AWS to talk to,
//! and the tests say so and end.

#![allow(clippy::unwrap_used)]

mod alerts;
mod emulator;
mod log_groups;
mod pipeline;
mod rules;
mod stores;
