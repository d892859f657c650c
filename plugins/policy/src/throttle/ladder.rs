//! The ladder: what each remedy is for a culprit, given what its actuator offers, and how a graded
//! one is loosened. In which order they are tried is the config's; when, is the case's.

use crate::config::{Rung, ThrottleConfig};
use crate::lease::KnobOf;
use crate::world::{Offer, World, cpu_list};
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;

/// The weight of a target that nobody gave one (cgroup-v2.rst, "cpu.weight").
const USUAL_WEIGHT: f64 = 100.0;

/// A remedy as it is in force on one culprit.
#[derive(Clone, Debug, PartialEq)]
pub struct Remedy {
    /// Which.
    pub rung: Rung,
    /// The knob that it turns.
    pub knob: KnobOf,
    /// In the knob's unit.
    pub value: f64,
    /// For knobs that are not numbers.
    pub text: String,
    /// The value from which on it restrains nothing; for graded remedies.
    pub free: f64,
    /// One sentence for people.
    pub why: String,
}

impl Remedy {
    /// A step looser; `None` where it would restrain nothing any more.
    pub fn looser(&self, config: &ThrottleConfig) -> Option<Self> {
        let step = match self.rung {
            Rung::Quota => config.quota_step,
            Rung::Weight => config.weight_step,
            Rung::Ways => config.ways_step,
            Rung::Bandwidth => config.bandwidth_step,
            _ => return None,
        };
        let upwards = self.free >= self.value;
        let value = if upwards { self.value + step } else { self.value - step };
        // Ten steps of a tenth are one, whatever the last bit says.
        let restrains = if upwards {
            value < self.free - 1e-9
        } else {
            value > self.free + 1e-9
        };
        (restrains && value != self.value).then(|| Self { value, ..self.clone() })
    }
}

/// The remedies that the actuators offer.
#[derive(Clone, Debug)]
pub struct Ladder {
    knobs: BTreeMap<Rung, KnobId>,
}

/// What a remedy is wanted for.
#[derive(Copy, Clone, Debug)]
pub struct Need<'a> {
    /// Whom to restrain.
    pub culprit: TargetId,
    /// For whom.
    pub victim: TargetId,
    /// The culprit's CPU time, in CPUs, where that is known.
    pub used: Option<f64>,
    /// Through what it does the harm.
    pub resource: Resource,
    /// The CPUs that it is not to use, besides the victim's.
    pub avoid: &'a [u32],
    /// Why, for people.
    pub why: &'a str,
}

impl Ladder {
    /// Asks the host for the knobs of the config's ladder.
    ///
    /// # Errors
    /// Another node means something else by the name of a knob.
    pub fn new(config: &ThrottleConfig, host: &Host) -> Result<Self> {
        let named = |rung: &Rung| Ok((*rung, host.knob(rung.knob())?));
        let knobs: Result<BTreeMap<Rung, KnobId>> = config.ladder.iter().map(named).collect();
        Ok(Self { knobs: knobs? })
    }

    /// The remedy that a rung is for a culprit now; `None` where nobody offers it, it is to be left
    /// alone, or it would loosen what someone else set.
    pub fn remedy(
        &self,
        rung: Rung,
        need: Need<'_>,
        at: Nanos,
        world: &World,
        config: &ThrottleConfig,
    ) -> Option<Remedy> {
        let knob = (need.culprit, *self.knobs.get(&rung)?);
        let offer = world.offer(knob, at)?;
        let free = free(rung, need, offer);
        let text = match rung {
            // Nowhere is known to be away from a sibling thread that is not known.
            Rung::CpuSet if need.resource == Resource::SMT && need.avoid.is_empty() => return None,
            Rung::CpuSet => cpu_list(&world.haven(need.culprit, need.victim, need.avoid, config.may_move)?),
            _ => String::new(),
        };
        Some(Remedy {
            rung,
            knob,
            value: value(rung, need, offer, config)?,
            text,
            free,
            why: format!("{}; `{}` is the cheapest remedy left", need.why, rung.knob().name),
        })
    }
}

fn value(rung: Rung, need: Need<'_>, offer: &Offer, config: &ThrottleConfig) -> Option<f64> {
    let wanted = match rung {
        Rung::CpuSet => return Some(0.0),
        Rung::Idle | Rung::Weight | Rung::Duty | Rung::Pause | Rung::Freeze => offer.strictest()?,
        Rung::Quota => {
            let cut = need.used.unwrap_or(0.0) * config.cut;
            offer.bound(cut.max(config.floor))?
        }
        Rung::Ways => offer.rounded(offer.most * config.ways_cut)?,
        Rung::Bandwidth => offer.rounded(config.bandwidth_cut)?,
    };
    // Someone may have set a stricter one, which must not be loosened; of a cache or of bandwidth the same is no remedy.
    let is_share = matches!(rung, Rung::Ways | Rung::Bandwidth);
    let restrains =
        offer.value.is_nan() || offer.stricter(wanted, offer.value) == wanted && !(is_share && offer.value == wanted);
    (restrains && wanted.is_finite()).then_some(wanted)
}

/// Where a graded remedy ends: at what the culprit used, or at what was found.
fn free(rung: Rung, need: Need<'_>, offer: &Offer) -> f64 {
    let found = Some(offer.value).filter(|value| value.is_finite());
    match rung {
        Rung::Quota => need.used.or(found).unwrap_or(1.0),
        Rung::Weight => found.unwrap_or(USUAL_WEIGHT),
        Rung::Ways | Rung::Bandwidth => found.unwrap_or(offer.most),
        _ => 0.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::Known;
    use pipeline_plugin_api::testkit::TestHost;

    const NEED: Need<'_> = Need {
        culprit: TargetId(2),
        victim: TargetId(1),
        used: Some(0.8),
        resource: Resource::CPU_TIME,
        avoid: &[],
        why: "`batch` slows `web`",
    };

    fn remedy(rung: Rung, offer: Offer) -> Option<Remedy> {
        let config = ThrottleConfig {
            ladder: vec![rung],
            ..ThrottleConfig::default()
        };
        let host = TestHost::new();
        let ladder = Ladder::new(&config, &Host::new(host.handle())).unwrap();
        let mut world = World::default();
        for (id, latency, cpus) in [(1, true, vec![0]), (2, false, vec![0, 1])] {
            let known = Known {
                latency,
                cpus,
                ..Known::default()
            };
            world.targets.insert(TargetId(id), known);
        }
        world.offers.insert((TargetId(2), host.knob(rung.knob())), offer);
        ladder.remedy(rung, NEED, Nanos::ZERO, &world, &config)
    }

    fn offer(least: f64, most: f64, value: f64, upwards: bool) -> Offer {
        Offer {
            least,
            most,
            value,
            upwards,
            ..Offer::default()
        }
    }

    #[test]
    fn each_rung_is_as_strict_as_its_offer_allows() {
        let inf = f64::INFINITY;
        let cases = [
            (Rung::Idle, offer(0.0, 1.0, 0.0, true), Some((1.0, ""))),
            (Rung::Idle, offer(0.0, 1.0, 1.0, true), Some((1.0, ""))),
            (Rung::Weight, offer(1.0, 10_000.0, 100.0, false), Some((1.0, ""))),
            (Rung::Weight, offer(1.0, 10_000.0, 1.0, false), Some((1.0, ""))),
            (Rung::CpuSet, offer(0.0, 0.0, f64::NAN, false), Some((0.0, "1"))),
            (Rung::Quota, offer(0.01, inf, inf, false), Some((0.08, ""))),
            (Rung::Quota, offer(0.2, inf, inf, false), Some((0.2, ""))),
            (Rung::Quota, offer(0.01, inf, 0.05, false), None),
            (Rung::Ways, offer(1.0, 20.0, 20.0, false), Some((3.0, ""))),
            (Rung::Ways, offer(2.0, 11.0, 11.0, false), Some((2.0, ""))),
            (Rung::Ways, offer(1.0, 1.0, 1.0, false), None),
            (Rung::Ways, offer(1.0, 20.0, 3.0, false), None),
            (Rung::Bandwidth, offer(0.1, 1.0, 1.0, false), Some((0.2, ""))),
            (Rung::Bandwidth, offer(0.3, 1.0, 1.0, false), Some((0.3, ""))),
            (Rung::Duty, offer(0.0, 1.0, 0.0, true), Some((1.0, ""))),
            (Rung::Pause, offer(0.0, 1.0, 0.0, true), Some((1.0, ""))),
            (Rung::Freeze, offer(0.0, 1.0, 0.0, true), Some((1.0, ""))),
            (Rung::Freeze, offer(1.0, 0.0, 0.0, true), None),
        ];
        for (rung, offer, expected) in cases {
            let is = remedy(rung, offer);
            let is = is
                .as_ref()
                .map(|remedy| ((remedy.value * 1000.0).round() / 1000.0, remedy.text.as_str()));
            assert_eq!(is, expected, "{rung:?} {offer:?}");
        }
    }

    #[test]
    fn off_a_sibling_thread_goes_only_who_is_known_to_be_on_one() {
        let config = ThrottleConfig::default();
        let host = TestHost::new();
        let ladder = Ladder::new(&config, &Host::new(host.handle())).unwrap();
        let mut world = World::default();
        for (id, cpus) in [(1, vec![0]), (2, vec![0, 1, 2, 3])] {
            let known = Known {
                latency: id == 1,
                cpus,
                ..Known::default()
            };
            world.targets.insert(TargetId(id), known);
        }
        let knob = (TargetId(2), host.knob(Rung::CpuSet.knob()));
        world.offers.insert(knob, offer(1.0, 4.0, 4.0, false));
        let smt = |avoid| Need {
            resource: Resource::SMT,
            avoid,
            ..NEED
        };
        let on = |avoid| ladder.remedy(Rung::CpuSet, smt(avoid), Nanos::ZERO, &world, &config);
        assert_eq!(on(&[]), None);
        assert_eq!(on(&[2]).unwrap().text, "1,3");
    }

    #[test]
    fn a_quota_is_loosened_step_by_step_until_it_restrains_nothing() {
        let config = ThrottleConfig::default();
        let mut steps = Vec::new();
        let mut at = remedy(Rung::Quota, offer(0.01, f64::INFINITY, f64::INFINITY, false));
        while let Some(remedy) = at {
            steps.push((remedy.value * 100.0).round());
            at = remedy.looser(&config);
        }
        assert_eq!(steps, [8.0, 18.0, 28.0, 38.0, 48.0, 58.0, 68.0, 78.0]);
        assert_eq!(
            remedy(Rung::Idle, offer(0.0, 1.0, 0.0, true)).unwrap().looser(&config),
            None
        );
    }
}
