//! Writes every object of a local archive anew as a merged one, whatever its age:
//! `folded FOLDER`. For the tests of what reads merged files by itself
//! (`tests/test_athena.py`); merging for good is `functions/compact`.

use std::error::Error;

use bytes::Bytes;
use catchment_archive::{
    ArchiveStore, ColumnSet, FolderArchive, MergedWriter, ObjectKey, ObjectReader, ObjectWriter, OpenFile,
    Order,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args_os().nth(1).ok_or("give the folder of the archive")?;
    let archive = FolderArchive::new(folder);
    let mut after = None;
    loop {
        let page = archive.list("logs/", after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(()) };
        after = Some(last.key.as_str().to_owned());
        for listed in &page {
            let Some(name) = listed.key.parse().filter(|name| !name.is_merged()) else { continue };
            let mut rows =
                OpenFile::open(&archive, listed).await?.rows(&archive, Order::OldestFirst, ColumnSet::ALL);
            let mut file = Vec::new();
            let mut writer = MergedWriter::new(&mut file)?;
            while let Some(batch) = rows.next_batch().await? {
                batch.rows().try_for_each(|row| writer.push(&row))?;
            }
            let written = writer.finish(std::slice::from_ref(&listed.key))?;
            let key = ObjectKey::of_merged(
                name.class,
                name.day,
                written.first_millis,
                written.last_millis,
                &written.id_hex,
            );
            archive.put_if_absent(&key, Bytes::from(file)).await?;
            let deleted = archive.delete(std::slice::from_ref(&listed.key)).await?;
            if let Some((key, reason)) = deleted.failed.first() {
                return Err(format!("{key} cannot be deleted: {reason}").into());
            }
        }
    }
}
