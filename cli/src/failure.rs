//! Why a command did not succeed: one sentence with the way out, and an exit
//! code that scripts can use.

use std::error::Error;
use std::io::{self, Write};
use std::process::ExitCode;

use aws_sdk_athena::config::http::HttpResponse;
use aws_sdk_athena::error::{ProvideErrorMetadata, SdkError};
use catchment_archive::FolderError;
use catchment_aws::AwsError;

/// A command that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// The query, payload, rule file or configuration file itself is at fault.
    #[error("{0}")]
    Rejected(String),
    /// The command line is at fault.
    #[error("{0}")]
    Usage(String),
    /// No credentials, or none that suffice.
    #[error("{0}")]
    Credentials(String),
    /// What was asked for does not exist.
    #[error("{0}")]
    NotFound(String),
    /// AWS is out of reach.
    #[error("{0}")]
    Network(String),
    /// A file cannot be read or written.
    #[error("{action}: {source}")]
    File {
        /// What was being done, with the file's name.
        action: String,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Ctrl-C; what comes of it.
    #[error("{0}")]
    Interrupted(String),
    /// Done, except for what was left out.
    #[error("{0}")]
    Incomplete(String),
    /// Whoever read our output has seen enough (`catchment ... | head`).
    #[error("the output was closed")]
    OutputClosed,
}

impl Failure {
    /// A file that cannot be read.
    pub fn reading(name: &std::path::Path, source: io::Error) -> Self {
        let action = format!("{} cannot be read", name.display());
        Self::File { action, source }
    }

    /// An answer that cannot be written.
    pub fn writing(source: io::Error) -> Self {
        if source.kind() == io::ErrorKind::BrokenPipe {
            return Self::OutputClosed;
        }
        let action = "the answer cannot be written".to_owned();
        Self::File { action, source }
    }

    /// The process's exit code.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::OutputClosed => 0,
            Self::Rejected(_) => 1,
            Self::Usage(_) => 2,
            Self::Credentials(_) => 3,
            Self::NotFound(_) => 4,
            Self::Network(_) => 5,
            Self::File { .. } => 6,
            Self::Incomplete(_) => 7,
            Self::Interrupted(_) => 130,
        }
    }

    /// Says it on standard error, and gives the exit code.
    pub fn report(&self) -> ExitCode {
        if !matches!(self, Self::OutputClosed) {
            // With standard error gone too, the exit code still tells.
            writeln!(io::stderr(), "catchment: {self}").ok();
        }
        ExitCode::from(self.exit_code())
    }
}

/// Works until Ctrl-C; `then` says what comes of it.
pub async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, Failure>>,
    then: &str,
) -> Result<T, Failure> {
    tokio::select! {
        done = work => done,
        _ = tokio::signal::ctrl_c() => Err(Failure::Interrupted(format!("interrupted; {then}"))),
    }
}

/// Sorts a failed call to Athena by what its user can do about it.
pub fn of_athena<E>(err: SdkError<E, HttpResponse>, workgroup: &str) -> Failure
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let Some(service) = err.as_service_error() else {
        return Failure::Network(format!(
            "Athena cannot be reached ({}); check the network, the Region and --endpoint-url",
            innermost(&err)
        ));
    };
    let code = service.code().unwrap_or_default();
    let message = one_line(service.message().unwrap_or(code));
    match code {
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidSignatureException"
        | "ExpiredTokenException"
        | "ExpiredToken"
        | "InvalidClientTokenId"
        | "MissingAuthenticationToken" => Failure::Credentials(format!(
            "AWS refuses these credentials ({message}); sign in again, choose another with \
             --profile, or ask for athena:StartQueryExecution on the workgroup {workgroup}"
        )),
        "ThrottlingException" | "TooManyRequestsException" | "InternalServerException" => {
            Failure::Network(format!("Athena does not answer ({message}); try again in a minute"))
        }
        "InvalidRequestException" if is_missing_workgroup(&message) => Failure::NotFound(format!(
            "there is no Athena workgroup {workgroup} of a Catchment stack here; name the stack with \
                 --stack, and check --region and --profile"
        )),
        _ => Failure::Rejected(format!("Athena rejects the query: {message}")),
    }
}

/// Codes of an answer that says: not with these credentials.
const REFUSALS: [&str; 12] = [
    "AccessDenied",
    "AccessDeniedException",
    "AllAccessDisabled",
    "ExpiredToken",
    "ExpiredTokenException",
    "InvalidAccessKeyId",
    "InvalidClientTokenId",
    "InvalidSignatureException",
    "InvalidToken",
    "MissingAuthenticationToken",
    "SignatureDoesNotMatch",
    "UnrecognizedClientException",
];

/// Sorts a failed call to any service by what its user can do about it; `action`
/// says what was being done.
pub fn of_sdk<E>(action: &str, err: SdkError<E, HttpResponse>) -> Failure
where
    E: Error + ProvideErrorMetadata + Send + Sync + 'static,
{
    let code = err.code().unwrap_or_default().to_owned();
    let message = one_line(err.message().unwrap_or(&code));
    if err.as_service_error().is_none() {
        return Failure::Network(format!(
            "AWS cannot be reached to {action} ({}); check the network, the Region and --endpoint-url",
            innermost(&err)
        ));
    }
    if REFUSALS.contains(&code.as_str()) {
        return Failure::Credentials(format!(
            "AWS refuses these credentials to {action} ({message}); sign in again, choose another with \
             --profile, or ask for the permission"
        ));
    }
    match catchment_aws::error::classify(action, err) {
        AwsError::Transient { .. } => {
            Failure::Network(format!("AWS does not {action} ({message}); try again in a minute"))
        }
        AwsError::Permanent { .. } if code == "NoSuchBucket" => Failure::NotFound(format!(
            "there is no such bucket to {action}; check --stack or --bucket, and --region"
        )),
        AwsError::Permanent { .. } => Failure::Rejected(format!("AWS does not {action}: {message}")),
    }
}

impl From<AwsError> for Failure {
    /// A failed call of an adapter, which says itself what was being done.
    fn from(err: AwsError) -> Self {
        let told = err.to_string();
        if err.is_transient() {
            return Self::Network(format!("AWS does not answer: {told}; try again in a minute"));
        }
        // The adapters keep the service's code in the error, not in a type.
        let debug = format!("{err:?}");
        let has = |code: &str| debug.contains(&format!("\"{code}\""));
        if REFUSALS.iter().any(|code| has(code)) {
            return Self::Credentials(format!(
                "AWS refuses these credentials: {told}; sign in again, choose another with --profile, \
                 or ask for the permission"
            ));
        }
        if has("NoSuchBucket") {
            return Self::NotFound(format!("{told}; check --stack or --bucket, and --region"));
        }
        Self::Rejected(told)
    }
}

#[cfg(test)]
impl From<std::convert::Infallible> for Failure {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}

#[cfg(test)]
impl From<catchment_archive::MemoryError> for Failure {
    fn from(err: catchment_archive::MemoryError) -> Self {
        Self::Rejected(err.to_string())
    }
}

impl From<FolderError> for Failure {
    fn from(err: FolderError) -> Self {
        Self::File { action: "the archive's folder cannot be used".to_owned(), source: io::Error::other(err) }
    }
}

/// Athena's words for a workgroup that is not there, or was not made by Catchment.
fn is_missing_workgroup(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    (message.contains("workgroup") && message.contains("not found"))
        || message.contains("no output location provided")
}

/// The sentence at the bottom of a chain of errors: the one that names the cause.
pub fn innermost(err: &(dyn Error + 'static)) -> String {
    let mut current = err;
    while let Some(source) = current.source() {
        current = source;
    }
    one_line(&current.to_string())
}

/// The text in one line.
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closed_output_is_no_failure() {
        let closed = Failure::writing(io::Error::from(io::ErrorKind::BrokenPipe));
        assert_eq!(closed.exit_code(), 0);
        let full = Failure::writing(io::Error::from(io::ErrorKind::StorageFull));
        assert_eq!(full.exit_code(), 6);
    }

    #[test]
    fn a_missing_workgroup_is_known_by_athenas_words() {
        assert!(is_missing_workgroup("WorkGroup nope is not found."));
        assert!(is_missing_workgroup("No output location provided. An output location is required"));
        assert!(!is_missing_workgroup("line 1:8: Column 'x' cannot be resolved"));
    }
}
