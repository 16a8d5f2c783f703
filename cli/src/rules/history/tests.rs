//! History that is loaded, again, cut off, and joined with what arrives.

use catchment_alert::versions::LeafStart;
use catchment_alert::{MemoryPartials, RuleFile};
use catchment_archive::{ArchiveStore, MemoryArchive, ObjectKey, split_by_day, write_parquet};
use catchment_record::{BatchId, EventTime, LogGroup, LogRecord, LogStream, Source, redact};

use super::*;

const MINUTE_MS: i64 = 60_000;
/// 2024-12-19T00:00:00Z: the history crosses midnight.
const SINCE_MS: i64 = 1_734_566_400_000;

/// A line each minute from two hours before to half an hour after, every other one of them an error.
fn lines() -> Vec<(i64, String)> {
    (-120..30)
        .map(|minute| {
            let level = if minute % 2 == 0 { "error" } else { "info" };
            (SINCE_MS + minute * MINUTE_MS, format!("level={level} msg=\"minute {minute}\""))
        })
        .collect()
}

fn with_records<T>(work: impl FnOnce(&[LogRecord<'_>]) -> T) -> T {
    let source = Source::new("1", "r", LogGroup::new("/ecs/web"), LogStream::new("s"), "prod");
    let lines = lines();
    let texts: Vec<_> = lines.iter().map(|(_, text)| redact(text)).collect();
    let ids: Vec<_> = (0..lines.len()).map(|n| format!("{n:056}")).collect();
    let records: Vec<_> = texts
        .iter()
        .zip(&ids)
        .zip(&lines)
        .map(|((text, id), (at, _))| LogRecord::parse(text, &source, id, EventTime::Arrived(*at)))
        .collect();
    work(&records)
}

async fn archive() -> MemoryArchive {
    let store = MemoryArchive::default();
    let objects = with_records(|records| {
        let objects = split_by_day(records).map(|(day, part)| {
            let id = BatchId::of_payload(format!("{}", part.len()).as_bytes());
            (ObjectKey::of_batch(RetentionClass::Standard, day, part, &id), write_parquet(part).unwrap())
        });
        objects.collect::<Vec<_>>()
    });
    for (key, body) in objects {
        store.put_if_absent(&key, body).await.unwrap();
    }
    store
}

fn rules() -> RuleSet {
    let text = "groups:
- name: g
  rules:
  - alert: Errors
    expr: sum by (service) (count_over_time({service=\"web\"} |= \"error\" [1h])) > 1
  - alert: ErrorsLately
    expr: sum by (service) (count_over_time({service=\"web\"} |= \"error\" [5m])) > 1
  - alert: Quiet
    expr: sum(count_over_time({service=\"web\"}[10m] offset 30m)) < 1
";
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text: text.into() }]).unwrap()
}

fn starts(rules: &RuleSet) -> LeafStarts {
    let start = LeafStart { since_ms: SINCE_MS, history: History::Pending };
    super::super::live::leaves(rules).into_iter().map(|leaf| (leaf, start)).collect()
}

fn loader<'a>(
    store: &'a MemoryArchive,
    partials: &'a MemoryPartials,
    bytes: u64,
) -> Loader<'a, MemoryArchive, MemoryPartials> {
    Loader { store, partials, bar: ProgressBar::hidden(), bytes_left: bytes, lines: 0 }
}

/// What a rule comes to at a time, over what is stored.
async fn value(rules: &RuleSet, name: &str, partials: &MemoryPartials, at_ms: i64) -> Vec<f64> {
    let group = &rules.groups()[0];
    let rule = rules.rules().find(|rule| rule.name == name).unwrap();
    let mut windows = Vec::new();
    for (leaf, (from_ms, to_ms)) in rule.leaves.iter().zip(rule.windows(group, at_ms)) {
        windows.push(partials.window(&leaf.id, from_ms, to_ms).await.unwrap());
    }
    rule.evaluate(group, windows).unwrap().values.into_iter().map(|(_, value)| value).collect()
}

#[tokio::test]
async fn history_and_arrivals_make_whole_windows_however_often_it_is_loaded() {
    let (store, partials, rules) = (archive().await, MemoryPartials::default(), rules());
    let starts = starts(&rules);
    let live = rules.clone().starting(&starts);
    // All that arrived is counted as a function does; the archive has it all too.
    let arrived = with_records(|records| live.partials(records));
    partials.record("batch", &arrived.partials).await.unwrap();
    assert_eq!(value(&live, "Errors", &partials, SINCE_MS).await, [0.0; 0], "nothing of before yet");

    let passes = passes(&rules, &starts);
    assert_eq!(passes.len(), 2, "rules of one leaf are one reading");
    for _ in 0..2 {
        let mut loader = loader(&store, &partials, u64::MAX);
        for pass in &passes {
            assert!(loader.load(pass).await.unwrap());
        }
        assert!(loader.lines > 0);
        // (-60 m, 0] has 30 even minutes; (-50 m, 10 m] has 30 as well.
        assert_eq!(value(&live, "Errors", &partials, SINCE_MS).await, [30.0]);
        assert_eq!(value(&live, "Errors", &partials, SINCE_MS + 10 * MINUTE_MS).await, [30.0]);
        assert_eq!(value(&live, "ErrorsLately", &partials, SINCE_MS + 2 * MINUTE_MS).await, [3.0]);
        assert_eq!(
            value(&live, "Quiet", &partials, SINCE_MS + 10 * MINUTE_MS).await,
            [0.0; 0],
            "it was not quiet"
        );
    }
}

#[tokio::test]
async fn more_than_may_be_read_is_left_out_and_said() {
    let (store, partials, rules) = (archive().await, MemoryPartials::default(), rules());
    let passes = passes(&rules, &starts(&rules));
    let mut loader = loader(&store, &partials, 10);
    assert!(!loader.load(&passes[0]).await.unwrap());
}

#[test]
fn a_pass_goes_back_as_far_as_any_rule_looks() {
    let rules = rules();
    let mut spans: Vec<_> = passes(&rules, &starts(&rules))
        .iter()
        .map(|pass| (pass.until_ms - pass.from_ms) / MINUTE_MS)
        .collect();
    spans.sort_unstable();
    assert_eq!(spans, [40, 60], "10m with an offset of 30m; 1h, of which 5m are a part");
}
