//! The sentence of a finding: how much is lost, through what, to whom, and what could not be seen.

use super::sheet::{Item, Sheet};
use super::stack::{RESOURCES, Stack};
use crate::roster::Roster;
use pipeline_plugin_api::prelude::*;

/// What is lost below that is not worth a word.
const LEAST: f64 = 0.01;

/// Why a finding is told.
pub fn sentence(victim: TargetId, now: &Sheet, stack: &Stack, culprits: &[Culprit], roster: &Roster) -> String {
    let mut lost: Vec<(Resource, f64)> = RESOURCES
        .iter()
        .map(|resource| (*resource, stack.get(*resource)))
        .collect();
    lost.retain(|(_, share)| *share >= LEAST);
    lost.sort_by(|a, b| b.1.total_cmp(&a.1));
    let lost: Vec<String> = lost
        .iter()
        .map(|(resource, share)| format!("{share:.2} {}", through(*resource)))
        .collect();
    let lost = if lost.is_empty() {
        "time".to_owned()
    } else {
        lost.join(", ")
    };
    let names: Vec<String> = culprits
        .iter()
        .map(|culprit| format!("`{}`", roster.name(culprit.target)))
        .collect();
    let blamed = match names.len() {
        0 => "no neighbour is to blame".to_owned(),
        _ => format!("most likely because of {}", names.join(", ")),
    };
    let name = roster.name(victim);
    format!(
        "`{name}` loses for each second of its work {lost}; {blamed}{}",
        blind(now)
    )
}

fn through(resource: Resource) -> &'static str {
    match resource {
        Resource::SELF => "to its own limits",
        Resource::CPU_TIME => "waiting for a cpu",
        Resource::L3 => "to a smaller cache",
        Resource::MEMORY_BANDWIDTH => "to slower memory",
        Resource::SMT => "to its sibling thread",
        Resource::IO => "waiting for devices",
        Resource::HYPERVISOR => "to the hypervisor",
        Resource::MEMORY => "waiting for memory to be freed",
        _ => "to something that is shared and could not be seen",
    }
}

/// What could not be seen of a target.
pub fn unseen(now: &Sheet) -> Vec<&'static str> {
    let looked = [
        (&[Item::Cost][..], "cycles"),
        (&[Item::References], "cache references"),
        (&[Item::Misses], "cache misses"),
        (&[Item::Stalls], "stalls"),
        (&[Item::Wait], "waiting for a cpu"),
        (&[Item::Throttled], "throttling"),
        (&[Item::Steal], "steal"),
        (&[Item::IoSome], "waiting for devices"),
        (&[Item::Occupancy], "cache occupancy"),
        (&[Item::Traffic], "memory bandwidth"),
        (&[Item::NearSibling], "sibling threads"),
    ];
    let missing = looked
        .iter()
        .filter(|(items, _)| items.iter().all(|item| now.get(*item).is_none()));
    missing.map(|(_, name)| *name).collect()
}

fn blind(now: &Sheet) -> String {
    let missing = unseen(now);
    if missing.is_empty() {
        String::new()
    } else {
        format!(" (not seen: {})", missing.join(", "))
    }
}
