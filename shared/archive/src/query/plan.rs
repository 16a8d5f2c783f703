//! What is read for an expression.

use std::ops::RangeInclusive;

use catchment_logql::{
    Grouping, LabelFilter, LabelFormat, LabelMatcher, LabelSelection, LineMatch, LogExpr, MatchValue,
    MetricExpr, RangeAggregation, RangeOp, STREAM_LABELS, Stage,
};
use catchment_record::severity_name;

use super::row::{columns_of, label_columns};
use crate::read::{Column, ColumnSet, Filter, Lookup, TimeRange};

/// What is read for an expression: no row that belongs to its answer is left out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The milliseconds that entries can be of; the engine knows the nanoseconds.
    pub range: TimeRange,
    /// What holds for every row of the answer.
    pub filter: Filter,
    /// What is looked at.
    pub columns: ColumnSet,
}

const NANOS_A_MILLI: i64 = 1_000_000;

impl Plan {
    /// For the lines from `start_nanos` on, up to `end_nanos`, which does not belong to them.
    /// Every label is read: an answer shows them.
    pub fn of_log(expr: &LogExpr, start_nanos: i64, end_nanos: i64) -> Self {
        let columns = IDENTITY_AND_TIME.and(label_columns()).and(ColumnSet::LINE);
        Self {
            range: range(start_nanos, end_nanos.saturating_sub(1)),
            filter: Conditions::of(expr).filter(),
            columns,
        }
    }

    /// For a metric; `span` is [`catchment_logql::MetricQuery::span`]: what is after
    /// the first time, up to the last.
    pub fn of_metric(expr: &MetricExpr, span: (i64, i64)) -> Self {
        let mut conditions: Option<Conditions> = None;
        let mut columns = IDENTITY_AND_TIME;
        STREAM_LABELS.iter().for_each(|label| add_label(&mut columns, label));
        walk(expr, &mut columns, &mut |aggregation| {
            let these = Conditions::of(&aggregation.log);
            conditions = Some(match conditions.take() {
                Some(others) => others.or(these),
                None => these,
            });
        });
        Self {
            range: range(span.0.saturating_add(1), span.1),
            filter: conditions.map(Conditions::filter).unwrap_or_default(),
            columns,
        }
    }
}

const IDENTITY_AND_TIME: ColumnSet =
    ColumnSet::IDENTITY.and(ColumnSet::of(&[Column::Timestamp, Column::TimeUnixNano]));

/// The milliseconds in which the nanoseconds from `first` to `last` lie.
fn range(first: i64, last: i64) -> TimeRange {
    TimeRange { first_millis: first.div_euclid(NANOS_A_MILLI), last_millis: last.div_euclid(NANOS_A_MILLI) }
}

fn add_label(columns: &mut ColumnSet, label: &str) {
    *columns = columns.and(columns_of(label));
}

/// Visits the range functions, and adds the columns that the expression looks at.
fn walk(expr: &MetricExpr, columns: &mut ColumnSet, visit: &mut dyn FnMut(&RangeAggregation)) {
    let grouped = |columns: &mut ColumnSet, grouping: Option<&Grouping>| {
        // `without` leaves labels of the stream, which are read anyway, and parsed ones.
        if let Some(Grouping::By(names)) = grouping {
            names.iter().for_each(|name| add_label(columns, name));
        }
    };
    match expr {
        MetricExpr::Number(_) | MetricExpr::Vector(_) => {}
        MetricExpr::Range(aggregation) => {
            grouped(columns, aggregation.grouping.as_ref());
            add_columns(aggregation, columns);
            visit(aggregation);
        }
        MetricExpr::Aggregation(aggregation) => {
            grouped(columns, aggregation.grouping.as_ref());
            walk(&aggregation.inner, columns, visit);
        }
        MetricExpr::Binary(binary) => {
            walk(&binary.left, columns, visit);
            walk(&binary.right, columns, visit);
        }
        MetricExpr::LabelReplace(replace) => walk(&replace.inner, columns, visit),
    }
}

/// Adds what the pipeline of a range function looks at.
fn add_columns(aggregation: &RangeAggregation, columns: &mut ColumnSet) {
    let unwrap = aggregation.unwrap.iter();
    let (labels, filters): (Vec<_>, Vec<_>) =
        unwrap.map(|unwrap| (unwrap.label.as_str(), &unwrap.filters)).unzip();
    labels.iter().for_each(|label| add_label(columns, label));
    filters.into_iter().flatten().for_each(|filter| add_names(filter, columns));
    aggregation.log.matchers.iter().for_each(|matcher| add_label(columns, &matcher.name));
    let is_of_bytes = matches!(aggregation.op, RangeOp::BytesOverTime | RangeOp::BytesRate);
    if is_of_bytes {
        *columns = columns.and(ColumnSet::LINE);
    }
    for stage in &aggregation.log.stages {
        match stage {
            Stage::LineFilter(_) => *columns = columns.and(ColumnSet::LINE),
            Stage::LabelFilter(filter) => add_names(filter, columns),
            // A name that a parser finds is another when the entry has such a label;
            // a template can name any.
            _ => *columns = columns.and(ColumnSet::LINE).and(label_columns()),
        }
    }
}

fn add_names(filter: &LabelFilter, columns: &mut ColumnSet) {
    match filter {
        LabelFilter::Match(matcher) => add_label(columns, &matcher.name),
        LabelFilter::Number(name, ..)
        | LabelFilter::Duration(name, ..)
        | LabelFilter::Bytes(name, ..)
        | LabelFilter::Ip(name, ..) => add_label(columns, name),
        LabelFilter::And(filters) | LabelFilter::Or(filters) => {
            filters.iter().for_each(|filter| add_names(filter, columns));
        }
    }
}

/// Nothing is within.
const NONE: RangeInclusive<i32> = RangeInclusive::new(i32::MAX, i32::MIN);

/// The labels that every record has had since the archive began, so that no
/// parser can give a line another of that name.
const ALWAYS: [&str; 2] = ["request_id", "service"];

/// What the stages so far may have changed.
#[derive(Debug, Default)]
struct Changed<'q> {
    line: bool,
    /// A parser may have found labels that the entry does not have.
    parsed: bool,
    /// Labels that were set or removed.
    labels: Vec<&'q str>,
    /// Any label may be gone.
    kept: bool,
}

impl<'q> Changed<'q> {
    fn note(&mut self, stage: &'q Stage) {
        match stage {
            Stage::LineFilter(_) | Stage::LabelFilter(_) => {}
            Stage::Json(_) | Stage::Logfmt(_) | Stage::Regexp(_) | Stage::Pattern(_) => self.parsed = true,
            Stage::Unpack => (self.parsed, self.line) = (true, true),
            Stage::LineFormat(_) | Stage::Decolorize => self.line = true,
            Stage::LabelFormat(formats) => {
                for format in formats {
                    match format {
                        LabelFormat::Rename { to, from } => self.labels.extend([to.as_str(), from.as_str()]),
                        LabelFormat::Template { to, .. } => self.labels.push(to),
                    }
                }
            }
            Stage::Drop(selections) => self.labels.extend(selections.iter().map(LabelSelection::name)),
            Stage::Keep(_) => self.kept = true,
        }
    }

    /// Whether the label is still the entry's own.
    fn leaves(&self, label: &str) -> bool {
        !self.kept && !self.labels.contains(&label) && (!self.parsed || ALWAYS.contains(&label))
    }
}

/// What holds for every row that an expression lets through; empty or `None`: nothing is known.
#[derive(Debug, Default)]
struct Conditions {
    services: Option<Vec<String>>,
    severity: Option<RangeInclusive<i32>>,
    lookups: Vec<Lookup>,
    contains: Vec<String>,
}

impl Conditions {
    fn of(expr: &LogExpr) -> Self {
        let mut conditions = Self::default();
        expr.matchers.iter().for_each(|matcher| conditions.demand(matcher));
        let mut changed = Changed::default();
        for stage in &expr.stages {
            match stage {
                Stage::LineFilter(filter) if !changed.line && !filter.negated => {
                    if let [LineMatch::Text(needle)] = filter.alternatives.as_slice()
                        && !needle.text().is_empty()
                    {
                        conditions.contains.push(needle.text().to_owned());
                    }
                }
                Stage::LabelFilter(filter) => conditions.demand_filter(filter, &changed),
                _ => changed.note(stage),
            }
        }
        conditions
    }

    fn demand_filter(&mut self, filter: &LabelFilter, changed: &Changed<'_>) {
        match filter {
            LabelFilter::Match(matcher) if changed.leaves(&matcher.name) => self.demand(matcher),
            LabelFilter::And(filters) => {
                filters.iter().for_each(|filter| self.demand_filter(filter, changed));
            }
            LabelFilter::Or(filters) => {
                let parts = filters.iter().map(|filter| {
                    let mut part = Self::default();
                    part.demand_filter(filter, changed);
                    part
                });
                if let Some(both) = parts.reduce(Self::or) {
                    self.add(both);
                }
            }
            _ => {}
        }
    }

    /// Both hold.
    fn add(&mut self, other: Self) {
        self.services = match (self.services.take(), other.services) {
            (Some(mut some), Some(others)) => {
                some.retain(|service| others.contains(service));
                Some(some)
            }
            (some, others) => some.or(others),
        };
        self.severity = match (self.severity.take(), other.severity) {
            (Some(a), Some(b)) => Some(*a.start().max(b.start())..=*a.end().min(b.end())),
            (a, b) => a.or(b),
        };
        self.lookups.extend(other.lookups);
        self.contains.extend(other.contains);
    }

    /// One of them holds.
    fn or(mut self, other: Self) -> Self {
        self.services = self.services.zip(other.services).map(|(mut some, others)| {
            some.extend(others);
            some
        });
        self.severity =
            self.severity.zip(other.severity).map(|(a, b)| *a.start().min(b.start())..=*a.end().max(b.end()));
        self.lookups.retain(|lookup| other.lookups.contains(lookup));
        self.contains.retain(|text| other.contains.contains(text));
        self
    }

    /// The entry's own label must match. Nothing is concluded from a matcher that
    /// also holds for entries without the label.
    fn demand(&mut self, matcher: &LabelMatcher) {
        if matcher.accepts("") {
            return;
        }
        let mut demanded = Self::default();
        match matcher.name.as_str() {
            "service" => demanded.services = alternatives(matcher),
            "detected_level" => {
                let accepts = |number: &u8| matcher.accepts(severity_name(*number));
                let (least, most) = ((0..=u8::MAX).find(accepts), (0..=u8::MAX).rfind(accepts));
                demanded.severity =
                    Some(least.zip(most).map_or(NONE, |(least, most)| least.into()..=most.into()));
            }
            name => {
                let (MatchValue::Text(value), false) = (&matcher.value, matcher.negated) else { return };
                let lookup = match name {
                    "request_id" => Lookup::RequestId,
                    "trace_id" => Lookup::TraceId,
                    "user_id" => Lookup::UserId,
                    _ => return,
                };
                demanded.lookups.push(lookup(value.clone()));
            }
        }
        self.add(demanded);
    }

    fn filter(mut self) -> Filter {
        // A filter without services wants any.
        if self.services.as_ref().is_some_and(Vec::is_empty) {
            self.severity = Some(NONE);
        }
        let mut services = self.services.unwrap_or_default();
        services.sort();
        services.dedup();
        Filter { services, severity: self.severity, lookups: self.lookups, contains: self.contains }
    }
}

/// The texts of which one must be the value, where that is all that the matcher
/// says: `a|b` matches the whole value, in the same case.
fn alternatives(matcher: &LabelMatcher) -> Option<Vec<String>> {
    let is_plain =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_/".contains(&byte));
    match &matcher.value {
        _ if matcher.negated => None,
        MatchValue::Text(value) => Some(vec![value.clone()]),
        MatchValue::Regex(pattern) => {
            let parts: Vec<_> = pattern.source().split('|').collect();
            parts.iter().all(|part| is_plain(part)).then(|| parts.into_iter().map(str::to_owned).collect())
        }
    }
}
