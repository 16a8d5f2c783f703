//! What a line looks like by itself: the start of a log line, a frame of a
//! stack trace, an exception's first line. Its first bytes decide nearly always.

use serde::Deserialize;

mod start;

pub(super) use start::{is_alarm, is_framed, is_start};

/// The longest name of an exception type that is taken for one, in bytes.
const MAX_NAME_BYTES: usize = 200;

/// Whose stack traces are joined; all of them without configuration.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum Preset {
    /// Java, Kotlin, Scala.
    Java,
    /// Python.
    Python,
    /// Node.js.
    Node,
    /// Go.
    Go,
    /// .NET.
    Dotnet,
    /// Ruby.
    Ruby,
    /// Rust.
    Rust,
    /// PHP.
    Php,
    /// Indented lines after a line that begins with a time or a level; a JSON
    /// object that begins with a line `{`.
    Indented,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// Nothing that says anything of the line before.
    Other,
    /// No text.
    Blank,
    /// White space, then something.
    Indented,
    /// A part of a trace that never stands alone.
    Frame(Preset),
    /// `goroutine 1 [running]:`, which continues a panic or begins a dump.
    Goroutine,
    /// Says that another Python trace follows.
    Chain,
    /// The first line of an exception.
    Header(Preset),
    /// Closes a trace, and says nothing elsewhere (`}`, `exit status 2`).
    Trail,
}

impl Shape {
    /// Looks at the first bytes, and further only where they leave it open.
    pub(super) fn of(line: &str) -> Self {
        match line.as_bytes().first() {
            None => Self::Blank,
            Some(b' ' | b'\t' | b'\r' | b'\n') => Self::of_indented(line),
            Some(
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'/' | b'.' | b'#' | b'-' | b'[' | b'}' | b'"' | b'<',
            ) => Self::of_unindented(line),
            Some(_) => Self::Other,
        }
    }

    /// Whose shape it is; `None` where every language has it.
    pub(super) fn preset(self) -> Option<Preset> {
        match self {
            Self::Frame(preset) | Self::Header(preset) => Some(preset),
            Self::Goroutine => Some(Preset::Go),
            Self::Chain => Some(Preset::Python),
            Self::Other | Self::Blank | Self::Indented | Self::Trail => None,
        }
    }

    fn of_indented(line: &str) -> Self {
        let text = line.trim_ascii();
        let indent = line.len() - line.trim_ascii_start().len();
        match text.as_bytes().first() {
            None => Self::Blank,
            Some(b'a') if is_at_frame(text) => Self::Frame(match line.as_bytes() {
                [b'\t', ..] => Preset::Java,
                _ if indent == 3 => Preset::Dotnet,
                _ => Preset::Node,
            }),
            Some(b'f') if text.starts_with("from ") && text.contains(":in ") => Self::Frame(Preset::Ruby),
            Some(b'F') if text.starts_with("File \"") && text.contains("\", line ") => {
                Self::Frame(Preset::Python)
            }
            Some(b'+' | b'E') if is_python_header(text) => Self::Header(Preset::Python),
            Some(b'.' | b'C' | b'S' | b'W') if is_java_detail(text) => Self::Frame(Preset::Java),
            Some(b'-') if text.starts_with("---> ") || text.starts_with("--- End of ") => {
                Self::Frame(Preset::Dotnet)
            }
            Some(b'[') if text.starts_with("[cause]: ") || text.starts_with("[errors]: [") => {
                Self::Frame(Preset::Node)
            }
            Some(b'/') if is_go_position(text) => Self::Frame(Preset::Go),
            Some(b't') if text.starts_with("thrown in ") => Self::Frame(Preset::Php),
            Some(b'#') if is_php_frame(text) => Self::Frame(Preset::Php),
            Some(b'P') if text.starts_with("PHP ") => Self::of_php(text),
            _ => Self::Indented,
        }
    }

    fn of_unindented(line: &str) -> Self {
        let known = match line.as_bytes() {
            [b'a', b't', b' ', ..] => {
                (is_at_frame(line) && is_method(line)).then_some(Self::Frame(Preset::Java))
            }
            [b'C' | b'S' | b'W' | b'.', ..] if is_java_detail(line) => Some(Self::Frame(Preset::Java)),
            [b'S', ..] if line == "Stack trace:" => Some(Self::Frame(Preset::Php)),
            [b'S' | b's', ..] if line.get(1..) == Some("tack backtrace:") => Some(Self::Frame(Preset::Rust)),
            [b'n', ..]
                if line.starts_with("note: run with `RUST_") || line.starts_with("note: Some details") =>
            {
                Some(Self::Frame(Preset::Rust))
            }
            [b'T' | b'E', ..] if is_python_header(line) => Some(Self::Header(Preset::Python)),
            [b'D', ..] => (line == "During handling of the above exception, another exception occurred:")
                .then_some(Self::Chain),
            [b'T', ..] if line == "The above exception was the direct cause of the following exception:" => {
                Some(Self::Chain)
            }
            [b'g', ..] if is_goroutine(line) => Some(Self::Goroutine),
            [b'p', ..] if line.starts_with("panic: ") => Some(Self::Header(Preset::Go)),
            [b'f', ..] if line.starts_with("fatal error: ") => Some(Self::Header(Preset::Go)),
            [b'e', ..] if line.starts_with("exit status ") => Some(Self::Trail),
            [b'N', ..] if line.starts_with("Node.js v") => Some(Self::Trail),
            [b'-', ..] => Some(match line.starts_with("--- End of ") {
                true => Self::Frame(Preset::Dotnet),
                false => Self::Other,
            }),
            [b'#', ..] => Some(if is_php_frame(line) { Self::Frame(Preset::Php) } else { Self::Other }),
            [b'P', ..] if line.starts_with("PHP ") => Some(Self::of_php(line)),
            [b'[', ..] => Some(Self::of_bracket(line)),
            [b'}', ..] => Some(if matches!(line.trim_ascii_end(), "}" | "}," | "]}") {
                Self::Trail
            } else {
                Self::Other
            }),
            [b'"', ..] => Some(if line.trim_ascii_end() == "\"}" { Self::Trail } else { Self::Other }),
            _ => None,
        };
        known.unwrap_or_else(|| ruby_shape(line).unwrap_or_else(|| exception_shape(line)))
    }

    /// `PHP Stack trace:` and `PHP   1. {main}() /a.php:0`, as Xdebug writes them.
    fn of_php(text: &str) -> Self {
        match text.strip_prefix("PHP ") {
            Some(rest) if rest == "Stack trace:" || rest.starts_with("  ") => Self::Frame(Preset::Php),
            _ => Self::Other,
        }
    }

    /// `[signal SIGSEGV: …]`, `[stacktrace]`, `[21-Nov-2026 07:00:00 UTC] PHP   1. {main}()`.
    fn of_bracket(line: &str) -> Self {
        if line.starts_with("[signal ") {
            return Self::Frame(Preset::Go);
        }
        if line == "[stacktrace]" {
            return Self::Frame(Preset::Php);
        }
        match line.split_once("] ") {
            Some((time, rest)) if time.len() < 40 && rest.starts_with("PHP ") => Self::of_php(rest),
            _ => Self::Other,
        }
    }
}

/// `at a.b.C.d(C.java:1)`, `at fn (/a.js:1:2)`, `at /a.js:1:2`, `at A.B(Int32 x) in /a.cs:line 3`.
fn is_at_frame(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("at ") else { return false };
    let ends_in_position =
        || rest.rsplit_once(':').is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()));
    rest.find('(').is_some_and(|open| rest.get(open..).is_some_and(|call| call.contains(')')))
        || ends_in_position()
}

/// Whether no word stands between `at ` and the parenthesis, and the name has a dot.
fn is_method(text: &str) -> bool {
    let name = text.get(3..).and_then(|rest| rest.split('(').next()).unwrap_or_default();
    name.contains('.') && !name.contains(' ')
}

/// `Caused by: x`, `Suppressed: x`, `... 12 more`, `... 9 common frames omitted`.
fn is_java_detail(text: &str) -> bool {
    text.starts_with("Caused by:")
        || text.starts_with("Suppressed: ")
        || text.starts_with("Wrapped by: ")
        || text.strip_prefix("... ").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// How every Python trace begins; so do those of Ruby 2.5 to 2.7.
pub(super) const PYTHON_HEADER: &str = "Traceback (most recent call last):";

fn is_python_header(text: &str) -> bool {
    let text = text.trim_ascii_end();
    let text = text.strip_prefix("+ ").unwrap_or(text);
    text.strip_prefix("Exception Group ").unwrap_or(text) == PYTHON_HEADER
}

fn is_goroutine(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("goroutine ") else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    digits > 0 && rest.get(digits..).is_some_and(|state| state.starts_with(" ["))
}

/// `/go/src/main.go:12 +0x1d`.
fn is_go_position(text: &str) -> bool {
    text.find(".go:").is_some_and(|at| text.as_bytes().get(at + 4).is_some_and(u8::is_ascii_digit))
}

/// `#0 /a.php(3): f()`, `#1 [internal function]: f()`, `#2 {main}`.
fn is_php_frame(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('#') else { return false };
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let frame = rest.get(digits..).unwrap_or_default();
    digits > 0
        && (frame.starts_with(" {main}")
            || frame.starts_with(" [internal function]")
            || frame.starts_with(" /") && frame.contains("): "))
}

/// `/a.rb:3:in 'f'` is a frame; with `: message (Error)` behind it, a header.
fn ruby_shape(line: &str) -> Option<Shape> {
    let path_end = line.bytes().take(MAX_NAME_BYTES).position(|b| matches!(b, b':' | b' ' | b'='))?;
    let (path, rest) = line.split_at_checked(path_end)?;
    if !path.ends_with(".rb") {
        return None;
    }
    let rest = rest.strip_prefix(':')?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let name = rest.get(digits..)?.strip_prefix(":in ")?;
    Some(if name.contains("': ") { Shape::Header(Preset::Ruby) } else { Shape::Frame(Preset::Ruby) })
}

/// `a.b.CException: x`, `TypeError: x`, `Error [ERR_X]: x`, `KeyError`.
fn exception_shape(line: &str) -> Shape {
    let Some((name, after)) = exception_name(line) else { return Shape::Other };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_exception = ["Exception", "Error", "Throwable", "Interrupt", "Failure", "Exit"]
        .iter()
        .any(|ending| last.ends_with(ending));
    let is_qualified = name.split('.').count() > 2 && last.starts_with(|c: char| c.is_ascii_uppercase());
    match after {
        "" | ":" if !is_exception && !is_qualified => Shape::Other,
        " [" if !is_exception => Shape::Other,
        _ if name.starts_with("System.") || name.starts_with("Microsoft.") => Shape::Header(Preset::Dotnet),
        _ if name.contains('.') => Shape::Header(Preset::Java),
        _ => Shape::Header(Preset::Node),
    }
}

/// The name that a line begins with, and what ends it: nothing, `:` or ` [`.
fn exception_name(line: &str) -> Option<(&str, &str)> {
    let is_name = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'$');
    let length = line.bytes().take(MAX_NAME_BYTES).take_while(is_name).count();
    let (name, rest) = line.split_at_checked(length)?;
    if !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return None;
    }
    match rest.trim_ascii_end().as_bytes() {
        [] => Some((name, "")),
        [b':'] | [b':', b' ', ..] => Some((name, ":")),
        [b' ', b'[', ..] if rest.contains("]: ") => Some((name, " [")),
        _ => None,
    }
}

/// Whether the line may close a Python trace: `ValueError: x`, `app.Fault: x`,
/// `KeyboardInterrupt`. Other names only with both a module and a message.
pub(super) fn is_python_exception(line: &str) -> bool {
    let Some((name, after)) = exception_name(line) else { return false };
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_class = last.starts_with(|c: char| c.is_ascii_uppercase());
    (is_class || name.contains('.') && after == ":") && !is_start(line)
}

/// Whether the line may stand in a Go trace: `main.f(0x1)`, `created by main.g`.
pub(super) fn is_go_call(line: &str) -> bool {
    let line = line.trim_ascii_end();
    let call = || line.ends_with(')') && line.split('(').next().is_some_and(|name| !name.contains(' '));
    line.starts_with("created by ") || line.starts_with("...additional frames") || call()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_of_traces_are_told_by_their_beginning() {
        use Preset::*;
        for (line, shape) in [
            ("\tat com.shop.Cart.add(Cart.java:12)", Shape::Frame(Java)),
            ("at com.shop.Cart.add(Cart.java:12)", Shape::Frame(Java)),
            ("Caused by: java.io.IOException: disk", Shape::Frame(Java)),
            ("\tSuppressed: java.lang.IllegalStateException", Shape::Frame(Java)),
            ("\t... 12 more", Shape::Frame(Java)),
            ("    at add (/srv/cart.js:3:9)", Shape::Frame(Node)),
            ("    at /srv/cart.js:3:9", Shape::Frame(Node)),
            ("  [cause]: Error: disk", Shape::Frame(Node)),
            ("   at Shop.Cart.Add(Int32 id) in /src/Cart.cs:line 12", Shape::Frame(Dotnet)),
            (" ---> System.IO.IOException: disk", Shape::Frame(Dotnet)),
            ("   --- End of inner exception stack trace ---", Shape::Frame(Dotnet)),
            ("--- End of stack trace from previous location ---", Shape::Frame(Dotnet)),
            ("  File \"/srv/cart.py\", line 12, in add", Shape::Frame(Python)),
            ("Traceback (most recent call last):", Shape::Header(Python)),
            ("  + Exception Group Traceback (most recent call last):", Shape::Header(Python)),
            ("During handling of the above exception, another exception occurred:", Shape::Chain),
            ("goroutine 18 [running]:", Shape::Goroutine),
            ("goroutine pool is full", Shape::Other),
            ("\t/srv/cart/main.go:12 +0x1d", Shape::Frame(Go)),
            ("panic: disk", Shape::Header(Go)),
            ("[signal SIGSEGV: segmentation violation code=0x1]", Shape::Frame(Go)),
            ("\tfrom /srv/cart.rb:3:in `add'", Shape::Frame(Ruby)),
            ("/srv/cart.rb:3:in 'Cart#add'", Shape::Frame(Ruby)),
            ("/srv/cart.rb:3:in 'add': disk (RuntimeError)", Shape::Header(Ruby)),
            ("stack backtrace:", Shape::Frame(Rust)),
            (
                "note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace",
                Shape::Frame(Rust),
            ),
            ("#0 /srv/cart.php(3): add()", Shape::Frame(Php)),
            ("#1 {main}", Shape::Frame(Php)),
            ("#1 in the charts", Shape::Other),
            ("  thrown in /srv/cart.php on line 3", Shape::Frame(Php)),
            ("[21-Nov-2026 07:00:00 UTC] PHP   1. {main}() /srv/cart.php:0", Shape::Frame(Php)),
            ("java.lang.IllegalStateException: closed", Shape::Header(Java)),
            ("org.shop.cart.Full: 12 items", Shape::Header(Java)),
            ("System.InvalidOperationException: closed", Shape::Header(Dotnet)),
            ("TypeError: x is not a function", Shape::Header(Node)),
            ("TypeError [ERR_INVALID_ARG]: x", Shape::Header(Node)),
            ("Order placed: 12", Shape::Other),
            ("www.shop.example: up", Shape::Other),
            ("at startup (cold) all is well", Shape::Other),
            ("at the end (of the day)", Shape::Other),
            ("  continued", Shape::Indented),
            ("   ", Shape::Blank),
            ("", Shape::Blank),
            ("2026-11-21 07:00:00 INFO ready", Shape::Other),
            ("{\"level\":\"info\"}", Shape::Other),
            ("}", Shape::Trail),
        ] {
            assert_eq!(Shape::of(line), shape, "{line}");
        }
    }

    #[test]
    fn what_may_close_a_python_trace() {
        for line in
            ["ValueError: x", "KeyboardInterrupt", "app.errors.Full: x", "socket.timeout: timed out", "Full"]
        {
            assert!(is_python_exception(line), "{line}");
        }
        for line in ["INFO: x", "INFO:root:x", "done", "server: up", "Listening on 8080", "ERROR:    x", ""] {
            assert!(!is_python_exception(line), "{line}");
        }
    }
}
