//! What may be typed behind `catchment retention`.

use catchment_archive::retention::HoldId;
use catchment_record::RetentionClass;
use clap::{ArgGroup, Args, Subcommand};

use crate::access::StackArgs;
use crate::archive::parse_class;
use crate::when;

/// Commands about how long the archive keeps what.
#[derive(Debug, Subcommand)]
pub enum RetentionCommand {
    /// Show what each retention class keeps, for how long, and what is held.
    Show(StackArgs),
    /// Prove from the bucket that what should be gone is gone, and that what should
    /// be there is there. Every fault is listed; exit code 1 says that there is one.
    Verify(StackArgs),
    /// Stop the expiry of a class, of a time range, or of both: a legal hold. It may
    /// be given again, after an interruption too.
    Hold(HoldArgs),
    /// End a hold. It may be given again, after an interruption too.
    Release(ReleaseArgs),
    /// List the holds.
    Holds(StackArgs),
    /// Set the tag that lets objects expire as the holds say, object by object: after
    /// an update from a version that set none, or where `verify` names objects.
    Reconcile(ReconcileArgs),
}

/// `catchment retention hold`.
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("scope").args(["class", "from", "to"]).multiple(true).required(true))]
pub struct HoldArgs {
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
    /// Hold this retention class: short, standard or long. [default: all]
    #[arg(long, value_name = "CLASS", value_parser = parse_class)]
    pub class: Option<RetentionClass>,
    /// Hold records from this moment on: a day (its beginning in UTC) or a time
    /// (2026-11-20T10:30:00Z). [default: from the beginning]
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub from: Option<i64>,
    /// Hold records up to this moment, which is not held itself. [default: without an end]
    #[arg(long, value_name = "TIME", value_parser = when::parse)]
    pub to: Option<i64>,
    /// Why: a case number, who asked. It stands in the hold and in the audit trail.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// On whose word. [default: the AWS identity of these credentials]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// The hold's name. [default: made from scope and reason]
    #[arg(long, value_name = "ID")]
    pub id: Option<HoldId>,
}

/// `catchment retention release`.
#[derive(Debug, Args)]
pub struct ReleaseArgs {
    /// The hold, as `catchment retention holds` names it.
    pub id: HoldId,
    /// On whose word. [default: the AWS identity of these credentials]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
}

/// `catchment retention reconcile`.
#[derive(Debug, Args)]
pub struct ReconcileArgs {
    /// On whose word. [default: the AWS identity of these credentials]
    #[arg(long, value_name = "NAME")]
    pub by: Option<String>,
    /// Which stack.
    #[command(flatten)]
    pub stack: StackArgs,
}
