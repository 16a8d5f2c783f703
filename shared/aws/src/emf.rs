//! CloudWatch embedded metric format: one JSON line on standard output becomes
//! metrics without an API call.
//!
//! Format: <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>.

use std::io::{self, Write};

use serde_json::{Map, Value, json};

/// The metrics of one invocation: counts under one namespace, by function.
#[derive(Debug, Clone)]
pub struct Metrics {
    namespace: String,
    function: String,
    counts: Vec<(&'static str, u64)>,
}

impl Metrics {
    /// No metrics yet, in `namespace`, with the dimension `Function`.
    pub fn new(namespace: impl Into<String>, function: impl Into<String>) -> Self {
        Self { namespace: namespace.into(), function: function.into(), counts: Vec::new() }
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
        let mut line = Map::new();
        line.insert(
            "_aws".into(),
            json!({"Timestamp": now_millis, "CloudWatchMetrics": [{
                "Namespace": self.namespace, "Dimensions": [["Function"]], "Metrics": metrics}]}),
        );
        line.insert("Function".into(), json!(self.function));
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

#[cfg(test)]
mod tests {
    use super::*;

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
}
