//! The evaluator with its stores in memory: each tick is an invocation of its own,
//! gives way at each call, and can be made to die at any of them.

#![allow(dead_code, clippy::unwrap_used, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt;
use std::sync::Mutex;

use catchment_alert::message::Status;
use catchment_alert::{
    Accumulator, AlertMessage, AlertStore, HistoryEntry, Labels, LeafId, MemoryAlerts, MemoryNotifier,
    MemoryParking, MemoryPartials, Notifier, Origin, Owed, Parking, Partial, PartialStore, PeekBoard,
    RuleFile, RuleId, RuleSet, RuleState, Silence, SilenceStore, StoredWindow, Written,
};
use catchment_aws::clock::Clock;
use catchment_evaluate::event::Asked;
use catchment_evaluate::handler::Evaluator;
use catchment_evaluate::report::Report;

pub const MINUTE_MS: i64 = 60_000;
/// The minute at which tests begin.
pub const START: i64 = 1_000_000;

/// A rule about more than five lines of a service in five minutes.
pub fn rules(group: &str, rule: &str) -> RuleSet {
    let text = format!(
        "groups:\n- name: g\n{group}  rules:\n  - alert: A\n    expr: sum by (service) (count_over_time({{a=\"b\"}}[5m])) > 5\n{rule}    annotations: {{summary: '{{{{ $value }}}} at {{{{ $labels.service }}}}'}}\n"
    );
    RuleSet::parse(&[RuleFile { name: "a.yaml".into(), text }]).unwrap()
}

/// A clock that goes on with tokio's.
pub struct TestClock {
    begun: tokio::time::Instant,
    at_ms: i64,
}

impl TestClock {
    pub fn at(at_ms: i64) -> Self {
        Self { begun: tokio::time::Instant::now(), at_ms }
    }
}

impl Clock for TestClock {
    fn now_millis(&self) -> i64 {
        self.at_ms + i64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }
}

/// What happens to the calls of one invocation.
pub struct Script {
    /// How often each call gives way before it is made.
    pub yields: Vec<u8>,
    /// After so many calls, no more succeed.
    pub calls: usize,
    /// Whether the invocation dies then; it is told of errors otherwise.
    pub dies: bool,
    made: Mutex<usize>,
}

impl Script {
    pub fn new(yields: Vec<u8>, calls: usize, dies: bool) -> Self {
        Self { yields, calls, dies, made: Mutex::new(0) }
    }

    /// Gives way before a call, or fails it.
    async fn before(&self) -> Result<(), Broken> {
        let made = *self.made.lock().unwrap();
        let yields = self.yields.get(made % self.yields.len().max(1)).copied().unwrap_or(1);
        for _ in 0..yields {
            tokio::task::yield_now().await;
        }
        let made = {
            let mut made = self.made.lock().unwrap();
            *made += 1;
            *made
        };
        if !self.dies && made > self.calls { Err(Broken) } else { Ok(()) }
    }

    /// After the call took place: whoever is dead never learns of it.
    async fn after(&self) {
        let made = *self.made.lock().unwrap();
        if self.dies && made >= self.calls {
            std::future::pending::<()>().await;
        }
    }

    pub fn made(&self) -> usize {
        *self.made.lock().unwrap()
    }
}

#[derive(Debug)]
pub struct Broken;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("broken")
    }
}

impl Error for Broken {}

/// A port by reference, under a script.
pub struct Scripted<'a, T>(&'a T, &'a Script);

macro_rules! call {
    ($self:ident . $($call:tt)*) => {{
        $self.1.before().await?;
        let answer = $self.0.$($call)*.await.map_err(|_| Broken);
        $self.1.after().await;
        answer
    }};
}

impl<T: PartialStore> PartialStore for Scripted<'_, T> {
    type Error = Broken;
    async fn record(&self, batch_id: &str, partials: &[Partial]) -> Result<(), Broken> {
        call!(self.record(batch_id, partials))
    }
    async fn window(&self, leaf: &LeafId, from_ms: i64, to_ms: i64) -> Result<StoredWindow, Broken> {
        call!(self.window(leaf, from_ms, to_ms))
    }
}

impl<T: AlertStore> AlertStore for Scripted<'_, T> {
    type Error = Broken;
    async fn states(&self) -> Result<Vec<RuleState>, Broken> {
        call!(self.states())
    }
    async fn state(&self, rule: &RuleId) -> Result<Option<RuleState>, Broken> {
        call!(self.state(rule))
    }
    async fn save(
        &self,
        state: &RuleState,
        owed: &[Owed],
        entry: Option<&HistoryEntry>,
    ) -> Result<Written, Broken> {
        call!(self.save(state, owed, entry))
    }
    async fn owed(&self) -> Result<Vec<Owed>, Broken> {
        call!(self.owed())
    }
    async fn lease(&self, owed: &Owed, until_ms: i64) -> Result<Written, Broken> {
        call!(self.lease(owed, until_ms))
    }
    async fn settled(&self, owed: &Owed) -> Result<(), Broken> {
        call!(self.settled(owed))
    }
    async fn history(&self, from_ms: i64, to_ms: i64) -> Result<Vec<HistoryEntry>, Broken> {
        call!(self.history(from_ms, to_ms))
    }
    async fn cursors(&self) -> Result<Vec<(String, i64)>, Broken> {
        call!(self.cursors())
    }
    async fn advance_cursor(&self, group: &str, to_ms: i64) -> Result<Written, Broken> {
        call!(self.advance_cursor(group, to_ms))
    }
}

impl<T: SilenceStore> SilenceStore for Scripted<'_, T> {
    type Error = Broken;
    async fn silences(&self) -> Result<Vec<Silence>, Broken> {
        call!(self.silences())
    }
    async fn put_silence(&self, silence: &Silence) -> Result<(), Broken> {
        call!(self.put_silence(silence))
    }
}

impl<T: PeekBoard> PeekBoard for Scripted<'_, T> {
    type Error = Broken;
    async fn announce(&self, until_ms: i64, rules: &BTreeSet<RuleId>) -> Result<bool, Broken> {
        call!(self.announce(until_ms, rules))
    }
    async fn take(&self, until_ms: i64) -> Result<BTreeSet<RuleId>, Broken> {
        call!(self.take(until_ms))
    }
}

impl<T: Notifier> Notifier for Scripted<'_, T> {
    type Error = Broken;
    async fn publish(&self, message: &AlertMessage) -> Result<(), Broken> {
        call!(self.publish(message))
    }
}

impl<T: Parking> Parking for Scripted<'_, T> {
    type Error = Broken;
    async fn park(&self, owed: &Owed) -> Result<(), Broken> {
        call!(self.park(owed))
    }
    async fn parked(&self) -> Result<Vec<Owed>, Broken> {
        call!(self.parked())
    }
    async fn unpark(&self, owed: &Owed) -> Result<(), Broken> {
        call!(self.unpark(owed))
    }
}

#[derive(Default)]
pub struct World {
    pub partials: MemoryPartials,
    pub alerts: MemoryAlerts,
    pub notifier: MemoryNotifier,
    pub parking: MemoryParking,
}

impl World {
    pub async fn lines(&self, rules: &RuleSet, service: &str, minute: i64, count: u64) {
        let partial = Partial {
            leaf: rules.rules().next().unwrap().leaves[0].id.clone(),
            bucket_end_ms: (START + minute) * MINUTE_MS,
            series: vec![(Labels::from_iter([("service", service)]), Accumulator::Count(count))],
            errors: None,
            cut_series: 0,
            samples: Vec::new(),
            expires_at_s: i64::MAX,
        };
        self.partials.record(service, &[partial]).await.unwrap();
    }

    async fn run(&self, rules: &RuleSet, asked: Asked, now_ms: i64, script: &Script) -> Report {
        let evaluator = Evaluator::new(
            Scripted(&self.partials, script),
            Scripted(&self.alerts, script),
            Scripted(&self.notifier, script),
            Scripted(&self.parking, script),
        );
        let origin = Origin { stack: "demo".into(), region: String::new() };
        evaluator.run(asked, rules, &TestClock::at(now_ms), &origin).await
    }

    /// A tick 1.5 s after a minute.
    pub async fn tick(&self, rules: &RuleSet, minute: i64) -> Report {
        self.scripted_tick(rules, minute, &Script::new(vec![1], usize::MAX, false)).await
    }

    /// A tick of which only so many calls succeed.
    pub async fn failing_tick(&self, rules: &RuleSet, minute: i64, calls: usize) -> Report {
        self.scripted_tick(rules, minute, &Script::new(vec![1], calls, false)).await
    }

    pub async fn scripted_tick(&self, rules: &RuleSet, minute: i64, script: &Script) -> Report {
        self.run(rules, Asked::Tick, (START + minute) * MINUTE_MS + 1_500, script).await
    }

    /// A peek that was asked for, so many milliseconds after the start.
    pub async fn peek(&self, rules: &RuleSet, after_ms: i64) -> Report {
        let until_ms = START * MINUTE_MS + after_ms;
        let ids: BTreeSet<RuleId> = rules.rules().map(|rule| rule.id.clone()).collect();
        assert!(self.alerts.announce(until_ms, &ids).await.unwrap());
        self.peek_without_notice(rules, after_ms).await
    }

    pub async fn peek_without_notice(&self, rules: &RuleSet, after_ms: i64) -> Report {
        let until_ms = START * MINUTE_MS + after_ms;
        self.run(rules, Asked::Peek { until_ms }, until_ms - 400, &Script::new(vec![1], usize::MAX, false))
            .await
    }

    pub fn told(&self) -> Vec<(Status, String)> {
        self.notifier.published().into_iter().map(|m| (m.status, m.summary)).collect()
    }

    pub fn statuses(&self) -> Vec<Status> {
        self.notifier.published().into_iter().map(|m| m.status).collect()
    }
}
