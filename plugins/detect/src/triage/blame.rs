//! Who is to blame for what a target loses through a resource: those who use most of what it uses too, and rather those
//! who use more than when it was well. Nobody for what is nobody's: its own quota, the hypervisor.

use super::cores::Cores;
use super::crowd::{Crowd, Member};
use super::past::{Past, Usual};
use super::sheet::Item;
use super::stack::crowd_of;
use crate::roster::Roster;
use pipeline_plugin_api::prelude::*;

/// How much counts what a neighbour uses more than before, beside what it uses at all.
const RISE: f64 = 0.6;
/// Below that share of what all neighbours use nobody is looked at.
const LEAST: f64 = 0.02;
/// How many spans of the reference are looked at for what a neighbour used then.
const THEN: usize = 8;
/// The most that are suspected.
const MOST: usize = 16;

/// What the blame is found with.
pub struct Ground<'a> {
    /// Who is there.
    pub roster: &'a Roster,
    /// What everybody uses.
    pub crowd: &'a Crowd,
    /// What everybody used.
    pub past: &'a Past,
    /// Who shares cores.
    pub cores: &'a Cores,
}

/// The suspects of a span, most likely first; the score is the share of the blame.
pub fn blame(ground: &Ground<'_>, victim: &Member, usual: Option<&Usual>, resource: Resource) -> Vec<Culprit> {
    let Some(item) = crowd_of(resource) else {
        return Vec::new();
    };
    let mut uses: Vec<(TargetId, f64, f64)> = Vec::new();
    let mut all = 0.0;
    for other in ground
        .crowd
        .members
        .iter()
        .filter(|other| is_neighbour(ground.roster, victim, other))
    {
        let now = ground.crowd.share(victim, other, item, ground.cores);
        all += now;
        if now > 0.0 {
            uses.push((other.id, now, 0.0));
        }
    }
    uses.retain(|(_, now, _)| *now >= LEAST * all);
    for (id, now, rise) in &mut uses {
        *rise = *now * (1.0 - then(ground, *id, item, usual));
    }
    let risen: f64 = uses.iter().map(|(.., rise)| rise.max(0.0)).sum();
    // Of what could not be seen only who came or does more is suspected.
    let most = if item == Item::NearElse { 1.0 } else { RISE };
    let weight = if risen > 0.0 { most } else { 0.0 };
    let score = |now: f64, rise: f64| (1.0 - weight) * now / all + weight * rise.max(0.0) / risen.max(1e-12);
    let mut culprits: Vec<Culprit> = uses
        .iter()
        .map(|(target, now, rise)| Culprit {
            target: *target,
            score: score(*now, *rise),
        })
        .collect();
    culprits.sort_by(|a, b| b.score.total_cmp(&a.score).then(a.target.cmp(&b.target)));
    culprits.truncate(MOST);
    culprits
}

fn is_neighbour(roster: &Roster, victim: &Member, other: &Member) -> bool {
    let is_own = other.is_held && roster.holds(victim.id, other.id);
    other.id != victim.id && !other.is_holder && !is_own
}

/// What a neighbour used in the spans of the reference, as a share of what it uses now, 1 at most. One that was not there
/// used nothing.
fn then(ground: &Ground<'_>, id: TargetId, item: Item, usual: Option<&Usual>) -> f64 {
    let quantity = match item {
        Item::NearCpu | Item::NearSibling | Item::NearElse => Item::Cpu,
        Item::NearOccupancy => Item::Occupancy,
        Item::NearTraffic => Item::Traffic,
        _ => Item::Io,
    };
    let now = ground
        .crowd
        .find(id)
        .map_or(0.0, |member| member.sheet.or_none(quantity));
    let (Some(usual), true) = (usual, now > 0.0) else {
        return 0.0;
    };
    let spans = usual.spans.iter().take(THEN);
    let used = spans.map(|span| ground.past.at(id, *span).map_or(0.0, |sheet| sheet.or_none(quantity)));
    let (sum, count) = used.fold((0.0, 0.0), |(sum, count), used| (sum + used, count + 1.0));
    if count > 0.0 { (sum / count / now).min(1.0) } else { 0.0 }
}
