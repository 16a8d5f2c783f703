//! The answer of a metric query in the form that was asked for.

use std::collections::BTreeSet;
use std::io::{self, Write};

use catchment_logql::{Labels, QueryTimes, QueryValue};

use super::args::Shape;
use super::chart;
use super::lines::shown;
use super::screen::Screen;
use crate::args::Format;
use crate::athena::Column;
use crate::output::Output;

/// A series at a time.
type Point<'v> = (i64, &'v Labels, f64);

/// Writes the answer to a query of these times.
pub fn write(
    sink: &mut impl Write,
    value: &QueryValue,
    times: QueryTimes,
    shape: Shape,
    screen: Screen,
) -> io::Result<()> {
    match (shape, value, times) {
        (Shape::Json, ..) => json(sink, value, times),
        (Shape::Chart, QueryValue::Matrix(series), QueryTimes::Range { start, end, step }) => {
            sink.write_all(chart::over_time(series, (start, end), step, screen).as_bytes())
        }
        (Shape::Chart, QueryValue::Vector(samples), _) => {
            sink.write_all(chart::bars(samples, screen).as_bytes())
        }
        _ => table(sink, value, times),
    }
}

/// How many values there are.
pub fn count(value: &QueryValue) -> usize {
    match value {
        QueryValue::Scalar(_) => 1,
        QueryValue::Vector(samples) => samples.len(),
        QueryValue::Matrix(series) => series.iter().map(|one| one.points.len()).sum(),
    }
}

/// A row a value: its time, a column for every label, the value.
fn table(sink: &mut impl Write, value: &QueryValue, times: QueryTimes) -> io::Result<()> {
    let points = points(value, times);
    let names: BTreeSet<&str> =
        points.iter().flat_map(|(_, labels, _)| labels.iter().map(|(name, _)| name)).collect();
    let column = |name: &str| Column { name: name.to_owned(), kind: "varchar".to_owned() };
    let columns: Vec<_> =
        ["time"].into_iter().chain(names.iter().copied()).chain(["value"]).map(column).collect();
    let mut output = Output::new(Format::Table, sink);
    for (time, labels, value) in points {
        let labels = names.iter().map(|name| labels.get(name).map(str::to_owned));
        let row = [Some(shown(time, 3))].into_iter().chain(labels).chain([Some(value.to_string())]);
        output.row(&columns, &row.collect())?;
    }
    output.finish(&columns)
}

fn points(value: &QueryValue, times: QueryTimes) -> Vec<Point<'_>> {
    static NO_LABELS: std::sync::LazyLock<Labels> = std::sync::LazyLock::new(Labels::default);
    let at = match times {
        QueryTimes::Instant(at) => at,
        QueryTimes::Range { end, .. } => end,
    };
    match value {
        QueryValue::Scalar(number) => vec![(at, &NO_LABELS, *number)],
        QueryValue::Vector(samples) => samples.iter().map(|it| (at, &*it.labels, it.value)).collect(),
        QueryValue::Matrix(series) => {
            let of = series.iter();
            let points = of.flat_map(|one| one.points.iter().map(|(at, value)| (*at, &*one.labels, *value)));
            let mut points: Vec<_> = points.collect();
            points.sort_by_key(|(at, ..)| *at);
            points
        }
    }
}

/// An object a series. What is no number in JSON (NaN, infinity) is a text.
fn json(sink: &mut impl Write, value: &QueryValue, times: QueryTimes) -> io::Result<()> {
    if let QueryValue::Matrix(series) = value {
        for one in series {
            labels(sink, &one.labels)?;
            sink.write_all(b",\"values\":[")?;
            for (at, (time, value)) in one.points.iter().enumerate() {
                let separator = if at > 0 { "," } else { "" };
                write!(sink, "{separator}[\"{}\",", shown(*time, 3))?;
                number(sink, *value)?;
                sink.write_all(b"]")?;
            }
            sink.write_all(b"]}\n")?;
        }
        return Ok(());
    }
    for (time, of, value) in points(value, times) {
        labels(sink, of)?;
        write!(sink, ",\"timestamp\":\"{}\",\"value\":", shown(time, 3))?;
        number(sink, value)?;
        sink.write_all(b"}\n")?;
    }
    Ok(())
}

fn labels(sink: &mut impl Write, labels: &Labels) -> io::Result<()> {
    sink.write_all(b"{\"labels\":{")?;
    for (at, (name, value)) in labels.iter().enumerate() {
        if at > 0 {
            sink.write_all(b",")?;
        }
        serde_json::to_writer(&mut *sink, name)?;
        sink.write_all(b":")?;
        serde_json::to_writer(&mut *sink, value)?;
    }
    sink.write_all(b"}")
}

fn number(sink: &mut impl Write, value: f64) -> io::Result<()> {
    match value.is_finite() {
        true => write!(sink, "{value}"),
        false => write!(sink, "\"{}\"", chart::number(value)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_logql::{Sample, SampleSeries};
    use std::sync::Arc;

    const PLAIN: Screen = Screen { is_terminal: false, width: 60, is_coloured: false };
    /// 2024-12-19T10:00:00Z.
    const START: i64 = 1_734_602_400_000_000_000;

    fn render(value: &QueryValue, shape: Shape) -> String {
        let times = match value {
            QueryValue::Matrix(_) => {
                QueryTimes::Range { start: START, end: START + 2_000_000_000, step: 1_000_000_000 }
            }
            _ => QueryTimes::Instant(START),
        };
        let mut sink = Vec::new();
        write(&mut sink, value, times, shape, PLAIN).unwrap();
        String::from_utf8(sink).unwrap()
    }

    fn of(path: &str) -> Arc<Labels> {
        Arc::new(Labels::new(vec![("path".into(), path.into())]))
    }

    #[test]
    fn values_over_time_are_a_table_or_an_object_a_series() {
        let value = QueryValue::Matrix(vec![
            SampleSeries { labels: of("/a"), points: vec![(START, 1.0), (START + 1_000_000_000, 2.5)] },
            SampleSeries { labels: of("/b"), points: vec![(START, f64::NAN)] },
        ]);
        assert_eq!(
            render(&value, Shape::Json),
            "{\"labels\":{\"path\":\"/a\"},\"values\":[[\"2024-12-19T10:00:00.000Z\",1],[\"2024-12-19T10:00:01.000Z\",2.5]]}\n\
             {\"labels\":{\"path\":\"/b\"},\"values\":[[\"2024-12-19T10:00:00.000Z\",\"NaN\"]]}\n"
        );
        let table = render(&value, Shape::Table);
        let rows: Vec<Vec<&str>> =
            table.lines().map(|line| line.split(['│', '┆']).map(str::trim).collect()).collect();
        assert_eq!(rows[1][1..4], ["time", "path", "value"], "{table}");
        assert_eq!(rows[3][1..4], ["2024-12-19T10:00:00.000Z", "/a", "1"], "{table}");
        assert_eq!(rows[4][1..4], ["2024-12-19T10:00:00.000Z", "/b", "NaN"], "by time: {table}");
        assert_eq!(count(&value), 3);
    }

    #[test]
    fn values_of_one_time_keep_their_order() {
        let value = QueryValue::Vector(vec![
            Sample { labels: of("/z"), value: 2.0 },
            Sample { labels: of("/a"), value: 1.0 },
        ]);
        let json = render(&value, Shape::Json);
        assert!(json.starts_with(
            "{\"labels\":{\"path\":\"/z\"},\"timestamp\":\"2024-12-19T10:00:00.000Z\",\"value\":2}\n"
        ));
        assert_eq!(
            render(&QueryValue::Scalar(2.0), Shape::Json),
            "{\"labels\":{},\"timestamp\":\"2024-12-19T10:00:00.000Z\",\"value\":2}\n"
        );
        assert!(render(&value, Shape::Chart).contains('█'));
    }
}
