//! What an action asks for, within what the knob takes, and how a knob stands: in the words of the real actuators. Pure.

use crate::registry::Ground;
use pipeline_plugin_api::prelude::*;
use pipeline_sim_model::{Cpus, Dial};

/// The least quota: the kernel takes no less than 1 ms in a period of 100 ms (scheduler/sched-bwc.rst).
const LEAST_QUOTA: f64 = 0.01;
/// Beyond that a quota is none; no machine has as many CPUs.
const MOST_QUOTA: f64 = 8192.0;

/// What is to be in force, and why it is not quite what was asked for; empty where it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ask {
    /// In the knob's unit.
    pub value: f64,
    /// For knobs that are lists.
    pub text: String,
    /// For the outcome.
    pub clamped: String,
}

impl Ask {
    /// What an action asks of a knob.
    ///
    /// # Errors
    /// There is no value near to it; the sentence says why.
    pub fn of(ground: &Ground, dial: Dial, action: &Action) -> std::result::Result<Self, String> {
        let is_list = matches!(dial, Dial::Cpus | Dial::Affinity);
        if !is_list && action.value.is_nan() {
            return Err("the value is not a number".to_owned());
        }
        let machine = &ground.simulation.scenario().machine;
        match dial {
            Dial::Idle | Dial::Frozen | Dial::Paused => Ok(switch(action.value)),
            Dial::Weight => Ok(weight(action.value)),
            Dial::Quota => Ok(quota(action.value)),
            Dial::Cpus | Dial::Affinity => cpus(&action.text, ground.simulation.scenario().cpus()),
            Dial::Ways => ways(action.value, machine.least_ways, machine.ways),
            Dial::Bandwidth => bandwidth(action.value, machine.bandwidth_step),
        }
    }

    const fn exact(value: f64) -> Self {
        Self {
            value,
            text: String::new(),
            clamped: String::new(),
        }
    }

    fn near(value: f64, asked: f64, why: impl FnOnce() -> String) -> Self {
        let clamped = if value == asked { String::new() } else { why() };
        Self {
            clamped,
            ..Self::exact(value)
        }
    }
}

fn switch(value: f64) -> Ask {
    let on = f64::from(u8::from(value >= 0.5));
    Ask::near(on, value, || format!("a switch is 0 or 1 and not {value}"))
}

fn weight(value: f64) -> Ask {
    let near = value.round().clamp(1.0, 10_000.0);
    match (value - near).abs() < 0.5 {
        true => Ask::exact(near),
        false => Ask::near(near, value, || "weights go from 1 to 10000".to_owned()),
    }
}

fn quota(cpus: f64) -> Ask {
    match cpus {
        none if none.is_infinite() && none > 0.0 => Ask::exact(f64::INFINITY),
        many if many > MOST_QUOTA => Ask::near(f64::INFINITY, many, || {
            "more CPUs than there can be is no limit".to_owned()
        }),
        few if few < LEAST_QUOTA => Ask::near(LEAST_QUOTA, few, || {
            "the kernel takes no less than 1 ms in 100000 µs".to_owned()
        }),
        // Microseconds in a period of a tenth of a second.
        some => Ask::exact((some * 1e5).round() / 1e5),
    }
}

fn cpus(text: &str, end: u32) -> std::result::Result<Ask, String> {
    let asked = Cpus::parse(text)?;
    if asked.is_empty() {
        return Err("no CPUs are given; write a list like `0-3,8` as the action's text".to_owned());
    }
    let there = asked.below(end);
    let last = end.saturating_sub(1);
    if there.is_empty() {
        return Err(format!("the machine has the CPUs `0-{last}` and none of `{asked}`"));
    }
    let clamped = if there == asked {
        String::new()
    } else {
        format!("the machine has the CPUs `0-{last}` only")
    };
    Ok(Ask {
        value: there.len() as f64,
        text: there.to_string(),
        clamped,
    })
}

fn ways(value: f64, least: u32, most: u32) -> std::result::Result<Ask, String> {
    if !value.is_finite() || value < 0.0 || value.fract() != 0.0 {
        return Err(format!("`{value}` is no count of ways"));
    }
    let near = value.clamp(f64::from(least), f64::from(most));
    Ok(Ask::near(near, value, || {
        format!("the hardware takes {least} to {most} ways")
    }))
}

/// Rounded up, as the kernel does (resctrl.rst, "Memory bandwidth Allocation").
fn bandwidth(value: f64, step: f64) -> std::result::Result<Ask, String> {
    if !value.is_finite() || value < 0.0 {
        return Err(format!("`{value}` is no amount of bandwidth; give 0 to 1"));
    }
    // A hair above a step is that step, and not the next one.
    let near = ((value / step - 1e-6).ceil() * step).clamp(step, 1.0);
    let near = (near * 1e6).round() / 1e6;
    match (near - value).abs() < 1e-6 {
        true => Ok(Ask::exact(near)),
        false => Ok(Ask::near(near, value, || {
            let percent = |share: f64| (share * 100.0 * 100.0).round() / 100.0;
            let (step, value, near) = (percent(step), percent(value), percent(near));
            format!("the hardware has steps of {step} from {step} to 100, and {value} became {near}")
        })),
    }
}

/// How a knob stands.
pub fn effect(ground: &Ground, place: usize, dial: Dial) -> Effect {
    let settings = ground.simulation.settings(place);
    let scenario = ground.simulation.scenario();
    let switch = |on: bool| (f64::from(u8::from(on)), String::new());
    let list = |cpus: &Option<Cpus>| {
        let all = || (0..scenario.cpus()).collect();
        let cpus: Cpus = cpus.clone().unwrap_or_else(all);
        (cpus.len() as f64, cpus.to_string())
    };
    let (value, text) = match dial {
        Dial::Idle => switch(settings.idle),
        Dial::Frozen => switch(settings.frozen),
        Dial::Paused => switch(settings.paused),
        Dial::Weight => (settings.weight, String::new()),
        Dial::Quota => (settings.quota, String::new()),
        Dial::Cpus => list(&settings.cpus),
        Dial::Affinity => list(&settings.affinity),
        Dial::Ways => {
            let all = u32::MAX >> (32 - scenario.machine.ways.clamp(1, 32));
            let mask = settings.ways & all;
            (f64::from(mask.count_ones()), masks(mask, scenario.machine.caches))
        }
        Dial::Bandwidth => (settings.bandwidth, String::new()),
    };
    Effect {
        value,
        text,
        clamped: String::new(),
    }
}

fn masks(mask: u32, caches: u32) -> String {
    let masks: Vec<String> = (0..caches).map(|cache| format!("{cache}=0x{mask:x}")).collect();
    masks.join(";")
}

/// A knob as it is offered. What it costs is an estimate that puts knobs in order, the same as of the real ones.
pub fn control(ground: &Ground, place: usize, dial: Dial, knob: KnobId, change: &TargetChange) -> Control {
    let machine = &ground.simulation.scenario().machine;
    let cpus = f64::from(ground.simulation.scenario().cpus());
    let (least, most, step, stricter, cost) = match dial {
        Dial::Idle => (0.0, 1.0, 1.0, 1, 0.1),
        Dial::Weight => (1.0, 10_000.0, 1.0, -1, 0.15),
        Dial::Cpus | Dial::Affinity => (1.0, cpus, 1.0, -1, 0.5),
        Dial::Quota => (LEAST_QUOTA, cpus, 0.0, -1, 0.95),
        Dial::Frozen | Dial::Paused => (0.0, 1.0, 1.0, 1, 1.0),
        Dial::Ways => (f64::from(machine.least_ways), f64::from(machine.ways), 1.0, -1, 0.5),
        Dial::Bandwidth => (machine.bandwidth_step, 1.0, machine.bandwidth_step, -1, 0.5),
    };
    Control {
        at: change.at,
        target: change.target.id,
        knob,
        resource: match dial {
            Dial::Ways => Resource::L3,
            Dial::Bandwidth => Resource::MEMORY_BANDWIDTH,
            _ => Resource::CPU_TIME,
        },
        least,
        most,
        step,
        value: effect(ground, place, dial).value,
        stricter,
        cost,
        ..Control::default()
    }
}
