//! The configuration file in a bucket: absent, good, unchanged, faulty, mended,
//! out of reach.

use std::sync::Arc;

use aws_sdk_s3::Client;
use catchment_aws::pipeline::{CachedPipeline, ConfigSource, CurrentPipeline, PipelineError, RECHECK_MS};
use catchment_record::{MAX_CONFIG_BYTES, Routing};

use crate::emulator::{bucket, emulator};

const KEY: &str = "config/catchment.yaml";

async fn put(client: &Client, bucket: &str, text: String) {
    client.put_object().bucket(bucket).key(KEY).body(text.into_bytes().into()).send().await.unwrap();
}

fn same(a: &CurrentPipeline, b: &CurrentPipeline) -> bool {
    Arc::ptr_eq(&a.pipeline, &b.pipeline)
}

#[tokio::test]
async fn a_changed_file_is_used_and_a_faulty_one_is_not() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "pipeline").await;
    let start =
        || CachedPipeline::new(ConfigSource::new(client.clone(), &bucket, KEY), None, Routing::default());
    let process = start();

    // Another file whose name only begins so is not the configuration.
    client.put_object().bucket(&bucket).key("config/catchment.yaml.bak").send().await.unwrap();
    let built_in = process.current(0).await.unwrap();
    assert!(!built_in.is_stale, "without a file");

    put(&client, &bucket, "version: 1".into()).await;
    assert!(same(&process.current(RECHECK_MS - 1).await.unwrap(), &built_in), "not looked at yet");
    let good = process.current(RECHECK_MS).await.unwrap();
    assert!(!same(&good, &built_in) && !good.is_stale);
    assert!(same(&process.current(2 * RECHECK_MS).await.unwrap(), &good), "unchanged, so not read again");

    for (turn, faulty) in [(3, "version: 2".to_owned()), (4, " ".repeat(MAX_CONFIG_BYTES + 1))] {
        put(&client, &bucket, faulty).await;
        let kept = process.current(turn * RECHECK_MS).await.unwrap();
        assert!(same(&kept, &good) && kept.is_stale);
        let refused = start().current(0).await;
        assert!(matches!(refused, Err(PipelineError::Faulty { .. })), "{refused:?}");
    }

    put(&client, &bucket, "version: 1\nroute: {}".into()).await;
    let mended = process.current(5 * RECHECK_MS).await.unwrap();
    assert!(!same(&mended, &good) && !mended.is_stale);

    client.delete_object().bucket(&bucket).key(KEY).send().await.unwrap();
    let built_in = process.current(6 * RECHECK_MS).await.unwrap();
    assert!(!same(&built_in, &mended) && !built_in.is_stale, "the file was taken away");

    let nowhere = CachedPipeline::new(
        ConfigSource::new(client.clone(), "no-such-bucket", KEY),
        None,
        Routing::default(),
    );
    assert!(matches!(nowhere.current(0).await, Err(PipelineError::Unread(_))));
}
