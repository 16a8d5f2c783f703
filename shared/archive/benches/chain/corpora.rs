//! Four corpora of log lines from a fixed seed, packed as CloudWatch Logs sends them.

use std::fmt::Write;

use libdeflater::{CompressionLvl, Compressor};
use serde_json::json;

/// The events of each payload of a corpus.
const PAYLOADS: [usize; 4] = [200, 400, 600, 1000];

/// Streams of one service.
const STREAMS: usize = 5;

/// 2026-03-13T10:30:15Z: when the first event of every payload happened.
pub const START_MILLIS: u64 = 1_773_397_815_000;

/// Bits below the milliseconds in a CloudWatch event id: the id in AWS's own example,
/// `31953106606966983378809025079804211143289615424298221568` at 1432826855000, is the time times 2^144.
/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html>
const ID_SHIFT: u32 = 144;

/// What lines look like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Corpus {
    /// Structured JSON, about 700 bytes a line.
    Json,
    /// Combined access log, about 200 bytes.
    Access,
    /// `key=value`, about 200 bytes.
    Logfmt,
    /// Python, logback, klog, syslog, Lambda, stack traces, mixed; about 110 bytes.
    Text,
}

impl Corpus {
    pub const ALL: [Self; 4] = [Self::Json, Self::Access, Self::Logfmt, Self::Text];

    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Access => "access",
            Self::Logfmt => "logfmt",
            Self::Text => "text",
        }
    }

    /// Its payloads, the same on every machine and at every call.
    pub fn payloads(self) -> Vec<Payload> {
        let mut random = Random(0x5eed ^ self as u64);
        let stream = "ecs/web/0123456789abcdef0123456789abcdef";
        PAYLOADS.iter().map(|events| Payload::new(self, stream, START_MILLIS, *events, &mut random)).collect()
    }

    /// So many payloads of some streams that write at the same time, one after
    /// the other in each.
    #[allow(dead_code)]
    pub fn streams(self, payloads: usize) -> Vec<Payload> {
        let mut random = Random(0x5eed ^ self as u64);
        let streams = [(); STREAMS].map(|()| format!("ecs/web/{}", random.hex(32)));
        let mut starts = [START_MILLIS; STREAMS];
        (0..payloads)
            .map(|i| {
                let (stream, start) = (&streams[i % STREAMS], &mut starts[i % STREAMS]);
                let payload = Payload::new(self, stream, *start, PAYLOADS[i % PAYLOADS.len()], &mut random);
                *start = payload.last_millis;
                payload
            })
            .collect()
    }

    fn lines(self, mut start: u64, count: usize, random: &mut Random) -> Vec<(u64, String)> {
        self.lines_from(&mut start, 12, count, random)
    }

    /// Lines from `millis` on, which goes to the last: up to `step` apart.
    pub fn lines_from(
        self,
        millis: &mut u64,
        step: u64,
        count: usize,
        random: &mut Random,
    ) -> Vec<(u64, String)> {
        let mut lines = Vec::with_capacity(count);
        while lines.len() < count {
            *millis += random.below(step);
            let millis = *millis;
            match self {
                Self::Json => lines.push((millis, json_line(millis, random))),
                Self::Access => lines.push((millis, access_line(millis, random))),
                Self::Logfmt => lines.push((millis, logfmt_line(millis, random))),
                Self::Text => text_lines(millis, random, &mut lines),
            }
        }
        lines.truncate(count);
        lines
    }
}

/// One `awslogs.data`, and what is in it.
pub struct Payload {
    /// Base64 of gzip of the envelope.
    pub data: String,
    /// Log events in it.
    pub events: usize,
    /// Bytes of their messages.
    pub message_bytes: usize,
    /// When the last happened.
    pub last_millis: u64,
}

impl Payload {
    fn new(corpus: Corpus, stream: &str, start: u64, events: usize, random: &mut Random) -> Self {
        let lines = corpus.lines(start, events, random);
        // As in AWS's example, the low 16 bits count the events of the batch.
        let batch = (u128::from(random.next()) << 64) + u128::from(random.next() & !0xffff);
        let log_events: Vec<_> = (batch..)
            .zip(&lines)
            .map(|(low, (millis, line))| json!({ "id": event_id(*millis, low), "timestamp": millis, "message": line }))
            .collect();
        let envelope = json!({
            "messageType": "DATA_MESSAGE", "owner": "123456789012", "logGroup": "/ecs/checkout",
            "logStream": stream,
            "subscriptionFilters": ["catchment"], "logEvents": log_events,
        })
        .to_string();
        let mut compressor = Compressor::new(CompressionLvl::default());
        let mut gzip = vec![0; compressor.gzip_compress_bound(envelope.len())];
        let size = compressor.gzip_compress(envelope.as_bytes(), &mut gzip).unwrap();
        let data = base64_simd::STANDARD.encode_to_string(&gzip[..size]);
        let message_bytes = lines.iter().map(|(_, line)| line.len()).sum();
        let last_millis = lines.last().map_or(start, |(millis, _)| *millis);
        Self { data, events, message_bytes, last_millis }
    }
}

/// `millis * 2^144 + low` in 56 decimal digits.
fn event_id(millis: u64, low: u128) -> String {
    // Decimal digits, the lowest first.
    let mut digits = [0_u8; 56];
    let add = |digits: &mut [u8; 56], mut number: u128| {
        for digit in digits {
            number += u128::from(*digit);
            *digit = (number % 10) as u8;
            number /= 10;
        }
    };
    add(&mut digits, u128::from(millis));
    for _ in 0..ID_SHIFT {
        let mut carry = 0;
        for digit in &mut digits {
            let doubled = *digit * 2 + carry;
            *digit = doubled % 10;
            carry = doubled / 10;
        }
    }
    add(&mut digits, low);
    digits.iter().rev().map(|digit| char::from(b'0' + digit)).collect()
}

/// SplitMix64: <https://prng.di.unimi.it/splitmix64.c>.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }

    fn of(&mut self, list: &[&'static str]) -> &'static str {
        list[self.below(list.len() as u64) as usize]
    }

    fn hex(&mut self, digits: usize) -> String {
        let mut hex = String::new();
        while hex.len() < digits {
            write!(hex, "{:016x}", self.next()).unwrap();
        }
        hex.truncate(digits);
        hex
    }

    fn uuid(&mut self) -> String {
        let hex = self.hex(32);
        [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
    }

    /// Mostly INFO, as services are.
    fn level(&mut self) -> &'static str {
        self.of(&["INFO", "INFO", "INFO", "INFO", "INFO", "DEBUG", "DEBUG", "WARN", "ERROR"])
    }

    fn status(&mut self) -> u64 {
        [200, 200, 200, 200, 200, 201, 204, 302, 304, 404, 500, 503][self.below(12) as usize]
    }

    fn path(&mut self) -> String {
        match self.below(6) {
            0 => format!("/api/v1/orders/{}", self.below(90_000)),
            1 => "/api/v1/orders".to_owned(),
            2 => format!("/api/v1/customers/{}/addresses", self.below(9_000)),
            3 => format!("/search?q={}&page={}", self.of(&["lamp", "desk", "chair"]), self.below(9)),
            4 => "/health".to_owned(),
            _ => format!("/static/js/app.{}.js", self.hex(8)),
        }
    }

    fn user_agent(&mut self) -> &'static str {
        self.of(&[
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0",
            "ELB-HealthChecker/2.0",
            "okhttp/4.12.0",
        ])
    }

    fn ip(&mut self) -> String {
        format!("10.{}.{}.{}", self.below(4), self.below(256), self.below(256))
    }
}

/// `10:30:15` and the milliseconds, for the day of [`START_MILLIS`].
fn clock(millis: u64) -> (String, u64) {
    let seconds = 10 * 3600 + 30 * 60 + 15 + (millis - START_MILLIS) / 1000;
    (format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60), millis % 1000)
}

fn json_line(millis: u64, random: &mut Random) -> String {
    let (time, ms) = clock(millis);
    let (order, customer, status) = (random.below(900_000), random.below(50_000), random.status());
    let mut line = json!({
        "timestamp": format!("2026-03-13T{time}.{ms:03}Z"), "level": random.level().to_lowercase(),
        "service": "checkout", "logger": random.of(&["checkout.payment.gateway", "checkout.cart", "checkout.api.orders"]),
        "message": format!("charge of order {order} for customer {customer} accepted by \"gateway-{}\" after {} attempts", random.below(4), random.below(3) + 1),
        "trace_id": random.hex(32), "span_id": random.hex(16), "request_id": random.uuid(), "user_id": format!("u-{customer}"),
        "http": { "method": random.of(&["GET", "POST", "PUT"]), "path": random.path(), "status_code": status, "user_agent": random.user_agent() },
        "duration_ms": random.below(90_000) as f64 / 100.0,
        "host": { "name": "ip-10-0-1-7.eu-west-1.compute.internal", "ip": random.ip() },
        "order": { "items": random.below(12), "currency": "EUR", "amount": random.below(100_000), "tags": ["web", "returning"], "coupon": null },
        "version": "2026.3.1+a1b2c3d", "env": "prod",
    });
    if random.one_in(200) {
        line["headers"] = json!({ "authorization": format!("Bearer {}", random.hex(40)) });
    }
    line.to_string()
}

fn access_line(millis: u64, random: &mut Random) -> String {
    let (time, _) = clock(millis);
    let (ip, path, agent, status) = (random.ip(), random.path(), random.user_agent(), random.status());
    let user = if random.one_in(8) { "alice" } else { "-" };
    let method = random.of(&["GET", "GET", "GET", "POST", "PUT"]);
    let referer = random.of(&["-", "https://shop.example.com/", "https://shop.example.com/cart?step=2"]);
    let bytes = random.below(60_000);
    format!(
        r#"{ip} - {user} [13/Mar/2026:{time} +0000] "{method} {path} HTTP/1.1" {status} {bytes} "{referer}" "{agent}""#
    )
}

fn logfmt_line(millis: u64, random: &mut Random) -> String {
    let (time, ms) = clock(millis);
    let message =
        random.of(&["request completed", "cache refreshed", "payment accepted by gateway", "retrying"]);
    let (level, method, path, status) =
        (random.level().to_lowercase(), random.of(&["GET", "POST"]), random.path(), random.status());
    let mut line = format!(
        r#"ts=2026-03-13T{time}.{ms:03}Z level={level} caller=http.go:{} msg="{message}" method={method} path="{path}" status={status} duration={}.{:02}ms trace_id={} user_id=u-{} "#,
        random.below(400),
        random.below(900),
        random.below(100),
        random.hex(32),
        random.below(50_000),
    );
    line.push_str(random.of(&["component=api", "component=worker queue=orders", "component=cache hit=true"]));
    if random.one_in(200) {
        write!(line, " db_password={}", random.hex(12)).unwrap();
    }
    line
}

/// One line, or a line and its stack trace.
fn text_lines(millis: u64, random: &mut Random, out: &mut Vec<(u64, String)>) {
    let (time, ms) = clock(millis);
    let level = random.level();
    let (order, took) = (random.below(900_000), random.below(900));
    match random.below(60) {
        0..18 => out.push((millis, format!(
            "2026-03-13 {time},{ms:03} - checkout.{} - {level} - processed item {order} of batch {} in {took} ms, {} left in the queue",
            random.of(&["core.orders", "payment", "stock.reserve"]), random.below(99), random.below(500),
        ))),
        18..36 => out.push((millis, format!(
            "2026-03-13 {time}.{ms:03} {level:>5} 1 --- [nio-8080-exec-{}] c.s.{} : order {order} of customer c-{} accepted in {took} ms",
            random.below(9) + 1, random.of(&["orders.OrderService    ", "payment.GatewayClient  "]), random.below(50_000),
        ))),
        36..43 => out.push((millis, format!(
            "{}0313 {time}.{ms:03}217       1 {}:{}] reconciled deployment shop/checkout-{} generation {order}, 3 replicas are ready of 3",
            random.of(&["I", "I", "I", "W", "E"]), random.of(&["controller.go", "reflector.go"]), random.below(900), random.hex(5),
        ))),
        43..49 => out.push((millis, format!(
            "Mar 13 {time} ip-10-0-1-7 {}[{}]: connection from {} port {order} closed after {took} s",
            random.of(&["sshd", "systemd", "dhclient"]), random.below(30_000), random.ip(),
        ))),
        49..55 => out.push((millis, format!(
            "[{level}]\t2026-03-13T{time}.{ms:03}Z\t{}\tstored receipt {order} in {took} ms in bucket shop-receipts", random.uuid(),
        ))),
        55..58 => out.push((millis, format!("worker {} is ready, listening on port {}, metrics are served on the path /metrics of the same port", random.below(9), random.below(60_000)))),
        58 => {
            out.push((millis, format!("2026-03-13 {time},{ms:03} - checkout.payment - ERROR - charge of order {order} failed")));
            out.push((millis, "Traceback (most recent call last):".to_owned()));
            for file in ["/app/checkout/payment.py", "/app/checkout/gateway.py", "/usr/lib/python3.12/ssl.py"] {
                out.push((millis, format!("  File \"{file}\", line {}, in send", random.below(900))));
                out.push((millis, "    return self.session.request(method, url, timeout=self.timeout)".to_owned()));
            }
            out.push((millis, format!("TimeoutError: the gateway gave no answer within {took} ms")));
        }
        _ => {
            out.push((millis, format!("2026-03-13 {time}.{ms:03} ERROR 1 --- [nio-8080-exec-1] c.s.orders.OrderService     : order {order} failed")));
            out.push((millis, "java.lang.IllegalStateException: no stock is reserved for this order".to_owned()));
            for _ in 0..10 {
                out.push((millis, format!("\tat com.shop.orders.{}.handle(OrderService.java:{})", random.of(&["OrderService", "StockClient", "Retry"]), random.below(900))));
            }
            out.push((millis, format!("Caused by: java.net.SocketTimeoutException: read timed out after {took} ms")));
        }
    }
}
