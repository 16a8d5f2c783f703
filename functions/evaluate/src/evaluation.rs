//! One rule at one time: from its partials to the series for which its condition holds.

use catchment_alert::{Ailment, Evaluated, Group, PartialStore, Rule};

/// What an evaluation gave.
#[derive(Debug, Clone, Default)]
pub struct Evaluation {
    /// The series for which the condition holds; `None` where there is no answer,
    /// and the alerts stay as they were.
    pub evaluated: Option<Evaluated>,
    /// What ails the rule.
    pub ailment: Option<Ailment>,
}

/// Evaluates a rule over the windows that end at `end_ms`.
///
/// # Errors
/// The store did not answer; the time is to be evaluated again.
pub async fn evaluate<P: PartialStore>(
    partials: &P,
    group: &Group,
    rule: &Rule,
    end_ms: i64,
) -> Result<Evaluation, P::Error> {
    if !rule.is_ready(end_ms) {
        let reason = "its history is still being read from the archive".to_owned();
        return Ok(Evaluation { evaluated: None, ailment: Some(Ailment::NotReady(reason)) });
    }
    let mut windows = Vec::with_capacity(rule.leaves.len());
    for (leaf, (from_ms, to_ms)) in rule.leaves.iter().zip(rule.windows(group, end_ms)) {
        windows.push(partials.window(&leaf.id, from_ms, to_ms).await?);
    }
    Ok(match rule.evaluate(group, windows) {
        Ok(evaluated) => Evaluation { ailment: cut(evaluated.cut_series), evaluated: Some(evaluated) },
        // Trying again would not help.
        Err(why) => Evaluation { evaluated: None, ailment: Some(Ailment::Error(why.to_string())) },
    })
}

fn cut(series: u64) -> Option<Ailment> {
    let reason = || {
        format!(
            "{series} series or more are beyond the limit and not counted; aggregate by fewer labels, or select less"
        )
    };
    (series > 0).then(|| Ailment::Cut(reason()))
}
