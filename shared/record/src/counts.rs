//! The conservation law: `received = archived + filtered + quarantined`.

/// What became of the log events of an invocation, in events.
///
/// A payload that cannot be decoded counts as one event received and one
/// quarantined: how many it held cannot be known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Log events that the invocation was given.
    pub received: u64,
    /// Log events that are durably in the archive.
    pub archived: u64,
    /// Log events removed by a named filter or sampler of the configuration.
    pub filtered: u64,
    /// Log events set aside because they could not be decoded.
    pub quarantined: u64,
}

impl Counts {
    /// Whether every event that came in is accounted for.
    pub fn are_conserved(&self) -> bool {
        self.received == self.archived + self.filtered + self.quarantined
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_that_is_nowhere_breaks_the_law() {
        let counts = Counts { received: 3, archived: 1, filtered: 1, quarantined: 1 };
        assert!(counts.are_conserved());
        assert!(!Counts { received: 4, ..counts }.are_conserved());
        assert!(!Counts { archived: 2, ..counts }.are_conserved());
    }
}
