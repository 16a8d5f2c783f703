//! One payload, from its envelope to durable writes.
//!
//! Order: archive, audit trail, alert partials; success is returned only when
//! all of them are durable. Every key derives from the batch's content, so the
//! whole may be repeated at any point.
//!
//! Filters and samplers decide what the archive keeps. The audit trail sees every
//! record; alert rules see all but what a filter removed, so that a sampler
//! changes no number that a rule compares.

use bytes::Bytes;
use catchment_alert::{PartialStore, RuleSet};
use catchment_archive::{ArchiveStore, ObjectKey, Put, QuarantineKeys, split_by_day, write_parquet};
use catchment_audit::{AuditEntry, AuditStore, extract};
use catchment_record::{
    BatchId, Counts, Envelope, LogGroup, LogRecord, LogStream, MessageType, Pipeline, Routed, Source, gunzip,
};
use serde_json::{Value, json};

use crate::config::Settings;
use crate::error::IngestError;
use crate::report::{Quarantined, Report};

/// The handler with its stores; built once, used for every invocation.
#[derive(Debug)]
pub struct Ingest<A, D, P> {
    archive: A,
    audit: D,
    partials: P,
    settings: Settings,
}

/// The field of an invocation's event that says that its log events are history:
/// `catchment backfill` sets it. Archive and audit trail take them in as any others,
/// alert rules do not see them: nobody is to be called for what is long over, and
/// what the subscription delivers too must not count twice.
const HISTORY: &str = "history";

/// A batch's objects with the number of events in each.
type Objects = Vec<(ObjectKey, Bytes, u64)>;

impl<A: ArchiveStore, D: AuditStore, P: PartialStore> Ingest<A, D, P> {
    /// A handler over these stores.
    pub fn new(archive: A, audit: D, partials: P, settings: Settings) -> Self {
        Self { archive, audit, partials, settings }
    }

    /// The archive that it writes to.
    pub fn archive(&self) -> &A {
        &self.archive
    }

    /// The audit trail that it writes to.
    pub fn audit(&self) -> &D {
        &self.audit
    }

    /// The alert partials that it writes.
    pub fn partials(&self) -> &P {
        &self.partials
    }

    /// Takes in one event of the function, whatever it is. An error means that
    /// a write did not happen and that the event should come again.
    pub async fn handle(
        &self,
        mut event: Value,
        rules: &RuleSet,
        pipeline: &Pipeline,
    ) -> Result<Report, IngestError> {
        let data = match event.pointer_mut("/awslogs/data") {
            Some(Value::String(data)) => std::mem::take(data),
            _ => {
                return self
                    .quarantine(event.to_string().into(), "not a CloudWatch Logs subscription event", 1)
                    .await;
            }
        };
        let history = event.get(HISTORY) == Some(&Value::Bool(true));
        let no_rules = RuleSet::default();
        let rules = if history { &no_rules } else { rules };
        let json = match gunzip(&data) {
            Ok(json) => json,
            Err(reason) => return self.quarantine(data.into(), &reason.to_string(), 1).await,
        };
        match Envelope::parse(&json) {
            Ok(envelope) => self.take_in(&envelope, data, rules, pipeline).await,
            Err(reason) => self.quarantine(data.into(), &reason.to_string(), 1).await,
        }
    }

    async fn take_in(
        &self,
        envelope: &Envelope<'_>,
        data: String,
        rules: &RuleSet,
        pipeline: &Pipeline,
    ) -> Result<Report, IngestError> {
        if envelope.message_type == MessageType::Control {
            return Ok(Report { control_messages: 1, ..Report::default() });
        }
        let received = count(envelope.log_events.len());
        let log_group = LogGroup::new(&*envelope.log_group);
        if log_group.is_own() {
            tracing::warn!(%log_group, received, "refused log events of our own: this log group must not be subscribed");
            return Ok(Report {
                counts: Counts { received, filtered: received, ..Counts::default() },
                own_events_refused: received,
                ..Report::default()
            });
        }
        let Settings { region, environment } = &self.settings;
        let log_stream = LogStream::new(&*envelope.log_stream);
        let mut source = Source::new(&envelope.owner, region, log_group, log_stream, environment);
        pipeline.enrich(&mut source);
        let lines = pipeline.lines(envelope);
        let records = lines.parse(&source);
        let batch = BatchId::of(envelope, region);
        let mut report = Report::of(&records);
        report.counts.received = received;
        let entries: Vec<AuditEntry> = records.iter().filter_map(extract).collect();
        let routed = pipeline.route(records);

        let objects = match objects(&routed, &batch, received) {
            Ok(objects) => objects,
            Err(reason) => return self.quarantine(data.into(), &reason, received).await,
        };
        report.counts.filtered = routed.filtered.values().sum();
        self.write_archive(objects, &mut report).await?;
        self.write_audit(&entries, &mut report).await?;
        self.write_partials(&routed, &batch, rules, &mut report).await?;
        report.filtered = routed.filtered;
        Ok(report)
    }

    async fn write_archive(&self, objects: Objects, report: &mut Report) -> Result<(), IngestError> {
        for (key, body, events) in objects {
            match self.put(&key, body).await? {
                Put::Created => report.objects_created += 1,
                Put::AlreadyThere => report.objects_already_there += 1,
            }
            report.counts.archived += events;
        }
        Ok(())
    }

    async fn write_audit(&self, entries: &[AuditEntry], report: &mut Report) -> Result<(), IngestError> {
        let written = self.audit.put_once(entries).await.map_err(|err| IngestError::Audit(err.into()))?;
        report.audit_entries_created = written.created;
        Ok(())
    }

    async fn write_partials(
        &self,
        routed: &Routed<'_>,
        batch: &BatchId,
        rules: &RuleSet,
        report: &mut Report,
    ) -> Result<(), IngestError> {
        let kept = routed.kept.iter().flat_map(|(_, records)| records);
        let partials = rules.partials(kept.chain(&routed.sampled_out));
        if !partials.partials.is_empty() {
            self.partials
                .record(batch.as_str(), &partials.partials)
                .await
                .map_err(|err| IngestError::Partials(err.into()))?;
        }
        report.rules_grown = rules.grown_by(&partials.partials);
        report.alert_lines_matched = partials.matched_lines;
        report.partials_recorded = count(partials.partials.len());
        report.series_dropped = partials.cut_series;
        report.partials_dropped = partials.dropped_partials;
        Ok(())
    }

    /// Sets the payload aside whole, with the reason beside it. The payload
    /// comes first: a reason without one would be a lie.
    async fn quarantine(&self, payload: Bytes, reason: &str, events: u64) -> Result<Report, IngestError> {
        let keys = QuarantineKeys::of_payload(&payload);
        let note =
            json!({ "reason": reason, "payload_bytes": payload.len(), "payload_key": keys.payload.as_str() });
        self.put(&keys.payload, payload).await?;
        self.put(&keys.reason, note.to_string().into()).await?;
        tracing::error!(reason, key = %keys.payload, "set a payload aside");
        Ok(Report {
            counts: Counts { received: events, quarantined: events, ..Counts::default() },
            payloads_quarantined: 1,
            quarantine: Some(Quarantined { key: keys.payload.to_string(), reason: reason.to_owned() }),
            ..Report::default()
        })
    }

    async fn put(&self, key: &ObjectKey, body: Bytes) -> Result<Put, IngestError> {
        self.archive.put_if_absent(key, body).await.map_err(|err| IngestError::Archive(err.into()))
    }
}

/// Every object of the batch, before any is written: a batch is written whole
/// or set aside whole. What is not the whole batch has an id of its own.
fn objects(routed: &Routed<'_>, batch: &BatchId, received: u64) -> Result<Objects, String> {
    let mut objects = Objects::new();
    for (class, records) in &routed.kept {
        for (day, part) in split_by_day(records) {
            let body = write_parquet(part).map_err(|err| format!("cannot be written as Parquet: {err}"))?;
            let events = part.iter().map(LogRecord::events).sum();
            let id = if events == received { batch.clone() } else { batch.of_part(part) };
            objects.push((ObjectKey::of_batch(*class, day, part, &id), body, events));
        }
    }
    Ok(objects)
}

fn count(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}
