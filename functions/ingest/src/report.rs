//! What an invocation did, as numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use catchment_alert::RuleId;
use catchment_aws::emf::Metrics;
use catchment_record::{Counts, LogRecord};
use serde_json::{Value, json};

/// What became of one payload. Every invocation emits it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// The conservation counts, in events.
    pub counts: Counts,
    /// Events that named filters and samplers removed; part of `counts.filtered`.
    pub filtered: BTreeMap<String, u64>,
    /// Secrets redacted, by the name of the rule or pattern that found them.
    pub redacted: BTreeMap<String, u64>,
    /// Events that became part of another's record: fragments, lines of a stack trace.
    pub events_stitched: u64,
    /// 1 when the payload was set aside whole.
    pub payloads_quarantined: u64,
    /// Where it was set aside, and why.
    pub quarantine: Option<Quarantined>,
    /// 1 when it was CloudWatch's check of the destination.
    pub control_messages: u64,
    /// Events refused because a function of ours wrote them; part of `counts.filtered`.
    pub own_events_refused: u64,
    /// Objects that are new in the archive.
    pub objects_created: u64,
    /// Objects that an earlier delivery of the same batch had written.
    pub objects_already_there: u64,
    /// New entries in the audit trail.
    pub audit_entries_created: u64,
    /// How often a line matched an alert rule.
    pub alert_lines_matched: u64,
    /// Partials recorded for alert rules.
    pub partials_recorded: u64,
    /// Rules that the lines may have made true before their time.
    pub rules_grown: BTreeSet<RuleId>,
    /// 1 when `evaluate` was asked to look at them.
    pub peeks_called: u64,
    /// 1 when it could not be asked; the next tick sees the lines.
    pub peeks_failed: u64,
    /// Series beyond a rule's limit, left out of its alerts.
    pub series_dropped: u64,
    /// Partials beyond the limit of a batch, left out: those of the oldest times.
    pub partials_dropped: u64,
    /// Secrets masked.
    pub secrets_redacted: u64,
    /// Records whose line could not be parsed as what it looks like.
    pub parse_errors: u64,
    /// 1 while the rule files in S3 cannot be used and older rules stand in.
    pub rules_invalid: u64,
    /// 1 while the configuration file in S3 cannot be used and an older one stands in.
    pub config_invalid: u64,
}

/// A payload that was set aside whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quarantined {
    /// Its key in the bucket.
    pub key: String,
    /// Why.
    pub reason: String,
}

impl Report {
    /// What a synchronous caller is told: `catchment replay` deletes what was taken in
    /// only when this says so. Lambda drops it where nobody waits for an answer.
    pub fn answer(&self) -> Value {
        let Counts { received, archived, filtered, quarantined } = self.counts;
        let Self { objects_created, objects_already_there, .. } = *self;
        json!({
            "received": received,
            "archived": archived,
            "filtered": filtered,
            "quarantined": quarantined,
            "objects_created": objects_created,
            "objects_already_there": objects_already_there,
            "quarantine": self.quarantine.as_ref().map(|it| json!({ "key": it.key, "reason": it.reason })),
        })
    }

    /// What the records of a batch say of themselves, before any is written.
    pub(crate) fn of(records: &[LogRecord<'_>]) -> Self {
        let mut redacted: BTreeMap<String, u64> = BTreeMap::new();
        for (rule, found) in records.iter().flat_map(|record| record.redactions.iter()) {
            match redacted.get_mut(rule) {
                Some(sum) => *sum += u64::from(found),
                None => {
                    redacted.insert(rule.to_owned(), found.into());
                }
            }
        }
        let sum = |count: fn(&LogRecord<'_>) -> u64| records.iter().map(count).sum();
        Self {
            events_stitched: sum(|record| record.events() - 1),
            secrets_redacted: redacted.values().sum(),
            redacted,
            parse_errors: sum(|record| u64::from(record.parse_error.is_some())),
            ..Self::default()
        }
    }

    /// The one line of our own log that an invocation leaves.
    pub fn log(&self, request_id: &str) {
        let Counts { received, archived, filtered, quarantined } = self.counts;
        let Self { objects_created, audit_entries_created, partials_recorded, .. } = *self;
        let filtered_by = serde_json::to_string(&self.filtered).unwrap_or_default();
        tracing::info!(
            request_id,
            received,
            archived,
            filtered,
            filtered_by,
            quarantined,
            objects_created,
            audit_entries_created,
            partials_recorded,
            "took in a payload"
        );
    }

    /// Writes the report to standard output as metrics: one line, and one more for
    /// each filter, sampler and redaction rule that did something, with its name as a
    /// dimension. The configuration bounds how many names there are.
    pub fn emit(&self, namespace: &str, now_millis: i64) -> io::Result<()> {
        for (name, events) in &self.filtered {
            let mut metrics = Metrics::new(namespace, "ingest").by("Filter", name.clone());
            metrics.count("EventsFiltered", *events).emit(now_millis)?;
        }
        for (name, secrets) in &self.redacted {
            let mut metrics = Metrics::new(namespace, "ingest").by("Rule", name.clone());
            metrics.count("SecretsRedacted", *secrets).emit(now_millis)?;
        }
        self.to_metrics(namespace).emit(now_millis)
    }

    fn to_metrics(&self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "ingest");
        metrics
            .count("EventsReceived", self.counts.received)
            .count("EventsArchived", self.counts.archived)
            .count("EventsFiltered", self.counts.filtered)
            .count("EventsQuarantined", self.counts.quarantined)
            .count("ConservationViolated", u64::from(!self.counts.are_conserved()))
            .count("PayloadsQuarantined", self.payloads_quarantined)
            .count("EventsStitched", self.events_stitched)
            .count("ControlMessages", self.control_messages)
            .count("OwnEventsRefused", self.own_events_refused)
            .count("ObjectsCreated", self.objects_created)
            .count("ObjectsAlreadyThere", self.objects_already_there)
            .count("AuditEntriesCreated", self.audit_entries_created)
            .count("AlertLinesMatched", self.alert_lines_matched)
            .count("PartialsRecorded", self.partials_recorded)
            .count("PeeksCalled", self.peeks_called)
            .count("PeeksFailed", self.peeks_failed)
            .count("SeriesDropped", self.series_dropped)
            .count("PartialsDropped", self.partials_dropped)
            .count("SecretsRedacted", self.secrets_redacted)
            .count("ParseErrors", self.parse_errors)
            .count("RulesInvalid", self.rules_invalid)
            .count("ConfigInvalid", self.config_invalid);
        metrics
    }
}

/// The metrics of an invocation that had no configuration to work with.
pub(crate) fn config_is_missing(namespace: &str) -> Metrics {
    let mut metrics = Metrics::new(namespace, "ingest");
    metrics.count("ConfigInvalid", 1);
    metrics
}
