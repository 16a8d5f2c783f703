//! What came of a dry run, for people and for scripts.

use std::collections::BTreeMap;
use std::io::{self, BufWriter, Write};

use catchment_alert::{Episode, NAME_LABEL, RecordedSample, RuleSet};
use catchment_logql::{Labels, format_duration};
use serde_json::{Value, json};

use super::timeline::{Timeline, WIDTH};
use super::{Done, each};
use crate::output::{count, printable, summary};
use crate::when;

/// The most series whose rows are drawn, and the most alerts that are listed: JSON has all.
const MAX_SHOWN: usize = 100;
/// The longest labels that stand before a row, in characters.
const MAX_LABEL_CHARS: usize = 60;

/// Rows over time, and the alerts one by one.
pub fn table(rules: &RuleSet, done: &Done) -> io::Result<()> {
    let mut sink = BufWriter::new(io::stdout().lock());
    let (from, to) = (when::shown(done.from_ms), when::shown(done.to_ms));
    writeln!(
        sink,
        "rules: {}, from {from} to {to}: {} evaluations over {} rows with {} matches",
        count(each(rules).count() as u64),
        count(done.simulated.evaluations),
        count(done.counts.rows),
        count(done.simulated.matched_lines),
    )?;
    if rules.rules().next().is_some() {
        timelines(done, &mut sink)?;
    }
    firings(done, &mut sink)?;
    recorded(&done.simulated.samples, &mut sink)?;
    let failures = &done.simulated.failures;
    if let Some(first) = failures.first() {
        let (rule, at) = (&first.rule, when::shown(first.at_ms));
        let failed = count(done.simulated.failed);
        writeln!(sink, "\n{failed} evaluations failed, {rule} at {at} first: {}", first.reason)?;
    }
    for (rule, cut) in &done.simulated.cut_series {
        writeln!(sink, "\n{rule} has more series than are kept: {} were left out", count(*cut))?;
    }
    sink.flush()
}

fn timelines(done: &Done, sink: &mut impl Write) -> io::Result<()> {
    let mut series: BTreeMap<(&str, &Labels), Vec<&Episode>> = BTreeMap::new();
    for episode in &done.simulated.episodes {
        series.entry((&episode.alert, &episode.labels)).or_default().push(episode);
    }
    if series.is_empty() {
        return writeln!(sink, "\nno alert would have been pending or firing");
    }
    let names: Vec<String> = series.keys().map(|(_, labels)| shown(labels)).collect();
    let width = names.iter().take(MAX_SHOWN).map(|name| name.chars().count()).max().unwrap_or_default();
    let timeline = Timeline::new(done.from_ms, done.to_ms);
    let mut heading = None;
    for (((alert, _), episodes), name) in series.iter().zip(&names).take(MAX_SHOWN) {
        if heading != Some(alert) {
            writeln!(sink, "\n{}", printable(alert))?;
            heading = Some(alert);
        }
        writeln!(sink, "  {name:width$}  {}", timeline.row(episodes))?;
    }
    writeln!(sink, "\n  {:width$}  {}", "", timeline.axis())?;
    writeln!(sink, "  {:width$}  {:>WIDTH$}", "", timeline.legend())?;
    more(series.len(), "series", sink)
}

fn firings(done: &Done, sink: &mut impl Write) -> io::Result<()> {
    let fired: Vec<_> = done.simulated.episodes.iter().filter(|it| it.fired_at_ms.is_some()).collect();
    if fired.is_empty() {
        return Ok(());
    }
    let rows = fired.iter().take(MAX_SHOWN).map(|it| {
        let from = it.fired_at_ms.unwrap_or_default();
        let (to, lasted) = match it.ended_at_ms {
            Some(ended) => (when::shown(ended), format_duration(ended - from)),
            None => ("still on".to_owned(), format_duration((done.to_ms - from) / 1000 * 1000)),
        };
        vec![it.alert.clone(), when::shown(from), to, lasted, it.peak.to_string(), shown(&it.labels)]
    });
    writeln!(sink, "\n{}", summary(&["alert", "firing from", "to", "for", "peak", "labels"], rows))?;
    more(fired.len(), "alerts", sink)
}

fn recorded(samples: &[RecordedSample], sink: &mut impl Write) -> io::Result<()> {
    let mut series: BTreeMap<(&str, &Labels), Vec<f64>> = BTreeMap::new();
    for sample in samples {
        series.entry((&sample.record, &sample.labels)).or_default().push(sample.value);
    }
    if series.is_empty() {
        return Ok(());
    }
    let rows = series.iter().take(MAX_SHOWN).map(|((record, labels), values)| {
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let last = values.last().copied().unwrap_or_default();
        let numbers = [values.len() as f64, least, most, last].map(|number| number.to_string());
        [(*record).to_owned()].into_iter().chain(numbers).chain([shown(labels)]).collect()
    });
    writeln!(sink, "\n{}", summary(&["record", "samples", "least", "most", "last", "labels"], rows))?;
    more(series.len(), "series", sink)
}

fn more(all: usize, what: &str, sink: &mut impl Write) -> io::Result<()> {
    match all.saturating_sub(MAX_SHOWN) {
        0 => Ok(()),
        hidden => writeln!(sink, "{} more {what}; --output json has them", count(hidden as u64)),
    }
}

/// Labels without the name, which stands elsewhere.
fn shown(labels: &Labels) -> String {
    let rest = labels.iter().filter(|(name, _)| *name != NAME_LABEL);
    let rest = Labels::new(rest.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
    let text = printable(&rest.to_string()).replace('\n', " ");
    if text.chars().count() <= MAX_LABEL_CHARS {
        return text;
    }
    text.chars().take(MAX_LABEL_CHARS - 1).chain(['…']).collect()
}

/// All of it as one object.
pub fn json(rules: &RuleSet, done: &Done) -> io::Result<()> {
    let simulated = &done.simulated;
    let labels = |labels: &Labels| -> BTreeMap<String, String> {
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    };
    let time = |ms: Option<i64>| ms.map(when::shown);
    let alerts = simulated.episodes.iter().map(|it| {
        json!({
            "group": it.group, "alert": it.alert, "labels": labels(&it.labels),
            "pending_at": when::shown(it.active_at_ms), "firing_at": time(it.fired_at_ms),
            "resolved_at": time(it.ended_at_ms), "peak": it.peak,
        })
    });
    let samples = simulated.samples.iter().map(|it| {
        json!({
            "record": it.record, "labels": labels(&it.labels), "at": when::shown(it.at_ms), "value": it.value,
        })
    });
    let failures = simulated.failures.iter().map(
        |it| json!({ "group": it.group, "rule": it.rule, "at": when::shown(it.at_ms), "reason": it.reason }),
    );
    let answer = json!({
        "from": when::shown(done.from_ms), "to": when::shown(done.to_ms),
        "rules": each(rules).map(|rule| rule.name.as_str()).collect::<Vec<_>>(),
        "evaluations": simulated.evaluations, "rows": done.counts.rows,
        "matched_lines": simulated.matched_lines,
        "alerts": alerts.collect::<Vec<Value>>(), "samples": samples.collect::<Vec<Value>>(),
        "failed_evaluations": simulated.failed, "failures": failures.collect::<Vec<Value>>(),
        "cut_series": simulated.cut_series,
    });
    writeln!(io::stdout(), "{answer:#}")
}
