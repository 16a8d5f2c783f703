//! The words of a notification, and their limits.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use catchment_alert::AlertMessage;

#[test]
fn a_message_of_version_0_1_can_still_be_read() {
    let old = r#"{"id":"a1","name":"DatabaseErrors","description":"5 errors","summary":"Database errors",
        "severity":"critical","status":"firing","condition":"count > 5","threshold":5.0,"current_value":6.0,
        "labels":{"service":"gremlins-api"},"annotations":{},"triggered_at":"2026-11-21T04:00:00Z",
        "resolved_at":null,"stack":"catchment"}"#;
    let message: AlertMessage = serde_json::from_str(old).unwrap();
    assert_eq!((message.series.len(), message.series[0].value, message.more), (1, 6.0, 0));
    assert_eq!(message.since, "2026-11-21T04:00:00Z");
    assert_eq!(message.series[0].fired_at, message.since);
    let again: AlertMessage = serde_json::from_value(serde_json::json!(message)).unwrap();
    assert_eq!(again, message);
}
