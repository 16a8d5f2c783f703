//! CloudWatch embedded metric format: one JSON line on standard output becomes
//! metrics without an API call.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

/// The metrics of one invocation: counts under one namespace, by function and,
/// where it is asked for, by one thing more.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: String,
    function: String,
    dimension: Option<(&'static str, String)>,
    counts: Vec<(&'static str, u64)>,
}

impl Metrics {
    /// No metrics yet, in `namespace`, with the dimension `Function`.
    pub fn new(namespace: impl Into<String>, function: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), function: function.into(), dimension: None, counts: Vec::new() }
    }

    /// The same with one dimension more. Each value is a metric of its own and
    /// billed as one: values come from a bounded set, never from a log line.
    pub fn by(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.dimension = Some((name, value.into()));
        self
    }

    /// Adds a count. At most 100 names may be added (a limit of the format).
    pub fn count(&mut self, name: &'static str, value: u64) -> &mut Self {
        self.counts.push((name, value));
        self
    }

    /// The line as the format wants it, for the time `now_millis`.
    pub fn to_line(&self, now_millis: i64) -> String {
        let metrics: Vec<Value> =
            self.counts.iter().map(|(name, _)| json!({"Name": name, "Unit": "Count"})).collect();
        let mut dimensions = vec!["Function"];
        dimensions.extend(self.dimension.iter().map(|(name, _)| *name));
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({"Timestamp": now_millis, "CloudWatchMetrics": [{
                "Namespace": self.namespace, "Dimensions": [dimensions], "Metrics": metrics}]}),
        );
        line.insert("Function".into(), json!(self.function));
        if let Some((name, value)) = &self.dimension {
            line.insert((*name).into(), json!(value));
        }
        for (name, value) in &self.counts {
            line.insert((*name).into(), json!(value));
        }
        Value::Object(line).to_string()
    }

    /// Writes the line to standard output.
    pub fn emit(&self, now_millis: i64) -> io::Result<()> {
        writeln!(io::stdout().lock(), "{}", self.to_line(now_millis))
    }
}

/// The most dimensions of a metric.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
pub const MAX_DIMENSIONS: usize = 30;
/// The most characters of a dimension's value (the same source).
pub const MAX_DIMENSION_CHARS: usize = 1024;

/// A value of a metric that an operator's rule names.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// The metric's name.
    pub name: String,
    /// Names and values, at most [`MAX_DIMENSIONS`]; none is called like the metric.
    pub dimensions: Vec<(String, String)>,
    /// The value, a finite number.
    pub value: f64,
    /// Its time, in milliseconds since the epoch.
    pub at_ms: i64,
}

impl Sample {
    /// The line as the format wants it.
    pub fn to_line(&self, namespace: &str) -> String {
        let names: Vec<&str> = self.dimensions.iter().map(|(name, _)| name.as_str()).collect();
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({"Timestamp": self.at_ms, "CloudWatchMetrics": [{
                "Namespace": namespace, "Dimensions": [names], "Metrics": [{"Name": self.name}]}]}),
        );
        line.extend(self.dimensions.iter().map(|(name, value)| (name.clone(), json!(value))));
        line.insert(self.name.clone(), json!(self.value));
        Value::Object(line).to_string()
    }

    /// Writes the lines of samples to standard output.
    pub fn emit_all(samples: &[Self], namespace: &str) -> io::Result<()> {
        let mut out = io::stdout().lock();
        samples.iter().try_for_each(|sample| writeln!(out, "{}", sample.to_line(namespace)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_a_metric_with_its_own_time_and_dimensions() {
        let dimensions = vec![("path".to_owned(), "/a".to_owned()), ("service".to_owned(), "api".to_owned())];
        let sample = Sample { name: "api:errors".into(), dimensions, value: 0.25, at_ms: 60_000 };
        let line: Value = serde_json::from_str(&sample.to_line("Catchment/prod/Rules")).unwrap();
        let expected = json!({
            "_aws": {"Timestamp": 60_000, "CloudWatchMetrics": [{
                "Namespace": "Catchment/prod/Rules", "Dimensions": [["path", "service"]],
                "Metrics": [{"Name": "api:errors"}]}]},
            "path": "/a", "service": "api", "api:errors": 0.25
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn the_line_is_what_cloudwatch_reads() {
        let mut metrics = Metrics::new("Catchment", "ingest");
        metrics.count("EventsReceived", 3).count("EventsArchived", 2);
        let line: Value = serde_json::from_str(&metrics.to_line(1_700_000_000_000)).unwrap();
        assert_eq!(line["EventsReceived"], 3);
        assert_eq!(line["Function"], "ingest");
        let directive = &line["_aws"]["CloudWatchMetrics"][0];
        assert_eq!(directive["Namespace"], "Catchment");
        assert_eq!(directive["Metrics"][1], json!({"Name": "EventsArchived", "Unit": "Count"}));
        assert_eq!(line["_aws"]["Timestamp"], 1_700_000_000_000_i64);
    }

    #[test]
    fn a_dimension_more_is_another_metric_of_the_same_name() {
        let mut metrics = Metrics::new("Catchment", "ingest").by("Filter", "health-checks");
        metrics.count("EventsFiltered", 7);
        let line: Value = serde_json::from_str(&metrics.to_line(0)).unwrap();
        assert_eq!(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], json!([["Function", "Filter"]]));
        assert_eq!((&line["Filter"], &line["EventsFiltered"]), (&json!("health-checks"), &json!(7)));
    }
}
