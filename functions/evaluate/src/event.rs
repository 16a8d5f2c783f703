//! What an invocation is asked for.

use serde_json::Value;

/// What an invocation is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// The schedule: everything that is due.
    Tick,
    /// Ingest: the rules on the notice of this moment, in milliseconds, once it is there.
    Peek {
        /// The moment.
        until_ms: i64,
    },
}

impl Asked {
    /// Reads the event. Whatever is no peek is a tick, which is always safe.
    pub fn from_event(event: &Value) -> Self {
        let until_ms = event.get("peek").and_then(|peek| peek.get("until_ms")).and_then(Value::as_i64);
        until_ms.map_or(Self::Tick, |until_ms| Self::Peek { until_ms })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_no_peek_is_a_tick() {
        for (event, asked) in [
            (json!({"peek": {"until_ms": 5}}), Asked::Peek { until_ms: 5 }),
            (json!({"peek": {"until_ms": "5"}}), Asked::Tick),
            (json!({"source": "aws.events"}), Asked::Tick),
            (json!(null), Asked::Tick),
        ] {
            assert_eq!(Asked::from_event(&event), asked, "{event}");
        }
    }
}
