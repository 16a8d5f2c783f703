//! `catchment retention`: how long the archive keeps what, whether it does, and
//! what a legal hold keeps longer.

pub mod args;
mod hold;
mod tags;
mod verify;

use std::io::{self, Write};
use std::sync::Arc;

use catchment_archive::ObjectReader;
use catchment_archive::retention::{Hold, Holds, Policy, Report, Verifier, Version, Versions};
use catchment_aws::archive::S3Archive;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::retention::RetainedBucket;
use comfy_table::{Table, presets};
use jiff::Timestamp;

use crate::access::StackArgs;
use crate::failure::{Failure, until_interrupted};
use crate::output::{bytes, count, printable, progress_bar};
use crate::stack::Deployed;
use args::{HoldArgs, ReconcileArgs, ReleaseArgs, RetentionCommand};
use hold::{Keeper, scope};
use tags::Reconciled;

/// Runs the command.
pub async fn run(command: RetentionCommand) -> Result<(), Failure> {
    let work = async {
        match command {
            RetentionCommand::Show(args) => show(&args).await,
            RetentionCommand::Verify(args) => verify(&args).await,
            RetentionCommand::Hold(args) => put_hold(args).await,
            RetentionCommand::Release(args) => release(&args).await,
            RetentionCommand::Holds(args) => holds(&args).await,
            RetentionCommand::Reconcile(args) => reconcile(&args).await,
        }
    };
    until_interrupted(work, "give the command again to go on").await
}

/// The archive of a stack.
struct Retained {
    of: Deployed,
    bucket: String,
    archive: Arc<S3Archive>,
}

impl Retained {
    async fn find(args: &StackArgs) -> Result<Self, Failure> {
        let of = Deployed::find(args).await?;
        let bucket = of.stack.output("ArchiveBucketName")?.to_owned();
        let archive = Arc::new(S3Archive::new(clients::s3(&of.config), bucket.clone()));
        Ok(Self { of, bucket, archive })
    }

    fn policy(&self) -> Result<Policy, Failure> {
        let parameter = |name: &str| self.of.stack.parameter(name).ok();
        Policy::from_parameters(parameter).map_err(|faults| Failure::Rejected(faults.join("\ncatchment: ")))
    }

    fn keeper<'a>(
        &'a self,
        audit: &'a DynamoAudit,
        by: &'a str,
        now: Timestamp,
    ) -> Keeper<'a, S3Archive, DynamoAudit> {
        Keeper { store: &self.archive, audit, bucket: &self.bucket, by, now }
    }
}

async fn show(args: &StackArgs) -> Result<(), Failure> {
    let retained = Retained::find(args).await?;
    let policy = retained.policy()?;
    let holds = Holds::read(retained.archive.as_ref()).await?;
    let totals = totals(retained.archive.as_ref(), &policy, &holds).await?;
    let mut shown = table(["class", "kept", "moves", "objects", "bytes", "oldest day", "newest day", "held"]);
    for class in &policy.classes {
        let of_class = totals.classes.get(&class.class).cloned().unwrap_or_default();
        let day = |day: Option<&jiff::civil::Date>| day.map_or_else(String::new, ToString::to_string);
        let moves: Vec<_> = class.moves.iter().map(ToString::to_string).collect();
        shown.add_row([
            class.class.as_str().to_owned(),
            format!("{} days", class.days),
            moves.join("\n"),
            count(of_class.objects),
            bytes(of_class.bytes),
            day(of_class.days.first()),
            day(of_class.days.last()),
            count(of_class.held),
        ]);
    }
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{shown}")
        .and_then(|()| writeln!(stdout, "quarantine is kept for {} days", policy.quarantine_days))
        .map_err(Failure::writing)?;
    list_holds(&holds, &mut stdout).map_err(Failure::writing)
}

/// What a listing says, without versions and tags.
async fn totals(archive: &S3Archive, policy: &Policy, holds: &Holds) -> Result<Report, Failure> {
    let mut verifier = Verifier::new(policy, holds, SystemClock.now_millis());
    let mut after: Option<String> = None;
    loop {
        let page = archive.list("logs/", after.as_deref()).await?;
        let Some(last) = page.last() else { return Ok(verifier.finish()) };
        after = Some(last.key.to_string());
        for listed in page {
            let version = Version {
                id: String::new(),
                modified_millis: listed.modified_millis,
                bytes: listed.bytes,
                is_marker: false,
            };
            verifier.see_log(&Versions { key: listed.key, versions: vec![version] }, None);
        }
    }
}

async fn verify(args: &StackArgs) -> Result<(), Failure> {
    let retained = Retained::find(args).await?;
    let policy = retained.policy()?;
    let bucket = RetainedBucket::new(clients::s3(&retained.of.config), retained.bucket.clone());
    let bar = progress_bar("objects");
    let report = verify::verify(&retained.archive, &bucket, &policy, SystemClock.now_millis(), &bar).await;
    bar.finish_and_clear();
    let report = report?;
    verify::print(&report, &policy, &mut io::stdout().lock()).map_err(Failure::writing)?;
    match report.fault_count() {
        0 => Ok(()),
        n => Err(Failure::Rejected(format!("s3://{} has {} faults", retained.bucket, count(n)))),
    }
}

async fn put_hold(args: HoldArgs) -> Result<(), Failure> {
    let retained = Retained::find(&args.stack).await?;
    let by = retained.of.by(args.by.as_deref()).await?;
    let audit = retained.of.audit()?;
    let now = now();
    let time = |millis: i64| {
        Timestamp::from_millisecond(millis)
            .map_err(|err| Failure::Usage(format!("{millis} is no time: {err}")))
    };
    let hold = Hold {
        class: args.class,
        from: args.from.map(time).transpose()?,
        to: args.to.map(time).transpose()?,
        reason: args.reason.trim().to_owned(),
        by: by.clone(),
        created: now,
    };
    let bar = progress_bar("objects");
    let what = scope(&hold);
    let done = retained.keeper(&audit, &by, now).hold(hold, args.id, &bar).await;
    bar.finish_and_clear();
    let (id, done) = done?;
    told(&format!("held: {what}, as {id}; {}", in_words(done)))
}

async fn release(args: &ReleaseArgs) -> Result<(), Failure> {
    let retained = Retained::find(&args.stack).await?;
    let by = retained.of.by(args.by.as_deref()).await?;
    let audit = retained.of.audit()?;
    let bar = progress_bar("objects");
    let done = retained.keeper(&audit, &by, now()).release(&args.id, &bar).await;
    bar.finish_and_clear();
    told(&format!("released: {}; {}", args.id, in_words(done?)))
}

async fn reconcile(args: &ReconcileArgs) -> Result<(), Failure> {
    let retained = Retained::find(&args.stack).await?;
    let by = retained.of.by(args.by.as_deref()).await?;
    let audit = retained.of.audit()?;
    let bar = progress_bar("objects");
    let done = retained.keeper(&audit, &by, now()).reconcile(&bar).await;
    bar.finish_and_clear();
    told(&format!("reconciled: {}", in_words(done?)))
}

async fn holds(args: &StackArgs) -> Result<(), Failure> {
    let retained = Retained::find(args).await?;
    let holds = Holds::read(retained.archive.as_ref()).await?;
    list_holds(&holds, &mut io::stdout().lock()).map_err(Failure::writing)?;
    match holds.unreadable.len() {
        0 => Ok(()),
        n => Err(Failure::Rejected(format!(
            "{n} objects under s3://{}/holds/ cannot be read; until they are mended or removed, everything counts as held",
            retained.bucket
        ))),
    }
}

fn list_holds(holds: &Holds, sink: &mut impl Write) -> io::Result<()> {
    let mut shown = table(["hold", "covers", "reason", "by", "since", "state"]);
    let in_force = holds.holds.iter().map(|(id, hold)| (id, hold, "in force"));
    let released =
        holds.released.iter().map(|(id, hold, _)| (id, hold, "being released: give `release` again"));
    for (id, hold, state) in in_force.chain(released) {
        shown.add_row([
            id.as_str(),
            &scope(hold),
            &printable(&hold.reason),
            &printable(&hold.by),
            &hold.created.to_string(),
            state,
        ]);
    }
    for unreadable in &holds.unreadable {
        let error = unreadable.error.to_string();
        shown.add_row([&printable(&unreadable.key), "everything", "", "", "", &printable(&error)]);
    }
    if shown.row_count() == 0 {
        return writeln!(sink, "no holds");
    }
    writeln!(sink, "{shown}")
}

/// An empty table with these headings.
fn table<const N: usize>(headings: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    table.set_header(headings);
    table
}

fn in_words(done: Reconciled) -> String {
    format!(
        "{} objects looked at, {} expire no more, {} may expire again",
        count(done.seen),
        count(done.held),
        count(done.released)
    )
}

fn now() -> Timestamp {
    Timestamp::from_millisecond(SystemClock.now_millis()).unwrap_or(Timestamp::UNIX_EPOCH)
}

fn told(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout(), "{text}").map_err(Failure::writing)
}
