//! Partials, alert states and cursors in DynamoDB, all in the state table.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | partial | `PARTIAL#<rule>#<shard>` | `<bucket end ms, 13 digits>#<series>#<batch>` |
//! | alert state | `ALERT#<rule>` | `<series>` |
//! | cursor | `CURSOR#<group>` | `cursor` |
//!
//! A batch keeps to one shard, which its id decides, so a replay overwrites.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use catchment_alert::{Partial, PartialStore, RuleId, Series, series_hash};

use crate::dynamo_item::{Item, number, text};
use crate::error::{AwsError, classify};

pub use crate::alert_states::DynamoAlerts;

/// Keys a rule's partials are spread over: a key takes 1,000 writes a second.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html>
const SHARDS: u8 = 4;
/// Items a `BatchWriteItem` takes.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchWriteItem.html>
const MAX_BATCH_ITEMS: usize = 25;
/// How often items that DynamoDB did not get to are sent again.
const MAX_RESENDS: u32 = 6;
/// The pause before the first of those; doubled each time.
const RESEND_PAUSE: Duration = Duration::from_millis(50);

/// A [`PartialStore`] over the state table.
#[derive(Debug, Clone)]
pub struct DynamoPartials {
    client: Client,
    table: String,
}

impl DynamoPartials {
    /// The partials in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    /// Writes at most [`MAX_BATCH_ITEMS`], and again what was not processed.
    async fn write(&self, requests: Vec<WriteRequest>) -> Result<(), AwsError> {
        let action = || format!("write partials to {}", self.table);
        let mut requests = requests;
        for resend in 0..=MAX_RESENDS {
            let sent = self.client.batch_write_item().request_items(&self.table, requests);
            let answer = sent.send().await.map_err(|err| classify(action(), err))?;
            let mut unprocessed = answer.unprocessed_items.unwrap_or_default();
            requests = unprocessed.remove(&self.table).unwrap_or_default();
            if requests.is_empty() {
                return Ok(());
            }
            if resend < MAX_RESENDS {
                tokio::time::sleep(RESEND_PAUSE * 2_u32.pow(resend)).await;
            }
        }
        let left = format!("{} items were not processed after {MAX_RESENDS} resends", requests.len());
        Err(AwsError::Transient { action: action(), source: left.into() })
    }

    async fn shard_window(
        &self,
        rule: &RuleId,
        shard: u8,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Vec<Item>, AwsError> {
        let query = self
            .client
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(format!("PARTIAL#{rule}#{shard}")))
            .expression_attribute_values(":from", text(format!("{:013}#", from_ms + 1)))
            // "$" is the character after "#": every series and batch of the last bucket.
            .expression_attribute_values(":to", text(format!("{to_ms:013}$")));
        query_all(query, &self.table).await
    }
}

impl PartialStore for DynamoPartials {
    type Error = AwsError;

    async fn record(&self, batch_id: &str, partials: &[Partial]) -> Result<(), AwsError> {
        for chunk in partials.chunks(MAX_BATCH_ITEMS) {
            let mut requests = Vec::with_capacity(chunk.len());
            for partial in chunk {
                let put = PutRequest::builder().set_item(Some(partial_item(batch_id, partial)));
                let put =
                    put.build().map_err(|err| AwsError::unexpected("build a partial", err.to_string()))?;
                requests.push(WriteRequest::builder().put_request(put).build());
            }
            self.write(requests).await?;
        }
        Ok(())
    }

    async fn window(&self, rule: &RuleId, from_ms: i64, to_ms: i64) -> Result<Vec<(Series, f64)>, AwsError> {
        let window = (from_ms, to_ms);
        let (a, b, c, d) = tokio::try_join!(
            self.shard_window(rule, 0, window),
            self.shard_window(rule, 1, window),
            self.shard_window(rule, 2, window),
            self.shard_window(rule, 3, window),
        )?;
        let mut sums: BTreeMap<Series, f64> = BTreeMap::new();
        for item in [a, b, c, d].into_iter().flatten() {
            *sums.entry(item.series()?).or_default() += item.required::<f64>("value")?;
        }
        Ok(sums.into_iter().collect())
    }
}

fn partial_item(batch_id: &str, partial: &Partial) -> HashMap<String, AttributeValue> {
    let sum = batch_id.bytes().fold(0_u8, u8::wrapping_add);
    let sk = format!("{:013}#{}#{batch_id}", partial.bucket_end_ms, series_hash(&partial.series));
    HashMap::from([
        ("pk".to_owned(), text(format!("PARTIAL#{}#{}", partial.rule, sum % SHARDS))),
        ("sk".to_owned(), text(sk)),
        ("series".to_owned(), text(crate::dynamo_item::series_json(&partial.series))),
        ("value".to_owned(), number(partial.value)),
        ("expires_at".to_owned(), number(partial.expires_at_s)),
    ])
}

/// Every page of a query of the state table, read consistently.
pub(crate) async fn query_all(query: QueryFluentBuilder, table: &str) -> Result<Vec<Item>, AwsError> {
    let action = || format!("query {table}");
    let mut pages = query.table_name(table).consistent_read(true).into_paginator().items().send();
    let mut items = Vec::new();
    while let Some(item) = pages.next().await {
        items.push(Item(item.map_err(|err| classify(action(), err))?));
    }
    Ok(items)
}
