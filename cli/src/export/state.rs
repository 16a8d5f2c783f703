//! What an export that was interrupted goes on from: a small file beside its output.
//!
//! It is written at moments when the rows of one time are all in the output and
//! no row of the next is: the time says how far the export came, whatever order
//! rows of the same time come in.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The version of the file's form.
const VERSION: u32 = 1;

/// How far an export has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Progress {
    /// All rows up to this time, in the order of the export, are in the output; in
    /// milliseconds since the epoch. `None` where there are none yet.
    pub time_millis: Option<i64>,
    /// Rows in the output.
    pub rows: u64,
    /// Bytes of the output, where it is one file.
    pub bytes: u64,
    /// Finished parts, where it is a folder.
    pub parts: u32,
}

/// What stands in the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct State {
    /// The version of this form.
    version: u32,
    /// What was asked for.
    pub query: String,
    /// The first millisecond that was asked for.
    pub first_millis: i64,
    /// The last.
    pub last_millis: i64,
    /// How far it came.
    pub progress: Progress,
}

impl State {
    /// An export that has not begun.
    pub fn new(query: String, first_millis: i64, last_millis: i64) -> Self {
        Self { version: VERSION, query, first_millis, last_millis, progress: Progress::default() }
    }
}

/// The file beside the output.
#[derive(Debug, Clone)]
pub struct StateFile(PathBuf);

impl StateFile {
    /// The one beside `output`: `<output>.catchment-export`.
    pub fn beside(output: &Path) -> Self {
        let mut name = output.as_os_str().to_owned();
        name.push(".catchment-export");
        Self(name.into())
    }

    /// What an interrupted export left; `None` where there is none.
    pub fn read(&self) -> Result<Option<State>, Failure> {
        let text = match fs::read(&self.0) {
            Ok(text) => text,
            Err(err) if err.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(err) => return Err(Failure::reading(&self.0, err)),
        };
        let unusable = |why: String| {
            Failure::Rejected(format!(
                "{} does not say how far an export came ({why}); remove it and its output to begin anew",
                self.0.display()
            ))
        };
        let state: State = serde_json::from_slice(&text).map_err(|err| unusable(err.to_string()))?;
        if state.version != VERSION {
            return Err(unusable(format!("it has version {}, this command knows {VERSION}", state.version)));
        }
        Ok(Some(state))
    }

    /// Takes the place of what stood there, whole or not at all.
    pub fn write(&self, state: &State) -> io::Result<()> {
        let mut name = self.0.as_os_str().to_owned();
        name.push(".new");
        let fresh = PathBuf::from(name);
        let mut file = fs::File::create(&fresh)?;
        serde_json::to_writer(&mut file, state)?;
        file.flush()?;
        file.sync_data()?;
        fs::rename(&fresh, &self.0)
    }

    /// The export is finished.
    pub fn remove(&self) -> io::Result<()> {
        match fs::remove_file(&self.0) {
            Err(err) if err.kind() != io::ErrorKind::NotFound => Err(err),
            _ => Ok(()),
        }
    }

    /// Its name, for people.
    pub fn path(&self) -> &Path {
        &self.0
    }
}
