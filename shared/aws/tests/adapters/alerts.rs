//! Partials and alert states in DynamoDB.

use catchment_alert::suites;
use catchment_aws::alert_store::{DynamoAlerts, DynamoPartials};
use catchment_aws::deliveries::DynamoDeliveries;

use crate::emulator::{emulator, table};

#[tokio::test]
async fn dynamodb_passes_the_partial_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "partials").await;
    suites::partial_store(&DynamoPartials::new(client, &table), &table).await;
}

#[tokio::test]
async fn dynamodb_passes_the_alert_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "alerts").await;
    suites::alert_store(&DynamoAlerts::new(client, &table), &table).await;
}

#[tokio::test]
async fn dynamodb_passes_the_delivery_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "deliveries").await;
    suites::delivery_store(&DynamoDeliveries::new(client, &table), &table).await;
}
