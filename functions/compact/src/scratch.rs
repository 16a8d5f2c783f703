//! Where outputs stand until they are uploaded.

use std::path::{Path, PathBuf};
use std::{fs, io};

/// What the folders' names begin with; the process's number follows.
const NAME: &str = "catchment-compact-";

/// An empty folder of this process's own in `temp`. What processes that are no more
/// left there goes: one that was killed in a merge leaves up to an object's size, and
/// the disk of an execution environment outlives it.
pub fn scratch_folder(temp: &Path, process: u32) -> io::Result<PathBuf> {
    for entry in fs::read_dir(temp)?.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| name.strip_prefix(NAME)?.parse::<u32>().ok());
        if owner.is_some_and(|owner| owner == process || !Path::new(&format!("/proc/{owner}")).exists()) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    let folder = temp.join(format!("{NAME}{process}"));
    fs::create_dir_all(&folder)?;
    Ok(folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_dead_processes_left_goes_and_nothing_else() {
        let temp = tempfile::tempdir().unwrap();
        // No process has the largest number; process 1 always is.
        for name in ["catchment-compact-4294967295", "catchment-compact-1", "catchment-compact-x", "other"] {
            fs::create_dir(temp.path().join(name)).unwrap();
            fs::write(temp.path().join(name).join("part"), "bytes").unwrap();
        }
        let own = scratch_folder(temp.path(), 4_294_967_294).unwrap();
        fs::write(own.join("part"), "bytes").unwrap();
        assert_eq!(scratch_folder(temp.path(), 4_294_967_294).unwrap(), own);
        assert_eq!(fs::read_dir(&own).unwrap().count(), 0, "emptied");
        let mut left: Vec<_> =
            fs::read_dir(temp.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        left.sort();
        assert_eq!(
            left,
            ["catchment-compact-1", "catchment-compact-4294967294", "catchment-compact-x", "other"]
        );
    }
}
