//! States of rules, their outbox and their history, and the cursors of groups, in
//! the state table.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | the state of a rule | `ALERT` | the rule's id |
//! | a message that is owed | `OUTBOX` | its key |
//! | history of an evaluation | `HISTORY#<day>` | `<time, 13 digits>#<rule>#<version>` |
//! | how far a group is | `CURSOR` | the group's name |
//!
//! A state, what it owes and its history are one transaction.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, Put, TransactWriteItem};
use catchment_alert::{AlertStore, HistoryEntry, Owed, RuleId, RuleState, Written};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::alert_store::query_all;
use crate::dynamo_item::{Item, number, text, written, wrong};
use crate::error::{AwsError, classify};

/// A state that no evaluation touched for so long belongs to a rule that is gone.
const STATE_TTL_MS: i64 = 30 * 24 * 3_600_000;

/// The stores of the state machine over the state table.
#[derive(Debug, Clone)]
pub struct DynamoAlerts {
    pub(crate) client: Client,
    pub(crate) table: String,
}

type Attributes = HashMap<String, AttributeValue>;

impl DynamoAlerts {
    /// The states in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    pub(crate) async fn partition(&self, pk: String) -> Result<Vec<Item>, AwsError> {
        let query = self.client.query().key_condition_expression("pk = :pk");
        query_all(query.expression_attribute_values(":pk", text(pk)), &self.table).await
    }

    async fn item(&self, pk: &str, sk: &str) -> Result<Option<Item>, AwsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let answer = get.key("pk", text(pk)).key("sk", text(sk)).send().await;
        let answer = answer.map_err(|err| classify(format!("read {pk} {sk} of {}", self.table), err))?;
        Ok(answer.item.map(Item))
    }

    fn put(&self, item: Attributes) -> Result<TransactWriteItem, AwsError> {
        let put = Put::builder().table_name(&self.table).set_item(Some(item)).build();
        let put = put.map_err(|err| AwsError::unexpected("build an item", err.to_string()))?;
        Ok(TransactWriteItem::builder().put(put).build())
    }
}

/// The condition under which a state is written, and the version it replaces.
fn condition(state: &RuleState) -> (&'static str, Option<AttributeValue>) {
    match state.version {
        1 => ("attribute_not_exists(pk)", None),
        version => ("version = :before", Some(number(version - 1))),
    }
}

impl AlertStore for DynamoAlerts {
    type Error = AwsError;

    async fn states(&self) -> Result<Vec<RuleState>, AwsError> {
        self.partition("ALERT".to_owned()).await?.iter().map(|item| json_of(item, "state")).collect()
    }

    async fn state(&self, rule: &RuleId) -> Result<Option<RuleState>, AwsError> {
        self.item("ALERT", rule.as_str()).await?.map(|item| json_of(&item, "state")).transpose()
    }

    async fn save(
        &self,
        state: &RuleState,
        owed: &[Owed],
        entry: Option<&HistoryEntry>,
    ) -> Result<Written, AwsError> {
        let action = || format!("write an alert state to {}", self.table);
        let (condition, before) = condition(state);
        if owed.is_empty() && entry.is_none() {
            let put = self.client.put_item().table_name(&self.table).set_item(Some(state_item(state)?));
            let put = put.condition_expression(condition);
            let put = put.set_expression_attribute_values(
                before.map(|before| HashMap::from([(":before".to_owned(), before)])),
            );
            let is_refused = |err: &PutItemError| {
                err.is_conditional_check_failed_exception() || err.is_transaction_conflict_exception()
            };
            return written(put.send().await, is_refused, action);
        }
        let put = Put::builder().table_name(&self.table).set_item(Some(state_item(state)?));
        let put = put.condition_expression(condition).set_expression_attribute_values(
            before.map(|before| HashMap::from([(":before".to_owned(), before)])),
        );
        let put = put.build().map_err(|err| AwsError::unexpected("build an item", err.to_string()))?;
        let mut writes = vec![TransactWriteItem::builder().put(put).build()];
        for owed in owed {
            writes.push(self.put(owed_item(owed)?)?);
        }
        if let Some(entry) = entry {
            writes.push(self.put(history_item(entry)?)?);
        }
        let sent = self.client.transact_write_items().set_transact_items(Some(writes)).send().await;
        written(sent, is_refused, action)
    }

    async fn owed(&self) -> Result<Vec<Owed>, AwsError> {
        let items = self.partition("OUTBOX".to_owned()).await?;
        items
            .iter()
            .map(|item| {
                let owed: Owed = json_of(item, "owed")?;
                Ok(Owed { leased_until_ms: item.required("leased_until_ms")?, ..owed })
            })
            .collect()
    }

    async fn lease(&self, owed: &Owed, until_ms: i64) -> Result<Written, AwsError> {
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text("OUTBOX"))
            .key("sk", text(&owed.key))
            .update_expression("SET leased_until_ms = :until")
            .condition_expression("leased_until_ms = :before")
            .expression_attribute_values(":until", number(until_ms))
            .expression_attribute_values(":before", number(owed.leased_until_ms));
        written(update.send().await, UpdateItemError::is_conditional_check_failed_exception, || {
            format!("lease a message of {}", self.table)
        })
    }

    async fn settled(&self, owed: &Owed) -> Result<(), AwsError> {
        let delete = self.client.delete_item().table_name(&self.table);
        let deleted = delete.key("pk", text("OUTBOX")).key("sk", text(&owed.key)).send().await;
        deleted.map(|_| ()).map_err(|err| classify(format!("settle a message of {}", self.table), err))
    }

    async fn history(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HistoryEntry>, AwsError> {
        let mut entries = Vec::new();
        for day in HistoryEntry::days(from_ms, to_ms) {
            for item in self.partition(format!("HISTORY#{day}")).await? {
                entries.push(json_of(&item, "entry")?);
            }
        }
        Ok(entries)
    }

    async fn cursors(&self) -> Result<Vec<(String, i64)>, AwsError> {
        let items = self.partition("CURSOR".to_owned()).await?;
        items.iter().map(|item| Ok((item.text("sk")?.to_owned(), item.required("evaluated_ms")?))).collect()
    }

    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, AwsError> {
        let put = self
            .client
            .put_item()
            .table_name(&self.table)
            .item("pk", text("CURSOR"))
            .item("sk", text(group))
            .item("evaluated_ms", number(to_ms))
            .item("expires_at", number((to_ms + STATE_TTL_MS) / 1000))
            .condition_expression("attribute_not_exists(pk) OR evaluated_ms < :to")
            .expression_attribute_values(":to", number(to_ms));
        written(put.send().await, PutItemError::is_conditional_check_failed_exception, || {
            format!("move a cursor of {}", self.table)
        })
    }
}

/// Whether a transaction was refused by its condition, or met another.
fn is_refused(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(canceled) = error else {
        return false;
    };
    let refusals = [Some("ConditionalCheckFailed"), Some("TransactionConflict")];
    canceled.cancellation_reasons().iter().any(|reason| refusals.contains(&reason.code()))
}

/// An item with these keys, a JSON form of `value` in the attribute `name`.
pub(crate) fn json_item(
    pk: String,
    sk: String,
    name: &str,
    value: &impl Serialize,
) -> Result<Attributes, AwsError> {
    let json =
        serde_json::to_string(value).map_err(|err| AwsError::unexpected("write JSON", err.to_string()))?;
    Ok(HashMap::from([
        ("pk".to_owned(), text(pk)),
        ("sk".to_owned(), text(sk)),
        (name.to_owned(), text(json)),
    ]))
}

pub(crate) fn json_of<T: DeserializeOwned>(item: &Item, name: &str) -> Result<T, AwsError> {
    serde_json::from_str(item.text(name)?).map_err(|err| wrong(name, &format!("cannot be read: {err}")))
}

fn state_item(state: &RuleState) -> Result<Attributes, AwsError> {
    let mut item = json_item("ALERT".to_owned(), state.rule.to_string(), "state", state)?;
    item.insert("version".to_owned(), number(state.version));
    item.insert("expires_at".to_owned(), number((state.touched_ms() + STATE_TTL_MS) / 1000));
    Ok(item)
}

fn owed_item(owed: &Owed) -> Result<Attributes, AwsError> {
    let mut item = json_item("OUTBOX".to_owned(), owed.key.clone(), "owed", owed)?;
    item.insert("leased_until_ms".to_owned(), number(owed.leased_until_ms));
    Ok(item)
}

fn history_item(entry: &HistoryEntry) -> Result<Attributes, AwsError> {
    let sk = format!("{:013}#{}#{:013}", entry.at_ms, entry.rule, entry.version);
    let mut item = json_item(format!("HISTORY#{}", entry.day()), sk, "entry", entry)?;
    item.insert("expires_at".to_owned(), number(entry.expires_at_s()));
    Ok(item)
}
