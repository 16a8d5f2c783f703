//! Merged files, read back by the crate's own reader.

#![allow(missing_docs, clippy::unwrap_used, clippy::indexing_slicing)]

use bytes::Bytes;
use catchment_archive::{MergedWriter, REPLACES_KEY, SCHEMA_VERSION, StoredRow};
use parquet::file::reader::{FileReader, SerializedFileReader};

#[test]
fn a_merged_file_holds_its_rows_in_their_order() {
    let mut file = Vec::new();
    let mut writer = MergedWriter::new(&mut file).unwrap();
    for (millis, line) in [(5, "one"), (7, "two"), (7, "three")] {
        let row = StoredRow { timestamp: Some(millis), line: Some(line), ..StoredRow::default() };
        writer.push(&row).unwrap();
    }
    let written = writer.finish(&[]).unwrap();
    assert_eq!((written.rows, written.first_millis, written.last_millis), (3, 5, 7));
    assert_eq!(written.bytes, file.len() as u64);
    assert_eq!(written.id_hex.len(), 32);
    let reader = SerializedFileReader::new(Bytes::from(file)).unwrap();
    let pairs = reader.metadata().file_metadata().key_value_metadata().unwrap();
    assert_eq!(pairs[0].value.as_deref(), Some(SCHEMA_VERSION));
    assert!(pairs.iter().all(|pair| pair.key != REPLACES_KEY));
    let lines: Vec<_> = reader
        .get_row_iter(None)
        .unwrap()
        .map(|row| row.unwrap().to_json_value()["line"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["one", "two", "three"]);
}
