//! What is looked for, what is done with it, and how often it was found.

use std::sync::Arc;

use serde::Deserialize;

/// What kind of secret was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// An AWS access key id.
    AwsAccessKey,
    /// An AWS secret access key beside its key id.
    AwsSecretKey,
    /// A PEM, OpenSSH, PGP or PuTTY private key.
    PrivateKey,
    /// A JSON web token.
    Jwt,
    /// A token of a vendor who marks them.
    VendorToken,
    /// The credentials of an `Authorization` scheme (Bearer, Basic, Token, ApiKey).
    Credentials,
    /// The password of a URL.
    UrlPassword,
    /// The value of a field whose name says that it is a secret.
    NamedField,
    /// A payment card number: issuer range, length and Luhn digit are right.
    CreditCard,
    /// A bank account number: country, length and checksum are right.
    Iban,
    /// A US social security number with its dashes. Optional.
    Ssn,
    /// An e-mail address. Optional.
    Email,
    /// A telephone number, international or North American. Optional.
    Phone,
    /// An IPv4 or IPv6 address. Optional.
    IpAddress,
}

impl Rule {
    /// Every rule; a rule's number is its place here.
    pub const ALL: [Self; 14] = [
        Self::AwsAccessKey,
        Self::AwsSecretKey,
        Self::PrivateKey,
        Self::Jwt,
        Self::VendorToken,
        Self::Credentials,
        Self::UrlPassword,
        Self::NamedField,
        Self::CreditCard,
        Self::Iban,
        Self::Ssn,
        Self::Email,
        Self::Phone,
        Self::IpAddress,
    ];

    /// The rule's name, in the configuration and in the column `redactions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AwsAccessKey => "aws_access_key",
            Self::AwsSecretKey => "aws_secret_key",
            Self::PrivateKey => "private_key",
            Self::Jwt => "jwt",
            Self::VendorToken => "vendor_token",
            Self::Credentials => "credentials",
            Self::UrlPassword => "url_password",
            Self::NamedField => "named_field",
            Self::CreditCard => "credit_card",
            Self::Iban => "iban",
            Self::Ssn => "ssn",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::IpAddress => "ip_address",
        }
    }

    /// Whether the rule is off where the configuration does not say otherwise:
    /// these are personal data that many logs need to be of use.
    pub fn is_optional(self) -> bool {
        matches!(self, Self::Ssn | Self::Email | Self::Phone | Self::IpAddress)
    }
}

/// What becomes of a secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Treatment {
    /// `***` stands in its place.
    #[default]
    Mask,
    /// Nothing stands in its place; `null` for a JSON value that is no string.
    Drop,
    /// `hash:` and 16 hexadecimal digits of its HMAC-SHA-256: equal values stay
    /// joinable. Without a key it is masked.
    Hash,
    /// It stays.
    Off,
}

/// The treatment of every rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Treatments([Treatment; Rule::ALL.len()]);

impl Treatments {
    pub(super) fn of(&self, rule: Rule) -> Treatment {
        self.0.get(rule as usize).copied().unwrap_or_default()
    }

    pub(super) fn is_on(&self, rule: Rule) -> bool {
        self.of(rule) != Treatment::Off
    }

    pub(super) fn set(&mut self, rule: Rule, treatment: Treatment) {
        if let Some(slot) = self.0.get_mut(rule as usize) {
            *slot = treatment;
        }
    }
}

impl Default for Treatments {
    fn default() -> Self {
        Self(Rule::ALL.map(|rule| if rule.is_optional() { Treatment::Off } else { Treatment::Mask }))
    }
}

/// The name that a finding is counted under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Name {
    Rule(Rule),
    Custom(Arc<str>),
}

impl Name {
    pub(super) fn as_str(&self) -> &str {
        match self {
            Self::Rule(rule) => rule.as_str(),
            Self::Custom(name) => name,
        }
    }
}

/// How many secrets were redacted, by rule. No allocation while there are none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Redactions(Vec<(Name, u32)>);

impl Redactions {
    /// How many secrets of this kind were redacted.
    pub fn count(&self, rule: Rule) -> u32 {
        self.count_named(rule.as_str())
    }

    /// How many secrets a rule of this name found, a custom pattern's included.
    pub fn count_named(&self, name: &str) -> u32 {
        self.0.iter().find(|(other, _)| other.as_str() == name).map_or(0, |(_, count)| *count)
    }

    /// The names of the rules that found something, each with how often.
    pub fn iter(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|(name, count)| (name.as_str(), *count))
    }

    /// How many secrets were redacted.
    pub fn total(&self) -> u64 {
        self.0.iter().map(|(_, count)| u64::from(*count)).sum()
    }

    /// `jwt:1,named_field:2`, or `None` when nothing was redacted.
    pub fn to_column(&self) -> Option<String> {
        let mut found: Vec<_> = self.0.iter().map(|(name, count)| (name.as_str(), count)).collect();
        found.sort_unstable();
        let found: Vec<_> = found.iter().map(|(name, count)| format!("{name}:{count}")).collect();
        (!found.is_empty()).then(|| found.join(","))
    }

    pub(super) fn add(&mut self, name: &Name) {
        match self.0.iter_mut().find(|(other, _)| other == name) {
            Some((_, count)) => *count = count.saturating_add(1),
            None => self.0.push((name.clone(), 1)),
        }
    }
}
