//! The way between a process and AWS: it loses, delays and breaks what a plan says.

use std::sync::{Arc, Mutex, MutexGuard};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpClient,
    SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use serde_json::{Value, json};
use tokio::sync::Notify;

use crate::call::Call;
use crate::fault::{Fault, answer, collected, halved, refusal, reset, timeout};
use crate::random::Random;

/// Which calls meet which faults.
#[derive(Debug, Clone)]
pub enum Plan {
    /// None.
    Calm,
    /// One call meets one fault, as often as it is tried, until `left` is used up.
    Single {
        /// The call.
        call: Call,
        /// How many attempts of the call go well before.
        spared: u32,
        /// The fault.
        fault: Fault,
        /// How many attempts of the call meet it.
        left: u32,
    },
    /// Every attempt meets a fault by chance, until `left` is used up.
    Random {
        /// Where chance comes from.
        random: Random,
        /// How many attempts of a hundred meet a fault.
        percent: u64,
        /// How many attempts may meet one.
        left: u32,
    },
}

impl Plan {
    fn next(&mut self, call: &Call) -> Option<Fault> {
        let (fault, left) = match self {
            Self::Calm => return None,
            Self::Single { call: hit, .. } if hit != call => return None,
            Self::Single { spared: spared @ 1.., .. } => {
                *spared -= 1;
                return None;
            }
            Self::Single { fault, left, .. } => (Some(*fault), left),
            Self::Random { random, percent, left } => {
                let possible: Vec<Fault> =
                    Fault::ALL.into_iter().filter(|fault| fault.applies_to(call)).collect();
                let hit = random.below(100) < *percent;
                (hit.then(|| possible[random.index(possible.len())]), left)
            }
        };
        let fault = fault.filter(|_| *left > 0)?;
        *left -= 1;
        Some(fault)
    }
}

/// One attempt of a call, and what became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// What was asked.
    pub call: Call,
    /// The fault that it met.
    pub fault: Option<Fault>,
    /// The status of AWS's own answer, where the process saw one.
    pub status: Option<u16>,
}

/// The calls among attempts, once each, in their order.
pub fn calls(attempts: &[Attempt]) -> Vec<Call> {
    let mut calls: Vec<Call> = Vec::new();
    for attempt in attempts {
        if !calls.contains(&attempt.call) {
            calls.push(attempt.call.clone());
        }
    }
    calls
}

/// What all processes of a run share.
#[derive(Debug)]
pub struct Network {
    plan: Mutex<Plan>,
    attempts: Mutex<Vec<Attempt>>,
    inner: SharedHttpClient,
}

impl Network {
    /// A network over a real one.
    pub fn new(inner: SharedHttpClient, plan: Plan) -> Arc<Self> {
        Arc::new(Self { plan: Mutex::new(plan), attempts: Mutex::default(), inner })
    }

    /// Every attempt so far.
    pub fn attempts(&self) -> Vec<Attempt> {
        locked(&self.attempts).clone()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// The HTTP client of one process. When the process dies of a fault, whoever waits
/// for [`Link::death`] is told, and no call of it comes back.
#[derive(Debug, Clone)]
pub struct Link {
    network: Arc<Network>,
    death: Arc<Notify>,
}

impl Link {
    /// The link of a new process.
    pub fn new(network: &Arc<Network>) -> Self {
        Self { network: Arc::clone(network), death: Arc::default() }
    }

    /// Comes back when the process dies.
    pub async fn death(&self) {
        self.death.notified().await;
    }
}

impl HttpClient for Link {
    fn http_connector(
        &self,
        settings: &HttpConnectorSettings,
        parts: &RuntimeComponents,
    ) -> SharedHttpConnector {
        let real = self.network.inner.http_connector(settings, parts);
        SharedHttpConnector::new(Connector { link: self.clone(), real })
    }
}

#[derive(Debug, Clone)]
struct Connector {
    link: Link,
    real: SharedHttpConnector,
}

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let connector = self.clone();
        HttpConnectorFuture::new(async move {
            let call = Call::of(&request);
            let network = &connector.link.network;
            let fault = locked(&network.plan).next(&call);
            let answered = connector.answer(&call, request, fault).await;
            let status = answered.as_ref().ok().map(|answer| answer.status().as_u16());
            locked(&network.attempts).push(Attempt { call, fault, status });
            answered
        })
    }
}

impl Connector {
    async fn answer(
        &self,
        call: &Call,
        mut request: HttpRequest,
        fault: Option<Fault>,
    ) -> Result<HttpResponse, ConnectorError> {
        let Some(fault) = fault else {
            return self.real.call(request).await;
        };
        match fault {
            Fault::Throttle | Fault::Internal | Fault::Conflict => Ok(refusal(call, fault)),
            Fault::TimeoutBefore => Err(timeout()),
            Fault::TimeoutAfter => {
                collected(self.real.call(request).await?.take_body()).await?;
                Err(timeout())
            }
            Fault::Reset => Err(reset()),
            Fault::Cut | Fault::Short => halved(self.real.call(request).await?, fault == Fault::Cut).await,
            Fault::Partial if call.operation == "BatchWriteItem" => self.some_items(request).await,
            Fault::Partial => self.some_keys(request).await,
            Fault::Page => {
                let uri = format!("{}&max-keys=1", request.uri().replace("max-keys=", "was="));
                request.set_uri(uri).unwrap();
                self.real.call(request).await
            }
            Fault::DieBefore => self.die(call, fault).await,
            Fault::DieAfter => {
                collected(self.real.call(request).await?.take_body()).await?;
                self.die(call, fault).await
            }
        }
    }

    async fn die(&self, call: &Call, fault: Fault) -> ! {
        let attempt = Attempt { call: call.clone(), fault: Some(fault), status: None };
        locked(&self.link.network.attempts).push(attempt);
        self.link.death.notify_one();
        std::future::pending().await
    }

    /// The later half of the items is written, the earlier one is not processed:
    /// what is sent again is then the same call.
    async fn some_items(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let body: Value = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
        let (table, items) = body["RequestItems"].as_object().unwrap().iter().next().unwrap();
        let items = items.as_array().unwrap();
        let (left, written) = items.split_at(items.len().div_ceil(2));
        if !written.is_empty() {
            self.again(&request, json!({ "RequestItems": { table: written } }).to_string()).await?;
        }
        Ok(answer(200, json!({ "UnprocessedItems": { table: left } }).to_string()))
    }

    /// Every other key is deleted, the rest has an error of its own.
    async fn some_keys(&self, request: HttpRequest) -> Result<HttpResponse, ConnectorError> {
        let body = String::from_utf8_lossy(request.body().bytes().unwrap()).into_owned();
        let keys: Vec<&str> =
            body.split("<Key>").skip(1).map(|rest| rest.split_once("</Key>").unwrap().0).collect();
        let odd = |n: usize| keys.iter().skip(n).step_by(2);
        let deleted: String = odd(1).map(|key| format!("<Object><Key>{key}</Key></Object>")).collect();
        if !deleted.is_empty() {
            self.again(&request, format!("<Delete>{deleted}</Delete>")).await?;
        }
        let told: String = odd(1).map(|key| format!("<Deleted><Key>{key}</Key></Deleted>")).collect();
        let failed: String = odd(0)
            .map(|key| {
                format!(
                    "<Error><Key>{key}</Key><Code>InternalError</Code><Message>injected</Message></Error>"
                )
            })
            .collect();
        let mut answer =
            answer(200, format!("<?xml version=\"1.0\"?><DeleteResult>{told}{failed}</DeleteResult>"));
        answer.headers_mut().insert("content-type", "application/xml");
        Ok(answer)
    }

    /// The request with another body; the emulator checks no signature.
    async fn again(&self, request: &HttpRequest, body: String) -> Result<(), ConnectorError> {
        let mut other = HttpRequest::new(SdkBody::from(body.as_str()));
        other.set_method(request.method()).unwrap();
        other.set_uri(request.uri().to_owned()).unwrap();
        for (name, value) in request.headers() {
            let about_the_body =
                name.starts_with("x-amz-checksum") || name == "content-md5" || name == "content-length";
            if !about_the_body {
                other.headers_mut().insert(name.to_owned(), value.to_owned());
            }
        }
        other.headers_mut().insert("content-length", body.len().to_string());
        let answer = self.real.call(other).await?;
        assert!(answer.status().is_success(), "{answer:?}");
        collected(answer.into_body()).await?;
        Ok(())
    }
}
