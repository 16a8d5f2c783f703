//! What a hundred rules cost a line: `cargo bench -p catchment-alert --bench rules -- [corpus …] [rounds]`.
//!
//! The structured-JSON corpus of the archive's benches goes through the pipeline
//! of ingest once; its records then meet the rules of `rules.yaml`. MB/s are of
//! raw line bytes through all rules on one core, by the core's own time, which
//! other work on the machine does not lengthen; the fastest of the rounds
//! counts. Beside it stands each rule evaluated by itself.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice
)]

// The other benches use the rest of it.
#[allow(dead_code)]
#[path = "../../../archive/benches/chain/corpora.rs"]
mod corpora;

use std::fmt::Write;
use std::hint::black_box;
use std::time::Duration;

use catchment_alert::{RuleFile, RuleSet};
use catchment_logql::Entry;
use catchment_record::{Envelope, LogGroup, LogRecord, LogStream, Pipeline, Source, gunzip};
use corpora::Corpus;

const RULES: &str = include_str!("rules.yaml");
const ROUNDS: usize = 20;

fn main() {
    let words: Vec<String> = std::env::args().collect();
    let rounds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let is_said = |corpus: &Corpus| words.iter().any(|word| word == corpus.name());
    let all = !Corpus::ALL.iter().any(is_said);
    let together = rules(|_| true);
    let number = together.rules().count();
    let alone: Vec<RuleSet> = (0..number).map(|chosen| rules(|index| index == chosen)).collect();
    println!("{number} rules, {} leaves", together.leaf_ids().count());
    println!("corpus  lines bytes/line matches/line | alone  MB/s | ratio");
    for corpus in Corpus::ALL.into_iter().filter(|corpus| all || is_said(corpus)) {
        let records = records(corpus);
        let bytes: usize = records.iter().map(|record| record.line().len()).sum();
        let matched = together.partials(&records).matched_lines;
        let one_by_one = fastest(rounds.min(5), || {
            alone.iter().for_each(|rule| drop(black_box(rule.partials(&records))));
        });
        let at_once = fastest(rounds, || drop(black_box(together.partials(&records))));
        let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!(
            "{:7}{:6}{:11}{:13.1} |{:6.1}{:6.1} |{:6.3}",
            corpus.name(),
            records.len(),
            bytes / records.len(),
            matched as f64 / records.len() as f64,
            rate(one_by_one),
            rate(at_once),
            at_once.as_secs_f64() / one_by_one.as_secs_f64(),
        );
    }
}

/// Those of the rules whose place in the file is chosen.
fn rules(chosen: impl Fn(usize) -> bool) -> RuleSet {
    let exprs = RULES.lines().filter_map(|line| line.trim().strip_prefix("expr: "));
    let mut text = "groups:\n- name: rules\n  rules:\n".to_owned();
    for (index, expr) in exprs.enumerate().filter(|(index, _)| chosen(*index)) {
        writeln!(text, "  - alert: Rule{index}\n    expr: {expr}").unwrap();
    }
    RuleSet::parse(&[RuleFile { name: "rules.yaml".into(), text }]).unwrap()
}

/// The records of a corpus, as ingest makes them.
fn records(corpus: Corpus) -> Vec<LogRecord<'static>> {
    let pipeline = Box::leak(Box::new(Pipeline::default()));
    let mut all = Vec::new();
    for payload in corpus.payloads() {
        let json = gunzip(&payload.data).unwrap().to_vec().leak();
        let envelope = Box::leak(Box::new(Envelope::parse(json).unwrap()));
        let (group, stream) = (LogGroup::new(&*envelope.log_group), LogStream::new(&*envelope.log_stream));
        let source = Box::leak(Box::new(Source::new(&envelope.owner, "eu-west-1", group, stream, "prod")));
        pipeline.enrich(source);
        let lines = Box::leak(Box::new(pipeline.lines(envelope)));
        all.extend(lines.parse(source));
    }
    all
}

fn fastest(rounds: usize, mut run: impl FnMut()) -> Duration {
    let times = (0..rounds).map(|_| {
        let start = core_time();
        run();
        core_time() - start
    });
    times.min().unwrap()
}

/// How long this thread was on a core.
fn core_time() -> Duration {
    Duration::try_from(rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime)).unwrap()
}
