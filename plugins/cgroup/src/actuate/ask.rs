//! What an action asks for, within what the knob takes. Pure: nothing is read or written here.

use pipeline_cgroup_fs::{CpuSet, KnobKind, Quota, Setting};
use pipeline_plugin_api::prelude::*;

/// How far a knob of one group reaches.
#[derive(Clone, Debug, PartialEq)]
pub struct Reach {
    /// The period of the quota in force, in microseconds.
    pub period_us: u64,
    /// The CPUs of the group above.
    pub cpus: CpuSet,
}

/// What is to be in force, and why it is not quite what was asked for; empty where it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    /// Within the knob's bounds.
    pub setting: Setting,
    /// For the outcome.
    pub clamped: String,
}

impl Ask {
    /// What `action` asks of a knob of that kind.
    ///
    /// # Errors
    /// There is no value near to it; the sentence says why.
    pub fn of(kind: KnobKind, action: &Action, reach: &Reach) -> std::result::Result<Self, String> {
        if kind != KnobKind::Cpus && action.value.is_nan() {
            return Err("the value is not a number".into());
        }
        match kind {
            KnobKind::Idle => Ok(switch(action.value, Setting::Idle)),
            KnobKind::Freeze => Ok(switch(action.value, Setting::Frozen)),
            KnobKind::Weight => Ok(weight(action.value)),
            KnobKind::Quota => Ok(quota(action.value, reach.period_us)),
            KnobKind::Cpus => cpus(&action.text, &reach.cpus),
        }
    }

    fn exact(setting: Setting) -> Self {
        Self {
            setting,
            clamped: String::new(),
        }
    }

    fn clamped(setting: Setting, why: String) -> Self {
        Self { setting, clamped: why }
    }
}

/// The value of a setting in its knob's unit, and its text where it is no number.
pub fn effect(setting: &Setting) -> Effect {
    let (value, text) = match setting {
        Setting::Idle(on) | Setting::Frozen(on) => (f64::from(u8::from(*on)), String::new()),
        Setting::Weight(weight) => (*weight as f64, String::new()),
        Setting::Quota(quota) => (quota.cpus().unwrap_or(f64::INFINITY), String::new()),
        Setting::Cpus(cpus) => (cpus.len() as f64, cpus.to_string()),
    };
    Effect {
        value,
        text,
        clamped: String::new(),
    }
}

/// The least quota in CPUs: the kernel takes no less than 1 ms a period (scheduler/sched-bwc.rst).
pub fn least_quota_cpus(period_us: u64) -> f64 {
    Quota::LEAST_US as f64 / period_us.max(1) as f64
}

fn switch(value: f64, setting: fn(bool) -> Setting) -> Ask {
    let on = value >= 0.5;
    match value == f64::from(u8::from(on)) {
        true => Ask::exact(setting(on)),
        false => Ask::clamped(setting(on), format!("a switch is 0 or 1 and not {value}")),
    }
}

fn weight(value: f64) -> Ask {
    const LEAST: f64 = 1.0;
    const MOST: f64 = 10_000.0;
    let near = value.round().clamp(LEAST, MOST);
    let setting = Setting::Weight(near as u64);
    match (value - near).abs() < 0.5 {
        true => Ask::exact(setting),
        false => Ask::clamped(setting, format!("weights go from {LEAST} to {MOST}")),
    }
}

fn quota(cpus: f64, period_us: u64) -> Ask {
    // Beyond that the kernel's arithmetic ends; no machine has as many CPUs.
    const MOST_CPUS: f64 = 8192.0;
    if cpus > MOST_CPUS {
        let none = Setting::Quota(Quota {
            quota_us: None,
            period_us,
        });
        return match cpus.is_infinite() {
            true => Ask::exact(none),
            false => Ask::clamped(none, "more CPUs than there can be is no limit".into()),
        };
    }
    let quota_us = (cpus * period_us as f64).round();
    let least = Quota::LEAST_US as f64;
    let setting = Setting::Quota(Quota {
        quota_us: Some(quota_us.max(least) as u64),
        period_us,
    });
    match quota_us < least {
        true => Ask::clamped(setting, format!("the kernel takes no less than 1 ms in {period_us} µs")),
        false => Ask::exact(setting),
    }
}

fn cpus(text: &str, parent: &CpuSet) -> std::result::Result<Ask, String> {
    let asked: CpuSet = text.parse().map_err(|error| format!("{error}"))?;
    if asked.is_empty() {
        return Err("no CPUs are given; write a list like `0-3,8` as the action's text".into());
    }
    let there = asked.intersection(parent);
    if there.is_empty() {
        return Err(format!("the group above has the CPUs `{parent}` and none of `{asked}`"));
    }
    match there == asked {
        true => Ok(Ask::exact(Setting::Cpus(there))),
        false => {
            let why = format!("the group above has the CPUs `{parent}` only");
            Ok(Ask::clamped(Setting::Cpus(there), why))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ask(kind: KnobKind, value: f64, text: &str) -> std::result::Result<Ask, String> {
        let reach = Reach {
            period_us: 100_000,
            cpus: "0-3".parse().unwrap(),
        };
        Ask::of(
            kind,
            &Action {
                value,
                text: text.into(),
                ..Action::default()
            },
            &reach,
        )
    }

    fn quota_us(ask: Ask) -> Option<u64> {
        match ask.setting {
            Setting::Quota(quota) => quota.quota_us,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn quotas_count_in_cpus_and_the_least_is_a_millisecond() {
        assert_eq!(quota_us(ask(KnobKind::Quota, 0.5, "").unwrap()), Some(50_000));
        let least = ask(KnobKind::Quota, 0.0001, "").unwrap();
        assert_eq!(least.clamped, "the kernel takes no less than 1 ms in 100000 µs");
        assert_eq!(quota_us(least), Some(1000));
        assert_eq!(ask(KnobKind::Quota, f64::INFINITY, "").unwrap().clamped, "");
        assert_eq!(quota_us(ask(KnobKind::Quota, 1e9, "").unwrap()), None);
    }

    #[test]
    fn cpus_beyond_the_group_above_are_left_out_and_said() {
        let clamped = ask(KnobKind::Cpus, 0.0, "2-7").unwrap();
        assert_eq!(clamped.setting, Setting::Cpus("2-3".parse().unwrap()));
        assert_eq!(clamped.clamped, "the group above has the CPUs `0-3` only");
        assert!(ask(KnobKind::Cpus, 0.0, "4-7").unwrap_err().contains("none of `4-7`"));
        assert!(ask(KnobKind::Cpus, 0.0, "").unwrap_err().contains("write a list"));
        assert!(ask(KnobKind::Cpus, 0.0, "3-1").unwrap_err().contains("write `1-3`"));
    }

    #[test]
    fn what_is_no_number_is_refused() {
        assert!(ask(KnobKind::Weight, f64::NAN, "").is_err());
        assert!(ask(KnobKind::Cpus, f64::NAN, "1").is_ok(), "a list is no number anyway");
    }

    #[test]
    fn effects_are_in_the_knobs_unit() {
        assert_eq!(effect(&Setting::Quota(Quota::NONE)).value, f64::INFINITY);
        assert_eq!(
            effect(&Setting::Cpus("1,3".parse().unwrap())),
            Effect {
                value: 2.0,
                text: "1,3".into(),
                clamped: String::new()
            }
        );
        assert_eq!(effect(&Setting::Frozen(true)).value, 1.0);
    }

    proptest! {
        #[test]
        fn whatever_is_asked_is_within_the_bounds_and_a_change_is_said(value: f64) {
            prop_assume!(!value.is_nan());
            for kind in [KnobKind::Idle, KnobKind::Weight, KnobKind::Quota, KnobKind::Freeze] {
                let got = ask(kind, value, "").unwrap();
                let value_set = effect(&got.setting).value;
                match kind {
                    KnobKind::Weight => prop_assert!((1.0..=10_000.0).contains(&value_set)),
                    KnobKind::Quota => prop_assert!(value_set >= 0.01),
                    _ => prop_assert!(value_set == 0.0 || value_set == 1.0),
                }
                let tolerance = if kind == KnobKind::Quota { 0.00001 } else { 0.5 };
                let near = value_set == value || (value_set - value).abs() <= tolerance;
                prop_assert!(near || !got.clamped.is_empty(), "{kind:?} {value} became {value_set}");
            }
        }
    }
}
