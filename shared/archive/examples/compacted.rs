//! Compacts a local archive as `functions/compact` does a bucket's, at whatever
//! time: `compacted FOLDER MILLIS`. For the tests of what reads merged files by
//! itself (`tests/test_athena.py`).

use std::error::Error;
use std::time::Duration;

use catchment_archive::FolderArchive;
use catchment_archive::compact::{CompactLimits, Compactor, Scope};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [folder, now_millis] = arguments.as_slice() else { return Err("give a folder and a time".into()) };
    let archive = FolderArchive::new(folder);
    let scratch = tempfile::tempdir()?;
    let compactor = Compactor::new(&archive, scratch.path(), CompactLimits::default());
    let report = compactor.run(Scope::default(), now_millis.parse()?, &|| Duration::MAX).await;
    match report.failures.is_empty() && report.foreign == 0 && report.steps_left == 0 {
        true => Ok(()),
        false => Err(format!("{report:?}").into()),
    }
}
