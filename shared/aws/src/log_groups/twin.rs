//! The in-memory twin: CloudWatch's rules without CloudWatch.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use super::*;

/// Filters that a group takes at most (AWS's quota, not adjustable).
const FILTERS_A_GROUP: usize = 2;

#[derive(Debug, Clone, Default)]
struct Group {
    takes_filters: bool,
    refuses: bool,
    filters: Vec<SubscriptionFilter>,
}

/// Log groups in memory.
#[derive(Debug, Default)]
pub struct InMemoryLogGroups {
    groups: Mutex<BTreeMap<LogGroupName, Group>>,
    changes: Mutex<u64>,
    latency: Duration,
}

impl InMemoryLogGroups {
    /// Groups of these names, of the standard class, with no filters.
    pub fn with(names: &[&str]) -> Self {
        let twin = Self::default();
        for name in names {
            twin.create(name, true);
        }
        twin
    }

    /// Every call takes this long.
    pub fn slow(mut self, latency: Duration) -> Self {
        self.latency = latency;
        self
    }

    /// Creates a group.
    pub fn create(&self, name: &str, takes_filters: bool) {
        let group = Group { takes_filters, ..Group::default() };
        self.lock().insert(LogGroupName(name.to_owned()), group);
    }

    /// From now on every call about this group is denied.
    pub fn deny(&self, name: &str) {
        self.lock().entry(LogGroupName(name.to_owned())).or_default().refuses = true;
    }

    /// Puts a filter on a group as somebody else would.
    pub fn plant(&self, group: &str, filter: &str, destination: &str) {
        let filter = SubscriptionFilter {
            name: FilterName(filter.to_owned()),
            pattern: String::new(),
            destination: DestinationArn(destination.to_owned()),
        };
        self.lock().entry(LogGroupName(group.to_owned())).or_default().filters.push(filter);
    }

    /// `filter -> destination` of a group, sorted.
    pub fn filters_of(&self, group: &str) -> Vec<String> {
        let groups = self.lock();
        let filters = groups.get(&LogGroupName(group.to_owned())).map(|g| g.filters.clone());
        let mut names: Vec<String> = filters
            .unwrap_or_default()
            .iter()
            .map(|f| format!("{} -> {}", f.name.0, f.destination.0))
            .collect();
        names.sort();
        names
    }

    /// Calls so far that wanted to change something.
    pub fn changes(&self) -> u64 {
        *self.changes.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<LogGroupName, Group>> {
        self.groups.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    async fn call(&self, group: &LogGroupName, action: &str) -> Result<(), AwsError> {
        tokio::time::sleep(self.latency).await;
        match self.lock().get(group) {
            Some(found) if found.refuses => {
                Err(AwsError::unexpected(format!("{action} {}", group.0), "access denied"))
            }
            _ => Ok(()),
        }
    }

    fn count_change(&self) {
        *self.changes.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) += 1;
    }
}

impl LogGroups for InMemoryLogGroups {
    /// Pages of two, so that paging is always exercised.
    async fn page(&self, token: Option<String>) -> Result<LogGroupPage, AwsError> {
        tokio::time::sleep(self.latency).await;
        let groups = self.lock();
        let after = token.map(LogGroupName);
        let mut rest = groups.iter().filter(|(name, _)| after.as_ref().is_none_or(|a| *name > a));
        let page: Vec<LogGroupInfo> = rest
            .by_ref()
            .take(2)
            .map(|(name, g)| LogGroupInfo { name: name.clone(), takes_filters: g.takes_filters })
            .collect();
        let more = rest.next().is_some();
        let next = page.last().filter(|_| more).map(|info| info.name.0.clone());
        Ok(LogGroupPage { groups: page, next })
    }

    async fn filters(&self, group: &LogGroupName) -> Result<Vec<SubscriptionFilter>, AwsError> {
        self.call(group, "reading the filters of").await?;
        Ok(self.lock().get(group).map(|g| g.filters.clone()).unwrap_or_default())
    }

    async fn put_filter(&self, group: &LogGroupName, filter: &SubscriptionFilter) -> Result<(), AwsError> {
        self.count_change();
        self.call(group, "subscribing to").await?;
        let fault = |what| AwsError::unexpected(format!("subscribing to {}", group.0), what);
        let mut groups = self.lock();
        let found = groups.get_mut(group).ok_or_else(|| fault("no such log group"))?;
        let mut filters: Vec<_> = found.filters.iter().filter(|f| f.name != filter.name).cloned().collect();
        if filters.len() >= FILTERS_A_GROUP {
            return Err(fault("limit exceeded"));
        }
        filters.push(filter.clone());
        found.filters = filters;
        Ok(())
    }

    async fn remove_filter(&self, group: &LogGroupName, name: &FilterName) -> Result<(), AwsError> {
        self.count_change();
        self.call(group, "unsubscribing from").await?;
        if let Some(found) = self.lock().get_mut(group) {
            found.filters.retain(|f| f.name != *name);
        }
        Ok(())
    }
}
