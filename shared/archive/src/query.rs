//! The archive asked in LogQL: what is read for an expression, and a row as the
//! engine sees it.
//!
//! A [`Plan`] never changes the answer: it says which rows certainly do not
//! belong to it, and which columns nobody looks at. The engine decides the rest,
//! row by row.

mod plan;
mod row;

pub use plan::Plan;
pub use row::RowEntry;
