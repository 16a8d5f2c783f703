//! Partials, alert states and cursors in DynamoDB, all in the state table.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | partial | `PARTIAL#<leaf>#<shard>` | `<bucket end ms, 13 digits>#<batch>`, and `#<part>` from the second part |
//! | alert state | `ALERT#<rule>` | `<series>` |
//! | cursor | `CURSOR#<group>` | `cursor` |
//!
//! A batch keeps to one shard, which its id decides, so a replay overwrites. All
//! series of a leaf, bucket and batch are one item, in as many parts as it needs.

use std::collections::HashMap;
use std::time::Duration;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, PutRequest, WriteRequest};
use catchment_alert::{
    Accumulator, Labels, LeafId, LineErrors, Partial, PartialStore, StoredWindow, WindowBuilder,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::dynamo_item::{Item, number, text, wrong};
use crate::error::{AwsError, classify};

pub use crate::alert_states::DynamoAlerts;

/// The most bytes of series in an item, which may be 400 KB long.
/// <https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Constraints.html>
const MAX_SERIES_BYTES_OF_ITEM: usize = 300 * 1024;
/// Keys a leaf's partials are spread over: a key takes 1,000 writes a second.
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
        leaf: &LeafId,
        shard: u8,
        (from_ms, to_ms): (i64, i64),
    ) -> Result<Vec<Item>, AwsError> {
        let query = self
            .client
            .query()
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", text(format!("PARTIAL#{leaf}#{shard}")))
            .expression_attribute_values(":from", text(format!("{:013}#", from_ms + 1)))
            // "$" is the character after "#": every batch of the last bucket.
            .expression_attribute_values(":to", text(format!("{to_ms:013}$")));
        query_all(query, &self.table).await
    }
}

impl PartialStore for DynamoPartials {
    type Error = AwsError;

    async fn record(&self, batch_id: &str, partials: &[Partial]) -> Result<(), AwsError> {
        let mut requests = Vec::new();
        for item in partials.iter().map(|partial| partial_items(batch_id, partial)) {
            for item in item? {
                let put = PutRequest::builder().set_item(Some(item)).build();
                let put = put.map_err(|err| AwsError::unexpected("build a partial", err.to_string()))?;
                requests.push(WriteRequest::builder().put_request(put).build());
                if requests.len() == MAX_BATCH_ITEMS {
                    self.write(std::mem::take(&mut requests)).await?;
                }
            }
        }
        if requests.is_empty() { Ok(()) } else { self.write(requests).await }
    }

    async fn window(&self, leaf: &LeafId, from_ms: i64, to_ms: i64) -> Result<StoredWindow, AwsError> {
        let window = (from_ms, to_ms);
        let (a, b, c, d) = tokio::try_join!(
            self.shard_window(leaf, 0, window),
            self.shard_window(leaf, 1, window),
            self.shard_window(leaf, 2, window),
            self.shard_window(leaf, 3, window),
        )?;
        let mut window = WindowBuilder::default();
        for item in [a, b, c, d].into_iter().flatten() {
            window.add(partial(leaf, &item)?);
        }
        Ok(window.finish())
    }
}

/// The items of a partial: its series in parts of at most
/// [`MAX_SERIES_BYTES_OF_ITEM`], everything else in the first.
fn partial_items(
    batch_id: &str,
    partial: &Partial,
) -> Result<Vec<HashMap<String, AttributeValue>>, AwsError> {
    let cannot = |err: serde_json::Error| AwsError::unexpected("write a partial", err.to_string());
    let sum = batch_id.bytes().fold(0_u8, u8::wrapping_add);
    let mut items = Vec::new();
    for series in parts(&partial.series).map_err(cannot)? {
        let part = if items.is_empty() { String::new() } else { format!("#{:03}", items.len()) };
        let mut item = HashMap::from([
            ("pk".to_owned(), text(format!("PARTIAL#{}#{}", partial.leaf, sum % SHARDS))),
            ("sk".to_owned(), text(format!("{:013}#{batch_id}{part}", partial.bucket_end_ms))),
            ("series".to_owned(), text(series)),
            ("expires_at".to_owned(), number(partial.expires_at_s)),
        ]);
        if items.is_empty() {
            if let Some(LineErrors { lines, error, series }) = &partial.errors {
                item.insert("error_lines".to_owned(), number(lines));
                item.insert("error".to_owned(), text(error));
                item.insert("error_series".to_owned(), text(json(series).map_err(cannot)?));
            }
            if partial.cut_series > 0 {
                item.insert("cut_series".to_owned(), number(partial.cut_series));
            }
            if !partial.samples.is_empty() {
                item.insert("samples".to_owned(), text(json(&partial.samples).map_err(cannot)?));
            }
        }
        items.push(item);
    }
    Ok(items)
}

fn json(value: &impl Serialize) -> serde_json::Result<String> {
    serde_json::to_string(value)
}

/// The series as JSON arrays of `[labels, accumulator]`; one at least, which may be empty.
fn parts(series: &[(Labels, Accumulator)]) -> serde_json::Result<Vec<String>> {
    let mut parts = Vec::new();
    let mut part = String::new();
    for series in series {
        let text = json(series)?;
        if !part.is_empty() && part.len() + text.len() > MAX_SERIES_BYTES_OF_ITEM {
            parts.push(format!("[{}]", std::mem::take(&mut part)));
        }
        let separator = if part.is_empty() { "" } else { "," };
        part.push_str(separator);
        part.push_str(&text);
    }
    parts.push(format!("[{part}]"));
    Ok(parts)
}

/// The partial, or the part of one, that an item is.
fn partial(leaf: &LeafId, item: &Item) -> Result<Partial, AwsError> {
    let bucket_end_ms = item.text("sk")?.split('#').next().and_then(|end| end.parse().ok());
    let errors = match item.optional("error_lines")? {
        None => None,
        Some(lines) => {
            let series = from_json(item, "error_series")?.unwrap_or_default();
            Some(LineErrors { lines, error: item.text("error")?.to_owned(), series })
        }
    };
    Ok(Partial {
        leaf: leaf.clone(),
        bucket_end_ms: bucket_end_ms.ok_or_else(|| wrong("sk", "does not begin with a time"))?,
        series: from_json(item, "series")?.ok_or_else(|| wrong("series", "is not there"))?,
        errors,
        cut_series: item.optional("cut_series")?.unwrap_or_default(),
        samples: from_json(item, "samples")?.unwrap_or_default(),
        expires_at_s: item.required("expires_at")?,
    })
}

fn from_json<T: DeserializeOwned>(item: &Item, name: &str) -> Result<Option<T>, AwsError> {
    let read = item.optional_text(name).map(serde_json::from_str).transpose();
    read.map_err(|err| wrong(name, &format!("is not what was written: {err}")))
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
