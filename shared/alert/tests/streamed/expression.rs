//! Random rules, over all that can be streamed.

use super::choices::Choices;

/// How near the streamed answer is to that of all lines at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exactness {
    /// The same number.
    Exact,
    /// Up to the rounding of means.
    Rounded,
    /// Within the error of a quantile.
    Quantile,
}

/// An expression. What jumps (comparisons, `topk`, set operations) stands over exact
/// functions alone: else a rounding decides which series there are.
pub fn of(choices: &mut Choices<'_>) -> (String, Exactness) {
    match choices.pick(8) {
        0 => (format!("{} * 2", quantile(choices)), Exactness::Quantile),
        1 | 2 => (smooth(choices, 2), Exactness::Rounded),
        _ => (exact(choices, 3), Exactness::Exact),
    }
}

fn exact(choices: &mut Choices<'_>, depth: usize) -> String {
    if depth == 0 {
        return exact_function(choices);
    }
    match choices.pick(10) {
        0 | 1 => exact_function(choices),
        2 | 3 => aggregation(choices, depth),
        4 | 5 => {
            let op = choices.one(&[
                ">", ">=", "<", "<=", "==", "!=", "> bool", "== bool", "<= bool", "+", "-", "*", "/", "%",
                "^",
            ]);
            let number = choices.one(&["1", "0", "2.5", "3", "-1.25", "10"]);
            let inner = exact(choices, depth - 1);
            if choices.rarely(3) {
                format!("{number} {op} ({inner})")
            } else {
                format!("({inner}) {op} {number}")
            }
        }
        6 => {
            let op = choices.one(&[">", "<=", "!= bool", "+", "-", "*", "/"]);
            format!(
                "({}) {op} {} ({})",
                exact(choices, depth - 1),
                matching(choices),
                exact(choices, depth - 1)
            )
        }
        7 => {
            let op = choices.one(&["and", "or", "unless"]);
            let on = choices.one(&["", "on (app)", "ignoring (k)", "on ()"]);
            let right = if choices.rarely(4) { "vector(1)".to_owned() } else { exact(choices, depth - 1) };
            format!("({}) {op} {on} ({right})", exact(choices, depth - 1))
        }
        8 => replaced(choices, depth, exact),
        // The same leaf twice, as a rule that compares with yesterday has it.
        _ => {
            let (function, log) =
                (choices.one(&["count_over_time", "rate", "bytes_over_time"]), log(choices));
            let back = choices.one(&["30s", "1m", "5m"]);
            format!(
                "sum by (app) ({function}({log} [1m])) > 1.5 * sum by (app) ({function}({log} [2m] offset {back}))"
            )
        }
    }
}

/// Expressions that do not jump, over functions whose values are rounded.
fn smooth(choices: &mut Choices<'_>, depth: usize) -> String {
    if depth == 0 {
        let function = choices.one(&["avg_over_time", "stddev_over_time", "stdvar_over_time"]);
        return unwrapped(choices, function, "");
    }
    match choices.pick(5) {
        0 | 1 => smooth(choices, 0),
        2 => {
            let op = choices.one(&["sum", "min", "max", "avg", "count"]);
            format!("{op} {} ({})", grouping(choices), smooth(choices, depth - 1))
        }
        3 => {
            // No mean of quarters is near these.
            let op =
                choices.one(&["+ 2.5", "* 3", "- 1", "> 3.14159265", "< -1.41421356", ">= bool 2.71828182"]);
            format!("({}) {op}", smooth(choices, depth - 1))
        }
        _ => replaced(choices, depth, smooth),
    }
}

fn quantile(choices: &mut Choices<'_>) -> String {
    let phi = choices.one(&["0.95", "0.5", "0", "1", "0.25", "0.999"]);
    let unwrap = choices.one(&["bytes(b)", "duration(d)", "duration_seconds(d)"]);
    let (log, window) = (parsed_log(choices), window(choices));
    let by = if choices.rarely(2) { grouping(choices) } else { String::new() };
    format!("quantile_over_time({phi}, {log} | unwrap {unwrap} | __error__=\"\" {window}) {by}")
}

fn aggregation(choices: &mut Choices<'_>, depth: usize) -> String {
    let inner = exact(choices, depth - 1);
    match choices.pick(6) {
        0..=3 => {
            let op = choices.one(&["sum", "count", "max", "min", "avg", "stddev", "stdvar"]);
            format!("{op} {} ({inner})", grouping(choices))
        }
        4 => {
            let op = choices.one(&["topk", "bottomk", "approx_topk"]);
            let by = if op == "approx_topk" { String::new() } else { grouping(choices) };
            format!("{op} {by} ({}, {inner})", 1 + choices.pick(3))
        }
        _ => format!("{} ({inner})", choices.one(&["sort", "sort_desc"])),
    }
}

fn replaced(choices: &mut Choices<'_>, depth: usize, inner: fn(&mut Choices<'_>, usize) -> String) -> String {
    let to = choices.one(&["app", "new", "k"]);
    let pattern = choices.one(&["(.*)", "(a|b)", "x(.*)"]);
    format!("label_replace({}, \"{to}\", \"<$1>\", \"app\", \"{pattern}\")", inner(choices, depth - 1))
}

fn matching(choices: &mut Choices<'_>) -> &'static str {
    choices.one(&[
        "",
        "on (app)",
        "ignoring (k)",
        "on (app) group_left (k)",
        "on (app) group_right ()",
        "ignoring (k, new) group_left ()",
    ])
}

fn grouping(choices: &mut Choices<'_>) -> String {
    let labels = choices.one(&["app", "app, level", "k", "level", "", "k, app", "n", "none"]);
    let word = choices.one(&["by", "by", "without"]);
    if choices.rarely(4) { String::new() } else { format!("{word} ({labels})") }
}

fn exact_function(choices: &mut Choices<'_>) -> String {
    match choices.pick(3) {
        0 => {
            let function = choices.one(&[
                "count_over_time",
                "rate",
                "bytes_over_time",
                "bytes_rate",
                "absent_over_time",
                "count_over_time",
            ]);
            format!("{function}({} {})", log(choices), window(choices))
        }
        1 => {
            let function = choices.one(&["sum_over_time", "rate"]);
            unwrapped(choices, function, "no grouping")
        }
        _ => {
            let function =
                choices.one(&["max_over_time", "min_over_time", "first_over_time", "last_over_time"]);
            unwrapped(choices, function, "")
        }
    }
}

fn unwrapped(choices: &mut Choices<'_>, function: &str, no_grouping: &str) -> String {
    let unwrap = choices.one(&["n", "n", "duration(d)", "bytes(b)"]);
    let (log, window) = (parsed_log(choices), window(choices));
    let errors = if choices.rarely(6) { "" } else { "| __error__=\"\"" };
    let by = if no_grouping.is_empty() && choices.rarely(2) { grouping(choices) } else { String::new() };
    format!("{function}({log} | unwrap {unwrap} {errors} {window}) {by}")
}

fn window(choices: &mut Choices<'_>) -> String {
    let range = choices.one(&["5m", "1m", "30s", "2m", "10m", "90s", "10s"]);
    let offset = choices.one(&["", "", "", "offset 1m", "offset 30s", "offset 5m", "offset 90s"]);
    format!("[{range}] {offset}")
}

fn selector(choices: &mut Choices<'_>) -> String {
    let selector = choices.one(&[
        r#"{app=~".+"}"#,
        r#"{app="a"}"#,
        r#"{app!="b", app=~".+"}"#,
        r#"{app=~"a|b", level="error"}"#,
    ]);
    let filter = choices.one(&[
        "",
        "",
        "",
        r#"|= "x""#,
        r#"!= "x1""#,
        r#"|~ "x-?[0-9]{2}""#,
        r#"|= "x-1" or "x2""#,
        r#"!~ "k=.v""#,
        r#"|> "<_>x<_>""#,
    ]);
    format!("{selector} {filter}")
}

fn log(choices: &mut Choices<'_>) -> String {
    if choices.rarely(2) {
        let log = parsed_log(choices);
        return format!("{log} | __error__=\"\"");
    }
    let stage = choices.one(&[
        "",
        "",
        r#"| level="error""#,
        "| line_format `{{.level}} {{__line__}}`",
        "| decolorize",
    ]);
    format!("{} {stage}", selector(choices))
}

fn parsed_log(choices: &mut Choices<'_>) -> String {
    let parser = choices.one(&[
        "| logfmt",
        "| json",
        "| logfmt | json",
        "| logfmt k, n, d, b",
        "| logfmt --strict",
        r#"| regexp "n=(?P<n>\\S+) d=(?P<d>\\S+) b=(?P<b>\\S+)""#,
        r#"| pattern "<_> n=<n> d=<d> b=<b> <_>""#,
        r#"| json n="n", d="d", b="b", k"#,
        "| logfmt",
    ]);
    let stage = choices.one(&[
        "",
        "",
        r#"| k="v""#,
        "| n > 1",
        "| n > 1 or b < 100B",
        "| d >= 10s",
        r#"| label_format k="{{.level}}-{{.k}}""#,
        "| label_format z=k",
        "| drop k",
        r#"| keep n, d, b, app"#,
        r#"| drop __error__"#,
        r#"| k=~"v|w" and level="info""#,
    ]);
    // Labels with a value of their own for each line make a series of each.
    let drops = if choices.rarely(2) { "" } else { "| drop t" };
    format!("{} {parser} {stage} {drops}", selector(choices))
}
