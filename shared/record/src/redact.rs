//! Secrets out of a line, before anything else looks at it.
//!
//! One scan over the bytes ([`scan`]) for three kinds of finding: a token that
//! shows by its own form what it is (`AKIA…`, `eyJ….….…`, a private key), a
//! number that proves itself (payment cards, bank accounts), and the value
//! behind a name that says it is a secret (`password=`, `"api_key":`,
//! `Authorization:`), at any depth of JSON, also of JSON inside a JSON string.
//! Personal data and patterns of the operator's own are further passes, made
//! only where the configuration asks for them. JSON stays JSON. Where a value's
//! end cannot be told, the rest is masked: redaction fails closed.
//!
//! Redacting twice changes nothing, and counts nothing twice. The work is linear
//! in the line, whatever it holds.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use crate::config::ConfigFault;

mod custom;
mod escape;
mod hash;
mod named;
mod names;
mod number;
mod personal;
mod rule;
mod scan;
mod settings;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod tests_json;
mod token;
mod value;
mod vendor;

pub use hash::HashKey;
use hash::{HASH_DIGITS, HASH_PREFIX};
use names::Field;
use rule::{Name, Treatments};
pub use rule::{Redactions, Rule, Treatment};
use settings::Settings;
pub use settings::{
    FieldConfig, MAX_FIELDS, MAX_PATTERN_BYTES, MAX_PATTERN_COMPILED_BYTES, MAX_PATTERNS, PatternConfig,
    RedactConfig,
};

/// What stands where a secret was.
pub const MASK: &str = "***";

/// How often a line is scanned until nothing more is found in it; then it is masked whole.
pub const MAX_PASSES: usize = 8;

/// A line without its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'a> {
    /// The line; borrowed when there was nothing to redact.
    pub text: Cow<'a, str>,
    /// What was redacted.
    pub redactions: Redactions,
}

/// Who found a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    Rule(Rule),
    /// A field of the configuration, with its own treatment.
    Field(Treatment),
    /// A pattern of the configuration, by its place there.
    Custom(usize),
}

/// What a secret stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Text between quotes, or part of a text.
    Text,
    /// A word behind a name: nothing at all would make the next word the value.
    Word,
    /// JSON that is no string: what replaces it needs quotes of its own, with so
    /// many backslashes, for JSON to stay JSON.
    Literal(usize),
}

/// A secret: the bytes `start..end` give way.
#[derive(Debug, Clone, Copy)]
struct Finding {
    origin: Origin,
    start: usize,
    end: usize,
    form: Form,
}

impl Finding {
    fn new(rule: Rule, start: usize, end: usize) -> Self {
        let form = if rule == Rule::Credentials { Form::Word } else { Form::Text };
        Self { origin: Origin::Rule(rule), start, end, form }
    }
}

/// A line while it is scanned.
struct Scan<'a> {
    bytes: &'a [u8],
    /// The line looks like JSON from its first byte on.
    is_json: bool,
    treatments: &'a Treatments,
    fields: &'a [Field],
    found: Vec<Finding>,
    /// Where the last finding ended.
    resume: usize,
    /// An AWS key id was found: words of 40 characters are suspect.
    has_aws_key: bool,
    /// No private key ends behind the last one that began.
    no_key_end: bool,
    /// Where the strings of a JSON line are; goes no further than the findings.
    walk: custom::Walk,
}

impl<'a> Scan<'a> {
    #[inline]
    fn new(bytes: &'a [u8], settings: &'a Settings) -> Self {
        Self {
            bytes,
            is_json: is_json(bytes),
            treatments: &settings.treatments,
            fields: &settings.fields,
            found: Vec::new(),
            resume: 0,
            has_aws_key: false,
            no_key_end: false,
            walk: custom::Walk::default(),
        }
    }

    fn is_on(&self, rule: Rule) -> bool {
        self.treatments.is_on(rule)
    }

    fn push(&mut self, mut finding: Finding) {
        if finding.start < self.resume || finding.end <= finding.start {
            return;
        }
        if self.is_json && !self.walk.clamp(self.bytes, &mut finding) {
            return;
        }
        self.resume = finding.end;
        if !is_treated(self.bytes, &finding) {
            self.found.push(finding);
        }
    }
}

/// Whether a line begins as a JSON object or array does, and `[main] text` does not.
fn is_json(bytes: &[u8]) -> bool {
    let mut signs = bytes.iter().filter(|b| !b.is_ascii_whitespace());
    match (signs.next(), signs.next()) {
        (Some(b'{'), Some(next)) => matches!(next, b'"' | b'}'),
        (Some(b'['), Some(next)) => matches!(next, b'"' | b'{' | b'['),
        _ => false,
    }
}

/// Finds secrets and treats them as the configuration says.
#[derive(Debug, Clone, Default)]
pub struct Redactor {
    settings: Arc<Settings>,
    key: Option<HashKey>,
}

/// The default rules, compiled once.
static DEFAULT: LazyLock<Redactor> = LazyLock::new(Redactor::default);

/// The line without its secrets, by the default rules.
pub fn redact(line: &str) -> Redacted<'_> {
    DEFAULT.redact(line)
}

impl Redactor {
    /// A redactor as the configuration says; what is wrong is added to
    /// `faults`. Without a key, what should be hashed is masked.
    pub fn new(config: &RedactConfig, key: Option<HashKey>, faults: &mut Vec<ConfigFault>) -> Self {
        Self { settings: Arc::new(Settings::new(config, faults)), key }
    }

    /// The line without its secrets.
    #[inline]
    pub fn redact<'a>(&self, line: &'a str) -> Redacted<'a> {
        if is_json(line.as_bytes())
            && escape::has_any(line)
            && let Some(plain) = escape::plain(line)
        {
            let Redacted { text, redactions } = self.redact_plain(&plain);
            let text =
                if redactions.total() > 0 { Cow::Owned(text.into_owned()) } else { Cow::Borrowed(line) };
            return Redacted { text, redactions };
        }
        self.redact_plain(line)
    }

    #[inline]
    fn redact_plain<'a>(&self, line: &'a str) -> Redacted<'a> {
        let findings = self.findings(line);
        if findings.is_empty() {
            return Redacted { text: Cow::Borrowed(line), redactions: Redactions::default() };
        }
        let mut redactions = Redactions::default();
        let mut text = self.replace(line, &findings, &mut redactions);
        // What stands where a secret was may show its neighbour in another light:
        // the line is scanned until nothing more is found.
        for _ in 1..MAX_PASSES {
            let findings = self.findings(&text);
            if findings.is_empty() {
                return Redacted { text: Cow::Owned(text), redactions };
            }
            text = self.replace(&text, &findings, &mut redactions);
        }
        let whole = if is_json(line.as_bytes()) { "{\"redacted\":\"***\"}" } else { MASK };
        Redacted { text: Cow::Owned(whole.to_owned()), redactions }
    }

    /// Every finding, in order, none within another. No allocation while there are none.
    #[inline]
    fn findings(&self, line: &str) -> Vec<Finding> {
        let settings = &*self.settings;
        let mut scan = Scan::new(line.as_bytes(), settings);
        scan::scan(&mut scan, &settings.endings);
        if settings.is_default && scan.found.is_empty() {
            return scan.found;
        }
        self.complete(line, scan)
    }

    /// The passes that are made for few lines, and all findings put in order.
    #[cold]
    fn complete(&self, line: &str, mut scan: Scan<'_>) -> Vec<Finding> {
        let mut found = std::mem::take(&mut scan.found);
        if scan.has_aws_key && scan.is_on(Rule::AwsSecretKey) {
            token::find_aws_secrets(scan.bytes, &mut found);
        }
        personal::scan(&scan, &mut found);
        for (index, pattern) in self.settings.patterns.iter().enumerate() {
            if pattern.treatment != Treatment::Off {
                custom::scan(line, index, pattern, scan.is_json, &mut found);
            }
        }
        found.retain(|finding| !is_treated(scan.bytes, finding));
        found.sort_by_key(|finding| finding.start);
        let mut walk = custom::Walk::default();
        let mut kept: Vec<Finding> = Vec::with_capacity(found.len());
        for mut finding in found {
            if finding.form == Form::Text {
                keep_json(&scan, &mut walk, &mut finding);
            }
            if scan.is_json && !walk.clamp(scan.bytes, &mut finding) {
                continue;
            }
            match kept.last_mut() {
                // What overlaps goes with what began before it.
                Some(last) if finding.start < last.end => last.end = last.end.max(finding.end),
                _ => kept.push(finding),
            }
        }
        kept
    }

    fn replace(&self, line: &str, findings: &[Finding], redactions: &mut Redactions) -> String {
        let mut out = String::with_capacity(line.len());
        let mut copied = 0;
        for finding in findings {
            redactions.add(&self.name(finding.origin));
            let (Some(before), Some(secret)) =
                (line.get(copied..finding.start), line.get(finding.start..finding.end))
            else {
                // A finding begins and ends between letters; if ever one did not,
                // nothing after it may pass.
                out.push_str(MASK);
                return out;
            };
            out.push_str(before);
            self.write(&mut out, finding, secret, line.as_bytes().get(finding.end));
            copied = finding.end;
        }
        out.push_str(line.get(copied..).unwrap_or_default());
        out
    }

    /// Writes what stands where `secret` was, with `next` behind it.
    fn write(&self, out: &mut String, finding: &Finding, secret: &str, next: Option<&u8>) {
        let quote = match finding.form {
            Form::Literal(backslashes) => format!("{}\"", "\\".repeat(backslashes)),
            Form::Text | Form::Word => String::new(),
        };
        match (self.treatment(finding.origin), &self.key) {
            (Treatment::Drop, _) => match (finding.form, next) {
                (Form::Literal(_), _) => out.push_str("null"),
                (Form::Text, _)
                | (Form::Word, None | Some(b'&' | b',' | b';' | b')' | b'}' | b']' | b'\n' | b'\r')) => {}
                (Form::Word, _) => out.push_str("''"),
            },
            (Treatment::Hash, Some(key)) => out.extend([&quote, &*key.hash(secret), &quote]),
            (Treatment::Mask | Treatment::Hash | Treatment::Off, _) => out.extend([&quote, MASK, &quote]),
        }
    }

    fn treatment(&self, origin: Origin) -> Treatment {
        match origin {
            Origin::Rule(rule) => self.settings.treatments.of(rule),
            Origin::Field(treatment) => treatment,
            Origin::Custom(index) => {
                self.settings.patterns.get(index).map_or(Treatment::Mask, |p| p.treatment)
            }
        }
    }

    fn name(&self, origin: Origin) -> Name {
        match origin {
            Origin::Rule(rule) => Name::Rule(rule),
            Origin::Field(_) => Name::Rule(Rule::NamedField),
            Origin::Custom(index) => match self.settings.patterns.get(index) {
                Some(pattern) => Name::Custom(pattern.name.clone()),
                None => Name::Rule(Rule::NamedField),
            },
        }
    }
}

/// Whether a finding is what an earlier redaction wrote.
fn is_treated(bytes: &[u8], finding: &Finding) -> bool {
    let Some(text) = bytes.get(finding.start..finding.end) else { return false };
    if value::already_redacted(text) {
        return true;
    }
    let len = HASH_PREFIX.len() + HASH_DIGITS;
    (0..len).any(|back| {
        let Some(start) = finding.start.checked_sub(back) else { return false };
        let is_hash = bytes.get(start..start + len).is_some_and(value::is_hash);
        let is_weak = matches!(
            finding.origin,
            Origin::Custom(_) | Origin::Rule(Rule::Email | Rule::Phone | Rule::IpAddress)
        );
        is_hash && (is_weak || finding.end <= start + len)
    })
}

/// A number that is a JSON value of its own becomes a string.
fn keep_json(scan: &Scan<'_>, walk: &mut custom::Walk, finding: &mut Finding) {
    let is_number = matches!(finding.origin, Origin::Rule(Rule::CreditCard | Rule::Phone | Rule::Ssn));
    if !is_number {
        return;
    }
    if let Some(backslashes) = custom::key_quote(scan.bytes, finding.start) {
        finding.form = Form::Literal(backslashes);
    } else if scan.is_json && !walk.to(scan.bytes, finding.start) {
        finding.form = Form::Literal(0);
    }
}
