//! Alert states and evaluation cursors in the state table.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::types::AttributeValue;
use catchment_alert::{AlertState, AlertStore, Phase, RuleId, Written, series_hash};

use crate::alert_store::query_all;
use crate::dynamo_item::{Item, number, series_json, text, written, wrong};
use crate::error::{AwsError, classify};

/// A state that no evaluation touched for so long belongs to a rule that is gone.
const STATE_TTL_MS: i64 = 30 * 24 * 3_600_000;

/// An [`AlertStore`] over the state table.
#[derive(Debug, Clone)]
pub struct DynamoAlerts {
    client: Client,
    table: String,
}

impl DynamoAlerts {
    /// The states in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }
}

impl AlertStore for DynamoAlerts {
    type Error = AwsError;

    async fn states(&self, rule: &RuleId) -> Result<Vec<AlertState>, AwsError> {
        let query = self.client.query().key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", text(format!("ALERT#{rule}")));
        let items = query_all(query, &self.table).await?;
        let mut states = items.iter().map(|item| state(rule, item)).collect::<Result<Vec<_>, _>>()?;
        states.sort_by(|a, b| a.series.cmp(&b.series));
        Ok(states)
    }

    async fn save(&self, state: &AlertState) -> Result<Written, AwsError> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(state_item(state)));
        let put = if state.version == 1 {
            put.condition_expression("attribute_not_exists(pk)")
        } else {
            put.condition_expression("version = :before")
                .expression_attribute_values(":before", number(state.version - 1))
        };
        written(put.send().await, PutItemError::is_conditional_check_failed_exception, || {
            format!("write an alert state to {}", self.table)
        })
    }

    async fn delete(&self, state: &AlertState) -> Result<Written, AwsError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text(format!("ALERT#{}", state.rule)))
            .key("sk", text(series_hash(&state.series)))
            .condition_expression("version = :before")
            .expression_attribute_values(":before", number(state.version));
        written(delete.send().await, DeleteItemError::is_conditional_check_failed_exception, || {
            format!("delete an alert state of {}", self.table)
        })
    }

    async fn cursor(&self, group: &str) -> Result<Option<i64>, AwsError> {
        let get = self
            .client
            .get_item()
            .table_name(&self.table)
            .key("pk", text(format!("CURSOR#{group}")))
            .key("sk", text("cursor"))
            .consistent_read(true);
        let answer = get.send().await;
        let answer = answer.map_err(|err| classify(format!("read a cursor of {}", self.table), err))?;
        answer.item.map(|item| Item(item).required("evaluated_ms")).transpose()
    }

    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, AwsError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text(format!("CURSOR#{group}")))
            .item("sk", text("cursor"))
            .item("evaluated_ms", number(to_ms))
            .item("expires_at", number((to_ms + STATE_TTL_MS) / 1000))
            .condition_expression("attribute_not_exists(pk) OR evaluated_ms < :to")
            .expression_attribute_values(":to", number(to_ms));
        written(put.send().await, PutItemError::is_conditional_check_failed_exception, || {
            format!("move a cursor of {}", self.table)
        })
    }
}

fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "pending",
        Phase::Firing => "firing",
        Phase::Resolved => "resolved",
    }
}

fn state_item(state: &AlertState) -> HashMap<String, AttributeValue> {
    let mut item = HashMap::from([
        ("pk".to_owned(), text(format!("ALERT#{}", state.rule))),
        ("sk".to_owned(), text(series_hash(&state.series))),
        ("series".to_owned(), text(series_json(&state.series))),
        ("phase".to_owned(), text(phase_word(state.phase))),
        ("active_at_ms".to_owned(), number(state.active_at_ms)),
        ("evaluated_ms".to_owned(), number(state.evaluated_ms)),
        ("value".to_owned(), number(state.value)),
        ("version".to_owned(), number(state.version)),
        ("expires_at".to_owned(), number((state.evaluated_ms + STATE_TTL_MS) / 1000)),
    ]);
    let times = [("fired_at_ms", state.fired_at_ms), ("quiet_since_ms", state.quiet_since_ms)];
    for (name, time) in times {
        item.extend(time.map(|time| (name.to_owned(), number(time))));
    }
    let outbox = state.outbox.as_ref().map(|message| serde_json::json!(message).to_string());
    item.extend(outbox.map(|json| ("outbox".to_owned(), text(json))));
    item
}

fn state(rule: &RuleId, item: &Item) -> Result<AlertState, AwsError> {
    let outbox = item.optional_text("outbox").map(serde_json::from_str).transpose();
    Ok(AlertState {
        rule: rule.clone(),
        series: item.series()?,
        phase: match item.text("phase")? {
            "pending" => Phase::Pending,
            "firing" => Phase::Firing,
            "resolved" => Phase::Resolved,
            _ => return Err(wrong("phase", "is not a phase")),
        },
        active_at_ms: item.required("active_at_ms")?,
        fired_at_ms: item.optional("fired_at_ms")?,
        quiet_since_ms: item.optional("quiet_since_ms")?,
        evaluated_ms: item.required("evaluated_ms")?,
        value: item.required("value")?,
        outbox: outbox.map_err(|_| wrong("outbox", "is not an alert message"))?,
        version: item.required("version")?,
    })
}
