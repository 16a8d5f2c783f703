//! The suites of the alert ports, run on the DynamoDB adapters against an
//! emulator at `CATCHMENT_TEST_ENDPOINT`. Without that variable there is no AWS
//! to talk to, and the tests say so and end.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use catchment_alert::suites;
use catchment_aws::alert_store::{DynamoAlerts, DynamoPartials};
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};

/// A client, and a fresh table like the state table.
#[allow(clippy::disallowed_methods)]
async fn table(name: &str) -> Option<(aws_sdk_dynamodb::Client, String)> {
    let Ok(endpoint) = std::env::var("CATCHMENT_TEST_ENDPOINT") else {
        eprintln!("skipped: CATCHMENT_TEST_ENDPOINT is not set; scripts/test sets it");
        return None;
    };
    let config: SdkConfig = aws_config::defaults(BehaviorVersion::latest())
        .endpoint_url(endpoint)
        .region("us-east-1")
        .test_credentials()
        .http_client(clients::https())
        .load()
        .await;
    let client = clients::dynamodb(&config);
    let table = format!("{name}-{}", SystemClock.now_millis());
    let mut create = client.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        let attribute = AttributeDefinition::builder().attribute_name(name);
        let attribute = attribute.attribute_type(ScalarAttributeType::S);
        create = create.key_schema(key.build().unwrap()).attribute_definitions(attribute.build().unwrap());
    }
    create.send().await.unwrap();
    Some((client, table))
}

#[tokio::test]
async fn dynamodb_passes_the_partial_suite() {
    let Some((client, table)) = table("partials").await else { return };
    suites::partial_store(&DynamoPartials::new(client, &table), &table).await;
}

#[tokio::test]
async fn dynamodb_passes_the_alert_suite() {
    let Some((client, table)) = table("alerts").await else { return };
    suites::alert_store(&DynamoAlerts::new(client, &table), &table).await;
}
