//! An alert as one SMS.
//!
//! <https://docs.aws.amazon.com/sns/latest/dg/sms_sending-overview.html>

use crate::message::AlertMessage;
use crate::text::one_line;

/// The longest text of one SMS in the GSM alphabet, in its units.
pub const MAX_GSM_UNITS: usize = 160;
/// The longest text of one SMS in UCS-2, in UTF-16 units.
pub const MAX_UCS2_UNITS: usize = 70;
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
    let before = format!("{}{over} {}: ", message.status.word(), one_line(&message.severity, 12));
    let value = message.value_text().map(|value| format!(" - {value}")).unwrap_or_default();
    let text = before + &message.headline(MAX_GSM_UNITS) + &value;
    // An ellipsis alone is no reason for the larger alphabet.
    let text = text.replace('…', "...");
    if text.chars().all(|c| gsm_units(c).is_some()) {
        cut(&text, MAX_GSM_UNITS, "...", |c| gsm_units(c).unwrap_or(2))
    } else {
        cut(&text, MAX_UCS2_UNITS, "…", char::len_utf16)
    }
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
