//! What Lambda does with a function: one process that stays warm until it dies,
//! three attempts an event, then the on-failure queue, from which an operator
//! sends the event again.

use std::sync::Arc;

use catchment_aws::clients::SdkConfig;
use lambda_runtime::Error;

use crate::network::{Link, Network};

/// `MaximumRetryAttempts: 2` in template.yaml.
pub const ATTEMPTS: u32 = 3;
/// More replays than any plan needs: what does not succeed then never does.
const MAX_REPLAYS: u32 = 60;

/// A function: how it starts, and what it does with an event.
#[allow(async_fn_in_trait)]
pub trait Program {
    /// What a running process holds in memory.
    type Process;
    /// What it is invoked with.
    type Event;
    /// What it says that it did.
    type Report;

    /// A cold start.
    async fn start(&self, sdk: &SdkConfig) -> Result<Self::Process, Error>;

    /// One invocation.
    async fn handle(&self, process: &Self::Process, event: &Self::Event) -> Result<Self::Report, Error>;

    /// What must hold whenever an invocation has failed, half-way.
    async fn check_between(&self) {}
}

/// What it took until an event was taken in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivered<R> {
    /// What the invocation that succeeded says.
    pub report: R,
    /// Invocations before the queue, the good one included.
    pub invocations: u32,
    /// Invocations with what was in the on-failure queue.
    pub replays: u32,
}

/// One execution environment.
pub struct Lambda<'a, P: Program> {
    program: &'a P,
    network: &'a Arc<Network>,
    /// Everything but the HTTP client.
    sdk: &'a SdkConfig,
    warm: Option<(P::Process, Link)>,
}

impl<'a, P: Program> Lambda<'a, P> {
    /// No process runs yet.
    pub fn new(program: &'a P, network: &'a Arc<Network>, sdk: &'a SdkConfig) -> Self {
        Self { program, network, sdk, warm: None }
    }

    /// Invokes until the event is taken in.
    pub async fn deliver(&mut self, event: &P::Event) -> Delivered<P::Report> {
        for invocations in 1..=ATTEMPTS {
            if let Ok(report) = self.invoke(event).await {
                return Delivered { report, invocations, replays: 0 };
            }
            self.program.check_between().await;
        }
        self.warm = None;
        let mut last = String::new();
        for replays in 1..=MAX_REPLAYS {
            match self.invoke(event).await {
                Ok(report) => return Delivered { report, invocations: ATTEMPTS, replays },
                Err(error) => last = error.to_string(),
            }
        }
        panic!("{MAX_REPLAYS} replays failed, the last one with: {last}");
    }

    /// One invocation; a process that died is replaced by the next one.
    pub async fn invoke(&mut self, event: &P::Event) -> Result<P::Report, Error> {
        let (process, link) = match self.warm.take() {
            Some(warm) => warm,
            None => {
                let link = Link::new(self.network);
                let sdk = self.sdk.to_builder().http_client(link.clone()).build();
                let process = tokio::select! {
                    biased;
                    () = link.death() => return Err("the process died as it started".into()),
                    started = self.program.start(&sdk) => started?,
                };
                (process, link)
            }
        };
        let outcome = tokio::select! {
            biased;
            () = link.death() => return Err("the process died".into()),
            outcome = self.program.handle(&process, event) => outcome,
        };
        self.warm = Some((process, link));
        outcome
    }
}
