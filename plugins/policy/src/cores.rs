//! Which CPUs a culprit has to leave for harm by a sibling thread. Which are threads of one core, the world knows.

use crate::heard::Blame;
use crate::world::{Known, World};
use pipeline_plugin_api::prelude::*;

/// The CPUs that a culprit is to leave besides the victim's own: for harm by a sibling thread those that share a core
/// with the victim's, and those that the finding names. None for other harm.
pub fn avoided(blame: &Blame, victim: TargetId, world: &World) -> Vec<u32> {
    if blame.resource != Resource::SMT {
        return Vec::new();
    }
    let own = world.targets.get(&victim).map_or(&[][..], |known: &Known| &known.cpus);
    let shares = |core: &&Vec<u32>| core.iter().any(|cpu| own.contains(cpu));
    let siblings = world.cores.iter().filter(shares).flatten();
    let mut avoided: Vec<u32> = siblings
        .chain(&blame.cpus)
        .copied()
        .filter(|cpu| !own.contains(cpu))
        .collect();
    avoided.sort_unstable();
    avoided.dedup();
    avoided
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blame(resource: Resource, cpus: &[u32]) -> Blame {
        Blame {
            key: (0, 1),
            severity: 2.0,
            resource,
            cpus: cpus.to_vec(),
            culprits: vec![TargetId(2)],
        }
    }

    #[test]
    fn siblings_of_the_victim_and_what_the_finding_names_are_left() {
        let mut world = World::on(&["0,4".to_owned(), "1,5".to_owned(), "2,6".to_owned()]).unwrap();
        let victim = TargetId(1);
        let known = Known {
            cpus: vec![0, 1],
            ..Known::default()
        };
        world.targets.insert(victim, known.clone());
        let leaves = |resource, cpus, world: &World| avoided(&blame(resource, cpus), victim, world);
        assert_eq!(leaves(Resource::SMT, &[], &world), [4, 5]);
        assert_eq!(leaves(Resource::SMT, &[0, 7], &world), [4, 5, 7]);
        assert!(leaves(Resource::CPU_TIME, &[7], &world).is_empty());
        let mut world = World::default();
        world.targets.insert(victim, known);
        assert!(leaves(Resource::SMT, &[], &world).is_empty());
        world.change(
            &TargetChange {
                target: Target {
                    id: victim,
                    cpus: vec![0].into(),
                    labels: vec![Label::new("cpu.siblings", "0,8 1,9")].into(),
                    ..Target::default()
                },
                ..TargetChange::default()
            },
            false,
        );
        assert_eq!(leaves(Resource::SMT, &[], &world), [8], "a label tells it as well");
    }
}
