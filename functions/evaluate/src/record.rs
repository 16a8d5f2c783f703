//! Recording rules: what they come to at a time, as metrics of CloudWatch.
//!
//! A sample is written once its group's time is done, by whoever finished it, with
//! that time: two invocations at once, or one that catches up, write it once.

use catchment_alert::{Group, PartialStore, Rule};
use catchment_aws::emf::{MAX_DIMENSION_CHARS, MAX_DIMENSIONS, Sample};
use catchment_logql::Labels;

use crate::report::Report;

/// The values of a group's recording rules at `at_ms`. What cannot be a metric is left
/// out and counted in the report, as is a rule that has no value.
///
/// # Errors
/// The store did not answer; the time is to be evaluated again.
pub async fn record<P: PartialStore>(
    partials: &P,
    group: &Group,
    at_ms: i64,
    report: &mut Report,
) -> Result<Vec<Sample>, P::Error> {
    let mut samples = Vec::new();
    for rule in group.records.iter().filter(|rule| rule.is_ready(at_ms)) {
        let mut windows = Vec::with_capacity(rule.leaves.len());
        for (leaf, (from_ms, to_ms)) in rule.leaves.iter().zip(rule.windows(group, at_ms)) {
            windows.push(partials.window(&leaf.id, from_ms, to_ms).await?);
        }
        report.rules_evaluated += 1;
        let evaluated = match rule.evaluate(group, windows) {
            Ok(evaluated) => evaluated,
            Err(error) => {
                report.rules_failed += 1;
                tracing::error!(group = group.name, rule = rule.name, %error, "a rule has no value to record");
                continue;
            }
        };
        let mut left_out = evaluated.cut_series;
        for (labels, value) in evaluated.values {
            match sample(rule, &labels, value, at_ms) {
                Some(sample) => samples.push(sample),
                None => left_out += 1,
            }
        }
        if left_out > 0 {
            report.records_left_out += left_out;
            tracing::warn!(
                group = group.name,
                rule = rule.name,
                left_out,
                "values of a recording rule are no metrics: too many series, more than {MAX_DIMENSIONS} labels, or no finite number"
            );
        }
    }
    Ok(samples)
}

/// A value as a metric: the rule's name, with the labels as dimensions.
fn sample(rule: &Rule, labels: &Labels, value: f64, at_ms: i64) -> Option<Sample> {
    let labels = rule.alert_labels(labels, value);
    let dimensions: Vec<_> = labels
        .into_iter()
        .filter_map(|(name, value)| {
            let name =
                if name == rule.name || name.starts_with("_aws") { format!("label_{name}") } else { name };
            dimension_value(&value).map(|value| (name, value))
        })
        .collect();
    let is_metric = value.is_finite() && dimensions.len() <= MAX_DIMENSIONS;
    is_metric.then(|| Sample { name: rule.name.clone(), dimensions, value, at_ms })
}

/// What CloudWatch takes for the value of a dimension: printable ASCII with at least one
/// character that is no blank. Other characters are replaced.
fn dimension_value(text: &str) -> Option<String> {
    let ascii = |c: char| if c == ' ' || c.is_ascii_graphic() { c } else { '?' };
    let value: String = text.chars().take(MAX_DIMENSION_CHARS).map(ascii).collect();
    (!value.trim().is_empty()).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_alert::{RuleFile, RuleSet};

    fn rule(labels: &str) -> Rule {
        let text = format!(
            "groups:\n- name: g\n  rules:\n  - record: api:errors\n    expr: sum(rate({{a=\"b\"}}[5m]))\n    labels: {{{labels}}}\n"
        );
        let rules = RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap();
        rules.records().next().unwrap().clone()
    }

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().copied().collect()
    }

    #[test]
    fn labels_of_the_series_and_of_the_rule_are_dimensions() {
        let series = labels(&[("service", "api"), ("path", "/ünï\n"), ("blank", "  "), ("_aws", "x")]);
        let sample = sample(&rule("team: 'a'"), &series, 1.5, 60_000).unwrap();
        let dimension = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!((sample.name.as_str(), sample.value, sample.at_ms), ("api:errors", 1.5, 60_000));
        let expected = [("label__aws", "x"), ("path", "/?n??"), ("service", "api"), ("team", "a")];
        assert_eq!(sample.dimensions, expected.map(|(name, value)| dimension(name, value)));
    }

    #[test]
    fn what_is_no_metric_is_left_out() {
        for value in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(sample(&rule(""), &labels(&[]), value, 0), None);
        }
        let many = |n: usize| {
            let names: Vec<_> = (0..n).map(|i| format!("label{i}")).collect();
            let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "x")).collect();
            sample(&rule(""), &labels(&pairs), 1.0, 0).is_some()
        };
        assert!(many(MAX_DIMENSIONS) && !many(MAX_DIMENSIONS + 1));
        assert_eq!(dimension_value(&"x".repeat(MAX_DIMENSION_CHARS + 1)).unwrap().len(), MAX_DIMENSION_CHARS);
    }
}
