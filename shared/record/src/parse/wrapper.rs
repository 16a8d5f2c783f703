//! Lines that a container runtime or a log router wrapped: taken out of their
//! wrapper, then parsed as what they are.
//!
//! | wrapper | written by |
//! |---|---|
//! | `2016-10-06T00:17:09.669794202Z stdout F …` | CRI: containerd, CRI-O, <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md> |
//! | `{"log":"…\n","stream":"stdout","time":"…"}` | Docker's json-file, <https://docs.docker.com/engine/logging/drivers/json-file/> |
//! | `{"container_id":"…","ecs_cluster":"…","log":"…","source":"stdout"}` | FireLens |
//! | `{"log":"…","stream":"…","time":"…","kubernetes":{…}}`, or `log_processed` | Fluent Bit, Container Insights |
//!
//! The wrapper's time, service and place stand where the line has none of its own.

use std::borrow::Cow;

use super::attributes::Attributes;
use super::fields::{Field, Fields, Value};
use super::{EventTime, NANOS_PER_MILLI, json, timestamp, understand};
use crate::record::{LogRecord, Place};
use crate::source::workload_of;

/// How many wrappers are taken off a line; what is inside the last is content.
pub(crate) const MAX_UNWRAPPINGS: u8 = 3;

/// The longest time that a CRI line begins with, in bytes.
const MAX_CRI_TIME_BYTES: usize = 40;

/// Takes a line out of its CRI wrapper, and returns true; or leaves the record as it was.
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit()) || record.unwrappings >= MAX_UNWRAPPINGS {
        return false;
    }
    let Some((time, stream, content)) = cri(text) else { return false };
    let Some(time) = timestamp::from_field(time) else { return false };
    record.believe(time);
    inside(Value::Text(content), &[("stream", Some(Cow::Borrowed(stream)))], record);
    true
}

/// Time, stream and content of a CRI line.
fn cri(text: &str) -> Option<(&str, &str, &str)> {
    let time_len = text.bytes().take(MAX_CRI_TIME_BYTES).position(|b| b == b' ')?;
    let (time, rest) = text.split_at_checked(time_len)?;
    let stream = rest.get(1..7).filter(|stream| matches!(*stream, "stdout" | "stderr"))?;
    let rest = rest.get(7..)?.strip_prefix(' ')?;
    let content = rest.strip_prefix('F').or_else(|| rest.strip_prefix('P'))?;
    // More tags may follow the first, behind a colon.
    let content = if content.starts_with(':') { content.get(content.find(' ')?..)? } else { content };
    let content = if content.is_empty() { content } else { content.strip_prefix(' ')? };
    Some((time, stream, content))
}

/// Takes a line out of the JSON that a log router put around it, and returns
/// true. Where the JSON is the line itself, with a place added, only the place
/// is taken.
pub(crate) fn unwrap<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) -> bool {
    let is_placed = fields.has(Field::PodName)
        || fields.has(Field::EcsCluster)
        || fields.has(Field::EcsTaskDefinition)
        || fields.has(Field::ContainerId) && fields.has(Field::ContainerName);
    if is_placed {
        fill_place(fields, record);
    }
    let stream = [Field::Stream, Field::StreamSource]
        .into_iter()
        .find_map(|field| fields.plain(field).filter(|stream| matches!(*stream, "stdout" | "stderr")));
    if !is_placed && stream.is_none() || record.unwrappings >= MAX_UNWRAPPINGS {
        return false;
    }
    let is_line_itself = fields.has(Field::Message) || fields.has(Field::Level);
    let inner = match (fields.get(Field::LogProcessed), fields.get(Field::Log)) {
        (Some(object @ Value::Json(_)), _) => object,
        (_, Some(log)) if !is_line_itself => log,
        _ => return false,
    };
    fields.fill_time(record);
    let namespace = fields.text(Field::Namespace);
    inside(inner, &[("stream", stream.map(Cow::Borrowed)), ("namespace", namespace)], record);
    true
}

fn fill_place<'a>(fields: &Fields<'a>, record: &mut LogRecord<'a>) {
    let family = fields.plain(Field::EcsTaskDefinition).map(|task| {
        let name = after_last(task, '/');
        name.split_once(':').map_or(name, |(family, _revision)| family)
    });
    let pod = fields.plain(Field::PodName);
    let workload = family.or(pod.map(workload_of));
    if let Some(service) = fields.text(Field::LabelledService).or(workload.map(Cow::Borrowed)) {
        record.service = service;
    }
    let borrowed = |text: Option<&'a str>| text.filter(|text| !text.is_empty()).map(Cow::Borrowed);
    record.place = Some(Box::new(Place {
        cluster: borrowed(fields.plain(Field::EcsCluster).map(|cluster| after_last(cluster, '/'))),
        workload: borrowed(workload),
        instance: borrowed(fields.plain(Field::EcsTaskArn).map(|task| after_last(task, '/')).or(pod)),
        container: borrowed(fields.plain(Field::ContainerName).map(|name| name.trim_start_matches('/'))),
    }));
}

fn after_last(text: &str, separator: char) -> &str {
    text.rsplit(separator).next().unwrap_or(text)
}

/// Parses what stood in a wrapper; `own` is what the wrapper adds to the attributes.
fn inside<'a>(inner: Value<'a>, own: &[(&str, Option<Cow<'a, str>>)], record: &mut LogRecord<'a>) {
    let known = record.event_time;
    if let (EventTime::ReadAt(_), Some(nanos)) = (known, record.time_unix_nano) {
        record.event_time = EventTime::Arrived(nanos.div_euclid(NANOS_PER_MILLI));
    }
    record.unwrappings += 1;
    match without_line_end(inner) {
        Value::Escaped(_) => {
            let text = inner.text();
            let mut found = record.clone();
            found.message = Cow::Borrowed(text.trim_ascii_end());
            understand(&text, &mut found);
            adopt(record, found);
        }
        plain => {
            record.message = Cow::Borrowed(plain.raw());
            understand(plain.raw(), record);
        }
    }
    record.unwrappings -= 1;
    record.event_time = known;
    let mut attributes = Attributes::default();
    for (name, value) in own {
        attributes.some_text(name, value.as_deref());
    }
    record.attributes = match (attributes.finish(), record.attributes.take()) {
        (own, Some(inner)) => Some(json::merged(own, &inner)),
        (own, None) => own,
    };
}

/// A text without the line's end, which most wrappers keep as an escape: it
/// often is the only one, and without it the text can be borrowed as it stands.
fn without_line_end(value: Value<'_>) -> Value<'_> {
    let Value::Escaped(raw) = value else { return value };
    let text = raw.strip_suffix("\\n").unwrap_or(raw);
    let text = text.strip_suffix("\\r").unwrap_or(text);
    if memchr::memchr(b'\\', text.as_bytes()).is_none() { Value::Text(text) } else { value }
}

/// Takes over what was found in a text that does not live as long as the record.
fn adopt<'a>(record: &mut LogRecord<'a>, found: LogRecord<'_>) {
    fn owned<'a>(text: Cow<'_, str>) -> Cow<'a, str> {
        Cow::Owned(text.into_owned())
    }
    fn if_changed<'a>(old: &mut Cow<'a, str>, new: Cow<'_, str>) {
        if *old != new {
            *old = owned(new);
        }
    }
    if_changed(&mut record.service, found.service);
    if_changed(&mut record.environment, found.environment);
    if_changed(&mut record.request_id, found.request_id);
    record.place = found.place.map(|place| {
        Box::new(Place {
            cluster: place.cluster.map(owned),
            workload: place.workload.map(owned),
            instance: place.instance.map(owned),
            container: place.container.map(owned),
        })
    });
    record.time_unix_nano = found.time_unix_nano;
    record.format = found.format;
    record.severity_number = found.severity_number;
    record.severity_text = found.severity_text.map(owned);
    record.message = owned(found.message);
    record.trace_id = found.trace_id.map(owned);
    record.span_id = found.span_id.map(owned);
    record.user_id = found.user_id.map(owned);
    record.event_name = found.event_name.map(owned);
    record.http_method = found.http_method.map(owned);
    record.path = found.path.map(owned);
    record.status_code = found.status_code;
    record.duration_ms = found.duration_ms;
    record.attributes = found.attributes;
    record.parse_error = found.parse_error;
}
