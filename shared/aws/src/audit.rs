//! The audit trail in DynamoDB: one conditional write an entry.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use catchment_audit::{AuditEntry, AuditStore, Written};
use serde_json::Value;
use tokio::task::JoinSet;

use crate::error::{AwsError, classify};

/// Writes under way at once; the table's partitions take far more.
const CONCURRENT_WRITES: usize = 16;
const MILLIS_PER_DAY: i64 = 86_400_000;

/// An [`AuditStore`] over one table.
#[derive(Debug, Clone)]
pub struct DynamoAudit {
    client: Client,
    table: String,
    retention_days: u32,
}

impl DynamoAudit {
    /// The trail in `table`, whose entries expire `retention_days` after they happened.
    pub fn new(client: Client, table: impl Into<String>, retention_days: u32) -> Self {
        Self { client, table: table.into(), retention_days }
    }

    async fn put(self, item: HashMap<String, AttributeValue>) -> Result<Written, AwsError> {
        let sent = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Written { created: 1, already_there: 0 }),
            Err(err) if err.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(Written { created: 0, already_there: 1 })
            }
            Err(err) => Err(classify(format!("write an audit entry to {}", self.table), err)),
        }
    }

    fn item(&self, entry: &AuditEntry) -> HashMap<String, AttributeValue> {
        let keys = entry.keys();
        let expires_at =
            (entry.timestamp_millis + i64::from(self.retention_days) * MILLIS_PER_DAY).div_euclid(1000);
        let text = |value: &str| Some(AttributeValue::S(value.to_owned()));
        let optional = |value: &Option<String>| value.clone().map(AttributeValue::S);
        let json = |value: &Option<Value>| value.as_ref().map(attribute);
        [
            ("pk", text(&keys.pk)),
            ("sk", text(&keys.sk)),
            ("actor_pk", text(&keys.actor_pk)),
            ("day_pk", text(&keys.day_pk)),
            ("expires_at", Some(AttributeValue::N(expires_at.to_string()))),
            ("id", text(&entry.id)),
            ("timestamp", text(&entry.timestamp())),
            ("actor", Some(attribute(&Value::Object(entry.actor.clone())))),
            ("action", text(&entry.action)),
            ("entity_type", text(&entry.entity_type)),
            ("entity_id", text(&entry.entity_id)),
            ("old_values", json(&entry.old_values)),
            ("new_values", json(&entry.new_values)),
            ("metadata", json(&entry.metadata)),
            ("truncated", entry.truncated.then_some(AttributeValue::Bool(true))),
            ("ip_address", optional(&entry.ip_address)),
            ("user_agent", optional(&entry.user_agent)),
            ("trace_id", optional(&entry.trace_id)),
            ("service", text(&entry.service)),
            ("created_at", text(&entry.created_at())),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect()
    }
}

impl AuditStore for DynamoAudit {
    type Error = AwsError;

    async fn put_once(&self, entries: &[AuditEntry]) -> Result<Written, AwsError> {
        let mut written = Written::default();
        for chunk in entries.chunks(CONCURRENT_WRITES) {
            let mut writes: JoinSet<_> =
                chunk.iter().map(|entry| self.clone().put(self.item(entry))).collect();
            while let Some(outcome) = writes.join_next().await {
                let one = outcome
                    .map_err(|err| AwsError::unexpected("write an audit entry", err.to_string()))??;
                written.created += one.created;
                written.already_there += one.already_there;
            }
        }
        Ok(written)
    }
}

/// JSON as DynamoDB has it. Numbers beyond its 38 digits stay text.
fn attribute(value: &Value) -> AttributeValue {
    match value {
        Value::Null => AttributeValue::Null(true),
        Value::Bool(value) => AttributeValue::Bool(*value),
        Value::Number(number) => {
            let digits = number.to_string();
            match number.as_f64() {
                Some(n) if n == 0.0 || (1e-130..1e126).contains(&n.abs()) => AttributeValue::N(digits),
                _ => AttributeValue::S(digits),
            }
        }
        Value::String(text) => AttributeValue::S(text.clone()),
        Value::Array(items) => AttributeValue::L(items.iter().map(attribute).collect()),
        Value::Object(fields) => {
            AttributeValue::M(fields.iter().map(|(name, value)| (name.clone(), attribute(value))).collect())
        }
    }
}
