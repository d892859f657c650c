//! How far a number computed from readings can be trusted: no further than the worst of them.

use pipeline_plugin_api::prelude::*;

/// The reading that can be trusted less. Of two scaled ones that with the smaller share, of two
/// equal ones the first.
pub fn worse<'a>(one: &'a Reading, other: &'a Reading) -> &'a Reading {
    let smaller_share = one.quality == Quality::SCALED && other.detail < one.detail;
    if other.quality > one.quality || (other.quality == one.quality && smaller_share) {
        other
    } else {
        one
    }
}

/// The reading without its value, and why.
pub fn without_value(reading: &Reading, reason: Reason) -> Reading {
    Reading {
        value: f64::NAN,
        quality: Quality::UNAVAILABLE,
        detail: reason.0,
        ..*reading
    }
}

/// Why a reading has no number.
pub fn reason_of(reading: &Reading) -> Reason {
    if reading.quality == Quality::UNAVAILABLE {
        Reason(reading.detail)
    } else {
        Reason::UNKNOWN
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worse_of_two_is_the_less_certain() {
        let exact = Reading::gauge(Nanos(1), TargetId(1), MetricId(1), 1.0);
        let order = [
            exact,
            exact.scaled(0.9),
            exact.scaled(0.2),
            exact.estimated(),
            without_value(&exact, Reason::RESET),
        ];
        for (i, better) in order.iter().enumerate() {
            for bad in &order[i..] {
                for found in [worse(better, bad), worse(bad, better)] {
                    assert_eq!(
                        (found.quality, found.detail),
                        (bad.quality, bad.detail),
                        "{better:?} {bad:?}"
                    );
                }
            }
        }
    }

    #[test]
    fn a_number_that_is_none_has_no_known_reason() {
        let broken = Reading::gauge(Nanos(1), TargetId(1), MetricId(1), f64::INFINITY);
        assert_eq!(reason_of(&broken), Reason::UNKNOWN);
        assert_eq!(reason_of(&without_value(&broken, Reason::EMPTY)), Reason::EMPTY);
    }
}
