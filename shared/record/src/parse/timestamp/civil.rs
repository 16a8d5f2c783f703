//! The proleptic Gregorian calendar, as far as log lines need it.
//!
//! A few additions a date: a calendar library's conversions cost more than all
//! the rest of a line's reading.

pub(super) const NANOS_PER_SECOND: i64 = 1_000_000_000;
pub(super) const NANOS_PER_DAY: i64 = 86_400 * NANOS_PER_SECOND;

/// The years whose every nanosecond fits an `i64`, with room for an offset.
const YEARS: std::ops::RangeInclusive<i64> = 1678..=2261;

/// A day of the calendar; whatever it holds, [`Date::days`] checks it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Date {
    pub year: i64,
    pub month: u8,
    pub day: u8,
}

impl Date {
    /// Days since 1970-01-01; `None` for a day that the calendar does not have.
    pub(super) fn days(self) -> Option<i64> {
        let Self { year, month, day } = self;
        if !YEARS.contains(&year) || day == 0 || day > days_in_month(year, month)? {
            return None;
        }
        // Years begin in March here, so that the leap day is the last one.
        // http://howardhinnant.github.io/date_algorithms.html#days_from_civil
        let year = if month <= 2 { year - 1 } else { year };
        let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month_from_march = (i64::from(month) + 9) % 12;
        let day_of_year = (153 * month_from_march + 2) / 5 + i64::from(day) - 1;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Some(era * 146_097 + day_of_era - 719_468)
    }
}

/// The year that holds a day, given in days since 1970-01-01.
pub(super) fn year_of(days: i64) -> i64 {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    // Day 306 from March 1 is January 1 of the next year.
    era * 400 + year_of_era + i64::from(day_of_year >= 306)
}

fn days_in_month(year: i64, month: u8) -> Option<u8> {
    Some(match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn days_are_those_of_a_calendar_library(year in 1678..=2261_i16, month in 0..=14_i8, day in 0..=33_i8) {
            let ours = Date { year: year.into(), month: month as u8, day: day as u8 }.days();
            let theirs = jiff::civil::Date::new(year, month, day).ok().map(|date| {
                let epoch = jiff::civil::date(1970, 1, 1);
                i64::from(epoch.until(date).unwrap().get_days())
            });
            prop_assert_eq!(ours, theirs);
            if let Some(days) = ours {
                prop_assert_eq!(year_of(days), i64::from(year));
            }
        }
    }
}
