//! Whether every action has exactly one place to go: a knob with two hands on it belongs to nobody.

use super::View;
use super::ports::describe;
use crate::spec::{Fault, Link, Section, quoted};
use pipeline_plugin_api::abi::{Port, PortKind};
use pipeline_plugin_api::ports::ANY;

/// Checks what schedulers decide, and who carries it out.
pub(super) fn check(view: &View<'_>, faults: &mut Vec<Fault>) {
    for (node, spec) in view.nodes() {
        match spec.section {
            Section::Schedulers => decisions(view, node, faults),
            Section::Actuators => faults.extend(masters(view, node)),
            _ => {}
        }
    }
}

/// Every knob that a scheduler decides on is taken by exactly one of the nodes that read it.
fn decisions(view: &View<'_>, scheduler: usize, faults: &mut Vec<Fault>) {
    let (Some(ports), Some(takers)) = (view.ports(scheduler), takers(view, scheduler)) else {
        return;
    };
    for give in ports.gives.iter().filter(|port| port.kind == PortKind::ACTIONS) {
        let hands: Vec<usize> = takers
            .iter()
            .copied()
            .filter(|taker| takes(view, *taker, give))
            .collect();
        if hands.is_empty() {
            faults.push(nobody(view, scheduler, give));
        } else if give.name == ANY {
            faults.extend(shared_knob(view, scheduler, &hands));
        } else if hands.len() > 1 {
            faults.push(several(view, scheduler, &give.name, &hands));
        }
    }
}

/// The nodes that may carry a scheduler's actions out or on. None where a fault hides some of them.
fn takers(view: &View<'_>, scheduler: usize) -> Option<Vec<usize>> {
    let acting = view
        .nodes()
        .filter(|(_, node)| matches!(node.section, Section::Schedulers | Section::Actuators));
    let mut found = Vec::new();
    for (taker, node) in acting {
        let reads = node.from.iter().any(|link| link.node == scheduler);
        if !node.linked || (reads && view.ports(taker).is_none()) {
            return None;
        }
        if reads {
            found.push(taker);
        }
    }
    Some(found)
}

fn takes(view: &View<'_>, taker: usize, give: &Port) -> bool {
    view.ports(taker)
        .is_some_and(|ports| ports.takes.iter().any(|take| give.feeds(take)))
}

fn nobody(view: &View<'_>, scheduler: usize, give: &Port) -> Fault {
    let name = view.name(scheduler);
    let what = give.describe();
    let mut able = view
        .nodes()
        .filter(|(node, spec)| spec.section == Section::Actuators && takes(view, *node, give));
    let help = match able.next() {
        Some((actuator, _)) => {
            format!("`{}` can; add `\"{name}\"` to its `from`", view.name(actuator))
        }
        None => format!("add an actuator that does, with `from: [\"{name}\"]`; `pipeline plugins` lists actuators"),
    };
    Fault::error(
        view.element_at(scheduler),
        format!("no actuator takes {what} from `{name}`"),
    )
    .label(format!("gives {what}"))
    .help(help)
}

fn several(view: &View<'_>, scheduler: usize, knob: &str, hands: &[usize]) -> Fault {
    let names = quoted(hands.iter().map(|hand| view.name(*hand)));
    let all = if hands.len() == 2 { "both" } else { "all" };
    let message = format!("{names} {all} take actions on `{knob}` from `{}`", view.name(scheduler));
    let fault = Fault::error(view.element_at(scheduler), message).help("keep one of them");
    hands.iter().fold(fault, |fault, hand| {
        let gets = view
            .ports(*hand)
            .map(|ports| describe(&ports.takes))
            .unwrap_or_default();
        fault.also(view.element_at(*hand), format!("takes {gets}"))
    })
}

/// A scheduler of any knob may feed several actuators, as long as no knob is taken by two.
fn shared_knob(view: &View<'_>, scheduler: usize, hands: &[usize]) -> Option<Fault> {
    let knobs = |hand: usize| {
        let takes = view.ports(hand).into_iter().flat_map(|ports| ports.takes.iter());
        takes.filter(|take| take.kind == PortKind::ACTIONS)
    };
    for (i, first) in hands.iter().enumerate() {
        for second in &hands[i + 1..] {
            let shared = knobs(*first).find(|knob| knobs(*second).any(|other| knob.feeds(other)));
            if let Some(knob) = shared {
                return Some(several(view, scheduler, &knob.name, &[*first, *second]));
            }
        }
    }
    None
}

/// An actuator obeys one scheduler.
fn masters(view: &View<'_>, actuator: usize) -> Option<Fault> {
    let from = &view.node(actuator).from;
    let schedulers: Vec<&Link> = from
        .iter()
        .filter(|link| view.node(link.node).section == Section::Schedulers)
        .collect();
    let [first, second, ..] = schedulers[..] else {
        return None;
    };
    let names = quoted(schedulers.iter().map(|link| view.name(link.node)));
    let message = format!("{names} would both turn the knobs of `{}`", view.name(actuator));
    let fault = Fault::error(second.at.clone(), message).also(first.at.clone(), "this one does already");
    Some(fault.help("let one scheduler read the others and decide for all, and name only that one here"))
}
