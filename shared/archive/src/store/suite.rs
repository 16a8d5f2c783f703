//! The suites that every implementation of the ports must pass. They panic where one fails.

#![allow(clippy::expect_used)]

use std::path::Path;

use bytes::Bytes;

use super::{ArchiveStore, Expiry, Listed, MAX_KEYS, ObjectWriter, Put};
use crate::key::ObjectKey;

/// The suite of [`ArchiveStore`]; `salt` keeps its keys apart from those of an earlier run.
pub async fn check_archive_store(store: &impl ArchiveStore, salt: &str) {
    let keys = crate::QuarantineKeys::of_payload(salt.as_bytes());
    let put = async |key, body: &'static [u8]| {
        store.put_if_absent(key, Bytes::from_static(body)).await.expect("a write")
    };
    assert_eq!(put(&keys.payload, b"one").await, Put::Created);
    assert_eq!(put(&keys.payload, b"two").await, Put::AlreadyThere, "written once");
    assert_eq!(put(&keys.reason, b"").await, Put::Created, "another key, an empty object");
}

/// The suite of [`ObjectReader`] and [`ObjectWriter`], over a store that has
/// nothing under `logs/`. `scratch` is a folder for files; `undeletable` is a
/// key that this store will not delete, where the caller could arrange one.
pub async fn check_object_writer(store: &impl ObjectWriter, scratch: &Path, undeletable: Option<ObjectKey>) {
    check_reading(store).await;
    check_files(store, scratch).await;
    check_expiry(store).await;
    check_pages(store).await;
    check_deletion(store, undeletable).await;
}

async fn check_reading(store: &impl ObjectWriter) {
    let key = ObjectKey::new("logs/reading/a");
    store.put_if_absent(&key, Bytes::from_static(b"0123456789")).await.expect("a write");
    assert_eq!(store.get(&key).await.expect("a read").as_deref(), Some(&b"0123456789"[..]));
    let range = async |range| store.get_range(&key, range).await.expect("a read").expect("an object");
    assert_eq!(range(0..1).await, "0");
    assert_eq!(range(3..7).await, "3456", "the end is not part of the range");
    assert_eq!(range(8..20).await, "89", "the object ends sooner");
    assert_eq!(range(9..10).await, "9");

    let nothing = ObjectKey::new("logs/reading/b");
    assert_eq!(store.get(&nothing).await.expect("an answer"), None);
    assert_eq!(store.get_range(&nothing, 0..4).await.expect("an answer"), None);
}

async fn check_files(store: &impl ObjectWriter, scratch: &Path) {
    let (file, key) = (scratch.join("file"), ObjectKey::new("logs/files/a b+c=ü"));
    // Larger than any buffer on the way, and no two parts alike.
    let body: Vec<u8> = (0..3_000_000_u32).flat_map(u32::to_le_bytes).collect();
    std::fs::write(&file, &body).expect("a scratch file");
    let put = async || store.put_file_if_absent(&key, &file, Expiry::On).await.expect("a write");
    assert_eq!(put().await, Put::Created);
    std::fs::remove_file(&file).expect("a scratch file");
    std::fs::write(&file, "other").expect("another scratch file");
    assert_eq!(put().await, Put::AlreadyThere, "written once");
    assert!(store.get(&key).await.expect("a read").is_some_and(|stored| stored == body), "the first body");
    let listed = store.list("logs/files/", None).await.expect("a listing");
    assert_eq!(listed.iter().map(|listed| listed.bytes).collect::<Vec<_>>(), [12_000_000]);
    assert!(listed.iter().all(|listed| listed.key == key), "a key of any characters");
}

async fn check_expiry(store: &impl ObjectWriter) {
    let expiry = async |key: &ObjectKey| store.expiry(key).await.expect("an answer");
    let key = ObjectKey::new("logs/expiry/a");
    assert_eq!(expiry(&key).await, None);
    assert!(!store.set_expiry(&key, Expiry::Held).await.expect("an answer"), "there is no object");
    store.put_if_absent(&key, Bytes::from_static(b"a")).await.expect("a write");
    assert_eq!(expiry(&key).await, Some(Expiry::On), "what is written expires");
    for wanted in [Expiry::Held, Expiry::Held, Expiry::On] {
        assert!(store.set_expiry(&key, wanted).await.expect("an answer"));
        assert_eq!(expiry(&key).await, Some(wanted));
    }
}

async fn check_pages(store: &impl ObjectWriter) {
    let expected: Vec<ObjectKey> =
        (0..MAX_KEYS + 2).map(|i| ObjectKey::new(format!("logs/pages/dt={}/{i:05}", i / 1001))).collect();
    for key in expected.iter().rev() {
        store.put_if_absent(key, Bytes::from_static(b"x")).await.expect("a write");
    }
    store.put_if_absent(&ObjectKey::new("logs/pages-not"), Bytes::new()).await.expect("a write");
    let first = keys(store.list("logs/pages/", None).await.expect("a page"));
    assert_eq!(first.as_slice(), expected.get(..MAX_KEYS).expect("as many"), "a full page, in order");
    let last = first.last().map(ObjectKey::as_str);
    let second = keys(store.list("logs/pages/", last).await.expect("a page"));
    assert_eq!(second.as_slice(), expected.get(MAX_KEYS..).expect("as many"), "the rest");
    let last = second.last().map(ObjectKey::as_str);
    assert_eq!(store.list("logs/pages/", last).await.expect("a page"), [], "the end");
    assert_eq!(store.list("logs/nowhere/", None).await.expect("a page"), []);
    let within = store.list("logs/pages/dt=0/0001", None).await.expect("a page");
    assert_eq!(within.len(), 10, "a prefix may end within a name");

    let folders = async |prefix| store.folders(prefix).await.expect("folders");
    assert_eq!(folders("logs/pages/").await, ["logs/pages/dt=0/", "logs/pages/dt=1/"]);
    assert_eq!(folders("logs/pages/dt=0/").await, [""; 0], "objects are no folders");
    assert_eq!(folders("logs/nowhere/").await, [""; 0]);
}

async fn check_deletion(store: &impl ObjectWriter, undeletable: Option<ObjectKey>) {
    let there = ["a", "b", "c"].map(|name| ObjectKey::new(format!("logs/deletion/{name}")));
    for key in &there {
        store.put_if_absent(key, Bytes::from_static(b"x")).await.expect("a write");
    }
    let [a, b, c] = there;
    let never = ObjectKey::new("logs/deletion/never");
    let mut wanted = vec![a.clone(), never.clone(), b.clone()];
    if let Some(key) = &undeletable {
        wanted.insert(1, key.clone());
    }
    let mut answer = store.delete(&wanted).await.expect("an answer");
    answer.deleted.sort();
    assert_eq!(answer.deleted, [a, b, never], "what was not there is gone as well");
    let failed: Vec<_> = answer.failed.into_iter().map(|(key, _)| key).collect();
    assert_eq!(failed, undeletable.into_iter().collect::<Vec<_>>(), "what stays is named");
    assert_eq!(keys(store.list("logs/deletion/", None).await.expect("a page")), [c]);
    let nothing = store.delete(&[]).await.expect("an answer");
    assert_eq!((nothing.deleted, nothing.failed), (vec![], vec![]));
}

fn keys(page: Vec<Listed>) -> Vec<ObjectKey> {
    page.into_iter().map(|listed| listed.key).collect()
}
