//! Alerts, silences and history as tables and as JSON.

use catchment_alert::{HistoryEntry, NAME_LABEL, Owed, Phase, RuleState, SeriesState, Silence};
use catchment_logql::{Labels, format_duration, format_value};
use serde_json::{Value, json};

use super::args::Form;
use crate::output::summary;
use crate::when::shown;

/// What `catchment alerts list` shows.
#[derive(Debug)]
pub struct Listed {
    /// The states of all rules.
    pub states: Vec<RuleState>,
    /// The groups, and the last evaluation of each in milliseconds.
    pub groups: Vec<(String, i64)>,
    /// What is not out yet.
    pub owed: Vec<Owed>,
    /// What waits for an operator.
    pub parked: Vec<Owed>,
    /// Now, in milliseconds.
    pub now_ms: i64,
}

impl Listed {
    /// In a form.
    pub fn shown(&self, form: Form) -> String {
        match form {
            Form::Table => self.tables(),
            Form::Json => self.json().to_string(),
        }
    }

    /// What is on or about to be, the longest first.
    fn active(&self) -> Vec<(&RuleState, &SeriesState)> {
        let series = self.states.iter().flat_map(|rule| rule.series.iter().map(move |state| (rule, state)));
        let mut active: Vec<_> = series.filter(|(_, state)| state.phase != Phase::Resolved).collect();
        active.sort_by_key(|(_, state)| (state.phase == Phase::Pending, state.active_at_ms));
        active
    }

    fn unhealthy(&self) -> impl Iterator<Item = &RuleState> {
        self.states.iter().filter(|state| state.health.ailment.is_some())
    }

    fn tables(&self) -> String {
        let mut parts = Vec::new();
        let active = self.active();
        if active.is_empty() {
            parts.push("no alert is on".to_owned());
        } else {
            let rows = active.iter().map(|(rule, state)| {
                vec![
                    rule.facts.name.clone(),
                    phase(state.phase).to_owned(),
                    shown(since_ms(state)),
                    against(state.value, rule.facts.threshold),
                    own_labels(&state.labels),
                    state.muted.as_ref().map(ToString::to_string).unwrap_or_default(),
                ]
            });
            parts.push(summary(&["alert", "state", "since", "value", "labels", "muted"], rows));
        }
        let ill: Vec<Vec<String>> = self.unhealthy().map(ailment_row).collect();
        if !ill.is_empty() {
            parts.push(summary(&["rule", "group", "health", "since", "why"], ill));
        }
        if !self.parked.is_empty() {
            let rows = self.parked.iter().map(|owed| {
                vec![owed.message.name.clone(), owed.message.status.word().to_owned(), shown(owed.since_ms)]
            });
            parts.push(summary(&["parked notification", "tells", "since"], rows));
            parts.push("`catchment alerts resend` publishes what is parked".to_owned());
        }
        if !self.owed.is_empty() {
            parts.push(format!(
                "{} notifications are not out yet; evaluate tries each minute",
                self.owed.len()
            ));
        }
        parts.push(self.evaluated());
        parts.join("\n")
    }

    /// How long ago the group that is furthest behind was evaluated.
    fn evaluated(&self) -> String {
        match self.groups.iter().min_by_key(|(_, at_ms)| *at_ms) {
            None => "no rule was evaluated yet".to_owned(),
            Some((group, at_ms)) => format!(
                "{} groups; every rule was evaluated {} ago or later (group {group})",
                self.groups.len(),
                format_duration((self.now_ms - at_ms).max(0) / 1000 * 1000)
            ),
        }
    }

    fn json(&self) -> Value {
        let alerts = self.active().into_iter().map(|(rule, state)| {
            json!({
                "alert": rule.facts.name,
                "group": rule.facts.group,
                "state": phase(state.phase),
                "since": shown(since_ms(state)),
                "labels": state.labels,
                "value": format_value(state.value),
                "peak": format_value(state.peak),
                "threshold": rule.facts.threshold.map(format_value),
                "muted": state.muted.as_ref().map(ToString::to_string),
            })
        });
        let unhealthy = self.unhealthy().filter_map(|rule| {
            let ailment = rule.health.ailment.as_ref()?;
            Some(json!({
                "rule": rule.facts.name,
                "group": rule.facts.group,
                "health": ailment.word(),
                "since": shown(rule.health.since_ms),
                "why": ailment.reason(),
            }))
        });
        let told = |owed: &Owed| json!({"alert": owed.message.name, "tells": owed.message.status, "since": shown(owed.since_ms)});
        json!({
            "alerts": alerts.collect::<Vec<_>>(),
            "unhealthy": unhealthy.collect::<Vec<_>>(),
            "parked": self.parked.iter().map(told).collect::<Vec<_>>(),
            "owed": self.owed.iter().map(told).collect::<Vec<_>>(),
            "evaluated": self.groups.iter().map(|(group, at_ms)| (group.clone(), json!(shown(*at_ms)))).collect::<serde_json::Map<_, _>>(),
        })
    }
}

fn ailment_row(rule: &RuleState) -> Vec<String> {
    let (word, reason) = rule.health.ailment.as_ref().map_or(("ok", ""), |it| (it.word(), it.reason()));
    let facts = &rule.facts;
    vec![
        facts.name.clone(),
        facts.group.clone(),
        word.to_owned(),
        shown(rule.health.since_ms),
        reason.to_owned(),
    ]
}

fn since_ms(state: &SeriesState) -> i64 {
    if state.phase == Phase::Pending { state.active_at_ms } else { state.since_ms() }
}

fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::Pending => "pending",
        Phase::Firing => "firing",
        Phase::Resolved => "resolved",
    }
}

fn against(value: f64, threshold: Option<f64>) -> String {
    match threshold {
        Some(threshold) => format!("{} (threshold {})", format_value(value), format_value(threshold)),
        None => format_value(value),
    }
}

/// The labels without the alert's name.
fn own_labels(labels: &Labels) -> String {
    let own = labels.iter().filter(|(name, _)| *name != NAME_LABEL);
    own.map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(", ")
}

/// The silences, those in force first, then by their end.
pub fn silences(mut silences: Vec<Silence>, now_ms: i64, form: Form) -> String {
    silences.sort_by_key(|silence| (!silence.is_active(now_ms), silence.ends_ms));
    let word = |silence: &Silence| if silence.is_active(now_ms) { "in force" } else { "over" };
    if form == Form::Json {
        let silence = |it: &Silence| {
            json!({
                "id": it.id, "matchers": it.matchers.to_string(), "state": word(it), "starts": shown(it.starts_ms),
                "ends": shown(it.ends_ms), "by": it.by, "comment": it.comment,
            })
        };
        return Value::from(silences.iter().map(silence).collect::<Vec<_>>()).to_string();
    }
    if silences.is_empty() {
        return "there is no silence".to_owned();
    }
    let rows = silences.iter().map(|it| {
        let matchers = it.matchers.to_string();
        vec![
            it.id.clone(),
            word(it).to_owned(),
            shown(it.ends_ms),
            matchers,
            it.by.clone(),
            it.comment.clone(),
        ]
    });
    summary(&["id", "state", "ends", "matchers", "by", "comment"], rows)
}

/// The history, a row a change.
pub fn history(entries: &[HistoryEntry], form: Form) -> String {
    if form == Form::Json {
        return json!(entries).to_string();
    }
    if entries.is_empty() {
        return "nothing happened in this time".to_owned();
    }
    let rows = entries.iter().flat_map(|entry| {
        let row = |change: &catchment_alert::SeriesChange| {
            let of_rule = change.labels == Labels::default();
            let (value, labels) = match of_rule {
                true => (String::new(), entry.reason.clone().unwrap_or_default()),
                false => (format_value(change.value), own_labels(&change.labels)),
            };
            vec![shown(change.at_ms), entry.name.clone(), change.to.word().to_owned(), value, labels]
        };
        let more = (entry.more > 0).then(|| {
            let more = format!("and {} series more", entry.more);
            vec![shown(entry.at_ms), entry.name.clone(), String::new(), String::new(), more]
        });
        entry.changes.iter().map(row).chain(more).collect::<Vec<_>>()
    });
    summary(&["time", "alert", "became", "value", "labels"], rows)
}
