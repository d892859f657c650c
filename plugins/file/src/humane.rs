//! Numbers as people read them: three digits that matter, and a unit that fits.

use pipeline_plugin_api::prelude::*;

const TIMES: &[(f64, &str)] = &[(1e9, "s"), (1e6, "ms"), (1e3, "µs"), (1.0, "ns")];
const SIZES: &[(f64, &str)] = &[
    (1_099_511_627_776.0, "TiB"),
    (1_073_741_824.0, "GiB"),
    (1_048_576.0, "MiB"),
    (1024.0, "KiB"),
    (1.0, "B"),
];
const COUNTS: &[(f64, &str)] = &[(1e9, "G"), (1e6, "M"), (1e4, "k"), (1.0, "")];

/// A number with its unit: `2.61ms`, `3.20MiB/s`, `0.25`.
pub fn quantity(value: f64, unit: &str) -> String {
    match unit {
        "ns" => scaled(value, TIMES),
        "bytes" => scaled(value, SIZES),
        "1" | "" => scaled(value, COUNTS),
        _ => match unit.strip_suffix("/s") {
            Some(counted) => format!("{}/s", quantity(value, counted)),
            None => format!("{} {unit}", scaled(value, COUNTS)),
        },
    }
}

/// What a table shows of a reading: deltas per second, so that they compare whatever their span; `~`
/// before what was scaled or estimated; the reason in brackets where there is no number.
pub fn cell(reading: &Reading, unit: &str, kind: Kind) -> String {
    let value = if kind == Kind::DELTA {
        reading.per_second()
    } else {
        reading.number()
    };
    let Some(value) = value else {
        return match reading.quality {
            Quality::UNAVAILABLE => format!("({})", Reason(reading.detail)),
            _ => "(no number)".to_owned(),
        };
    };
    let about = if reading.quality == Quality::EXACT { "" } else { "~" };
    let per_second = if kind == Kind::DELTA { "/s" } else { "" };
    format!("{about}{}{per_second}", quantity(value, unit))
}

/// An instant: `12.4s` after the run's start.
pub fn instant(at: Nanos) -> String {
    format!("{:.1}s", at.seconds())
}

/// Text without anything that a terminal would obey.
pub fn plain(text: &str) -> String {
    let escaped = |letter: char| {
        let control = letter.is_control();
        let hidden = control.then(|| letter.escape_default().to_string());
        hidden.unwrap_or_else(|| letter.to_string())
    };
    text.chars().map(escaped).collect()
}

fn scaled(value: f64, units: &[(f64, &str)]) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "unknown".to_owned()
        } else {
            format!("{}unlimited", sign(value))
        };
    }
    let size = value.abs();
    let fits = units.iter().find(|(least, _)| size >= *least).or(units.last());
    // Counts go to `k` late, at ten thousand, but a `k` is a thousand.
    let (one, unit) = fits.map_or((1.0, ""), |(least, unit)| {
        (if *unit == "k" { 1e3 } else { *least }, *unit)
    });
    format!("{}{unit}", digits(value / one))
}

fn sign(value: f64) -> &'static str {
    if value < 0.0 { "-" } else { "" }
}

fn digits(value: f64) -> String {
    let size = value.abs();
    if value.fract() == 0.0 || size >= 100.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 0.01 {
        format!("{value:.2}")
    } else {
        format!("{value:.1e}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantities_have_units_that_fit() {
        for (value, unit, text) in [
            (2_612_345.0, "ns", "2.61ms"),
            (950.0, "ns", "950ns"),
            (75e9, "ns", "75s"),
            (3.2 * 1024.0 * 1024.0, "bytes", "3.20MiB"),
            (512.0, "bytes/s", "512B/s"),
            (5998.0, "1/s", "5998/s"),
            (12_345.0, "1", "12.3k"),
            (0.25, "1", "0.25"),
            (0.0, "ns", "0ns"),
            (0.0004, "1", "4.0e-4"),
            (1.5, "cpus", "1.50 cpus"),
            (f64::INFINITY, "cpus", "unlimited cpus"),
            (-1500.0, "ns", "-1.50µs"),
        ] {
            assert_eq!(quantity(value, unit), text);
        }
    }

    #[test]
    fn a_cell_tells_how_far_it_can_be_trusted() {
        let gauge = Reading::gauge(Nanos(1), TargetId(1), MetricId(1), 5.0);
        let delta = Reading::delta(Nanos(1), Nanos::from_millis(500), TargetId(1), MetricId(1), 5e6);
        let lost = Reading::unavailable(Nanos(1), TargetId(1), MetricId(1), Reason::NEVER_RAN);
        assert_eq!(cell(&gauge, "1", Kind::GAUGE), "5");
        assert_eq!(cell(&gauge.estimated(), "1", Kind::GAUGE), "~5");
        assert_eq!(cell(&delta, "ns", Kind::DELTA), "10ms/s");
        assert_eq!(cell(&lost, "ns", Kind::DELTA), "(never ran)");
    }

    #[test]
    fn terminals_are_not_spoken_to() {
        assert_eq!(plain("we\u{1b}[2Jb\n"), "we\\u{1b}[2Jb\\n");
        assert_eq!(plain("wéb"), "wéb");
    }
}
