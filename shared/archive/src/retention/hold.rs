//! Legal holds: which objects must not expire, why, and on whose word.
//!
//! Objects are written once, holds as well: a release is an object of its own
//! beside the hold. The two are deleted together when every object that the hold
//! covered may expire again.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use bytes::Bytes;
use catchment_record::RetentionClass;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::key::ObjectKey;
use crate::store::{Expiry, ObjectReader};

/// Where holds stand in the bucket: `holds/<id>.json`.
pub const HOLDS_PREFIX: &str = "holds/";
/// The largest object that is read as a hold, in bytes.
pub const MAX_HOLD_BYTES: u64 = 64 * 1024;
/// The longest reason, in characters.
pub const MAX_REASON_CHARS: usize = 1000;
/// The longest id, in characters.
const MAX_ID_CHARS: usize = 64;
const SUFFIX: &str = ".json";
/// Where a release stands beside its hold. No id has a dot.
const RELEASED_SUFFIX: &str = ".released.json";

/// What is wrong with a hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HoldError {
    /// An id that cannot stand in a key.
    #[error(
        "\"{id}\" cannot be the id of a hold; 1 to {MAX_ID_CHARS} letters, digits, hyphens and underscores can"
    )]
    Id {
        /// What was given.
        id: String,
    },
    /// Not JSON, not of a hold's form, or with a field that is not known here.
    #[error("it is not a hold: {reason}")]
    Form {
        /// What the reader of JSON says.
        reason: String,
    },
    /// A hold that names neither class nor time.
    #[error("it names neither class nor time; a hold covers a class, a time range, or both")]
    Nothing,
    /// A range that ends before it begins.
    #[error("it ends at {to}, which is not after its beginning, {from}")]
    Backwards {
        /// Where it begins.
        from: Timestamp,
        /// Where it ends.
        to: Timestamp,
    },
    /// A reason that is empty or too long.
    #[error("its reason has {chars} characters; 1 to {MAX_REASON_CHARS} are needed")]
    Reason {
        /// How many it has.
        chars: usize,
    },
}

impl HoldError {
    fn form(err: serde_json::Error) -> Self {
        Self::Form { reason: err.to_string() }
    }
}

fn time(name: &str, text: &str) -> Result<Timestamp, HoldError> {
    text.parse().map_err(|err| HoldError::Form {
        reason: format!("{name} is \"{text}\", which is not a time as RFC 3339 writes it ({err})"),
    })
}

/// The name of a hold: what `catchment retention release` is told.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HoldId(String);

impl HoldId {
    /// The id as it stands in the key.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The hold's key: `holds/<id>.json`.
    pub fn key(&self) -> String {
        format!("{HOLDS_PREFIX}{}{SUFFIX}", self.0)
    }

    /// The key of the hold's release: `holds/<id>.released.json`.
    pub fn release_key(&self) -> String {
        format!("{HOLDS_PREFIX}{}{RELEASED_SUFFIX}", self.0)
    }

    /// The id of the hold whose release a key names; `None` where it is no release's key.
    pub fn of_release_key(key: &str) -> Option<Self> {
        key.strip_prefix(HOLDS_PREFIX)?.strip_suffix(RELEASED_SUFFIX)?.parse().ok()
    }

    /// The id that a key names; `None` where it is not the key of a hold.
    pub fn of_key(key: &str) -> Option<Self> {
        key.strip_prefix(HOLDS_PREFIX)?.strip_suffix(SUFFIX)?.parse().ok()
    }
}

impl FromStr for HoldId {
    type Err = HoldError;

    fn from_str(id: &str) -> Result<Self, HoldError> {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if id.is_empty() || id.len() > MAX_ID_CHARS || !id.chars().all(is_plain) {
            return Err(HoldError::Id { id: id.to_owned() });
        }
        Ok(Self(id.to_owned()))
    }
}

impl fmt::Display for HoldId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A legal hold: objects of the class whose rows may be of the time do not
/// expire, until it is released. An object that lies in the range in part is held whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// The retention class that is held; all of them where it is `None`.
    pub class: Option<RetentionClass>,
    /// The first event time that is held; from the beginning where it is `None`.
    pub from: Option<Timestamp>,
    /// The first event time that is held no more; without an end where it is `None`.
    pub to: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// On whose word.
    pub by: String,
    /// Since when.
    pub created: Timestamp,
}

/// A hold as it is written. Times are RFC 3339.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    class: Option<RetentionClass>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    from: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    reason: String,
    by: String,
    created: String,
}

impl Hold {
    /// Reads a hold's object.
    pub fn parse(body: &[u8]) -> Result<Self, HoldError> {
        let written: Written = serde_json::from_slice(body).map_err(HoldError::form)?;
        let hold = Self {
            class: written.class,
            from: written.from.map(|text| time("from", &text)).transpose()?,
            to: written.to.map(|text| time("to", &text)).transpose()?,
            reason: written.reason,
            by: written.by,
            created: time("created", &written.created)?,
        };
        hold.check()?;
        Ok(hold)
    }

    /// Whether the hold says what a hold must.
    pub fn check(&self) -> Result<(), HoldError> {
        let chars = self.reason.trim().chars().count();
        if chars == 0 || chars > MAX_REASON_CHARS {
            return Err(HoldError::Reason { chars });
        }
        match (self.class, self.from, self.to) {
            (None, None, None) => Err(HoldError::Nothing),
            (_, Some(from), Some(to)) if to <= from => Err(HoldError::Backwards { from, to }),
            _ => Ok(()),
        }
    }

    /// The object to write; [`Hold::parse`] reads it.
    pub fn to_json(&self) -> String {
        let written = Written {
            class: self.class,
            from: self.from.map(|time| time.to_string()),
            to: self.to.map(|time| time.to_string()),
            reason: self.reason.clone(),
            by: self.by.clone(),
            created: self.created.to_string(),
        };
        // Strings and an enum: there is nothing that JSON could not hold.
        serde_json::to_string_pretty(&written).unwrap_or_default()
    }

    /// Whether an object with rows of these event times (milliseconds, the last
    /// one included) is held.
    pub fn covers(&self, class: RetentionClass, first_millis: i64, last_millis: i64) -> bool {
        self.class.is_none_or(|held| held == class)
            // A bound within a millisecond holds all of that millisecond.
            && self.from.is_none_or(|from| last_millis >= from.as_millisecond())
            && self.to.is_none_or(|to| first_millis < ceil_millis(to))
    }
}

fn ceil_millis(time: Timestamp) -> i64 {
    let millis = time.as_millisecond();
    let whole = Timestamp::from_millisecond(millis).is_ok_and(|floor| floor >= time);
    if whole { millis } else { millis + 1 }
}

/// A hold that ends: on whose word, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Release {
    /// On whose word.
    pub by: String,
    /// Since when.
    pub released: Timestamp,
}

/// A release as it is written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRelease {
    by: String,
    released: String,
}

impl Release {
    /// Reads a release's object.
    pub fn parse(body: &[u8]) -> Result<Self, HoldError> {
        let written: WrittenRelease = serde_json::from_slice(body).map_err(HoldError::form)?;
        Ok(Self { by: written.by, released: time("released", &written.released)? })
    }

    /// The object to write; [`Release::parse`] reads it.
    pub fn to_json(&self) -> String {
        let written = WrittenRelease { by: self.by.clone(), released: self.released.to_string() };
        // Two strings: there is nothing that JSON could not hold.
        serde_json::to_string_pretty(&written).unwrap_or_default()
    }
}

/// An object under [`HOLDS_PREFIX`] that cannot be read as a hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnreadableHold {
    /// Its key.
    pub key: String,
    /// Why.
    pub error: HoldError,
}

/// Every hold of a bucket.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Holds {
    /// Those in force, by id.
    pub holds: Vec<(HoldId, Hold)>,
    /// Those whose release was begun and not ended; they hold nothing any more.
    pub released: Vec<(HoldId, Hold, Release)>,
    /// Releases of holds that are not there: an interrupted deletion left them.
    pub leftover: Vec<HoldId>,
    /// What stands among them and cannot be read. As long as there is one,
    /// everything is held: it may be the hold that matters.
    pub unreadable: Vec<UnreadableHold>,
}

impl Holds {
    /// Every hold of a bucket. One that is gone between its listing and its reading
    /// is released; one that is too large to be one cannot be read, and holds everything.
    pub async fn read<S: ObjectReader>(store: &S) -> Result<Self, S::Error> {
        let mut objects: Vec<(ObjectKey, Bytes)> = Vec::new();
        let mut after: Option<ObjectKey> = None;
        loop {
            let page = store.list(HOLDS_PREFIX, after.as_ref().map(ObjectKey::as_str)).await?;
            let Some(last) = page.last() else { break };
            after = Some(last.key.clone());
            for listed in page {
                if listed.bytes > MAX_HOLD_BYTES {
                    objects.push((listed.key, Bytes::new()));
                } else if let Some(body) = store.get(&listed.key).await? {
                    objects.push((listed.key, body));
                }
            }
        }
        Ok(Self::parse(objects.iter().map(|(key, body)| (key.as_str(), &body[..]))))
    }

    /// The holds among objects under [`HOLDS_PREFIX`].
    pub fn parse<'a>(objects: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut all = Self::default();
        let (mut holds, mut releases) = (BTreeMap::new(), BTreeMap::new());
        for (key, body) in objects {
            let read = match (HoldId::of_key(key), HoldId::of_release_key(key)) {
                (Some(id), _) => Hold::parse(body).map(|hold| drop(holds.insert(id, hold))),
                (_, Some(id)) => Release::parse(body).map(|release| drop(releases.insert(id, release))),
                _ => Err(HoldError::Id { id: key.to_owned() }),
            };
            if let Err(error) = read {
                all.unreadable.push(UnreadableHold { key: key.to_owned(), error });
            }
        }
        for (id, hold) in holds {
            match releases.remove(&id) {
                Some(release) => all.released.push((id, hold, release)),
                None => all.holds.push((id, hold)),
            }
        }
        all.leftover.extend(releases.into_keys());
        all
    }

    /// Whether an object with rows of these event times is held.
    pub fn covers(&self, class: RetentionClass, first_millis: i64, last_millis: i64) -> bool {
        !self.unreadable.is_empty()
            || self.holds.iter().any(|(_, hold)| hold.covers(class, first_millis, last_millis))
    }

    /// Whether an object may expire; `None` where the key is not one of the archive's.
    pub fn expiry_of(&self, key: &ObjectKey) -> Option<Expiry> {
        let key = key.parse()?;
        let held = self.covers(key.class, key.first_millis, key.last_millis);
        Some(if held { Expiry::Held } else { Expiry::On })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{ArchiveStore, MemoryArchive};
    use RetentionClass::{Long, Short};

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn hold(class: Option<RetentionClass>, from: Option<&str>, to: Option<&str>) -> Hold {
        Hold {
            class,
            from: from.map(at),
            to: to.map(at),
            reason: "case 12/26".to_owned(),
            by: "ada".to_owned(),
            created: at("2026-11-21T10:00:00Z"),
        }
    }

    #[test]
    fn a_hold_comes_back_as_it_was_written() {
        for hold in [
            hold(Some(Short), None, None),
            hold(None, Some("2026-01-01T00:00:00Z"), Some("2026-02-01T00:00:00Z")),
            hold(Some(Long), None, Some("2026-02-01T00:00:00.5Z")),
        ] {
            assert_eq!(Hold::parse(hold.to_json().as_bytes()).unwrap(), hold);
        }
    }

    #[test]
    fn what_is_not_a_hold_is_refused_by_its_fault() {
        for (body, words) in [
            ("", "it is not a hold"),
            (r#"{"class":"short","reason":"r","by":"b"}"#, "missing field `created`"),
            (r#"{"class":"weekly","reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#, "weekly"),
            (
                r#"{"class":"short","reason":"r","by":"b","created":"2026-01-01T00:00:00Z","until":"x"}"#,
                "until",
            ),
            (
                r#"{"from":"yesterday","reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#,
                "from is \"yesterday\"",
            ),
            (r#"{"reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#, "neither class nor time"),
            (r#"{"class":"short","reason":" ","by":"b","created":"2026-01-01T00:00:00Z"}"#, "0 characters"),
            (
                r#"{"from":"2026-01-02T00:00:00Z","to":"2026-01-02T00:00:00Z","reason":"r","by":"b","created":"2026-01-01T00:00:00Z"}"#,
                "not after its beginning",
            ),
        ] {
            let error = Hold::parse(body.as_bytes()).unwrap_err().to_string();
            assert!(error.contains(words), "{body}: {error}");
        }
        let mut long = hold(Some(Short), None, None);
        long.reason = "é".repeat(MAX_REASON_CHARS);
        assert_eq!(long.check(), Ok(()));
        long.reason.push('x');
        assert_eq!(long.check(), Err(HoldError::Reason { chars: MAX_REASON_CHARS + 1 }));
    }

    #[test]
    fn an_object_is_held_where_class_and_time_meet() {
        // January: 1767225600000 to 1769904000000.
        let january = hold(Some(Short), Some("2026-01-01T00:00:00Z"), Some("2026-02-01T00:00:00Z"));
        for (class, first, last, held) in [
            (Short, 1_767_225_600_000, 1_767_225_600_000, true),
            (Short, 1_767_225_599_000, 1_767_225_599_999, false),
            (Short, 1_767_225_599_000, 1_767_225_600_000, true),
            (Short, 1_769_903_999_999, 1_769_904_000_005, true),
            (Short, 1_769_904_000_000, 1_769_904_000_005, false),
            (Long, 1_767_225_600_000, 1_767_225_600_000, false),
        ] {
            assert_eq!(january.covers(class, first, last), held, "{class:?} {first}-{last}");
        }
        let whole_class = hold(Some(Long), None, None);
        assert!(whole_class.covers(Long, 0, 0) && !whole_class.covers(Short, 0, 0));
        // A bound within a millisecond: rows of that millisecond may be meant.
        let within = hold(None, Some("1970-01-01T00:00:00.0015Z"), Some("1970-01-01T00:00:00.0025Z"));
        assert!(within.covers(Short, 1, 1) && within.covers(Short, 2, 2));
        assert!(!within.covers(Short, 0, 0) && !within.covers(Short, 3, 3));
    }

    #[test]
    fn a_hold_that_cannot_be_read_holds_everything() {
        let good = hold(Some(Short), None, None).to_json();
        let holds = Holds::parse([("holds/b.json", good.as_bytes()), ("holds/a.json", good.as_bytes())]);
        let ids: Vec<_> = holds.holds.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!((ids, holds.unreadable.len()), (vec!["a", "b"], 0));
        assert!(holds.covers(Short, 0, 0) && !holds.covers(Long, 0, 0));
        for (key, body) in [("holds/c.json", "{}"), ("holds/c.txt", good.as_str()), ("holds/x/c.json", &good)]
        {
            let holds = Holds::parse([(key, body.as_bytes()), ("holds/b.json", good.as_bytes())]);
            assert_eq!(holds.unreadable[0].key, key);
            assert!(holds.covers(Long, 0, 0), "{key}");
        }
        assert!(!Holds::default().covers(Long, 0, 0));
    }

    #[test]
    fn a_released_hold_holds_nothing_and_a_release_alone_is_left_over() {
        let hold = hold(Some(Short), None, None);
        let release = Release { by: "bob".to_owned(), released: at("2026-12-01T00:00:00Z") };
        assert_eq!(Release::parse(release.to_json().as_bytes()).unwrap(), release);
        let (held, released) = (hold.to_json(), release.to_json());
        let holds = Holds::parse([
            ("holds/a.json", held.as_bytes()),
            ("holds/a.released.json", released.as_bytes()),
            ("holds/gone.released.json", released.as_bytes()),
        ]);
        let id = |name: &str| name.parse::<HoldId>().unwrap();
        assert_eq!(holds.released, [(id("a"), hold, release)]);
        assert_eq!(holds.leftover, [id("gone")]);
        assert!(holds.holds.is_empty() && holds.unreadable.is_empty() && !holds.covers(Short, 0, 0));
        // A release that cannot be read releases nothing.
        let holds = Holds::parse([("holds/a.json", held.as_bytes()), ("holds/a.released.json", b"{}")]);
        assert_eq!((holds.holds.len(), holds.unreadable.len()), (1, 1));
    }

    #[test]
    fn whether_an_object_may_expire_is_told_by_its_key() {
        let id = "0123456789abcdef0123456789abcdef";
        let day = "2026-01-01".parse().unwrap();
        let key = ObjectKey::of_merged(Short, day, 1_767_225_600_000, 1_767_225_600_000, id);
        let body = hold(Some(Short), Some("2026-01-01T00:00:00Z"), None).to_json();
        let holds = Holds::parse([("holds/a.json", body.as_bytes())]);
        assert_eq!(holds.expiry_of(&key), Some(Expiry::Held));
        assert_eq!(Holds::default().expiry_of(&key), Some(Expiry::On));
        assert_eq!(holds.expiry_of(&ObjectKey::new("logs/class=short/notes.txt")), None);
    }

    #[tokio::test]
    async fn holds_are_read_from_a_store_and_one_too_large_is_none() {
        let store = MemoryArchive::default();
        let put = async |key: &str, body: String| {
            store.put_if_absent(&ObjectKey::new(key), Bytes::from(body)).await.unwrap();
        };
        let mut body = hold(Some(Short), None, None).to_json();
        body.push_str(&" ".repeat(MAX_HOLD_BYTES as usize - body.len()));
        put("holds/a.json", body.clone()).await;
        put("logs/holds/b.json", "{}".to_owned()).await;
        let holds = Holds::read(&store).await.unwrap();
        assert_eq!((holds.holds.len(), holds.unreadable.len()), (1, 0));
        put("holds/c.json", body + " ").await;
        let holds = Holds::read(&store).await.unwrap();
        assert_eq!((holds.holds.len(), holds.unreadable.len()), (1, 1));
    }

    #[test]
    fn an_id_is_a_part_of_a_key() {
        let longest = "x".repeat(MAX_ID_CHARS);
        assert_eq!(
            HoldId::of_key(&format!("holds/{longest}.json")).unwrap().key(),
            format!("holds/{longest}.json")
        );
        for id in ["", "a/b", "a.b", "a b", "é", &format!("{longest}x")] {
            assert!(id.parse::<HoldId>().is_err(), "{id}");
        }
    }
}
