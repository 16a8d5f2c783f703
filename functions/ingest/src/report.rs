//! What an invocation did, as numbers.

use catchment_aws::emf::Metrics;
use catchment_record::Counts;

/// What became of one payload. Every invocation emits it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Report {
    /// The conservation counts, in events.
    pub counts: Counts,
    /// 1 when the payload was set aside whole.
    pub payloads_quarantined: u64,
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
    /// Series beyond a rule's limit, left out of its alerts.
    pub series_dropped: u64,
    /// Secrets masked.
    pub secrets_redacted: u64,
    /// Records whose line could not be parsed as what it looks like.
    pub parse_errors: u64,
    /// 1 while the rule files in S3 cannot be used and older rules stand in.
    pub rules_invalid: u64,
}

impl Report {
    /// The one line of our own log that an invocation leaves.
    pub fn log(&self, request_id: &str) {
        let Counts { received, archived, filtered, quarantined } = self.counts;
        let Self { objects_created, audit_entries_created, partials_recorded, .. } = *self;
        tracing::info!(
            request_id,
            received,
            archived,
            filtered,
            quarantined,
            objects_created,
            audit_entries_created,
            partials_recorded,
            "took in a payload"
        );
    }

    /// The report as metrics.
    pub fn to_metrics(self, namespace: &str) -> Metrics {
        let mut metrics = Metrics::new(namespace, "ingest");
        metrics
            .count("EventsReceived", self.counts.received)
            .count("EventsArchived", self.counts.archived)
            .count("EventsFiltered", self.counts.filtered)
            .count("EventsQuarantined", self.counts.quarantined)
            .count("ConservationViolated", u64::from(!self.counts.are_conserved()))
            .count("PayloadsQuarantined", self.payloads_quarantined)
            .count("ControlMessages", self.control_messages)
            .count("OwnEventsRefused", self.own_events_refused)
            .count("ObjectsCreated", self.objects_created)
            .count("ObjectsAlreadyThere", self.objects_already_there)
            .count("AuditEntriesCreated", self.audit_entries_created)
            .count("AlertLinesMatched", self.alert_lines_matched)
            .count("PartialsRecorded", self.partials_recorded)
            .count("SeriesDropped", self.series_dropped)
            .count("SecretsRedacted", self.secrets_redacted)
            .count("ParseErrors", self.parse_errors)
            .count("RulesInvalid", self.rules_invalid);
        metrics
    }
}
