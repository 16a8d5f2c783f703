//! Calls spaced in time, for services whose quotas are calls a second.

use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Spaces calls so that no two begin within one interval.
#[derive(Debug)]
pub struct Pacer {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Pacer {
    /// The first call may begin at once.
    pub fn new(interval: Duration) -> Self {
        Self { interval, next: Mutex::new(Instant::now()) }
    }

    /// Returns when it is the caller's turn.
    pub async fn turn(&self) {
        let start = {
            let mut next = self.next.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            let start = (*next).max(Instant::now());
            *next = start + self.interval;
            start
        };
        sleep_until(start).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn turns_are_an_interval_apart_and_a_pause_saves_up_none() {
        let pacer = Pacer::new(Duration::from_millis(100));
        let start = Instant::now();
        for expected in [0, 100, 200] {
            pacer.turn().await;
            assert_eq!(start.elapsed().as_millis(), expected);
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
        let start = Instant::now();
        for expected in [0, 100] {
            pacer.turn().await;
            assert_eq!(start.elapsed().as_millis(), expected);
        }
    }
}
