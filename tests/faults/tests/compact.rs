//! `compact` under every single fault of every call that it makes, under many at
//! once, and beside another one: no event is lost, none is there twice, and readers
//! see every row exactly once at any time between.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use std::collections::BTreeSet;

use bytes::Bytes;
use catchment_alert::{MemoryPartials, RuleSet};
use catchment_archive::compact::{CompactLimits, CompactReport, Compactor};
use catchment_archive::{
    ArchiveReader, ArchiveStore, ColumnSet, Expiry, Filter, Listed, MemoryArchive, ObjectKey, ObjectWriter,
    OpenFile, Order, ReadError, TimeRange,
};
use catchment_audit::MemoryAudit;
use catchment_aws::archive::S3Archive;
use catchment_aws::clients::{self, SdkConfig};
use catchment_aws::clock::FixedClock;
use catchment_compact::handler::handle;
use catchment_faults::{
    Attempt, Call, Delivered, Emulator, Fault, Lambda, Matrix, Network, Plan, Program, Random, Row, State,
    World, calls, event_id, payload,
};
use catchment_ingest::{Ingest, config::Settings};
use catchment_record::{Globs, Pipeline, RetentionClass, Routing};
use lambda_runtime::Error;
use serde_json::{Value, json};

const HOUR_MS: u64 = 3_600_000;
/// 2024-12-18T00:00:00Z.
const DAY_MS: u64 = 1_734_480_000_000;
/// Ticks until nothing is left to do; it never takes as many.
const MAX_TICKS: usize = 12;
/// Random sequences of faults that are tried.
const SEQUENCES: u64 = 30;

/// A batch of `/ecs/<group>` at an hour of the day: events `first..last`, a second each.
struct Batch(&'static str, u64, std::ops::Range<u16>);

/// What comes in before a time, and the time of the ticks after it.
struct Stage {
    arrived: Vec<(ObjectKey, Bytes)>,
    now_ms: i64,
}

/// As `ingest` writes it. Events of the same group, hour and number are the same event.
async fn objects(batches: &[Batch]) -> Vec<(ObjectKey, Bytes)> {
    let mut objects = Vec::new();
    for Batch(group, hour, numbers) in batches {
        let at = DAY_MS + hour * HOUR_MS;
        let of_group = group.bytes().map(u32::from).sum();
        let events: Vec<Value> = numbers
            .clone()
            .map(|number| {
                let millis = at + 1000 * u64::from(number);
                let line = json!({ "level": "info", "message": format!("{group} {hour}:{number}"), "request_id": format!("r-{number}") });
                json!({ "id": event_id(at, of_group, number), "timestamp": millis, "message": line.to_string() })
            })
            .collect();
        let settings = Settings { region: "eu-west-1".into(), environment: "prod".into() };
        let routing = Routing { short: Globs::new(&["/ecs/short".into()]).unwrap(), ..Routing::default() };
        let pipeline = Pipeline::embedded(None).with_routing(routing);
        let ingest = Ingest::new(
            MemoryArchive::default(),
            MemoryAudit::default(),
            MemoryPartials::default(),
            settings,
        );
        let event = payload(&format!("/ecs/{group}"), &events);
        ingest.handle(event, &RuleSet::default(), &pipeline).await.unwrap();
        objects.extend(ingest.archive().objects());
    }
    objects
}

/// Two batches that overlap and share two events, another hour; and, when the
/// day is over, a late one that shares an event with the first.
async fn few() -> Vec<Stage> {
    vec![
        Stage {
            arrived: objects(&[Batch("shop", 10, 0..4), Batch("shop", 10, 2..6), Batch("shop", 11, 0..2)])
                .await,
            now_ms: at(12, 30),
        },
        Stage { arrived: objects(&[Batch("shop", 10, 3..9)]).await, now_ms: at(27, 0) },
    ]
}

/// The same with another class, which is held, a foreign and a damaged object, an
/// hour that is not closed yet; and, when the day is so old that it is not
/// rewritten, a late batch of which the archive knows a part.
async fn many() -> Vec<Stage> {
    let mut stages = few().await;
    let first = &mut stages[0].arrived;
    first.extend(
        objects(&[Batch("short", 10, 0..3), Batch("short", 10, 1..5), Batch("shop", 13, 0..3)]).await,
    );
    let hold = json!({ "class": "short", "reason": "a test", "by": "me", "created": "2024-12-18T00:00:00Z" });
    let damaged = first[0].0.as_str().replace(".parquet", "").rsplit_once('-').unwrap().0.to_owned();
    first.extend([
        (ObjectKey::new("holds/test.json"), Bytes::from(hold.to_string())),
        (ObjectKey::new("logs/class=standard/dt=2024-12-18/notes.txt"), Bytes::from_static(b"not ours")),
        (
            ObjectKey::new(format!("{damaged}-{}.parquet", "d".repeat(32))),
            Bytes::from_static(b"PAR1 damaged PAR1"),
        ),
    ]);
    let late = objects(&[Batch("shop", 10, 7..12), Batch("shop", 11, 1..4)]).await;
    stages.push(Stage { arrived: late, now_ms: at(24 * 10 + 3, 30) });
    stages
}

fn stage_holds(stages: &[Stage]) -> bool {
    stages.iter().flat_map(|stage| &stage.arrived).any(|(key, _)| key.as_str().starts_with("holds/"))
}

fn at(hour: u64, minute: u64) -> i64 {
    i64::try_from(DAY_MS + hour * HOUR_MS + minute * 60_000).unwrap()
}

struct Compact<'a> {
    world: &'a World,
    now_ms: i64,
    /// What readers must see, whatever happens.
    rows: Vec<String>,
}

struct Process {
    compactor: Compactor<'static, S3Archive>,
    scratch: tempfile::TempDir,
}

impl Program for Compact<'_> {
    type Process = Process;
    type Event = Value;
    type Report = CompactReport;

    async fn start(&self, sdk: &SdkConfig) -> Result<Self::Process, Error> {
        let scratch = tempfile::tempdir()?;
        let archive = Box::leak(Box::new(S3Archive::new(clients::s3(sdk), &self.world.bucket)));
        Ok(Process { compactor: Compactor::new(archive, scratch.path(), CompactLimits::default()), scratch })
    }

    /// As in the function's `main`.
    async fn handle(&self, process: &Self::Process, event: &Value) -> Result<CompactReport, Error> {
        let deadline = self.now_ms + 600_000;
        let report = handle(&process.compactor, event.clone(), &FixedClock(self.now_ms), deadline).await?;
        assert_eq!(report.conservation_violated, 0, "{report:?}");
        match report.failures.first() {
            Some(failure) => Err(failure.clone().into()),
            None => {
                assert_eq!(process.scratch.path().read_dir()?.count(), 0, "nothing is left on the disk");
                Ok(report)
            }
        }
    }

    async fn check_between(&self) {
        must_be(&seen_by_readers(self.world).await, &self.rows, "to readers, half-way");
    }
}

/// Every row is there, and none twice.
fn must_be(here: &[String], expected: &[String], what: &str) {
    let rows = |rows: &[String]| State { rows: rows.to_vec(), ..State::default() };
    rows(here).must_be(&rows(expected), what);
}

/// Every row that the reading library gives.
async fn seen_by_readers(world: &World) -> Vec<String> {
    let archive = world.archive();
    let all = TimeRange { first_millis: 0, last_millis: i64::MAX };
    let reader = ArchiveReader::new(&archive);
    'list: loop {
        let rows = reader.read(all, &RetentionClass::ALL, Filter::default(), Order::OldestFirst).await;
        let mut rows = rows.unwrap();
        let mut seen = Vec::new();
        loop {
            match rows.next().await {
                Ok(Some(row)) => seen.push(Row::of(&row).literal),
                Ok(None) => break,
                // Another compactor has replaced it meanwhile.
                Err(ReadError::Gone { .. }) => continue 'list,
                Err(err) => panic!("{err}"),
            }
        }
        seen.sort();
        return seen;
    }
}

/// The rows of all objects, each once.
async fn rows_of(stages: &[Stage]) -> Vec<String> {
    let archive = MemoryArchive::default();
    let mut rows = Vec::new();
    for (key, body) in stages.iter().flat_map(|stage| &stage.arrived).filter(|(key, _)| key.parse().is_some())
    {
        archive.put_if_absent(key, body.clone()).await.unwrap();
        let listed = Listed { key: key.clone(), bytes: body.len() as u64, modified_millis: 0 };
        let Ok(file) = OpenFile::open(&archive, &listed).await else { continue };
        let mut batches = file.rows(&archive, Order::OldestFirst, ColumnSet::ALL);
        while let Some(batch) = batches.next_batch().await.unwrap() {
            rows.extend(batch.rows().map(|row| Row::of(&row).literal));
        }
    }
    rows.sort();
    rows.dedup();
    rows
}

struct Run {
    delivered: Vec<Delivered<CompactReport>>,
    attempts: Vec<Attempt>,
    state: State,
}

/// Compacts by stages until there is nothing left to do, and checks what is there.
/// `two` compactors may do so at the same time.
async fn run(emulator: &Emulator, stages: &[Stage], event: &Value, plan: Plan, two: bool) -> Run {
    let world = emulator.world().await;
    let network = Network::new(world.sdk.http_client().unwrap(), plan);
    let (mut delivered, mut state) = (Vec::new(), State::default());
    for (number, stage) in stages.iter().enumerate() {
        for (key, body) in &stage.arrived {
            world.archive().put_if_absent(key, body.clone()).await.unwrap();
        }
        let rows = rows_of(&stages[..=number]).await;
        let program = Compact { world: &world, now_ms: stage.now_ms, rows };
        let compact = async || {
            let mut lambda = Lambda::new(&program, &network, &world.sdk);
            let mut ticks = Vec::new();
            for _ in 0..MAX_TICKS {
                let tick = lambda.deliver(event).await;
                let is_idle = tick.report.steps + tick.report.steps_left + tick.report.leftovers_deleted == 0;
                ticks.push(tick);
                if is_idle {
                    return ticks;
                }
            }
            panic!("{MAX_TICKS} ticks, and the last one still had work: {:?}", ticks.last().unwrap().report);
        };
        if two {
            let (one, other) = tokio::join!(compact(), compact());
            delivered.extend(one.into_iter().chain(other));
        }
        // The last one alone: what two left for the next tick is done in it.
        delivered.extend(compact().await);
        state = emulator.state(&world).await;
        must_be(&state.rows, &program.rows, "to whoever reads every object");
        must_be(&seen_by_readers(&world).await, &program.rows, "to readers");
        for key in state.keys.iter().map(ObjectKey::new) {
            let parsed = key.parse().unwrap();
            let is_closed = parsed.last_millis < stage.now_ms - i64::try_from(HOUR_MS).unwrap();
            assert!(parsed.is_merged() || !is_closed, "{key} is left");
            if !parsed.is_merged() {
                continue;
            }
            let held = stage_holds(&stages[..=number]) && parsed.class == RetentionClass::Short;
            let expiry = if held { Expiry::Held } else { Expiry::On };
            assert_eq!(world.archive().expiry(&key).await.unwrap(), Some(expiry), "{key}");
        }
    }
    Run { delivered, attempts: network.attempts(), state }
}

/// As in tests/ingest.rs.
fn outcome(run: &Run, call: &Call) -> String {
    let worst =
        run.delivered.iter().max_by_key(|delivered| delivered.invocations + delivered.replays).unwrap();
    let of_call = || run.attempts.iter().filter(|attempt| attempt.call == *call);
    let found_there = of_call().any(|attempt| attempt.fault.is_none() && attempt.status == Some(412));
    let faulty = of_call().any(|attempt| attempt.fault.is_some());
    let how = match (worst.invocations, worst.replays) {
        (_, 1..) => "later",
        (3, _) => "3rd",
        (2, _) => "2nd",
        _ if run.delivered.iter().any(|tick| tick.report.undeleted > 0) => "next tick",
        _ if faulty => "retry",
        _ => "at once",
    };
    format!("{how}{}", if found_there { "=" } else { "" })
}

/// How many attempts in a row meet the fault, and what it should take then. A
/// scheduled function has no queue: what fails is left to the next tick.
fn cases(call: &Call, fault: Fault) -> Vec<(u32, &'static str)> {
    let per_call = clients::MAX_ATTEMPTS;
    let is_put = call.operation == "PutObject";
    match fault {
        Fault::Page | Fault::Conflict => vec![(1, "retry")],
        // What could not be deleted, the next one deletes.
        Fault::Partial => vec![(1, "next tick")],
        // The merged object is there and says what it replaces: nobody writes it again.
        Fault::DieAfter if is_put => vec![(1, "2nd")],
        Fault::TimeoutAfter if is_put => vec![(1, "retry="), (per_call, "2nd")],
        Fault::DieBefore | Fault::DieAfter => vec![(1, "2nd"), (2, "3rd")],
        _ => vec![(1, "retry"), (per_call, "2nd")],
    }
}

#[tokio::test]
async fn every_single_fault_of_a_compaction_leaves_every_row_once() {
    let Some(emulator) = Emulator::from_environment("compact").await else { return };
    let stages = few().await;
    let event = json!({ "class": "standard" });
    let baseline = run(&emulator, &stages, &event, Plan::Calm, false).await;
    assert_eq!(baseline.state.rows.len(), 11, "nine of one hour, two of the other");
    let (mut matrix, mut runs) = (Matrix::default(), 0);
    let mut kinds = BTreeSet::new();
    for call in calls(&baseline.attempts) {
        let is_first = kinds.insert(call.kind());
        let times = baseline.attempts.iter().filter(|attempt| attempt.call == call).count();
        for fault in Fault::ALL.into_iter().filter(|fault| fault.applies_to(&call)) {
            for (left, expected) in cases(&call, fault) {
                // That the SDK makes a call again is the same for every call of a kind.
                if expected == "retry" && !is_first {
                    continue;
                }
                // A process may die after any call, also when it makes the call again.
                for spared in 0..if fault.is_death() && left == 1 { times } else { 1 } {
                    let spared = u32::try_from(spared).unwrap();
                    let what = format!("{call} after {spared} such calls, {} {left} times", fault.name());
                    let plan = Plan::Single { call: call.clone(), spared, fault, left };
                    let faulty = run(&emulator, &stages, &event, plan, false).await;
                    assert_eq!(outcome(&faulty, &call), expected, "{what}");
                    matrix.note(&call, fault, expected);
                    runs += 1;
                }
            }
        }
    }
    println!(
        "\n{matrix}\n{runs} runs of compact, each with one call at fault; every one ended with every row once.\n"
    );
}

/// Foreign and damaged objects stay as they are, and a hold is kept, under many
/// faults, by one compactor and by two at once.
#[tokio::test]
async fn many_faults_and_a_second_compactor_leave_every_row_once() {
    let Some(emulator) = Emulator::from_environment("compactors").await else { return };
    let stages = many().await;
    let baseline = run(&emulator, &stages, &json!({}), Plan::Calm, false).await;
    assert_eq!(baseline.state.rows.len(), 12 + 4 + 3 + 5, "shop at 10, 11 and 13 h; short");
    assert_eq!(baseline.state.objects.len(), 3, "the hold, a foreign object, a damaged one");
    let (mut faults, mut deaths, mut overtaken) = (0, 0, 0);
    for seed in 0..SEQUENCES {
        let mut random = Random(seed);
        let percent = random.below(40);
        let left = 1 + u32::try_from(random.below(40)).unwrap();
        let two = seed % 2 == 1;
        let faulty = run(&emulator, &stages, &json!({}), Plan::Random { random, percent, left }, two).await;
        assert_eq!(faulty.state.events, baseline.state.events, "sequence {seed}, two compactors: {two}");
        assert_eq!(faulty.state.objects, baseline.state.objects, "sequence {seed}, two compactors: {two}");
        let met = || faulty.attempts.iter().filter_map(|attempt| attempt.fault);
        faults += met().count();
        deaths += met().filter(|fault| fault.is_death()).count();
        overtaken += faulty.delivered.iter().map(|tick| tick.report.steps_overtaken).sum::<u64>();
    }
    println!(
        "\n{SEQUENCES} random sequences, half of them with two compactors at once: {faults} faults, {deaths} of \
         them deaths, and {overtaken} merges that the other compactor had done; every one ended with every row once.\n"
    );
}
