//! What the stack's parameters ask for, and whether a bucket's lifecycle rules do it.

use std::collections::BTreeSet;
use std::fmt;

use catchment_record::RetentionClass;

use super::verify::{Fault, FaultKind};
use super::{EXPIRY_TAG, HOLDS_PREFIX};

/// Where payloads stand that could not be decoded.
pub const QUARANTINE_PREFIX: &str = "quarantine/";
/// Days that a deleted object's bytes stay as a version of it, to be restored.
pub const NONCURRENT_DAYS: u32 = 7;
/// Days that S3 wants an object to have been in STANDARD_IA before it moves on.
/// Source: <https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-transition-general-considerations.html>
const INFREQUENT_ACCESS_DAYS: u32 = 30;

/// Another storage class after some days.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Move {
    /// Days after the object was written.
    pub days: u32,
    /// S3's name of the storage class.
    pub storage_class: String,
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} after {} days", self.storage_class, self.days)
    }
}

/// What is to happen with the objects of a retention class.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClassPolicy {
    /// The class.
    pub class: RetentionClass,
    /// Days after which its objects expire.
    pub days: u32,
    /// Where they go before, the earliest first.
    pub moves: Vec<Move>,
}

/// What is to happen with the objects of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Every retention class.
    pub classes: Vec<ClassPolicy>,
    /// Days after which what is in quarantine expires.
    pub quarantine_days: u32,
}

impl Policy {
    /// The policy that the template's parameters state, or what is wrong with
    /// them; `parameter` gives a parameter's value by its name.
    pub fn from_parameters<'p>(parameter: impl Fn(&str) -> Option<&'p str>) -> Result<Self, Vec<String>> {
        let mut faults = Vec::new();
        let mut days = |name: &str| {
            let value = parameter(name);
            match value.map(str::parse::<u32>) {
                Some(Ok(days)) => days,
                Some(Err(err)) => {
                    faults.push(format!("the parameter {name} is \"{}\": {err}", value.unwrap_or_default()));
                    0
                }
                None => {
                    faults.push(format!(
                        "there is no parameter {name}; the stack is of an older version, or not Catchment's"
                    ));
                    0
                }
            }
        };
        let classes = RetentionClass::ALL.map(|class| {
            let title = title(class);
            let moves = [("STANDARD_IA", "InfrequentAccessDays"), ("GLACIER_IR", "GlacierDays")];
            ClassPolicy {
                class,
                days: days(&format!("{title}RetentionDays")),
                moves: moves
                    .iter()
                    .map(|(storage_class, name)| Move {
                        days: days(&format!("{title}{name}")),
                        storage_class: (*storage_class).to_owned(),
                    })
                    .filter(|it| it.days > 0)
                    .collect(),
            }
        });
        let policy = Self { classes: classes.into(), quarantine_days: days("QuarantineRetentionDays") };
        if faults.is_empty() { Ok(policy) } else { Err(faults) }
    }

    /// The policy of a class; `None` where none was stated.
    pub fn of(&self, class: RetentionClass) -> Option<&ClassPolicy> {
        self.classes.iter().find(|it| it.class == class)
    }
}

/// The class as the template's parameters begin: `Short`.
fn title(class: RetentionClass) -> &'static str {
    match class {
        RetentionClass::Short => "Short",
        RetentionClass::Standard => "Standard",
        RetentionClass::Long => "Long",
    }
}

/// A lifecycle rule as the bucket has it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LifecycleRule {
    /// Its name.
    pub id: String,
    /// Whether S3 follows it.
    pub enabled: bool,
    /// The beginning of the keys that it applies to; empty for all.
    pub prefix: String,
    /// The tags, key and value, that an object must have, each of them.
    pub tags: Vec<(String, String)>,
    /// Whether it applies to objects of some sizes only.
    pub by_size: bool,
    /// Days after which current versions expire.
    pub expiration_days: Option<u32>,
    /// The date at which current versions expire, where it is a date.
    pub expiration_date: Option<String>,
    /// Where objects move.
    pub moves: Vec<Move>,
    /// Days after which deleted versions are removed for good.
    pub noncurrent_days: Option<u32>,
}

impl LifecycleRule {
    fn expires(&self) -> bool {
        self.enabled && (self.expiration_days.is_some() || self.expiration_date.is_some())
    }

    /// Whether some key may have both prefixes.
    fn reaches(&self, prefix: &str) -> bool {
        self.prefix.starts_with(prefix) || prefix.starts_with(&self.prefix)
    }

    fn asks_for_the_tag(&self) -> bool {
        self.tags.iter().any(|(key, value)| (key.as_str(), value.as_str()) == EXPIRY_TAG)
    }

    /// Whether it applies to exactly the keys of `prefix`, with these tags.
    fn is_for(&self, prefix: &str, tags: &[(&str, &str)]) -> bool {
        let own: Vec<_> = self.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
        self.prefix == prefix && own == tags && !self.by_size
    }

    fn when(&self) -> String {
        match (&self.expiration_days, &self.expiration_date) {
            (Some(days), _) => format!("after {days} days"),
            (None, Some(date)) => format!("on {date}"),
            (None, None) => "never".to_owned(),
        }
    }
}

/// Every way in which the bucket's rules are not what the policy asks for.
pub fn check_lifecycle(policy: &Policy, rules: &[LifecycleRule]) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut fault = |place: &str, message: String| {
        faults.push(Fault { kind: FaultKind::Lifecycle, place: place.to_owned(), message });
    };
    for ClassPolicy { class, days, moves } in &policy.classes {
        let prefix = format!("logs/class={}/", class.as_str());
        let expected =
            |rule: &LifecycleRule| rule.is_for(&prefix, &[EXPIRY_TAG]) && rule.expiration_days == Some(*days);
        let expiring: Vec<_> = rules.iter().filter(|rule| rule.expires() && rule.reaches(&prefix)).collect();
        if !expiring.iter().any(|rule| expected(rule)) {
            fault(
                &prefix,
                format!("no rule expires objects with the tag after {days} days; deploy the stack again"),
            );
        }
        for rule in expiring.iter().filter(|rule| !expected(rule)) {
            let without = if rule.asks_for_the_tag() { "" } else { ", held ones too" };
            fault(&prefix, format!("the rule \"{}\" expires objects {}{without}", rule.id, rule.when()));
        }
        let found: BTreeSet<_> = rules
            .iter()
            .filter(|rule| rule.enabled && rule.reaches(&prefix))
            .flat_map(|rule| rule.moves.iter().map(|it| (it, rule.is_for(&prefix, &[]))))
            .collect();
        let wanted: BTreeSet<_> = moves.iter().map(|it| (it, true)).collect();
        for (it, _) in wanted.difference(&found) {
            fault(&prefix, format!("no rule moves objects to {it}"));
        }
        for (it, _) in found.difference(&wanted) {
            fault(&prefix, format!("a rule moves objects to {it}, which no parameter asks for"));
        }
        let (infrequent, glacier) = (moves.first(), moves.get(1));
        if let (Some(first), Some(next)) = (infrequent, glacier)
            && next.days < first.days + INFREQUENT_ACCESS_DAYS
        {
            fault(&prefix, format!("{next} comes less than {INFREQUENT_ACCESS_DAYS} days after {first}"));
        }
        for it in moves.iter().filter(|it| it.days >= *days) {
            fault(&prefix, format!("{it} never happens: objects expire after {days} days"));
        }
    }
    let days = policy.quarantine_days;
    let expected =
        |rule: &LifecycleRule| rule.is_for(QUARANTINE_PREFIX, &[]) && rule.expiration_days == Some(days);
    let expiring =
        |prefix: &'static str| rules.iter().filter(move |rule| rule.expires() && rule.reaches(prefix));
    if !expiring(QUARANTINE_PREFIX).any(expected) {
        fault(
            QUARANTINE_PREFIX,
            format!("no rule expires objects after {days} days; deploy the stack again"),
        );
    }
    for rule in expiring(QUARANTINE_PREFIX).filter(|rule| !expected(rule)) {
        fault(QUARANTINE_PREFIX, format!("the rule \"{}\" expires objects {}", rule.id, rule.when()));
    }
    for rule in expiring(HOLDS_PREFIX) {
        fault(HOLDS_PREFIX, format!("the rule \"{}\" expires holds {}", rule.id, rule.when()));
    }
    let removes =
        |rule: &&LifecycleRule| rule.enabled && rule.is_for("", &[]) && rule.noncurrent_days.is_some();
    match rules.iter().find(removes).and_then(|rule| rule.noncurrent_days) {
        Some(NONCURRENT_DAYS) => {}
        Some(days) => fault(
            "every prefix",
            format!("deleted versions are removed after {days} days, not {NONCURRENT_DAYS}"),
        ),
        None => fault(
            "every prefix",
            "no rule removes deleted versions; what expires stays as a version".to_owned(),
        ),
    }
    faults
}
