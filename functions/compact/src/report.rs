//! What one invocation did: one line of our own log, metrics, and the answer.

use catchment_archive::compact::CompactReport;
use catchment_aws::emf::Metrics;
use serde_json::{Value, json};

/// The one line of our own log that an invocation leaves; one more for what went wrong.
pub fn log(report: &CompactReport, request_id: &str) {
    for skipped in &report.foreign_named {
        let key = skipped.key.as_str();
        tracing::warn!(key, reason = skipped.reason, "an object is foreign or damaged; it was left as it is");
    }
    for (key, reason) in &report.undeleted_named {
        tracing::warn!(
            key = key.as_str(),
            reason,
            "a replaced object could not be deleted; the next run tries again"
        );
    }
    for failure in &report.failures {
        tracing::error!(failure, "a partition was not compacted; the next run tries again");
    }
    let CompactReport { partitions, steps, steps_left, objects_in, objects_out, .. } = *report;
    let CompactReport { bytes_in, bytes_out, rows_in, rows_out, duplicates, .. } = *report;
    let CompactReport { foreign, steps_overtaken, leftovers_deleted, undeleted, .. } = *report;
    tracing::info!(
        request_id,
        partitions,
        steps,
        steps_left,
        steps_overtaken,
        objects_in,
        objects_out,
        bytes_in,
        bytes_out,
        rows_in,
        rows_out,
        duplicates,
        foreign,
        leftovers_deleted,
        undeleted,
        failures = report.failures.len(),
        "compacted what was due"
    );
}

/// The same as metrics of CloudWatch.
pub fn to_metrics(report: &CompactReport, namespace: &str) -> Metrics {
    let mut metrics = Metrics::new(namespace, "compact");
    metrics
        .count("StepsDone", report.steps)
        .count("StepsLeft", report.steps_left)
        .count("StepsOvertaken", report.steps_overtaken)
        .count("ObjectsReplaced", report.objects_in)
        .count("ObjectsWritten", report.objects_out)
        .count("BytesReplaced", report.bytes_in)
        .count("BytesWritten", report.bytes_out)
        .count("RowsRead", report.rows_in)
        .count("RowsWritten", report.rows_out)
        .count("DuplicatesRemoved", report.duplicates)
        .count("ForeignObjects", report.foreign)
        .count("LeftoversDeleted", report.leftovers_deleted)
        .count("ObjectsUndeleted", report.undeleted)
        .count("PartitionsFailed", report.failures.len() as u64)
        .count("ConservationViolated", report.conservation_violated);
    metrics
}

/// What an operator who invokes the function is told.
pub fn answer(report: &CompactReport) -> Value {
    json!({
        "partitions": report.partitions,
        "steps": report.steps,
        "steps_left": report.steps_left,
        "objects_replaced": report.objects_in,
        "objects_written": report.objects_out,
        "rows_read": report.rows_in,
        "rows_written": report.rows_out,
        "duplicates_removed": report.duplicates,
        "foreign_objects": report.foreign,
    })
}
