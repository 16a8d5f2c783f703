//! A record as LogQL sees it: its columns are its labels. Those of the stream tell
//! series apart, the others are metadata: there by name, in every expression.

use std::borrow::Cow;

use catchment_logql::{Entry, LabelKind, STREAM_LABELS};

use crate::record::LogRecord;

/// The labels of a record: what [`LogRecord::label`] knows.
pub const LABELS: [&str; 24] = [
    "account_id",
    "region",
    "log_group",
    "log_stream",
    "service",
    "environment",
    "cluster",
    "workload",
    "instance",
    "container",
    "format",
    "level",
    "severity_text",
    "detected_level",
    "trace_id",
    "span_id",
    "request_id",
    "user_id",
    "event_name",
    "http_method",
    "path",
    "status_code",
    "duration_ms",
    "error_fingerprint",
];

impl Entry for LogRecord<'_> {
    fn timestamp_nanos(&self) -> i64 {
        self.time_unix_nano.unwrap_or_default()
    }

    fn line(&self) -> &str {
        self.line
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        LogRecord::label(self, name)
    }

    fn has_label(&self, name: &str) -> bool {
        match name {
            // Without writing the number.
            "status_code" => self.status_code.is_some(),
            "duration_ms" => self.duration_ms.is_some(),
            name => LogRecord::label(self, name).is_some(),
        }
    }

    fn label_kind(&self, name: &str) -> LabelKind {
        if STREAM_LABELS.contains(&name) { LabelKind::Stream } else { LabelKind::Metadata }
    }

    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        for name in STREAM_LABELS {
            if let Some(value) = LogRecord::label(self, name) {
                visit(name, &value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use catchment_logql::{Expr, SharedLine, StreamedExpr, parse};

    use super::*;
    use crate::parse::EventTime;
    use crate::redact::redact;
    use crate::source::{LogGroup, LogStream, Source};

    /// What `look` sees of a record that says everything.
    fn with_record<T>(look: impl FnOnce(&LogRecord<'_>) -> T) -> T {
        let line = r#"{"level":"ERROR","message":"m","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","span_id":"00f067aa0ba902b7",
            "request_id":"r","user_id":"u","event_type":"user.login","http_method":"GET","path":"/a","status_code":200,"duration_ms":1.5}"#;
        let stream = "ecs/web/0123456789abcdef0123456789abcdef";
        let (group, stream) = (LogGroup::new("/ecs/web"), LogStream::new(stream));
        let mut source = Source::new("123456789012", "eu-west-1", group, stream, "prod");
        source.cluster = Some("main".into());
        let redacted = redact(line);
        look(&LogRecord::parse(&redacted, &source, "1", EventTime::Arrived(1_734_604_215_000)))
    }

    #[test]
    fn a_record_that_says_everything_has_every_label() {
        with_record(|record| {
            for name in LABELS {
                assert!(Entry::label(record, name).is_some_and(|value| !value.is_empty()), "{name}");
                assert!(record.has_label(name), "{name}");
            }
            assert_eq!(Entry::label(record, "no_such_label"), None);
        });
    }

    #[test]
    fn series_are_those_of_the_stream_and_metadata_is_found_by_name() {
        let series = |source: &str| {
            let Ok(Expr::Metric(expr)) = parse(source) else { panic!("{source}") };
            let expr = StreamedExpr::new(expr).unwrap();
            let leaf = expr.leaves().first().unwrap().clone();
            let shared = SharedLine::default();
            with_record(|record| leaf.sample(record, &shared).map(|sample| sample.labels()))
        };
        let count = series(r#"count_over_time({service="web"}[5m])"#).unwrap();
        assert_eq!(count.iter().map(|(name, _)| name).collect::<Vec<_>>(), STREAM_LABELS);
        let by_path = series(r#"sum by (path) (count_over_time({service="web", level="ERROR"}[1h]))"#);
        assert_eq!(by_path, Some([("path", "/a")].into_iter().collect()));
        let relabelled =
            r#"count_over_time({service="web"} | label_format where="{{.path}}" | keep where [5m])"#;
        assert_eq!(series(relabelled), Some([("where", "/a")].into_iter().collect()));
        let kept = series(r#"count_over_time({service="web"} | keep path, service [5m])"#);
        assert_eq!(kept, Some([("path", "/a"), ("service", "web")].into_iter().collect()));
        assert_eq!(series(r#"count_over_time({service="web"} | path="/b" [5m])"#), None);
    }
}
