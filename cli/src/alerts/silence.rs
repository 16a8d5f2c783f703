//! Silences: put and ended, each written down in the audit trail.

use catchment_alert::{Matchers, Silence, SilenceStore};
use catchment_audit::{AuditEntry, AuditStore};
use serde_json::{Map, Value};

use crate::failure::Failure;

/// Where silences are put and audited.
pub struct Silencer<'a, S, A> {
    /// The silences.
    pub silences: &'a S,
    /// The trail.
    pub audit: &'a A,
    /// When, in milliseconds.
    pub now_ms: i64,
}

impl<S: SilenceStore, A: AuditStore> Silencer<'_, S, A>
where
    Failure: From<S::Error> + From<A::Error>,
{
    /// Puts a silence that begins now. It is in the trail before it is in force.
    pub async fn silence(
        &self,
        matchers: Matchers,
        for_ms: i64,
        by: &str,
        comment: &str,
    ) -> Result<Silence, Failure> {
        let ends_ms = self.now_ms.saturating_add(for_ms);
        let silence = Silence::new(matchers, self.now_ms, ends_ms, by, comment);
        self.write_down("alert.silence", None, &silence, by).await?;
        self.silences.put_silence(&silence).await?;
        Ok(silence)
    }

    /// Ends a silence now; one that is over stays as it is.
    pub async fn end(&self, id: &str, by: &str) -> Result<(), Failure> {
        let silences = self.silences.silences().await?;
        let Some(silence) = silences.into_iter().find(|silence| silence.id == id) else {
            return Err(Failure::NotFound(format!(
                "there is no silence {id}; `catchment alerts silences` lists those there are"
            )));
        };
        if silence.ends_ms <= self.now_ms {
            return Ok(());
        }
        let ended = Silence { ends_ms: self.now_ms, ..silence.clone() };
        self.write_down("alert.unsilence", Some(&silence), &ended, by).await?;
        Ok(self.silences.put_silence(&ended).await?)
    }

    async fn write_down(
        &self,
        action: &str,
        before: Option<&Silence>,
        after: &Silence,
        by: &str,
    ) -> Result<(), Failure> {
        let values = |silence: &Silence| serde_json::to_value(silence).unwrap_or_default();
        let entry = AuditEntry {
            id: format!("{action}-{}-{}", after.id, self.now_ms),
            timestamp_millis: self.now_ms,
            actor: Map::from_iter([("id".to_owned(), Value::from(by))]),
            actor_id: by.to_owned(),
            action: action.to_owned(),
            entity_type: "alert_silence".to_owned(),
            entity_id: after.id.clone(),
            old_values: before.map(values),
            new_values: Some(values(after)),
            metadata: None,
            truncated: false,
            ip_address: None,
            user_agent: Some(concat!("catchment/", env!("CARGO_PKG_VERSION")).to_owned()),
            trace_id: None,
            service: "catchment".to_owned(),
            created_at_millis: self.now_ms,
        };
        let _written = self.audit.put_once(&[entry]).await?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use catchment_alert::MemoryAlerts;
    use catchment_audit::MemoryAudit;

    use super::*;

    #[tokio::test]
    async fn a_silence_is_put_ended_and_audited() {
        let (silences, audit) = (MemoryAlerts::default(), MemoryAudit::default());
        let at = |now_ms| Silencer { silences: &silences, audit: &audit, now_ms };
        let matchers = Matchers::parse("service=\"api\"").unwrap();
        let put = at(1_000).silence(matchers, 60_000, "ada", "deploy").await.unwrap();
        assert_eq!((put.starts_ms, put.ends_ms), (1_000, 61_000));
        at(2_000).end(&put.id, "bob").await.unwrap();
        at(3_000).end(&put.id, "eve").await.unwrap();
        let there = silences.silences().await.unwrap();
        assert_eq!((there.len(), there[0].ends_ms, there[0].by.as_str()), (1, 2_000, "ada"));
        let told: Vec<_> = audit.entries().into_values().map(|it| (it.action, it.actor_id)).collect();
        let expected = [("alert.silence", "ada"), ("alert.unsilence", "bob")];
        assert_eq!(told, expected.map(|(action, by)| (action.to_owned(), by.to_owned())));
        let missing = at(4_000).end("nothing", "eve").await.unwrap_err();
        assert!(matches!(missing, Failure::NotFound(_)), "{missing}");
    }
}
