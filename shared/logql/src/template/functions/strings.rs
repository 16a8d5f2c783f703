//! Texts.

use super::{Row, string, text, whole};
use crate::MAX_TEMPLATE_BYTES;
use crate::pattern::Pattern;
use crate::template::TemplateError;
use crate::template::eval::Scope;
use crate::template::value::Value;

/// What Go's templates have built in.
pub(super) const GO: &[Row] = &[("urlquery", 1, 1, |a, _| string(url_encode(text(a, 0)?)))];

pub(super) const TABLE: &[Row] = &[
    ("lower", 1, 1, |a, _| string(text(a, 0)?.to_lowercase())),
    ("ToLower", 1, 1, |a, _| string(text(a, 0)?.to_lowercase())),
    ("upper", 1, 1, |a, _| string(text(a, 0)?.to_uppercase())),
    ("ToUpper", 1, 1, |a, _| string(text(a, 0)?.to_uppercase())),
    ("title", 1, 1, |a, _| string(title(text(a, 0)?))),
    ("trunc", 2, 2, |a, _| string(truncate(whole(a, 0)?, text(a, 1)?))),
    ("substr", 3, 3, |a, _| string(substring(whole(a, 0)?, whole(a, 1)?, text(a, 2)?))),
    ("contains", 2, 2, |a, _| Ok(Value::Bool(text(a, 1)?.contains(text(a, 0)?)))),
    ("hasPrefix", 2, 2, |a, _| Ok(Value::Bool(text(a, 1)?.starts_with(text(a, 0)?)))),
    ("hasSuffix", 2, 2, |a, _| Ok(Value::Bool(text(a, 1)?.ends_with(text(a, 0)?)))),
    ("indent", 2, 2, |a, _| string(indent(whole(a, 0)?, text(a, 1)?)?)),
    ("nindent", 2, 2, |a, _| string(format!("\n{}", indent(whole(a, 0)?, text(a, 1)?)?))),
    ("replace", 3, 3, |a, _| string(replace(text(a, 2)?, text(a, 0)?, text(a, 1)?, usize::MAX)?)),
    ("Replace", 4, 4, |a, _| {
        let count = usize::try_from(whole(a, 3)?).unwrap_or(usize::MAX);
        string(replace(text(a, 0)?, text(a, 1)?, text(a, 2)?, count)?)
    }),
    ("repeat", 2, 2, |a, _| string(repeat(whole(a, 0)?, text(a, 1)?)?)),
    ("trim", 1, 1, |a, _| string(text(a, 0)?.trim())),
    ("TrimSpace", 1, 1, |a, _| string(text(a, 0)?.trim())),
    ("trimAll", 2, 2, |a, _| string(text(a, 1)?.trim_matches(set(text(a, 0)?)))),
    ("Trim", 2, 2, |a, _| string(text(a, 0)?.trim_matches(set(text(a, 1)?)))),
    ("TrimLeft", 2, 2, |a, _| string(text(a, 0)?.trim_start_matches(set(text(a, 1)?)))),
    ("TrimRight", 2, 2, |a, _| string(text(a, 0)?.trim_end_matches(set(text(a, 1)?)))),
    ("trimPrefix", 2, 2, |a, _| string(without_prefix(text(a, 1)?, text(a, 0)?))),
    ("TrimPrefix", 2, 2, |a, _| string(without_prefix(text(a, 0)?, text(a, 1)?))),
    ("trimSuffix", 2, 2, |a, _| string(without_suffix(text(a, 1)?, text(a, 0)?))),
    ("TrimSuffix", 2, 2, |a, _| string(without_suffix(text(a, 0)?, text(a, 1)?))),
    ("alignLeft", 2, 2, |a, _| string(align(whole(a, 0)?, text(a, 1)?, true)?)),
    ("alignRight", 2, 2, |a, _| string(align(whole(a, 0)?, text(a, 1)?, false)?)),
    ("count", 2, 2, |a, _| Ok(Value::Int(pattern(text(a, 0)?)?.count(text(a, 1)?) as i64))),
    ("regexReplaceAll", 3, 3, |a, _| string(pattern(text(a, 0)?)?.replace_all(text(a, 1)?, text(a, 2)?))),
    ("regexReplaceAllLiteral", 3, 3, |a, _| {
        string(pattern(text(a, 0)?)?.replace_all(text(a, 1)?, regex::NoExpand(text(a, 2)?)))
    }),
    ("urlencode", 1, 1, |a, _| string(url_encode(text(a, 0)?))),
    ("urldecode", 1, 1, |a, _| string(url_decode(text(a, 0)?)?)),
    ("b64enc", 1, 1, |a, _| string(base64_simd::STANDARD.encode_to_string(text(a, 0)?))),
    ("b64dec", 1, 1, |a, _| {
        let source = text(a, 0)?;
        // sprig gives the fault as the text.
        string(match base64_simd::STANDARD.decode_to_vec(source) {
            Ok(bytes) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(_) => {
                let valid = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/');
                let at = source.find(|c| !valid(c)).unwrap_or(source.len());
                format!("illegal base64 data at input byte {at}")
            }
        })
    }),
    ("__line__", 0, 0, |_, scope| match scope {
        Scope::Line(line, _) => string(*line),
        Scope::Alert { .. } => Ok(Value::Nil),
    }),
];

pub(super) fn pattern(source: &str) -> Result<Pattern, TemplateError> {
    Pattern::new(source).map_err(TemplateError::new)
}

fn set(characters: &str) -> impl Fn(char) -> bool {
    let characters: Vec<char> = characters.chars().collect();
    move |c| characters.contains(&c)
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> &'a str {
    text.strip_prefix(prefix).unwrap_or(text)
}

fn without_suffix<'a>(text: &'a str, suffix: &str) -> &'a str {
    text.strip_suffix(suffix).unwrap_or(text)
}

/// The first letter of each word in upper case.
pub(super) fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for c in text.chars() {
        if inside {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || c == '_' || c == '\'';
    }
    out
}

/// The first `count` bytes, or with a negative count the last ones; no character is cut.
fn truncate(count: i64, text: &str) -> &str {
    let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX).min(text.len());
    if count < 0 {
        text.get(text.ceil_char_boundary(text.len() - size)..).unwrap_or_default()
    } else {
        text.get(..text.floor_char_boundary(size)).unwrap_or_default()
    }
}

fn substring(start: i64, end: i64, text: &str) -> &str {
    let at =
        |place: i64| text.floor_char_boundary(usize::try_from(place).unwrap_or_default().min(text.len()));
    if start < 0 {
        return text.get(..at(end)).unwrap_or_default();
    }
    let end = if end < 0 { text.len() } else { at(end) };
    text.get(at(start)..end).unwrap_or_default()
}

fn too_long() -> TemplateError {
    TemplateError::new(format!("the text is longer than {MAX_TEMPLATE_BYTES} bytes"))
}

/// A count of characters that may be added.
fn bounded(count: i64) -> Result<usize, TemplateError> {
    usize::try_from(count.max(0)).ok().filter(|count| *count <= MAX_TEMPLATE_BYTES).ok_or_else(too_long)
}

fn repeat(count: i64, text: &str) -> Result<String, TemplateError> {
    let count = bounded(count)?;
    if text.len().saturating_mul(count) > MAX_TEMPLATE_BYTES {
        return Err(too_long());
    }
    Ok(text.repeat(count))
}

fn replace(text: &str, old: &str, new: &str, count: usize) -> Result<String, TemplateError> {
    let found = if old.is_empty() { text.chars().count() + 1 } else { text.matches(old).count() };
    if text.len().saturating_add(found.min(count).saturating_mul(new.len())) > MAX_TEMPLATE_BYTES {
        return Err(too_long());
    }
    Ok(text.replacen(old, new, count))
}

fn indent(count: i64, text: &str) -> Result<String, TemplateError> {
    let pad = " ".repeat(bounded(count)?);
    Ok(format!("{pad}{}", replace(text, "\n", &format!("\n{pad}"), usize::MAX)?))
}

/// Exactly `count` characters: cut or filled up on the side that is not aligned.
fn align(count: i64, text: &str, left: bool) -> Result<String, TemplateError> {
    if count < 0 {
        return Ok(text.to_owned());
    }
    let wanted = bounded(count)?;
    let have = text.chars().count();
    let pad = " ".repeat(wanted.saturating_sub(have));
    Ok(if left {
        text.chars().take(wanted).collect::<String>() + &pad
    } else {
        pad + &text.chars().skip(have.saturating_sub(wanted)).collect::<String>()
    })
}

/// As Go's `url.QueryEscape`.
pub(super) fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn url_decode(text: &str) -> Result<String, TemplateError> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'+' => out.push(b' '),
            b'%' => {
                let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
                let (high, low) = (digit(bytes.next()), digit(bytes.next()));
                let code = high.zip(low).and_then(|(high, low)| u8::try_from(high * 16 + low).ok());
                out.push(code.ok_or_else(|| TemplateError::new("invalid URL escape"))?);
            }
            byte => out.push(byte),
        }
    }
    Ok(String::from_utf8_lossy(&out).into_owned())
}
