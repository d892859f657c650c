//! Who gets how much of one CPU: proportional share with what nobody wants given to the others, and the idle class last.
//!
//! That is what the kernel's fair scheduler approaches over many slices (Stoica et al.: "Earliest eligible virtual
//! deadline first", 1995, and Documentation/scheduler/sched-eevdf.rst; SCHED_IDLE: sched(7)). Weights of a group count on a
//! CPU by the part of its load that is there (`calc_group_shares` in kernel/sched/fair.c). How long a thread waits for a
//! slice to end is in `solve`.

/// What somebody wants of a CPU.
#[derive(Copy, Clone, Debug, Default, PartialEq)]
pub struct Want {
    /// The share of the CPU's time, 0 to 1.
    pub share: f64,
    /// Its weight there.
    pub weight: f64,
    /// Whether only what others leave.
    pub idle: bool,
    /// What it gets; the result.
    pub got: f64,
}

/// Divides `capacity` (0 to 1) of a CPU's time among those who want it.
pub fn divide(capacity: f64, wants: &mut [Want]) {
    let left = fill(capacity, wants, false);
    fill(left, wants, true);
}

/// Water-filling: whoever wants less than its share gets it, and the rest is divided anew. Gives what is left over.
fn fill(capacity: f64, wants: &mut [Want], idle: bool) -> f64 {
    let mut left = capacity.max(0.0);
    let mut weights = 0.0;
    let mut wanted = 0.0;
    for want in wants.iter_mut().filter(|want| want.idle == idle) {
        want.got = -1.0;
        weights += want.weight;
        wanted += want.share;
    }
    if wanted <= left {
        for want in wants.iter_mut().filter(|want| want.idle == idle) {
            want.got = want.share;
        }
        return left - wanted;
    }
    loop {
        let fair = left / weights.max(1e-12);
        let mut is_settled = true;
        for want in wants.iter_mut().filter(|want| want.idle == idle && want.got < 0.0) {
            if want.share <= fair * want.weight {
                want.got = want.share;
                left -= want.share;
                weights -= want.weight;
                is_settled = false;
            }
        }
        if is_settled {
            for want in wants.iter_mut().filter(|want| want.idle == idle && want.got < 0.0) {
                want.got = fair * want.weight;
            }
            return 0.0;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shared(wants: &[(f64, f64, bool)]) -> Vec<f64> {
        let mut wants: Vec<Want> = wants
            .iter()
            .map(|(share, weight, idle)| Want {
                share: *share,
                weight: *weight,
                idle: *idle,
                got: 0.0,
            })
            .collect();
        divide(1.0, &mut wants);
        wants.iter().map(|want| want.got).collect()
    }

    #[test]
    fn weights_count_only_where_there_is_too_little() {
        assert_eq!(shared(&[(0.3, 1.0, false), (0.5, 100.0, false)]), [0.3, 0.5]);
        assert_eq!(shared(&[(1.0, 100.0, false), (1.0, 300.0, false)]), [0.25, 0.75]);
        assert_eq!(shared(&[(0.25, 100.0, false), (1.0, 100.0, false)]), [0.25, 0.75]);
    }

    #[test]
    fn the_idle_class_gets_what_is_left() {
        assert_eq!(shared(&[(0.4, 1.0, false), (1.0, 10_000.0, true)]), [0.4, 0.6]);
        assert_eq!(shared(&[(1.0, 1.0, false), (1.0, 100.0, true)]), [1.0, 0.0]);
    }

    proptest! {
        #[test]
        fn nobody_gets_more_than_it_wants_and_nothing_wanted_is_left(
            wants in proptest::collection::vec((0.0..1.0f64, 1.0..1e4f64, any::<bool>()), 1..8),
        ) {
            let got = shared(&wants);
            let (total, wanted): (f64, f64) = (got.iter().sum(), wants.iter().map(|want| want.0).sum());
            prop_assert!((total - wanted.min(1.0)).abs() < 1e-9, "{got:?}");
            prop_assert!(got.iter().zip(&wants).all(|(got, want)| (0.0..=want.0 + 1e-12).contains(got)));
        }
    }
}
