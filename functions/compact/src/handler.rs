//! One invocation: which partitions, how long, and what became of it.

use std::time::Duration;

use catchment_archive::compact::{CompactReport, Compactor, Scope};
use catchment_archive::{Day, ObjectWriter};
use catchment_aws::clock::Clock;
use catchment_record::RetentionClass;
use serde::Deserialize;
use serde_json::Value;

/// The event: `{}` at each tick; an operator may name a class, a day, or both.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Event {
    class: Option<RetentionClass>,
    day: Option<String>,
}

/// An event that is none.
#[derive(Debug, thiserror::Error)]
#[error(
    "the event is not of the form {{\"class\": \"standard\", \"day\": \"2026-01-31\"}}, where both may be left out: {0}"
)]
pub struct EventError(String);

/// Compacts what the event asks for, until `deadline_millis` draws near.
pub async fn handle<S: ObjectWriter>(
    compactor: &Compactor<'_, S>,
    event: Value,
    clock: &impl Clock,
    deadline_millis: i64,
) -> Result<CompactReport, EventError> {
    let Event { class, day } = serde_json::from_value(event).map_err(|err| EventError(err.to_string()))?;
    let day = day.map(|day| day.parse::<Day>().map_err(|err| EventError(err.to_string()))).transpose()?;
    let time_left = || {
        let millis = deadline_millis.saturating_sub(clock.now_millis());
        Duration::from_millis(u64::try_from(millis).unwrap_or_default())
    };
    Ok(compactor.run(Scope { class, day }, clock.now_millis(), &time_left).await)
}
