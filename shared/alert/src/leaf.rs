//! The range functions of a rule, as far as storing and reading their partials goes.

use std::fmt;

use catchment_logql::{StreamedExpr, StreamedLeaf};
use serde::{Deserialize, Serialize};

use crate::digest::short_hash;

/// How long partials outlive their window, for evaluations that come late.
const PARTIAL_GRACE_MS: i64 = 3_600_000;

/// The identity of a leaf: a hash of all that its partials depend on. Rules whose
/// leaves are equal share partials, whatever their ranges and offsets.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeafId(String);

impl LeafId {
    /// The identity of a leaf with buckets of this length.
    pub fn new(leaf: &StreamedLeaf, bucket_ms: i64) -> Self {
        Self(short_hash([leaf.identity().as_str(), &bucket_ms.to_string()]))
    }

    /// The identity that [`LeafId::as_str`] gave.
    pub fn from_text(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The identity of this leaf when it is counted from a moment on, in milliseconds.
    pub fn begun_at(&self, since_ms: i64) -> Self {
        Self(format!("{}-{since_ms}", self.0))
    }

    /// Sixteen hexadecimal digits, and the moment from which it is counted where there is one.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for LeafId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A range function of a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleLeaf {
    /// Whose partials it reads.
    pub id: LeafId,
    /// The length of its window.
    pub range_ms: i64,
    /// How far its window lies back.
    pub offset_ms: i64,
    /// The length of the buckets its window is put together from.
    pub bucket_ms: i64,
    /// How long after the end of its bucket a partial may be asked for.
    pub ttl_ms: i64,
}

impl RuleLeaf {
    /// The leaves of an expression, in its order, for a group of this interval and
    /// query offset. Buckets divide the interval and the query offset, and the range
    /// and the offset of every leaf of the expression that reads the same partials:
    /// every window is made of whole buckets.
    pub(crate) fn all(expr: &StreamedExpr, interval_ms: i64, query_offset_ms: i64, for_ms: i64) -> Vec<Self> {
        let leaves = expr.leaves();
        let identities: Vec<String> = leaves.iter().map(StreamedLeaf::identity).collect();
        let step_of = |identity: &String| {
            let same = leaves.iter().zip(&identities).filter(|(_, other)| *other == identity);
            same.fold(gcd(interval_ms, query_offset_ms), |step, (leaf, _)| {
                gcd(gcd(step, leaf.range_ms()), leaf.offset_ms())
            })
        };
        let leaf = |(leaf, identity): (&StreamedLeaf, &String)| {
            let bucket_ms = step_of(identity);
            let (range_ms, offset_ms) = (leaf.range_ms(), leaf.offset_ms());
            let ttl_ms = range_ms + offset_ms + query_offset_ms + for_ms + PARTIAL_GRACE_MS;
            Self { id: LeafId::new(leaf, bucket_ms), range_ms, offset_ms, bucket_ms, ttl_ms }
        };
        leaves.iter().zip(&identities).map(leaf).collect()
    }

    /// The window of an evaluation whose lines end at `end_ms`: `(from, to]`.
    pub fn window(&self, end_ms: i64) -> (i64, i64) {
        let to = end_ms - self.offset_ms;
        (to - self.range_ms, to)
    }
}

pub(crate) fn gcd(a: i64, b: i64) -> i64 {
    if b == 0 { a } else { gcd(b, a % b) }
}
