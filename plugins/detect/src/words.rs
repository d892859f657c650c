//! Judgements as sentences for people. Decides nothing.

use crate::account::Sight;
use crate::cause::{Cause, Ground};
use crate::roster::Roster;
use pipeline_plugin_api::prelude::*;

/// A signal's value with its unit.
pub fn amount(value: f64, unit: &str) -> String {
    match unit {
        "ns" => format!("{:.3}ms", value / 1e6),
        "1" | "" => format!("{value:.3}"),
        unit => format!("{value:.1} {unit}"),
    }
}

/// Why a finding is told: how bad it is, from whom, through what, and what could not be seen.
pub fn sentence(victim: TargetId, told: &str, cause: &Cause, sight: &Sight, roster: &Roster) -> String {
    let because = because(cause, roster);
    let blind = blind(sight);
    format!("`{}` {told}: {because}{blind}", roster.name(victim))
}

fn because(cause: &Cause, roster: &Roster) -> String {
    match cause.ground {
        Ground::Quota(share) => {
            format!("its own cpu quota stopped it for {share:.2} of the time; no neighbour is to blame")
        }
        Ground::Neighbours { wait, rivals } => {
            let names = names(&cause.culprits, roster);
            let waits = wait.map_or_else(
                || "no other cause is seen".to_owned(),
                |wait| format!("it waits {wait:.2} of the time for a cpu"),
            );
            format!("{waits} while {names} used most of the {rivals:.2} cpus that neighbours had there")
        }
        Ground::Load(growth) => format!("it is asked for {growth:.1} times as much as usual; no neighbour is to blame"),
        Ground::Work(growth) => format!("it uses {growth:.1} times its usual cpu time; no neighbour is to blame"),
        Ground::Steal(share) => format!("the hypervisor took {share:.2} of its cpus' time; no neighbour is to blame"),
        Ground::Stranger(wait) => {
            format!("it waits {wait:.2} of the time for a cpu, for something that is not a target of this graph")
        }
        Ground::Nothing => "none of waiting, quota, load and steal explains it".to_owned(),
    }
}

fn names(culprits: &[Culprit], roster: &Roster) -> String {
    const MOST: usize = 5;
    let named: Vec<String> = culprits
        .iter()
        .take(MOST)
        .map(|culprit| format!("`{}`", roster.name(culprit.target)))
        .collect();
    let more = culprits.len().saturating_sub(MOST);
    match more {
        0 => named.join(", "),
        more => format!("{} and {more} more", named.join(", ")),
    }
}

fn blind(sight: &Sight) -> String {
    let missing: Vec<&str> = [
        (sight.wait.is_none(), "waiting for a cpu"),
        (sight.throttled.is_none(), "throttling"),
        (sight.steal.is_none(), "steal"),
        (sight.load.is_none() && sight.cpu.is_none(), "its load"),
    ]
    .into_iter()
    .filter_map(|(missing, name)| missing.then_some(name))
    .collect();
    if missing.is_empty() {
        String::new()
    } else {
        format!(" (not seen: {})", missing.join(", "))
    }
}
