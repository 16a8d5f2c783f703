//! Which log groups a backfill is about, and what CloudWatch says of them.

use aws_sdk_cloudwatchlogs::types::{LogGroup as Described, LogGroupClass};
use catchment_record::{Globs, LogGroup};

use super::history::History;
use crate::failure::Failure;
use crate::when;

const DAY_MILLIS: i64 = 86_400_000;
/// How far back before its creation a log group may hold events: `PutLogEvents` takes
/// none that are older. <https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html>
const MAX_AGE_AT_ARRIVAL_DAYS: i64 = 14;

/// A log group that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// Its name.
    pub name: String,
    /// The account that owns it, 12 digits.
    pub owner: String,
    /// When it was made, in milliseconds since the epoch.
    pub created_millis: i64,
    /// How many days it keeps events; `None` is for ever.
    pub retention_days: Option<i64>,
    /// The bytes that it holds, as CloudWatch counts.
    pub stored_bytes: u64,
}

/// The groups that were asked for, by name and by pattern, and notes about those left out.
pub async fn choose(
    history: &History,
    names: &[String],
    patterns: &[String],
) -> Result<(Vec<Group>, Vec<String>), Failure> {
    let globs = Globs::new(patterns)
        .map_err(|err| Failure::Usage(format!("--pattern is no pattern of log group names: {err}")))?;
    let mut groups = Vec::new();
    let mut notes = Vec::new();
    for name in names {
        if LogGroup::new(name.as_str()).is_own() {
            return Err(Failure::Usage(format!(
                "{name} is a log group of Catchment's own functions; what Catchment writes of itself is never taken in"
            )));
        }
        let found = history.log_groups(Some(name)).await?;
        let Some(found) = found.into_iter().find(|group| group.log_group_name() == Some(name)) else {
            return Err(Failure::NotFound(format!(
                "there is no log group {name} here; check --region and --profile (names are case-sensitive)"
            )));
        };
        groups.push(readable(found).map_err(Failure::Rejected)?);
    }
    if !patterns.is_empty() {
        let all = history.log_groups(None).await?;
        let matches = |name: &str| globs.match_name(name) && !LogGroup::new(name).is_own();
        for found in all.into_iter().filter(|group| group.log_group_name().is_some_and(matches)) {
            match readable(found) {
                Ok(group) => groups.push(group),
                Err(why) => notes.push(format!("left out: {why}")),
            }
        }
    }
    groups.sort_by(|a, b| a.name.cmp(&b.name));
    groups.dedup_by(|a, b| a.name == b.name);
    if groups.is_empty() {
        let why = notes.first().map_or_else(String::new, |note| format!(" ({note})"));
        return Err(Failure::NotFound(format!("no log group matches {}{why}", patterns.join(" "))));
    }
    Ok((groups, notes))
}

/// The group, where its events can be read.
fn readable(group: Described) -> Result<Group, String> {
    let name = group.log_group_name.unwrap_or_default();
    if let Some(class) = group.log_group_class.filter(|class| *class != LogGroupClass::Standard) {
        return Err(format!(
            "{name} is of the log class {class}, whose events FilterLogEvents does not give; only Logs Insights \
             reads them"
        ));
    }
    // arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/a:*
    let owner = group.arn.as_deref().and_then(|arn| arn.split(':').nth(4)).unwrap_or_default();
    if owner.is_empty() {
        return Err(format!("CloudWatch does not say which account {name} is of"));
    }
    Ok(Group {
        owner: owner.to_owned(),
        name,
        created_millis: group.creation_time.unwrap_or_default(),
        retention_days: group.retention_in_days.map(i64::from),
        stored_bytes: group.stored_bytes.and_then(|bytes| u64::try_from(bytes).ok()).unwrap_or_default(),
    })
}

impl Group {
    /// The earliest time of which the group can hold events at `now`.
    pub fn there_since(&self, now: i64) -> i64 {
        let before_it_was_made = self.created_millis - MAX_AGE_AT_ARRIVAL_DAYS * DAY_MILLIS;
        self.kept_since(now).map_or(before_it_was_made, |kept| kept.max(before_it_was_made))
    }

    fn kept_since(&self, now: i64) -> Option<i64> {
        self.retention_days.map(|days| now - days * DAY_MILLIS)
    }

    /// What of a range that begins at `from` is not there any more, in words.
    pub fn gone(&self, from: i64, now: i64) -> Option<String> {
        let (days, kept) = self.retention_days.zip(self.kept_since(now))?;
        (from < kept && self.created_millis < kept).then(|| {
            format!(
                "{} keeps events for {days} days: what it had before {} is not there any more",
                self.name,
                when::shown(kept)
            )
        })
    }

    /// How long the stored bytes took to come, in milliseconds.
    pub fn stored_millis(&self, now: i64) -> i64 {
        let since = self.kept_since(now).map_or(self.created_millis, |kept| kept.max(self.created_millis));
        now - since
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_132_800_000;

    fn described() -> aws_sdk_cloudwatchlogs::types::builders::LogGroupBuilder {
        Described::builder()
            .log_group_name("/ecs/a")
            .arn("arn:aws:logs:eu-west-1:123456789012:log-group:/ecs/a:*")
            .creation_time(NOW - 100 * DAY_MILLIS)
            .retention_in_days(30)
            .stored_bytes(5)
    }

    #[test]
    fn only_the_standard_class_can_be_read() {
        let group = readable(described().log_group_class(LogGroupClass::Standard).build()).unwrap();
        assert_eq!((group.owner.as_str(), group.stored_bytes), ("123456789012", 5));
        for class in [LogGroupClass::InfrequentAccess, LogGroupClass::Delivery] {
            let why = readable(described().log_group_class(class.clone()).build()).unwrap_err();
            assert!(why.contains(class.as_str()) && why.contains("Logs Insights"), "{why}");
        }
    }

    #[test]
    fn retention_says_what_is_gone() {
        let group = readable(described().build()).unwrap();
        let month_ago = NOW - 30 * DAY_MILLIS;
        assert_eq!(group.there_since(NOW), month_ago);
        assert_eq!(group.stored_millis(NOW), 30 * DAY_MILLIS);
        assert_eq!(group.gone(month_ago, NOW), None);
        let note = group.gone(month_ago - 1, NOW).unwrap();
        assert!(note.contains("30 days") && note.contains("2026-10-21T00:00:00Z"), "{note}");
        let young = Group { created_millis: NOW - DAY_MILLIS, ..group.clone() };
        assert_eq!(young.gone(0, NOW), None, "nothing was lost: there was no group");
        assert_eq!(young.there_since(NOW), NOW - 15 * DAY_MILLIS);
        assert_eq!(young.stored_millis(NOW), DAY_MILLIS);
        let for_ever = Group { retention_days: None, ..group };
        assert_eq!(for_ever.gone(0, NOW), None);
        assert_eq!(for_ever.there_since(NOW), NOW - 114 * DAY_MILLIS);
    }
}
