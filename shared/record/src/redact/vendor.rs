//! The tokens that vendors mark with a prefix of their own.
//!
//! One table. Prefixes are split where a scanner of source code would otherwise
//! take this file for a leak.

/// The characters that the rest of a token is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Tail {
    /// `0-9a-fA-F`
    Hex,
    /// `0-9A-Za-z`
    Alnum,
    /// `0-9A-Za-z_-`
    Word,
    /// `0-9A-Za-z_-.`
    Dotted,
    /// `0-9A-Za-z+/=_-`
    Base64,
}

impl Tail {
    pub(super) fn has(self, byte: u8) -> bool {
        match self {
            Self::Hex => byte.is_ascii_hexdigit(),
            Self::Alnum => byte.is_ascii_alphanumeric(),
            Self::Word => byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'),
            Self::Dotted => Self::Word.has(byte) || byte == b'.',
            Self::Base64 => Self::Word.has(byte) || matches!(byte, b'+' | b'/' | b'='),
        }
    }
}

use Tail::{Alnum, Base64, Dotted, Hex, Word};

/// Prefix, the characters behind it, the least number of them, whose it is.
///
/// Sources: <https://github.com/gitleaks/gitleaks/blob/master/config/gitleaks.toml>
/// and the vendors' own pages on secret scanning.
#[rustfmt::skip]
pub(super) const VENDORS: &[(&[u8], Tail, usize, &str)] = &[
    (b"ghp_", Alnum, 30, "GitHub"), (b"gho_", Alnum, 30, "GitHub"), (b"ghu_", Alnum, 30, "GitHub"),
    (b"ghs_", Word, 30, "GitHub"), (b"ghr_", Alnum, 30, "GitHub"), (b"github_pat_", Word, 30, "GitHub"),
    (b"glpat-", Dotted, 20, "GitLab"), (b"gldt-", Word, 20, "GitLab"), (b"glrt-", Dotted, 20, "GitLab"),
    (b"glptt-", Word, 20, "GitLab"), (b"glcbt-", Word, 20, "GitLab"), (b"GR1348941", Word, 20, "GitLab"),
    (b"xoxb-", Word, 10, "Slack"), (b"xoxp-", Word, 10, "Slack"), (b"xoxa-", Word, 10, "Slack"),
    (b"xoxr-", Word, 10, "Slack"), (b"xoxs-", Word, 10, "Slack"), (b"xoxe-", Word, 10, "Slack"),
    (b"xoxe.", Dotted, 20, "Slack"), (b"xoxc-", Word, 10, "Slack"), (b"xoxd-", Base64, 10, "Slack"), (b"xapp-", Word, 10, "Slack"),
    (b"sk_live_", Alnum, 16, "Stripe"), (b"rk_live_", Alnum, 16, "Stripe"), (b"sk_test_", Alnum, 16, "Stripe"),
    (b"rk_test_", Alnum, 16, "Stripe"), (b"whsec_", Base64, 20, "Stripe"),
    (b"AIza", Word, 35, "Google"), (b"GOCSPX-", Word, 20, "Google"), (b"ya29.", Dotted, 20, "Google"),
    (b"sk-ant-", Word, 20, "Anthropic"),
    (b"sk-proj-", Word, 20, "OpenAI"), (b"sk-svcacct-", Word, 20, "OpenAI"), (b"sk-admin-", Word, 20, "OpenAI"),
    (b"sk-or-v1-", Hex, 32, "OpenRouter"), (b"sk-", Alnum, 32, "OpenAI"),
    (b"SG.", Dotted, 30, "SendGrid"), (b"xkeysib-", Word, 40, "Brevo"),
    (b"npm_", Alnum, 30, "npm"), (b"pypi-", Word, 40, "PyPI"), (b"rubygems_", Hex, 40, "RubyGems"),
    (b"dckr_pat_", Word, 20, "Docker"), (b"dckr_oat_", Word, 20, "Docker"),
    (b"hf_", Alnum, 30, "Hugging Face"), (b"r8_", Alnum, 30, "Replicate"), (b"gsk_", Alnum, 40, "Groq"),
    (b"dop_v1_", Hex, 40, "DigitalOcean"), (b"doo_v1_", Hex, 40, "DigitalOcean"), (b"dor_v1_", Hex, 40, "DigitalOcean"),
    (b"shpat_", Hex, 32, "Shopify"), (b"shpss_", Hex, 32, "Shopify"), (b"shpca_", Hex, 32, "Shopify"), (b"shppa_", Hex, 32, "Shopify"),
    (b"sq0atp-", Word, 22, "Square"), (b"sq0csp-", Word, 40, "Square"), (b"EAAA", Word, 60, "Square"),
    (b"key-", Hex, 32, "Mailgun"), (b"SK", Hex, 32, "Twilio"),
    (b"NRAK-", Alnum, 20, "New Relic"), (b"NRJS-", Hex, 19, "New Relic"), (b"NRII-", Word, 32, "New Relic"),
    (b"hvs.", Word, 20, "Vault"), (b"hvb.", Word, 20, "Vault"), (b"hvr.", Word, 20, "Vault"),
    (b"dapi", Hex, 32, "Databricks"), (b"ATATT3", Base64, 30, "Atlassian"), (b"ATCTT3", Base64, 30, "Atlassian"),
    (b"ATBB", Alnum, 24, "Bitbucket"), (b"lin_api_", Alnum, 30, "Linear"), (b"lin_oauth_", Alnum, 30, "Linear"),
    (b"glsa_", Word, 30, "Grafana"), (b"glc_", Base64, 32, "Grafana"),
    (b"HRKU-", Word, 30, "Heroku"), (b"ntn_", Alnum, 40, "Notion"), (b"secret_", Alnum, 43, "Notion"),
    (b"figd_", Word, 40, "Figma"), (b"PMAK-", Word, 40, "Postman"), (b"pscale_", Word, 20, "PlanetScale"),
    (b"dp.pt.", Alnum, 40, "Doppler"), (b"pul-", Hex, 40, "Pulumi"), (b"sntrys_", Base64, 40, "Sentry"), (b"sntryu_", Hex, 40, "Sentry"),
    (b"tskey-", Word, 20, "Tailscale"), (b"fo1_", Word, 40, "Fly.io"), (b"nfp_", Word, 36, "Netlify"),
    (b"AGE-SECRET-KEY-", Alnum, 50, "age"), (b"IQoJb3Jp", Base64, 100, "AWS session"), (b"FwoGZXIvYXdz", Base64, 100, "AWS session"),
];

/// How many bytes the token at the start of `text` has.
pub(super) fn token_len(text: &[u8]) -> Option<usize> {
    VENDORS.iter().find_map(|(prefix, tail, least, _)| {
        let rest = text.strip_prefix(*prefix)?;
        let len = rest.iter().take_while(|b| tail.has(**b)).count();
        // A full stop or dash behind a token is the sentence's.
        let len = rest.get(..len)?.iter().rposition(|b| !matches!(b, b'.' | b'-')).map_or(0, |last| last + 1);
        // A longer run of what a shorter alphabet leaves out is another thing.
        let ends = *tail != Hex || !rest.get(len).is_some_and(u8::is_ascii_alphanumeric);
        (len >= *least && ends).then_some(prefix.len() + len)
    })
}

/// Which two bytes tokens that show by their own form begin with: two rows of
/// 128, a bit each; looked up for every long word, so it must say no at once.
pub(super) static BEGINNINGS: [u64; 256] = beginnings();

#[allow(clippy::indexing_slicing)] // evaluated at compile time
const fn beginnings() -> [u64; 256] {
    let mut table = [0; 256];
    let others: [&[u8]; 3] = [b"ey", b"AK", b"AS"];
    let mut i = 0;
    while i < VENDORS.len() + others.len() {
        let prefix = if i < others.len() { others[i] } else { VENDORS[i - others.len()].0 };
        let pair = (prefix[0] as usize & 127) << 7 | prefix[1] as usize & 127;
        table[pair >> 6] |= 1 << (pair & 63);
        i += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_vendor_is_found_at_its_least_length_and_not_below() {
        for (prefix, tail, least, vendor) in VENDORS {
            let of = |len: usize| {
                let body = b"a7B3c9D1e5F2".iter().cycle().take(len);
                prefix.iter().chain(body).copied().collect::<Vec<_>>()
            };
            assert_eq!(token_len(&of(*least)), Some(prefix.len() + least), "{vendor}");
            let short = token_len(&of(*least - 1));
            let other = VENDORS.iter().any(|(p, ..)| prefix.starts_with(p) && p != prefix);
            assert!(short.is_none() || other, "{vendor}");
            assert!(!tail.has(b' ') && prefix.len() >= 2, "{vendor}");
        }
    }
}
