//! A harness that lets every AWS call of a function fail in every way it can, and
//! kills the process after any call.
//!
//! The functions run as they are, over the AWS SDK, against an emulator; only the
//! HTTP client under the SDK is another ([`Link`]). A [`Plan`] decides which
//! attempts of which [`Call`]s meet a [`Fault`]. [`Lambda`] invokes as Lambda does.
//! What a run left behind is a [`State`], and it must be the same with faults and
//! without.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, clippy::print_stderr)]

mod call;
mod fault;
mod lambda;
mod matrix;
mod network;
mod payload;
mod random;
mod world;

pub use call::Call;
pub use fault::Fault;
pub use lambda::{ATTEMPTS, Delivered, Lambda, Program};
pub use matrix::Matrix;
pub use network::{Attempt, Link, Network, Plan, calls};
pub use payload::{event_id, payload};
pub use random::Random;
pub use world::{Emulator, Row, State, World};
