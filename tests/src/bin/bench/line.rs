//! A line of the output, and the aim that it is held to.

use std::fmt;

/// One figure.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// What was measured.
    pub name: &'static str,
    /// In `unit`.
    pub value: f64,
    /// One word.
    pub unit: &'static str,
    /// To the least that does the same work, where there is such a thing.
    pub ratio: Option<f64>,
    /// What it should be.
    pub aim: Aim,
}

/// What a figure should be.
#[derive(Copy, Clone, Debug, PartialEq)]
pub enum Aim {
    /// It is shown for what it is.
    None,
    /// The value is at most that.
    Value(f64),
    /// The ratio is at most that.
    Ratio(f64),
    /// The value is at least that.
    AtLeast(f64),
}

impl Line {
    /// Whether it misses its aim.
    pub fn missed(&self) -> bool {
        match self.aim {
            Aim::None => false,
            Aim::Value(most) => self.value > most,
            Aim::AtLeast(least) => self.value < least,
            Aim::Ratio(most) => self.ratio.is_none_or(|ratio| ratio > most),
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:.2} {} ", self.name, self.value, self.unit)?;
        match self.ratio {
            Some(ratio) => write!(f, "{ratio:.2}"),
            None => f.write_str("-"),
        }
    }
}

impl fmt::Display for Aim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("nothing"),
            Self::Value(most) => write!(f, "a value of at most {most}"),
            Self::AtLeast(least) => write!(f, "a value of at least {least}"),
            Self::Ratio(most) => write!(f, "a ratio of at most {most}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(ratio: Option<f64>, aim: Aim) -> Line {
        Line {
            name: "x",
            value: 12.3456,
            unit: "ns",
            ratio,
            aim,
        }
    }

    #[test]
    fn a_line_has_four_words() {
        assert_eq!(line(Some(1.504), Aim::None).to_string(), "x 12.35 ns 1.50");
        assert_eq!(line(None, Aim::None).to_string(), "x 12.35 ns -");
    }

    #[test]
    fn an_aim_is_missed_above_its_bound_only() {
        assert!(!line(Some(1.5), Aim::Ratio(1.5)).missed() && line(Some(1.51), Aim::Ratio(1.5)).missed());
        assert!(
            line(None, Aim::Ratio(1.5)).missed(),
            "a ratio that is not there is no ratio that is good"
        );
        assert!(line(None, Aim::AtLeast(13.0)).missed() && !line(None, Aim::AtLeast(12.0)).missed());
        assert!(line(None, Aim::Value(12.0)).missed() && !line(None, Aim::Value(13.0)).missed());
    }
}
