//! The archive that a command reads: a stack's bucket, any bucket, or a copy on this machine.

use std::ops::Range;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use catchment_archive::{FolderArchive, Listed, ObjectKey, ObjectReader};
use catchment_aws::archive::S3Archive;
use catchment_aws::clients;
use catchment_record::RetentionClass;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::access::AccessArgs;
use crate::aws::connect;
use crate::failure::Failure;
use crate::output::bytes;
use crate::stack::Stack;

/// Where the archive is, and which part of it is meant.
#[derive(Debug, Clone, Args)]
pub struct ArchiveArgs {
    /// The archive's bucket, where the stack is not to be asked for it.
    #[arg(long, value_name = "NAME", conflicts_with = "from_folder")]
    pub bucket: Option<String>,
    /// A copy of the archive on this machine, the folder that has logs/ in it.
    #[arg(long, value_name = "FOLDER")]
    pub from_folder: Option<PathBuf>,
    /// Of this retention class: short, standard or long; may be given again. [default: all]
    #[arg(long, value_name = "CLASS", value_parser = parse_class)]
    pub class: Vec<RetentionClass>,
}

impl ArchiveArgs {
    /// The classes that are meant, each once.
    pub fn classes(&self) -> Vec<RetentionClass> {
        let mut classes = self.class.clone();
        classes.sort();
        classes.dedup();
        if classes.is_empty() { RetentionClass::ALL.to_vec() } else { classes }
    }
}

/// An archive that is there, and how much was read of it.
#[derive(Debug)]
pub struct Archive {
    store: Store,
    /// Hidden until a command shows it.
    bar: ProgressBar,
    bytes_read: AtomicU64,
}

#[derive(Debug)]
enum Store {
    Folder(FolderArchive),
    Bucket(S3Archive),
}

impl Archive {
    /// Finds it; of a stack, CloudFormation says where.
    pub async fn open(args: &ArchiveArgs, stack: &str, access: &AccessArgs) -> Result<Self, Failure> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        if let Ok(style) = ProgressStyle::with_template("{spinner} {msg} read {prefix} {elapsed}") {
            bar.set_style(style);
        }
        Ok(Self { store: Store::open(args, stack, access).await?, bar, bytes_read: AtomicU64::new(0) })
    }

    /// Turns on standard error, while that is a terminal, and says what was read.
    pub fn show_progress(&self) {
        self.bar.set_draw_target(ProgressDrawTarget::stderr());
        self.bar.enable_steady_tick(Duration::from_millis(100));
    }

    /// Says what was read, once it is shown.
    pub fn bar(&self) -> &ProgressBar {
        &self.bar
    }

    /// Whatever reads gives way before, so that Ctrl-C is seen also where nothing waits.
    async fn give_way(&self) {
        tokio::task::yield_now().await;
    }

    fn count(&self, read: &Option<Bytes>) {
        let more = read.as_ref().map_or(0, Bytes::len) as u64;
        let all = self.bytes_read.fetch_add(more, Ordering::Relaxed) + more;
        self.bar.set_message(bytes(all));
    }
}

impl Store {
    async fn open(args: &ArchiveArgs, stack: &str, access: &AccessArgs) -> Result<Self, Failure> {
        if let Some(folder) = &args.from_folder {
            if !folder.join("logs").is_dir() {
                return Err(Failure::NotFound(format!(
                    "{} has no folder logs; name the folder that a copy of the bucket is in",
                    folder.display()
                )));
            }
            return Ok(Self::Folder(FolderArchive::new(folder)));
        }
        let config = connect(access.clone().into()).await?;
        let bucket = match &args.bucket {
            Some(bucket) => bucket.clone(),
            None => Stack::describe(&config, stack).await?.output("ArchiveBucketName")?.to_owned(),
        };
        Ok(Self::Bucket(S3Archive::new(clients::s3(&config), bucket)))
    }
}

impl ObjectReader for Archive {
    type Error = Failure;

    async fn list(&self, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, Failure> {
        self.give_way().await;
        Ok(match &self.store {
            Store::Folder(folder) => folder.list(prefix, after).await?,
            Store::Bucket(bucket) => bucket.list(prefix, after).await?,
        })
    }

    async fn folders(&self, prefix: &str) -> Result<Vec<String>, Failure> {
        self.give_way().await;
        Ok(match &self.store {
            Store::Folder(folder) => folder.folders(prefix).await?,
            Store::Bucket(bucket) => bucket.folders(prefix).await?,
        })
    }

    async fn get(&self, key: &ObjectKey) -> Result<Option<Bytes>, Failure> {
        self.give_way().await;
        let found = match &self.store {
            Store::Folder(folder) => folder.get(key).await?,
            Store::Bucket(bucket) => bucket.get(key).await?,
        };
        self.count(&found);
        Ok(found)
    }

    async fn get_range(&self, key: &ObjectKey, range: Range<u64>) -> Result<Option<Bytes>, Failure> {
        self.give_way().await;
        let found = match &self.store {
            Store::Folder(folder) => folder.get_range(key, range).await?,
            Store::Bucket(bucket) => bucket.get_range(key, range).await?,
        };
        self.count(&found);
        Ok(found)
    }
}

/// A retention class by its name.
pub fn parse_class(name: &str) -> Result<RetentionClass, String> {
    RetentionClass::from_name(name).ok_or_else(|| {
        let names: Vec<_> = RetentionClass::ALL.iter().map(|class| class.as_str()).collect();
        format!("there is no retention class \"{name}\", only {}", names.join(", "))
    })
}
