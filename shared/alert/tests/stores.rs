//! The suites of the stores of the state machine, on the twins in memory.

use catchment_alert::{MemoryAlerts, MemoryParking, store_suites};

#[tokio::test]
async fn memory_passes_the_suites() {
    store_suites::alert_store(&MemoryAlerts::default(), "memory").await;
    store_suites::silence_store(&MemoryAlerts::default()).await;
    store_suites::peek_board(&MemoryAlerts::default()).await;
    store_suites::parking(&MemoryParking::default()).await;
}
