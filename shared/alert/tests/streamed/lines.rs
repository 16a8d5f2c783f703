//! The lines that the rules are over: logfmt and JSON, some broken, each at a time of its own.

use std::borrow::Cow;
use std::collections::BTreeMap;

use catchment_logql::{Entry, LabelKind};
use proptest::prelude::*;

#[derive(Debug, Clone)]
pub struct Line {
    pub at_nanos: i64,
    pub app: &'static str,
    pub level: &'static str,
    pub text: String,
}

impl Entry for Line {
    fn timestamp_nanos(&self) -> i64 {
        self.at_nanos
    }
    fn line(&self) -> &str {
        &self.text
    }
    fn label(&self, name: &str) -> Option<Cow<'_, str>> {
        match name {
            "app" => Some(self.app.into()),
            "level" => Some(self.level.into()),
            _ => None,
        }
    }
    fn label_kind(&self, name: &str) -> LabelKind {
        if name == "app" { LabelKind::Stream } else { LabelKind::Metadata }
    }
    /// The level is metadata that tells no series apart.
    fn visit_labels(&self, visit: &mut dyn FnMut(&str, &str)) {
        visit("app", self.app);
    }
}

/// Lines from a quarter of an hour before the time to two minutes after it; every
/// tenth or so at the edge of a bucket.
pub fn strategy(at_ms: i64) -> impl Strategy<Value = Vec<Line>> {
    let time = prop_oneof![
        8 => -900_000_000_000_i64..=120_000_000_000,
        1 => (-90_i64..=12).prop_map(|tens| tens * 10_000_000_000),
    ];
    let line = (time, 0..3_usize, 0..2_usize, 0..8_u8, 0..4_usize, -200..200_i32);
    prop::collection::vec(line, 0..60).prop_map(move |lines| {
        let lines = lines.into_iter().map(|(time, app, level, form, k, n)| {
            let line = Line {
                at_nanos: at_ms * 1_000_000 + time,
                app: ["a", "b", "c"][app],
                level: ["error", "info"][level],
                text: text(form, k, n),
            };
            (line.at_nanos, line)
        });
        lines.collect::<BTreeMap<_, _>>().into_values().collect()
    })
}

/// All numbers are multiples of a quarter: sums of them are exact in any order.
fn text(form: u8, k: usize, n: i32) -> String {
    let number = f64::from(n) / 4.0;
    let (millis, bytes) = (n.unsigned_abs() * 250, n.unsigned_abs() * 3);
    let k = ["v", "w", "x y", ""][k];
    match form {
        0..=4 => format!("k={k:?} n={number} d={millis}ms b={bytes}B x{n}"),
        5 | 6 => format!(r#"{{"k":{k:?},"n":{number},"d":"{millis}ms","b":"{bytes}B","t":"x{n}"}}"#),
        _ => format!("k=v n=many d=soon b=big x{{{n}"),
    }
}
