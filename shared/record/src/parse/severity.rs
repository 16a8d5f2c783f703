//! Level names in any spelling, as OpenTelemetry severity numbers.
//!
//! <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>

/// The longest level name known, in bytes.
const MAX_LEVEL_BYTES: usize = 13;

/// The OpenTelemetry severity number (1 to 24) of a level's name, whatever its
/// case, or of a number on the scale of pino and bunyan (10 to 60).
pub fn severity_number(level: &str) -> Option<u8> {
    name_number(level).or_else(|| pino_number(level)).or_else(|| match level.as_bytes() {
        [letter] => letter_number(*letter),
        _ => None,
    })
}

/// The name of an OpenTelemetry severity number in lower case: trace, debug,
/// info, warn, error or fatal.
pub fn severity_name(number: u8) -> &'static str {
    match number {
        ..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21.. => "fatal",
    }
}

/// The severity number of a level's name, whatever its case.
pub(crate) fn name_number(level: &str) -> Option<u8> {
    // Most words that are asked about are none: their first letter or length shows it.
    let first = level.as_bytes().first()? | 0x20;
    if level.len() < 3 || !b"tvfsdinclweap".contains(&first) {
        return None;
    }
    let mut lower = [0; MAX_LEVEL_BYTES];
    let name = lower.get_mut(..level.len())?;
    name.copy_from_slice(level.as_bytes());
    name.make_ascii_lowercase();
    let number = |name: &[u8]| -> Option<u8> {
        Some(match name {
            b"trace" | b"trc" | b"trce" | b"verbose" | b"verb" | b"finest" | b"finer" | b"silly" => 1,
            b"debug" | b"dbg" | b"dbug" | b"deb" | b"fine" => 5,
            b"info" | b"inf" | b"information" | b"informational" | b"config" | b"log" | b"default" => 9,
            b"notice" | b"note" | b"success" => 10,
            b"warn" | b"warning" | b"wrn" | b"deprecated" => 13,
            b"error" | b"err" | b"eror" | b"erro" | b"severe" | b"failure" | b"fail" => 17,
            b"critical" | b"crit" | b"fatal" | b"ftl" | b"alert" | b"emerg" | b"emergency" | b"panic"
            | b"dpanic" | b"assert" => 21,
            _ => return None,
        })
    };
    number(name).or_else(|| {
        // OpenTelemetry's own `INFO2`, PostgreSQL's `DEBUG5`.
        let (digit @ b'1'..=b'5', name) = name.split_last()? else { return None };
        let base = match name {
            b"trace" | b"debug" | b"info" | b"warn" | b"error" | b"fatal" => number(name)?,
            _ => return None,
        };
        Some(base + (digit - b'1').min(3))
    })
}

/// The severity number of a letter, where a format writes its levels so: klog,
/// glog, Android, Ruby, MongoDB.
pub(crate) fn letter_number(letter: u8) -> Option<u8> {
    Some(match letter {
        b'V' | b'T' => 1,
        b'D' => 5,
        b'I' => 9,
        b'N' => 10,
        b'W' => 13,
        b'E' => 17,
        b'C' | b'F' | b'A' | b'S' => 21,
        _ => return None,
    })
}

/// pino's and bunyan's numbers: <https://getpino.io/#/docs/api?id=loggerlevels-object>.
fn pino_number(level: &str) -> Option<u8> {
    Some(match level {
        "10" => 1,
        "20" => 5,
        "30" => 9,
        "40" => 13,
        "50" => 17,
        "60" => 21,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_map_to_opentelemetry_numbers() {
        for (level, expected) in [
            ("TRACE", Some(1)),
            ("debug", Some(5)),
            ("DEBUG2", Some(6)),
            ("Information", Some(9)),
            ("INFO4", Some(12)),
            ("notice", Some(10)),
            ("WARNING", Some(13)),
            ("Error", Some(17)),
            ("SEVERE", Some(17)),
            ("CRITICAL", Some(21)),
            ("W", Some(13)),
            ("30", Some(9)),
            ("60", Some(21)),
            ("", None),
            ("x", None),
            ("35", None),
            ("loud", None),
            ("notice2", None),
            ("error0", None),
            ("informationals", None),
        ] {
            assert_eq!(severity_number(level), expected, "{level}");
        }
    }
}
