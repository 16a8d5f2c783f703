//! The twins in memory pass the suites of their ports.

use catchment_alert::{MemoryDeliveries, MemoryPartials, suites};

#[tokio::test]
async fn memory_passes_the_partial_suite() {
    suites::partial_store(&MemoryPartials::default(), "memory").await;
}

#[tokio::test]
async fn memory_passes_the_delivery_suite() {
    suites::delivery_store(&MemoryDeliveries::default(), "salt").await;
}
