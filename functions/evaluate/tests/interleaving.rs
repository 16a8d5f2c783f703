//! Whatever the order in which two evaluators do what they do, people are told
//! once; wherever one of them dies, nothing is lost.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod world;

use std::time::Duration;

use catchment_alert::AlertStore;
use catchment_alert::message::Status;
use proptest::prelude::*;
use world::{Script, World, rules};

/// Fires at minute 0, is over at minute 5.
const TICKS: [i64; 3] = [0, 1, 5];

fn at_once<T>(work: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build();
    runtime.unwrap().block_on(work)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn two_evaluators_at_once_tell_it_once(
        one in prop::collection::vec(0_u8..6, 1..30),
        other in prop::collection::vec(0_u8..6, 1..30),
    ) {
        let told = at_once(async {
            let (world, rules) = (World::default(), rules("", ""));
            world.lines(&rules, "api", 0, 6).await;
            for minute in TICKS {
                let scripts = [&one, &other].map(|yields| Script::new(yields.clone(), usize::MAX, false));
                tokio::join!(
                    world.scripted_tick(&rules, minute, &scripts[0]),
                    world.scripted_tick(&rules, minute, &scripts[1]),
                );
            }
            assert!(world.alerts.owed().await.unwrap().is_empty(), "nothing is owed");
            world.statuses()
        });
        prop_assert_eq!(told, [Status::Firing, Status::Resolved]);
    }

    #[test]
    fn an_evaluator_that_dies_loses_nothing(
        yields in prop::collection::vec(0_u8..6, 1..30),
        calls in 1_usize..16,
        dies_at in 0_usize..TICKS.len(),
        has_company in any::<bool>(),
    ) {
        let told = at_once(async {
            let (world, rules) = (World::default(), rules("", ""));
            world.lines(&rules, "api", 0, 6).await;
            for (n, minute) in TICKS.into_iter().enumerate() {
                if n == dies_at {
                    let script = Script::new(yields.clone(), calls, true);
                    let dying = tokio::time::timeout(
                        Duration::from_secs(1),
                        world.scripted_tick(&rules, minute, &script),
                    );
                    if has_company {
                        let (_, _) = tokio::join!(dying, world.tick(&rules, minute));
                    } else {
                        dying.await.ok();
                    }
                } else {
                    world.tick(&rules, minute).await;
                }
            }
            // A lease that the dead one had is over by then.
            world.tick(&rules, 6).await;
            world.tick(&rules, 7).await;
            assert!(world.alerts.owed().await.unwrap().is_empty(), "nothing is owed");
            world.statuses()
        });
        let mut once = told.clone();
        once.dedup();
        prop_assert_eq!(once, [Status::Firing, Status::Resolved], "in order, and none is missing");
        prop_assert!(told.len() <= 3, "told twice at most: {:?}", told);
    }
}
