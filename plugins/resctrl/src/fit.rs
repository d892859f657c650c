//! Which ways of one cache each class gets. Pure.
//!
//! Ways of a class lie beside each other. Classes are kept apart as long as there is room; then those that may share do.
//! Ways that devices may fill too (`shareable_bits`) go to those who answer nobody, as far as there are such.
//! What stands is kept, unless keeping it makes classes overlap that would not have to.

use crate::demand::Want;
use pipeline_resctrl_fs::{CacheControl, Mask};

/// A class that wants ways.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What it wants; nothing for all ways, together with whoever has them.
    pub want: Option<Want>,
    /// Whether somebody in it is waited for.
    pub is_protected: bool,
    /// Higher goes first.
    pub priority: i32,
    /// The ways that it has.
    pub stands: Option<Mask>,
}

/// What else is to be known of the cache.
#[derive(Copy, Clone, Debug)]
pub struct Cache {
    /// All ways.
    pub all: Mask,
    /// Ways that devices may fill too.
    pub shareable: Mask,
    /// Ways that groups of others have and that are not all of the cache.
    pub others: Mask,
    /// Ways that a group of others has for itself, which the kernel gives to nobody else.
    pub exclusive: Mask,
}

impl Cache {
    /// A cache that nobody else has divided.
    pub fn of(control: &CacheControl) -> Self {
        Self {
            all: control.all,
            shareable: control.shareable,
            others: Mask::NONE,
            exclusive: Mask::NONE,
        }
    }
}

/// The ways of each claim, in their order; `None` where there is no such run that is not exclusively somebody else's.
pub fn place(claims: &[Claim], cache: &Cache) -> Vec<Option<Mask>> {
    let kept = attempt(claims, cache, true);
    if overlap(claims, &kept) == 0 {
        return kept;
    }
    let anew = attempt(claims, cache, false);
    match overlap(claims, &anew) < overlap(claims, &kept) {
        true => anew,
        false => kept,
    }
}

/// How many ways classes have in common that asked for some, protected ones counted most.
fn overlap(claims: &[Claim], masks: &[Option<Mask>]) -> u64 {
    let mut sum = 0;
    for (i, one) in claims.iter().enumerate() {
        for (j, other) in claims.iter().enumerate().skip(i + 1) {
            let (Some(a), Some(b)) = (masks[i], masks[j]) else {
                continue;
            };
            if one.want.is_some() && other.want.is_some() {
                sum += u64::from(a.common(b).ways()) * weight(one, other);
            }
        }
    }
    sum
}

fn weight(one: &Claim, other: &Claim) -> u64 {
    1 + 100 * u64::from(one.is_protected || other.is_protected)
}

fn attempt(claims: &[Claim], cache: &Cache, keeps: bool) -> Vec<Option<Mask>> {
    let mut masks: Vec<Option<Mask>> = vec![None; claims.len()];
    let stays = |claim: &Claim| match (claim.want, claim.stands) {
        (Some(Want::Mask(mask)), _) => Some(mask),
        (Some(Want::Ways(ways)), Some(stands)) if keeps && stands.ways() == ways => Some(stands),
        (None, _) => Some(cache.all),
        _ => None,
    };
    for (mask, claim) in masks.iter_mut().zip(claims) {
        *mask = stays(claim);
    }
    let mut order: Vec<usize> = (0..claims.len()).filter(|which| masks[*which].is_none()).collect();
    order.sort_by_key(|which| {
        let claim = &claims[*which];
        let ways = claim.want.map_or(0, Want::ways);
        (!claim.is_protected, std::cmp::Reverse((claim.priority, ways)), *which)
    });
    for which in order {
        masks[which] = best(which, claims, &masks, cache);
    }
    masks
}

/// The run that costs least: overlap with others first, then what devices fill, then the end of the cache.
fn best(which: usize, claims: &[Claim], masks: &[Option<Mask>], cache: &Cache) -> Option<Mask> {
    let claim = &claims[which];
    let length = claim.want.map_or(cache.all.ways(), Want::ways);
    let free = Mask(cache.all.0 & !cache.exclusive.0);
    let cost = |run: &Mask| {
        let mut overlap = 0;
        for (other, mask) in claims.iter().zip(masks) {
            if let (Some(_), Some(mask)) = (other.want, mask) {
                overlap += u64::from(run.common(*mask).ways()) * weight(claim, other);
            }
        }
        let others = run.common(cache.others).ways();
        let shared = i64::from(run.common(cache.shareable).ways());
        let position = i64::from(run.0.trailing_zeros());
        // Those who are waited for lie low and clear of devices, the rest high and in their midst.
        let (shared, position) = if claim.is_protected {
            (shared, position)
        } else {
            (-shared, -position)
        };
        (overlap, others, shared, position)
    };
    free.runs(length).min_by_key(cost)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const CACHE: Cache = Cache {
        all: Mask(0x7ff),
        shareable: Mask(0x600),
        others: Mask::NONE,
        exclusive: Mask::NONE,
    };

    fn claim(ways: u32, is_protected: bool) -> Claim {
        Claim {
            want: Some(Want::Ways(ways)),
            is_protected,
            priority: 0,
            stands: None,
        }
    }

    fn placed(claims: &[Claim], cache: &Cache) -> Vec<u64> {
        place(claims, cache)
            .iter()
            .map(|mask| mask.map_or(0, |mask| mask.0))
            .collect()
    }

    #[test]
    fn who_is_waited_for_is_kept_clear_of_devices_and_the_rest_lies_among_them() {
        assert_eq!(placed(&[claim(9, true), claim(2, false)], &CACHE), [0x1ff, 0x600]);
        assert_eq!(placed(&[claim(2, false), claim(9, true)], &CACHE), [0x600, 0x1ff]);
    }

    #[test]
    fn where_there_is_no_room_those_who_answer_nobody_share_first() {
        let masks = placed(&[claim(8, true), claim(3, false), claim(2, false)], &CACHE);
        assert_eq!(masks[0] & (masks[1] | masks[2]), 0, "{masks:x?}");
        assert_ne!(masks[1] & masks[2], 0);
    }

    #[test]
    fn what_stands_is_kept_until_it_is_in_the_way() {
        let stands = Claim {
            stands: Some(Mask(0x0f0)),
            ..claim(4, false)
        };
        assert_eq!(placed(&[stands, claim(3, true)], &CACHE), [0x0f0, 0x007]);
        let masks = placed(&[stands, claim(6, true)], &CACHE);
        assert_eq!(masks, [0x780, 0x03f], "keeping it would leave no six ways");
    }

    #[test]
    fn a_mask_is_given_as_it_is_said_and_others_lie_around_it() {
        let fixed = Claim {
            want: Some(Want::Mask(Mask(0x003))),
            ..claim(0, false)
        };
        assert_eq!(placed(&[fixed, claim(9, true)], &CACHE), [0x003, 0x7fc]);
    }

    #[test]
    fn ways_of_others_are_avoided_and_exclusive_ones_never_given() {
        let others = Cache {
            others: Mask(0x00f),
            ..CACHE
        };
        assert_eq!(placed(&[claim(3, true)], &others), [0x070]);
        let exclusive = Cache {
            exclusive: Mask(0x0f0),
            ..CACHE
        };
        assert_eq!(place(&[claim(5, true)], &exclusive), [None]);
        assert_eq!(placed(&[claim(3, true)], &exclusive), [0x007]);
    }

    #[test]
    fn who_wants_no_ways_has_all_and_is_in_nobodys_way() {
        let all = Claim {
            want: None,
            ..claim(0, false)
        };
        assert_eq!(placed(&[all, claim(2, false)], &CACHE), [0x7ff, 0x600]);
    }

    proptest! {
        #[test]
        fn what_is_placed_has_the_size_and_lies_within(
            wants in proptest::collection::vec((1_u32..=11, any::<bool>(), -3..3_i32), 1..12),
        ) {
            let claims: Vec<Claim> = wants.iter().map(|(ways, protected, priority)| Claim {
                priority: *priority,
                ..claim(*ways, *protected)
            }).collect();
            let masks = place(&claims, &CACHE);
            for (claim, mask) in claims.iter().zip(&masks) {
                let mask = mask.unwrap();
                prop_assert!(mask.is_contiguous() && CACHE.all.holds(mask));
                prop_assert_eq!(Some(Want::Ways(mask.ways())), claim.want);
            }
            // What was placed once stays where it is.
            let again: Vec<Claim> = claims.iter().zip(&masks).map(|(claim, mask)| Claim { stands: *mask, ..*claim }).collect();
            prop_assert_eq!(place(&again, &CACHE), masks);
        }
    }
}
