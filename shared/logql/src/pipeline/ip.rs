//! `ip("192.168.0.0/16")`: an address, a range `a-b` or a network.

use std::net::IpAddr;

/// Addresses of one family from a first to a last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IpMatcher {
    source: String,
    first: IpAddr,
    last: IpAddr,
}

impl IpMatcher {
    pub(crate) fn new(source: &str) -> Result<Self, String> {
        let (first, last) =
            bounds(source.trim()).ok_or_else(|| format!("ip: invalid pattern: {source:?}"))?;
        Ok(Self { source: source.to_owned(), first, last })
    }

    /// The addresses as they were written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether one of the addresses stands somewhere in the text.
    pub(super) fn is_in(&self, text: &str) -> bool {
        let v4 = self.first.is_ipv4();
        let part = |c: char| c.is_ascii_digit() || c == '.' || (!v4 && (c.is_ascii_hexdigit() || c == ':'));
        text.split(|c: char| !part(c)).filter(|word| word.len() > 1).any(|word| {
            let word = word.trim_matches('.');
            let found = word.parse().is_ok_and(|address: IpAddr| self.contains(address));
            // `10.0.0.1:` is the address with what follows it.
            found
                || (!v4
                    && word
                        .strip_suffix(':')
                        .and_then(|word| word.parse().ok())
                        .is_some_and(|address| self.contains(address)))
        })
    }

    fn contains(&self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
}

fn bounds(source: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some((address, bits)) = source.split_once('/') {
        let bits: u32 = bits.parse().ok()?;
        return match address.parse().ok()? {
            IpAddr::V4(address) if bits <= 32 => {
                let mask = u32::MAX.checked_shl(32 - bits).unwrap_or_default();
                let first = u32::from(address) & mask;
                Some((IpAddr::V4(first.into()), IpAddr::V4((first | !mask).into())))
            }
            IpAddr::V6(address) if bits <= 128 => {
                let mask = u128::MAX.checked_shl(128 - bits).unwrap_or_default();
                let first = u128::from(address) & mask;
                Some((IpAddr::V6(first.into()), IpAddr::V6((first | !mask).into())))
            }
            _ => None,
        };
    }
    if let Some((first, last)) = source.split_once('-') {
        let (first, last): (IpAddr, IpAddr) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
        return (first.is_ipv4() == last.is_ipv4() && first <= last).then_some((first, last));
    }
    let address = source.parse().ok()?;
    Some((address, address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_anywhere() {
        for (pattern, text, expected) in [
            ("192.168.0.1", "from 192.168.0.1:80 to", true),
            ("192.168.0.1", "from 192.168.0.10", false),
            ("192.168.0.1-192.168.0.20", "192.168.0.10", true),
            ("192.168.0.0/16", "x=192.168.255.255,", true),
            ("192.168.0.0/16", "192.169.0.0", false),
            ("0.0.0.0/0", "1.2.3.4", true),
            ("::1", "addr ::1 here", true),
            ("2001:db8::/32", "[2001:db8::1]:80", true),
            ("2001:db8::/32", "2001:db9::1", false),
        ] {
            assert_eq!(IpMatcher::new(pattern).unwrap().is_in(text), expected, "{pattern} {text}");
        }
        for pattern in ["", "x", "1.2.3.4/33", "1.2.3", "2.0.0.0-1.0.0.0", "1.2.3.4-::1"] {
            assert!(IpMatcher::new(pattern).is_err(), "{pattern}");
        }
    }
}
