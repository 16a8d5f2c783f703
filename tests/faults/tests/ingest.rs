//! `ingest` under every single fault of every call that it makes, and under many at
//! once: what is durable in the end is what is durable without any.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::print_stdout)]

use catchment_aws::alert_store::DynamoPartials;
use catchment_aws::archive::S3Archive;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clients::SdkConfig;
use catchment_aws::config::Vars;
use catchment_faults::{
    ATTEMPTS, Attempt, Call, Delivered, Emulator, Fault, Lambda, Matrix, Network, Plan, Program, Random,
    State, World, calls, payload,
};
use catchment_ingest::{Function, Report, config::Config};
use catchment_record::Counts;
use lambda_runtime::Error;
use serde_json::{Value, json};

/// 2024-12-18T23:59:59.990Z: the batch is of two days.
const FIRST_MS: i64 = 1_734_566_399_990;
/// What no stored byte may hold: without the configuration file the built-in
/// rules would let both pass, and without the secret the second could not be hashed.
const SECRETS: [&str; 2] = ["PIN-4711", "ORD-123456"];

/// Random sequences of faults that are tried.
const SEQUENCES: u64 = 200;
/// How often the body of a rule file is read in one invocation.
const BODY_ATTEMPTS: u32 = 3;

const CONFIG: &str = r#"
version: 1
redact:
  patterns:
  - { name: pin, pattern: 'PIN-[0-9]{4}' }
  - { name: order_number, pattern: 'ORD-[0-9]{6}', treatment: hash }
route:
  classes:
  - class: short
    when: { levels: [debug] }
  filters:
  - name: health-checks
    when: { selector: '{service="shop"} |= "/health"' }
"#;

/// Rules of one's own: the 30 series of the first are one item a bucket.
const RULES: [(&str, &str); 2] = [
    ("rules/paths.yaml", r#"sum by (path) (count_over_time({service="shop"} |= "failed" [5m])) > 3"#),
    ("rules/users.yaml", r#"count_over_time({service="shop"} |= "login" [5m]) > 3"#),
];

struct Ingest<'a> {
    world: &'a World,
    secret_arn: &'a str,
}

impl Program for Ingest<'_> {
    type Process = Function<S3Archive, DynamoAudit, DynamoPartials>;
    type Event = Value;
    type Report = Report;

    async fn start(&self, sdk: &SdkConfig) -> Result<Self::Process, Error> {
        let vars = Vars::from_pairs([
            ("ARCHIVE_BUCKET", self.world.bucket.as_str()),
            ("AUDIT_TABLE", &self.world.audit),
            ("STATE_TABLE", &self.world.state),
            // There is none: to invoke it is refused, and fails nothing.
            ("EVALUATE_FUNCTION", "evaluate"),
            ("RULES_PREFIX", "rules/"),
            ("CONFIG_KEY", "config/catchment.yaml"),
            ("HASH_KEY_SECRET_ARN", self.secret_arn),
            ("AUDIT_RETENTION_DAYS", "3650"),
            ("METRICS_NAMESPACE", "Catchment/faults"),
            ("AWS_REGION", "eu-west-1"),
            ("ENVIRONMENT", "prod"),
        ]);
        Ok(Function::start(Config::from_vars(&vars)?, sdk).await?)
    }

    async fn handle(&self, process: &Self::Process, event: &Value) -> Result<Report, Error> {
        process.take_in(event.clone()).await
    }
}

fn lines() -> Vec<String> {
    let mut lines: Vec<String> = (0..30)
        .map(|n| json!({ "level": "error", "message": format!("order ORD-123456 failed, {n}"), "path": format!("/p/{n}") }))
        .map(|line| line.to_string())
        .collect();
    lines.extend(
        (0..3).map(|n| json!({ "event_type": "user.login", "user_id": format!("u{n}") }).to_string()),
    );
    lines.push(json!({ "level": "debug", "message": "pin PIN-4711" }).to_string());
    lines.push(json!({ "level": "info", "message": "GET /health" }).to_string());
    lines.extend(
        [
            "Exception in thread \"main\" java.lang.IllegalStateException: no stock",
            "\tat \u{1a} com.shop.Stock.take(Stock.java:42)",
        ]
        .map(str::to_owned),
    );
    lines
}

/// A batch of two days and two classes with audit entries, partials, a filtered
/// line and a stack trace; and a payload that cannot be read.
fn events() -> [Value; 2] {
    let events: Vec<Value> = (0..)
        .zip(lines())
        .map(|(n, line)| json!({ "id": format!("{n:056}"), "timestamp": FIRST_MS + n, "message": line }))
        .collect();
    [payload("/ecs/shop", &events), json!({ "awslogs": { "data": "%%%" } })]
}

/// A world as the stack makes it, with configuration and rules.
async fn prepared(emulator: &Emulator) -> (World, String) {
    let world = emulator.world().await;
    world.create_tables().await;
    let secret_arn = world.put_secret("a key only for tests").await;
    world.put("config/catchment.yaml", CONFIG).await;
    for (key, expr) in RULES {
        let name = key.trim_start_matches("rules/").trim_end_matches(".yaml");
        let rule = format!("groups:\n- name: {name}\n  rules:\n  - alert: {name}\n    expr: {expr}\n");
        world.put(key, rule).await;
    }
    (world, secret_arn)
}

struct Run {
    delivered: Vec<Delivered<Report>>,
    attempts: Vec<Attempt>,
    state: State,
}

/// Every event through one warm function, one after the other.
async fn run(emulator: &Emulator, plan: Plan) -> Run {
    let (world, secret_arn) = prepared(emulator).await;
    let program = Ingest { world: &world, secret_arn: &secret_arn };
    let network = Network::new(world.sdk.http_client().unwrap(), plan);
    let mut lambda = Lambda::new(&program, &network, &world.sdk);
    let mut delivered = Vec::new();
    for event in events() {
        delivered.push(lambda.deliver(&event).await);
    }
    Run { delivered, attempts: network.attempts(), state: emulator.state(&world).await }
}

/// Every event through each of two functions that share a world.
async fn run_twice(emulator: &Emulator, plan: Plan) -> Run {
    let (world, secret_arn) = prepared(emulator).await;
    let program = Ingest { world: &world, secret_arn: &secret_arn };
    let network = Network::new(world.sdk.http_client().unwrap(), plan);
    let deliver = async || {
        let mut lambda = Lambda::new(&program, &network, &world.sdk);
        let mut delivered = Vec::new();
        for event in events() {
            delivered.push(lambda.deliver(&event).await);
        }
        delivered
    };
    let (mut delivered, other) = tokio::join!(deliver(), deliver());
    delivered.extend(other);
    Run { delivered, attempts: network.attempts(), state: emulator.state(&world).await }
}

/// What must be durable, from what was sent.
fn check_baseline(run: &Run) {
    let counts: Vec<Counts> = run.delivered.iter().map(|delivered| delivered.report.counts).collect();
    assert_eq!(
        counts,
        [
            Counts { received: 37, archived: 36, filtered: 1, quarantined: 0 },
            Counts { received: 1, archived: 0, filtered: 0, quarantined: 1 },
        ]
    );
    let state = &run.state;
    assert_eq!(state.keys.len(), 3, "{:?}", state.keys);
    assert_eq!(state.rows.len(), 35, "the trace is one row of two events");
    assert_eq!(state.audit.len(), 3);
    assert_eq!(state.partials.len(), 3, "the paths of either day in one, and the logins");
    let quarantined = state.objects.keys().filter(|key| key.starts_with("quarantine/")).count();
    assert_eq!(quarantined, 2, "the payload and the reason");
    for secret in SECRETS {
        assert!(!format!("{state:?}").contains(secret), "{secret}");
    }
    assert!(state.rows.iter().any(|row| row.contains("hash:")), "hashed, not masked");
    // 36 events, each once; the filtered one is number 34.
    let ids: Vec<String> = (0..37).filter(|n| *n != 34).map(|n| format!("{n:056}")).collect();
    assert_eq!(state.events, ids);
}

/// What it took. `retry`: the SDK or the adapter tried again, unnoticed by the
/// function; `2nd`, `3rd`: that invocation; `queue`: three invocations failed, and
/// the replay from the on-failure queue did not. With `=`: what an earlier attempt
/// had written was found there, and left.
fn outcome(run: &Run, call: &Call) -> String {
    let worst =
        run.delivered.iter().max_by_key(|delivered| delivered.invocations + delivered.replays).unwrap();
    let found_there =
        run.attempts.iter().filter(|attempt| attempt.call == *call && attempt.fault.is_none()).any(
            |attempt| {
                let answer = (call.operation.as_str(), attempt.status);
                matches!(answer, ("PutObject", Some(412)) | ("PutItem", Some(400)))
            },
        );
    let tried = run.attempts.iter().filter(|attempt| attempt.call == *call).count();
    let how = match (worst.invocations, worst.replays) {
        (_, 1..) => "queue",
        (3, _) => "3rd",
        (2, _) => "2nd",
        _ if tried > 1 => "retry",
        _ => "at once",
    };
    format!("{how}{}", if found_there { "=" } else { "" })
}

/// How many attempts in a row meet the fault (one; all that the SDK makes in an
/// invocation; all of all three invocations), and what it should take then.
fn cases(call: &Call, fault: Fault, is_there: bool) -> Vec<(u32, String)> {
    let per_call = catchment_aws::clients::MAX_ATTEMPTS;
    let cases = match fault {
        // A shorter page is an answer as good as another.
        Fault::Page => vec![(1, "at once")],
        // That an object is missing is known without what the answer says of it.
        Fault::Cut | Fault::Short if !is_there => vec![(1, "retry"), (per_call, "retry")],
        // Rule files are read again; for others that is the next invocation.
        Fault::Cut | Fault::Short if call.on.starts_with("rules/") && call.operation == "GetObject" => {
            vec![(1, "retry"), (BODY_ATTEMPTS, "2nd"), (ATTEMPTS * BODY_ATTEMPTS, "queue")]
        }
        Fault::Cut | Fault::Short if call.operation == "GetObject" => vec![(1, "2nd"), (ATTEMPTS, "queue")],
        // Who comes again may find the notice that it was to be called for.
        Fault::DieBefore | Fault::DieAfter if call.operation == "Invoke" => vec![(1, "2nd")],
        Fault::DieBefore | Fault::DieAfter => vec![(1, "2nd"), (2, "3rd"), (ATTEMPTS, "queue")],
        // Where no peek can be asked for, the minute's tick sees the lines.
        _ if matches!(call.operation.as_str(), "UpdateItem" | "Invoke") => {
            vec![(1, "retry"), (ATTEMPTS * per_call, "retry")]
        }
        // The adapters try these more often than the SDK tries others.
        Fault::Conflict | Fault::Partial => vec![(1, "retry"), (9, "2nd")],
        _ => vec![(1, "retry"), (per_call, "2nd"), (ATTEMPTS * per_call, "queue")],
    };
    let took_effect = matches!(fault, Fault::TimeoutAfter | Fault::Cut | Fault::DieAfter);
    let is_written_once = matches!(call.operation.as_str(), "PutObject" | "PutItem");
    let found = if took_effect && is_written_once { "=" } else { "" };
    cases.into_iter().map(|(left, how)| (left, format!("{how}{found}"))).collect()
}

#[tokio::test]
async fn every_single_fault_leaves_what_no_fault_leaves() {
    let Some(emulator) = Emulator::from_environment("ingest").await else { return };
    let baseline = run(&emulator, Plan::Calm).await;
    check_baseline(&baseline);
    let (mut matrix, mut runs) = (Matrix::default(), 0);
    for call in calls(&baseline.attempts) {
        let is_missing = |attempt: &Attempt| attempt.call == call && attempt.status == Some(404);
        let is_there = !baseline.attempts.iter().any(is_missing);
        for fault in Fault::ALL.into_iter().filter(|fault| fault.applies_to(&call)) {
            for (left, expected) in cases(&call, fault, is_there) {
                let what = format!("{call}, {} {left} times", fault.name());
                let faulty =
                    run(&emulator, Plan::Single { call: call.clone(), spared: 0, fault, left }).await;
                faulty.state.must_be(&baseline.state, &what);
                check_counts(&faulty, &baseline, &what);
                assert_eq!(outcome(&faulty, &call), expected, "{what}");
                matrix.note(&call, fault, &expected);
                runs += 1;
            }
        }
    }
    println!(
        "\n{matrix}\n{runs} runs of ingest, each with one call at fault; every one ended as without faults.\n"
    );
}

/// Every event is accounted for, as without faults.
fn check_counts(run: &Run, baseline: &Run, what: &str) {
    for (delivered, expected) in run.delivered.iter().zip(baseline.delivered.iter().cycle()) {
        assert_eq!(delivered.report.counts, expected.report.counts, "{what}");
        assert!(delivered.report.counts.are_conserved(), "{what}");
    }
}

/// Both events come twice, to two functions at once, as CloudWatch Logs may do.
#[tokio::test]
async fn many_faults_at_random_leave_what_no_fault_leaves() {
    let Some(emulator) = Emulator::from_environment("random").await else { return };
    let baseline = run(&emulator, Plan::Calm).await;
    check_baseline(&baseline);
    let (mut faults, mut deaths, mut replays) = (0, 0, 0);
    for seed in 0..SEQUENCES {
        let mut random = Random(seed);
        let percent = 5 + random.below(60);
        let left = 1 + u32::try_from(random.below(60)).unwrap();
        let faulty = run_twice(&emulator, Plan::Random { random, percent, left }).await;
        let what = format!("seed {seed}");
        faulty.state.must_be(&baseline.state, &what);
        check_counts(&faulty, &baseline, &what);
        let met = || faulty.attempts.iter().filter_map(|attempt| attempt.fault);
        faults += met().count();
        deaths += met().filter(|fault| fault.is_death()).count();
        replays += faulty.delivered.iter().filter(|delivered| delivered.replays > 0).count();
    }
    println!(
        "\n{SEQUENCES} random sequences: {faults} faults, {deaths} of them deaths, and {replays} replays from the \
         queue; every one ended as without faults.\n"
    );
}
