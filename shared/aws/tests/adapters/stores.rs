//! The archive in S3 and the audit trail in DynamoDB.

use crate::emulator::{bucket, emulator, table};

#[tokio::test]
async fn s3_passes_the_archive_suite() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "archive").await;
    let store = catchment_aws::archive::S3Archive::new(client, &bucket);
    catchment_archive::check_archive_store(&store, &bucket).await;
}

#[tokio::test]
async fn dynamodb_passes_the_audit_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = table(&config, "audit").await;
    let store = catchment_aws::audit::DynamoAudit::new(client, &table, 30);
    catchment_audit::check_audit_store(&store, &table).await;
}
