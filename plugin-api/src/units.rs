//! Quantities as they are written in configs, and arithmetic on [`Nanos`].
//!
//! `"100ms"` and `"2MiB"`, read and printed by well-known crates; the newtypes keep units apart.

mod size;

pub use size::Bytes;

use crate::abi::Nanos;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::borrow::Cow;
use std::fmt;
use std::ops::{Add, Sub};
use std::time::Duration;

impl Nanos {
    /// No time.
    pub const ZERO: Self = Self(0);
    /// The end of time: a lease that does not lapse by itself.
    pub const FOREVER: Self = Self(u64::MAX);

    /// That many milliseconds.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis * 1_000_000)
    }

    /// That many seconds.
    pub const fn from_secs(seconds: u64) -> Self {
        Self(seconds * 1_000_000_000)
    }

    /// In seconds.
    pub fn seconds(self) -> f64 {
        self.0 as f64 / 1e9
    }

    /// The span since an earlier instant; zero if that is later.
    pub fn since(self, earlier: Self) -> Self {
        Self(self.0.saturating_sub(earlier.0))
    }
}

impl Add for Nanos {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl Sub for Nanos {
    type Output = Self;
    /// Zero where the difference would be negative.
    fn sub(self, other: Self) -> Self {
        self.since(other)
    }
}

impl From<Duration> for Nanos {
    fn from(duration: Duration) -> Self {
        Self(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl From<Nanos> for Duration {
    fn from(nanos: Nanos) -> Self {
        Self::from_nanos(nanos.0)
    }
}

/// As it is told: rounded to what somebody reads, three digits at most below a minute, and in the form that a config
/// takes. [`Span`] prints all of it.
impl fmt::Display for Nanos {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        humantime::format_duration(Duration::from(rounded(*self))).fmt(f)
    }
}

fn rounded(span: Nanos) -> Nanos {
    const SECOND: u64 = 1_000_000_000;
    const MINUTE: u64 = 60 * SECOND;
    const HOUR: u64 = 60 * MINUTE;
    let step = match span.0 {
        below if below < MINUTE => 10_u64.pow(below.checked_ilog10().unwrap_or_default().saturating_sub(2)),
        below if below < HOUR => SECOND,
        below if below < 24 * HOUR => MINUTE,
        _ => HOUR,
    };
    Nanos(span.0.saturating_add(step / 2) / step * step)
}

/// A span of time in a config, written `"100ms"`, `"1m 30s"`.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Span(pub Nanos);

impl Span {
    /// That many milliseconds.
    pub const fn millis(millis: u64) -> Self {
        Self(Nanos::from_millis(millis))
    }

    /// That many seconds.
    pub const fn secs(seconds: u64) -> Self {
        Self(Nanos::from_secs(seconds))
    }

    /// As nanoseconds.
    pub const fn nanos(self) -> Nanos {
        self.0
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = humantime::format_duration(self.0.into()).to_string();
        f.write_str(&text.replace(' ', ""))
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let duration = humantime::parse_duration(&text).map_err(|error| {
            D::Error::custom(format!(
                "`{text}` is not a span of time such as `100ms` or `1m30s`: {error}"
            ))
        })?;
        Ok(Self(duration.into()))
    }
}

impl Serialize for Span {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Span {
    fn schema_name() -> Cow<'static, str> {
        "span".into()
    }
    fn inline_schema() -> bool {
        true
    }
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "span of time" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fields::parse;

    #[test]
    fn spans_are_read_and_printed_alike() {
        for text in ["100ms", "20s", "1m30s", "250us"] {
            let span: Span = parse(&format!("\"{text}\"")).unwrap();
            let printed = span.to_string();
            assert_eq!(
                parse::<Span>(&format!("\"{printed}\"")).unwrap(),
                span,
                "{text} printed {printed}"
            );
        }
    }

    #[test]
    fn a_span_that_is_told_has_three_digits_at_most_and_can_be_read_again() {
        for (nanos, told) in [
            (0, "0s"),
            (7, "7ns"),
            (367_938, "368us"),
            (2_197_367_938, "2s 200ms"),
            (59_960_000_000, "1m"),
            (83_700_000_000, "1m 24s"),
            (5_025_000_000_000, "1h 24m"),
            (93_784_000_000_000, "1day 2h"),
        ] {
            assert_eq!(Nanos(nanos).to_string(), told);
            assert!(parse::<Span>(&format!("\"{told}\"")).is_ok(), "{told}");
        }
        assert!(!Nanos::FOREVER.to_string().is_empty());
    }

    #[test]
    fn a_span_of_a_config_is_printed_whole() {
        let span = Span(Nanos(2_197_367_938));
        assert_eq!(span.to_string(), "2s197ms367us938ns");
    }

    #[test]
    fn a_bare_number_is_no_span() {
        assert!(
            parse::<Span>("\"100\"")
                .unwrap_err()
                .message
                .contains("`100` is not a span of time")
        );
        assert!(parse::<Span>("100").is_err());
    }

    #[test]
    fn time_does_not_run_below_zero() {
        assert_eq!(Nanos(3) - Nanos(5), Nanos::ZERO);
        assert_eq!(Nanos::FOREVER + Nanos(1), Nanos::FOREVER);
    }
}
