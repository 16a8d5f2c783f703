//! An alert as one SMS.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html>

use crate::message::AlertMessage;
use crate::text::one_line;

/// The longest text of one SMS in the GSM alphabet, in its units.
pub const MAX_GSM_UNITS: usize = 160;
/// The longest text of one SMS in UCS-2, in UTF-16 units.
pub const MAX_UCS2_UNITS: usize = 70;
/// Units of the headline that even a long value leaves.
const MIN_HEADLINE_UNITS: usize = 20;
/// One unit each: the basic table of GSM 03.38.
const GSM: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
    ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// Two units each: its extension.
const GSM_EXTENSION: &str = "^{}\\[~]|€";

/// One SMS: what, and how bad. Words from a rule outside the GSM alphabet cost
/// more than half of the room, so what the alphabet has is used as long as
/// nothing else is needed.
pub fn sms_text(message: &AlertMessage) -> String {
    let over = message.duration_text().map(|lasted| format!(" after {lasted}")).unwrap_or_default();
    let severity = one_line(&message.severity, 12);
    let severity =
        if matches!(severity.as_str(), "" | "none") { String::new() } else { format!(" {severity}") };
    // An ellipsis alone is no reason for the larger alphabet.
    let plain = |text: String| text.replace('…', "...");
    let before = plain(format!("{}{over}{severity}: ", message.status.word()));
    let value = plain(message.value_text().map(|value| format!(" - {value}")).unwrap_or_default());
    let headline = plain(message.headline(MAX_GSM_UNITS));
    let text = format!("{before}{headline}{value}");
    if text.chars().all(|c| gsm_units(c).is_some()) {
        fit(&before, &headline, &value, MAX_GSM_UNITS, "...", |c| gsm_units(c).unwrap_or(2))
    } else {
        fit(&before, &headline, &value, MAX_UCS2_UNITS, "…", char::len_utf16)
    }
}

/// The three of them within `max` units; the middle gives way first.
fn fit(
    before: &str,
    headline: &str,
    after: &str,
    max: usize,
    mark: &str,
    units: impl Fn(char) -> usize + Copy,
) -> String {
    let taken: usize = before.chars().chain(after.chars()).map(units).sum();
    let headline = cut(headline, max.saturating_sub(taken).max(MIN_HEADLINE_UNITS), mark, units);
    cut(&format!("{before}{headline}{after}"), max, mark, units)
}

fn gsm_units(c: char) -> Option<usize> {
    if GSM.contains(c) { Some(1) } else { GSM_EXTENSION.contains(c).then_some(2) }
}

/// The text, or its beginning with `mark`, within `max` units.
fn cut(text: &str, max: usize, mark: &str, units: impl Fn(char) -> usize) -> String {
    if text.chars().map(&units).sum::<usize>() <= max {
        return text.to_owned();
    }
    let mut left = max - mark.chars().map(&units).sum::<usize>();
    let fits = text.chars().take_while(|c| {
        let cost = units(*c);
        let fits = cost <= left;
        left = left.saturating_sub(cost);
        fits
    });
    fits.collect::<String>() + mark
}
