//! Level names in any spelling, as OpenTelemetry severity numbers.
//!
//! <https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber>

/// The longest level name known, in bytes.
const MAX_LEVEL_BYTES: usize = 11;

/// The OpenTelemetry severity number (1 to 24) of a level's name, whatever its
/// case, or of a number on the scale of pino and bunyan (10 to 60).
pub fn severity_number(level: &str) -> Option<u8> {
    let mut lower = [0; MAX_LEVEL_BYTES];
    let name = lower.get_mut(..level.len())?;
    name.copy_from_slice(level.as_bytes());
    name.make_ascii_lowercase();
    Some(match &*name {
        b"trace" | b"trc" | b"verbose" | b"finest" | b"finer" | b"silly" | b"10" => 1,
        b"debug" | b"dbg" | b"fine" | b"20" => 5,
        b"info" | b"inf" | b"information" | b"config" | b"30" => 9,
        b"notice" => 10,
        b"warn" | b"warning" | b"wrn" | b"40" => 13,
        b"error" | b"err" | b"severe" | b"50" => 17,
        b"critical" | b"crit" | b"fatal" | b"ftl" | b"alert" | b"emerg" | b"emergency" | b"panic"
        | b"dpanic" | b"60" => 21,
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
            ("Information", Some(9)),
            ("notice", Some(10)),
            ("WARNING", Some(13)),
            ("Error", Some(17)),
            ("CRITICAL", Some(21)),
            ("30", Some(9)),
            ("60", Some(21)),
            ("", None),
            ("informational", None),
            ("loud", None),
        ] {
            assert_eq!(severity_number(level), expected, "{level}");
        }
    }
}
