//! The suites of the archive's and the audit trail's ports, run on the AWS
//! adapters against an emulator at `CATCHMENT_TEST_ENDPOINT`. Without that
//! variable there is no AWS to talk to, and the tests say so and end.

#![allow(clippy::print_stderr)]

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};

#[allow(clippy::disallowed_methods)]
async fn emulator() -> Option<SdkConfig> {
    let Ok(endpoint) = std::env::var("CATCHMENT_TEST_ENDPOINT") else {
        eprintln!("skipped: CATCHMENT_TEST_ENDPOINT is not set; scripts/test sets it");
        return None;
    };
    Some(
        aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region("us-east-1")
            .test_credentials()
            .http_client(clients::https())
            .load()
            .await,
    )
}

fn salt() -> String {
    format!("suite-{}", SystemClock.now_millis())
}

#[tokio::test]
async fn s3_passes_the_archive_suite() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = (clients::s3(&config), salt());
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    let store = catchment_aws::archive::S3Archive::new(client, &bucket);
    catchment_archive::check_archive_store(&store, &bucket).await;
}

#[tokio::test]
async fn dynamodb_passes_the_audit_suite() {
    let Some(config) = emulator().await else { return };
    let (client, table) = (aws_sdk_dynamodb::Client::new(&config), salt());
    let mut create = client.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        create = create
            .key_schema(KeySchemaElement::builder().attribute_name(name).key_type(kind).build().unwrap())
            .attribute_definitions(
                AttributeDefinition::builder()
                    .attribute_name(name)
                    .attribute_type(ScalarAttributeType::S)
                    .build()
                    .unwrap(),
            );
    }
    create.send().await.unwrap();
    let store = catchment_aws::audit::DynamoAudit::new(client, &table, 30);
    catchment_audit::check_audit_store(&store, &table).await;
}
