//! What Intel PCM writes with `pcm 1 -csv=FILE`: two lines of heads, then a line an interval.
//!
//! The first head says of whom a column is (`System`, `Socket 0`, `Core0 (Socket 0)`), the second what it is (`EXEC`,
//! `IPC`, `L3MISS`, …; PCM `doc/` and `pcm.cpp`, `print_csv_header`). Figures are kept under PCM's own names, since their
//! units depend on its version and options: `pcm.l3miss` is in what PCM's page says of it.

use super::Numbers;
use pipeline_plugin_api::prelude::*;

/// The numbers of a file.
///
/// # Errors
/// The heads are not PCM's; the text says what was looked for.
pub fn numbers(text: &str) -> std::result::Result<Numbers, String> {
    let form = || "the first two lines are no heads with `Date` and `Time`; write it with `pcm 1 -csv=FILE`".to_owned();
    let mut lines = text.lines();
    let separator = if text.lines().next().is_some_and(|line| line.contains(';')) {
        ';'
    } else {
        ','
    };
    let cells = |line: &'_ str| -> Vec<String> { line.split(separator).map(|cell| cell.trim().to_owned()).collect() };
    let (groups, heads) = (
        lines.next().map(cells).ok_or_else(form)?,
        lines.next().map(cells).ok_or_else(form)?,
    );
    let place = |name: &str| heads.iter().position(|head| head == name);
    let (date, time) = (place("Date").ok_or_else(form)?, place("Time").ok_or_else(form)?);
    let mut numbers = Numbers::default();
    let columns = columns(&mut numbers, &groups, &heads, &[date, time]);
    let mut before: Option<u64> = None;
    for row in lines.map(cells) {
        let Some(wall) = row
            .get(date)
            .zip(row.get(time))
            .and_then(|(date, time)| wall_ns(date, time))
        else {
            continue;
        };
        if numbers.wall_ns == 0 {
            numbers.wall_ns = wall;
        }
        let at = Nanos(wall.saturating_sub(numbers.wall_ns));
        let span = Nanos(before.map_or(0, |before| wall.saturating_sub(before)));
        before = Some(wall);
        for column in &columns {
            let value = row.get(column.place).and_then(|cell| cell.parse::<f64>().ok());
            let reading = match value {
                Some(value) => Reading::delta(at, span, column.target, column.metric, value),
                None => Reading::unavailable(at, column.target, column.metric, Reason::UNSUPPORTED),
            };
            numbers.readings.push(reading.of_part(column.part));
        }
    }
    if numbers.readings.is_empty() {
        return Err("it has heads and no line with a date and numbers".to_owned());
    }
    Ok(numbers)
}

struct Column {
    place: usize,
    target: TargetId,
    part: Part,
    metric: MetricId,
}

fn columns(numbers: &mut Numbers, groups: &[String], heads: &[String], times: &[usize]) -> Vec<Column> {
    let mut columns = Vec::new();
    let mut group = String::new();
    for (place, head) in heads.iter().enumerate() {
        // A group's name stands over each of its columns, or over its first alone.
        if let Some(name) = groups.get(place).filter(|name| !name.is_empty()) {
            group = name.clone();
        }
        if head.is_empty() || times.contains(&place) {
            continue;
        }
        let (name, part) = of_group(&group);
        columns.push(Column {
            place,
            target: numbers.target(&name),
            part,
            metric: numbers.metric(&metric(head), "pcm", Kind::GAUGE),
        });
    }
    columns
}

/// `System` and cores are parts of the machine; a socket has a name of its own, since it is no cache domain's id.
fn of_group(group: &str) -> (String, Part) {
    let lower = group.to_lowercase();
    let core = lower
        .strip_prefix("core")
        .and_then(|rest| rest.split(|letter: char| !letter.is_ascii_digit()).next());
    match core.and_then(|number| number.parse().ok()) {
        Some(number) => ("machine".to_owned(), Part::cpu(number)),
        None if lower.starts_with("system") => ("machine".to_owned(), Part::WHOLE),
        None => (lower, Part::WHOLE),
    }
}

fn metric(head: &str) -> String {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let plain: String = head.chars().map(letter).collect();
    format!("pcm.{}", plain.trim_matches('_'))
}

/// `2024-03-01` and `12:00:01.250`, taken for UTC.
fn wall_ns(date: &str, time: &str) -> Option<u64> {
    let mut date = date.split('-').map(str::parse::<u64>);
    let (year, month, day) = (date.next()?.ok()?, date.next()?.ok()?, date.next()?.ok()?);
    let mut time = time.split(':');
    let (hour, minute): (u64, u64) = (time.next()?.parse().ok()?, time.next()?.parse().ok()?);
    let second: f64 = time.next()?.parse().ok()?;
    let good = (1970..10_000).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60;
    (good && (0.0..61.0).contains(&second)).then_some(())?;
    let seconds = days(year, month, day) * 86_400 + hour * 3600 + minute * 60;
    Some(seconds * 1_000_000_000 + (second * 1e9).round() as u64)
}

/// Days from 1970-01-01 to a Gregorian date (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms",
/// `days_from_civil`).
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year / 400, year % 400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;
    use pipeline_record_store::utc;

    /// Made by hand in the documented form: no machine with PCM's counters was at hand.
    const SAMPLE: &str = include_str!("../../fixtures/pcm.csv");

    #[test]
    fn what_pcm_writes_is_read_by_whom_it_is_of() {
        let numbers = numbers(SAMPLE).unwrap();
        assert_eq!(utc(numbers.wall_ns), "2024-03-01T12:00:01Z");
        assert_eq!(numbers.targets, ["machine", "socket 0"]);
        assert_eq!(numbers.readings.len(), 3 * 14);
        let find = |name: &str, part: Part| {
            let is = |reading: &&Reading| {
                reading.part == part && numbers.names.metric_name(reading.metric).unwrap().name == name
            };
            numbers
                .readings
                .iter()
                .filter(is)
                .map(|reading| reading.number())
                .collect::<Vec<_>>()
        };
        assert_eq!(find("pcm.ipc", Part::cpu(1)), [Some(0.91), Some(0.93), Some(0.90)]);
        assert_eq!(find("pcm.ipc", Part::WHOLE), [Some(1.33), Some(1.35), Some(1.31)]);
        assert_eq!(
            find("pcm.lmb", Part::cpu(1)),
            [None; 3],
            "what is not there is not zero"
        );
        assert_eq!(numbers.readings.last().unwrap().at, Nanos(2_001_000_000));
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        for text in ["", "a,b\nc,d\n", "System,\nDate,Time,IPC\n"] {
            assert!(numbers(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_day_has_its_number() {
        assert_eq!(
            (days(1970, 1, 1), days(2000, 2, 29), days(2100, 3, 1)),
            (0, 11_016, 47_541)
        );
        assert_eq!(wall_ns("2024-13-01", "0:0:0"), None);
    }
}
