//! Raw messages through the whole handler on one core, over in-memory stores:
//! `cargo bench -p catchment-ingest`. Figures are MB of raw message a second;
//! machines differ, so compare figures of one run only. `floor` is what nobody
//! can avoid: base64, gunzip, and zstd of the newline-joined messages.

#![allow(clippy::unwrap_used, clippy::print_stdout, clippy::indexing_slicing)]

use catchment_alert::MemoryPartials;
use catchment_alert::RuleSet;
use catchment_archive::MemoryArchive;
use catchment_audit::MemoryAudit;
use catchment_ingest::{Ingest, config::Settings};
use divan::counter::BytesCount;
use divan::{Bencher, black_box};
use libdeflater::{CompressionLvl, Compressor};
use serde_json::{Value, json};

const EVENTS: u32 = 500;
const CORPORA: [&str; 2] = ["json", "text"];

fn main() {
    divan::main();
}

/// A pseudo-random number from a fixed seed (an LCG of Knuth's).
fn number(i: u32, salt: u32) -> u32 {
    (u64::from(i) + 1)
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(u64::from(salt) * 1_442_695_040_888_963_407)
        .rotate_left(29) as u32
}

fn message(corpus: &str, i: u32) -> String {
    let (a, b, c) = (number(i, 1), number(i, 2), number(i, 3));
    let level = ["INFO", "INFO", "INFO", "DEBUG", "WARN", "ERROR"][(a % 6) as usize];
    let millis = 1000 + i % 1000;
    match corpus {
        "json" => json!({
            "timestamp": format!("2024-12-19T10:30:15.{:03}Z", millis % 1000), "level": level, "service": "checkout",
            "logger": "checkout.payment.gateway", "message": format!("charge of order {b} for customer {c} accepted by gateway after {} attempts", a % 3),
            "trace_id": format!("{a:08x}{b:08x}{c:08x}{a:08x}"), "span_id": format!("{b:08x}{c:08x}"), "request_id": format!("req_{c:08x}{a:08x}"),
            "user_id": b % 5000, "http": { "method": "POST", "path": "/api/v1/orders", "status_code": 200 + (a % 3) * 100, "user_agent": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36" },
            "duration_ms": f64::from(c % 90_000) / 100.0, "metadata": { "region": "eu-west-1", "cart_items": b % 12, "currency": "EUR", "amount": c % 100_000, "retries": [1, 2, a % 7] },
        })
        .to_string(),
        _ => format!("2024-12-19 10:30:15,{:03} - checkout.core.module{} - {level} - processed item {b} of batch {c} in {} ms", millis % 1000, a % 20, c % 900),
    }
}

fn payload(corpus: &str) -> (Value, usize) {
    let messages: Vec<String> = (0..EVENTS).map(|i| message(corpus, i)).collect();
    let bytes = messages.iter().map(String::len).sum();
    let events: Vec<Value> = messages
        .iter()
        .zip(0..)
        .map(|(m, i)| json!({ "id": format!("{i:056}"), "timestamp": 1_734_604_215_000_i64 + i, "message": m }))
        .collect();
    let json = json!({ "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/checkout",
        "logStream": "ecs/web/0123456789abcdef0123456789abcdef", "subscriptionFilters": ["f"], "logEvents": events }).to_string();
    let mut compressor = Compressor::new(CompressionLvl::default());
    let mut out = vec![0; compressor.gzip_compress_bound(json.len())];
    let size = compressor.gzip_compress(json.as_bytes(), &mut out).unwrap();
    out.truncate(size);
    (json!({ "awslogs": { "data": base64_simd::STANDARD.encode_to_string(out) } }), bytes)
}

#[divan::bench(args = CORPORA)]
fn handler(bencher: Bencher<'_, '_>, corpus: &str) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let settings = Settings { region: "eu-west-1".into(), environment: "prod".into(), ..Settings::default() };
    let rules = RuleSet::embedded();
    let (event, bytes) = payload(corpus);
    bencher
        .counter(BytesCount::new(bytes))
        .with_inputs(|| {
            let stores = (MemoryArchive::default(), MemoryAudit::default(), MemoryPartials::default());
            (Ingest::new(stores.0, stores.1, stores.2, settings.clone()), event.clone())
        })
        .bench_values(|(ingest, event)| runtime.block_on(ingest.handle(event, &rules)).unwrap());
}

#[divan::bench(args = CORPORA)]
fn floor(bencher: Bencher<'_, '_>, corpus: &str) {
    let (event, bytes) = payload(corpus);
    let data = event["awslogs"]["data"].as_str().unwrap().to_owned();
    let joined = (0..EVENTS).map(|i| message(corpus, i)).collect::<Vec<_>>().join("\n");
    bencher.counter(BytesCount::new(bytes)).bench(|| {
        black_box(catchment_record::gunzip(&data).unwrap());
        zstd::bulk::compress(joined.as_bytes(), 1).unwrap()
    });
}
