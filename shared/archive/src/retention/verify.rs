//! Whether a bucket shows that what should be gone is gone, and that what should
//! be there is there. Nothing here reads a bucket: it is told, version by version.

use std::collections::{BTreeMap, BTreeSet};

use catchment_record::RetentionClass;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::hold::{HoldId, Holds};
use super::policy::{NONCURRENT_DAYS, Policy};
use crate::key::ObjectKey;
use crate::store::Expiry;

const MILLIS_PER_DAY: i64 = 86_400_000;
/// How late S3 may carry out a lifecycle rule before it counts as a fault. Rules
/// run once a day, and S3 states no bound; two days are what it usually keeps.
pub const SLACK_DAYS: i64 = 2;
/// The most faults that a report holds; more are counted.
pub const MAX_FAULTS: usize = 10_000;

/// What kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The lifecycle rules are not what the parameters say.
    Lifecycle,
    /// An object should be gone.
    Overdue,
    /// An object that no hold covers has no tag: it never expires.
    Untagged,
    /// An object under a hold has the tag: it will expire.
    HeldWithTag,
    /// An object that Catchment did not write.
    Foreign,
    /// An object was deleted before its time, by neither expiry nor compaction.
    DeletedEarly,
    /// A hold cannot be read, or is gone without a release.
    Hold,
}

impl FaultKind {
    /// A word for tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Lifecycle => "lifecycle",
            Self::Overdue => "overdue",
            Self::Untagged => "no tag",
            Self::HeldWithTag => "held, but tagged",
            Self::Foreign => "foreign",
            Self::DeletedEarly => "deleted early",
            Self::Hold => "hold",
        }
    }
}

/// Something that is not as it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// What kind.
    pub kind: FaultKind,
    /// A key or a prefix.
    pub place: String,
    /// What is wrong, and the way out.
    pub message: String,
}

/// A version of an object, or a marker that it was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    /// S3's name of the version.
    pub id: String,
    /// When it was written.
    pub modified_millis: i64,
    /// Its size; 0 for a marker.
    pub bytes: u64,
    /// Whether it only says that the object is deleted.
    pub is_marker: bool,
}

/// A key with all its versions, the newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versions {
    /// The key.
    pub key: ObjectKey,
    /// At least one.
    pub versions: Vec<Version>,
}

impl Versions {
    /// The object as it is now; `None` where it is deleted.
    pub fn current(&self) -> Option<&Version> {
        self.versions.first().filter(|version| !version.is_marker)
    }

    /// The newest version with content, and when it was deleted.
    fn deletion(&self) -> Option<(&Version, i64)> {
        let (newest, rest) = self.versions.split_first()?;
        let content = rest.iter().find(|version| !version.is_marker)?;
        newest.is_marker.then_some((content, newest.modified_millis))
    }
}

/// A deletion that no expiry explains; perhaps a merged object replaces what is gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unexplained {
    /// The object that is gone.
    pub key: ObjectKey,
    /// When it was deleted.
    pub deleted_millis: i64,
}

/// What the bucket holds of a class.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClassTotals {
    /// Objects.
    pub objects: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Of the objects, those that a hold covers.
    pub held: u64,
    /// Objects that were deleted and whose bytes are still there as versions.
    pub deleted: u64,
    /// Of the objects, those whose rows are older than the class keeps: they were
    /// written late (backfilled, replayed), and are kept from then on.
    pub written_late: u64,
    /// The days that have objects.
    pub days: BTreeSet<Date>,
}

impl ClassTotals {
    /// Days without an object between the first and the last that have one, as
    /// ranges, both ends included.
    pub fn gaps(&self) -> Vec<(Date, Date)> {
        let days: Vec<_> = self.days.iter().copied().collect();
        let between = days.windows(2).filter_map(|pair| match pair {
            [before, after] => {
                let (first, last) = (before.tomorrow().ok()?, after.yesterday().ok()?);
                (first <= last).then_some((first, last))
            }
            _ => None,
        });
        between.collect()
    }
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// What is not as it must be, up to [`MAX_FAULTS`].
    pub faults: Vec<Fault>,
    /// How many faults came beyond those.
    pub more_faults: u64,
    /// What the classes hold.
    pub classes: BTreeMap<RetentionClass, ClassTotals>,
    /// Objects in quarantine.
    pub quarantined: u64,
}

impl Report {
    /// Adds a fault.
    pub fn fault(&mut self, kind: FaultKind, place: impl Into<String>, message: impl Into<String>) {
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { kind, place: place.into(), message: message.into() });
        } else {
            self.more_faults += 1;
        }
    }

    /// Every fault, those too that are only counted.
    pub fn fault_count(&self) -> u64 {
        self.faults.len() as u64 + self.more_faults
    }
}

/// Holds a bucket against its policy and its holds, as of a moment.
#[derive(Debug)]
pub struct Verifier<'a> {
    policy: &'a Policy,
    holds: &'a Holds,
    now_millis: i64,
    report: Report,
}

impl<'a> Verifier<'a> {
    /// A verifier that has seen nothing but the holds.
    pub fn new(policy: &'a Policy, holds: &'a Holds, now_millis: i64) -> Self {
        let mut report = Report::default();
        for unreadable in &holds.unreadable {
            report.fault(
                FaultKind::Hold,
                &unreadable.key,
                format!("{}; until it is mended or removed, everything counts as held", unreadable.error),
            );
        }
        for (id, ..) in &holds.released {
            report.fault(
                FaultKind::Hold,
                id.key(),
                format!("its release was begun and not ended; run `catchment retention release {id}` again"),
            );
        }
        Self { policy, holds, now_millis, report }
    }

    /// Takes note of faults found elsewhere.
    pub fn add(&mut self, faults: impl IntoIterator<Item = Fault>) {
        for Fault { kind, place, message } in faults {
            self.report.fault(kind, place, message);
        }
    }

    /// Looks at a key under `logs/`; `expiry` is what its tag says (`None`: it is
    /// not there any more). A deletion that expiry does not explain is given back.
    pub fn see_log(&mut self, object: &Versions, expiry: Option<Expiry>) -> Option<Unexplained> {
        let Some(key) = object.key.parse() else {
            if object.current().is_some() {
                self.report.fault(
                    FaultKind::Foreign,
                    object.key.as_str(),
                    "Catchment did not write it; readers skip it, and no rule may expire it",
                );
            }
            return None;
        };
        let days = self.policy.of(key.class).map_or(0, |policy| policy.days);
        let held = self.holds.covers(key.class, key.first_millis, key.last_millis);
        let totals = self.report.classes.entry(key.class).or_default();
        if let Some((content, deleted_millis)) = object.deletion() {
            totals.deleted += 1;
            let expired = deleted_millis >= content.modified_millis + i64::from(days) * MILLIS_PER_DAY;
            self.see_versions(object);
            return (!expired || held).then(|| Unexplained { key: object.key.clone(), deleted_millis });
        }
        let current = object.current()?;
        totals.objects += 1;
        totals.bytes += current.bytes;
        totals.held += u64::from(held);
        totals.days.insert(key.day);
        totals.written_late +=
            u64::from(self.now_millis - key.last_millis > (i64::from(days) + SLACK_DAYS) * MILLIS_PER_DAY);
        match expiry {
            Some(Expiry::On) if held => self.report.fault(
                FaultKind::HeldWithTag,
                object.key.as_str(),
                "a hold covers it, and yet it has the tag that lets it expire; run `catchment retention reconcile`",
            ),
            Some(Expiry::Held) if !held => self.report.fault(
                FaultKind::Untagged,
                object.key.as_str(),
                "it lacks the tag, so that it never expires, and no hold covers it; run `catchment retention reconcile`",
            ),
            _ => {}
        }
        if !held {
            self.see_age(object.key.as_str(), current, days);
        }
        self.see_versions(object);
        None
    }

    /// Looks at a key under `quarantine/`.
    pub fn see_quarantined(&mut self, object: &Versions) {
        if let Some(current) = object.current() {
            self.report.quarantined += 1;
            self.see_age(object.key.as_str(), current, self.policy.quarantine_days);
        }
        self.see_versions(object);
    }

    /// Looks at a key under `holds/`. `released` are the ids of holds whose
    /// release some version of an object shows.
    pub fn see_hold(&mut self, object: &Versions, released: &BTreeSet<HoldId>) {
        let Some(id) = HoldId::of_key(object.key.as_str()) else { return };
        if object.current().is_none() && !released.contains(&id) {
            self.report.fault(
                FaultKind::Hold,
                object.key.as_str(),
                "it was deleted without a release; remove the delete marker to restore it, and run `catchment \
                 retention reconcile`; by whom is not told by the bucket (CloudTrail may know)",
            );
        }
    }

    /// A deletion that nothing explains.
    pub fn deleted_early(&mut self, unexplained: &Unexplained) {
        let Unexplained { key, deleted_millis } = unexplained;
        let until = time(deleted_millis + i64::from(NONCURRENT_DAYS) * MILLIS_PER_DAY);
        self.report.fault(
            FaultKind::DeletedEarly,
            key.as_str(),
            format!(
                "it was deleted at {} before its time, and no merged object replaces it; remove the delete \
                 marker to restore it, before {until}; by whom is not told by the bucket (CloudTrail may know)",
                time(*deleted_millis)
            ),
        );
    }

    /// The end.
    pub fn finish(self) -> Report {
        self.report
    }

    fn see_age(&mut self, key: &str, current: &Version, days: u32) {
        let due = expires_at(current.modified_millis, days);
        if self.now_millis > due + SLACK_DAYS * MILLIS_PER_DAY {
            let message = format!("it should have expired at {} and is still there", time(due));
            self.report.fault(FaultKind::Overdue, key, message);
        }
    }

    /// Versions that are not current any more, since the one above them was written.
    fn see_versions(&mut self, object: &Versions) {
        for pair in object.versions.windows(2) {
            let [above, version] = pair else { continue };
            let due = expires_at(above.modified_millis, NONCURRENT_DAYS);
            if !version.is_marker && self.now_millis > due + SLACK_DAYS * MILLIS_PER_DAY {
                let message = format!(
                    "its version {} was replaced or deleted, should have been removed at {} and is still there",
                    version.id,
                    time(due)
                );
                self.report.fault(FaultKind::Overdue, object.key.as_str(), message);
            }
        }
    }
}

/// When S3 expires an object: the days after it was written, at the next midnight UTC.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html>
fn expires_at(modified_millis: i64, days: u32) -> i64 {
    let due = modified_millis + i64::from(days) * MILLIS_PER_DAY;
    due.div_euclid(MILLIS_PER_DAY) * MILLIS_PER_DAY + MILLIS_PER_DAY
}

fn time(millis: i64) -> String {
    let time = Timestamp::from_millisecond(millis).unwrap_or(Timestamp::UNIX_EPOCH);
    TimeZone::UTC.to_datetime(time).strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
