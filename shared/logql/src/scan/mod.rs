//! Many pipelines over the same lines: which of them may keep a line, found
//! without running them.
//!
//! Selectors come first: what a label's value says about all expressions is
//! remembered, so that a stream's labels are matched once. Then the texts that
//! line filters ask for, those of all expressions in one pass over the line.
//! What is left goes through its pipeline, with what parsers find in the line
//! shared by all ([`SharedLine`]).
//!
//! Always true: an expression that is left out would have dropped the line.

mod automaton;
mod bits;
mod literals;

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::RandomState;

use crate::ast::LogExpr;
use crate::entry::Entry;
use crate::matcher::LabelMatcher;
use crate::pipeline::SharedLine;
use automaton::TextAutomaton;
use bits::Bits;
use literals::{Clause, Text};

/// The most values of a label whose verdicts are remembered.
const MAX_REMEMBERED_VALUES: usize = 1_000;
/// The selectors and texts of many expressions, prepared once.
#[derive(Debug, Clone, Default)]
pub struct Scan {
    expressions: usize,
    /// The labels that selectors name, those of most expressions first.
    selectors: Vec<Selectors>,
    automaton: Option<TextAutomaton>,
    /// By the number of the automaton's pattern.
    texts: Vec<ScannedText>,
    /// By expression: the clauses that must hold.
    needed: Vec<Bits>,
    clauses: usize,
    /// Expressions that have texts to be looked for.
    looks_at_line: Bits,
}

/// What expressions ask of one label.
#[derive(Debug, Clone)]
struct Selectors {
    label: String,
    /// Each matcher, and the expressions that have it.
    matchers: Vec<(LabelMatcher, Bits)>,
    /// The expressions that have one.
    concerned: Bits,
}

/// A text, and what it says when it is found.
#[derive(Debug, Clone)]
struct ScannedText {
    text: Text,
    /// The clauses that hold.
    fulfils: Vec<usize>,
    /// The expressions that drop the line.
    forbidden_by: Option<Bits>,
}

impl Scan {
    /// Prepares expressions; they are known by their number from here on.
    pub fn new<'a>(expressions: impl IntoIterator<Item = &'a LogExpr>) -> Self {
        let logs: Vec<&LogExpr> = expressions.into_iter().collect();
        let count = logs.len();
        let clauses: Vec<Vec<Clause>> = logs.iter().map(|log| literals::clauses(log)).collect();
        let mut texts = Texts::new(count);
        let needed: Vec<Vec<usize>> =
            clauses.into_iter().enumerate().map(|(number, clauses)| texts.add(number, clauses)).collect();
        let mut looks_at_line = Bits::none(count);
        let looking = needed.iter().enumerate().filter(|(_, needed)| !needed.is_empty()).map(|(i, _)| i);
        looking.for_each(|number| looks_at_line.insert(number));
        texts.all.iter().filter_map(|text| text.forbidden_by.as_ref()).for_each(|expressions| {
            expressions.iter().for_each(|number| looks_at_line.insert(number));
        });
        let automaton = TextAutomaton::new(texts.all.iter().map(|text| text.text.text.as_str()));
        let needed = match &automaton {
            Some(_) => needed,
            None => vec![Vec::new(); count],
        };
        let needed = needed.iter().map(|needed| {
            let mut bits = Bits::none(texts.clauses);
            needed.iter().for_each(|clause| bits.insert(*clause));
            bits
        });
        Self {
            expressions: count,
            selectors: selectors(&logs),
            needed: needed.collect(),
            automaton,
            texts: texts.all,
            clauses: texts.clauses,
            looks_at_line,
        }
    }

    /// Begins to look at entries.
    pub fn start(&self) -> Scanning<'_> {
        Scanning {
            scan: self,
            verdicts: self.selectors.iter().map(|_| HashMap::default()).collect(),
            everything: Bits::all(self.expressions),
            alive: Bits::none(self.expressions),
            found: Bits::none(self.clauses),
            line: SharedLine::default(),
        }
    }
}

/// A pass over entries.
pub struct Scanning<'s> {
    scan: &'s Scan,
    /// By label, then by its value: the expressions whose matchers accept it.
    verdicts: Vec<HashMap<String, Bits, RandomState>>,
    everything: Bits,
    alive: Bits,
    found: Bits,
    line: SharedLine,
}

impl Scanning<'_> {
    /// Goes to the next entry.
    pub fn look_at(&mut self, entry: &dyn Entry) {
        self.line.clear();
        self.alive.copy_from(&self.everything);
        for (selectors, verdicts) in self.scan.selectors.iter().zip(&mut self.verdicts) {
            if !self.alive.intersects(&selectors.concerned) {
                continue;
            }
            let value = entry.selector_label(&selectors.label).unwrap_or_default();
            match verdicts.get(&*value) {
                Some(accepting) => self.alive.keep(accepting),
                None => {
                    let accepting = selectors.accepting(&value, &self.everything);
                    self.alive.keep(&accepting);
                    if verdicts.len() >= MAX_REMEMBERED_VALUES {
                        verdicts.clear();
                    }
                    verdicts.insert(value.into_owned(), accepting);
                }
            }
        }
        if self.alive.intersects(&self.scan.looks_at_line) {
            self.find_texts(entry.line());
        }
    }

    fn find_texts(&mut self, line: &str) {
        let Some(automaton) = &self.scan.automaton else {
            return;
        };
        self.found.clear();
        let (found, alive) = (&mut self.found, &mut self.alive);
        automaton.find(line.as_bytes(), |number, in_line| {
            let Some(text) = self.scan.texts.get(number) else {
                return;
            };
            if !text.text.folds_case && in_line != text.text.text.as_bytes() {
                return;
            }
            text.fulfils.iter().for_each(|clause| found.insert(*clause));
            if let Some(expressions) = &text.forbidden_by {
                alive.take_out(expressions);
            }
        });
        let (needed, found) = (&self.scan.needed, &self.found);
        self.alive.retain(|number| needed.get(number).is_some_and(|needed| found.contains_all(needed)));
    }

    /// The numbers of the expressions that may keep the entry, from small to large.
    pub fn candidates(&self) -> impl Iterator<Item = usize> {
        self.alive.iter()
    }

    /// Whether no expression keeps the entry.
    pub fn is_empty(&self) -> bool {
        self.alive.is_empty()
    }

    /// What parsers find in the entry's line, for the pipelines of the candidates.
    pub fn line(&self) -> &SharedLine {
        &self.line
    }
}

impl Selectors {
    /// The expressions whose matchers accept the value, and those that have none.
    fn accepting(&self, value: &str, everything: &Bits) -> Bits {
        let mut accepting = everything.clone();
        for (matcher, expressions) in &self.matchers {
            if !matcher.accepts(value) {
                accepting.take_out(expressions);
            }
        }
        accepting
    }
}

fn selectors(logs: &[&LogExpr]) -> Vec<Selectors> {
    let mut by_label: BTreeMap<&str, Selectors> = BTreeMap::new();
    for (number, log) in logs.iter().enumerate() {
        for matcher in &log.matchers {
            let selectors = by_label.entry(&matcher.name).or_insert_with(|| Selectors {
                label: matcher.name.clone(),
                matchers: Vec::new(),
                concerned: Bits::none(logs.len()),
            });
            selectors.concerned.insert(number);
            match selectors.matchers.iter_mut().find(|(known, _)| known == matcher) {
                Some((_, expressions)) => expressions.insert(number),
                None => {
                    let mut expressions = Bits::none(logs.len());
                    expressions.insert(number);
                    selectors.matchers.push((matcher.clone(), expressions));
                }
            }
        }
    }
    let mut all: Vec<Selectors> = by_label.into_values().collect();
    all.sort_by_key(|selectors| std::cmp::Reverse(selectors.concerned.iter().count()));
    all
}

/// The texts of all expressions, each once.
struct Texts {
    expressions: usize,
    all: Vec<ScannedText>,
    numbers: HashMap<Text, usize>,
    clauses: usize,
}

impl Texts {
    fn new(expressions: usize) -> Self {
        Self { expressions, all: Vec::new(), numbers: HashMap::new(), clauses: 0 }
    }

    /// Adds the clauses of an expression; gives the numbers of those that must hold.
    fn add(&mut self, expression: usize, clauses: Vec<Clause>) -> Vec<usize> {
        let mut needed = Vec::new();
        for clause in clauses {
            match clause {
                Clause::OneOf(texts) => {
                    let number = self.clauses;
                    self.clauses += 1;
                    needed.push(number);
                    texts.into_iter().for_each(|text| self.text(text).fulfils.push(number));
                }
                Clause::Without(text) => {
                    let expressions = self.expressions;
                    let text = self.text(Text { text, folds_case: false });
                    text.forbidden_by.get_or_insert_with(|| Bits::none(expressions)).insert(expression);
                }
            }
        }
        needed
    }

    fn text(&mut self, text: Text) -> &mut ScannedText {
        let next = self.all.len();
        let number = *self.numbers.entry(text.clone()).or_insert(next);
        if number == next {
            self.all.push(ScannedText { text, fulfils: Vec::new(), forbidden_by: None });
        }
        // The number is of one that is there.
        #[allow(clippy::indexing_slicing)]
        &mut self.all[number]
    }
}
