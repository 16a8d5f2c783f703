//! Rule files and their versions in a bucket: taken up, refused, stood in for, put
//! back, and read at what cost.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::Client;
use catchment_alert::versions::{History, Manifest, Version};
use catchment_alert::{RuleFile, Written};
use catchment_aws::clients;
use catchment_aws::rules::{CachedRules, CurrentRules, PREFIX, RECHECK_MS, RELIST_MS, RuleSource};

use crate::emulator::{bucket, emulator};

fn text(group: &str, alert: &str) -> String {
    format!("groups:\n- name: {group}\n  rules:\n  - alert: {alert}\n    expr: rate({{a=\"b\"}}[5m]) > 1\n")
}

fn file(name: &str, text: &str) -> RuleFile {
    RuleFile { name: name.into(), text: text.into() }
}

fn alerts(rules: &CurrentRules) -> Vec<&str> {
    rules.set.rules().map(|rule| rule.name.as_str()).collect()
}

async fn put(client: &Client, bucket: &str, key: &str, text: &str) {
    client.put_object().bucket(bucket).key(key).body(text.as_bytes().to_vec().into()).send().await.unwrap();
}

/// Writes and activates a version, as `catchment rules push` does.
async fn push(source: &RuleSource, files: &[RuleFile]) -> Version {
    let before = source.manifest().await.unwrap();
    let (manifest, etag) = before.map_or((None, None), |(manifest, etag)| (Some(manifest), Some(etag)));
    let version = Manifest::next_version(manifest.as_ref(), files, "me", 0);
    source.write_files(&version, files).await.unwrap();
    if let Some(manifest) = &manifest {
        source.record(&manifest.version).await.unwrap();
    }
    let none = BTreeSet::new();
    let next = Manifest::activate(manifest.as_ref(), version.clone(), &none, &none, History::Loaded, 0);
    assert_eq!(source.activate(&next, etag.as_deref()).await.unwrap(), Written::Done);
    source.record(&version).await.unwrap();
    version
}

#[tokio::test]
async fn files_without_a_version_stand_each_for_itself() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "rules").await;
    let source = RuleSource::new(client.clone(), &bucket, PREFIX);
    let process = CachedRules::new(source.clone());

    let embedded = process.current(0).await.unwrap();
    assert!(alerts(&embedded).contains(&"DatabaseConnectionErrors") && !embedded.is_stale);

    put(&client, &bucket, "rules/a.yaml", &text("a", "A")).await;
    put(&client, &bucket, "rules/b.yml", &text("b", "B")).await;
    put(&client, &bucket, "rules/notify.yaml", "repeat_interval: 1h").await;
    put(&client, &bucket, "rules/readme.md", "no rules").await;
    assert_eq!(alerts(&process.current(RECHECK_MS).await.unwrap()), alerts(&embedded), "a listing is kept");
    let good = process.current(RELIST_MS).await.unwrap();
    assert_eq!((alerts(&good), good.is_stale, good.version), (vec!["A", "B"], false, None));
    assert_eq!(good.set.settings().repeat_interval_ms, 3_600_000);

    put(&client, &bucket, "rules/b.yml", "groups: 1").await;
    put(&client, &bucket, "rules/c.yaml", &text("c", "C")).await;
    let kept = process.current(2 * RELIST_MS).await.unwrap();
    assert_eq!((alerts(&kept), kept.is_stale), (vec!["A", "B", "C"], true), "what b.yml was stands in");
    let cold = CachedRules::new(source).current(0).await.unwrap();
    assert_eq!((alerts(&cold), cold.is_stale), (vec!["A", "C"], true), "nobody knows what it was");

    client.delete_object().bucket(&bucket).key("rules/b.yml").send().await.unwrap();
    let mended = process.current(3 * RELIST_MS).await.unwrap();
    assert_eq!((alerts(&mended), mended.is_stale), (vec!["A", "C"], false));
}

#[tokio::test]
async fn versions_are_taken_up_rolled_back_and_listed() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "versions").await;
    let source = RuleSource::new(client.clone(), &bucket, PREFIX);
    let process = CachedRules::new(source.clone());
    put(&client, &bucket, "rules/by-hand.yaml", &text("h", "ByHand")).await;
    assert_eq!(alerts(&process.current(0).await.unwrap()), ["ByHand"]);

    let first = push(&source, &[file("a.yaml", &text("a", "One"))]).await;
    let current = process.current(RECHECK_MS).await.unwrap();
    assert_eq!((alerts(&current), current.version), (vec!["One"], Some(1)), "instead of what lies there");
    let files = [file("a.yaml", &text("a", "Two")), file("b.yaml", &text("b", "B"))];
    push(&source, &files).await;
    assert_eq!(alerts(&process.current(2 * RECHECK_MS).await.unwrap()), ["Two", "B"]);

    let numbers: Vec<_> = source.versions().await.unwrap().iter().map(|it| it.number).collect();
    assert_eq!(numbers, [2, 1]);
    assert_eq!(source.version(1).await.unwrap(), Some(first.clone()));
    assert_eq!(source.version(3).await.unwrap(), None);

    // Two at once: the one whose manifest is no longer there is told so.
    let (manifest, etag) = source.manifest().await.unwrap().unwrap();
    let none = BTreeSet::new();
    let back = Manifest::activate(Some(&manifest), first, &none, &none, History::Loaded, 0);
    assert_eq!(source.activate(&back, Some(&etag)).await.unwrap(), Written::Done);
    let other =
        Manifest::activate(Some(&manifest), manifest.version.clone(), &none, &none, History::Pending, 1);
    assert_eq!(source.activate(&other, Some(&etag)).await.unwrap(), Written::Conflict);
    assert_eq!(source.activate(&other, None).await.unwrap(), Written::Conflict);
    assert_eq!(source.activate(&back, Some(&etag)).await.unwrap(), Written::Done, "its own answer was lost");
    let current = process.current(3 * RECHECK_MS).await.unwrap();
    assert_eq!((alerts(&current), current.version, current.is_stale), (vec!["One"], Some(1), false));
}

#[tokio::test]
async fn what_a_file_was_before_stands_in_for_a_process_that_never_saw_it() {
    let Some(config) = emulator().await else { return };
    let (client, bucket) = bucket(&config, "stand-in").await;
    let source = RuleSource::new(client.clone(), &bucket, PREFIX);
    push(&source, &[file("a.yaml", &text("a", "One")), file("b.yaml", &text("b", "B"))]).await;
    let second = push(&source, &[file("a.yaml", &text("a", "Two")), file("b.yaml", &text("b", "B"))]).await;
    let warm = CachedRules::new(source.clone());
    assert_eq!(alerts(&warm.current(0).await.unwrap()), ["Two", "B"]);

    // Edited in place, and taken away: neither is what was pushed.
    let key = format!("rules/{}", second.files[0].key);
    put(&client, &bucket, &key, &text("a", "Edited")).await;
    let cold = CachedRules::new(source.clone()).current(0).await.unwrap();
    assert_eq!((alerts(&cold), cold.is_stale), (vec!["One", "B"], true));
    client.delete_object().bucket(&bucket).key(&key).send().await.unwrap();
    let cold = CachedRules::new(source.clone()).current(0).await.unwrap();
    assert_eq!((alerts(&cold), cold.is_stale), (vec!["One", "B"], true));

    // A manifest that is none leaves a process that runs as it was.
    put(&client, &bucket, "rules/active.json", "{}").await;
    let kept = warm.current(RECHECK_MS).await.unwrap();
    assert_eq!((alerts(&kept), kept.is_stale, kept.version), (vec!["Two", "B"], true, Some(2)));
}

/// An S3 that gives these answers, one a request, and writes down what it was asked.
struct Scripted {
    config: SdkConfig,
    asked: Arc<Mutex<Vec<String>>>,
}

impl Scripted {
    async fn start(answers: Vec<(u16, &'static str, String)>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(Mutex::new(Vec::new()));
        let written = asked.clone();
        std::thread::spawn(move || {
            for (status, header, body) in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let mut lines = BufReader::new(&stream).lines().map(Result::unwrap);
                let mut asked = lines.next().unwrap().split("HTTP").next().unwrap().trim().to_owned();
                for line in lines.take_while(|line| !line.is_empty()) {
                    if let Some(etag) = line.strip_prefix("if-none-match: ") {
                        asked += &format!(" unless {etag}");
                    }
                }
                written.lock().unwrap().push(asked);
                write!(
                    stream,
                    "HTTP/1.1 {status} x\r\n{header}content-length: {}\r\nconnection: close\r\n\r\n{body}",
                    body.len()
                )
                .unwrap();
            }
        });
        let config = aws_config::defaults(BehaviorVersion::latest())
            .endpoint_url(url)
            .region("us-east-1")
            .test_credentials()
            .http_client(clients::https())
            .retry_config(aws_config::retry::RetryConfig::disabled())
            .load()
            .await;
        Self { config, asked }
    }

    fn process(&self) -> CachedRules {
        CachedRules::new(RuleSource::new(clients::s3(&self.config), "b", PREFIX))
    }

    fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.asked.lock().unwrap())
    }
}

fn error(status: u16, code: &str) -> (u16, &'static str, String) {
    (status, "", format!("<Error><Code>{code}</Code><Message>{code}</Message></Error>"))
}

#[tokio::test]
async fn while_nothing_changes_it_is_one_request_and_throttles_leave_all_as_it_was() {
    let files = [file("a.yaml", &text("a", "A"))];
    let version = Manifest::next_version(None, &files, "me", 0);
    let none = BTreeSet::new();
    let manifest = Manifest::activate(None, version.clone(), &none, &none, History::Loaded, 0).to_json();
    let tagged = "etag: \"one\"\r\n";
    let s3 = Scripted::start(vec![
        (200, tagged, manifest.clone()),
        (200, "", files[0].text.clone()),
        error(304, ""),
        error(503, "SlowDown"),
        (200, tagged, manifest.clone()),
        (200, "", files[0].text.clone()),
        (200, "etag: \"two\"\r\n", manifest),
        error(503, "SlowDown"),
    ])
    .await;
    let process = s3.process();
    let get = "GET /b/rules/active.json?x-id=GetObject";
    let get_file = format!("GET /b/rules/{}?x-id=GetObject", version.files[0].key);
    assert_eq!(alerts(&process.current(0).await.unwrap()), ["A"]);
    assert_eq!(s3.asked(), [get.to_owned(), get_file.clone()]);
    process.current(RECHECK_MS - 1).await.unwrap();
    assert!(s3.asked().is_empty(), "not yet");
    assert!(!process.current(RECHECK_MS).await.unwrap().is_stale);
    assert_eq!(s3.asked(), [format!("{get} unless \"one\"")], "one request");

    let throttled = process.current(2 * RECHECK_MS).await.unwrap();
    assert_eq!((alerts(&throttled), throttled.is_stale), (vec!["A"], true));
    s3.asked();
    let again = process.current(3 * RECHECK_MS).await.unwrap();
    assert_eq!((alerts(&again), again.is_stale), (vec!["A"], false));
    assert_eq!(s3.asked(), [get.to_owned(), get_file], "all is read again");
    let half = process.current(4 * RECHECK_MS).await.unwrap();
    assert_eq!(
        (alerts(&half), half.is_stale),
        (vec!["A"], true),
        "a file of the next version is not there yet"
    );
}

#[tokio::test]
async fn a_process_that_has_no_rules_waits_for_s3_and_takes_no_others() {
    let s3 =
        Scripted::start(vec![error(503, "SlowDown"), error(404, "NoSuchKey"), error(503, "SlowDown")]).await;
    let process = s3.process();
    for at in [0, 1] {
        let err = process.current(at).await.unwrap_err();
        assert!(err.is_transient(), "{err}");
    }
    assert_eq!(s3.asked().len(), 3, "the listing failed too");
}

#[tokio::test]
async fn a_manifest_that_may_not_be_read_is_not_taken_for_none() {
    let listing = "<ListBucketResult><Contents><Key>rules/a.yaml</Key></Contents>\
                   <Contents><Key>rules/active.json</Key></Contents></ListBucketResult>";
    let s3 = Scripted::start(vec![error(403, "AccessDenied"), (200, "", listing.into())]).await;
    let rules = s3.process().current(0).await.unwrap();
    assert!(rules.is_stale && alerts(&rules).contains(&"DatabaseConnectionErrors"));
    assert_eq!(s3.asked().len(), 2, "rules/a.yaml is not used in its place");
}
