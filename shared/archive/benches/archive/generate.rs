//! An archive of small objects, as ingest writes it.

use std::borrow::Cow;

use catchment_archive::{ArchiveStore, FolderArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, Envelope, LogEvent, LogGroup, LogStream, MessageType, Pipeline, Source};
use twox_hash::XxHash64;

use crate::corpora::{Corpus, Random, START_MILLIS};

/// Log streams that write at the same time.
const STREAMS: usize = 8;

/// Raw bytes of a batch.
const BATCH_BYTES: u64 = 1_000_000;

/// One batch in so many comes again, cut in another way.
const REPEATED: u64 = 50;

/// Milliseconds of the time that a corpus spans, whatever its size.
const SPAN_MILLIS: u64 = 10 * 3_600_000;

const LIMB: u128 = 10_u128.pow(18);

/// What went in, or came out: each event once.
#[derive(Debug, Default)]
pub struct Sums {
    pub rows: u64,
    pub bytes: u64,
    /// Of ids and lines, whatever their order.
    pub hash: u64,
    /// Of a record in the middle.
    pub request_id: String,
    /// A text that few lines have.
    pub needle: String,
}

impl Sums {
    pub fn add(&mut self, id: &str, line: &str) {
        self.rows += 1;
        self.bytes += line.len() as u64;
        let seed = XxHash64::oneshot(0, id.as_bytes());
        self.hash = self.hash.wrapping_add(XxHash64::oneshot(seed, line.as_bytes()));
    }
}

/// Puts about `raw_bytes` of lines into `store`.
pub async fn generate(corpus: Corpus, raw_bytes: u64, store: &FolderArchive) -> Sums {
    let mut random = Random(0x5eed ^ corpus as u64);
    let sources: Vec<_> = (0..STREAMS).map(source).collect();
    let mut clocks = [START_MILLIS; STREAMS];
    let mut sums = Sums::default();
    let (events, step) = sizes(corpus, raw_bytes);
    let mut batch = 0_usize;
    while sums.bytes < raw_bytes {
        let stream = batch % STREAMS;
        let lines = corpus.lines_from(&mut clocks[stream], step, events, &mut random);
        let low = (u128::from(random.next()) << 64 | u128::from(random.next())) << 16;
        let ids: Vec<_> = lines.iter().zip(low..).map(|((millis, _), low)| event_id(*millis, low)).collect();
        put(store, &sources[stream], &lines, &ids, Some(&mut sums)).await;
        if random.next().is_multiple_of(REPEATED) {
            let part = lines.len() / 3..lines.len();
            put(store, &sources[stream], &lines[part.clone()], &ids[part], None).await;
        }
        batch += 1;
    }
    sums
}

/// Events of a batch, and how far apart they are at most in time.
fn sizes(corpus: Corpus, raw_bytes: u64) -> (usize, u64) {
    let line_bytes = match corpus {
        Corpus::Json => 700,
        Corpus::Access => 170,
        Corpus::Logfmt => 230,
        Corpus::Text => 105,
    };
    let events = raw_bytes / line_bytes / STREAMS as u64;
    ((BATCH_BYTES / line_bytes) as usize, (2 * SPAN_MILLIS / events.max(1)).max(2))
}

fn source(stream: usize) -> Source {
    let mut source = Source::new(
        "123456789012",
        "eu-west-1",
        LogGroup::new("/ecs/checkout"),
        LogStream::new(format!("ecs/web/{stream:032x}")),
        "prod",
    );
    Pipeline::default().enrich(&mut source);
    source
}

async fn put(
    store: &FolderArchive,
    source: &Source,
    lines: &[(u64, String)],
    ids: &[String],
    sums: Option<&mut Sums>,
) {
    let log_events = lines.iter().zip(ids).map(|((millis, line), id)| LogEvent {
        id: Cow::Borrowed(id),
        timestamp: *millis as i64,
        message: Cow::Borrowed(line),
    });
    let envelope = Envelope {
        message_type: MessageType::Data,
        owner: Cow::Borrowed("123456789012"),
        log_group: Cow::Borrowed(source.log_group.as_str()),
        log_stream: Cow::Borrowed(source.log_stream.as_str()),
        log_events: log_events.collect(),
    };
    let pipeline = Pipeline::default();
    let lines = pipeline.lines(&envelope);
    let routed = pipeline.route(lines.parse(source));
    let id = BatchId::of(&envelope, "eu-west-1");
    if let Some(sums) = sums {
        for record in routed.kept.iter().flat_map(|(_, records)| records) {
            sums.add(record.event_id, record.line);
            // The last batch that has one is somewhere.
            if record.has_own_request_id() && (sums.request_id.is_empty() || sums.rows.is_power_of_two()) {
                sums.request_id = record.request_id.clone().into_owned();
            }
        }
        if sums.needle.is_empty() {
            let record = routed.kept.iter().flat_map(|(_, records)| records).last().unwrap();
            // What few lines have: who asked and when; how long it took and in which trace.
            let from = record.line.find("duration=").unwrap_or_default();
            let text = if from > 0 || record.message.starts_with("GET") {
                &record.line[from..]
            } else {
                &record.message
            };
            sums.needle = text.chars().take(40).collect();
        }
    }
    for (class, records) in &routed.kept {
        for (day, part) in split_by_day(records) {
            let key = ObjectKey::of_batch(*class, day, part, &id);
            store.put_if_absent(&key, write_parquet(part).unwrap()).await.unwrap();
        }
    }
}

/// `millis * 2^144 + low` in 56 decimal digits.
fn event_id(millis: u64, mut low: u128) -> String {
    let mut limbs = [u128::from(millis) % LIMB, u128::from(millis) / LIMB, 0, 0];
    for _ in 0..4 {
        let mut carry = 0;
        for limb in &mut limbs {
            let shifted = (*limb << 36) + carry;
            (*limb, carry) = (shifted % LIMB, shifted / LIMB);
        }
    }
    let mut carry = 0;
    for limb in &mut limbs {
        let sum = *limb + low % LIMB + carry;
        (*limb, carry) = (sum % LIMB, sum / LIMB);
        low /= LIMB;
    }
    format!("{:02}{:018}{:018}{:018}", limbs[3], limbs[2], limbs[1], limbs[0])
}
