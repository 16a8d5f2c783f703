//! What a rule costs, by the prices of DynamoDB, so that an expensive one is seen
//! before it runs.
//!
//! The estimate: streams that match deliver one batch a minute, with lines in every
//! bucket; an item is as long as [`ITEM_BYTES`]; nothing is shared with other rules.
//! On demand, us-east-1, without storage: partials live for hours, and their
//! deletion is free. <https://aws.amazon.com/dynamodb/pricing/on-demand/>

use std::collections::BTreeSet;

use crate::group::{Group, Rule};
use crate::leaf::RuleLeaf;

/// The length of an item in the estimate: a few series of a few labels each.
pub const ITEM_BYTES: u64 = 512;
/// A million write units of 1 KB.
const DOLLARS_A_MILLION_WRITES: f64 = 0.625;
/// A million read units of 4 KB, consistent.
const DOLLARS_A_MILLION_READS: f64 = 0.125;
const READ_UNIT_BYTES: u64 = 4096;
/// A window is read in so many queries, each a unit at least: one for each shard.
const QUERIES_A_WINDOW: u64 = 4;
const MINUTE_MS: i64 = 60_000;
const MONTH_MS: i64 = 30 * 24 * 60 * MINUTE_MS;

/// What a rule costs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RuleCost {
    /// Items that ingest writes.
    pub items_written_per_minute: u64,
    /// Items that an evaluation reads.
    pub items_read_per_evaluation: u64,
    /// Both, in a month of 30 days, in US dollars.
    pub dollars_per_month: f64,
}

impl Rule {
    /// The estimate, when lines of so many streams match.
    pub fn cost(&self, group: &Group, streams: u32) -> RuleCost {
        let items_a_minute =
            |leaf: &RuleLeaf| u64::from(streams) * whole(MINUTE_MS.div_euclid(leaf.bucket_ms.min(MINUTE_MS)));
        let mut written = BTreeSet::new();
        let (mut items_written_per_minute, mut items_read_per_evaluation, mut read_units) = (0, 0, 0);
        for leaf in &self.leaves {
            if written.insert(&leaf.id) {
                items_written_per_minute += items_a_minute(leaf);
            }
            let items = items_a_minute(leaf) * whole(leaf.range_ms) / whole(MINUTE_MS);
            items_read_per_evaluation += items;
            read_units += (items * ITEM_BYTES).div_ceil(READ_UNIT_BYTES).max(QUERIES_A_WINDOW);
        }
        let evaluations = whole(MONTH_MS / group.interval_ms);
        let minutes = whole(MONTH_MS / MINUTE_MS);
        let writes = (minutes * items_written_per_minute) as f64 * DOLLARS_A_MILLION_WRITES;
        let reads = (evaluations * read_units) as f64 * DOLLARS_A_MILLION_READS;
        let dollars_per_month = (writes + reads) / 1e6;
        RuleCost { items_written_per_minute, items_read_per_evaluation, dollars_per_month }
    }
}

/// Lengths of time are above zero in a rule that was loaded.
fn whole(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::rules::{RuleFile, RuleSet};

    #[test]
    fn ranges_streams_and_fine_buckets_cost_and_equal_leaves_are_written_once() {
        let cost = |interval: &str, expr: &str, streams| {
            let text = format!(
                "groups:\n- name: g\n  interval: {interval}\n  rules:\n  - alert: A\n    expr: '{expr}'\n"
            );
            let set = RuleSet::parse(&[RuleFile { name: "a".into(), text }]).unwrap();
            let cost = set.rules().next().unwrap().cost(&set.groups()[0], streams);
            (cost.items_written_per_minute, cost.items_read_per_evaluation, cost.dollars_per_month)
        };
        let count = r#"count_over_time({a="b"}[5m])"#;
        // 43,200 minutes with 1 write unit and 4 read units each.
        let (written, read, dollars) = cost("1m", count, 1);
        assert_eq!((written, read), (1, 5));
        assert!((dollars - 43_200.0 * (0.625 + 4.0 * 0.125) / 1e6).abs() < 1e-9, "{dollars}");
        assert_eq!(cost("1m", count, 10).0, 10);
        assert_eq!(cost("10s", count, 1).0, 6, "six buckets a minute");
        let (written, read, _) =
            cost("1m", r#"count_over_time({a="b"}[5m]) > 3 * count_over_time({a="b"}[5m] offset 1d)"#, 1);
        assert_eq!((written, read), (1, 10));
        // A day of ten streams: 14,400 items are 1,800 units of 4 KB, each minute.
        let (_, read, dollars) = cost("1m", r#"count_over_time({a="b"}[24h])"#, 10);
        assert_eq!(read, 14_400);
        assert!((dollars - 43_200.0 * (10.0 * 0.625 + 1_800.0 * 0.125) / 1e6).abs() < 1e-6, "{dollars}");
    }
}
