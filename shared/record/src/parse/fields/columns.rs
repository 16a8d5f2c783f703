//! The named fields of one line, and the columns they fill.

use std::borrow::Cow;

use super::{FIELDS, Field, Index, OPEN_RANK, Value};
use crate::parse::convert::{float, milliseconds, path, span_of_traceparent, trace_id};
use crate::parse::{http, severity_number, timestamp};
use crate::record::LogRecord;

/// The rank from which a level must be one that is known: a `priority` may be
/// anything.
const LOOSE_LEVEL_RANK: u8 = 2;

/// The rank from which a message is one only where there is no other: a
/// `description` may be anything's.
const WEAK_MESSAGE_RANK: u8 = 3;

/// The rank of a `status` that is no number as a level.
const STATUS_LEVEL_RANK: u8 = 4;

/// The fields that a line has, by [`Field`], each with the rank of the name it came under.
#[derive(Debug)]
pub(crate) struct Fields<'a>([Option<(Value<'a>, u8)>; FIELDS]);

impl<'a> Fields<'a> {
    /// No field.
    pub(crate) fn new() -> Self {
        Self([None; FIELDS])
    }

    /// Offers a member of a line that is not JSON (`level=info`); `has_escapes`
    /// where the value was quoted and holds a backslash. Returns the field that
    /// it gives, where there is one and it had no better value yet.
    #[inline]
    pub(crate) fn offer_text(&mut self, name: &str, value: &'a str, has_escapes: bool) -> Option<Field> {
        let (field, rank) = Index::get().find(name.as_bytes())?.field?;
        let offered = if has_escapes { Value::Escaped(value) } else { Value::Text(value) };
        self.offer(field, rank, offered).then_some(field)
    }

    /// Offers a value under a name of this rank; whether it is the field's now.
    #[inline]
    pub(crate) fn offer(&mut self, field: Field, rank: u8, value: Value<'a>) -> bool {
        let Some(slot) = self.0.get_mut(field as usize) else { return false };
        if slot.is_some_and(|(_, taken)| taken <= rank) || value.raw().is_empty() && field != Field::Log {
            return false;
        }
        let fits = match field {
            Field::Message | Field::Emf | Field::LogProcessed => true,
            Field::Event | Field::Log | Field::Error | Field::RequestLine => value.is_text(),
            Field::StatusCode => match value.number() {
                Some(code) => code < 1000,
                None => {
                    if rank < OPEN_RANK && value.is_text() && severity_number(value.raw()).is_some() {
                        self.put(Field::Level, STATUS_LEVEL_RANK, value);
                    }
                    return false;
                }
            },
            _ => !matches!(value, Value::Json(_)),
        };
        if fits {
            *slot = Some((value, rank));
        }
        fits
    }

    /// Sets a field that has no better value.
    fn put(&mut self, field: Field, rank: u8, value: Value<'a>) {
        if let Some(slot) = self.0.get_mut(field as usize)
            && slot.is_none_or(|(_, taken)| taken > rank)
        {
            *slot = Some((value, rank));
        }
    }

    /// The field's value.
    #[inline]
    pub(crate) fn get(&self, field: Field) -> Option<Value<'a>> {
        self.0.get(field as usize)?.map(|(value, _)| value)
    }

    /// Whether the line has the field.
    #[inline]
    pub(crate) fn has(&self, field: Field) -> bool {
        self.get(field).is_some()
    }

    /// The field's text, without escapes.
    #[inline]
    pub(crate) fn text(&self, field: Field) -> Option<Cow<'a, str>> {
        self.get(field).map(Value::text)
    }

    /// The field's text, where it is one that needs no escapes.
    pub(crate) fn plain(&self, field: Field) -> Option<&'a str> {
        match self.get(field)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Fills the columns; one that no field is for stays as it is.
    pub(crate) fn fill(&self, record: &mut LogRecord<'a>) {
        self.fill_time(record);
        self.fill_level(record);
        self.fill_ids(record);
        self.fill_http(record);
        self.fill_message(record);
    }

    /// The line's time.
    pub(crate) fn fill_time(&self, record: &mut LogRecord<'a>) {
        let time = self
            .get(Field::Timestamp)
            .and_then(|value| match value {
                Value::Bare(number) if number.contains(['e', 'E']) => {
                    timestamp::from_field(&number.parse::<f64>().ok()?.to_string())
                }
                value => timestamp::from_field(&value.text()),
            })
            .or_else(|| timestamp::from_field(&self.get(Field::RequestTime)?.text()))
            .or_else(|| timestamp::from_field(&self.initial(Field::InitialTime)?.text()));
        if let Some(time) = time {
            record.believe(time);
        }
    }

    /// A field that is named by its initial: `{"L":"INFO","T":"…","M":"…"}` (zap in
    /// development), or log15's `t` beside its `lvl`.
    fn initial(&self, field: Field) -> Option<Value<'a>> {
        let is_zap = self.has(Field::InitialLevel) && self.has(Field::InitialMessage);
        let is_log15 = field == Field::InitialTime && self.has(Field::Level) && self.has(Field::Message);
        self.get(field).filter(|value| (is_zap || is_log15) && value.is_text())
    }

    fn fill_level(&self, record: &mut LogRecord<'a>) {
        let zap = || Some((self.initial(Field::InitialLevel)?, LOOSE_LEVEL_RANK));
        let level = self.0.get(Field::Level as usize).copied().flatten();
        if let Some((value, rank)) = level.or_else(zap) {
            let (text, number) = match value.number() {
                Some(number) => (Some(Cow::Borrowed(value.raw())), numeric_level(number)),
                None if value.is_text() => {
                    let text = trimmed(value.text());
                    let number = severity_number(&text)
                        .or_else(|| initial(&text).filter(|_| rank >= LOOSE_LEVEL_RANK));
                    (Some(text), number)
                }
                None => (None, None),
            };
            if number.is_some() || rank < LOOSE_LEVEL_RANK {
                record.severity_text = text;
                record.severity_number = number;
            }
        }
        if record.severity_number.is_some() {
            return;
        }
        let is_http = self.has(Field::Path) || self.has(Field::RequestLine) || self.has(Field::HttpMethod);
        record.severity_number = if let Some(number) = self.get(Field::SeverityNumber) {
            number.number().and_then(|n| u8::try_from(n).ok()).filter(|n| (1..=24).contains(n))
        } else if record.severity_text.is_some() {
            None
        } else if self.has(Field::MessageTemplate) || self.has(Field::SerilogEventId) {
            // Serilog's compact form leaves `Information` out.
            Some(9)
        } else if is_http {
            self.status_code().map(http::severity_of)
        } else {
            None
        };
    }

    fn fill_message(&self, record: &mut LogRecord<'a>) {
        let named = self
            .message()
            .or_else(|| self.text(Field::MessageTemplate))
            .or_else(|| self.initial(Field::InitialMessage).map(Value::text));
        let event = self.text(Field::Event);
        if let Some(message) = named {
            record.message = message;
            if record.event_name.is_none() {
                record.event_name = event;
            }
        } else if let Some(message) = event
            .or_else(|| self.text(Field::Log))
            .or_else(|| self.text(Field::RequestLine))
            .or_else(|| self.text(Field::Message))
            .or_else(|| self.text(Field::Error))
        {
            record.message = message;
        } else if let (Some(method), Some(path)) = (&record.http_method, &record.path) {
            record.message = Cow::Owned(format!("{method} {path}"));
        }
    }

    /// The message, where its name leaves no doubt that it is one.
    fn message(&self) -> Option<Cow<'a, str>> {
        let (value, rank) = (*self.0.get(Field::Message as usize)?)?;
        (rank < WEAK_MESSAGE_RANK).then(|| value.text())
    }

    fn fill_ids(&self, record: &mut LogRecord<'a>) {
        if let Some(service) = self.text(Field::Service) {
            record.service = service;
        } else if let Some(service) = self.text(Field::LabelledService) {
            record.service = service;
        } else if let Some(name) = self.text(Field::Name).filter(|_| self.has(Field::Hostname)) {
            // bunyan and pino: a numeric level, the host, and the program's name.
            if self.get(Field::Level).is_some_and(|level| matches!(level, Value::Bare(_))) {
                record.service = name;
            }
        }
        if let Some(environment) = self.text(Field::Environment) {
            record.environment = environment;
        }
        set(&mut record.span_id, self.id(Field::SpanId));
        if let Some(id) = self.id(Field::TraceId) {
            // A number of a tracer of its own belongs to another id.
            let is_foreign =
                matches!(self.0.get(Field::SpanId as usize), Some(Some((_, rank))) if rank % OPEN_RANK > 0);
            let span = span_of_traceparent(&id).filter(|_| is_foreign || record.span_id.is_none());
            if let Some(span) = span {
                record.span_id = Some(Cow::Owned(span.to_owned()));
            }
            record.trace_id = Some(trace_id(id));
        }
        if let Some(request_id) = self.id(Field::RequestId) {
            record.request_id = request_id;
        }
        set(&mut record.user_id, self.id(Field::UserId));
        set(&mut record.event_name, self.text(Field::EventName));
    }

    /// An id that is one: loggers write `0`, zeros or `-` where there is none.
    fn id(&self, field: Field) -> Option<Cow<'a, str>> {
        self.text(field).filter(|id| !id.bytes().all(|b| matches!(b, b'0' | b'-')))
    }

    fn fill_http(&self, record: &mut LogRecord<'a>) {
        set(&mut record.http_method, self.text(Field::HttpMethod));
        set(&mut record.path, self.text(Field::Path).map(path));
        if let Some(request) = self.plain(Field::RequestLine).and_then(http::request) {
            record.http_method.get_or_insert(Cow::Borrowed(request.method));
            record.path.get_or_insert(Cow::Borrowed(request.path));
        }
        set(&mut record.status_code, self.status_code());
        set(&mut record.duration_ms, self.duration_ms());
    }

    fn status_code(&self) -> Option<i32> {
        self.get(Field::StatusCode)?.number().and_then(|code| i32::try_from(code).ok())
    }

    fn duration_ms(&self) -> Option<f64> {
        let in_units = [
            (Field::DurationMs, 1.0),
            (Field::Duration, if self.counts_seconds() { 1e3 } else { 1.0 }),
            (Field::DurationSeconds, 1e3),
            (Field::RequestTime, 1e3),
            (Field::DurationMicros, 1e-3),
            (Field::DurationNanos, 1e-6),
        ];
        let (value, factor) =
            in_units.into_iter().find_map(|(field, factor)| Some((self.get(field)?, factor)))?;
        let text = value.text();
        match float(&text) {
            Some(number) => Some(number * factor).filter(|ms| ms.is_finite()),
            None => milliseconds(&text),
        }
    }

    /// zap, and what is built on it, writes times and durations in seconds with a fraction.
    fn counts_seconds(&self) -> bool {
        matches!(self.get(Field::Timestamp), Some(Value::Bare(time)) if time.find('.') == Some(10))
    }
}

/// Sets a column that the line has a field for.
#[inline]
fn set<T>(column: &mut Option<T>, value: Option<T>) {
    if value.is_some() {
        *column = value;
    }
}

/// A number on the scale of syslog (0 to 7, GELF, journald), pino and bunyan (10
/// to 60), Monolog (100 to 600) or logback (5,000 to 40,000).
fn numeric_level(level: u32) -> Option<u8> {
    Some(match level {
        0..=2 => 21,
        3 => 17,
        4 => 13,
        5 => 10,
        6 => 9,
        7 => 5,
        8 | 9 => 9,
        10..=19 => 1,
        20..=29 => 5,
        30..=39 => 9,
        40..=49 => 13,
        50..=59 => 17,
        60..=99 => 21,
        100..=199 => 5,
        200..=249 => 9,
        250..=299 => 10,
        300..=399 => 13,
        400..=499 => 17,
        500..=999 => 21,
        1_000..=9_999 => 1,
        10_000..=19_999 => 5,
        20_000..=29_999 => 9,
        30_000..=39_999 => 13,
        40_000..=50_000 => 17,
        _ => return None,
    })
}

/// MongoDB's `I`, `D2`.
fn initial(level: &str) -> Option<u8> {
    match level.as_bytes() {
        [b'F'] => Some(21),
        [b'E'] => Some(17),
        [b'W'] => Some(13),
        [b'I'] => Some(9),
        [b'D'] | [b'D', b'1'..=b'5'] => Some(5),
        _ => None,
    }
}

fn trimmed(text: Cow<'_, str>) -> Cow<'_, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.trim_ascii()),
        Cow::Owned(text) => Cow::Owned(text.trim_ascii().to_owned()),
    }
}
