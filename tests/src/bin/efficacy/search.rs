//! The suite `search`: for each scenario in which a neighbour disturbs, every combination of settings of the culprits'
//! knobs, held from before the trouble to its end; the best is what a policy is measured by. It runs on the model
//! itself, without a pipeline, and takes some seconds a scenario. Stopping a culprit altogether is left out: that it helps
//! needs no search.

use crate::arguments::Wanted;
use crate::cases::{kind, scenario};
use crate::{Ended, print, workers};
use pipeline_plugin_api::abi::Class;
use pipeline_score_measure::{Episode, Gatherer, Rules, Trial, episodes, recovery};
use pipeline_sim_model::{Dial, Nanos, Settings, Simulation};
use std::collections::BTreeSet;
use std::fmt::Write;

/// How often the truth is looked at.
const LOOK: Nanos = Nanos::from_millis(500);
/// The seeds that are searched where none are asked for.
const SEEDS: std::ops::Range<u64> = 0..60;
/// From this much on a neighbour's knobs are turned.
const LEAST_WEIGHT: f64 = 0.05;
/// What is not better by more is as good, and the cheaper one is taken.
const SAME: f64 = 0.01;

/// One combination.
#[derive(Copy, Clone, Debug, PartialEq)]
struct Choice {
    idle: bool,
    /// Off the victims' cores.
    away: bool,
    /// The share of the ways that is left.
    ways: f64,
    bandwidth: f64,
    /// In CPUs; infinity for none.
    quota: f64,
}

/// The best of a scenario.
#[derive(Clone, Debug)]
struct Best {
    choice: Choice,
    recovered: f64,
    paid: f64,
    episodes: usize,
}

/// Searches; always whole.
///
/// # Errors
/// Nothing can be printed.
pub fn run(wanted: &Wanted) -> Ended<bool> {
    let ranges = if wanted.seeds.is_empty() {
        vec![SEEDS]
    } else {
        wanted.seeds.clone()
    };
    let seeds: Vec<u64> = ranges.into_iter().flatten().collect();
    let found = workers::each(&seeds, wanted.jobs, |seed| best(*seed));
    let mut text = "seed\tkind\tepisodes\trecovered\tbatch_paid\tidle\taway\tways\tbandwidth\tquota\n".to_owned();
    for (seed, best) in seeds.iter().zip(&found) {
        if let Some(best) = best {
            let Choice {
                idle,
                away,
                ways,
                bandwidth,
                quota,
            } = best.choice;
            let _ = writeln!(
                text,
                "{seed}\t{}\t{}\t{:.4}\t{:.4}\t{}\t{}\t{ways}\t{bandwidth}\t{quota}",
                kind(*seed).name(),
                best.episodes,
                best.recovered,
                best.paid,
                u8::from(idle),
                u8::from(away),
            );
        }
    }
    print(&text)?;
    Ok(true)
}

/// Every combination.
fn choices() -> Vec<Choice> {
    let mut all = Vec::new();
    for idle in [false, true] {
        for away in [false, true] {
            for ways in [1.0, 0.5, 0.25, 0.0] {
                for bandwidth in [1.0, 0.5, 0.2, 0.1] {
                    for quota in [f64::INFINITY, 0.5, 0.1] {
                        all.push(Choice {
                            idle,
                            away,
                            ways,
                            bandwidth,
                            quota,
                        });
                    }
                }
            }
        }
    }
    all
}

/// The best for a seed; none where no neighbour disturbs.
fn best(seed: u64) -> Option<Best> {
    let rules = Rules::default();
    let (beside, before) = untouched(seed, &rules)?;
    let bad: Vec<Episode> = by_neighbours(&beside.trial, &rules);
    let culprits = culprits(&beside.trial, &bad);
    let mut best: Option<Best> = None;
    for choice in choices() {
        let played = play(before.clone(), Some((&culprits, choice)));
        let Some(recovered) = recovery(&played.trial, Some(&beside.trial), &rules).whole.value() else {
            continue;
        };
        let paid = 1.0 - played.done / beside.done.max(f64::MIN_POSITIVE);
        let better = best.as_ref().is_none_or(|best| {
            recovered > best.recovered + SAME || (recovered > best.recovered - SAME && paid < best.paid)
        });
        if better {
            best = Some(Best {
                choice,
                recovered: best.map_or(recovered, |best| best.recovered.max(recovered)),
                paid,
                episodes: bad.len(),
            });
        }
    }
    best
}

/// A scenario from some instant on.
struct Played {
    trial: Trial,
    /// Instructions of all that is not of class `Latency`.
    done: f64,
}

/// The scenario as it is from right before its first episode, and the simulation at that instant.
fn untouched(seed: u64, rules: &Rules) -> Option<(Played, Simulation)> {
    let whole = play(Simulation::new(scenario(seed)), None);
    let first = by_neighbours(&whole.trial, rules)
        .into_iter()
        .map(|episode| episode.span.from)
        .min()?;
    let mut before = Simulation::new(scenario(seed));
    before.advance(first - LOOK - LOOK);
    Some((play(before.clone(), None), before))
}

fn by_neighbours(trial: &Trial, rules: &Rules) -> Vec<Episode> {
    let all = episodes(trial, rules).into_iter();
    all.filter(|episode| episode.blame.culprit().is_some()).collect()
}

fn culprits(trial: &Trial, bad: &[Episode]) -> BTreeSet<String> {
    let named = bad.iter().flat_map(|episode| &episode.blame.culprits);
    let heavy = named
        .filter(|(_, weight)| *weight >= LEAST_WEIGHT)
        .map(|(name, _)| name.to_string());
    heavy.filter(|name| trial.class(name) != Class::LATENCY).collect()
}

/// Plays a simulation to its scenario's end, those knobs held all the time.
fn play(mut node: Simulation, held: Option<(&BTreeSet<String>, Choice)>) -> Played {
    let names: Vec<String> = node.names().map(str::to_owned).collect();
    let away = free_cpus(&node);
    let before = done(&node);
    let mut gatherer = Gatherer::new();
    for (name, workload) in &node.scenario().workloads {
        let class = workload.class.map_or_else(Class::default, Class::from);
        gatherer.target(name, class);
    }
    let end = node.scenario().span.nanos();
    loop {
        if let Some((culprits, choice)) = held {
            for (place, name) in names.iter().enumerate() {
                if culprits.contains(name) && node.is_present(place) {
                    hold(&mut node, place, choice, &away);
                }
            }
        }
        look(&node, &names, &mut gatherer);
        if node.now() >= end {
            break;
        }
        node.advance((node.now() + LOOK).min(end));
    }
    let trial = gatherer.finish();
    Played {
        trial: trial.expect("a simulation has an instant at least"),
        done: done(&node) - before,
    }
}

fn look(node: &Simulation, names: &[String], gatherer: &mut Gatherer) {
    let at = node.now();
    gatherer.instant(at);
    for truth in node.truth() {
        let name = &names[truth.workload];
        gatherer.reading(at, name, "truth.slowdown", "", truth.slowdown);
        for (harm, times) in &truth.through {
            gatherer.reading(at, name, "truth.resource", harm.name(), *times);
        }
        for cause in &truth.causes {
            for (harm, times) in &cause.through {
                let part = format!("{}/{}", names[cause.culprit], harm.name());
                // As `sim.truth` tells it.
                gatherer.reading(at, name, "truth.cause", &part, truth.slowdown * (1.0 - 1.0 / times));
            }
        }
    }
}

fn hold(node: &mut Simulation, place: usize, choice: Choice, away: &str) {
    let mut wanted: Settings = node.own_settings(place).clone();
    let ways = (f64::from(node.scenario().machine.ways) * choice.ways).floor();
    let least = f64::from(node.scenario().machine.least_ways);
    let turns = [
        (Dial::Idle, f64::from(u8::from(choice.idle)), "", choice.idle),
        (Dial::Cpus, 0.0, away, choice.away && !away.is_empty()),
        (Dial::Ways, ways.max(least), "", choice.ways < 1.0),
        (Dial::Bandwidth, choice.bandwidth, "", choice.bandwidth < 1.0),
        (Dial::Quota, choice.quota, "", choice.quota.is_finite()),
    ];
    for (dial, value, text, turned) in turns {
        if turned && wanted.turn(dial, value, text).is_ok() {
            node.set(place, dial, &wanted);
        }
    }
}

/// The CPUs of cores on which no target of class `Latency` runs, as a list.
fn free_cpus(node: &Simulation) -> String {
    let scenario = node.scenario();
    let victims = scenario
        .workloads
        .values()
        .filter(|workload| workload.class.map(Class::from) == Some(Class::LATENCY));
    let lists = victims.filter_map(|workload| pipeline_sim_model::Cpus::parse(workload.cpus.as_deref()?).ok());
    let mut taken: BTreeSet<u32> = lists.flat_map(|list| list.iter().collect::<Vec<u32>>()).collect();
    for (one, other) in node.siblings() {
        if taken.contains(&one) || taken.contains(&other) {
            taken.extend([one, other]);
        }
    }
    let free: Vec<String> = (0..scenario.cpus())
        .filter(|cpu| !taken.contains(cpu))
        .map(|cpu| cpu.to_string())
        .collect();
    free.join(",")
}

fn done(node: &Simulation) -> f64 {
    let workloads = node.scenario().workloads.values().enumerate();
    let batch = workloads.filter(|(_, workload)| workload.class.map(Class::from) != Some(Class::LATENCY));
    batch.map(|(place, _)| node.totals(place).instructions).sum()
}
