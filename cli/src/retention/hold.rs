//! Holds: put, released, listed.
//!
//! What is unclear is kept. The hold's object comes first, then the tags go; at
//! the end of a hold its release comes first, then the tags return, and both
//! objects go last, so that a command that was interrupted can be given again.

use std::sync::Arc;

use bytes::Bytes;
use catchment_archive::retention::{Hold, HoldId, Holds, Release};
use catchment_archive::{ObjectKey, ObjectWriter};
use catchment_audit::{AuditEntry, AuditStore};
use indicatif::ProgressBar;
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::tags::{Reconciled, reconcile};
use crate::failure::Failure;

/// Where holds are put and audited.
pub struct Keeper<'a, S, A> {
    /// The bucket.
    pub store: &'a Arc<S>,
    /// The trail.
    pub audit: &'a A,
    /// The bucket's name.
    pub bucket: &'a str,
    /// On whose word.
    pub by: &'a str,
    /// When.
    pub now: Timestamp,
}

impl<S, A> Keeper<'_, S, A>
where
    S: ObjectWriter + 'static,
    A: AuditStore,
    Failure: From<<S as catchment_archive::ObjectReader>::Error> + From<A::Error>,
{
    /// Every hold. What cannot be read must be mended first: it may be the one that matters.
    pub async fn holds(&self) -> Result<Holds, Failure> {
        let holds = Holds::read(self.store.as_ref()).await?;
        match holds.unreadable.first() {
            None => Ok(holds),
            Some(unreadable) => Err(Failure::Rejected(format!(
                "s3://{}/{}: {}; mend or remove it first, as until then everything counts as held",
                self.bucket, unreadable.key, unreadable.error
            ))),
        }
    }

    /// Puts a hold where it is not yet, and takes the tag from what it covers.
    pub async fn hold(
        &self,
        hold: Hold,
        id: Option<HoldId>,
        bar: &ProgressBar,
    ) -> Result<(HoldId, Reconciled), Failure> {
        hold.check().map_err(|err| Failure::Usage(format!("this hold cannot be: {err}")))?;
        let id = match id {
            Some(id) => id,
            None => id_of(&hold)?,
        };
        let holds = self.holds().await?;
        if holds.released.iter().any(|(other, ..)| *other == id) {
            return Err(Failure::Rejected(format!(
                "the hold {id} is being released; end that with `catchment retention release {id}` first"
            )));
        }
        if holds.leftover.contains(&id) {
            self.remove(&[id.release_key()]).await?;
        }
        self.store.put_if_absent(&ObjectKey::new(id.key()), Bytes::from(hold.to_json())).await?;
        // What stands there now counts, whoever put it.
        let holds = self.holds().await?;
        let Some((_, there)) = holds.holds.iter().find(|(other, _)| *other == id) else {
            return Err(Failure::Rejected(format!(
                "the hold {id} was released meanwhile; give the command again"
            )));
        };
        if (there.class, there.from, there.to, &there.reason)
            != (hold.class, hold.from, hold.to, &hold.reason)
        {
            return Err(Failure::Rejected(format!(
                "there is another hold {id} ({}, \"{}\"); choose another --id",
                scope(there),
                there.reason
            )));
        }
        self.write_down("retention.hold", &id, there, &there.by, there.created).await?;
        let done = reconcile(self.store, &holds, Some(there), bar).await?;
        Ok((id, done))
    }

    /// Ends a hold: what no other hold covers may expire again.
    pub async fn release(&self, id: &HoldId, bar: &ProgressBar) -> Result<Reconciled, Failure> {
        let holds = self.holds().await?;
        if holds.leftover.contains(id) {
            self.remove(&[id.release_key()]).await?;
            return Ok(Reconciled::default());
        }
        if holds.holds.iter().any(|(other, _)| other == id) {
            let release = Release { by: self.by.to_owned(), released: self.now };
            self.store
                .put_if_absent(&ObjectKey::new(id.release_key()), Bytes::from(release.to_json()))
                .await?;
        }
        let holds = self.holds().await?;
        let Some((_, hold, release)) = holds.released.iter().find(|(other, ..)| other == id) else {
            return Err(Failure::NotFound(format!(
                "there is no hold {id}; `catchment retention holds` lists those there are"
            )));
        };
        self.write_down("retention.release", id, hold, &release.by, release.released).await?;
        let done = reconcile(self.store, &holds, Some(hold), bar).await?;
        self.remove(&[id.key(), id.release_key()]).await?;
        Ok(done)
    }

    /// Sees to every object of the archive.
    pub async fn reconcile(&self, bar: &ProgressBar) -> Result<Reconciled, Failure> {
        let done = reconcile(self.store, &self.holds().await?, None, bar).await?;
        if done.held + done.released > 0 {
            let counts = json!({"held": done.held, "released": done.released});
            let entry = self.entry("retention.reconcile", "archive", counts, self.by, self.now);
            let _written = self.audit.put_once(&[entry]).await?;
        }
        Ok(done)
    }

    async fn remove(&self, keys: &[String]) -> Result<(), Failure> {
        // One after the other: a release without its hold is harmless, a hold
        // without its release would hold again.
        for key in keys {
            let deleted = self.store.delete(&[ObjectKey::new(key)]).await?;
            if let Some((key, why)) = deleted.failed.first() {
                return Err(Failure::Rejected(format!(
                    "s3://{}/{key} cannot be removed: {why}",
                    self.bucket
                )));
            }
        }
        Ok(())
    }

    /// Into the audit trail, once however often the command is given.
    async fn write_down(
        &self,
        action: &str,
        id: &HoldId,
        hold: &Hold,
        by: &str,
        at: Timestamp,
    ) -> Result<(), Failure> {
        let mut values: Value = serde_json::from_str(&hold.to_json()).unwrap_or_default();
        if let Some(fields) = values.as_object_mut() {
            fields.insert("id".to_owned(), id.as_str().into());
        }
        let entry = self.entry(action, id.as_str(), values, by, at);
        let _written = self.audit.put_once(&[entry]).await?;
        Ok(())
    }

    fn entry(&self, action: &str, id: &str, values: Value, by: &str, at: Timestamp) -> AuditEntry {
        let millis = at.as_millisecond();
        AuditEntry {
            id: format!("{action}-{id}-{millis}"),
            timestamp_millis: millis,
            actor: Map::from_iter([("id".to_owned(), by.into())]),
            actor_id: by.to_owned(),
            action: action.to_owned(),
            entity_type: "retention_hold".to_owned(),
            entity_id: id.to_owned(),
            old_values: None,
            new_values: Some(values),
            metadata: Some(json!({"bucket": self.bucket})),
            truncated: false,
            ip_address: None,
            user_agent: Some(concat!("catchment/", env!("CARGO_PKG_VERSION")).to_owned()),
            trace_id: None,
            service: "catchment".to_owned(),
            created_at_millis: millis,
        }
    }
}

/// The name of a hold that was given none: the same for the same scope and
/// reason, so that a command that is given again goes on.
fn id_of(hold: &Hold) -> Result<HoldId, Failure> {
    let parts = format!("{:?}\n{:?}\n{:?}\n{}", hold.class, hold.from, hold.to, hold.reason);
    let digits: String = Sha256::digest(parts).iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    format!("hold-{digits}").parse().map_err(|err| Failure::Rejected(format!("{err}")))
}

/// What a hold covers, in words.
pub fn scope(hold: &Hold) -> String {
    let class = hold.class.map_or("every class", |class| class.as_str());
    match (hold.from, hold.to) {
        (None, None) => class.to_owned(),
        (Some(from), None) => format!("{class}, from {from}"),
        (None, Some(to)) => format!("{class}, before {to}"),
        (Some(from), Some(to)) => format!("{class}, from {from}, before {to}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_archive::{ArchiveStore, Expiry, MemoryArchive};
    use catchment_audit::MemoryAudit;
    use catchment_record::RetentionClass;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hold(reason: &str, by: &str) -> Hold {
        Hold {
            class: Some(RetentionClass::Short),
            from: None,
            to: None,
            reason: reason.to_owned(),
            by: by.to_owned(),
            created: at("2026-11-21T10:00:00Z"),
        }
    }

    #[tokio::test]
    async fn a_hold_is_put_once_audited_once_and_released_whatever_is_interrupted() {
        let store = Arc::new(MemoryArchive::default());
        let audit = MemoryAudit::default();
        let day = jiff::civil::date(1970, 1, 1);
        let key = ObjectKey::of_merged(RetentionClass::Short, day, 0, 5, &"a".repeat(32));
        store.put_if_absent(&key, Bytes::new()).await.unwrap();
        let bar = ProgressBar::hidden();
        let keeper = |by, now| Keeper { store: &store, audit: &audit, bucket: "b", by, now: at(now) };
        let first = keeper("ada", "2026-11-21T10:00:00Z");
        let (id, done) = first.hold(hold("case 1", "ada"), None, &bar).await.unwrap();
        assert_eq!(done, Reconciled { seen: 1, held: 1, released: 0 });
        assert_eq!(store.expiry(&key).await.unwrap(), Some(Expiry::Held));
        // Given again, by another and later: the same hold.
        let mut later = hold("case 1", "bob");
        later.created = at("2026-11-22T10:00:00Z");
        let second = keeper("bob", "2026-11-22T10:00:00Z");
        let (again, done) = second.hold(later, None, &bar).await.unwrap();
        assert_eq!((&again, done), (&id, Reconciled { seen: 1, held: 0, released: 0 }));
        assert_eq!(second.holds().await.unwrap().holds[0].1.by, "ada");
        assert_eq!(audit.entries().len(), 1, "audited once");
        // The name is taken by another hold.
        let taken = second.hold(hold("case 2", "bob"), Some(id.clone()), &bar).await.unwrap_err();
        assert!(taken.to_string().contains("choose another --id"), "{taken}");

        // A release that was begun and not ended: no new hold of the name, and it can be ended.
        let release = Release { by: "bob".to_owned(), released: at("2026-11-23T10:00:00Z") };
        store.put_if_absent(&ObjectKey::new(id.release_key()), release.to_json().into()).await.unwrap();
        let refused = second.hold(hold("case 1", "ada"), None, &bar).await.unwrap_err();
        assert!(refused.to_string().contains("being released"), "{refused}");
        let done = keeper("eve", "2026-11-24T10:00:00Z").release(&id, &bar).await.unwrap();
        assert_eq!(done, Reconciled { seen: 1, held: 0, released: 1 });
        assert_eq!(store.expiry(&key).await.unwrap(), Some(Expiry::On));
        assert_eq!(second.holds().await.unwrap(), Holds::default());
        let entries: Vec<_> = audit.entries().into_values().map(|it| (it.action, it.actor_id)).collect();
        let told = |action: &str, by: &str| (action.to_owned(), by.to_owned());
        assert_eq!(entries, [told("retention.hold", "ada"), told("retention.release", "bob")]);
        let gone = first.release(&id, &bar).await.unwrap_err();
        assert!(matches!(gone, Failure::NotFound(_)), "{gone}");

        // A release left over from an interrupted removal does not undo a new hold.
        store.put_if_absent(&ObjectKey::new(id.release_key()), release.to_json().into()).await.unwrap();
        let (_, done) = first.hold(hold("case 1", "ada"), None, &bar).await.unwrap();
        assert_eq!(done.held, 1);
    }

    #[tokio::test]
    async fn an_unreadable_hold_stops_everything() {
        let store = Arc::new(MemoryArchive::default());
        store.put_if_absent(&ObjectKey::new("holds/x.json"), Bytes::from("{}")).await.unwrap();
        let audit = MemoryAudit::default();
        let keeper =
            Keeper { store: &store, audit: &audit, bucket: "b", by: "ada", now: at("2026-11-21T10:00:00Z") };
        let refused = keeper.hold(hold("case", "ada"), None, &ProgressBar::hidden()).await.unwrap_err();
        assert!(refused.to_string().contains("s3://b/holds/x.json"), "{refused}");
        assert_eq!((store.objects().len(), audit.entries().len()), (1, 0));
    }

    #[test]
    fn a_name_is_of_scope_and_reason() {
        let id = id_of(&hold("case 1", "ada")).unwrap();
        assert_eq!(id, id_of(&hold("case 1", "bob")).unwrap());
        assert_ne!(id, id_of(&hold("case 2", "ada")).unwrap());
        assert_eq!(id.as_str().len(), 17);
    }
}
