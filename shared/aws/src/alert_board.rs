//! Silences and notices of peeks in the state table.
//!
//! | item | `pk` | `sk` |
//! |---|---|---|
//! | a silence | `SILENCE` | its id |
//! | a notice | `PEEK` | its moment, 13 digits |

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use catchment_alert::{PeekBoard, RuleId, SILENCE_KEPT_MS, Silence, SilenceStore};

use crate::alert_states::{DynamoAlerts, json_item, json_of};
use crate::dynamo_item::{number, text, wrong};
use crate::error::{AwsError, classify};

/// A notice that nobody took down is forgotten after this time.
const NOTICE_TTL_MS: i64 = 3_600_000;

impl SilenceStore for DynamoAlerts {
    type Error = AwsError;

    async fn silences(&self) -> Result<Vec<Silence>, AwsError> {
        self.partition("SILENCE".to_owned()).await?.iter().map(|item| json_of(item, "silence")).collect()
    }

    async fn put_silence(&self, silence: &Silence) -> Result<(), AwsError> {
        let mut item = json_item("SILENCE".to_owned(), silence.id.clone(), "silence", silence)?;
        item.insert("expires_at".to_owned(), number((silence.ends_ms + SILENCE_KEPT_MS) / 1000));
        let put = self.client.put_item().table_name(&self.table).set_item(Some(item)).send().await;
        put.map(|_| ()).map_err(|err| classify(format!("write a silence to {}", self.table), err))
    }
}

impl PeekBoard for DynamoAlerts {
    type Error = AwsError;

    async fn announce(&self, until_ms: i64, rules: &BTreeSet<RuleId>) -> Result<bool, AwsError> {
        let rules = rules.iter().map(|rule| rule.as_str().to_owned()).collect();
        let update = self
            .client
            .update_item()
            .table_name(&self.table)
            .key("pk", text("PEEK"))
            .key("sk", text(format!("{until_ms:013}")))
            .update_expression("ADD #rules :rules SET expires_at = :expires")
            // A reserved word.
            .expression_attribute_names("#rules", "rules")
            .expression_attribute_values(":rules", AttributeValue::Ss(rules))
            .expression_attribute_values(":expires", number((until_ms + NOTICE_TTL_MS) / 1000))
            .return_values(ReturnValue::AllOld);
        let answer = update.send().await;
        let answer = answer.map_err(|err| classify(format!("announce a peek in {}", self.table), err))?;
        Ok(answer.attributes.is_none_or(|old| old.is_empty()))
    }

    async fn take(&self, until_ms: i64) -> Result<BTreeSet<RuleId>, AwsError> {
        let delete = self
            .client
            .delete_item()
            .table_name(&self.table)
            .key("pk", text("PEEK"))
            .key("sk", text(format!("{until_ms:013}")))
            .return_values(ReturnValue::AllOld);
        let answer = delete.send().await;
        let answer = answer.map_err(|err| classify(format!("read a peek of {}", self.table), err))?;
        let Some(rules) = answer.attributes.and_then(|mut old| old.remove("rules")) else {
            return Ok(BTreeSet::new());
        };
        let rules = rules.as_ss().map_err(|_| wrong("rules", "is not a set of strings"))?;
        Ok(rules.iter().map(RuleId::from_text).collect())
    }
}
