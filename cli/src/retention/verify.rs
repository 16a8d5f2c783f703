//! `catchment retention verify`: a bucket read version by version, partition by
//! partition, and held against its policy and its holds.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::sync::Arc;

use catchment_archive::retention::{
    HOLDS_PREFIX, HoldId, Holds, NONCURRENT_DAYS, Policy, QUARANTINE_PREFIX, Report, SLACK_DAYS, Unexplained,
    Verifier, Versions, check_lifecycle,
};
use catchment_archive::{Expiry, Listed, ObjectKey, ObjectReader, ObjectWriter, OpenFile, ReadError};
use catchment_aws::archive::S3Archive;
use catchment_aws::retention::{RetainedBucket, VersionMarker};
use indicatif::ProgressBar;
use tokio::task::JoinSet;

use super::table;
use crate::failure::Failure;
use crate::output::{bytes, count, printable};

/// Tags that are read at once.
const AT_ONCE: usize = 32;

/// Reads the bucket and says what was found.
pub async fn verify(
    archive: &Arc<S3Archive>,
    bucket: &RetainedBucket,
    policy: &Policy,
    now_millis: i64,
    bar: &ProgressBar,
) -> Result<Report, Failure> {
    let holds = Holds::read(archive.as_ref()).await?;
    let mut verifier = Verifier::new(policy, &holds, now_millis);
    verifier.add(check_lifecycle(policy, &bucket.lifecycle().await?));

    let mut keys = Keys::new(bucket, HOLDS_PREFIX);
    let mut objects = Vec::new();
    while let Some(object) = keys.next().await? {
        objects.push(object);
    }
    let released: BTreeSet<_> =
        objects.iter().filter_map(|object| HoldId::of_release_key(object.key.as_str())).collect();
    for object in &objects {
        verifier.see_hold(object, &released);
    }

    let mut keys = Keys::new(bucket, QUARANTINE_PREFIX);
    while let Some(object) = keys.next().await? {
        verifier.see_quarantined(&object);
    }

    let mut keys = Keys::new(bucket, "logs/");
    let mut partition: Vec<Versions> = Vec::new();
    loop {
        let object = keys.next().await?;
        let is_new = match (&object, partition.first()) {
            (Some(object), Some(first)) => folder(&object.key) != folder(&first.key),
            (None, _) => true,
            _ => false,
        };
        if is_new {
            see_partition(archive, bucket, &mut verifier, &partition, bar).await?;
            partition.clear();
        }
        match object {
            Some(object) => partition.push(object),
            None => break,
        }
    }
    Ok(verifier.finish())
}

async fn see_partition(
    archive: &Arc<S3Archive>,
    bucket: &RetainedBucket,
    verifier: &mut Verifier<'_>,
    partition: &[Versions],
    bar: &ProgressBar,
) -> Result<(), Failure> {
    bar.inc_length(partition.len() as u64);
    let expiries = expiries(archive, partition, bar).await?;
    let mut unexplained = Vec::new();
    for object in partition {
        let expiry = expiries.get(&object.key).copied();
        unexplained.extend(verifier.see_log(object, expiry));
    }
    if unexplained.is_empty() {
        return Ok(());
    }
    let replaced = replaced(bucket, partition).await?;
    for it in unexplained.iter().filter(|Unexplained { key, .. }| !replaced.contains(key)) {
        verifier.deleted_early(it);
    }
    Ok(())
}

/// What the tags of the current objects say.
async fn expiries(
    archive: &Arc<S3Archive>,
    partition: &[Versions],
    bar: &ProgressBar,
) -> Result<BTreeMap<ObjectKey, Expiry>, Failure> {
    let mut tasks = JoinSet::new();
    let mut expiries = BTreeMap::new();
    let mut keys = partition.iter().filter(|object| object.current().is_some()).map(|object| &object.key);
    bar.inc(partition.iter().filter(|object| object.current().is_none()).count() as u64);
    loop {
        for key in keys.by_ref().take(AT_ONCE - tasks.len()) {
            let (archive, key) = (Arc::clone(archive), key.clone());
            tasks.spawn(async move {
                let expiry = archive.expiry(&key).await;
                (key, expiry)
            });
        }
        let Some(done) = tasks.join_next().await else { return Ok(expiries) };
        let (key, expiry) = done.map_err(|err| Failure::Rejected(format!("a task ended early: {err}")))?;
        if let Some(expiry) = expiry? {
            expiries.insert(key, expiry);
        }
        bar.inc(1);
    }
}

/// What the merged objects of a partition replace, those too that were replaced themselves.
async fn replaced(bucket: &RetainedBucket, partition: &[Versions]) -> Result<BTreeSet<ObjectKey>, Failure> {
    let merged = partition.iter().filter(|object| object.key.parse().is_some_and(|key| key.is_merged()));
    let contents: Vec<_> = merged
        .filter_map(|object| Some((&object.key, object.versions.iter().find(|version| !version.is_marker)?)))
        .collect();
    let reader = bucket
        .at_versions(contents.iter().map(|(key, version)| ((*key).clone(), version.id.clone())).collect());
    let mut replaced = BTreeSet::new();
    for (key, version) in contents {
        let listed =
            Listed { key: key.clone(), bytes: version.bytes, modified_millis: version.modified_millis };
        replaced.extend(replaces(&reader, &listed).await?);
    }
    Ok(replaced)
}

/// What an object says it replaces; nothing where it is gone or no file of ours.
async fn replaces<S: ObjectReader>(store: &S, listed: &Listed) -> Result<Vec<ObjectKey>, Failure>
where
    Failure: From<S::Error>,
{
    match OpenFile::open(store, listed).await {
        Ok(file) => Ok(file.replaces().to_vec()),
        Err(ReadError::Store { source, .. } | ReadError::List { source, .. }) => Err(source.into()),
        Err(ReadError::Gone { .. } | ReadError::Foreign { .. }) => Ok(Vec::new()),
    }
}

/// A key up to its last slash.
fn folder(key: &ObjectKey) -> &str {
    key.as_str().rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Keys with all their versions, in order.
struct Keys<'b> {
    bucket: &'b RetainedBucket,
    prefix: &'static str,
    page: std::vec::IntoIter<(ObjectKey, catchment_archive::retention::Version)>,
    next: Option<VersionMarker>,
    is_first: bool,
    begun: Option<Versions>,
}

impl<'b> Keys<'b> {
    fn new(bucket: &'b RetainedBucket, prefix: &'static str) -> Self {
        Self { bucket, prefix, page: Vec::new().into_iter(), next: None, is_first: true, begun: None }
    }

    async fn next(&mut self) -> Result<Option<Versions>, Failure> {
        loop {
            for (key, version) in self.page.by_ref() {
                match &mut self.begun {
                    Some(begun) if begun.key == key => begun.versions.push(version),
                    begun => {
                        let done = begun.replace(Versions { key, versions: vec![version] });
                        if done.is_some() {
                            return Ok(done);
                        }
                    }
                }
            }
            if !self.is_first && self.next.is_none() {
                return Ok(self.begun.take());
            }
            self.is_first = false;
            let page = self.bucket.versions(self.prefix, self.next.take()).await?;
            self.page = page.versions.into_iter();
            self.next = page.next;
        }
    }
}

/// Prints what was found.
pub fn print(report: &Report, policy: &Policy, sink: &mut impl Write) -> io::Result<()> {
    let mut classes =
        table(["class", "kept", "objects", "bytes", "oldest day", "newest day", "held", "deleted"]);
    for class in &policy.classes {
        let totals = report.classes.get(&class.class).cloned().unwrap_or_default();
        let day = |day: Option<&jiff::civil::Date>| day.map_or_else(String::new, ToString::to_string);
        classes.add_row([
            class.class.as_str().to_owned(),
            format!("{} days", class.days),
            count(totals.objects),
            bytes(totals.bytes),
            day(totals.days.first()),
            day(totals.days.last()),
            count(totals.held),
            count(totals.deleted),
        ]);
    }
    let mut quarantine = vec![String::new(); 8];
    for (cell, text) in quarantine.iter_mut().zip([
        "quarantine".to_owned(),
        format!("{} days", policy.quarantine_days),
        count(report.quarantined),
    ]) {
        *cell = text;
    }
    classes.add_row(quarantine);
    writeln!(sink, "{classes}")?;
    for (class, totals) in &report.classes {
        for (first, last) in totals.gaps() {
            writeln!(
                sink,
                "{}: no object of {first}{}; whether nothing was logged then the bucket does not tell",
                class.as_str(),
                if first == last { String::new() } else { format!(" to {last}") }
            )?;
        }
        if totals.written_late > 0 {
            writeln!(
                sink,
                "{}: {} objects have older records than the class keeps; they were written late, and expire that \
                 long after they were written",
                class.as_str(),
                count(totals.written_late)
            )?;
        }
    }
    let mut faults = table(["fault", "where", "what"]);
    for fault in &report.faults {
        faults.add_row([fault.kind.as_str(), &printable(&fault.place), &printable(&fault.message)]);
    }
    if !report.faults.is_empty() {
        writeln!(sink, "{faults}")?;
    }
    if report.more_faults > 0 {
        writeln!(sink, "and {} faults more", count(report.more_faults))?;
    }
    if report.fault_count() == 0 {
        writeln!(
            sink,
            "no faults: the lifecycle rules are what the parameters say, nothing is there {SLACK_DAYS} days after it \
             should have gone, what is held has no tag and all else has one, and in the last {NONCURRENT_DAYS} days \
             nothing was deleted but by expiry and compaction"
        )?;
    }
    Ok(())
}
