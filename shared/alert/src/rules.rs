//! A set of rule files, ready to run.

use std::collections::BTreeSet;

use catchment_logql::{Scan, StreamedLeaf};

use crate::adopt::Offered;
use crate::group::{Group, Rule, RuleId};
use crate::leaf::LeafId;
use crate::notify_settings::NotifySettings;
use crate::partial::Partial;
use crate::rule_error::{RuleError, RuleErrors};
use crate::rule_file;
use crate::versions::LeafStarts;

/// A rule file as it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleFile {
    /// Its name, for messages.
    pub name: String,
    /// Its text, YAML.
    pub text: String,
}

/// The rules that come with Catchment, used until an operator puts their own
/// beside the archive.
const EMBEDDED: [(&str, &str); 7] = [
    ("infra/rules/dryad.yaml", include_str!("../../../infra/rules/dryad.yaml")),
    ("infra/rules/errors.yaml", include_str!("../../../infra/rules/errors.yaml")),
    ("infra/rules/logins.yaml", include_str!("../../../infra/rules/logins.yaml")),
    ("infra/rules/requests.yaml", include_str!("../../../infra/rules/requests.yaml")),
    ("infra/rules/lambda.yaml", include_str!("../../../infra/rules/lambda.yaml")),
    ("infra/rules/containers.yaml", include_str!("../../../infra/rules/containers.yaml")),
    ("infra/rules/quiet.yaml", include_str!("../../../infra/rules/quiet.yaml")),
];

/// Rules in their groups. The names of groups are unique.
#[derive(Debug, Clone, Default)]
pub struct RuleSet {
    groups: Vec<Group>,
    leaves: Vec<SharedLeaf>,
    /// Which leaves an entry may concern.
    scan: Scan,
    settings: NotifySettings,
}

/// A leaf that one rule or several ask for.
#[derive(Debug, Clone)]
pub(crate) struct SharedLeaf {
    pub(crate) id: LeafId,
    pub(crate) leaf: StreamedLeaf,
    pub(crate) bucket_ms: i64,
    /// The longest that any of them asks for.
    pub(crate) ttl_ms: i64,
    /// Events at this time and before do not count.
    pub(crate) since_nanos: i64,
}

impl RuleSet {
    /// The rules of all files, or every fault of every file.
    pub fn parse(files: &[RuleFile]) -> Result<Self, RuleErrors> {
        match Self::load(files) {
            (rules, faults) if faults.is_empty() => Ok(rules),
            (_, faults) => Err(RuleErrors(faults)),
        }
    }

    /// The same, where groups that state no interval have this one, in milliseconds.
    pub fn parse_every(files: &[RuleFile], interval_ms: i64) -> Result<Self, RuleErrors> {
        let checked = Self::parse(files)?;
        let rule_files = files.iter().filter(|file| !NotifySettings::is_their_file(&file.name));
        let (groups, faults): (Vec<_>, Vec<_>) =
            rule_files.map(|file| rule_file::read_every(file, interval_ms)).unzip();
        let faults = faults.concat();
        if faults.is_empty() {
            Ok(Self::of(groups.concat(), checked.settings))
        } else {
            Err(RuleErrors(faults))
        }
    }

    /// The rules of the files that have no fault, and the faults of the others.
    pub fn load(files: &[RuleFile]) -> (Self, Vec<RuleError>) {
        let adopted = Self::adopt(files.iter().cloned().map(Offered::from).collect());
        (adopted.set, adopted.faults)
    }

    /// The rules that come with Catchment. A test holds that they have no fault.
    pub fn embedded() -> Self {
        Self::load(&Self::embedded_files()).0
    }

    /// The files that come with Catchment.
    pub fn embedded_files() -> Vec<RuleFile> {
        let named = |path: &str| path.rsplit('/').next().unwrap_or(path).to_owned();
        EMBEDDED.iter().map(|(path, text)| RuleFile { name: named(path), text: (*text).into() }).collect()
    }

    /// The rules of these groups, whose names are unique, told in this way.
    pub(crate) fn of(groups: Vec<Group>, settings: NotifySettings) -> Self {
        let mut leaves: Vec<SharedLeaf> = Vec::new();
        for rule in groups.iter().flat_map(|group| group.rules.iter().chain(&group.records)) {
            for (leaf, of) in rule.expr.leaves().iter().zip(&rule.leaves) {
                match leaves.iter_mut().find(|known| known.id == of.id) {
                    Some(known) => known.ttl_ms = known.ttl_ms.max(of.ttl_ms),
                    None => leaves.push(SharedLeaf {
                        id: of.id.clone(),
                        leaf: leaf.clone(),
                        bucket_ms: of.bucket_ms,
                        ttl_ms: of.ttl_ms,
                        since_nanos: i64::MIN,
                    }),
                }
            }
        }
        Self::counted(groups, leaves, settings)
    }

    fn counted(groups: Vec<Group>, leaves: Vec<SharedLeaf>, settings: NotifySettings) -> Self {
        let scan = Scan::new(leaves.iter().map(|shared| shared.leaf.log()));
        Self { groups, leaves, scan, settings }
    }

    /// The same rules, whose leaves begin as `starts` says: each under an identity of
    /// its own, so that what was counted before a gap is not counted in. A leaf that is
    /// not in it counts all.
    #[must_use]
    pub fn starting(mut self, starts: &LeafStarts) -> Self {
        for leaf in &mut self.leaves {
            if let Some(start) = starts.get(leaf.id.as_str()) {
                leaf.since_nanos = start.since_ms.saturating_mul(1_000_000);
                leaf.id = leaf.id.begun_at(start.since_ms);
            }
        }
        for group in &mut self.groups {
            let query_offset_ms = group.query_offset_ms;
            for rule in group.rules.iter_mut().chain(&mut group.records) {
                for leaf in &mut rule.leaves {
                    if let Some(start) = starts.get(leaf.id.as_str()) {
                        let span_ms = leaf.range_ms + leaf.offset_ms + query_offset_ms;
                        rule.usable_from_ms = rule.usable_from_ms.max(start.usable_from_ms(span_ms));
                        leaf.id = leaf.id.begun_at(start.since_ms);
                    }
                }
            }
        }
        self
    }

    /// The rules that are wanted, in their groups.
    #[must_use]
    pub fn only(self, wanted: impl Fn(&Rule) -> bool) -> Self {
        let mut groups = self.groups;
        for group in &mut groups {
            group.rules.retain(&wanted);
            group.records.retain(&wanted);
        }
        groups.retain(|group| !group.rules.is_empty() || !group.records.is_empty());
        Self::of(groups, self.settings)
    }

    /// Of these rules the leaves that are in `starts`, each under the identity that
    /// [`RuleSet::starting`] gives it, to count what was before.
    #[must_use]
    pub fn counting(&self, starts: &LeafStarts) -> Self {
        let begun = |leaf: &SharedLeaf| {
            let start = starts.get(leaf.id.as_str())?;
            Some(SharedLeaf { id: leaf.id.begun_at(start.since_ms), ..leaf.clone() })
        };
        let leaves = self.leaves.iter().filter_map(begun).collect();
        Self::counted(Vec::new(), leaves, self.settings.clone())
    }

    /// The alerting rules that these partials may have made true before their windows
    /// are over.
    pub fn grown_by(&self, partials: &[Partial]) -> BTreeSet<RuleId> {
        let grown: BTreeSet<&LeafId> = partials.iter().map(|partial| &partial.leaf).collect();
        let of_grown = |rule: &&Rule| rule.leaves.iter().any(|leaf| grown.contains(&leaf.id));
        self.rules().filter(of_grown).filter(|rule| rule.expr.grows()).map(|rule| rule.id.clone()).collect()
    }

    /// The leaves of all rules, each once.
    pub fn leaf_ids(&self) -> impl Iterator<Item = &LeafId> {
        self.leaves.iter().map(|leaf| &leaf.id)
    }

    pub(crate) fn shared_leaves(&self) -> &[SharedLeaf] {
        &self.leaves
    }

    /// By the numbers of [`RuleSet::shared_leaves`].
    pub(crate) fn scan(&self) -> &Scan {
        &self.scan
    }

    /// The same rules, told in this way.
    #[must_use]
    pub fn told_by(self, settings: NotifySettings) -> Self {
        Self { settings, ..self }
    }

    /// How alerts are told: the file `notify.yaml` among the others.
    pub fn settings(&self) -> &NotifySettings {
        &self.settings
    }

    /// The groups, in the order of the files.
    pub fn groups(&self) -> &[Group] {
        &self.groups
    }

    /// All alerting rules.
    pub fn rules(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.rules)
    }

    /// All recording rules.
    pub fn records(&self) -> impl Iterator<Item = &Rule> {
        self.groups.iter().flat_map(|group| &group.records)
    }
}
