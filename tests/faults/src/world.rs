//! A bucket, tables and a secret of one run, and what the run left in them.

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use aws_sdk_s3::types::{BucketLocationConstraint, CreateBucketConfiguration};
use bytes::Bytes;
use catchment_aws::clients::{self, SdkConfig};
use catchment_aws::clock::{Clock, SystemClock};
use parquet::file::reader::{FileReader, SerializedFileReader};
use serde_json::{Map, Value};

/// The emulator that scripts/test started.
#[derive(Debug)]
pub struct Emulator {
    sdk: SdkConfig,
    salt: String,
    worlds: AtomicU32,
    /// Objects that were read, by their ETag: most runs leave the same.
    read: Mutex<HashMap<String, Content>>,
}

impl Emulator {
    /// The one at `CATCHMENT_TEST_ENDPOINT`; without that variable there is no AWS
    /// to talk to, and this says so.
    #[allow(clippy::disallowed_methods)]
    pub async fn from_environment(name: &str) -> Option<Self> {
        let Ok(endpoint) = std::env::var("CATCHMENT_TEST_ENDPOINT") else {
            eprintln!("skipped: CATCHMENT_TEST_ENDPOINT is not set; scripts/faults sets it");
            return None;
        };
        // As the functions have it, without the waiting.
        let retries = RetryConfig::standard()
            .with_max_attempts(clients::MAX_ATTEMPTS)
            .with_initial_backoff(Duration::from_millis(1));
        let sdk = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(endpoint)
            .region("us-east-1")
            .test_credentials()
            .http_client(clients::https())
            .retry_config(retries)
            .timeout_config(TimeoutConfig::disabled())
            .load()
            .await;
        let salt = format!("{name}-{}", SystemClock.now_millis());
        Some(Self { sdk, salt, worlds: AtomicU32::new(0), read: Mutex::default() })
    }

    /// A fresh world. Its region is its own: the SDK's retry quota is a region's,
    /// and one run must not use up another's.
    pub async fn world(&self) -> World {
        let number = self.worlds.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}-{number}", self.salt);
        let region = BucketLocationConstraint::from(name.as_str());
        let sdk = self.sdk.to_builder().region(Region::new(name.clone())).build();
        let world = World {
            audit: format!("audit-{name}"),
            state: format!("state-{name}"),
            s3: clients::s3(&sdk),
            dynamodb: clients::dynamodb(&sdk),
            bucket: name,
            sdk,
        };
        let here = CreateBucketConfiguration::builder().location_constraint(region).build();
        let create = world.s3.create_bucket().bucket(&world.bucket).create_bucket_configuration(here);
        create.send().await.unwrap();
        world
    }

    /// Everything that is in the world now.
    pub async fn state(&self, world: &World) -> State {
        let mut state = State::default();
        let mut pages = world.s3.list_objects_v2().bucket(&world.bucket).into_paginator().send();
        while let Some(page) = pages.next().await {
            for object in page.unwrap().contents() {
                let (key, e_tag) = (object.key().unwrap(), object.e_tag().unwrap());
                let known = self.read.lock().unwrap().get(e_tag).cloned();
                let content = match known {
                    Some(content) => content,
                    None => Content::of(key, world.object(key).await),
                };
                self.read.lock().unwrap().insert(e_tag.to_owned(), content.clone());
                match content {
                    Content::Rows(rows) => {
                        state.keys.push(key.to_owned());
                        state.rows.extend(rows);
                    }
                    Content::Text(text) => {
                        state.objects.insert(key.to_owned(), text);
                    }
                }
            }
        }
        state.rows.sort();
        state.audit = world.items(&world.audit).await;
        state.partials = world.items(&world.state).await;
        state
    }
}

#[derive(Debug, Clone)]
enum Content {
    /// The rows of a file, each as JSON with every column as it is stored.
    Rows(Vec<String>),
    Text(String),
}

impl Content {
    fn of(key: &str, body: Bytes) -> Self {
        if !key.starts_with("logs/") {
            return Self::Text(String::from_utf8_lossy(&body).into_owned());
        }
        let reader = SerializedFileReader::new(body).unwrap();
        let rows = reader.get_row_iter(None).unwrap();
        Self::Rows(rows.map(|row| row.unwrap().to_json_value().to_string()).collect())
    }
}

/// Where one run happens.
#[derive(Debug)]
pub struct World {
    /// A configuration without faults.
    pub sdk: SdkConfig,
    /// The archive's bucket.
    pub bucket: String,
    /// The table of the audit trail.
    pub audit: String,
    /// The table of alert partials.
    pub state: String,
    s3: aws_sdk_s3::Client,
    dynamodb: aws_sdk_dynamodb::Client,
}

impl World {
    /// Makes the tables.
    pub async fn create_tables(&self) {
        for table in [&self.audit, &self.state] {
            let mut create =
                self.dynamodb.create_table().table_name(table).billing_mode(BillingMode::PayPerRequest);
            for (name, kind) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
                let key = KeySchemaElement::builder().attribute_name(name).key_type(kind);
                let attribute = AttributeDefinition::builder().attribute_name(name);
                let attribute = attribute.attribute_type(ScalarAttributeType::S);
                create =
                    create.key_schema(key.build().unwrap()).attribute_definitions(attribute.build().unwrap());
            }
            create.send().await.unwrap();
        }
    }

    /// Writes an object.
    pub async fn put(&self, key: &str, body: impl Into<Bytes>) {
        let put = self.s3.put_object().bucket(&self.bucket).key(key);
        put.body(body.into().into()).send().await.unwrap();
    }

    /// Makes a secret; its ARN.
    pub async fn put_secret(&self, value: &str) -> String {
        let client = aws_sdk_secretsmanager::Client::new(&self.sdk);
        let made = client.create_secret().name("hash-key").secret_string(value).send().await;
        made.unwrap().arn.unwrap()
    }

    /// The items of a table, sorted; none where there is no table.
    async fn items(&self, table: &str) -> Vec<String> {
        let mut items = Vec::new();
        let mut pages = self.dynamodb.scan().table_name(table).into_paginator().items().send();
        while let Some(item) = pages.next().await {
            match item {
                Ok(item) => items.push(json_of_item(&item).to_string()),
                Err(err) if err.as_service_error().is_some_and(|e| e.is_resource_not_found_exception()) => {
                    break;
                }
                Err(err) => panic!("{err:?}"),
            }
        }
        items.sort();
        items
    }

    async fn object(&self, key: &str) -> Bytes {
        let object = self.s3.get_object().bucket(&self.bucket).key(key).send().await.unwrap();
        object.body.collect().await.unwrap().into_bytes()
    }
}

/// What is durable after a run: what must not depend on faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The archive's keys, in order.
    pub keys: Vec<String>,
    /// The rows of all of the archive's objects, as JSON, sorted: what a query
    /// that reads every object sees.
    pub rows: Vec<String>,
    /// Every other object.
    pub objects: BTreeMap<String, String>,
    /// The items of the audit table, as JSON, sorted.
    pub audit: Vec<String>,
    /// The items of the state table, as JSON, sorted.
    pub partials: Vec<String>,
}

fn json_of_item(item: &HashMap<String, AttributeValue>) -> Value {
    let fields = item.iter().map(|(name, value)| (name.clone(), json_of(value)));
    Value::Object(fields.collect::<BTreeMap<_, _>>().into_iter().collect::<Map<_, _>>())
}

fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::M(fields) => json_of_item(fields),
        AttributeValue::L(items) => items.iter().map(json_of).collect(),
        other => Value::String(format!("{other:?}")),
    }
}
