//! What the way of a log line costs on one core, beside the floor that nobody
//! can avoid: `cargo bench -p catchment-archive -- [corpus …] [stage …] [rounds]`.
//!
//! The floor is base64, gunzip, envelope, and zstd-1 of the newline-joined
//! messages. Floor and chain of a corpus take turns, so that a busy machine
//! slows both; the ratio is the median of the rounds' ratios. MB/s are of raw
//! message bytes. A single stage is measured with everything before it done.

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
            measured.ratio,
            measured.peak_megabytes,
            100.0 * measured.stored_bytes as f64 / bytes as f64,
        );
    }
}

/// Times of all payloads of a corpus together.
struct Measured {
    stages: [Duration; STAGES.len()],
    floor: Duration,
    chain: Duration,
    ratio: f64,
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

    let mut floors = Vec::new();
    let mut chains = Vec::new();
    let mut ratios = Vec::new();
    let mut stages = [const { Vec::new() }; STAGES.len()];
    for _ in 0..rounds {
        let (mut floor_time, mut chain_time) = (Duration::ZERO, Duration::ZERO);
        let mut stage_times = [Duration::ZERO; STAGES.len()];
        for payload in payloads {
            floor_time += time(|| floor(payload, &mut zstd)).0;
            chain_time += time(|| chain(payload, &pipeline)).0;
            stage_by_stage(payload, &pipeline, &mut stage_times);
        }
        floors.push(floor_time);
        chains.push(chain_time);
        ratios.push(floor_time.as_secs_f64() / chain_time.as_secs_f64());
        stages.iter_mut().zip(stage_times).for_each(|(all, time)| all.push(time));
    }
    ratios.sort_by(f64::total_cmp);
    Measured {
        stages: stages.map(median),
        floor: median(floors),
        chain: median(chains),
        ratio: ratios[ratios.len() / 2],
        peak_megabytes,
        stored_bytes,
    }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

fn time<T>(work: impl FnOnce() -> T) -> (Duration, T) {
    let start = Instant::now();
    let result = black_box(work());
    (start.elapsed(), result)
}

fn floor(payload: &Payload, zstd: &mut Compressor<'_>) -> usize {
    let json = gunzip(&payload.data).unwrap();
    let envelope = Envelope::parse(&json).unwrap();
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
