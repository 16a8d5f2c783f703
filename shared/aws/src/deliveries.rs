//! What went out and in which thread, in the state table.
//!
//! | what | pk | sk |
//! |---|---|---|
//! | delivery | `TOLD#<message id>` | `<channel>` |
//! | thread | `THREAD#<alert id>` | `<place>` |

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use catchment_alert::DeliveryStore;

use crate::dynamo_item::{number, text};
use crate::error::{AwsError, classify};

/// SNS and Lambda try a message for hours at most.
const DELIVERY_TTL_MS: i64 = 24 * 3_600_000;
/// An alert that is on for longer goes on in a new thread.
const THREAD_TTL_MS: i64 = 30 * 24 * 3_600_000;

/// A [`DeliveryStore`] over the state table.
#[derive(Debug, Clone)]
pub struct DynamoDeliveries {
    client: Client,
    table: String,
}

impl DynamoDeliveries {
    /// The deliveries in `table`.
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        let table = table.into();
        Self { client, table }
    }

    async fn get(&self, pk: String, sk: &str) -> Result<Option<HashMap<String, AttributeValue>>, AwsError> {
        let get = self.client.get_item().table_name(&self.table).consistent_read(true);
        let get = get.key("pk", text(pk)).key("sk", text(sk)).send().await;
        let action = || format!("read a delivery from {}", self.table);
        Ok(get.map_err(|err| classify(action(), err))?.item)
    }

    async fn put(&self, pk: String, sk: &str, thread: Option<&str>, expires_ms: i64) -> Result<(), AwsError> {
        let put = self.client.put_item().table_name(&self.table);
        let put = put.item("pk", text(pk)).item("sk", text(sk)).item("expires_at", number(expires_ms / 1000));
        let put = match thread {
            Some(thread) => put.item("thread", text(thread)),
            None => put,
        };
        let action = || format!("note a delivery in {}", self.table);
        put.send().await.map(|_| ()).map_err(|err| classify(action(), err))
    }
}

impl DeliveryStore for DynamoDeliveries {
    type Error = AwsError;

    async fn is_delivered(&self, message_id: &str, channel: &str) -> Result<bool, AwsError> {
        Ok(self.get(format!("TOLD#{message_id}"), channel).await?.is_some())
    }

    async fn note_delivered(&self, message_id: &str, channel: &str, now_ms: i64) -> Result<(), AwsError> {
        self.put(format!("TOLD#{message_id}"), channel, None, now_ms + DELIVERY_TTL_MS).await
    }

    async fn thread(&self, alert_id: &str, place: &str) -> Result<Option<String>, AwsError> {
        let item = self.get(format!("THREAD#{alert_id}"), place).await?;
        Ok(item.and_then(|item| item.get("thread")?.as_s().ok().cloned()))
    }

    async fn keep_thread(
        &self,
        alert_id: &str,
        place: &str,
        thread: &str,
        now_ms: i64,
    ) -> Result<(), AwsError> {
        self.put(format!("THREAD#{alert_id}"), place, Some(thread), now_ms + THREAD_TTL_MS).await
    }
}
