//! What the way of a log line costs on one core, beside the floor that nobody
//! can avoid: `cargo bench -p catchment-archive -- [corpus …] [stage …] [rounds]`.
//!
//! The floor is base64, gunzip, the envelope read by `serde_json` into borrowed
//! fields, and zstd-1 of the newline-joined messages: what libraries do, so that
//! it stays where it is when the code here gets faster. Floor, chain and stages
//! of a payload take turns, and the fastest of the rounds counts for each: what
//! the work costs while nothing else disturbs it. MB/s are of raw message bytes.
//! A single stage is measured with everything before it done.

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::indexing_slicing,
    clippy::string_slice
)]

mod corpora;

use std::hint::black_box;
use std::time::{Duration, Instant};

use catchment_archive::{split_by_day, write_parquet};
use catchment_record::{BatchId, Envelope, LogGroup, LogStream, Pipeline, Routed, Source, Stitcher, gunzip};
use corpora::{Corpus, Payload};
use zstd::bulk::Compressor;

/// `key` is no part of the chain: the batch's name, a SHA-256 of its events' ids.
const STAGES: [&str; 7] = ["decode", "stitch", "redact", "parse", "route", "parquet", "key"];

const ROUNDS: usize = 40;

fn main() {
    // Cargo passes `--bench`.
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let chosen = |names: &[&'static str]| -> Vec<&'static str> {
        let named: Vec<_> = names.iter().copied().filter(|name| words.iter().any(|w| w == name)).collect();
        if named.is_empty() { names.to_vec() } else { named }
    };
    let rounds = words.iter().find_map(|word| word.parse().ok()).unwrap_or(ROUNDS);
    let stages = chosen(&STAGES);
    let corpora = chosen(&Corpus::ALL.map(Corpus::name));

    print!("{:8}{:>7}", "ns/line", "bytes");
    stages.iter().for_each(|stage| print!("{stage:>9}"));
    println!(
        "{:>9}{:>9} |{:>7}{:>7} MB/s |{:>6} |{:>7} |{:>7}",
        "floor", "chain", "floor", "chain", "ratio", "peak", "stored"
    );
    for corpus in Corpus::ALL.into_iter().filter(|corpus| corpora.contains(&corpus.name())) {
        let payloads = corpus.payloads();
        let events: usize = payloads.iter().map(|payload| payload.events).sum();
        let bytes: usize = payloads.iter().map(|payload| payload.message_bytes).sum();
        let measured = measure(&payloads, rounds);

        let ns_a_line = |time: Duration| time.as_nanos() as f64 / events as f64;
        let megabytes_a_second = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
        print!("{:8}{:7}", corpus.name(), bytes / events);
        for (_, time) in STAGES.iter().zip(measured.stages).filter(|(stage, _)| stages.contains(stage)) {
            print!("{:9.0}", ns_a_line(time));
        }
        println!(
            "{:9.0}{:9.0} |{:7.0}{:7.0} MB/s |{:6.3} |{:4} MB |{:6.1}%",
            ns_a_line(measured.floor),
            ns_a_line(measured.chain),
            megabytes_a_second(measured.floor),
            megabytes_a_second(measured.chain),
            measured.floor.as_secs_f64() / measured.chain.as_secs_f64(),
            measured.peak_megabytes,
            100.0 * measured.stored_bytes as f64 / bytes as f64,
        );
    }
}

/// Times of all payloads of a corpus together.
#[derive(Default)]
struct Measured {
    stages: [Duration; STAGES.len()],
    floor: Duration,
    chain: Duration,
    peak_megabytes: u64,
    stored_bytes: usize,
}

fn measure(payloads: &[Payload], rounds: usize) -> Measured {
    let pipeline = Pipeline::default();
    let mut zstd = Compressor::new(1).unwrap();
    // Since Linux 4.0: the peak begins anew. Elsewhere it is the process's.
    let _ignored = std::fs::write("/proc/self/clear_refs", "5");
    let stored_bytes = payloads.iter().map(|payload| chain(payload, &pipeline)).sum();
    let peak_megabytes = peak_megabytes();

    let mut measured = Measured { peak_megabytes, stored_bytes, ..Measured::default() };
    for payload in payloads {
        let (mut best_floor, mut best_chain) = (Duration::MAX, Duration::MAX);
        let mut best_stages = [Duration::MAX; STAGES.len()];
        for _ in 0..rounds {
            best_floor = best_floor.min(time(|| floor(payload, &mut zstd)));
            best_chain = best_chain.min(time(|| chain(payload, &pipeline)));
            let mut stages = [Duration::ZERO; STAGES.len()];
            stage_by_stage(payload, &pipeline, &mut stages);
            best_stages.iter_mut().zip(stages).for_each(|(best, stage)| *best = stage.min(*best));
        }
        measured.floor += best_floor;
        measured.chain += best_chain;
        measured.stages.iter_mut().zip(best_stages).for_each(|(all, best)| *all += best);
    }
    measured
}

fn time<T>(work: impl FnOnce() -> T) -> Duration {
    let start = Instant::now();
    black_box(work());
    start.elapsed()
}

fn floor(payload: &Payload, zstd: &mut Compressor<'_>) -> usize {
    let json = gunzip(&payload.data).unwrap();
    let envelope: Envelope<'_> = serde_json::from_slice(&json).unwrap();
    let mut joined = Vec::with_capacity(json.len());
    for event in &envelope.log_events {
        joined.extend_from_slice(event.message.as_bytes());
        joined.push(b'\n');
    }
    zstd.compress(&joined).unwrap().len()
}

/// From payload to files as the ingest function does it; their size in bytes.
fn chain(payload: &Payload, pipeline: &Pipeline) -> usize {
    let json = gunzip(&payload.data).unwrap();
    let envelope = Envelope::parse(&json).unwrap();
    let source = source(&envelope, pipeline);
    let lines = pipeline.lines(&envelope);
    let routed = pipeline.route(lines.parse(&source));
    files(&routed)
}

fn source(envelope: &Envelope<'_>, pipeline: &Pipeline) -> Source {
    let (group, stream) = (LogGroup::new(&*envelope.log_group), LogStream::new(&*envelope.log_stream));
    let mut source = Source::new(&envelope.owner, "eu-west-1", group, stream, "prod");
    pipeline.enrich(&mut source);
    source
}

fn files(routed: &Routed<'_>) -> usize {
    let parts = routed.kept.iter().flat_map(|(_, records)| split_by_day(records));
    parts.map(|(_, part)| write_parquet(part).unwrap().len()).sum()
}

fn stage_by_stage(payload: &Payload, pipeline: &Pipeline, times: &mut [Duration; STAGES.len()]) {
    let [decode, stitch, redact, parse, route, parquet, key] = times;
    let took = |total: &mut Duration, start: Instant| *total += start.elapsed();

    let start = Instant::now();
    let json = gunzip(&payload.data).unwrap();
    let envelope = Envelope::parse(&json).unwrap();
    took(decode, start);

    let start = Instant::now();
    let stitched = black_box(Stitcher::default().stitch(&envelope.log_group, &envelope.log_events));
    took(stitch, start);

    let start = Instant::now();
    for line in stitched {
        black_box(pipeline.redact(line.text));
    }
    took(redact, start);

    let lines = pipeline.lines(&envelope);
    let start = Instant::now();
    let source = source(&envelope, pipeline);
    let records = black_box(lines.parse(&source));
    took(parse, start);

    let start = Instant::now();
    let routed = black_box(pipeline.route(records));
    took(route, start);

    let start = Instant::now();
    black_box(files(&routed));
    took(parquet, start);

    let start = Instant::now();
    black_box(BatchId::of(&envelope, "eu-west-1"));
    took(key, start);
}

/// The process's peak resident memory; 0 where `/proc` does not say.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kilobytes = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB"));
    kilobytes.and_then(|kb| kb.trim().parse::<u64>().ok()).unwrap_or_default() / 1000
}
