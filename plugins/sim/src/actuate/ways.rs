//! Which ways each class gets: beside each other, apart from those of others while there is room, those of class `Latency`
//! from the upper end and the others from the lower. Targets of which nothing is held keep all ways, as the default
//! group of resctrl does.

use crate::registry::Ground;
use pipeline_plugin_api::purpose::ClassConfig;
use pipeline_sim_model::Dial;

/// Whether the hardware can tell so many classes apart.
///
/// # Errors
/// It cannot; the sentence says how many there are.
pub fn room(ground: &Ground) -> Result<(), String> {
    let classes = ground.simulation.scenario().machine.classes.saturating_sub(1) as usize;
    let wanted = ground.held.keys().filter(|(_, dial)| *dial == Dial::Ways).count();
    match wanted <= classes {
        true => Ok(()),
        false => Err(format!(
            "{wanted} targets want ways of their own and the hardware has {classes} classes for them"
        )),
    }
}

/// Gives each class its ways; tells which workloads share some.
pub fn arrange(ground: &mut Ground) -> Vec<usize> {
    let all = ground.simulation.scenario().machine.ways.clamp(1, 32);
    let is_latency = |place: usize| {
        let workload = ground.simulation.scenario().workloads.values().nth(place);
        workload.is_some_and(|workload| workload.class == Some(ClassConfig::Latency))
    };
    let held = ground.held.iter().filter(|((_, dial), _)| *dial == Dial::Ways);
    let wanted: Vec<(usize, u32, bool)> = held
        .map(|((place, _), held)| (*place, held.ways, is_latency(*place)))
        .collect();
    let masks = place_all(
        all,
        &wanted
            .iter()
            .map(|(_, ways, upper)| (*ways, *upper))
            .collect::<Vec<_>>(),
    );
    let mut sharing = Vec::new();
    for (i, (place, ..)) in wanted.iter().enumerate() {
        let others = masks.iter().enumerate().filter(|(j, _)| *j != i);
        if others.fold(0, |all, (_, mask)| all | mask) & masks[i] != 0 {
            sharing.push(*place);
        }
        let mut settings = ground.simulation.settings(*place).clone();
        settings.ways = masks[i];
        ground.simulation.set(*place, Dial::Ways, &settings);
        if let Some(held) = ground.held.get_mut(&(*place, Dial::Ways)) {
            held.left = settings;
        }
    }
    sharing
}

/// A mask for each of (ways, from the upper end); what does not fit begins at its end again.
fn place_all(all: u32, wanted: &[(u32, bool)]) -> Vec<u32> {
    let (mut low, mut high) = (0, all);
    let mask = |first: u32, ways: u32| (((1_u64 << ways) - 1) << first) as u32;
    let mut masks = Vec::new();
    for (ways, is_upper) in wanted.iter().map(|(ways, upper)| ((*ways).clamp(1, all), *upper)) {
        let fits = high.saturating_sub(low) >= ways;
        let first = match (is_upper, fits) {
            (true, true) => high - ways,
            (true, false) => all - ways,
            (false, true) => low,
            (false, false) => 0,
        };
        masks.push(mask(first, ways));
        if fits {
            match is_upper {
                true => high -= ways,
                false => low += ways,
            }
        }
    }
    masks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_lie_apart_while_there_is_room() {
        assert_eq!(
            place_all(12, &[(2, false), (8, true), (2, false)]),
            [0b11, 0xff0, 0b1100]
        );
        assert_eq!(
            place_all(4, &[(3, false), (3, true)]),
            [0b111, 0b1110],
            "what does not fit overlaps"
        );
        assert_eq!(place_all(32, &[(32, true)]), [u32::MAX]);
    }
}
