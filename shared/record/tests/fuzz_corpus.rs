//! Every input that fuzzing kept holds what the fuzz targets check: what once
//! failed does not come back, and no fuzzer is needed to see it.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

#[path = "../fuzz/checks.rs"]
mod checks;

use std::fs;
use std::path::Path;

/// The seeds, a file each, and what fuzzing kept, a line of base64 each.
fn corpus(target: &str, check: impl Fn(&[u8])) {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    let mut inputs = 0;
    for file in fs::read_dir(directory.join(target)).unwrap() {
        check(&fs::read(file.unwrap().path()).unwrap());
        inputs += 1;
    }
    for line in fs::read_to_string(directory.join(format!("{target}.base64"))).unwrap().lines() {
        check(&base64_simd::STANDARD.decode_to_vec(line).unwrap());
        inputs += 1;
    }
    assert!(inputs > 100, "{inputs} inputs in {}", directory.display());
}

#[test]
fn decode() {
    corpus("decode", checks::decode);
}

#[test]
fn stitch() {
    corpus("stitch", checks::stitch);
}

#[test]
fn parse() {
    corpus("parse", checks::parse);
}

#[test]
fn redact() {
    corpus("redact", checks::redact);
}

#[test]
fn logql() {
    corpus("logql", checks::logql);
}
