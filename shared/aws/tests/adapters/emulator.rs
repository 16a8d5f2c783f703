//! The emulator that `scripts/test` starts, and fresh things in it.

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::Client as S3;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};

/// How to reach the emulator; `None`, and a word about it, where there is none.
#[allow(clippy::disallowed_methods, clippy::print_stderr)]
pub async fn emulator() -> Option<SdkConfig> {
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

/// A name that no earlier run used.
pub fn fresh(name: &str) -> String {
    format!("{name}-{}", SystemClock.now_millis())
}

/// A fresh bucket.
pub async fn bucket(config: &SdkConfig, name: &str) -> (S3, String) {
    let (client, bucket) = (clients::s3(config), fresh(name));
    client.create_bucket().bucket(&bucket).send().await.unwrap();
    (client, bucket)
}

/// A fresh table with the keys that all our tables have.
pub async fn table(config: &SdkConfig, name: &str) -> (aws_sdk_dynamodb::Client, String) {
    let (client, table) = (clients::dynamodb(config), fresh(name));
    let mut create = client.create_table().table_name(&table).billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
        let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
        let attribute = AttributeDefinition::builder().attribute_name(name);
        let attribute = attribute.attribute_type(ScalarAttributeType::S);
        create = create.key_schema(key.build().unwrap()).attribute_definitions(attribute.build().unwrap());
    }
    create.send().await.unwrap();
    (client, table)
}
