//! Versions of the rule files: what `rules/active.json` says, and what it says next.
//!
//! A version is a set of files that never changes. The manifest names the one that
//! is active and, for each leaf that is new in it, since when lines are counted as
//! they arrive; what is older comes from the archive. Nothing is read or written here.
//!
//! Always true: a number is given once, also when an earlier version is active again;
//! a leaf that was counted without a gap stays counted; one that comes back after a
//! gap begins anew, under another key, so that nothing counts twice. ADR 0027.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::digest::{content_hash, short_hash};
use crate::rules::RuleFile;

/// The form of the manifest that this code reads and writes.
const FORMAT: u32 = 1;
/// The longest manifest, in bytes: [`MAX_RULE_FILES`] files and some thousand leaves.
pub const MAX_MANIFEST_BYTES: usize = 4 * 1024 * 1024;
/// The most rule files of a version.
pub const MAX_RULE_FILES: usize = 200;
/// The longest rule file, in bytes.
pub const MAX_RULE_FILE_BYTES: usize = 1024 * 1024;
/// The longest name of a rule file, in bytes: it is part of a key.
pub const MAX_FILE_NAME_BYTES: usize = 100;
/// How long after a push every function runs it: they look every ten seconds, and
/// clocks differ. Events after that are counted by all of them, whichever takes them in.
pub const TAKE_UP_MS: i64 = 15_000;
/// How long a rule waits for its history; then it is evaluated over what there is.
pub const MAX_HISTORY_WAIT_MS: i64 = 10 * 60_000;

/// A file of a version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VersionFile {
    /// Its name (`api.yaml`), unique in the version.
    pub name: String,
    /// Its key, below the prefix of the rules.
    pub key: String,
    /// The SHA-256 of its text, in hex: a file that was edited in place is known.
    pub sha256: String,
    /// Where the text of that name stood in the version before, which stands in
    /// should a function find a fault in this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_good: Option<Kept>,
}

/// A text that is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// Its key, below the prefix of the rules.
    pub key: String,
    /// The SHA-256 of its text, in hex.
    pub sha256: String,
}

impl VersionFile {
    /// Its text, where it is kept.
    pub fn kept(&self) -> Kept {
        Kept { key: self.key.clone(), sha256: self.sha256.clone() }
    }
}

/// Whether a text is the one with this SHA-256.
pub fn is_text_of(text: &str, sha256: &str) -> bool {
    content_hash(text) == sha256
}

/// A set of rule files that was pushed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// From 1 up, each given once.
    pub number: u64,
    /// When it was pushed first, in milliseconds since the epoch; RFC 3339 in the file.
    #[serde(rename = "pushed_at", with = "rfc3339")]
    pub pushed_ms: i64,
    /// On whose word.
    pub by: String,
    /// The files, ordered by name.
    pub files: Vec<VersionFile>,
}

impl Version {
    /// Where the record of a version stands, below the prefix of the rules.
    pub fn record_key(&self) -> String {
        format!("{}version.json", self.folder())
    }

    /// Where its files stand: `versions/<number>-<hash>/`.
    pub fn folder(&self) -> String {
        let hash = hash_of(self.files.iter().map(|file| (file.name.as_str(), file.sha256.as_str())));
        folder(self.number, &hash)
    }

    /// Whether it has exactly these files.
    pub fn has(&self, files: &[RuleFile]) -> bool {
        let mut own: Vec<_> =
            self.files.iter().map(|file| (file.name.clone(), file.sha256.clone())).collect();
        let mut others: Vec<_> =
            files.iter().map(|file| (file.name.clone(), content_hash(&file.text))).collect();
        own.sort();
        others.sort();
        own == others
    }

    /// Reads a version's record.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        serde_json::from_slice(bytes).map_err(|err| ManifestError::Json { message: err.to_string() })
    }

    /// The record as it is written.
    pub fn to_json(&self) -> String {
        written(self)
    }
}

/// Whether the lines from before a leaf was there are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// Not yet: its rules wait.
    Pending,
    /// They are.
    Loaded,
    /// They will not be: its rules wait until their windows are full.
    Skipped,
}

/// Since when a leaf is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeafStart {
    /// Lines with a later event time are counted as they arrive, in milliseconds.
    pub since_ms: i64,
    /// What of the lines before.
    pub history: History,
}

impl LeafStart {
    /// From when on a rule may be evaluated whose windows go back `span_ms` (range and offset).
    pub fn usable_from_ms(&self, span_ms: i64) -> i64 {
        match self.history {
            History::Loaded => i64::MIN,
            History::Pending => self.since_ms.saturating_add(MAX_HISTORY_WAIT_MS),
            History::Skipped => self.since_ms.saturating_add(span_ms),
        }
    }
}

/// Since when leaves are counted, by the id of the leaf. One that is not in it was
/// there before there were versions.
pub type LeafStarts = BTreeMap<String, LeafStart>;

/// What `active.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: u32,
    /// The greatest number that was given.
    latest: u64,
    /// The version that is active.
    pub version: Version,
    /// The leaves that are younger than the oldest version.
    pub since: LeafStarts,
}

/// Why a manifest cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// It is no manifest.
    #[error("it is no manifest of rules: {message}; `catchment rules push` writes a good one")]
    Json {
        /// What the JSON parser says.
        message: String,
    },
    /// It is of a later Catchment.
    #[error("its format is {format}, and this version of Catchment knows {FORMAT}; deploy the newer one")]
    Format {
        /// Its format.
        format: u32,
    },
    /// It is too long.
    #[error("it has {bytes} bytes, more than {MAX_MANIFEST_BYTES}")]
    TooLong {
        /// Its length.
        bytes: usize,
    },
    /// It has too many files.
    #[error("it names {files} files, more than {MAX_RULE_FILES}")]
    TooManyFiles {
        /// How many.
        files: usize,
    },
}

impl Manifest {
    /// Reads a manifest.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        #[derive(Deserialize)]
        struct Formatted {
            format: u32,
        }
        if bytes.len() > MAX_MANIFEST_BYTES {
            return Err(ManifestError::TooLong { bytes: bytes.len() });
        }
        let json = |err: serde_json::Error| ManifestError::Json { message: err.to_string() };
        let Formatted { format } = serde_json::from_slice(bytes).map_err(json)?;
        if format != FORMAT {
            return Err(ManifestError::Format { format });
        }
        let manifest: Self = serde_json::from_slice(bytes).map_err(json)?;
        match manifest.version.files.len() {
            files if files > MAX_RULE_FILES => Err(ManifestError::TooManyFiles { files }),
            _ => Ok(manifest),
        }
    }

    /// The manifest as it is written.
    pub fn to_json(&self) -> String {
        written(self)
    }

    /// The manifest under which `version` is active. `counted` are the leaves of the
    /// rules that `before` makes active (or that were there before any version),
    /// `wanted` those of the version's rules.
    pub fn activate(
        before: Option<&Self>,
        version: Version,
        counted: &BTreeSet<String>,
        wanted: &BTreeSet<String>,
        history: History,
        now_ms: i64,
    ) -> Self {
        let begin = LeafStart { since_ms: now_ms.saturating_add(TAKE_UP_MS), history };
        let start = |leaf: &String| match counted.contains(leaf) {
            true => before.and_then(|it| it.since.get(leaf).copied()),
            false => Some(begin),
        };
        let since = wanted.iter().filter_map(|leaf| Some((leaf.clone(), start(leaf)?))).collect();
        let latest = before.map_or(0, |it| it.latest).max(version.number);
        Self { format: FORMAT, latest, version, since }
    }

    /// A version of these files, to be activated after `before`: numbered, with the keys
    /// its files are to be written to, and those that stand in for them.
    pub fn next_version(before: Option<&Self>, files: &[RuleFile], by: &str, now_ms: i64) -> Version {
        let number = before.map_or(0, |it| it.latest) + 1;
        let mut hashed: Vec<_> =
            files.iter().map(|file| (file.name.as_str(), content_hash(&file.text))).collect();
        hashed.sort();
        let hash = hash_of(hashed.iter().map(|(name, sha256)| (*name, sha256.as_str())));
        let last_good = |name: &str| {
            let earlier = before?.version.files.iter().find(|file| file.name == name)?;
            Some(earlier.kept())
        };
        let files = hashed
            .into_iter()
            .map(|(name, sha256)| VersionFile {
                name: name.to_owned(),
                key: format!("{}{name}", folder(number, &hash)),
                sha256,
                last_good: last_good(name),
            })
            .collect();
        Version { number, pushed_ms: now_ms, by: by.to_owned(), files }
    }

    /// The leaves whose history is to be loaded.
    pub fn pending(&self) -> impl Iterator<Item = (&str, LeafStart)> {
        self.since.iter().filter(|(_, it)| it.history == History::Pending).map(|(id, it)| (id.as_str(), *it))
    }

    /// The manifest once the history of these leaves is in this state. A leaf that
    /// began at another time than `leaves` says is left alone.
    pub fn with_history(mut self, leaves: &LeafStarts, history: History) -> Self {
        for (id, start) in &mut self.since {
            if leaves.get(id).is_some_and(|of| of.since_ms == start.since_ms) {
                start.history = history;
            }
        }
        self
    }
}

/// The faults of the names and the sizes of files that are to become a version.
pub fn faults_of_files(files: &[RuleFile]) -> Vec<String> {
    let mut faults = Vec::new();
    let mut names = BTreeSet::new();
    for RuleFile { name, text } in files {
        let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !(name.ends_with(".yaml") || name.ends_with(".yml")) || !name.chars().all(allowed) {
            faults.push(format!(
                "{name}: a rule file's name has letters, digits, \".\", \"-\" and \"_\", and ends in .yaml or .yml"
            ));
        }
        if name.len() > MAX_FILE_NAME_BYTES {
            faults.push(format!("{name}: the name is longer than {MAX_FILE_NAME_BYTES} bytes"));
        }
        if text.len() > MAX_RULE_FILE_BYTES {
            faults.push(format!(
                "{name}: the file has {} bytes, more than {MAX_RULE_FILE_BYTES}; split it",
                text.len()
            ));
        }
        if !names.insert(name) {
            faults.push(format!("{name}: two files have this name; rename one"));
        }
    }
    if files.len() > MAX_RULE_FILES {
        faults.push(format!("there are {} files, more than {MAX_RULE_FILES}; join some", files.len()));
    }
    faults
}

fn hash_of<'a>(files: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    short_hash(files.flat_map(|(name, sha256)| [name, sha256]))
}

fn folder(number: u64, hash: &str) -> String {
    format!("versions/{number}-{hash}/")
}

fn written<T: Serialize>(value: &T) -> String {
    // Maps have texts as keys, so this does not fail.
    let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
    text.push('\n');
    text
}

/// Milliseconds, written for people.
mod rfc3339 {
    use jiff::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(super) fn serialize<S: Serializer>(millis: &i64, serializer: S) -> Result<S::Ok, S::Error> {
        let time = Timestamp::from_millisecond(*millis).map_err(ser::Error::custom)?;
        serializer.collect_str(&time)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<i64, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse::<Timestamp>().map(Timestamp::as_millisecond).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_000_000_000;

    fn file(name: &str, text: &str) -> RuleFile {
        RuleFile { name: name.into(), text: text.into() }
    }

    fn leaves<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
        ids.map(str::to_owned).into()
    }

    fn push(before: Option<&Manifest>, files: &[RuleFile], counted: &[&str], wanted: &[&str]) -> Manifest {
        let version = Manifest::next_version(before, files, "me", NOW);
        let set = |ids: &[&str]| ids.iter().map(|id| (*id).to_owned()).collect::<BTreeSet<_>>();
        Manifest::activate(before, version, &set(counted), &set(wanted), History::Pending, NOW)
    }

    #[test]
    fn only_leaves_that_are_new_begin_later() {
        let first = push(None, &[file("a.yaml", "1")], &["old"], &["old", "new"]);
        assert_eq!(first.version.number, 1);
        let start = LeafStart { since_ms: NOW + TAKE_UP_MS, history: History::Pending };
        assert_eq!(first.since, BTreeMap::from([("new".to_owned(), start)]), "\"old\" has no gap");

        let loaded = first.clone().with_history(&first.since, History::Loaded);
        assert_eq!(loaded.pending().count(), 0);
        let second = push(Some(&loaded), &[file("a.yaml", "2")], &["old", "new"], &["new", "third"]);
        assert_eq!(
            second.since["new"],
            LeafStart { history: History::Loaded, ..start },
            "it stays as it was"
        );
        assert_eq!(second.pending().map(|(id, _)| id).collect::<Vec<_>>(), ["third"]);
        assert!(!second.since.contains_key("old"), "nobody counts it any more");
    }

    #[test]
    fn a_rollback_keeps_the_numbers_going_and_begins_anew_what_had_a_gap() {
        let first = push(None, &[file("a.yaml", "1")], &[], &["one"]);
        let second = push(Some(&first), &[file("a.yaml", "2")], &["one"], &["two"]);
        let later = NOW + 1_000_000;
        let back = Manifest::activate(
            Some(&second),
            first.version.clone(),
            &leaves(["two"]),
            &leaves(["one"]),
            History::Pending,
            later,
        );
        assert_eq!(back.version, first.version);
        assert_eq!(back.since["one"].since_ms, later + TAKE_UP_MS);
        let third = Manifest::next_version(Some(&back), &[file("a.yaml", "3")], "me", later);
        assert_eq!(third.number, 3, "2 was given");
    }

    #[test]
    fn a_version_knows_its_files_and_where_the_ones_before_stand() {
        let files = [file("b.yaml", "b"), file("a.yaml", "a")];
        let first = push(None, &files, &[], &[]);
        assert_eq!(
            first.version.files.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
            ["a.yaml", "b.yaml"]
        );
        assert!(first.version.has(&files) && !first.version.has(&files[..1]));
        let a = &first.version.files[0];
        assert!(is_text_of("a", &a.sha256) && !is_text_of("a ", &a.sha256) && a.last_good.is_none());
        assert!(a.key.starts_with("versions/1-") && a.key.ends_with("/a.yaml"), "{}", a.key);
        assert_eq!(first.version.record_key(), a.key.replace("a.yaml", "version.json"));

        let second = push(Some(&first), &[file("a.yaml", "a2"), file("c.yaml", "c")], &[], &[]);
        let [a2, c] = &second.version.files[..] else { panic!("two files") };
        assert_eq!(a2.last_good, Some(Kept { key: a.key.clone(), sha256: a.sha256.clone() }));
        assert_eq!(c.last_good, None);
        assert_ne!(first.version.folder(), second.version.folder());
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else() {
        let manifest = push(None, &[file("a.yaml", "1")], &[], &["new"]);
        let text = manifest.to_json();
        assert_eq!(Manifest::read(text.as_bytes()), Ok(manifest.clone()));
        assert_eq!(Version::read(manifest.version.to_json().as_bytes()), Ok(manifest.version));
        assert!(text.contains("\"pushed_at\": \"2026-11-18T11:06:40Z\""), "{text}");
        let unknown = text.replacen("\"format\"", "\"formatt\": 2, \"format\"", 1);
        let message = Manifest::read(unknown.as_bytes()).unwrap_err().to_string();
        assert!(message.contains("unknown field `formatt`"), "{message}");
        let later = text.replacen("\"format\": 1", "\"format\": 2, \"more\": 1", 1);
        assert_eq!(Manifest::read(later.as_bytes()), Err(ManifestError::Format { format: 2 }));
        for text in ["", "{", "[]", "null", "{\"format\": 1}"] {
            assert!(Manifest::read(text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn a_manifest_has_its_limits() {
        let mut text = push(None, &[], &[], &[]).to_json();
        text.push_str(&" ".repeat(MAX_MANIFEST_BYTES - text.len()));
        assert!(Manifest::read(text.as_bytes()).is_ok());
        text.push(' ');
        assert!(matches!(Manifest::read(text.as_bytes()), Err(ManifestError::TooLong { .. })));
        let files = |n: usize| (0..n).map(|i| file(&format!("{i}.yaml"), "")).collect::<Vec<_>>();
        let read = |n| Manifest::read(push(None, &files(n), &[], &[]).to_json().as_bytes()).map(|_| ());
        assert_eq!(read(MAX_RULE_FILES), Ok(()));
        let files = MAX_RULE_FILES + 1;
        assert_eq!(read(files), Err(ManifestError::TooManyFiles { files }));
    }

    #[test]
    fn a_rule_waits_for_its_history_but_not_for_ever() {
        let start = |history| LeafStart { since_ms: NOW, history };
        assert_eq!(start(History::Pending).usable_from_ms(5_000), NOW + MAX_HISTORY_WAIT_MS);
        assert_eq!(start(History::Skipped).usable_from_ms(5_000), NOW + 5_000);
        assert!(start(History::Loaded).usable_from_ms(5_000) < NOW - 1_000_000);
    }

    #[test]
    fn names_and_sizes_of_files_are_checked_at_their_edges() {
        let long = |n: usize| format!("{}.yaml", "x".repeat(n - 5));
        assert!(faults_of_files(&[file(&long(MAX_FILE_NAME_BYTES), "")]).is_empty());
        assert!(faults_of_files(&[file("a.yml", &"x".repeat(MAX_RULE_FILE_BYTES))]).is_empty());
        let many: Vec<_> = (0..=MAX_RULE_FILES).map(|i| file(&format!("{i}.yaml"), "")).collect();
        assert!(faults_of_files(&many[1..]).is_empty());
        for (files, part) in [
            (vec![file(&long(MAX_FILE_NAME_BYTES + 1), "")], "longer than 100 bytes"),
            (vec![file("a.yaml", &"x".repeat(MAX_RULE_FILE_BYTES + 1))], "more than 1048576; split it"),
            (vec![file("a.txt", "")], "ends in .yaml"),
            (vec![file("../a.yaml", "")], "letters, digits"),
            (vec![file("a.yaml", ""), file("a.yaml", "")], "two files have this name"),
            (many, "more than 200; join some"),
        ] {
            let faults = faults_of_files(&files);
            assert!(faults.len() == 1 && faults[0].contains(part), "{part}: {faults:?}");
        }
    }
}
