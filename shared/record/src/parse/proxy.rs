//! Access logs of proxies: HAProxy, Envoy, Traefik.

pub(super) mod envoy;
pub(super) mod haproxy;
pub(super) mod traefik;

use crate::record::LogRecord;

/// Fills the record and returns true, or leaves it as it was. Traefik's lines
/// begin like Common ones, which find them (`access.rs`).
pub(crate) fn parse<'a>(text: &'a str, record: &mut LogRecord<'a>) -> bool {
    envoy::parse(text, record).or_else(|| haproxy::parse(text, record)).is_some()
}
