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
use catchment_archive::{ColumnSet, Listed, ObjectKey, ObjectReader, OpenFile, Order, ReadError, StoredRow};
use catchment_aws::archive::S3Archive;
use catchment_aws::clients::{self, SdkConfig};
use catchment_aws::clock::{Clock, SystemClock};
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
                    None => world.content(key, object.size().unwrap()).await,
                };
                self.read.lock().unwrap().insert(e_tag.to_owned(), content.clone());
                match content {
                    Content::Rows(rows) => {
                        state.keys.push(key.to_owned());
                        for row in rows {
                            state.rows.push(row.literal);
                            state.events.extend(row.events);
                        }
                    }
                    Content::Text(text) => {
                        state.objects.insert(key.to_owned(), text);
                    }
                }
            }
        }
        state.rows.sort();
        state.events.sort();
        state.audit = world.items(&world.audit).await;
        state.partials = world.items(&world.state).await;
        // Notices of peeks are of the moment, and may be missing.
        state.partials.retain(|item| !item.contains("PEEK"));
        state
    }
}

#[derive(Debug, Clone)]
enum Content {
    Rows(Vec<Row>),
    Text(String),
}

/// A row with what is folded put back, and the events that it is of.
#[derive(Debug, Clone)]
pub struct Row {
    /// Every column.
    pub literal: String,
    /// The ids of the events.
    pub events: Vec<String>,
}

impl Row {
    /// A row as a reader gives it.
    pub fn of(row: &StoredRow<'_>) -> Self {
        let (line, event_id) = (row.line(), row.event_id());
        let literal = StoredRow {
            line: Some(&line),
            event_id: event_id.as_deref(),
            time_unix_nano: row.time_unix_nano(),
            observed_timestamp: row.observed_millis(),
            event_batch: None,
            event_index: None,
            ..row.clone()
        };
        let more = row.more_event_ids.into_iter().flat_map(|ids| ids.split(','));
        let events = event_id.as_deref().into_iter().chain(more).map(str::to_owned).collect();
        Self { literal: format!("{literal:?}"), events }
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

    /// The archive, without faults.
    pub fn archive(&self) -> S3Archive {
        S3Archive::new(self.s3.clone(), &self.bucket)
    }

    async fn content(&self, key: &str, bytes: i64) -> Content {
        let archive = self.archive();
        let key = ObjectKey::new(key);
        let listed = Listed { key: key.clone(), bytes: bytes.try_into().unwrap(), modified_millis: 0 };
        let file = match key.parse() {
            Some(_) => OpenFile::open(&archive, &listed).await,
            None => Err(ReadError::Foreign { key: key.clone(), reason: String::new() }),
        };
        let file = match file {
            Ok(file) => file,
            Err(ReadError::Foreign { .. }) => {
                let text = archive.get(&key).await.unwrap().unwrap();
                return Content::Text(String::from_utf8_lossy(&text).into_owned());
            }
            Err(err) => panic!("{err}"),
        };
        let mut batches = file.rows(&archive, Order::OldestFirst, ColumnSet::ALL);
        let mut rows = Vec::new();
        while let Some(batch) = batches.next_batch().await.unwrap() {
            rows.extend(batch.rows().map(|row| Row::of(&row)));
        }
        Content::Rows(rows)
    }
}

/// What is durable after a run: what must not depend on faults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct State {
    /// The archive's keys, in order.
    pub keys: Vec<String>,
    /// The rows of all of the archive's objects, sorted: what a query that reads
    /// every object sees.
    pub rows: Vec<String>,
    /// The events that the rows are of, sorted.
    pub events: Vec<String>,
    /// Every other object.
    pub objects: BTreeMap<String, String>,
    /// The items of the audit table, as JSON, sorted.
    pub audit: Vec<String>,
    /// The items of the state table, as JSON, sorted.
    pub partials: Vec<String>,
}

impl State {
    /// Panics, with what is missing and what is too much, where it is not `other`.
    pub fn must_be(&self, other: &Self, what: &str) {
        let list = |state: &Self| {
            let mut all =
                [&state.keys, &state.rows, &state.audit, &state.partials].map(Clone::clone).concat();
            all.extend(state.objects.iter().map(|(key, text)| format!("{key}: {text}")));
            all
        };
        let (here, there) = (list(self), list(other));
        let count = |list: &[String], line: &String| list.iter().filter(|other| *other == line).count();
        let beyond = |a: &[String], b: &[String]| {
            a.iter().filter(|line| count(a, line) > count(b, line)).cloned().collect::<Vec<_>>().join("\n  ")
        };
        let (missing, too_much) = (beyond(&there, &here), beyond(&here, &there));
        assert!(self == other, "{what}\nmissing:\n  {missing}\ntoo much:\n  {too_much}");
    }
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
