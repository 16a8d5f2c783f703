//! All texts in one pass over a line.

use aho_corasick::automaton::Automaton;
use aho_corasick::{Anchored, dfa, nfa};

/// The most bytes of texts for which the fastest kind of automaton is built: it
/// takes a few hundred bytes of memory for each.
const MAX_DENSE_BYTES: usize = 8 * 1024;

/// A line is gone through in so many places at a time: each step waits for the
/// one before it, and meanwhile the others go on.
const LANES: usize = 4;

/// An automaton that finds texts in a line, whatever the case of ASCII letters.
#[derive(Debug, Clone)]
pub(super) struct TextAutomaton {
    kind: Kind,
    longest: usize,
}

#[derive(Debug, Clone)]
enum Kind {
    Dense(dfa::DFA),
    Compact(nfa::contiguous::NFA),
}

impl TextAutomaton {
    /// None without texts, or when these are too many for an automaton: then
    /// pipelines look for themselves.
    pub(super) fn new<'t>(texts: impl Iterator<Item = &'t str> + Clone) -> Option<Self> {
        let bytes: usize = texts.clone().map(str::len).sum();
        let longest = texts.clone().map(str::len).max()?;
        // So many texts begin nearly everywhere: looking for a beginning only costs.
        let kind = if bytes <= MAX_DENSE_BYTES {
            let mut builder = dfa::DFA::builder();
            Kind::Dense(builder.ascii_case_insensitive(true).prefilter(false).build(texts).ok()?)
        } else {
            let mut builder = nfa::contiguous::NFA::builder();
            Kind::Compact(builder.ascii_case_insensitive(true).prefilter(false).build(texts).ok()?)
        };
        Some(Self { kind, longest })
    }

    /// Calls `found` with the number of each text in the line, and with the part
    /// of the line that it is; for each place once at least.
    pub(super) fn find<'l>(&self, line: &'l [u8], found: impl FnMut(usize, &'l [u8])) {
        match &self.kind {
            Kind::Dense(automaton) => self.find_in(automaton, line, found),
            Kind::Compact(automaton) => self.find_in(automaton, line, found),
        }
    }

    fn find_in<'l>(&self, automaton: &impl Automaton, line: &'l [u8], found: impl FnMut(usize, &'l [u8])) {
        // Each lane begins so far inside of the one before that no text ends between them.
        let inside = self.longest.saturating_sub(1);
        let steps = (line.len() + (LANES - 1) * inside).div_ceil(LANES);
        if steps > line.len() / 2 {
            return run(automaton, line, [0], line.len(), found);
        }
        let last = line.len() - steps;
        let begins = std::array::from_fn::<_, LANES, _>(|lane| (lane * (steps - inside)).min(last));
        run(automaton, line, begins, steps, found);
    }
}

/// Goes so many steps from each of the places.
fn run<'l, const N: usize>(
    automaton: &impl Automaton,
    line: &'l [u8],
    begins: [usize; N],
    steps: usize,
    mut found: impl FnMut(usize, &'l [u8]),
) {
    let Ok(start) = automaton.start_state(Anchored::No) else { return };
    let mut lanes = begins.map(|begin| (start, line.get(begin..begin + steps).unwrap_or_default()));
    for step in 0..steps {
        let mut is_special = false;
        for (state, part) in &mut lanes {
            let byte = part.get(step).copied().unwrap_or_default();
            *state = automaton.next_state(Anchored::No, *state, byte);
            is_special |= automaton.is_special(*state);
        }
        if !is_special {
            continue;
        }
        for ((state, _), begin) in
            lanes.iter().zip(begins).filter(|((state, _), _)| automaton.is_match(*state))
        {
            let end = begin + step + 1;
            for index in 0..automaton.match_len(*state) {
                let pattern = automaton.match_pattern(*state, index);
                let begin = end.saturating_sub(automaton.pattern_len(pattern));
                found(pattern.as_usize(), line.get(begin..end).unwrap_or_default());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The texts in the line, as the automaton finds them, each place once.
    fn found(texts: &[&str], line: &str) -> Vec<(usize, usize)> {
        let automaton = TextAutomaton::new(texts.iter().copied()).unwrap();
        let mut all = Vec::new();
        automaton.find(line.as_bytes(), |number, part| {
            all.push((number, part.as_ptr() as usize - line.as_ptr() as usize));
        });
        all.sort_unstable();
        all.dedup();
        all
    }

    #[test]
    fn every_place_is_found_wherever_lanes_meet() {
        let texts = ["a", "abc", "bcab", "longer text", "c"];
        for length in 0..200 {
            let line = "abcabxlonger textc".chars().cycle().take(length).collect::<String>();
            let expected = |(number, text): (usize, &&str)| {
                (0..length)
                    .filter(|at| line.as_bytes()[*at..].starts_with(text.as_bytes()))
                    .map(|at| (number, at))
                    .collect::<Vec<_>>()
            };
            let expected: Vec<_> = texts.iter().enumerate().flat_map(expected).collect();
            assert_eq!(found(&texts, &line), expected, "{length}");
        }
    }

    #[test]
    fn texts_beyond_the_dense_kind_are_found_alike() {
        let text = |number: usize| format!("{number:0100}");
        for count in [MAX_DENSE_BYTES / 100, MAX_DENSE_BYTES / 100 + 1] {
            let texts: Vec<String> = (0..count).map(text).collect();
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let line = format!("{} {} ", text(count - 1), text(3)).repeat(3);
            assert_eq!(found(&texts, &line).len(), 6, "{count}");
        }
        assert!(TextAutomaton::new(std::iter::empty()).is_none());
    }
}
