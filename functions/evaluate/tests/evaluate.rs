//! Pattern in, message out, resolution out; and what happens when a part fails.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use catchment_alert::message::Status;
use catchment_alert::{AlertStore, Matchers, Parking, Silence, SilenceStore};
use catchment_evaluate::handler::{MAX_DUE_TIMES, RETIRE_AFTER_MS, origin_of};
use catchment_evaluate::report::Report;
use world::{MINUTE_MS, START, World, rules};

#[tokio::test(start_paused = true)]
async fn an_alert_fires_once_and_is_told_when_it_is_over() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 0, 5).await;
    world.lines(&rules, "auth", 0, 6).await;
    let report = world.tick(&rules, 0).await;
    assert_eq!((report.rules_evaluated, report.alerts_firing, report.notifications_sent), (1, 1, 1));
    assert_eq!(world.tick(&rules, 0).await, Report::default(), "the same time again does nothing");
    for minute in 1..5 {
        assert_eq!(world.tick(&rules, minute).await.notifications_sent, 0, "{minute}");
    }
    let over = world.tick(&rules, 5).await;
    assert_eq!((over.alerts_resolved, over.notifications_sent), (1, 1), "(T-5m, T] is past the lines");
    let text = "6 at auth".to_owned();
    assert_eq!(world.told(), [(Status::Firing, text.clone()), (Status::Resolved, text)]);
    let history = world.alerts.history(START * MINUTE_MS, (START + 9) * MINUTE_MS).await.unwrap();
    let words: Vec<_> = history.iter().flat_map(|entry| &entry.changes).map(|it| it.to.word()).collect();
    assert_eq!(words, ["firing", "resolved"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_owed_is_published_later_and_in_order() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 0, 6).await;
    world.notifier.fail_next(2);
    let report = world.tick(&rules, 0).await;
    assert_eq!((report.alerts_firing, report.notifications_failed), (1, 1));
    assert_eq!(world.tick(&rules, 1).await.notifications_failed, 1);
    // It is over by now: the state went on, and both are told, in order.
    assert_eq!(world.tick(&rules, 6).await.notifications_sent, 2);
    assert_eq!(world.statuses(), [Status::Firing, Status::Resolved]);
    assert!(world.alerts.owed().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_told_for_an_hour_is_parked_and_nothing_is_lost() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 0, 6).await;
    world.notifier.fail_next(1_000);
    world.tick(&rules, 0).await;
    let report = world.tick(&rules, 59).await;
    assert_eq!(report.notifications_parked, 0, "not for an hour yet");
    let owed = world.alerts.owed().await.unwrap();
    assert_eq!(owed.len(), 2, "the resolution too");
    assert_eq!(world.tick(&rules, 60).await.notifications_parked, 1);
    world.notifier.fail_next(0);
    assert_eq!(world.tick(&rules, 61).await.notifications_sent, 1, "the rest follows as soon as it can");
    let parked = world.parking.parked().await.unwrap();
    assert_eq!(parked[0].message.status, Status::Firing);
    assert_eq!(world.statuses(), [Status::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn missed_ticks_are_caught_up_on_within_a_bound() {
    let (world, rules) = (World::default(), rules("", ""));
    world.tick(&rules, 0).await;
    world.lines(&rules, "api", 1, 6).await;
    let report = world.tick(&rules, 10).await;
    assert_eq!((report.rules_evaluated, report.alerts_firing, report.alerts_resolved), (10, 1, 1));
    let report = world.tick(&rules, 110).await;
    assert_eq!(report.rules_evaluated, MAX_DUE_TIMES as u64);
    assert_eq!(report.evaluations_skipped, 100 - MAX_DUE_TIMES as u64);
}

#[tokio::test(start_paused = true)]
async fn a_rule_with_too_many_series_is_cut_unhealthy_and_its_alerts_stay() {
    let (world, rules) = (World::default(), rules("  limit: 1\n", ""));
    world.lines(&rules, "api", 0, 6).await;
    world.tick(&rules, 0).await;
    world.lines(&rules, "auth", 1, 6).await;
    let report = world.tick(&rules, 1).await;
    assert_eq!((report.rules_unhealthy, report.alerts_resolved), (1, 0));
    let state = &world.alerts.states().await.unwrap()[0];
    assert_eq!(state.health.ailment.as_ref().unwrap().word(), "cut");
    assert_eq!(state.series.len(), 1, "the one whose labels come first");
    let report = world.tick(&rules, 5).await;
    assert_eq!(
        (report.rules_unhealthy, report.alerts_firing, report.alerts_resolved),
        (3, 1, 1),
        "until the first service's lines are past, at minute 5"
    );
    let history = world.alerts.history(START * MINUTE_MS, (START + 9) * MINUTE_MS).await.unwrap();
    let words: Vec<_> = history.iter().flat_map(|entry| &entry.changes).map(|it| it.to.word()).collect();
    assert_eq!(words, ["firing", "unhealthy", "resolved", "firing", "healthy"]);
}

#[tokio::test(start_paused = true)]
async fn a_window_ends_before_the_clock_by_the_query_offset() {
    let (world, rules) = (World::default(), rules("  query_offset: 1m\n", ""));
    world.lines(&rules, "api", 1, 6).await;
    assert_eq!(world.tick(&rules, 1).await.alerts_firing, 0);
    assert_eq!(world.tick(&rules, 2).await.alerts_firing, 1);
}

#[tokio::test(start_paused = true)]
async fn a_peek_fires_before_the_window_is_over_and_the_tick_ends_it() {
    let (world, rules) = (World::default(), rules("", ""));
    world.tick(&rules, 0).await;
    world.lines(&rules, "api", 1, 6).await;
    let report = world.peek(&rules, 10_000).await;
    assert_eq!((report.peeks, report.alerts_firing, report.notifications_sent), (1, 1, 1));
    assert_eq!(world.peek_without_notice(&rules, 11_000).await, Report::default(), "nobody asks twice");
    assert_eq!(world.tick(&rules, 1).await.alerts_firing, 0);
    assert_eq!(world.tick(&rules, 6).await.alerts_resolved, 1);
    assert_eq!(world.statuses(), [Status::Firing, Status::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn what_is_pending_fires_when_it_is_due_between_two_ticks() {
    let (world, rules) = (World::default(), rules("", "    for: 1m\n"));
    world.tick(&rules, 0).await;
    world.lines(&rules, "api", 1, 6).await;
    let report = world.peek(&rules, 10_000).await;
    assert_eq!((report.alerts_firing, report.notifications_sent), (0, 0));
    // Minute 1 comes 50 s later; the minute of `for` is over 10 s after that.
    let begun = tokio::time::Instant::now();
    let report = world.tick(&rules, 1).await;
    assert_eq!((report.alerts_firing, report.notifications_sent, report.peeks), (1, 1, 1));
    assert_eq!(begun.elapsed().as_millis(), 8_500, "from 1.5 s after the minute to 10 s");
}

#[tokio::test(start_paused = true)]
async fn a_silence_holds_back_and_lets_go() {
    let (world, rules) = (World::default(), rules("", ""));
    let matchers = Matchers::parse("service=\"api\"").unwrap();
    let (from, to) = (START * MINUTE_MS, (START + 2) * MINUTE_MS);
    world.alerts.put_silence(&Silence::new(matchers, from, to, "ada", "deploy")).await.unwrap();
    world.lines(&rules, "api", 0, 6).await;
    assert_eq!(world.tick(&rules, 0).await.notifications_sent, 0);
    assert_eq!(world.tick(&rules, 1).await.notifications_sent, 0);
    assert_eq!(world.tick(&rules, 2).await.notifications_sent, 1);
}

#[tokio::test(start_paused = true)]
async fn a_rule_that_is_gone_is_told_to_be_over() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 0, 6).await;
    world.tick(&rules, 0).await;
    let none = catchment_alert::RuleSet::default();
    let minutes = RETIRE_AFTER_MS / MINUTE_MS;
    assert_eq!(world.tick(&none, minutes - 1).await.notifications_sent, 0);
    assert_eq!(world.tick(&none, minutes).await.notifications_sent, 1);
    assert_eq!(world.tick(&none, minutes + 1).await.notifications_sent, 0);
    assert_eq!(world.statuses(), [Status::Firing, Status::Resolved]);
}

#[tokio::test(start_paused = true)]
async fn a_time_at_which_a_store_failed_is_evaluated_later() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 1, 6).await;
    world.tick(&rules, 0).await;
    for calls in 0..6 {
        // The store answers so often, and then no more.
        world.failing_tick(&rules, 1, calls).await;
    }
    let report = world.tick(&rules, 7).await;
    assert_eq!(report.alerts_resolved, 1);
    assert_eq!(world.statuses().last(), Some(&Status::Resolved));
    assert_eq!(world.statuses()[0], Status::Firing);
}

#[tokio::test(start_paused = true)]
async fn two_evaluators_at_one_time_tell_it_once() {
    let (world, rules) = (World::default(), rules("", ""));
    world.lines(&rules, "api", 0, 6).await;
    tokio::join!(world.tick(&rules, 0), world.tick(&rules, 0));
    assert_eq!(world.told().len(), 1);
}

#[test]
fn the_stack_is_in_the_functions_name() {
    let origin = origin_of("arn:aws:lambda:eu-west-1:123456789012:function:logs-prod-evaluate");
    assert_eq!((origin.stack.as_str(), origin.region.as_str()), ("logs-prod", "eu-west-1"));
    assert_eq!(origin_of("evaluate").stack, "evaluate");
}
