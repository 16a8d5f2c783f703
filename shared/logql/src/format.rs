//! The canonical text of an expression: one line, one way to write each thing.
//! It reads back as the same tree.

use std::fmt::{self, Display, Formatter};

use crate::ast::{
    BinaryOp, BinaryOperation, Conversion, Expr, Grouping, LabelSelection, LogExpr, Many, MatchingLabels,
    MetricExpr, RangeAggregation, Stage, Unwrap, VectorAggregation,
};
use crate::matcher::LabelMatcher;
use crate::names::{BINARY_OPS, RANGE_OPS, VECTOR_OPS, name_of};
use crate::pipeline::{JsonPath, LabelFilter, LabelFormat, LineFilter, LineMatch};
use crate::units::{format_nanos, quote};

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

fn list<T>(
    f: &mut Formatter<'_>,
    items: &[T],
    mut write: impl FnMut(&mut Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        if i > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}

impl Display for LabelMatcher {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.operator(), quote(self.source()))
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        list(f, &self.matchers, |f, matcher| matcher.fmt(f))?;
        f.write_str("}")?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.operator())?;
        for (i, alternative) in self.alternatives.iter().enumerate() {
            f.write_str(if i > 0 { " or " } else { " " })?;
            match alternative {
                LineMatch::Text(needle) => f.write_str(&quote(needle.text()))?,
                LineMatch::Regex(pattern) => f.write_str(&quote(pattern.source()))?,
                LineMatch::Shape(pattern) => f.write_str(&quote(pattern.source()))?,
                LineMatch::Ip(ip) => write!(f, "ip({})", quote(ip.source()))?,
            }
        }
        Ok(())
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::Json(parser) => {
                f.write_str("| json")?;
                extractions(f, &parser.labels)
            }
            Self::Logfmt(parser) => {
                f.write_str("| logfmt")?;
                f.write_str(if parser.strict { " --strict" } else { "" })?;
                f.write_str(if parser.keeps_empty { " --keep-empty" } else { "" })?;
                extractions(f, &parser.labels)
            }
            Self::Regexp(parser) => write!(f, "| regexp {}", quote(parser.pattern.source())),
            Self::Pattern(pattern) => write!(f, "| pattern {}", quote(pattern.source())),
            Self::Unpack => f.write_str("| unpack"),
            Self::LineFormat(template) => write!(f, "| line_format {}", quote(template.source())),
            Self::LabelFormat(formats) => {
                f.write_str("| label_format ")?;
                list(f, formats, |f, format| match format {
                    LabelFormat::Rename { to, from } => write!(f, "{to}={from}"),
                    LabelFormat::Template { to, template } => write!(f, "{to}={}", quote(template.source())),
                })
            }
            Self::Decolorize => f.write_str("| decolorize"),
            Self::Drop(selections) => {
                f.write_str("| drop ")?;
                list(f, selections, |f, selection| selection.fmt(f))
            }
            Self::Keep(selections) => {
                f.write_str("| keep ")?;
                list(f, selections, |f, selection| selection.fmt(f))
            }
        }
    }
}

fn extractions(f: &mut Formatter<'_>, labels: &[(String, JsonPath)]) -> fmt::Result {
    if !labels.is_empty() {
        f.write_str(" ")?;
    }
    list(f, labels, |f, (name, path)| {
        if path.source() == name { f.write_str(name) } else { write!(f, "{name}={}", quote(path.source())) }
    })
}

impl Display for LabelSelection {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matching(matcher) => matcher.fmt(f),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = |op| name_of(&BINARY_OPS, BinaryOp::Compare(op));
        match self {
            Self::Match(matcher) => matcher.fmt(f),
            Self::Number(name, op, value) => write!(f, "{name} {} {value}", word(*op)),
            Self::Duration(name, op, nanos) => write!(f, "{name} {} {}", word(*op), format_nanos(*nanos)),
            Self::Bytes(name, op, size) => write!(f, "{name} {} {size}B", word(*op)),
            Self::Ip(name, negated, ip) => {
                write!(f, "{name} {} ip({})", if *negated { "!=" } else { "=" }, quote(ip.source()))
            }
            Self::And(filters) => joined(f, filters, " and "),
            Self::Or(filters) => joined(f, filters, " or "),
        }
    }
}

fn joined(f: &mut Formatter<'_>, filters: &[LabelFilter], word: &str) -> fmt::Result {
    for (i, filter) in filters.iter().enumerate() {
        if i > 0 {
            f.write_str(word)?;
        }
        match filter {
            LabelFilter::And(_) | LabelFilter::Or(_) => write!(f, "({filter})")?,
            single => single.fmt(f)?,
        }
    }
    Ok(())
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let label = &self.label;
        match self.conversion {
            Conversion::Number => write!(f, "| unwrap {label}"),
            Conversion::Bytes => write!(f, "| unwrap bytes({label})"),
            Conversion::Duration => write!(f, "| unwrap duration({label})"),
        }?;
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::By(names) => write!(f, "by ({})", names.join(", ")),
            Self::Without(names) => write!(f, "without ({})", names.join(", ")),
        }
    }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", name_of(&RANGE_OPS, self.op))?;
        if let Some(parameter) = self.parameter {
            write!(f, "{parameter}, ")?;
        }
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, " [{}]", format_nanos(self.range_nanos))?;
        if self.offset_nanos != 0 {
            write!(f, " offset {}", format_nanos(self.offset_nanos))?;
        }
        f.write_str(")")?;
        self.grouping.iter().try_for_each(|grouping| write!(f, " {grouping}"))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(name_of(&VECTOR_OPS, self.op))?;
        if let Some(grouping) = &self.grouping {
            write!(f, " {grouping} ")?;
        }
        f.write_str("(")?;
        if let Some(k) = self.parameter {
            write!(f, "{k}, ")?;
        }
        write!(f, "{})", self.inner)
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Number(number) => write!(f, "{number}"),
            Self::Vector(number) => write!(f, "vector({number})"),
            Self::Range(range) => range.fmt(f),
            Self::Aggregation(aggregation) => aggregation.fmt(f),
            Self::Binary(binary) => binary.fmt(f),
            Self::LabelReplace(replace) => write!(
                f,
                "label_replace({}, {}, {}, {}, {})",
                replace.inner,
                quote(&replace.destination),
                quote(&replace.replacement),
                quote(&replace.source),
                quote(replace.pattern.source())
            ),
        }
    }
}

impl Display for BinaryOperation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let strength = self.op.precedence();
        let power = self.op == BinaryOp::Power;
        side(f, &self.left, strength + u8::from(power))?;
        write!(f, " {}", name_of(&BINARY_OPS, self.op))?;
        if self.matching.returns_bool {
            f.write_str(" bool")?;
        }
        match &self.matching.labels {
            Some(MatchingLabels::On(names)) => write!(f, " on ({})", names.join(", "))?,
            Some(MatchingLabels::Ignoring(names)) => write!(f, " ignoring ({})", names.join(", "))?,
            None => {}
        }
        match &self.matching.many {
            Some(Many::Left(names)) => write!(f, " group_left ({})", names.join(", "))?,
            Some(Many::Right(names)) => write!(f, " group_right ({})", names.join(", "))?,
            None => {}
        }
        f.write_str(" ")?;
        side(f, &self.right, strength + u8::from(!power))
    }
}

/// An operand, in parentheses when its operator binds less.
fn side(f: &mut Formatter<'_>, expr: &MetricExpr, least: u8) -> fmt::Result {
    match expr {
        MetricExpr::Binary(binary) if binary.op.precedence() < least => write!(f, "({expr})"),
        _ => expr.fmt(f),
    }
}
