//! Messages that could not be published, in the archive bucket under `parked/`.

use aws_sdk_s3::Client;
use catchment_alert::{Owed, PARKED_PREFIX, Parking};

use crate::error::{AwsError, classify};

/// A [`Parking`] over a bucket.
#[derive(Debug, Clone)]
pub struct S3Parking {
    client: Client,
    bucket: String,
}

impl S3Parking {
    /// Parks in `bucket`.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self { client, bucket: bucket.into() }
    }

    fn action(&self, what: &str, key: &str) -> String {
        format!("{what} s3://{}/{key}", self.bucket)
    }

    async fn read(&self, key: &str) -> Result<Owed, AwsError> {
        let action = || self.action("read the parked message", key);
        let object = self.client.get_object().bucket(&self.bucket).key(key).send().await;
        let body = object.map_err(|err| classify(action(), err))?.body.collect().await;
        let body = body.map_err(|err| AwsError::Transient { action: action(), source: err.into() })?;
        serde_json::from_slice(&body.into_bytes())
            .map_err(|err| AwsError::unexpected(action(), format!("it is no message: {err}")))
    }
}

impl Parking for S3Parking {
    type Error = AwsError;

    async fn park(&self, owed: &Owed) -> Result<(), AwsError> {
        let key = owed.parked_key();
        let action = || self.action("park a message at", &key);
        let json = serde_json::to_vec(owed).map_err(|err| AwsError::unexpected(action(), err.to_string()))?;
        let put = self.client.put_object().bucket(&self.bucket).key(&key).body(json.into());
        let put = put.content_type("application/json").send().await;
        put.map(|_| ()).map_err(|err| classify(action(), err))
    }

    async fn parked(&self) -> Result<Vec<Owed>, AwsError> {
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(PARKED_PREFIX);
        let mut pages = list.into_paginator().send();
        let mut parked = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|err| classify(self.action("list", PARKED_PREFIX), err))?;
            for object in page.contents() {
                parked.push(self.read(object.key().unwrap_or_default()).await?);
            }
        }
        Ok(parked)
    }

    async fn unpark(&self, owed: &Owed) -> Result<(), AwsError> {
        let key = owed.parked_key();
        let delete = self.client.delete_object().bucket(&self.bucket).key(&key).send().await;
        delete.map(|_| ()).map_err(|err| classify(self.action("delete the parked message", &key), err))
    }
}
