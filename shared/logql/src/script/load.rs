//! The lines that a script loads.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use super::MAX_REPEATS;
use super::read::Line;
use crate::entry::{Entry, LabelKind};
use crate::metric::Labels;

/// A line of a script.
#[derive(Debug, Clone)]
pub(super) struct ScriptEntry {
    stream: Arc<Labels>,
    metadata: Arc<Labels>,
    at: i64,
    line: String,
}

/// The lines that were loaded, in the order of time.
#[derive(Default)]
pub(super) struct Store {
    entries: Vec<ScriptEntry>,
    /// The same line at the same time with the same metadata is one, in however
    /// many chunks it is (<https://github.com/grafana/loki/pull/21039>).
    all: HashSet<(Arc<Labels>, i64, String, Arc<Labels>)>,
}

impl Entry for ScriptEntry {
    fn timestamp_nanos(&self) -> i64 {
        self.at
    }

    fn line(&self) -> &str {
        &self.line
    }

    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        if let Some(value) = self.stream.get(name) {
            return Some(Cow::Borrowed(value));
        }
        self.metadata.get(name).map(Cow::Borrowed)
    }

    /// Loki's selectors know the stream alone.
    fn selector_label(&self, name: &str) -> Option<Cow<'_, str>> {
        self.stream.get(name).map(Cow::Borrowed)
    }

    fn label_kind(&self, name: &str) -> LabelKind {
        if self.stream.get(name).is_some() { LabelKind::Stream } else { LabelKind::Metadata }
    }

    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.stream.iter().for_each(|(name, value)| visit(name, value));
        self.metadata.iter().for_each(|(name, value)| visit(name, value));
    }
}

impl Store {
    /// The lines in the order of time.
    pub(super) fn entries(&self) -> &[ScriptEntry] {
        &self.entries
    }

    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Reads a line of a `load` block.
    pub(super) fn load(&mut self, text: &str) -> Result<(), String> {
        let mut line = Line::new(text);
        let stream = Arc::new(line.labels()?);
        let template = line.quoted()?;
        line.expect("@")?;
        let start = line.time()?;
        let (mut step, mut count) = (0, 1);
        let mut metadata = Labels::default();
        while !line.is_empty() {
            if let Some(labels) = line.bracketed_labels("metadata")? {
                metadata = labels;
                continue;
            }
            line.expect("[")?;
            line.expect("repeat")?;
            line.expect("every")?;
            step = line.time()?;
            line.expect("for")?;
            let word = line.word(&[']']);
            count = word
                .parse()
                .ok()
                .filter(|count| *count <= MAX_REPEATS)
                .ok_or_else(|| format!("\"{word}\" is no number of repetitions up to {MAX_REPEATS}"))?;
            line.expect("]")?;
        }
        let metadata = Arc::new(renamed(&stream, metadata));
        for (i, at) in (0..count).zip(std::iter::successors(Some(start), |at| at.checked_add(step))) {
            let line = template.replace("{{.i}}", &i.to_string());
            self.add(ScriptEntry { stream: Arc::clone(&stream), metadata: Arc::clone(&metadata), at, line });
        }
        self.entries.sort_by_key(|entry| entry.at);
        Ok(())
    }

    fn add(&mut self, entry: ScriptEntry) {
        let ScriptEntry { stream, metadata, at, line } = &entry;
        if self.all.insert((Arc::clone(stream), *at, line.clone(), Arc::clone(metadata))) {
            self.entries.push(entry);
        }
    }
}

/// Metadata of a name that the stream has is known under another.
fn renamed(stream: &Labels, metadata: Labels) -> Labels {
    let labels = metadata.iter().map(|(name, value)| {
        let name = if stream.get(name).is_some() { format!("{name}_extracted") } else { name.to_owned() };
        (name, value.to_owned())
    });
    Labels::new(labels.collect())
}
