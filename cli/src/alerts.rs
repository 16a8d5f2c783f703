//! `catchment alerts`: what is on, what mutes it, what was, and what could not be told.

pub mod args;
mod show;
mod silence;

use std::io::{self, Write};

use aws_config::SdkConfig;
use catchment_alert::{AlertStore, Notifier, Parking, SilenceStore};
use catchment_aws::alert_store::DynamoAlerts;
use catchment_aws::audit::DynamoAudit;
use catchment_aws::clients;
use catchment_aws::clock::{Clock, SystemClock};
use catchment_aws::notifier::SnsNotifier;
use catchment_aws::parking::S3Parking;

use crate::aws::connect;
use crate::failure::{Failure, of_sdk};
use crate::retention::args::StackArgs;
use crate::stack::Stack;
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
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => {
            Err(Failure::Interrupted("interrupted; give the command again to go on".to_owned()))
        }
    }
}

/// What every command needs of a stack.
struct Deployed {
    config: SdkConfig,
    stack: Stack,
    alerts: DynamoAlerts,
    parking: S3Parking,
}

impl Deployed {
    async fn find(args: &StackArgs) -> Result<Self, Failure> {
        let config = connect(args.access.clone().into()).await?;
        let stack = Stack::describe(&config, &args.stack).await?;
        let alerts = DynamoAlerts::new(clients::dynamodb(&config), stack.output("StateTableName")?);
        let parking = S3Parking::new(clients::s3(&config), stack.output("ArchiveBucketName")?);
        Ok(Self { config, stack, alerts, parking })
    }

    /// On whose word: as typed, or who AWS says that these credentials are.
    async fn by(&self, typed: Option<&str>) -> Result<String, Failure> {
        if let Some(name) = typed {
            return Ok(name.to_owned());
        }
        let identity = aws_sdk_sts::Client::new(&self.config).get_caller_identity().send().await;
        let identity = identity.map_err(|err| of_sdk("say whose credentials these are", err))?;
        identity.arn.ok_or_else(|| {
            Failure::Credentials(
                "AWS does not say whose credentials these are; name yourself with --by".to_owned(),
            )
        })
    }

    fn audit(&self) -> Result<DynamoAudit, Failure> {
        let days = self.stack.parameter("AuditRetentionDays")?;
        let days = days.parse().map_err(|err| {
            Failure::Rejected(format!("the parameter AuditRetentionDays is \"{days}\": {err}"))
        })?;
        Ok(DynamoAudit::new(clients::dynamodb(&self.config), self.stack.output("AuditTableName")?, days))
    }
}

fn write(text: &str) -> Result<(), Failure> {
    writeln!(io::stdout().lock(), "{text}").map_err(Failure::writing)
}

async fn list(args: &ListArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(&args.stack).await?;
    let listed = Listed {
        states: deployed.alerts.states().await?,
        groups: deployed.alerts.cursors().await?,
        owed: deployed.alerts.owed().await?,
        parked: deployed.parking.parked().await?,
        now_ms: SystemClock.now_millis(),
    };
    write(&listed.shown(args.output))
}

async fn silence(args: SilenceArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(&args.stack).await?;
    let (by, audit) = (deployed.by(args.by.as_deref()).await?, deployed.audit()?);
    let silencer = Silencer { silences: &deployed.alerts, audit: &audit, now_ms: SystemClock.now_millis() };
    let silence = silencer.silence(args.matchers, args.for_ms, &by, &args.comment).await?;
    write(&silence.id)
}

async fn silences(args: &ListArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(&args.stack).await?;
    let silences = deployed.alerts.silences().await?;
    write(&show::silences(silences, SystemClock.now_millis(), args.output))
}

async fn unsilence(args: &UnsilenceArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(&args.stack).await?;
    let (by, audit) = (deployed.by(args.by.as_deref()).await?, deployed.audit()?);
    let silencer = Silencer { silences: &deployed.alerts, audit: &audit, now_ms: SystemClock.now_millis() };
    silencer.end(&args.id, &by).await?;
    write(&format!("the silence {} is over", args.id))
}

async fn history(args: &HistoryArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(&args.stack).await?;
    let now_ms = SystemClock.now_millis();
    let mut entries = deployed.alerts.history(now_ms - args.since, now_ms).await?;
    entries.retain(|entry| entry.at_ms >= now_ms - args.since);
    entries.retain(|entry| args.rule.as_ref().is_none_or(|name| *name == entry.name));
    write(&show::history(&entries, args.output))
}

async fn resend(args: &StackArgs) -> Result<(), Failure> {
    let deployed = Deployed::find(args).await?;
    let topic = deployed.stack.output("AlertTopicArn")?;
    let notifier = SnsNotifier::new(clients::sns(&deployed.config), topic);
    let parked = deployed.parking.parked().await?;
    let count = parked.len();
    for owed in parked {
        notifier.publish(&owed.message).await?;
        deployed.parking.unpark(&owed).await?;
        write(&format!(
            "{} {} (parked since {})",
            owed.message.status.word(),
            owed.message.name,
            crate::when::shown(owed.since_ms)
        ))?;
    }
    write(&format!("{count} notifications are out"))
}
