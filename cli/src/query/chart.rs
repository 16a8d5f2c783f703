//! Numbers, drawn with characters: series over time as lines of dots, values of
//! one time as bars.
//!
//! With colours, and for one series, a character holds 2 × 4 dots (braille);
//! without them each series has a letter.

use catchment_logql::{Sample, SampleSeries};
use jiff::Timestamp;

use super::screen::{Screen, cut};

/// More series than this nobody tells apart; those with the largest values are drawn.
pub const MAX_SERIES: usize = 8;
/// Rows of the drawing area.
const HEIGHT: usize = 15;
/// Dots of a character.
const DOTS: (usize, usize) = (2, 4);
/// A braille character's bits: by column, then row.
const BITS: [[u8; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BRAILLE: u32 = 0x2800;
/// Colours of the series; red and yellow are kept for what they mean elsewhere, as long as can be.
const COLOURS: [&str; MAX_SERIES] = ["36", "35", "32", "34", "33", "31", "96", "95"];
const LETTERS: [char; MAX_SERIES] = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'];
/// About as many labels has the axis of values.
const VALUE_LABELS: f64 = 4.0;
/// A label of the axis of time has this much room.
const TIME_LABEL_WIDTH: usize = 14;
/// Numbers beyond are not drawn: their distance is no number any more.
const MOST: f64 = 1e300;
/// A number with an exponent is rounded when it is longer.
const MAX_EXACT_CHARS: usize = 8;
/// An eighth of a block, two, and so on.
const BLOCKS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// The values of series from `start` to `end`, in nanoseconds, `step` apart.
pub fn over_time(series: &[SampleSeries], (start, end): (i64, i64), step: i64, screen: Screen) -> String {
    let shown = largest(series);
    let values = shown.iter().flat_map(|one| &one.points).map(|(_, value)| *value).filter(|v| v.abs() < MOST);
    let (least, most) = values.fold((0.0_f64, 0.0_f64), |(least, most), v| (least.min(v), most.max(v)));
    let axis = Axis::of(least, most);
    let label_width = axis.labels().map(|value| number(value).len()).max().unwrap_or_default();
    let width = screen.width.saturating_sub(label_width + 3).max(TIME_LABEL_WIDTH);
    let by_letter = !screen.is_coloured && shown.len() > 1;
    let mut canvas = Canvas::new(width, HEIGHT, by_letter);
    for (place, one) in shown.iter().enumerate() {
        canvas.series(place, one, &axis, (start, end), step);
    }

    let mut out = String::new();
    for row in 0..HEIGHT {
        let label = axis.labels().find(|value| axis.row(*value) == row).map(number);
        let tick = if label.is_some() { '┤' } else { '│' };
        out.push_str(&format!(" {:>label_width$} {tick}", label.unwrap_or_default()));
        canvas.write_row(row, &screen, &mut out);
        out.push('\n');
    }
    let indent = " ".repeat(label_width + 2);
    let (line, labels) = times(width, start, end);
    out.push_str(&format!("{indent}└{line}\n{indent} {labels}\n"));
    for (place, one) in shown.iter().enumerate() {
        let mark = if by_letter { letter(place) } else { '━' };
        let mark = screen.paint(colour(place), &mark.to_string());
        let values = || one.points.iter().map(|(_, value)| *value);
        let told = format!(
            "  last {}  max {}",
            number(values().next_back().unwrap_or(f64::NAN)),
            number(values().fold(f64::NAN, f64::max))
        );
        let name =
            cut(&one.labels.to_string(), screen.width.saturating_sub(told.len() + 4).max(TIME_LABEL_WIDTH));
        out.push_str(&format!(" {mark} {name}{told}\n"));
    }
    if shown.len() < series.len() {
        let more = series.len() - shown.len();
        out.push_str(&format!(
            " … and {more} more series with smaller values; topk({MAX_SERIES}, …) asks for fewer, --output table shows all\n"
        ));
    }
    out
}

/// The values of one time, in their order.
pub fn bars(samples: &[Sample], screen: Screen) -> String {
    let names: Vec<_> = samples.iter().map(|it| cut(&it.labels.to_string(), screen.width / 2)).collect();
    let name_width = names.iter().map(|name| console::measure_text_width(name)).max().unwrap_or_default();
    let values: Vec<_> = samples.iter().map(|it| number(it.value)).collect();
    let value_width = values.iter().map(String::len).max().unwrap_or_default();
    let width = screen.width.saturating_sub(name_width + value_width + 5).max(8);
    let most = samples.iter().map(|it| it.value).filter(|value| value.is_finite()).fold(0.0, f64::max);
    let mut out = String::new();
    for ((sample, name), value) in samples.iter().zip(names).zip(values) {
        let share = if most > 0.0 { (sample.value / most).clamp(0.0, 1.0) } else { 0.0 };
        // NaN has no bar.
        let eighths = (share * (width * 8) as f64).round() as usize;
        let mut bar = "█".repeat(eighths / 8);
        bar.extend((eighths % 8).checked_sub(1).and_then(|at| BLOCKS.get(at)));
        let padding = " ".repeat(name_width - console::measure_text_width(&name));
        let bar = screen.paint(colour(0), &bar);
        out.push_str(&format!(" {name}{padding}  {value:>value_width$}  {bar}\n"));
    }
    out
}

/// The series that are drawn, in their order.
fn largest(series: &[SampleSeries]) -> Vec<&SampleSeries> {
    let largest = |one: &SampleSeries| one.points.iter().map(|(_, v)| *v).fold(f64::NEG_INFINITY, f64::max);
    let mut places: Vec<_> = series.iter().enumerate().collect();
    places.sort_by(|a, b| largest(b.1).total_cmp(&largest(a.1)));
    places.truncate(MAX_SERIES);
    places.sort_by_key(|(place, _)| *place);
    places.into_iter().map(|(_, one)| one).collect()
}

fn colour(place: usize) -> &'static str {
    COLOURS.get(place).copied().unwrap_or_default()
}

fn letter(place: usize) -> char {
    LETTERS.get(place).copied().unwrap_or('?')
}

/// The values that a drawing shows, and where labels are.
struct Axis {
    least: f64,
    most: f64,
    step: f64,
}

impl Axis {
    /// Round numbers around both.
    fn of(least: f64, most: f64) -> Self {
        let span = if most > least { most - least } else { 1.0 };
        let rough = span / VALUE_LABELS;
        let unit = 10_f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 5.0, 10.0].map(|times| times * unit).into_iter().find(|step| *step >= rough);
        let step = step.unwrap_or(rough);
        let most = if most > least { most } else { least + 1.0 };
        Self { least: (least / step).floor() * step, most: (most / step).ceil() * step, step }
    }

    fn labels(&self) -> impl Iterator<Item = f64> {
        let count = ((self.most - self.least) / self.step).round() as u32;
        (0..=count.min(HEIGHT as u32)).map(|at| self.least + f64::from(at) * self.step)
    }

    /// From 0 at the least to 1 at the most.
    fn share(&self, value: f64) -> f64 {
        ((value - self.least) / (self.most - self.least)).clamp(0.0, 1.0)
    }

    /// The row of characters that a value is in; the first is at the top.
    fn row(&self, value: f64) -> usize {
        HEIGHT - 1 - (self.share(value) * (HEIGHT - 1) as f64).round() as usize
    }
}

#[derive(Clone, Copy, Default)]
struct Cell {
    bits: u8,
    place: usize,
    is_drawn: bool,
}

struct Canvas {
    width: usize,
    height: usize,
    by_letter: bool,
    cells: Vec<Cell>,
}

impl Canvas {
    fn new(width: usize, height: usize, by_letter: bool) -> Self {
        Self { width, height, by_letter, cells: vec![Cell::default(); width * height] }
    }

    fn series(&mut self, place: usize, one: &SampleSeries, axis: &Axis, (start, end): (i64, i64), step: i64) {
        let (dots_x, dots_y) = (self.width * DOTS.0 - 1, self.height * DOTS.1 - 1);
        let span = end.saturating_sub(start).max(1) as f64;
        let at = |(time, value): &(i64, f64)| {
            let x = (time.saturating_sub(start) as f64 / span * dots_x as f64).round();
            let y = ((1.0 - axis.share(*value)) * dots_y as f64).round();
            (x, y)
        };
        let mut last: Option<(i64, (f64, f64))> = None;
        for point in one.points.iter().filter(|(_, value)| value.abs() < MOST) {
            let to = at(point);
            // Where a value is missing, there is no line.
            match last.filter(|(time, _)| point.0.saturating_sub(*time) <= step) {
                Some((_, from)) => self.line(place, from, to),
                None => self.dot(place, to),
            }
            last = Some((point.0, to));
        }
    }

    fn line(&mut self, place: usize, from: (f64, f64), to: (f64, f64)) {
        let (dx, dy) = (to.0 - from.0, to.1 - from.1);
        let steps = dx.abs().max(dy.abs()).max(1.0);
        for step in 0..=steps as u32 {
            let share = f64::from(step) / steps;
            self.dot(place, ((from.0 + dx * share).round(), (from.1 + dy * share).round()));
        }
    }

    fn dot(&mut self, place: usize, (x, y): (f64, f64)) {
        let (x, y) = (x as usize, y as usize);
        let index = y / DOTS.1 * self.width + x / DOTS.0;
        let bit = BITS.get(x % DOTS.0).and_then(|column| column.get(y % DOTS.1));
        if let Some((cell, bit)) = self.cells.get_mut(index).zip(bit) {
            cell.bits = if cell.place == place || !cell.is_drawn { cell.bits | bit } else { *bit };
            (cell.place, cell.is_drawn) = (place, true);
        }
    }

    fn write_row(&self, row: usize, screen: &Screen, out: &mut String) {
        let mut text = String::new();
        let cells = self.cells.iter().skip(row * self.width).take(self.width);
        for cell in cells {
            if !cell.is_drawn {
                text.push(' ');
            } else if self.by_letter {
                text.push(letter(cell.place));
            } else {
                let dots = char::from_u32(BRAILLE + u32::from(cell.bits)).unwrap_or(' ');
                text.push_str(&screen.paint(colour(cell.place), &dots.to_string()));
            }
        }
        out.push_str(text.trim_end());
    }
}

/// The axis of time: its line, and the labels below it, in UTC.
fn times(width: usize, start: i64, end: i64) -> (String, String) {
    const SECOND: i64 = 1_000_000_000;
    let span = end.saturating_sub(start);
    let format = match span / SECOND {
        ..600 => "%H:%M:%S",
        600..86_400 => "%H:%M",
        86_400..864_000 => "%m-%d %H:%M",
        _ => "%Y-%m-%d",
    };
    let (mut line, mut labels) = (String::new(), String::new());
    for at in 0..width {
        let is_tick = at % TIME_LABEL_WIDTH == 0;
        line.push(if is_tick { '┬' } else { '─' });
        if is_tick && at + TIME_LABEL_WIDTH <= width {
            let share = at as f64 / width.saturating_sub(1).max(1) as f64;
            let nanos = start.saturating_add((span as f64 * share) as i64);
            let time = Timestamp::from_nanosecond(nanos.into()).unwrap_or(Timestamp::UNIX_EPOCH);
            labels.push_str(&format!("{:<TIME_LABEL_WIDTH$}", time.strftime(format).to_string()));
        }
    }
    (line, format!("{} UTC", labels.trim_end()))
}

/// A number as an axis shows it: `1.5k`, `2.25M`, three digits behind the point at most.
pub fn number(value: f64) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "NaN".to_owned()
        } else if value > 0.0 {
            "+Inf".to_owned()
        } else {
            "-Inf".to_owned()
        };
    }
    let units = [(1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")];
    let unit = units.into_iter().find(|(size, _)| value.abs() >= *size);
    let (size, name) = unit.map_or((1.0, ""), |(size, name)| (if name == "k" { 1e3 } else { size }, name));
    if value != 0.0 && (value.abs() < 0.001 || value.abs() >= 1e15) {
        let exact = format!("{value:e}");
        return if exact.len() <= MAX_EXACT_CHARS { exact } else { format!("{value:.3e}") };
    }
    let text = format!("{:.3}", value / size);
    format!("{}{name}", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use catchment_logql::Labels;
    use std::sync::Arc;

    const PLAIN: Screen = Screen { is_terminal: false, width: 60, is_coloured: false };
    const MINUTE: i64 = 60_000_000_000;
    /// 2024-12-19T10:00:00Z.
    const START: i64 = 1_734_602_400_000_000_000;

    fn series(path: &str, values: impl IntoIterator<Item = (i64, f64)>) -> SampleSeries {
        let labels = Arc::new(Labels::new(vec![("path".into(), path.into())]));
        SampleSeries { labels, points: values.into_iter().map(|(at, v)| (START + at * MINUTE, v)).collect() }
    }

    fn draw(all: &[SampleSeries], screen: Screen) -> Vec<String> {
        let drawn = over_time(all, (START, START + 60 * MINUTE), MINUTE, screen);
        drawn.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_rising_series_goes_from_the_lower_left_to_the_upper_right() {
        let drawn = draw(&[series("/a", (0..=60).map(|at| (at, at as f64)))], PLAIN);
        assert!(drawn[0].starts_with(" 60 ┤") && drawn[14].starts_with("  0 ┤"), "{drawn:#?}");
        let first = |line: &String| line.chars().position(|c| ('\u{2801}'..='\u{28ff}').contains(&c));
        let columns: Vec<_> = drawn[..15].iter().filter_map(first).collect();
        assert_eq!(columns.len(), 15, "every row has a part of it");
        assert!(columns.is_sorted_by(|a, b| a > b), "{columns:?}");
        assert!(drawn.iter().all(|line| line.chars().count() <= 60), "{drawn:#?}");
        // 55 columns are 60 minutes: the label behind 28 of them is of the minute 28 / 54 × 60.
        assert_eq!(drawn[16], "     10:00         10:15         10:31 UTC", "{drawn:#?}");
        assert_eq!(drawn[17], " ━ {path=\"/a\"}  last 60  max 60");
    }

    #[test]
    fn without_colours_each_series_has_a_letter() {
        let flat = |path: &str, value: f64| series(path, (0..=60).map(|at| (at, value)));
        let drawn = draw(&[flat("/a", 1.0), flat("/b", 9.0)], PLAIN);
        let row = |c: char| drawn[..15].iter().position(|line| line.contains(&c.to_string().repeat(20)));
        assert!(row('b').unwrap() < row('a').unwrap(), "{drawn:#?}");
        assert!(drawn[17].starts_with(" a {path=\"/a\"}") && drawn[18].starts_with(" b "), "{drawn:#?}");
        let coloured =
            draw(&[flat("/a", 1.0), flat("/b", 9.0)], Screen { is_coloured: true, ..PLAIN }).join("\n");
        assert!(coloured.contains("\u{1b}[36m") && coloured.contains("\u{1b}[35m"));
    }

    #[test]
    fn a_gap_has_no_line() {
        let drawn = draw(&[series("/a", [(0, 5.0), (1, 5.0), (59, 5.0), (60, 5.0)])], PLAIN);
        let line = drawn[..15].iter().find(|line| line.chars().any(|c| c > '\u{2800}')).unwrap();
        let blank = line.chars().skip(10).take(30).filter(|c| *c == ' ').count();
        assert_eq!(blank, 30, "{line}");
    }

    #[test]
    fn of_many_series_the_largest_are_drawn_and_the_others_told() {
        let all: Vec<_> = (0..12).map(|n| series(&format!("/{n}"), [(0, f64::from(n))])).collect();
        let drawn = draw(&all, PLAIN);
        let last = drawn.last().unwrap();
        assert!(last.contains("and 4 more series") && drawn.len() == 17 + MAX_SERIES + 1, "{drawn:#?}");
        assert!(drawn[17].contains("/4") && drawn[24].contains("/11"));
    }

    #[test]
    fn odd_numbers_are_drawn_as_far_as_can_be() {
        for values in [
            vec![],
            vec![(0, f64::NAN), (1, f64::INFINITY), (2, -1.0)],
            vec![(0, f64::MAX), (1, f64::MIN)],
            vec![(0, 1e-300), (30, 1e299)],
            vec![(0, 0.0), (1, 0.0)],
            vec![(0, -7.0), (60, -3.0)],
        ] {
            let drawn = draw(&[series("/a", values.clone())], PLAIN);
            assert!(
                drawn.len() == 18 && drawn.iter().all(|line| line.chars().count() <= 60),
                "{values:?} {drawn:#?}"
            );
        }
    }

    #[test]
    fn bars_are_as_long_as_their_share() {
        let sample = |path: &str, value| Sample {
            labels: Arc::new(Labels::new(vec![("path".into(), path.into())])),
            value,
        };
        let all = [sample("/a", 8.0), sample("/bb", 4.0), sample("/c", f64::NAN), sample("/d", -1.0)];
        let drawn = bars(&all, PLAIN);
        let long = |line: &str| line.chars().filter(|c| *c == '█').count();
        let lines: Vec<_> = drawn.lines().collect();
        assert_eq!(long(lines[0]), 2 * long(lines[1]), "{drawn}");
        assert_eq!((long(lines[2]), long(lines[3])), (0, 0), "{drawn}");
        assert!(lines[0].starts_with(" {path=\"/a\"}     8  █") && lines[2].contains("NaN"), "{drawn}");
    }

    #[test]
    fn numbers_are_short() {
        for (value, shown) in [
            (0.0, "0"),
            (12.0, "12"),
            (0.25, "0.25"),
            (1.0 / 3.0, "0.333"),
            (9999.0, "9999"),
            (15_300.0, "15.3k"),
            (2_500_000.0, "2.5M"),
            (-3e9, "-3G"),
            (1e-7, "1e-7"),
            (1e20, "1e20"),
            (f64::MAX, "1.798e308"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(number(value), shown);
        }
    }
}
