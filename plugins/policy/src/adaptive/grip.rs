//! A knob that is turned on a culprit: how far, how it is turned further, and how it is turned back.

use crate::config::AdaptiveConfig;
use crate::lease::{KnobOf, Wanted};
use crate::taken;
use crate::world::Offer;
use pipeline_plugin_api::prelude::*;
use std::collections::BTreeMap;
use std::ops::Deref;

/// What a knob may take at its strictest value so that it is turned there at once.
const LITTLE: f64 = 0.2;

/// A knob that is turned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grip {
    /// Where it stands, in the knob's unit; of a list how many are on it, or 0 where it matters which.
    pub value: f64,
    /// For knobs that are not numbers.
    pub text: String,
    /// The value from which on it restrains nothing.
    pub free: f64,
    /// One sentence for people.
    pub why: String,
}

impl Grip {
    /// As an end state.
    pub fn wanted(&self) -> Wanted {
        Wanted {
            value: self.value,
            text: self.text.clone(),
            why: self.why.clone(),
            ..Wanted::default()
        }
    }

    /// A knob that is a list of which it matters what is on it. Why is for the caller to say, as for [`Grip::number`].
    pub fn list(text: String) -> Self {
        Self {
            text,
            ..Self::default()
        }
    }

    /// A number turned that share of the way from where it stands, or else from where it restrains nothing, to its
    /// strictest value, and all of it for a switch and for what takes little; `None` where it cannot be turned further.
    /// `used` is, for what limits CPU time, the culprit's, which says where it begins to restrain.
    pub fn number(held: Option<&Self>, offer: &Offer, used: Option<f64>, cut: f64) -> Option<Self> {
        let strictest = offer.strictest()?;
        let free = held.map_or_else(|| free(offer, used), |held| Some(held.free))?;
        let from = held.map_or(free, |held| held.value);
        if !from.is_finite() || !strictest.is_finite() {
            return None;
        }
        let cut = if is_switch(offer) || offer.cost <= LITTLE {
            1.0
        } else {
            cut
        };
        let value = offer.rounded(from + (strictest - from) * cut)?;
        // Someone may have set a stricter one, which must not be loosened.
        let is_stricter = |than: f64| value != than && offer.stricter(value, than) == value;
        let further = is_stricter(from) && (offer.value.is_nan() || is_stricter(offer.value));
        further.then(|| Self {
            value,
            text: String::new(),
            free,
            why: String::new(),
        })
    }

    /// The share of its culprit's work that it leaves: of so many CPUs what they are of those that were used, and else what
    /// the knob's cost says.
    pub fn left(&self, offer: &Offer) -> f64 {
        if self.is_count() {
            (self.value / self.free).min(1.0)
        } else {
            1.0 - taken::by(offer, self.value, self.is_place())
        }
    }

    /// Whether it is a list of which it matters how many are on it.
    pub fn is_count(&self) -> bool {
        !self.text.is_empty() && self.value > 0.0
    }

    /// Whether it is a list of which it matters which are on it.
    fn is_place(&self) -> bool {
        !self.text.is_empty() && !self.is_count()
    }

    /// A step back; `None` where it then restrains nothing any more. What is on a list is for the caller to say.
    pub fn looser(&self, offer: &Offer, config: &AdaptiveConfig, why: &str) -> Option<Self> {
        let strictest = offer.strictest()?;
        if self.is_place() || is_switch(offer) || !strictest.is_finite() {
            return None;
        }
        let range = self.free - strictest;
        let step = (range.abs() * config.grow).max(offer.step.max(0.0));
        let value = self.value + step.copysign(range);
        let value = if offer.step > 0.0 { offer.rounded(value)? } else { value };
        let restrains = (self.free - value) * range > range * range * 1e-9;
        (restrains && value != self.value).then(|| Self {
            value,
            why: why.to_owned(),
            ..self.clone()
        })
    }
}

/// Whether a knob is only on or off.
fn is_switch(offer: &Offer) -> bool {
    offer.step > 0.0 && offer.most - offer.least <= offer.step
        || (offer.least, offer.most) == (0.0, 1.0) && offer.upwards
}

/// From where on a number restrains nothing: where it was found, or what the culprit used if that is stricter.
fn free(offer: &Offer, used: Option<f64>) -> Option<f64> {
    let found = offer
        .found()
        .filter(|found| found.is_finite())
        .or_else(|| offer.loosest())?;
    let free = used.map_or(found, |used| offer.stricter(found, used));
    free.is_finite().then_some(free)
}

/// Whether that knob is a quota of CPU time, which restrains only below what is used.
pub fn is_quota(name: &str) -> bool {
    name == vocabulary::CPU_QUOTA.name
}

/// A knob with its grip.
pub type Turned = (KnobOf, Grip);

/// All knobs that are turned for a victim, and whether that changed: what is made of them is not made again where it did not.
#[derive(Clone, Debug, Default)]
pub struct Grips {
    all: BTreeMap<KnobOf, Grip>,
    changed: bool,
}

impl Deref for Grips {
    type Target = BTreeMap<KnobOf, Grip>;

    fn deref(&self) -> &Self::Target {
        &self.all
    }
}

impl FromIterator<Turned> for Grips {
    fn from_iter<T: IntoIterator<Item = Turned>>(turned: T) -> Self {
        Self {
            all: turned.into_iter().collect(),
            changed: true,
        }
    }
}

impl Extend<Turned> for Grips {
    fn extend<T: IntoIterator<Item = Turned>>(&mut self, turned: T) {
        self.changed = true;
        self.all.extend(turned);
    }
}

impl Grips {
    /// One comes into force, in place of what was of that knob.
    pub fn insert(&mut self, knob: KnobOf, grip: Grip) {
        self.changed = true;
        self.all.insert(knob, grip);
    }

    /// One is over.
    pub fn remove(&mut self, knob: &KnobOf) -> Option<Grip> {
        let grip = self.all.remove(knob);
        self.changed |= grip.is_some();
        grip
    }

    /// Those of other targets than these are over.
    pub fn retain(&mut self, keeps: impl Fn(TargetId) -> bool) {
        let had = self.all.len();
        self.all.retain(|(target, _), _| keeps(*target));
        self.changed |= self.all.len() != had;
    }

    /// All are over.
    pub fn take(&mut self) -> BTreeMap<KnobOf, Grip> {
        self.changed |= !self.all.is_empty();
        std::mem::take(&mut self.all)
    }

    /// Whether they changed since this was asked last.
    pub fn were_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(least: f64, most: f64, step: f64, value: f64, upwards: bool) -> Offer {
        Offer {
            least,
            most,
            value,
            upwards,
            step,
            cost: 0.5,
            ..Offer::default()
        }
    }

    #[test]
    fn a_knob_is_cut_fast_and_to_its_end_and_turned_back_slowly() {
        let ways = offer(1.0, 20.0, 1.0, 20.0, false);
        let (mut down, mut held) = (Vec::new(), None);
        while let Some(grip) = Grip::number(held.as_ref(), &ways, None, 0.8) {
            down.push(grip.value);
            held = Some(grip);
        }
        assert_eq!(down, [4.0, 1.0]);
        let (config, mut up) = (AdaptiveConfig::default(), Vec::new());
        while let Some(grip) = held.and_then(|grip| grip.looser(&ways, &config, "")) {
            up.push(grip.value);
            held = Some(grip);
        }
        assert_eq!(
            up,
            [
                2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0, 11.0, 12.0, 13.0, 14.0, 15.0, 16.0, 17.0, 18.0, 19.0
            ]
        );
    }

    #[test]
    fn a_switch_is_on_or_off_and_what_somebody_set_is_not_loosened() {
        let idle = offer(0.0, 1.0, 1.0, 0.0, true);
        let on = Grip::number(None, &idle, None, 0.8).unwrap();
        assert_eq!(
            (on.value, on.looser(&idle, &AdaptiveConfig::default(), "")),
            (1.0, None)
        );
        assert_eq!(Grip::number(Some(&on), &idle, None, 0.8), None);
        assert_eq!(Grip::number(None, &offer(0.0, 1.0, 1.0, 1.0, true), None, 0.8), None);
        let share = offer(0.1, 1.0, 0.1, 1.0, false);
        let cut = Grip::number(None, &share, None, 0.8).unwrap();
        assert!((cut.value - 0.2).abs() < 1e-9, "{}", cut.value);
    }

    #[test]
    fn of_a_number_of_cpus_is_left_what_they_are_of_those_that_were_used() {
        let set = offer(1.0, 8.0, 1.0, 6.0, false);
        let mut fewer = Grip::number(None, &set, Some(4.5), 0.4).unwrap();
        assert_eq!((fewer.value, fewer.free), (3.0, 4.5));
        fewer.text = "5-7".to_owned();
        assert!((fewer.left(&set) - 3.0 / 4.5).abs() < 1e-9);
        let config = AdaptiveConfig::default();
        let wider = fewer.looser(&set, &config, "").unwrap();
        assert_eq!((wider.value, wider.looser(&set, &config, "")), (4.0, None));
        let away = Grip::list("2-7".to_owned());
        assert_eq!((away.left(&set), away.looser(&set, &config, "")), (0.5, None));
    }

    #[test]
    fn a_quota_restrains_from_what_is_used() {
        let quota = offer(0.01, f64::INFINITY, 0.0, f64::INFINITY, false);
        assert_eq!(
            Grip::number(None, &quota, None, 0.8),
            None,
            "from where it restrains is not known"
        );
        let cut = Grip::number(None, &quota, Some(0.81), 0.8).unwrap();
        assert!((cut.value - 0.17).abs() < 1e-9 && cut.free == 0.81, "{cut:?}");
    }
}
