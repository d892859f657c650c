//! What `perf stat -I MS -x, ` writes: a line an event and interval (`perf-stat(1)`, "CSV FORMAT").
//!
//! The fields are the time in seconds since perf began, with `-A` the CPU, then value, unit, event, the time that the
//! event was counted, the share of the interval in percent, and derived figures that are not taken over. Times are those
//! of perf, which does not tell when it began.

use super::Numbers;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The target that all of it is of.
const TARGET: &str = "machine";

/// The numbers of a file.
///
/// # Errors
/// It has no line of that form; the text says what was looked for.
pub fn numbers(text: &str) -> std::result::Result<Numbers, String> {
    let mut numbers = Numbers::default();
    let target = numbers.target(TARGET);
    let mut before: BTreeMap<(MetricId, Part), Nanos> = BTreeMap::new();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    for line in lines {
        // A line of another form is none of `-I`, as the summary at the end.
        let Some(counted) = counted(line) else { continue };
        let (name, unit, scale) = metric(counted.event, counted.unit);
        let metric = numbers.metric(&name, unit, Kind::DELTA);
        let span = counted.at - before.insert((metric, counted.part), counted.at).unwrap_or(Nanos::ZERO);
        let reading = Reading::delta(counted.at, span, target, metric, 0.0).of_part(counted.part);
        numbers.readings.push(match counted.value {
            Ok(value) if counted.share < 1.0 => Reading {
                value: value * scale,
                ..reading
            }
            .scaled(counted.share),
            Ok(value) => Reading {
                value: value * scale,
                ..reading
            },
            Err(reason) => Reading {
                span,
                ..Reading::unavailable(counted.at, target, metric, reason).of_part(counted.part)
            },
        });
    }
    if numbers.readings.is_empty() {
        return Err(
            "no line reads `time,value,unit,event,...`; write it with `perf stat -I 1000 -x, -o FILE`".to_owned(),
        );
    }
    Ok(numbers)
}

/// One line.
struct Counted<'a> {
    at: Nanos,
    part: Part,
    value: std::result::Result<f64, Reason>,
    unit: &'a str,
    event: &'a str,
    share: f64,
}

fn counted(line: &str) -> Option<Counted<'_>> {
    let separator = line.chars().find(|letter| !letter.is_ascii_digit() && *letter != '.')?;
    let mut fields = line.split(separator);
    let seconds: f64 = fields.next()?.trim().parse().ok()?;
    let mut field = fields.next()?;
    let mut part = Part::WHOLE;
    if let Some(cpu) = field.strip_prefix("CPU") {
        part = Part::cpu(cpu.parse().ok()?);
        field = fields.next()?;
    }
    let value = match field {
        "<not counted>" => Err(Reason::NEVER_RAN),
        "<not supported>" => Err(Reason::UNSUPPORTED),
        number => Ok(number.parse().ok()?),
    };
    let (unit, event) = (fields.next()?, fields.next()?);
    let share = fields
        .nth(1)
        .and_then(|percent| percent.parse::<f64>().ok())
        .map_or(1.0, |percent| percent / 100.0);
    (!event.is_empty()).then_some(Counted {
        at: Nanos((seconds * 1e9).round() as u64),
        part,
        value,
        unit,
        event,
        share,
    })
}

/// Name, unit, and what a value is to be multiplied by.
fn metric<'a>(event: &str, unit: &'a str) -> (String, &'a str, f64) {
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() || letter == '.' {
            letter.to_ascii_lowercase()
        } else {
            '_'
        }
    };
    let plain: String = event.chars().map(letter).collect();
    let name = format!("perf.{}", plain.trim_matches('_'));
    match unit {
        "msec" => (name, "ns", 1e6),
        "MiB" => (name, "bytes", 1_048_576.0),
        "" => (name, "1", 1.0),
        unit => (name, unit, 1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written by `perf stat -I 200 -x, -a -e task-clock,context-switches,page-faults,cycles -o FILE sleep 1` (perf 6.12).
    const SAMPLE: &str = include_str!("../../fixtures/perf-stat.csv");

    fn named<'a>(numbers: &'a Numbers, name: &str) -> Vec<&'a Reading> {
        let is = |reading: &&Reading| {
            numbers
                .names
                .metric_name(reading.metric)
                .is_some_and(|metric| metric.name == name)
        };
        numbers.readings.iter().filter(is).collect()
    }

    #[test]
    fn what_perf_wrote_is_read_with_its_units_and_spans() {
        let numbers = numbers(SAMPLE).unwrap();
        let clock = named(&numbers, "perf.task_clock");
        assert!(clock.len() >= 4, "{}", clock.len());
        assert_eq!(numbers.names.metric_name(clock[0].metric).unwrap().unit, "ns");
        let busy = clock[1].value / clock[1].span.0 as f64;
        assert!((0.5..4.0).contains(&busy), "{busy} CPUs of a machine with two");
        assert!(clock.windows(2).all(|pair| pair[1].at == pair[0].at + pair[1].span));
        assert!(
            named(&numbers, "perf.cycles")
                .iter()
                .all(|reading| reading.quality == Quality::UNAVAILABLE)
        );
    }

    #[test]
    fn a_cpus_line_and_one_that_ran_only_partly_are_told_apart() {
        let numbers = numbers("1.0,CPU3,50,,cycles,500,40.00,,\n1.0;7;;LLC-loads;9;100.00;;\n").unwrap();
        let [cpu, whole] = &numbers.readings[..] else {
            panic!("{:?}", numbers.readings)
        };
        assert_eq!(
            (cpu.part, cpu.quality, cpu.detail),
            (Part::cpu(3), Quality::SCALED, 26214)
        );
        assert_eq!(
            (whole.part, whole.value, whole.quality),
            (Part::WHOLE, 7.0, Quality::EXACT)
        );
        assert_eq!(numbers.names.metric_name(whole.metric).unwrap().name, "perf.llc_loads");
    }

    #[test]
    fn what_is_no_such_file_is_told() {
        for text in ["", "hello", "1.0,x", "# started on\n\n"] {
            assert!(numbers(text).unwrap_err().contains("perf stat -I"), "{text}");
        }
    }
}
