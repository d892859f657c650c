//! How often a workload misses the last-level cache, by how much of it the workload holds: miss-ratio curves.
//!
//! The form is that of published fits: a floor that no cache removes (cold and streaming misses) and reuse that falls off
//! with the size, exponentially or with breakpoints as measured (Mattson, Gecsei, Slutz, Traiger: "Evaluation techniques
//! for storage hierarchies", 1970; Hartstein, Srinivasan, Puzak, Emma: "Cache miss behavior: is it √2?", CF 2006).

use pipeline_plugin_api::prelude::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Misses of the last-level cache per 1000 instructions, by the bytes that a workload holds of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub enum Curve {
    /// The same, however much it holds: 0 for what fits into the caches of its core, much for a stream.
    Flat(f64),
    /// `least + (most - least) · exp(-held / scale)`.
    Falling {
        /// With all of the cache and more.
        least: f64,
        /// With none of it.
        most: f64,
        /// By how many bytes the difference falls to 1/e.
        scale: Bytes,
    },
    /// As measured: (bytes held, misses), in order of bytes; straight lines between, level outside.
    Points(Vec<(Bytes, f64)>),
}

impl Default for Curve {
    fn default() -> Self {
        Self::Flat(0.0)
    }
}

impl Curve {
    /// Misses per 1000 instructions with that many bytes, where the workload's data is `footprint` times as large as
    /// usual.
    pub fn misses(&self, held_bytes: f64, footprint: f64) -> f64 {
        let held = held_bytes / footprint.max(1e-6);
        match self {
            Self::Flat(misses) => *misses,
            Self::Falling { least, most, scale } => {
                least + (most - least) * libm::exp(-held / (scale.0 as f64).max(1.0))
            }
            Self::Points(points) => between(points, held),
        }
    }

    /// What keeps it from being one, if anything does.
    pub fn fault(&self) -> Option<String> {
        let good = |misses: f64| (0.0..=1000.0).contains(&misses);
        let wrong = |misses: f64| Some(format!("{misses} misses per 1000 instructions; give 0 to 1000"));
        match self {
            Self::Flat(misses) if !good(*misses) => wrong(*misses),
            Self::Falling { least, most, .. } if !good(*least) || !good(*most) => {
                wrong(if good(*least) { *most } else { *least })
            }
            Self::Falling { least, most, .. } if least > most => {
                Some(format!("misses fall from {most} to {least}, which is a rise"))
            }
            Self::Falling { scale, .. } if scale.0 == 0 => Some("a scale of no bytes".to_owned()),
            Self::Points(points) if points.is_empty() => Some("a curve without points".to_owned()),
            Self::Points(points) => match points.iter().find(|(_, misses)| !good(*misses)) {
                Some((_, misses)) => wrong(*misses),
                None => points
                    .windows(2)
                    .any(|pair| pair[0].0 >= pair[1].0)
                    .then(|| "points that are not in order of bytes".to_owned()),
            },
            _ => None,
        }
    }
}

fn between(points: &[(Bytes, f64)], held: f64) -> f64 {
    let next = points.iter().position(|(bytes, _)| bytes.0 as f64 > held);
    match next {
        Some(0) => points[0].1,
        Some(next) => {
            let (low, high) = (&points[next - 1], &points[next]);
            let (from, to) = (low.0.0 as f64, high.0.0 as f64);
            low.1 + (high.1 - low.1) * (held - from) / (to - from)
        }
        None => points.last().map_or(0.0, |(_, misses)| *misses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_joined_by_straight_lines_and_level_outside() {
        let curve = Curve::Points(vec![(Bytes(100), 30.0), (Bytes(200), 10.0)]);
        for (held, misses) in [(0.0, 30.0), (100.0, 30.0), (150.0, 20.0), (200.0, 10.0), (1e9, 10.0)] {
            assert_eq!(curve.misses(held, 1.0), misses);
        }
        assert_eq!(curve.misses(300.0, 2.0), 20.0, "twice the data needs twice the cache");
    }

    #[test]
    fn a_falling_curve_ends_at_its_least() {
        let curve = Curve::Falling {
            least: 1.0,
            most: 21.0,
            scale: Bytes(1 << 20),
        };
        assert_eq!(curve.misses(0.0, 1.0), 21.0);
        assert!((curve.misses(1e9, 1.0) - 1.0).abs() < 1e-9);
        assert!((curve.misses((1 << 20) as f64, 1.0) - (1.0 + 20.0 / std::f64::consts::E)).abs() < 1e-9);
    }

    #[test]
    fn what_is_no_curve_is_told() {
        assert!(Curve::Points(vec![]).fault().is_some());
        assert!(Curve::Points(vec![(Bytes(2), 1.0), (Bytes(1), 1.0)]).fault().is_some());
        assert!(Curve::Flat(-1.0).fault().is_some());
        assert!(
            Curve::Falling {
                least: 2.0,
                most: 1.0,
                scale: Bytes(1)
            }
            .fault()
            .is_some()
        );
        assert_eq!(Curve::default().fault(), None);
    }
}
