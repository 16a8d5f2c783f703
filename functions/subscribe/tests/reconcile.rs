//! What becomes of log groups and their filters, against the in-memory twin.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use std::time::Duration;

use catchment_aws::config::Vars;
use catchment_aws::log_groups::InMemoryLogGroups;
use catchment_subscribe::config::Config;
use catchment_subscribe::reconcile::{Cause, Goal, Summary, reconcile};

const INGEST: &str = "arn:aws:lambda:eu-west-1:123456789012:function:catchment-ingest";
const OURS: &str = "catchment-catchment -> arn:aws:lambda:eu-west-1:123456789012:function:catchment-ingest";
const AMPLE: Duration = Duration::from_secs(60);

fn config(patterns: &str, excludes: &str) -> Config {
    Config::from_vars(&Vars::from_pairs([
        ("LOG_GROUP_PATTERNS", patterns),
        ("LOG_GROUP_EXCLUDES", excludes),
        ("INGEST_FUNCTION_ARN", INGEST),
        ("FILTER_NAME", "catchment-catchment"),
        ("METRICS_NAMESPACE", "Catchment"),
    ]))
    .unwrap()
}

async fn run(groups: &InMemoryLogGroups, config: &Config) -> Summary {
    reconcile(groups, Goal::Subscribed, &config.wanted, &config.filter, AMPLE, 0).await
}

#[tokio::test]
async fn what_matches_is_subscribed_and_nothing_else() {
    let groups = InMemoryLogGroups::with(&[
        "/aws/lambda/orders",
        "/aws/lambda/team/worker",
        "/catchments/web",
        "/aws/lambda/noise",
        "/ecs/web",
        "/var/log",
    ]);
    let config = config("/ecs/*, /aws/lambda/*, /catchment*", "*/noise");
    let summary = run(&groups, &config).await;
    for group in ["/aws/lambda/orders", "/aws/lambda/team/worker", "/catchments/web", "/ecs/web"] {
        assert_eq!(groups.filters_of(group), [OURS], "{group}");
    }
    for group in ["/aws/lambda/noise", "/var/log"] {
        assert!(groups.filters_of(group).is_empty(), "{group}");
    }
    assert_eq!(summary, Summary { seen: 6, matched: 4, added: 4, ..Summary::default() });

    let changes = groups.changes();
    let again = run(&groups, &config).await;
    assert_eq!(again, Summary { seen: 6, matched: 4, kept: 4, ..Summary::default() });
    assert_eq!(groups.changes(), changes, "a second run changes nothing");
}

#[tokio::test]
async fn own_groups_of_any_stack_are_never_subscribed_whatever_the_patterns_say() {
    let groups = InMemoryLogGroups::with(&["/catchment/demo/ingest", "/catchment/other/ingest"]);
    groups.plant("/catchment/demo/ingest", "catchment-catchment", INGEST);
    let summary = run(&groups, &config("/catchment/other/ingest,*", "")).await;
    for group in ["/catchment/demo/ingest", "/catchment/other/ingest"] {
        assert!(groups.filters_of(group).is_empty(), "{group}");
    }
    assert_eq!(summary, Summary { seen: 2, removed: 1, ..Summary::default() });
}

#[tokio::test]
async fn foreign_filters_are_never_touched() {
    let groups = InMemoryLogGroups::with(&["/ecs/full", "/ecs/shared", "/old"]);
    groups.plant("/ecs/full", "datadog", "arn:a");
    groups.plant("/ecs/full", "splunk", "arn:b");
    groups.plant("/ecs/shared", "datadog", "arn:a");
    groups.plant("/old", "datadog", "arn:a");
    groups.plant("/old", "catchment-catchment", INGEST);
    let summary = run(&groups, &config("/ecs/*", "")).await;
    assert_eq!(groups.filters_of("/ecs/full"), ["datadog -> arn:a", "splunk -> arn:b"]);
    assert_eq!(groups.filters_of("/ecs/shared"), [OURS, "datadog -> arn:a"]);
    assert_eq!(groups.filters_of("/old"), ["datadog -> arn:a"]);
    assert_eq!((summary.added, summary.removed, summary.failed), (1, 1, 1));
    let failure = &summary.failures[0];
    assert_eq!((failure.log_group.as_str(), failure.cause), ("/ecs/full", Cause::NoFreeSlot));
    assert!(failure.reason.starts_with("no free subscription filter slot"), "{}", failure.reason);
}

#[tokio::test]
async fn ours_is_put_right_when_it_points_elsewhere() {
    let groups = InMemoryLogGroups::with(&["/ecs/web"]);
    groups.plant("/ecs/web", "catchment-catchment", "arn:aws:lambda:eu-west-1:1:function:old");
    groups.plant("/ecs/web", "datadog", "arn:a");
    let summary = run(&groups, &config("/ecs/*", "")).await;
    assert_eq!(groups.filters_of("/ecs/web"), [OURS, "datadog -> arn:a"]);
    assert_eq!(summary, Summary { seen: 1, matched: 1, repaired: 1, ..Summary::default() });
}

#[tokio::test]
async fn one_group_that_fails_does_not_stop_the_rest() {
    let groups = InMemoryLogGroups::with(&["/ecs/a", "/ecs/b", "/ecs/c"]);
    groups.deny("/ecs/b");
    groups.create("/ecs/infrequent", false);
    let summary = run(&groups, &config("/ecs/*", "")).await;
    assert_eq!((summary.matched, summary.added, summary.failed), (3, 2, 1));
    assert_eq!(summary.failures[0].log_group, "/ecs/b");
    assert_eq!(summary.failures[0].reason, "reading the filters of /ecs/b: access denied");
    assert_eq!(summary.unsupported, ["/ecs/infrequent"]);
    assert!(!summary.is_complete());
}

#[tokio::test(start_paused = true)]
async fn what_there_was_no_time_for_is_counted_and_comes_first_another_time() {
    let names: Vec<String> = (0..10).map(|n| format!("/ecs/{n}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let groups = InMemoryLogGroups::with(&names).slow(Duration::from_secs(1));
    let config = config("/ecs/*", "");
    // Five pages, then two calls a group.
    let budget = Duration::from_millis(5_000 + 2 * 3 * 1_000 + 500);
    let first = reconcile(&groups, Goal::Subscribed, &config.wanted, &config.filter, budget, 0).await;
    assert_eq!((first.matched, first.added, first.left), (10, 3, 7));
    let second = reconcile(&groups, Goal::Subscribed, &config.wanted, &config.filter, budget, 5).await;
    assert_eq!((second.matched, second.added, second.left), (10, 3, 7));
    assert_eq!(groups.filters_of("/ecs/5"), [OURS]);
}

#[tokio::test]
async fn removing_everything_leaves_what_is_not_ours() {
    let groups = InMemoryLogGroups::with(&["/ecs/a", "/ecs/b", "/unmatched"]);
    groups.plant("/unmatched", "catchment-catchment", INGEST);
    groups.plant("/ecs/b", "datadog", "arn:a");
    let config = config("/ecs/*", "");
    run(&groups, &config).await;
    let summary = reconcile(&groups, Goal::Removed, &config.wanted, &config.filter, AMPLE, 0).await;
    // The first run has already freed /unmatched.
    assert_eq!(summary, Summary { seen: 3, removed: 2, ..Summary::default() });
    assert_eq!(groups.filters_of("/ecs/b"), ["datadog -> arn:a"]);
}

#[tokio::test(start_paused = true)]
async fn a_removal_begins_with_the_groups_that_match() {
    let others: Vec<String> = (0..6).map(|n| format!("/aws/{n}")).collect();
    let names = others.iter().map(String::as_str).chain(["/ecs/a", "/ecs/b"]);
    let config = config("/ecs/*", "");
    // Four pages; then two calls for a group with a filter of ours, one for any other.
    for (seconds, removed, left, matched_left) in [(4 + 2, 1, 7, 1), (4 + 4 + 1, 2, 5, 0)] {
        let groups = InMemoryLogGroups::with(&names.clone().collect::<Vec<_>>()).slow(Duration::from_secs(1));
        for group in ["/ecs/a", "/ecs/b"] {
            groups.plant(group, "catchment-catchment", INGEST);
        }
        let budget = Duration::from_millis(seconds * 1_000 + 500);
        let summary = reconcile(&groups, Goal::Removed, &config.wanted, &config.filter, budget, 0).await;
        assert_eq!(summary, Summary { seen: 8, removed, left, matched_left, ..Summary::default() });
        assert_eq!(summary.is_complete(), matched_left == 0);
    }
}

#[test]
fn the_metrics_carry_the_summary() {
    let summary = Summary { seen: 9, matched: 5, added: 1, kept: 2, left: 2, ..Summary::default() };
    let line: serde_json::Value = serde_json::from_str(&summary.metrics("Catchment").to_line(0)).unwrap();
    for (name, value) in [
        ("LogGroupsSeen", 9),
        ("LogGroupsMatched", 5),
        ("SubscriptionsAdded", 1),
        ("SubscriptionsKept", 2),
        ("SubscriptionsRemoved", 0),
        ("SubscriptionsFailed", 0),
        ("SubscriptionsLeft", 2),
    ] {
        assert_eq!(line[name], value, "{name}");
    }
}
