//! A message as JSON: today's, and that of versions before it, which SNS may
//! still deliver for hours after a deployment.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::message::{AlertMessage, AlertedSeries, Links, Status};
use crate::number;

/// Every field that a message of any version has. What makes it a message of
/// ours must be there: id, name and status.
#[derive(Deserialize)]
pub(crate) struct Wire {
    id: String,
    name: String,
    status: Status,
    #[serde(default)]
    group: String,
    #[serde(default)]
    summary: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    severity: String,
    #[serde(default)]
    condition: String,
    #[serde(default, deserialize_with = "number::read_optional")]
    threshold: Option<f64>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    annotations: BTreeMap<String, String>,
    #[serde(default)]
    series: Vec<AlertedSeries>,
    #[serde(default)]
    more: u64,
    /// Before: `triggered_at`.
    #[serde(default, alias = "triggered_at")]
    since: String,
    #[serde(default)]
    resolved_at: Option<String>,
    #[serde(default)]
    samples: Vec<String>,
    #[serde(default)]
    links: Links,
    #[serde(default)]
    stack: String,
    /// Of version 0.1: one message was one series.
    #[serde(default, deserialize_with = "number::read_optional")]
    current_value: Option<f64>,
}

impl From<Wire> for AlertMessage {
    fn from(wire: Wire) -> Self {
        let mut series = wire.series;
        if let (Some(value), true) = (wire.current_value, series.is_empty()) {
            series.push(AlertedSeries {
                labels: wire.labels.clone(),
                value,
                peak: None,
                fired_at: wire.since.clone(),
                resolved_at: wire.resolved_at.clone(),
            });
        }
        Self {
            id: wire.id,
            name: wire.name,
            group: wire.group,
            summary: wire.summary,
            description: wire.description,
            severity: wire.severity,
            status: wire.status,
            condition: wire.condition,
            threshold: wire.threshold,
            labels: wire.labels,
            annotations: wire.annotations,
            series,
            more: wire.more,
            since: wire.since,
            resolved_at: wire.resolved_at,
            samples: wire.samples,
            links: wire.links,
            stack: wire.stack,
        }
    }
}
