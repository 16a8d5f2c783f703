//! Tags as the holds say: set or removed in place, object by object.

use std::sync::Arc;

use catchment_archive::retention::{Hold, Holds};
use catchment_archive::{Expiry, ObjectKey, ObjectWriter};
use catchment_record::RetentionClass;
use indicatif::ProgressBar;
use jiff::Timestamp;
use jiff::tz::TimeZone;
use tokio::task::JoinSet;

use crate::failure::Failure;

/// Objects seen to at once; S3 takes thousands of requests a second for a prefix.
const AT_ONCE: usize = 32;

/// What became of the objects.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Objects that were looked at.
    pub seen: u64,
    /// Of them, those that expire no more.
    pub held: u64,
    /// Of them, those that expire again.
    pub released: u64,
}

/// Sees to every object that `scope` covers, all where there is none. What is as
/// it must be is left alone: it may be run again at any time.
pub async fn reconcile<S>(
    store: &Arc<S>,
    holds: &Holds,
    scope: Option<&Hold>,
    bar: &ProgressBar,
) -> Result<Reconciled, Failure>
where
    S: ObjectWriter + 'static,
    Failure: From<<S as catchment_archive::ObjectReader>::Error>,
{
    let mut done = Reconciled::default();
    let mut tasks = JoinSet::new();
    for class in RetentionClass::ALL {
        if scope.is_some_and(|scope| scope.class.is_some_and(|only| only != class)) {
            continue;
        }
        let prefix = format!("logs/class={}/", class.as_str());
        // No row of a day before is in the scope.
        let mut after = scope.and_then(|scope| scope.from).map(|from| format!("{prefix}dt={}", day(from)));
        loop {
            let page = store.list(&prefix, after.as_deref()).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.as_str().to_owned());
            let is_over = scope
                .and_then(|scope| scope.to)
                .is_some_and(|to| last.key.as_str() > format!("{prefix}dt={}~", day(to)).as_str());
            let covered: Vec<_> = page.into_iter().filter_map(|it| wanted(holds, scope, it.key)).collect();
            bar.inc_length(covered.len() as u64);
            for (key, expiry) in covered {
                while tasks.len() >= AT_ONCE {
                    done.count(joined(tasks.join_next().await)?, bar);
                }
                let store = Arc::clone(store);
                tasks.spawn(async move { see_to(&*store, &key, expiry).await });
            }
            if is_over {
                break;
            }
        }
    }
    while !tasks.is_empty() {
        done.count(joined(tasks.join_next().await)?, bar);
    }
    Ok(done)
}

impl Reconciled {
    fn count(&mut self, changed: Option<Expiry>, bar: &ProgressBar) {
        self.seen += 1;
        match changed {
            Some(Expiry::Held) => self.held += 1,
            Some(Expiry::On) => self.released += 1,
            None => {}
        }
        bar.inc(1);
    }
}

/// An object of ours that the scope covers, and what must be true of it.
fn wanted(holds: &Holds, scope: Option<&Hold>, key: ObjectKey) -> Option<(ObjectKey, Expiry)> {
    let parsed = key.parse()?;
    let covers = |scope: &Hold| scope.covers(parsed.class, parsed.first_millis, parsed.last_millis);
    if !scope.is_none_or(covers) {
        return None;
    }
    let expiry = holds.expiry_of(&key)?;
    Some((key, expiry))
}

/// What was changed; `None` where nothing had to be, or the object is gone.
async fn see_to<S: ObjectWriter>(
    store: &S,
    key: &ObjectKey,
    expiry: Expiry,
) -> Result<Option<Expiry>, <S as catchment_archive::ObjectReader>::Error> {
    match store.expiry(key).await? {
        Some(found) if found != expiry => {
            let is_there = store.set_expiry(key, expiry).await?;
            Ok(is_there.then_some(expiry))
        }
        _ => Ok(None),
    }
}

fn joined<E>(
    task: Option<Result<Result<Option<Expiry>, E>, tokio::task::JoinError>>,
) -> Result<Option<Expiry>, Failure>
where
    Failure: From<E>,
{
    match task {
        Some(Ok(done)) => Ok(done?),
        Some(Err(err)) => Err(Failure::Rejected(format!("a task ended early: {err}"))),
        None => Ok(None),
    }
}

fn day(time: Timestamp) -> jiff::civil::Date {
    TimeZone::UTC.to_datetime(time).date()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use catchment_archive::{ArchiveStore, MemoryArchive};

    const DAY: i64 = 86_400_000;

    fn key(class: RetentionClass, day: i64) -> ObjectKey {
        let date = jiff::civil::date(1970, 1, 1 + i8::try_from(day).unwrap());
        ObjectKey::of_merged(class, date, day * DAY, day * DAY + 5, &"a".repeat(32))
    }

    /// Days 0 to 9 of the classes short and long, and a foreign object.
    async fn archive() -> Arc<MemoryArchive> {
        let store = MemoryArchive::default();
        for class in [RetentionClass::Short, RetentionClass::Long] {
            for day in 0..10 {
                store.put_if_absent(&key(class, day), Bytes::new()).await.unwrap();
            }
        }
        store.put_if_absent(&ObjectKey::new("logs/class=short/readme"), Bytes::new()).await.unwrap();
        Arc::new(store)
    }

    async fn held(store: &MemoryArchive, class: RetentionClass) -> Vec<i64> {
        let mut days = Vec::new();
        for day in 0..10 {
            if store.expiry(&key(class, day)).await.unwrap() == Some(Expiry::Held) {
                days.push(day);
            }
        }
        days
    }

    #[tokio::test]
    async fn what_is_held_expires_no_more_and_what_is_not_does_again() {
        let store = archive().await;
        let bar = ProgressBar::hidden();
        let body = r#"{"class":"short","from":"1970-01-03T00:00:00Z","to":"1970-01-05T00:00:00Z",
            "reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#;
        let hold = Hold::parse(body.as_bytes()).unwrap();
        let holds = Holds::parse([("holds/h.json", body.as_bytes())]);
        let done = reconcile(&store, &holds, Some(&hold), &bar).await.unwrap();
        assert_eq!(done, Reconciled { seen: 2, held: 2, released: 0 });
        assert_eq!(held(&store, RetentionClass::Short).await, [2, 3]);
        assert!(held(&store, RetentionClass::Long).await.is_empty());
        // Again: nothing to do. Without a scope: every object of ours is looked at.
        let again = reconcile(&store, &holds, None, &bar).await.unwrap();
        assert_eq!(again, Reconciled { seen: 20, held: 0, released: 0 });
        // The hold ends, and another still covers one of its days.
        let other = body.replace("01-03", "01-04");
        let holds = Holds::parse([("holds/o.json", other.as_bytes())]);
        let done = reconcile(&store, &holds, Some(&hold), &bar).await.unwrap();
        assert_eq!(done, Reconciled { seen: 2, held: 0, released: 1 });
        assert_eq!(held(&store, RetentionClass::Short).await, [3]);
    }
}
