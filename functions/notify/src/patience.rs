//! Attempts until one is taken, refused for good, or the time is up.

use std::future::Future;
use std::time::Duration;

use catchment_aws::AwsError;
use catchment_aws::webhook::Answer;
use tokio::time::{Instant, sleep_until, timeout_at};

/// Attempts for one message, the first included.
pub const MAX_ATTEMPTS: u32 = 5;
/// The first pause after a failure that names none; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
/// The longest pause that we let us be asked for; with more the message is left
/// to the retries of Lambda, which are minutes apart.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(20);

/// What came of one attempt.
#[derive(Debug)]
pub enum Attempt {
    /// It was taken.
    Taken,
    /// The same at once, with what has changed.
    Again(String),
    /// Later, after a pause that was asked for or ours.
    Later(String, Option<Duration>),
    /// Never.
    Refused(String),
}

/// A message that did not arrive.
#[derive(Debug, thiserror::Error)]
pub enum DeliveryError {
    /// It was refused, and would be again until somebody changes something.
    #[error("refused: {reason}")]
    Refused {
        /// What was said.
        reason: String,
    },
    /// The other side was busy, down or out of reach until the time or the
    /// attempts were up.
    #[error("not taken in {attempts} attempts: {last}")]
    Unavailable {
        /// How often it was tried.
        attempts: u32,
        /// What happened the last time.
        last: String,
    },
}

/// One message on its way to one channel.
pub trait Sending {
    /// Tries once.
    fn attempt(&mut self) -> impl Future<Output = Attempt> + Send;
}

/// Tries, at the latest until `deadline`. `retries` counts every attempt after
/// the first.
pub async fn deliver(
    mut sending: impl Sending,
    deadline: Instant,
    retries: &mut u64,
) -> Result<(), DeliveryError> {
    let mut pause = FIRST_PAUSE;
    let mut attempts = 0;
    loop {
        attempts += 1;
        let Ok(attempt) = timeout_at(deadline, sending.attempt()).await else {
            let last = "the invocation's time was up".to_owned();
            return Err(DeliveryError::Unavailable { attempts, last });
        };
        let (last, wait) = match attempt {
            Attempt::Taken => return Ok(()),
            Attempt::Refused(reason) => return Err(DeliveryError::Refused { reason }),
            Attempt::Again(reason) => (reason, Duration::ZERO),
            Attempt::Later(reason, wait) => (reason, wait.unwrap_or(pause)),
        };
        let next = Instant::now() + wait;
        if attempts == MAX_ATTEMPTS || wait > MAX_RETRY_AFTER || next >= deadline {
            return Err(DeliveryError::Unavailable { attempts, last });
        }
        tracing::warn!(attempts, reason = last, "a message was not taken yet");
        sleep_until(next).await;
        *retries += 1;
        pause *= 2;
    }
}

/// What an answer that is no success means: too many, a time-out or a fault of
/// theirs can be over later; anything else is a refusal.
pub fn unsuccessful(answer: &Answer) -> Attempt {
    let reason = format!("HTTP status {}", answer.status);
    match answer.status {
        408 | 429 | 500.. => Attempt::Later(reason, answer.retry_after),
        // The answer's first word says what is wrong; anything longer may not be ours to log.
        _ => match first_word(&answer.body) {
            word if word.is_empty() => Attempt::Refused(reason),
            word => Attempt::Refused(format!("{reason}, {word}")),
        },
    }
}

/// What an error that came instead of an answer means.
pub fn unanswered(err: &AwsError) -> Attempt {
    if err.is_transient() { Attempt::Later(err.to_string(), None) } else { Attempt::Refused(err.to_string()) }
}

/// The first word of an answer: an error's name, if it is one.
pub fn first_word(body: &str) -> String {
    let word = body.split_whitespace().next().unwrap_or_default();
    let named = !word.is_empty() && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if named { word.chars().take(60).collect() } else { String::new() }
}
