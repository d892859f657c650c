//! Whether what one node gives is something that the next takes, and whether all get what they
//! cannot work without.

use super::View;
use crate::spec::{Fault, Link, NodeSpec, Section};
use abi_stable::std_types::RVec;
use pipeline_plugin_api::abi::{Port, PortKind};
use pipeline_plugin_api::config::nearest;
use pipeline_plugin_api::ports::ANY;

/// How many ports a message names before it only counts them.
const MOST_NAMED: usize = 6;

/// Checks every edge and every need.
pub(super) fn check(view: &View<'_>, faults: &mut Vec<Fault>) {
    for (taker, node) in view.nodes() {
        let unmet = needs(view, taker, node);
        // What an unmet need says of the edges need not be said twice.
        if unmet.is_empty() {
            let links = node.from.iter().chain(&node.last);
            faults.extend(links.filter_map(|link| edge(view, taker, link)));
        }
        faults.extend(unmet);
    }
}

/// What passes along an edge: something must, and in one unit on both ends.
fn edge(view: &View<'_>, taker: usize, link: &Link) -> Option<Fault> {
    let (gives, takes) = (&view.ports(link.node)?.gives, &view.ports(taker)?.takes);
    let pairs = || gives.iter().flat_map(|give| takes.iter().map(move |take| (give, take)));
    let (giver_name, taker_name) = (view.name(link.node), view.name(taker));
    if let Some((give, take)) = pairs().find(|(give, take)| give.feeds(take) && units_differ(give, take)) {
        let message = format!(
            "`{giver_name}` gives `{}` in {}, and `{taker_name}` takes it in {}",
            give.name, give.unit, take.unit
        );
        return Some(Fault::error(link.at.clone(), message).help("one of the two plugins is of another version"));
    }
    if pairs().any(|(give, take)| give.feeds(take)) {
        return None;
    }
    let fault = Fault::error(
        link.at.clone(),
        format!("`{taker_name}` takes nothing that `{giver_name}` gives"),
    )
    .label(format!("gives {}", describe(gives)))
    .also(view.element_at(taker), format!("takes {}", describe(takes)));
    Some(match view.node(link.node).section {
        Section::Targets => fault.help("every node hears of targets by itself; take it out"),
        _ => match alternative(view, taker) {
            Some(other) => fault.help(format!("`{other}` gives what it takes")),
            None => fault.help("take it out"),
        },
    })
}

fn units_differ(give: &Port, take: &Port) -> bool {
    give.name != ANY && take.name != ANY && !give.unit.is_empty() && !take.unit.is_empty() && give.unit != take.unit
}

/// A node above that gives something that the taker takes and does not read yet.
fn alternative<'a>(view: &View<'a>, taker: usize) -> Option<&'a str> {
    let takes = &view.ports(taker)?.takes;
    giver(view, taker, |give| takes.iter().any(|take| give.feeds(take)))
}

fn giver<'a>(view: &View<'a>, taker: usize, fits: impl Fn(&Port) -> bool) -> Option<&'a str> {
    let read = |node: usize| view.node(taker).from.iter().any(|link| link.node == node);
    let mut above = (0..taker).filter(|node| !read(*node));
    let found = above.find(|node| view.ports(*node).is_some_and(|ports| ports.gives.iter().any(&fits)));
    found.map(|node| view.name(node))
}

/// What the node cannot work without and nobody gives it.
fn needs(view: &View<'_>, taker: usize, node: &NodeSpec) -> Vec<Fault> {
    let links = || node.from.iter().chain(&node.last);
    let known: Option<Vec<&RVec<Port>>> = links().map(|link| Some(&view.ports(link.node)?.gives)).collect();
    let (Some(ports), Some(given), true) = (view.ports(taker), known, node.linked && node.section.reads_nodes()) else {
        return Vec::new();
    };
    let given: Vec<&Port> = given.into_iter().flatten().collect();
    let missing = ports
        .takes
        .iter()
        .filter(|take| take.required != 0 && !given.iter().any(|give| give.feeds(take)));
    missing.map(|take| unmet(view, taker, take, &given)).collect()
}

fn unmet(view: &View<'_>, taker: usize, take: &Port, given: &[&Port]) -> Fault {
    let name = view.name(taker);
    let node = view.node(taker);
    let message = format!("`{name}` needs {}, which nothing that it reads gives", take.describe());
    let mut fault = Fault::error(view.element_at(taker), message);
    for link in &node.from {
        let gives = view
            .ports(link.node)
            .map(|ports| describe(&ports.gives))
            .unwrap_or_default();
        fault = fault.also(link.at.clone(), format!("gives {gives}"));
    }
    if let Some(giver) = giver(view, taker, |give| give.feeds(take)) {
        return fault.help(format!("`{giver}` gives it; add `\"{giver}\"` to `from`"));
    }
    let names = given
        .iter()
        .filter(|give| give.kind == take.kind)
        .map(|give| give.name.as_str());
    match nearest(&take.name, names).filter(|_| take.kind == PortKind::READINGS) {
        Some(near) => fault.help(format!("did you mean `{near}`?")),
        None => fault.help("read a node that gives it; `pipeline inspect ELEMENT` tells what an element gives"),
    }
}

/// Ports for people.
pub(super) fn describe<'a>(ports: impl IntoIterator<Item = &'a Port>) -> String {
    let all: Vec<String> = ports.into_iter().map(Port::describe).collect();
    match all.len() {
        0 => "nothing".to_owned(),
        count if count > MOST_NAMED => format!("{} and {} more", all[..MOST_NAMED].join(", "), count - MOST_NAMED),
        _ => all.join(", "),
    }
}
