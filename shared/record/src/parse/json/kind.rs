//! JSON that is more than an application's line: who wrote it, and what its
//! fields mean there.

use std::borrow::Cow;

use crate::parse::fields::{Field, Fields};
use crate::parse::{http, lambda};
use crate::record::{Format, LogRecord};

/// Fills the record from a JSON object.
pub(super) fn fill<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) {
    record.format = Format::Json;
    fields.fill(record);
    if fields.has(Field::Emf) {
        record.format = Format::Emf;
    } else if fields.plain(Field::EventSource).is_some_and(is_aws_service) {
        cloudtrail(fields, record);
    } else if fields.plain(Field::ApiVersion).is_some_and(|version| version.starts_with("audit.k8s.io/")) {
        kubernetes_audit(fields, record);
    } else if fields.plain(Field::PlatformType).is_some_and(|kind| kind.starts_with("platform.")) {
        lambda::fill_platform_event(fields, record);
    }
}

fn is_aws_service(source: &str) -> bool {
    source.ends_with(".amazonaws.com")
}

/// <https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html>
fn cloudtrail<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) {
    let Some(event) = fields.text(Field::EventName) else { return };
    record.format = Format::CloudTrail;
    let source = fields.plain(Field::EventSource).unwrap_or_default();
    let error = fields.text(Field::ErrorCode);
    record.severity_text = None;
    record.severity_number = Some(if error.is_some() { 17 } else { 9 });
    record.message = Cow::Owned(match error {
        None => format!("{source} {event}"),
        Some(code) => match fields.text(Field::Error) {
            None => format!("{source} {event}: {code}"),
            Some(message) => format!("{source} {event}: {code}: {message}"),
        },
    });
}

/// <https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/>. Its
/// `level` says how much is told, not how bad it is.
fn kubernetes_audit<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) {
    record.format = Format::KubernetesAudit;
    record.severity_text = None;
    record.severity_number = Some(record.status_code.map_or(9, http::severity_of));
    let Some(verb) = fields.text(Field::AuditVerb) else { return };
    if let Some(uri) = fields.text(Field::Path) {
        record.message = Cow::Owned(format!("{verb} {uri}"));
    }
    record.event_name = Some(verb);
}
