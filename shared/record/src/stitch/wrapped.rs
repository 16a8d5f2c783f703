//! What a container runtime or a shipper put around a line: which stream it
//! is of, where its content stands, and whether more of it follows.
//!
//! | wrapper | form | cut |
//! |---|---|---|
//! | CRI | `<time> stdout P <text>` | `P` until `F` |
//! | Docker json-file | `{"log":"<text>\n","stream":"stdout","time":"…"}` | no `\n` |
//! | FireLens, fluentd | `{"container_id":"…","log":"<text>","source":"stdout",…}` | `partial_message` until `partial_last` |
//! | Fluent Bit | `{"time":"…","stream":"stdout","_p":"P","log":"<text>"}` | `_p` or `logtag` |
//!
//! <https://github.com/kubernetes/design-proposals-archive/blob/main/node/kubelet-cri-logging.md>,
//! <https://docs.docker.com/engine/logging/drivers/json-file/>,
//! <https://docs.docker.com/engine/logging/drivers/fluentd/>.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memchr2};

use super::fragment::RUNTIME_CUT_BYTES;

/// The longest time that CRI and an offset take, in bytes.
const MAX_CRI_TIME_BYTES: usize = 40;

/// What is around a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Wrapper {
    #[default]
    None,
    Cri,
    Json,
}

/// The stream that the wrapper names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Stream {
    #[default]
    Unnamed,
    Stdout,
    Stderr,
}

/// Whether more of the line follows, as the wrapper says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Part {
    /// The wrapper says that this is all, or the last.
    Last,
    /// The wrapper says nothing.
    #[default]
    Unsaid,
    /// No line end in the content, where the wrapper may keep line ends.
    NoLineEnd,
    /// The wrapper says that more follows.
    More,
}

/// A line and its wrapper. Ranges are in bytes of the whole text.
#[derive(Debug, Clone, Default)]
pub(super) struct Wrapped {
    pub(super) wrapper: Wrapper,
    pub(super) stream: Stream,
    pub(super) part: Part,
    /// The content as it stands there: in JSON, without its quotes.
    pub(super) content: Range<usize>,
    /// Whether the content ends with a line end, which is a part of it.
    pub(super) has_line_end: bool,
    /// Where CRI's tag stands.
    pub(super) tag_at: usize,
    /// The value of `partial_id`.
    pub(super) id: Range<usize>,
    /// Whether it is a later piece by its own number.
    pub(super) is_later: bool,
}

impl Wrapped {
    /// Looks for a wrapper; its first bytes tell nearly always that there is none.
    pub(super) fn of(text: &str) -> Self {
        let wrapped = match text.as_bytes() {
            [b'{', b'"', key @ ..] if may_begin_key(key) => json(text),
            [b'0'..=b'9', _, _, _, b'-', _, _, b'-', _, _, b'T', ..] => cri(text),
            _ => None,
        };
        wrapped.unwrap_or(Self { content: 0..text.len(), ..Self::default() })
    }

    /// The content as the program wrote it, without its line end.
    pub(super) fn line<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let raw = text.get(self.content.clone()).unwrap_or_default();
        if self.wrapper != Wrapper::Json {
            return Cow::Borrowed(raw);
        }
        let raw = if self.has_line_end { raw.get(..raw.len() - 2).unwrap_or(raw) } else { raw };
        // A line of JSON inside JSON is only ever asked whether it is one.
        if raw.starts_with('{') || memchr(b'\\', raw.as_bytes()).is_none() {
            return Cow::Borrowed(raw);
        }
        serde_json::from_str(&format!("\"{raw}\"")).map_or(Cow::Borrowed(raw), Cow::Owned)
    }
}

/// `<time> stdout P <text>`; the tag may have more after a colon.
fn cri(text: &str) -> Option<Wrapped> {
    let head = text.as_bytes().get(..MAX_CRI_TIME_BYTES).unwrap_or(text.as_bytes());
    let after_time = memchr(b' ', head)? + 1;
    let rest = text.get(after_time..)?;
    let (stream, rest) = match rest.strip_prefix("stdout ") {
        Some(rest) => (Stream::Stdout, rest),
        None => (Stream::Stderr, rest.strip_prefix("stderr ")?),
    };
    let (part, rest) = match (rest.strip_prefix('F'), rest.strip_prefix('P')) {
        (Some(rest), _) => (Part::Last, rest),
        (_, Some(rest)) => (Part::More, rest),
        _ => return None,
    };
    let content = match rest.as_bytes().first() {
        None => text.len(),
        Some(b' ') => text.len() - rest.len() + 1,
        Some(b':') => text.len() - rest.len() + memchr(b' ', rest.as_bytes())? + 1,
        Some(_) => return None,
    };
    let tag_at = after_time + "stdout ".len();
    let content = content..text.len();
    Some(Wrapped { wrapper: Wrapper::Cri, stream, part, content, tag_at, ..Wrapped::default() })
}

/// Whether one of the keys of [`is_wrapper_key`] may stand there.
fn may_begin_key(rest: &[u8]) -> bool {
    match rest {
        [
            b'l' | b's' | b'c' | b'p' | b'k' | b'_' | b'e' | b'd' | b'a',
            b'o' | b't' | b'a' | b'u' | b'p' | b'c',
            ..,
        ] => true,
        [b't', b'i', b'm', b'e', quote, ..] => *quote == b'"',
        _ => false,
    }
}

/// The keys that wrappers have, of which the first two must be.
fn is_wrapper_key(key: &str) -> bool {
    matches!(
        key,
        "log"
            | "stream"
            | "time"
            | "source"
            | "container_id"
            | "container_name"
            | "partial_message"
            | "partial_id"
            | "partial_ordinal"
            | "partial_last"
            | "logtag"
            | "_p"
            | "kubernetes"
            | "ecs_cluster"
            | "ecs_task_arn"
            | "ecs_task_definition"
            | "docker"
            | "date"
            | "attrs"
    )
}

fn json(text: &str) -> Option<Wrapped> {
    let mut wrapped = Wrapped { wrapper: Wrapper::Json, ..Wrapped::default() };
    let (mut log, mut partial, mut last, mut tag) = (None, None, None, None);
    let mut members = Members { text, at: 1 };
    let mut count = 0;
    while let Some((key, value)) = members.next()? {
        let key = text.get(key)?;
        count += 1;
        if count <= 2 && !is_wrapper_key(key) {
            return None;
        }
        let raw = text.get(value.clone())?;
        match key {
            "log" => log = Some(unquoted(raw, value)?),
            "stream" | "source" => {
                wrapped.stream = match raw {
                    "\"stdout\"" => Stream::Stdout,
                    "\"stderr\"" => Stream::Stderr,
                    _ => wrapped.stream,
                }
            }
            "partial_message" => partial = Some(is_true(raw)),
            "partial_last" => last = Some(is_true(raw)),
            "partial_ordinal" => wrapped.is_later = !matches!(raw.trim_matches('"'), "0" | "1"),
            "partial_id" => wrapped.id = value,
            "logtag" | "_p" => tag = Some(raw),
            _ => {}
        }
    }
    wrapped.content = log?;
    let content = text.get(wrapped.content.clone())?;
    wrapped.has_line_end = ends_with_line_end(content);
    wrapped.part = match (partial, last, tag) {
        (Some(true), Some(true), _) | (_, _, Some("\"F\"")) => Part::Last,
        (Some(true), _, _) | (_, _, Some("\"P\"")) => Part::More,
        _ if wrapped.has_line_end => Part::Last,
        _ if content.len() >= RUNTIME_CUT_BYTES && content_bytes(content) >= RUNTIME_CUT_BYTES => Part::More,
        _ => Part::NoLineEnd,
    };
    Some(wrapped)
}

fn is_true(raw: &str) -> bool {
    raw.trim_matches('"') == "true"
}

/// The range inside the quotes of a string.
fn unquoted(raw: &str, range: Range<usize>) -> Option<Range<usize>> {
    (raw.len() >= 2 && raw.starts_with('"')).then_some(range.start + 1..range.end - 1)
}

/// Whether the text of a JSON string ends with `\n`, and not with `\\n`.
fn ends_with_line_end(raw: &str) -> bool {
    let Some(before) = raw.strip_suffix('n') else { return false };
    before.bytes().rev().take_while(|b| *b == b'\\').count() % 2 == 1
}

/// How many bytes the text of a JSON string stands for; an escape for one byte
/// at least, which errs to the shorter side.
fn content_bytes(raw: &str) -> usize {
    let (mut bytes, mut rest) = (raw.len(), raw.as_bytes());
    while let Some(at) = memchr(b'\\', rest) {
        let escape = if rest.get(at + 1) == Some(&b'u') { 6 } else { 2 };
        bytes = bytes.saturating_sub(escape - 1);
        rest = rest.get(at + escape..).unwrap_or_default();
    }
    bytes
}

/// Walks the members of a JSON object, without looking into their values.
struct Members<'t> {
    text: &'t str,
    at: usize,
}

impl Members<'_> {
    /// The next member's key (inside its quotes) and value; `Some(None)` at the
    /// object's end, `None` where it is no object.
    fn next(&mut self) -> Option<Option<(Range<usize>, Range<usize>)>> {
        self.space();
        if self.peek() == Some(b',') {
            self.at += 1;
            self.space();
        }
        if self.peek()? == b'}' {
            self.at += 1;
            self.space();
            return (self.at == self.text.len()).then_some(None);
        }
        let key = self.string()?;
        self.space();
        if self.peek()? != b':' {
            return None;
        }
        self.at += 1;
        self.space();
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.nested()?,
            _ => {
                let rest = self.text.as_bytes().get(start..)?;
                self.at +=
                    rest.iter().position(|b| matches!(b, b',' | b'}' | b' ' | b'\n' | b'\r' | b'\t'))?;
            }
        }
        Some(Some((key.start + 1..key.end - 1, start..self.at)))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\n' | b'\r' | b'\t')) {
            self.at += 1;
        }
    }

    /// Passes a string; its range has the quotes.
    fn string(&mut self) -> Option<Range<usize>> {
        let start = self.at;
        if self.peek()? != b'"' {
            return None;
        }
        self.at += 1;
        loop {
            self.at += memchr2(b'"', b'\\', self.text.as_bytes().get(self.at..)?)?;
            if self.peek()? == b'"' {
                self.at += 1;
                return Some(start..self.at);
            }
            self.at += 2;
        }
    }

    /// Passes an object or a list.
    fn nested(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                b'}' | b']' => depth = depth.checked_sub(1)?,
                _ => {}
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrappers_are_told_and_their_content_found() {
        use {Part::*, Stream::*, Wrapper::*};
        for (text, wrapper, stream, part, line) in [
            ("2026-11-21T07:00:00.123456789Z stdout F ready", Cri, Stdout, Last, "ready"),
            ("2026-11-21T07:00:00.1+01:00 stderr P  half", Cri, Stderr, More, " half"),
            ("2026-11-21T07:00:00Z stdout P:x half", Cri, Stdout, More, "half"),
            ("2026-11-21T07:00:00Z stdout F", Cri, Stdout, Last, ""),
            ("2026-11-21T07:00:00Z stdout Fine", None, Unnamed, Unsaid, "2026-11-21T07:00:00Z stdout Fine"),
            ("2026-11-21T07:00:00Z INFO ready", None, Unnamed, Unsaid, "2026-11-21T07:00:00Z INFO ready"),
            (r#"{"log":"\tat a\n","stream":"stderr","time":"t"}"#, Json, Stderr, Last, "\tat a"),
            (r#"{"log":"half","stream":"stdout","time":"t"}"#, Json, Stdout, NoLineEnd, "half"),
            (r#"{"log":"no\\n","stream":"stdout","time":"t"}"#, Json, Stdout, NoLineEnd, "no\\n"),
            (r#"{"time":"t","stream":"stdout","_p":"P","log":"half"}"#, Json, Stdout, More, "half"),
            (
                r#"{"log":"x","source":"stdout","partial_message":"true","partial_last":"false"}"#,
                Json,
                Stdout,
                More,
                "x",
            ),
            (
                r#"{"log":"x","source":"stdout","partial_message":"true","partial_last":"true"}"#,
                Json,
                Stdout,
                Last,
                "x",
            ),
            (r#"{"log" : "x" , "kubernetes" : {"a":["}"]} }"#, Json, Unnamed, NoLineEnd, "x"),
        ] {
            let wrapped = Wrapped::of(text);
            assert_eq!((wrapped.wrapper, wrapped.stream, wrapped.part), (wrapper, stream, part), "{text}");
            assert_eq!(wrapped.line(text), line, "{text}");
        }
    }

    #[test]
    fn an_application_that_has_a_field_of_that_name_is_no_wrapper() {
        for text in [
            r#"{"log":"x","level":"info"}"#,
            r#"{"time":"t","level":"info","log":"x"}"#,
            r#"{"time":"t","stream":"x","msg":"y"}"#,
            r#"{"log":{"level":"info"},"stream":"stdout"}"#,
            r#"{"log":"cut"#,
            r#"{"log":"x","stream":"stdout"} and more"#,
        ] {
            assert_eq!(Wrapped::of(text).wrapper, Wrapper::None, "{text}");
        }
    }

    #[test]
    fn a_docker_fragment_is_told_by_its_size_at_the_edge() {
        let of = |content: String| {
            Wrapped::of(&format!(r#"{{"log":"{content}","stream":"stdout","time":"t"}}"#)).part
        };
        assert_eq!(of("x".repeat(RUNTIME_CUT_BYTES)), Part::More);
        assert_eq!(of("x".repeat(RUNTIME_CUT_BYTES - 1)), Part::NoLineEnd);
        assert_eq!(of(format!("{}\\\"", "x".repeat(RUNTIME_CUT_BYTES - 1))), Part::More);
        assert_eq!(of("\\\"".repeat(RUNTIME_CUT_BYTES - 1)), Part::NoLineEnd);
    }
}
