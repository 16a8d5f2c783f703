//! Partials and alert states in DynamoDB, parked messages in S3.

use catchment_alert::{store_suites, suites};
use catchment_aws::alert_store::{DynamoAlerts, DynamoPartials};
use catchment_aws::deliveries::DynamoDeliveries;
use catchment_aws::parking::S3Parking;

use crate::emulator::{bucket, emulator, table};

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
    let alerts = DynamoAlerts::new(client, &table);
    store_suites::alert_store(&alerts, &table).await;
    store_suites::silence_store(&alerts).await;
    store_suites::peek_board(&alerts).await;
}

#[tokio::test]
async fn s3_passes_the_parking_suite() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "parking").await;
    store_suites::parking(&S3Parking::new(client, &bucket)).await;
}

#[tokio::test]
async fn dynamodb_passes_the_delivery_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "deliveries").await;
    suites::delivery_store(&DynamoDeliveries::new(client, &table), &table).await;
}
