//! What is exported: the arguments as the reading library takes them, and as a
//! text that tells two exports apart.

use std::fmt::Write;

use catchment_archive::{Filter, Lookup, MergeLimits, Order, TimeRange};
use catchment_logql::format_duration;
use catchment_record::RetentionClass;
use jiff::Timestamp;

use super::args::{ExportArgs, ExportOrder};

/// A query of the archive.
#[derive(Debug, Clone)]
pub struct Query {
    /// What was typed, without what does not change the rows.
    pub text: String,
    /// When.
    pub range: TimeRange,
    /// In which classes.
    pub classes: Vec<RetentionClass>,
    /// Which rows.
    pub filter: Filter,
    /// Which first.
    pub order: Order,
    /// How many at most.
    pub limit: Option<u64>,
}

impl Query {
    /// The query that was typed at `now`.
    pub fn new(args: &ExportArgs, now_millis: i64) -> Self {
        let first_millis = match (args.since, args.from) {
            (Some(ago), _) => now_millis.saturating_sub(ago),
            (None, from) => from.unwrap_or(i64::MIN),
        };
        // The end is the first moment that is not wanted.
        let end_millis = args.to.unwrap_or(now_millis.saturating_add(1));
        Self {
            text: text(args),
            range: TimeRange { first_millis, last_millis: end_millis.saturating_sub(1) },
            classes: args.archive.classes(),
            filter: Filter {
                services: args.service.clone(),
                severity: args.severity.map(|least| least.number()..=24),
                lookups: args.request_id.iter().cloned().map(Lookup::RequestId).collect(),
                contains: args.contains.clone(),
            },
            order: match args.order {
                ExportOrder::Oldest => Order::OldestFirst,
                ExportOrder::Newest => Order::NewestFirst,
            },
            limit: args.limit,
        }
    }

    /// What is left of `wanted`, first and last millisecond, when all up to
    /// `reached` is there; `None` where nothing is.
    pub fn rest(&self, (mut first, mut last): (i64, i64), reached: Option<i64>) -> Option<TimeRange> {
        match (reached, self.order) {
            (None, _) => {}
            (Some(time), Order::OldestFirst) => first = first.max(time.checked_add(1)?),
            (Some(time), Order::NewestFirst) => last = last.min(time.checked_sub(1)?),
        }
        (first <= last).then_some(TimeRange { first_millis: first, last_millis: last })
    }
}

impl Query {
    /// `rest`, and what is next to it of `wanted`, in which a reader finds rows that others repeat.
    pub fn with_repeats(&self, rest: TimeRange, wanted: (i64, i64)) -> TimeRange {
        let window = MergeLimits::default().window_millis;
        match self.order {
            Order::OldestFirst => {
                TimeRange { first_millis: rest.first_millis.saturating_sub(window).max(wanted.0), ..rest }
            }
            Order::NewestFirst => {
                TimeRange { last_millis: rest.last_millis.saturating_add(window).min(wanted.1), ..rest }
            }
        }
    }
}

/// The options, in one order, whatever order they were typed in.
fn text(args: &ExportArgs) -> String {
    let mut text = match (&args.archive.from_folder, &args.archive.bucket) {
        (Some(folder), _) => format!("--from-folder {folder:?}"),
        (None, Some(bucket)) => format!("--bucket {bucket:?}"),
        (None, None) => format!("--stack {:?}", args.stack),
    };
    // Writing to a String does not fail.
    let mut add = |name: &str, value: String| write!(text, " --{name} {value}").unwrap_or_default();
    if let Some(ago) = args.since {
        add("since", format_duration(ago));
    }
    for (name, time) in [("from", args.from), ("to", args.to)] {
        if let Some(time) = time {
            add(name, Timestamp::from_millisecond(time).map_or(time.to_string(), |time| time.to_string()));
        }
    }
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    for class in sorted(args.archive.class.iter().map(|class| class.as_str().to_owned()).collect()) {
        add("class", class);
    }
    for service in sorted(args.service.clone()) {
        add("service", format!("{service:?}"));
    }
    if let Some(id) = &args.request_id {
        add("request-id", format!("{id:?}"));
    }
    if let Some(severity) = args.severity {
        add("severity", format!("{severity:?}").to_lowercase());
    }
    for part in sorted(args.contains.clone()) {
        add("contains", format!("{part:?}"));
    }
    add("order", format!("{:?}", args.order).to_lowercase());
    if let Some(limit) = args.limit {
        add("limit", limit.to_string());
    }
    add("format", args.format.as_str().to_owned());
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    use crate::args::{Cli, Command};

    fn typed(args: &[&str]) -> Query {
        let cli = Cli::try_parse_from(["catchment", "export"].iter().chain(args)).unwrap();
        let Command::Export(args) = cli.command else { panic!("an export") };
        Query::new(&args, 10_000_000)
    }

    #[test]
    fn what_was_typed_is_what_is_read() {
        let query = typed(&[
            "--since",
            "1h",
            "--class",
            "short",
            "--severity",
            "warn",
            "--request-id",
            "r",
            "--service",
            "b",
            "--service",
            "a",
            "--contains",
            "x",
        ]);
        assert_eq!(query.range, TimeRange { first_millis: 6_400_000, last_millis: 10_000_000 });
        assert_eq!(query.classes, [RetentionClass::Short]);
        assert_eq!(query.filter.severity, Some(13..=24));
        assert_eq!(query.filter.lookups, [Lookup::RequestId("r".into())]);
        assert_eq!(query.filter.services, ["b", "a"]);
        assert_eq!(
            query.text,
            "--stack \"catchment\" --since 1h --class short --service \"a\" --service \"b\" --request-id \"r\" \
             --severity warn --contains \"x\" --order oldest --format ndjson"
        );
        let query = typed(&[
            "--from",
            "1970-01-01",
            "--to",
            "1970-01-01T00:00:00.002Z",
            "--bucket",
            "b",
            "--limit",
            "3",
        ]);
        assert_eq!(
            query.range,
            TimeRange { first_millis: 0, last_millis: 1 },
            "the end is not wanted itself"
        );
        assert_eq!(query.classes.len(), 3);
        for wrong in [
            &[][..],
            &["--since", "1h", "--from", "1970-01-01"],
            &["--to", "1970-01-01"],
            &["--since", "1h", "--class", "weekly"],
        ] {
            assert!(Cli::try_parse_from(["catchment", "export"].iter().chain(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn the_rest_begins_behind_what_is_there() {
        let (oldest, newest) = (typed(&["--since", "1h"]), typed(&["--since", "1h", "--order", "newest"]));
        let rest = |query: &Query, reached| {
            query.rest((10, 20), reached).map(|it| (it.first_millis, it.last_millis))
        };
        assert_eq!(rest(&oldest, None), Some((10, 20)));
        assert_eq!(rest(&oldest, Some(15)), Some((16, 20)));
        assert_eq!(rest(&oldest, Some(20)), None);
        assert_eq!(rest(&newest, Some(15)), Some((10, 14)));
        assert_eq!(rest(&newest, Some(10)), None);
    }
}
