//! What a hundred rules cost a line: `cargo bench -p catchment-alert --bench rules -- [rounds]`.
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

use std::hint::black_box;
use std::time::Duration;

use catchment_logql::{Entry, Expr, LogExpr, MetricExpr, PipelineContext};
use catchment_record::{Envelope, LogGroup, LogRecord, LogStream, Pipeline, Source, gunzip};
use corpora::Corpus;

const ROUNDS: usize = 20;

fn main() {
    let rounds = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let logs = rules();
    println!("range functions of the rules: {}", logs.len());
    println!("corpus  lines bytes/line  alone MB/s");
    for corpus in Corpus::ALL {
        let records = records(corpus);
        let bytes: usize = records.iter().map(|record| record.line().len()).sum();
        let alone = fastest(rounds.min(5), || {
            for record in &records {
                for log in &logs {
                    black_box(log.process(record, PipelineContext::default()).is_some());
                }
            }
        });
        let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        println!("{:7}{:6}{:11}{:12.1}", corpus.name(), records.len(), bytes / records.len(), rate(alone));
    }
}

/// The log expressions at the bottom of the rules.
fn rules() -> Vec<LogExpr> {
    let lines = include_str!("rules.yaml").lines();
    let exprs = lines.filter_map(|line| line.trim().strip_prefix("expr: '")?.strip_suffix('\''));
    let mut logs = Vec::new();
    for expr in exprs {
        match catchment_logql::parse(expr).unwrap() {
            Expr::Metric(metric) => collect(&metric, &mut logs),
            Expr::Log(_) => panic!("{expr} is no metric"),
        }
    }
    logs
}

fn collect(expr: &MetricExpr, logs: &mut Vec<LogExpr>) {
    match expr {
        MetricExpr::Range(range) => logs.push(range.log.clone()),
        MetricExpr::Aggregation(aggregation) => collect(&aggregation.inner, logs),
        MetricExpr::Binary(binary) => {
            collect(&binary.left, logs);
            collect(&binary.right, logs);
        }
        _ => {}
    }
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
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().unwrap().parse().unwrap())
}
