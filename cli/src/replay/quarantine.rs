//! The quarantine: payloads as they came, each with the reason beside it.

use catchment_archive::{Listed, ObjectKey, ObjectWriter};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Replay;
use super::tally::{From, Outcome};
use crate::failure::Failure;
use crate::ingest::{MAX_EVENT_BYTES, PARALLEL, Taken, reason};

/// Where ingest sets payloads aside.
const PREFIX: &str = "quarantine/";
const PAYLOAD: &str = ".payload";
const REASON: &str = ".reason.json";

/// Replays what is in quarantine, page by page in the order of the keys.
pub async fn drain<S: ObjectWriter>(store: &S, replay: &mut Replay) -> Result<(), Failure> {
    let mut after: Option<String> = None;
    loop {
        let page = store.list(PREFIX, after.as_deref()).await.map_err(|err| failed("list", &err))?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = Some(last.key.as_str().to_owned());
        let (payloads, others): (Vec<_>, Vec<_>) =
            page.into_iter().partition(|object| object.key.as_str().ends_with(PAYLOAD));
        replay.bar.inc_length(payloads.len() as u64);
        for other in others.iter().filter(|object| !object.key.as_str().ends_with(REASON)) {
            replay.tally.add(From::Quarantine, Outcome::Foreign(other.key.to_string()));
        }
        let mut payloads = payloads.into_iter();
        loop {
            let room = replay.room(PARALLEL);
            if room == 0 {
                return Ok(());
            }
            let some: Vec<_> = payloads.by_ref().take(room).collect();
            if some.is_empty() {
                break;
            }
            send(store, some, replay).await?;
        }
    }
}

async fn send<S: ObjectWriter>(store: &S, objects: Vec<Listed>, replay: &mut Replay) -> Result<(), Failure> {
    let mut events = Vec::new();
    for Listed { key, bytes, .. } in objects {
        if replay.ingest.is_none() {
            let why = why(store, &key).await?;
            replay.count(From::Quarantine, Outcome::Waits(why));
            continue;
        }
        if bytes > MAX_EVENT_BYTES as u64 {
            let why = format!(
                "it has more bytes than Lambda takes, {MAX_EVENT_BYTES}: not a payload that came by Lambda"
            );
            replay.count(From::Quarantine, Outcome::Kept(why));
            continue;
        }
        // One that is gone by now was replayed by another run.
        let Some(payload) = store.get(&key).await.map_err(|err| failed("read", &err))? else {
            continue;
        };
        match event_of(&payload) {
            Ok(event) => events.push((key, event)),
            Err(why) => replay.count(From::Quarantine, Outcome::Kept(why)),
        }
    }
    for (key, taken) in replay.send(events).await? {
        let outcome = match taken {
            Taken::In(counts) => match forget(store, &key).await {
                Ok(()) => Outcome::TakenIn(counts.received),
                Err(why) => Outcome::Kept(why),
            },
            // Its key is its content: it is still the same two objects.
            Taken::Aside(reason) => Outcome::SetAside(reason),
            Taken::Failed(reason) => Outcome::Failed(reason),
        };
        replay.count(From::Quarantine, outcome);
    }
    Ok(())
}

/// Deletes the reason, then the payload: a run that ends in between leaves a payload,
/// which the next one replays, and never a reason without one.
async fn forget<S: ObjectWriter>(store: &S, payload: &ObjectKey) -> Result<(), String> {
    for key in [reason_key(payload), payload.clone()] {
        let deleted = store.delete(&[key]).await;
        let deleted = deleted.map_err(|err| reason(&format!("taken in, but not deleted: {err}")))?;
        if let Some((_, why)) = deleted.failed.first() {
            return Err(reason(&format!("taken in, but not deleted: {why}")));
        }
    }
    Ok(())
}

/// Where the reason lies, beside its payload.
fn reason_key(payload: &ObjectKey) -> ObjectKey {
    let name = payload.as_str();
    ObjectKey::new(format!("{}{REASON}", name.strip_suffix(PAYLOAD).unwrap_or(name)))
}

/// The reason that was written down for a payload.
async fn why<S: ObjectWriter>(store: &S, payload: &ObjectKey) -> Result<String, Failure> {
    #[derive(Deserialize)]
    struct Note {
        reason: String,
    }
    let note = store.get(&reason_key(payload)).await.map_err(|err| failed("read", &err))?;
    let note = note.and_then(|note| serde_json::from_slice::<Note>(&note).ok());
    Ok(note.map_or_else(|| "no reason was written down".to_owned(), |note| reason(&note.reason)))
}

/// The event that ingest set aside. It keeps the text of `awslogs.data`, or, where
/// the event had none, the event as `serde_json` writes it: what reads and writes as
/// itself is such an event. (A text that is both comes to the same key either way.)
fn event_of(payload: &[u8]) -> Result<Vec<u8>, String> {
    let Ok(text) = std::str::from_utf8(payload) else {
        return Err("it is not text: nothing that Catchment set aside".to_owned());
    };
    let written = serde_json::from_str::<Value>(text).map(|event| event.to_string());
    match written {
        Ok(written) if written == text => Ok(payload.to_vec()),
        _ => Ok(json!({ "awslogs": { "data": text } }).to_string().into_bytes()),
    }
}

fn failed(action: &str, err: &(dyn std::error::Error + 'static)) -> Failure {
    Failure::Network(format!("the quarantine cannot be {action}: {}", crate::failure::innermost(err)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_archive::{ArchiveStore, MemoryArchive};

    #[test]
    fn the_event_is_the_one_that_was_set_aside() {
        let data = |text: &str| json!({ "awslogs": { "data": text } }).to_string().into_bytes();
        for (payload, event) in [
            // Events that were none of a subscription.
            (r#"{"Records":[]}"#, br#"{"Records":[]}"#.to_vec()),
            ("null", b"null".to_vec()),
            // Data that could not be decoded.
            ("H4sIAAAAAAAA/w==", data("H4sIAAAAAAAA/w==")),
            ("%%%", data("%%%")),
            ("", data("")),
            ("{ \"not\": \"as serde writes it\" }", data("{ \"not\": \"as serde writes it\" }")),
            ("line\nbreak \"quoted\"", data("line\nbreak \"quoted\"")),
        ] {
            assert_eq!(event_of(payload.as_bytes()).unwrap(), event, "{payload}");
        }
        assert!(event_of(b"\xff\xfe").unwrap_err().contains("not text"));
    }

    #[tokio::test]
    async fn the_reason_goes_before_the_payload() {
        let store = MemoryArchive::default();
        let payload = ObjectKey::new("quarantine/ab.payload");
        let note = ObjectKey::new("quarantine/ab.reason.json");
        assert_eq!(reason_key(&payload), note);
        let body = json!({ "reason": "not\nbase64" }).to_string();
        for (key, body) in [(&payload, "%%%".to_owned()), (&note, body)] {
            let _put = store.put_if_absent(key, body.into()).await.unwrap();
        }
        assert_eq!(why(&store, &payload).await.unwrap(), "not base64");
        forget(&store, &payload).await.unwrap();
        assert!(store.objects().is_empty());
        forget(&store, &payload).await.unwrap();
        assert_eq!(why(&store, &payload).await.unwrap(), "no reason was written down");
    }
}
