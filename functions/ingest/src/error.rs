//! What fails an invocation: only what a retry can put right, or what must reach the dead-letter queue.

/// A write that did not happen. Lambda invokes again with the same event, which
/// is safe; what still fails then goes to the dead-letter queue.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The archive or the quarantine could not be written.
    #[error("the archive was not written: {0}")]
    Archive(#[source] Source),
    /// The archive is written, the audit trail is not.
    #[error("the audit trail was not written: {0}")]
    Audit(#[source] Source),
    /// Archive and audit trail are written, the alert partials are not.
    #[error("the alert partials were not written: {0}")]
    Partials(#[source] Source),
}

/// The store's own error.
pub type Source = Box<dyn std::error::Error + Send + Sync>;
