//! `catchment alerts`: what is on, what mutes it, what was, and what could not be told.

pub mod args;
mod show;
mod silence;

use std::io::{self, Write};

use catchment_alert::{AlertStore, Notifier, Parking, SilenceStore};
use catchment_aws::alert_store::DynamoAlerts;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::notifier::SnsNotifier;
use catchment_aws::parking::S3Parking;

use crate::access::StackArgs;
use crate::failure::{Failure, until_interrupted};
use crate::stack::Deployed;
use args::{AlertsCommand, HistoryArgs, ListArgs, SilenceArgs, UnsilenceArgs};
use show::Listed;
use silence::Silencer;

/// Runs the command.
pub async fn run(command: AlertsCommand) -> Result<(), Failure> {
    let work = async {
        match command {
            AlertsCommand::List(args) => list(&args).await,
            AlertsCommand::Silence(args) => silence(args).await,
            AlertsCommand::Silences(args) => silences(&args).await,
            AlertsCommand::Unsilence(args) => unsilence(&args).await,
            AlertsCommand::History(args) => history(&args).await,
            AlertsCommand::Resend(args) => resend(&args).await,
        }
    };
    until_interrupted(work, "give the command again to go on").await
}

/// The alerts of a stack.
struct Alerts {
    of: Deployed,
    store: DynamoAlerts,
    parking: S3Parking,
}

impl Alerts {
    async fn find(args: &StackArgs) -> Result<Self, Failure> {
        let of = Deployed::find(args).await?;
        let store = DynamoAlerts::new(clients::dynamodb(&of.config), of.stack.output("StateTableName")?);
        let parking = S3Parking::new(clients::s3(&of.config), of.stack.output("ArchiveBucketName")?);
        Ok(Self { of, store, parking })
    }
}

fn write(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").map_err(Failure::writing)
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(&args.stack).await?;
    let listed = Listed {
        states: alerts.store.states().await?,
        groups: alerts.store.cursors().await?,
        owed: alerts.store.owed().await?,
        parked: alerts.parking.parked().await?,
        now_ms: SystemClock.now_millis(),
    };
    write(&listed.shown(args.output))
}

async fn silence(args: SilenceArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(&args.stack).await?;
    let (by, audit) = (alerts.of.by(args.by.as_deref()).await?, alerts.of.audit()?);
    let silencer = Silencer { silences: &alerts.store, audit: &audit, now_ms: SystemClock.now_millis() };
    let silence = silencer.silence(args.matchers, args.for_ms, &by, &args.comment).await?;
    write(&silence.id)
}

async fn silences(args: &ListArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(&args.stack).await?;
    let silences = alerts.store.silences().await?;
    write(&show::silences(silences, SystemClock.now_millis(), args.output))
}

async fn unsilence(args: &UnsilenceArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(&args.stack).await?;
    let (by, audit) = (alerts.of.by(args.by.as_deref()).await?, alerts.of.audit()?);
    let silencer = Silencer { silences: &alerts.store, audit: &audit, now_ms: SystemClock.now_millis() };
    silencer.end(&args.id, &by).await?;
    write(&format!("the silence {} is over", args.id))
}

async fn history(args: &HistoryArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(&args.stack).await?;
    let now_ms = SystemClock.now_millis();
    let mut entries = alerts.store.history(now_ms - args.since, now_ms).await?;
    entries.retain(|entry| entry.at_ms >= now_ms - args.since);
    entries.retain(|entry| args.rule.as_ref().is_none_or(|name| *name == entry.name));
    write(&show::history(&entries, args.output))
}

async fn resend(args: &StackArgs) -> Result<(), Failure> {
    let alerts = Alerts::find(args).await?;
    let topic = alerts.of.stack.output("AlertTopicArn")?;
    let notifier = SnsNotifier::new(clients::sns(&alerts.of.config), topic);
    let parked = alerts.parking.parked().await?;
    let count = parked.len();
    for owed in parked {
        notifier.publish(&owed.message).await?;
        alerts.parking.unpark(&owed).await?;
        write(&format!(
            "{} {} (parked since {})",
            owed.message.status.word(),
            owed.message.name,
            crate::when::shown(owed.since_ms)
        ))?;
    }
    write(&format!("{count} notifications are out"))
}
