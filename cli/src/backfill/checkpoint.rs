//! How far a backfill has come, in a file: an interrupted run goes on from there.
//!
//! A log group's entry says: what lies between `from` and `reached` is in the archive.
//! It is time, not CloudWatch's token, which expires after 24 hours. What is done a
//! second time makes the same objects, so the file may be lost or removed at any time.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The form of the file.
const VERSION: u32 = 1;

/// The file and what it says.
#[derive(Debug)]
pub struct Checkpoint {
    path: PathBuf,
    content: Content,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    version: u32,
    /// The function that took the events in: name, account and Region are in it.
    ingest: String,
    log_groups: BTreeMap<String, Span>,
}

/// A span of time in milliseconds since the epoch, without its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Span {
    /// Its first millisecond.
    pub from: i64,
    /// The first millisecond that is not of it.
    pub reached: i64,
}

impl Checkpoint {
    /// Reads the file at `path`, or begins one. `ingest` is the function that events go to.
    pub fn open(path: &Path, ingest: &str) -> Result<Self, Failure> {
        let content = match fs::read(path) {
            Ok(bytes) => serde_json::from_slice::<Content>(&bytes)
                .ok()
                .filter(|content| content.version == VERSION)
                .ok_or_else(|| {
                    Failure::Usage(format!(
                        "{} is no checkpoint of this version; name another file with --checkpoint, or remove it: \
                         what is in the archive already is found there",
                        path.display()
                    ))
                })?,
            Err(err) if err.kind() == io::ErrorKind::NotFound => {
                Content { version: VERSION, ingest: ingest.to_owned(), log_groups: BTreeMap::new() }
            }
            Err(err) => return Err(Failure::reading(path, err)),
        };
        if content.ingest != ingest {
            return Err(Failure::Usage(format!(
                "{} is of another stack, {}; name another file with --checkpoint",
                path.display(),
                content.ingest
            )));
        }
        Ok(Self { path: path.to_owned(), content })
    }

    /// Writes the file as it is: whether it can be written is to be known before the work.
    pub fn save(&self) -> Result<(), Failure> {
        self.write().map_err(|source| Failure::File {
            action: format!(
                "the checkpoint {} cannot be written; name another place with --checkpoint",
                self.path.display()
            ),
            source,
        })
    }

    /// The file's name.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where to begin with a log group that is asked for from `from` on.
    pub fn begin(&self, log_group: &str, from: i64) -> i64 {
        match self.content.log_groups.get(log_group) {
            Some(span) if (span.from..=span.reached).contains(&from) => span.reached,
            _ => from,
        }
    }

    /// Writes down that a log group is done from `from` to `reached`.
    pub fn reached(&mut self, log_group: &str, from: i64, reached: i64) -> Result<(), Failure> {
        let done = Span { from, reached };
        let span = match self.content.log_groups.get(log_group) {
            // What touches is one; else the later work counts.
            Some(span) if (span.from..=span.reached).contains(&from) => {
                Span { from: span.from, reached: span.reached.max(reached) }
            }
            Some(span) if (from..=reached).contains(&span.from) => {
                Span { from, reached: span.reached.max(reached) }
            }
            _ => done,
        };
        self.content.log_groups.insert(log_group.to_owned(), span);
        self.save()
    }

    /// Under another name first: a file that is there is whole.
    fn write(&self) -> io::Result<()> {
        let mut text = serde_json::to_vec_pretty(&self.content)?;
        text.push(b'\n');
        let unfinished = self.path.with_extension("unfinished");
        fs::write(&unfinished, text)?;
        fs::rename(&unfinished, &self.path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("catchment-{}-{name}.json", std::process::id()));
        fs::remove_file(&path).ok();
        path
    }

    #[test]
    fn a_run_goes_on_where_the_last_one_ended() {
        let path = file("goes-on");
        let mut first = Checkpoint::open(&path, "prod-ingest").unwrap();
        assert_eq!(first.begin("/ecs/a", 100), 100);
        first.reached("/ecs/a", 100, 150).unwrap();
        first.reached("/ecs/a", 150, 200).unwrap();
        let second = Checkpoint::open(&path, "prod-ingest").unwrap();
        assert_eq!(second.begin("/ecs/a", 100), 200, "the same range goes on");
        assert_eq!(second.begin("/ecs/a", 120), 200, "a later beginning too");
        assert_eq!(second.begin("/ecs/a", 99), 99, "an earlier one has not been done");
        assert_eq!(second.begin("/ecs/a", 201), 201, "nor one that leaves a gap");
        assert_eq!(second.begin("/ecs/b", 100), 100);
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn spans_that_touch_are_one_and_a_gap_is_never_claimed() {
        let path = file("spans");
        let mut checkpoint = Checkpoint::open(&path, "i").unwrap();
        checkpoint.reached("g", 100, 200).unwrap();
        checkpoint.reached("g", 50, 100).unwrap();
        assert_eq!(checkpoint.begin("g", 50), 200);
        checkpoint.reached("g", 300, 400).unwrap();
        assert_eq!((checkpoint.begin("g", 50), checkpoint.begin("g", 300)), (50, 400));
        fs::remove_file(&path).unwrap();
    }

    #[test]
    fn a_file_of_another_stack_or_form_is_refused_with_the_way_out() {
        let path = file("other");
        Checkpoint::open(&path, "one").unwrap().reached("g", 0, 1).unwrap();
        let message = Checkpoint::open(&path, "two").unwrap_err().to_string();
        assert!(message.contains("another stack, one") && message.contains("--checkpoint"), "{message}");
        for text in ["", "{", r#"{"version":2,"ingest":"one","log_groups":{}}"#] {
            fs::write(&path, text).unwrap();
            let message = Checkpoint::open(&path, "one").unwrap_err().to_string();
            assert!(message.contains("no checkpoint of this version"), "{message}");
        }
        fs::remove_file(&path).unwrap();
    }
}
