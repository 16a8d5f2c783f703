//! When an alert was pending and firing, as a row of characters.

use catchment_alert::Episode;
use catchment_logql::format_duration;

use crate::when;

/// Characters a row.
pub const WIDTH: usize = 60;
/// Nothing holds.
const QUIET: char = '·';
/// The condition holds, for a shorter time than the rule's `for`.
const PENDING: char = '░';
/// The alert is on.
const FIRING: char = '█';

/// A span of time, a character for each of its parts.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    from_ms: i64,
    to_ms: i64,
}

impl Timeline {
    /// Of the evaluations from one time to another, which are both included.
    pub fn new(from_ms: i64, to_ms: i64) -> Self {
        Self { from_ms, to_ms: to_ms.max(from_ms.saturating_add(1)) }
    }

    /// The row of one series. In each part the worst is shown.
    pub fn row(self, episodes: &[&Episode]) -> String {
        let parts = i64::try_from(WIDTH).unwrap_or(i64::MAX);
        let at = |part: i64| {
            let span = i128::from(self.to_ms - self.from_ms);
            let ms = i128::from(self.from_ms) + span * i128::from(part) / i128::from(parts);
            i64::try_from(ms).unwrap_or(i64::MAX)
        };
        (0..parts)
            .map(|part| {
                // The last moment belongs to the last part.
                let end = if part + 1 == parts { i64::MAX } else { at(part + 1) };
                let meets = |from: i64, to: i64| from < end && (to > at(part) || from >= at(part));
                let states = episodes.iter().map(|it| {
                    let over = it.ended_at_ms.unwrap_or(self.to_ms);
                    match it.fired_at_ms {
                        Some(fired) if meets(fired, over) => FIRING,
                        Some(fired) if meets(it.active_at_ms, fired) => PENDING,
                        None if meets(it.active_at_ms, over) => PENDING,
                        _ => QUIET,
                    }
                });
                // The characters rise with how bad it is.
                states
                    .max_by_key(|state| [QUIET, PENDING, FIRING].iter().position(|it| it == state))
                    .unwrap_or(QUIET)
            })
            .collect()
    }

    /// What stands under the rows: from when to when.
    pub fn axis(self) -> String {
        let (from, to) = (when::shown(self.from_ms), when::shown(self.to_ms));
        let gap = WIDTH.saturating_sub(from.len() + to.len()).max(1);
        format!("{from}{}{to}", " ".repeat(gap))
    }

    /// What the characters mean.
    pub fn legend(self) -> String {
        let part = (self.to_ms - self.from_ms) / i64::try_from(WIDTH).unwrap_or(1);
        let part = format_duration((part + 500) / 1000 * 1000);
        format!("{PENDING} pending, {FIRING} firing; {part} a character")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_logql::Labels;

    fn episode(active: i64, fired: Option<i64>, ended: Option<i64>) -> Episode {
        Episode {
            group: "g".into(),
            alert: "A".into(),
            labels: Labels::default(),
            active_at_ms: active,
            fired_at_ms: fired,
            ended_at_ms: ended,
            peak: 1.0,
        }
    }

    /// A minute a character.
    fn row(episodes: &[Episode]) -> String {
        Timeline::new(0, 3_600_000).row(&episodes.iter().collect::<Vec<_>>())
    }

    #[test]
    fn a_row_shows_each_part_at_its_worst() {
        let minute = 60_000;
        assert_eq!(row(&[]), "·".repeat(60));
        let one = row(&[episode(2 * minute, Some(4 * minute), Some(7 * minute))]);
        assert_eq!(one, format!("··░░███{}", "·".repeat(53)));
        let never_fired = row(&[episode(minute, None, Some(3 * minute))]);
        assert_eq!(never_fired, format!("·░░{}", "·".repeat(57)));
        let still_on = row(&[episode(58 * minute, Some(58 * minute), None)]);
        assert_eq!(still_on, format!("{}██", "·".repeat(58)));
        let at_the_end = row(&[episode(60 * minute, Some(60 * minute), None)]);
        assert_eq!(at_the_end, format!("{}█", "·".repeat(59)));
        let seconds =
            row(&[episode(90_000, Some(90_000), Some(100_000)), episode(60_000, None, Some(70_000))]);
        assert_eq!(seconds, format!("·█{}", "·".repeat(58)));
    }
}
