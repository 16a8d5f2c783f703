//! The queue of payloads that ingest failed on: received, held invisible while they
//! are worked on, deleted when they are in the archive.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_sqs::Client;
use aws_sdk_sqs::types::{ChangeMessageVisibilityBatchRequestEntry, QueueAttributeName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::Replay;
use super::tally::{From, Outcome};
use crate::failure::{Failure, of_sdk};
use crate::ingest::{CALL_TIMEOUT, PARALLEL, Taken, function_error, reason};

/// How long a received message is nobody else's: longer than a payload is tried, so
/// that no other run gets it meanwhile. After a crash it comes again when this is over.
const VISIBILITY: Duration = Duration::from_secs(900);
const _: () = assert!(VISIBILITY.as_secs() > CALL_TIMEOUT.as_secs() + 60);
/// How long an empty answer is waited for: SQS asks all its servers then, not some.
/// <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-short-and-long-polling.html>
const WAIT_SECONDS: i32 = 2;
/// Messages of one batch call.
const BATCH: usize = 10;

/// The queue, and the messages of it that this run holds.
pub struct FailedPayloads {
    client: Client,
    url: String,
    /// Message id to receipt handle: those not deleted.
    held: BTreeMap<String, String>,
}

struct Message {
    id: String,
    receipt: String,
    body: String,
}

impl FailedPayloads {
    /// The queue at `url`.
    pub fn new(config: &SdkConfig, url: &str) -> Self {
        Self { client: Client::new(config), url: url.to_owned(), held: BTreeMap::new() }
    }

    /// Replays until the queue gives no more.
    pub async fn drain(&mut self, replay: &mut Replay) -> Result<(), Failure> {
        self.look(replay).await?;
        loop {
            let batch = if replay.ingest.is_some() { PARALLEL } else { BATCH };
            let room = replay.room(batch);
            if room == 0 {
                return Ok(());
            }
            let (received, messages) = self.receive(room).await?;
            if received == 0 {
                return Ok(());
            }
            self.replay(messages, replay).await?;
        }
    }

    /// Sets the length of the progress bar, and tells of messages that another run holds.
    async fn look(&self, replay: &mut Replay) -> Result<(), Failure> {
        let visible = QueueAttributeName::ApproximateNumberOfMessages;
        let held = QueueAttributeName::ApproximateNumberOfMessagesNotVisible;
        let call = self.client.get_queue_attributes().queue_url(&self.url);
        let call = call.attribute_names(visible.clone()).attribute_names(held.clone());
        let answer =
            call.send().await.map_err(|err| of_sdk("look into the queue of failed payloads", err))?;
        let attributes = answer.attributes.unwrap_or_default();
        let number = |name| attributes.get(name).and_then(|n| n.parse().ok()).unwrap_or(0_u64);
        replay.bar.inc_length(number(&visible));
        for _ in 0..number(&held).min(replay.left) {
            let minutes = VISIBILITY.as_secs() / 60;
            let reason = format!(
                "another run holds it, or one that was killed: seen again in {minutes} minutes at most"
            );
            replay.tally.add(From::Queue, Outcome::Kept(reason));
        }
        Ok(())
    }

    /// Up to `room` messages, and how many of them this run sees for the first time.
    async fn receive(&mut self, room: usize) -> Result<(usize, Vec<Message>), Failure> {
        let call = self.client.receive_message().queue_url(&self.url).wait_time_seconds(WAIT_SECONDS);
        let call = call.max_number_of_messages(i32::try_from(room).unwrap_or(1));
        let call = call.visibility_timeout(i32::try_from(VISIBILITY.as_secs()).unwrap_or(i32::MAX));
        let answer = call.send().await.map_err(|err| of_sdk("receive failed payloads", err))?;
        let received = answer.messages.unwrap_or_default();
        let number = received.len();
        let mut new = Vec::new();
        for message in received {
            let (Some(id), Some(receipt)) = (message.message_id, message.receipt_handle) else {
                continue;
            };
            let body = message.body.unwrap_or_default();
            // One that is known was kept so long that it came again: now it is held anew.
            if self.held.insert(id.clone(), receipt.clone()).is_none() {
                new.push(Message { id, receipt, body });
            }
        }
        Ok((number, new))
    }

    async fn replay(&mut self, messages: Vec<Message>, replay: &mut Replay) -> Result<(), Failure> {
        let mut events = Vec::new();
        for message in messages {
            match read(&message.body) {
                Ok(record) if replay.ingest.is_none() => {
                    replay.count(From::Queue, Outcome::Waits(record.cause));
                }
                Ok(record) => events.push((message, record.event)),
                Err(why) => replay.count(From::Queue, Outcome::Kept(why)),
            }
        }
        for (message, taken) in replay.send(events).await? {
            let outcome = match taken {
                Taken::Failed(reason) => Outcome::Failed(reason),
                Taken::In(counts) => self
                    .delete(&message)
                    .await
                    .map_or_else(Outcome::Kept, |()| Outcome::TakenIn(counts.received)),
                // Set aside whole: quarantine has it now.
                Taken::Aside(reason) => {
                    self.delete(&message).await.map_or_else(Outcome::Kept, |()| Outcome::SetAside(reason))
                }
            };
            replay.count(From::Queue, outcome);
        }
        Ok(())
    }

    /// Deletes a message; the reason why it stays.
    async fn delete(&mut self, message: &Message) -> Result<(), String> {
        let call = self.client.delete_message().queue_url(&self.url).receipt_handle(&message.receipt);
        match call.send().await {
            Ok(_) => {
                self.held.remove(&message.id);
                Ok(())
            }
            Err(err) => Err(format!("taken in, but {}", of_sdk("delete the message", err))),
        }
    }

    /// Lets go of every message that is still held.
    pub async fn release(&mut self) {
        let held: Vec<_> = std::mem::take(&mut self.held).into_values().collect();
        for receipts in held.chunks(BATCH) {
            let entries = receipts.iter().enumerate().filter_map(|(i, receipt)| {
                let entry = ChangeMessageVisibilityBatchRequestEntry::builder().id(i.to_string());
                entry.receipt_handle(receipt).visibility_timeout(0).build().ok()
            });
            let call = self.client.change_message_visibility_batch().queue_url(&self.url);
            // Where it fails they come again by themselves, a little later.
            call.set_entries(Some(entries.collect())).send().await.ok();
        }
    }
}

/// A message: the event to hand to ingest, and why it is here.
#[derive(Debug, PartialEq, Eq)]
struct Record {
    event: Vec<u8>,
    cause: String,
}

/// Reads Lambda's record of an asynchronous invocation that failed.
/// <https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html>
fn read(body: &str) -> Result<Record, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Invocation<'a> {
        #[serde(borrow)]
        request_payload: Option<&'a RawValue>,
        #[serde(borrow)]
        response_payload: Option<&'a RawValue>,
        request_context: Option<Context>,
        /// Of an event that somebody put back by hand.
        #[serde(borrow)]
        awslogs: Option<&'a RawValue>,
    }
    #[derive(Deserialize)]
    struct Context {
        condition: Option<String>,
    }
    let invocation: Invocation<'_> =
        serde_json::from_str(body).map_err(|_| "it is not JSON: nothing that Lambda wrote".to_owned())?;
    if invocation.awslogs.is_some() {
        return Ok(Record { event: body.as_bytes().to_vec(), cause: "put there by hand".to_owned() });
    }
    let Some(event) = invocation.request_payload else {
        return Err("it has no requestPayload: no record of a failed invocation".to_owned());
    };
    let condition = invocation.request_context.and_then(|it| it.condition).unwrap_or_default();
    let cause = match invocation.response_payload {
        Some(response) if condition != "EventAgeExceeded" => function_error(response.get().as_bytes()),
        _ => condition,
    };
    Ok(Record { event: event.get().as_bytes().to_vec(), cause: reason(&cause) })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As the developer guide shows it, with the payload of a subscription.
    const RECORD: &str = r#"{
        "version": "1.0",
        "timestamp": "2026-11-14T18:16:05.568Z",
        "requestContext": {
            "requestId": "e4b46cbf-b738-xmpl-8880-a18cdf61200e",
            "functionArn": "arn:aws:lambda:us-east-2:123456789012:function:catchment-ingest:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": 3
        },
        "requestPayload": {"awslogs": {"data": "H4sI\u002f"}},
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorMessage": "the archive was not written: Access Denied", "errorType": "Error"}
    }"#;

    #[test]
    fn a_destination_record_gives_the_event_byte_for_byte_and_the_cause() {
        let record = read(RECORD).unwrap();
        assert_eq!(record.event, br#"{"awslogs": {"data": "H4sI\u002f"}}"#);
        assert_eq!(record.cause, "the archive was not written: Access Denied");
    }

    #[test]
    fn an_event_that_grew_too_old_has_its_condition_as_cause() {
        let old = RECORD.replace("RetriesExhausted", "EventAgeExceeded");
        assert_eq!(read(&old).unwrap().cause, "EventAgeExceeded");
        let silent = r#"{"requestContext": {"condition": "ZeroReservedConcurrency"}, "requestPayload": {}}"#;
        assert_eq!(read(silent).unwrap().cause, "ZeroReservedConcurrency");
    }

    #[test]
    fn what_lambda_did_not_write_stays_but_for_an_event_put_back_by_hand() {
        assert!(read("hello").unwrap_err().contains("not JSON"));
        assert!(read("{}").unwrap_err().contains("requestPayload"));
        let event = r#"{"awslogs":{"data":"x"}}"#;
        assert_eq!(read(event).unwrap().event, event.as_bytes());
    }
}
